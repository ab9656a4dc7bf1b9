// A labelled data set in memory, and where data sets are found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace caviar {

// Examples are sequences of T steps with D features, one byte each; an image is read row by row.
struct Examples {
  std::int64_t count = 0;
  std::vector<std::uint8_t> features;  // [count, T, D]
  std::vector<std::uint8_t> labels;    // [count], each < Dataset::classes
};

struct Dataset {
  std::string name;
  int steps = 0;     // T
  int features = 0;  // D
  int classes = 0;   // largest label of the training examples + 1
  Examples train, test;
  std::string digest;  // 32 hex digits over shapes, pixels and labels: the same whatever file form they came in
};

// Loads a known data set by its name, else the directory of that path. A directory holds four IDX files, gzip or not:
//
//   train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte
//
// or the same with "." before "idx", "test" for "t10k", and ".gz" at the end. Throws Error, naming the file, the
// offset, the rule and the remedy, when a file is missing or damaged (engine/data/idx.h), images and labels differ in
// number, training and test images in size, or a label is out of range: 0-9 in the known data sets, else 0 to the
// largest label of the training examples.
Dataset load_dataset(const std::string& name_or_directory);

// A data set caviar knows by name.
struct KnownDataset {
  std::string name;
  std::string about;                // one line
  std::string directory;            // where it was found, or empty
  std::string how_to_get;           // a command
  std::vector<std::string> places;  // searched in this order
};

// All of them, each searched for in: $CAVIAR_DATA/<name>; data/<name> here and in the project the program was built
// in; $XDG_DATA_HOME/caviar/<name> (~/.local/share without XDG_DATA_HOME); the npm or Debian package that has it.
std::vector<KnownDataset> known_datasets();

}  // namespace caviar

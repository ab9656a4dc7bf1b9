// Data sets: where they are looked for, what must fit together, and the digest of their content.
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/data/dataset.h"
#include "kernels/base/error.h"
#include "tests/support/idx_files.h"
#include "tests/support/temp_dir.h"

namespace caviar {
namespace {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::MatchesRegex;

// Sets an environment variable for the length of a test.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    const char* old = std::getenv(name);
    had_ = old != nullptr;
    if (old) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { had_ ? setenv(name_, old_.c_str(), 1) : unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  bool had_ = false;
  std::string old_;
};

std::string error_of(const std::string& name) {
  try {
    load_dataset(name);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Dataset, ADirectoryLoadsWithItsSizesAndClasses) {
  const TempDir directory;
  write_dataset(directory, {.train = 60, .test = 20, .rows = 4, .columns = 3, .classes = 5});
  const Dataset data = load_dataset(directory.path().string());
  EXPECT_EQ(data.steps, 4);
  EXPECT_EQ(data.features, 3);
  EXPECT_EQ(data.classes, 5);
  EXPECT_EQ(data.train.count, 60);
  EXPECT_EQ(data.test.count, 20);
  EXPECT_EQ(data.train.features.size(), 60u * 4 * 3);
  EXPECT_EQ(data.train.labels[7], 2);
  EXPECT_EQ(data.name, directory.path().filename().string());
  EXPECT_EQ(load_dataset(directory.path().string() + "/").name, data.name);
  EXPECT_THAT(data.digest, MatchesRegex("[0-9a-f]{32}"));
}

TEST(Dataset, TheDigestDoesNotDependOnTheFormOfTheFiles) {
  const TempDir plain, packed, dotted;
  write_dataset(plain);
  write_dataset(packed, {}, true);
  write_dataset(dotted);
  for (const char* part : {"train", "t10k"})
    for (const char* what : {"images", "labels"}) {
      const std::string ending = what[0] == 'i' ? "idx3-ubyte" : "idx1-ubyte";
      std::filesystem::rename(dotted.file(cat(part, "-", what, "-", ending)),
                              dotted.file(cat(part, "-", what, ".", ending)));
    }
  const std::string digest = load_dataset(plain.path().string()).digest;
  EXPECT_EQ(load_dataset(packed.path().string()).digest, digest);
  EXPECT_EQ(load_dataset(dotted.path().string()).digest, digest);
}

TEST(Dataset, TheDigestSeesEveryPartOfTheContent) {
  const TempDir directory;
  write_dataset(directory);
  const std::string digest = load_dataset(directory.path().string()).digest;
  for (const char* name :
       {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
    write_dataset(directory);
    std::fstream file(directory.file(name), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-1, std::ios::end);
    const int last = file.get();
    file.seekp(-1, std::ios::end);
    file.put(static_cast<char>(last ^ 1));
    file.close();
    EXPECT_NE(load_dataset(directory.path().string()).digest, digest) << name;
  }
}

TEST(Dataset, TheDigestSeesTheShape) {
  const TempDir wide, tall;
  const std::vector<std::uint8_t> pixels(60, 9), labels(10, 0);
  for (const char* part : {"train", "t10k"}) {
    wide.write(cat(part, "-images-idx3-ubyte"), idx_bytes({10, 2, 3}, pixels));
    tall.write(cat(part, "-images-idx3-ubyte"), idx_bytes({10, 3, 2}, pixels));
    for (const TempDir* directory : {&wide, &tall})
      directory->write(cat(part, "-labels-idx1-ubyte"), idx_bytes({10}, labels));
  }
  EXPECT_NE(load_dataset(wide.path().string()).digest, load_dataset(tall.path().string()).digest);
}

TEST(Dataset, ImagesAndLabelsMustBeAsMany) {
  const TempDir directory;
  write_dataset(directory);
  directory.write("train-labels-idx1-ubyte", idx_bytes({3}, {0, 1, 2}));
  EXPECT_THAT(error_of(directory.path().string()),
              AllOf(HasSubstr("train-labels-idx1-ubyte: byte 4: 3 labels for the 60 images")));
}

TEST(Dataset, TestImagesMustHaveTheSizeOfTheTrainingImages) {
  const TempDir directory;
  write_dataset(directory);
  directory.write("t10k-images-idx3-ubyte", idx_bytes({20, 3, 4}, std::vector<std::uint8_t>(240)));
  EXPECT_THAT(error_of(directory.path().string()),
              HasSubstr("t10k-images-idx3-ubyte: byte 8: images of 3 x 4 where the training images have 4 x 3"));
}

TEST(Dataset, ATestLabelBeyondTheTrainingLabelsIsOutOfRange) {
  const TempDir directory;
  write_dataset(directory);
  std::vector<std::uint8_t> labels(20, 0);
  labels[5] = 3;
  directory.write("t10k-labels-idx1-ubyte", idx_bytes({20}, labels));
  EXPECT_THAT(error_of(directory.path().string()), HasSubstr("byte 13: label 3 is out of range 0-2"));
}

TEST(Dataset, AMissingFileIsNamed) {
  const TempDir directory;
  write_dataset(directory);
  std::filesystem::remove(directory.file("t10k-images-idx3-ubyte"));
  EXPECT_THAT(error_of(directory.path().string()), HasSubstr("there is no file t10k-images-idx3-ubyte (or .gz) in it"));
}

TEST(Dataset, AnUnknownNameListsTheKnownOnes) {
  EXPECT_THAT(error_of("minst"), HasSubstr("'minst' is neither a known name (mnist, fashion-mnist) nor a directory"));
}

TEST(Dataset, AKnownNameIsFoundInCaviarDataFirst) {
  const TempDir data, set;
  write_dataset(set, {.classes = 10});
  std::filesystem::rename(set.path(), data.path() / "fashion-mnist");
  const Environment environment("CAVIAR_DATA", data.path().string());
  EXPECT_EQ(known_datasets()[1].directory, (data.path() / "fashion-mnist").string());
  EXPECT_EQ(load_dataset("fashion-mnist").train.count, 60);
  EXPECT_EQ(load_dataset("fashion-mnist").name, "fashion-mnist");
}

TEST(Dataset, AKnownDataSetHasTenClasses) {
  const TempDir data, set;
  write_dataset(set, {.classes = 11});
  std::filesystem::rename(set.path(), data.path() / "mnist");
  const Environment environment("CAVIAR_DATA", data.path().string());
  EXPECT_THAT(error_of("mnist"), HasSubstr("byte 18: label 10 is out of range 0-9 (the classes of mnist)"));
}

// The digests were made by this code from files with the published checksums: they must never change, or every stored
// run would be of another data set.
TEST(Dataset, TheRealOnesHaveTheirSizesAndDigests) {
  int seen = 0;
  for (const KnownDataset& known : known_datasets()) {
    if (known.directory.empty()) continue;
    ++seen;
    const Dataset data = load_dataset(known.name);
    EXPECT_EQ(data.train.count, 60000);
    EXPECT_EQ(data.test.count, 10000);
    EXPECT_EQ(data.steps, 28);
    EXPECT_EQ(data.features, 28);
    EXPECT_EQ(data.classes, 10);
    EXPECT_EQ(data.digest,
              known.name == "mnist" ? "35ac8beee9dcd813ccdeb18a444651aa" : "614b6750d462b7d6395f93db75374a7e");
  }
  if (!seen) GTEST_SKIP() << "neither mnist nor fashion-mnist is on this machine (scripts/fetch_mnist gets one)";
}

}  // namespace
}  // namespace caviar

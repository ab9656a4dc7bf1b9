// Every file in examples/ parses without a warning, passes the checks of a real run, and its trials bind.
#include <algorithm>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "tuner/bind.h"
#include "tuner/registry.h"

namespace caviar {
namespace {

std::vector<std::string> example_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(CAVIAR_SOURCE_DIR "/examples")) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().filename().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

SweepSpec example(const std::string& file) { return load_sweep(CAVIAR_SOURCE_DIR "/examples/" + file); }

const DataShape kMnist = {60000, 10000, "mnist"};

class Examples : public testing::TestWithParam<std::string> {};

TEST_P(Examples, ParseRunAndBind) {
  const SweepSpec spec = example(GetParam());
  for (const std::string& warning : spec.warnings) ADD_FAILURE() << warning;
  require_runnable(spec);
  check_parameters(spec);
  const auto sampler = make_sampler(spec, SearchSpace(spec), 1);
  EXPECT_TRUE(sampler->size() > 0 || spec.run_cap) << "a random search without an end";
  const std::int64_t trials = sampler->size() < 0 ? 200 : sampler->size();
  for (std::int64_t i = 0; i < trials; ++i) {
    const Config config = sampler->suggest(i).value();
    EXPECT_GE(bind_config(config, {}, kMnist).hyper.total_steps, 1);
    EXPECT_TRUE(unread_parameters(config).empty()) << unread_parameters(config).front();
  }
}

INSTANTIATE_TEST_SUITE_P(All, Examples, testing::ValuesIn(example_files()), [](const auto& file) {
  std::string name = file.param.substr(0, file.param.find('.'));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

TEST(Scrying, IsTheGridOfTheStudy) {
  const SweepSpec spec = example("scrying.yaml");
  const auto sampler = make_sampler(spec, SearchSpace(spec), 0);
  ASSERT_EQ(sampler->size(), 7 * 15 * 3);
  EXPECT_EQ(Value(sampler->suggest(0).value()).dump(), R"({"batch_size":64,"hidden_size":10,"num_layers":2})");
  EXPECT_EQ(Value(sampler->suggest(314).value()).dump(), R"({"batch_size":512,"hidden_size":200,"num_layers":4})");
  // Steps an epoch by batch size, all 60,000 images.
  DataUse use;
  use.validate_on_test = true;
  std::set<std::int64_t> steps;
  for (std::int64_t i = 0; i < 315; ++i) {
    const BoundConfig bound = bind_config(sampler->suggest(i).value(), use, kMnist);
    steps.insert(bound.rung_steps);
    EXPECT_EQ(bound.hyper.total_steps, 10 * bound.rung_steps);
  }
  EXPECT_EQ(steps, (std::set<std::int64_t>{938, 600, 469, 300, 235, 150, 118}));
}

}  // namespace
}  // namespace caviar

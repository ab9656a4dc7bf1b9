// Every file in examples/ parses without a warning, passes the checks of a real run, and its trials bind.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/math/philox.h"
#include "tuner/bind.h"
#include "tuner/registry.h"

namespace caviar {
namespace {

std::vector<std::string> example_files() {
  std::vector<std::string> files;
  const std::filesystem::path folder = CAVIAR_SOURCE_DIR "/examples";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().lexically_relative(folder).string());
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
  EXPECT_NE(make_scheduler(spec, {}), nullptr);
  const auto sampler = make_sampler(spec, SearchSpace(spec), {});
  EXPECT_TRUE(sampler->size() > 0 || spec.run_cap) << "a random search without an end";
  const std::int64_t trials = sampler->size() < 0 ? 200 : sampler->size();
  for (std::int64_t i = 0; i < trials; ++i) {
    const Config config = sampler->suggest(i).value();
    EXPECT_GE(bind_config(config, {}, kMnist).hyper.total_steps, 1);
    EXPECT_TRUE(unread_parameters(config).empty()) << unread_parameters(config).front();
  }
}

// Whether the text is a legal sweep; if not, the Error must name the file and a line of it.
bool is_sweep(const std::string& text) {
  try {
    parse_sweep(text, "cut.yaml");
    return true;
  } catch (const Error& error) {
    const std::string message = error.what();
    int line = 0;
    EXPECT_EQ(std::sscanf(message.c_str(), "cut.yaml:%d: ", &line), 1) << message;
    EXPECT_GE(line, 1);
    EXPECT_LE(line, 1 + std::count(text.begin(), text.end(), '\n')) << message;
    return false;
  }
}

TEST_P(Examples, CutOffAnywhereIsASweepOrASentence) {
  const std::string text = example(GetParam()).text;
  int refused = 0;
  for (std::size_t size = 0; size < text.size(); ++size) refused += !is_sweep(text.substr(0, size));
  EXPECT_GT(refused, 50);
  EXPECT_TRUE(is_sweep(text));
}

TEST_P(Examples, DamagedAnywhereIsASweepOrASentence) {
  const std::string text = example(GetParam()).text;
  int refused = 0;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const Philox4 draw = philox4x32(i, 0, 0, 0, 1);
    std::string damaged = text;
    damaged[draw.x % text.size()] = static_cast<char>(draw.y);
    if (draw.z % 2) damaged.erase(draw.w % text.size(), draw.z % 16);
    refused += !is_sweep(damaged);
  }
  EXPECT_GT(refused, 200);
}

INSTANTIATE_TEST_SUITE_P(All, Examples, testing::ValuesIn(example_files()), [](const auto& file) {
  std::string name = file.param.substr(0, file.param.find('.'));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

TEST(Scrying, TheStudyAndTheExampleHaveTheSamePoints) {
  const SweepSpec study = example("studies/scrying/sweep.yaml"), alone = example("scrying.yaml");
  const auto points = make_sampler(study, SearchSpace(study), {}), same = make_sampler(alone, SearchSpace(alone), {});
  ASSERT_EQ(points->size(), 315);
  for (std::int64_t i = 0; i < 315; ++i) EXPECT_EQ(points->suggest(i).value(), same->suggest(i).value());
}

TEST(Scrying, IsTheGridOfTheStudy) {
  const SweepSpec spec = example("scrying.yaml");
  const auto sampler = make_sampler(spec, SearchSpace(spec), {});
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

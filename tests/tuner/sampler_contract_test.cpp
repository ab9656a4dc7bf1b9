// What every sampler must do, whatever it is called: a new one is added to kMethods and held to the same.
#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/registry.h"

namespace caviar {
namespace {

class SamplerContract : public testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Sampler> sampler(const std::string& parameters, std::uint64_t seed = 1) {
    const SweepSpec spec = parse_sweep(cat("method: ", GetParam(), "\nparameters:\n", parameters), "sweep.yaml");
    return make_sampler(spec, SearchSpace(spec), {seed, 1, {}});
  }
};

constexpr const char* kMixed =
    "  a: {values: [x, y, z]}\n  b: {min: 1, max: 9}\n  c: {distribution: q_uniform, min: 0, max: 6, q: 2}\n"
    "  d: {value: 0.5}\n  g: {parameters: {e: {values: [true, null, [1, 2]]}}}\n";

TEST_P(SamplerContract, ValuesAreLegal) {
  const auto subject = sampler(kMixed);
  const Value words = {"x", "y", "z"}, others = Value::parse("[true, null, [1, 2]]");
  for (std::int64_t i = 0; i < 50; ++i) {
    const Config config = subject->suggest(i).value();
    ASSERT_EQ(config.size(), 5u);
    EXPECT_NE(std::find(words.begin(), words.end(), config.at("a")), words.end());
    EXPECT_TRUE(config.at("b").is_number_integer() && config.at("b") >= 1 && config.at("b") <= 9);
    EXPECT_TRUE(config.at("c").is_number_integer() && config.at("c").get<std::int64_t>() % 2 == 0);
    EXPECT_EQ(config.at("d"), 0.5);
    EXPECT_NE(std::find(others.begin(), others.end(), config.at("g.e")), others.end());
  }
}

TEST_P(SamplerContract, ASuggestionIsAFunctionOfSeedAndNumber) {
  const auto forwards = sampler(kMixed), backwards = sampler(kMixed);
  std::vector<Config> seen;
  for (std::int64_t i = 0; i < 60; ++i) seen.push_back(forwards->suggest(i).value());
  for (std::int64_t i = 60; i-- > 0;) EXPECT_EQ(backwards->suggest(i), seen[static_cast<std::size_t>(i)]) << i;
  EXPECT_EQ(forwards->suggest(7), seen[7]);
}

TEST_P(SamplerContract, TheOrderOfTheFileDoesNotMatter) {
  const auto one = sampler("  a: {values: [1, 2, 3]}\n  b: {min: 1, max: 9}\n");
  const auto other = sampler("  b: {min: 1, max: 9}\n  a: {values: [1, 2, 3]}\n");
  for (std::int64_t i = 0; i < 27; ++i) EXPECT_EQ(one->suggest(i), other->suggest(i));
}

TEST_P(SamplerContract, ASpaceOfOnePointIsFine) {
  const auto subject = sampler("  a: {value: 1}\n  b: {values: [x]}\n");
  EXPECT_EQ(Value(subject->suggest(0).value()).dump(), R"({"a":1,"b":"x"})");
}

TEST_P(SamplerContract, TwoHundredDimensionsAreFine) {
  std::ostringstream parameters;
  for (int i = 0; i < 200; ++i) parameters << "  p" << i << ": {" << (i % 10 ? "value: 1" : "values: [1, 2]") << "}\n";
  const auto subject = sampler(parameters.str());
  EXPECT_EQ(subject->suggest(0).value().size(), 200u);
  EXPECT_EQ(subject->suggest(999'999).value().size(), 200u);
}

TEST_P(SamplerContract, NothingIsSuggestedOutsideItsSize) {
  const auto subject = sampler(kMixed);
  EXPECT_FALSE(subject->suggest(-1));
  if (subject->size() >= 0) {
    EXPECT_TRUE(subject->suggest(subject->size() - 1));
    EXPECT_FALSE(subject->suggest(subject->size()));
  }
}

TEST_P(SamplerContract, TheConfigSurvivesJson) {
  const auto subject = sampler(kMixed);
  for (std::int64_t i = 0; i < 50; ++i) {
    const Value config = subject->suggest(i).value();
    EXPECT_EQ(Value::parse(config.dump()), config);
  }
}

constexpr const char* kMethods[] = {"grid", "random"};
INSTANTIATE_TEST_SUITE_P(All, SamplerContract, testing::ValuesIn(kMethods),
                         [](const auto& method) { return std::string(method.param); });

TEST(Registry, AMethodWithoutASamplerIsRefused) {
  const SweepSpec spec =
      parse_sweep("method: bayes\nmetric: {name: val_loss}\nparameters: {x: {values: [1, 2]}}\n", "sweep.yaml");
  EXPECT_THROW(make_sampler(spec, SearchSpace(spec), {}), Error);
}

}  // namespace
}  // namespace caviar

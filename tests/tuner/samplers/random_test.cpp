// Random search: reproducible, addressable, and no parameter moves another.
#include "tuner/samplers/random.h"

#include <cmath>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

RandomSampler random_of(const std::string& parameters, std::uint64_t seed) {
  return RandomSampler(SearchSpace(parse_sweep("method: random\nparameters:\n" + parameters, "sweep.yaml")), seed);
}

TEST(Random, AddingAParameterMovesNoOther) {
  RandomSampler few = random_of("  lr: {min: 0.0, max: 1.0}\n  size: {values: [1, 2, 3]}\n", 5);
  RandomSampler more =
      random_of("  a: {min: 0.0, max: 1.0}\n  size: {values: [1, 2, 3]}\n  lr: {min: 0.0, max: 1.0}\n", 5);
  for (std::int64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(few.suggest(i)->at("lr"), more.suggest(i)->at("lr"));
    EXPECT_EQ(few.suggest(i)->at("size"), more.suggest(i)->at("size"));
    EXPECT_NE(more.suggest(i)->at("a"), more.suggest(i)->at("lr"));
  }
}

TEST(Random, SeedsAndTrialsGiveOtherDraws) {
  EXPECT_NE(sampler_unit(1, 0, "x"), sampler_unit(2, 0, "x"));
  EXPECT_NE(sampler_unit(1, 0, "x"), sampler_unit(1, 1, "x"));
  EXPECT_NE(sampler_unit(1, 0, "x"), sampler_unit(1, std::int64_t{1} << 32, "x"));
  EXPECT_NE(sampler_unit(1, 0, "x"), sampler_unit(1, 0, "y"));
  EXPECT_NE(sampler_unit(0, 0, "x"), sampler_unit(std::uint64_t{1} << 63, 0, "x"));
}

// The draws are part of what a study records: these may change only with a note in the history.
TEST(Random, DrawsStayWhatTheyWere) {
  RandomSampler sampler = random_of(
      "  learning_rate: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}\n  hidden_size: {values: [16, 32, "
      "64]}\n",
      42);
  EXPECT_EQ(Value(*sampler.suggest(0)).dump(), R"({"hidden_size":32,"learning_rate":0.0018911369})");
  EXPECT_EQ(Value(*sampler.suggest(1'000'000)).dump(), R"({"hidden_size":32,"learning_rate":0.0006148618})");
}

// Draws of two parameters, of consecutive trials and of neighbouring seeds are uncorrelated: a correlation of n
// independent pairs is beyond 4.9 / sqrt(n) with probability 1e-6.
TEST(Random, DrawsAreUncorrelated) {
  constexpr int kPairs = 20000;
  const auto correlation = [](const auto& first, const auto& second) {
    double sum = 0;
    for (int i = 0; i < kPairs; ++i) sum += (first(i) - 0.5) * (second(i) - 0.5);
    return sum / kPairs * 12;  // the variance of a uniform draw is 1/12
  };
  const auto x = [](int i) { return sampler_unit(3, i, "x"); };
  for (const double r : {
           correlation(x, [](int i) { return sampler_unit(3, i, "y"); }),
           correlation(x, [](int i) { return sampler_unit(3, i, "xx"); }),
           correlation(x, [](int i) { return sampler_unit(3, i + 1, "x"); }),
           correlation(x, [](int i) { return sampler_unit(4, i, "x"); }),
       }) {
    EXPECT_LT(std::abs(r), 4.9 / std::sqrt(kPairs));
  }
  EXPECT_GT(correlation(x, x), 0.9);
}

TEST(Random, ThereIsNoEnd) {
  RandomSampler sampler = random_of("  x: {min: 0.0, max: 1.0}\n", 1);
  EXPECT_EQ(sampler.size(), -1);
  EXPECT_TRUE(sampler.suggest(std::int64_t{1} << 62));
  EXPECT_FALSE(sampler.suggest(-1));
}

}  // namespace
}  // namespace caviar

// Regions: what is kept of every kind of parameter, and that the text means the same region.
#include "tuner/region.h"

#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

SearchSpace space_of(const std::string& parameters) {
  return SearchSpace(parse_sweep("method: random\nparameters:\n" + parameters, "sweep.yaml"));
}

std::vector<TrialResult> results_of(const std::vector<std::pair<Config, double>>& trials) {
  std::vector<TrialResult> results;
  for (const auto& [config, loss] : trials) {
    TrialResult result;
    result.number = static_cast<std::int64_t>(results.size());
    result.config = config;
    result.loss = loss;
    results.push_back(result);
  }
  return results;
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Region, IsTheSpanOfTheBestLongerByWhatTheyDoNotShow) {
  const SearchSpace space = space_of("  x: {min: 0.0, max: 1.0}\n");
  const auto results =
      results_of({{{{"x", 0.3}}, 1}, {{{"x", 0.4}}, 2}, {{{"x", 0.5}}, 3}, {{{"x", 0.9}}, 4}, {{{"x", 0.1}}, kNan}});
  const Region region = zoomed_region(space, results, 3, {3, 0.5});  // 0.5^3 is less than the span of the three
  EXPECT_NEAR(region[0][0].low, 0.2, 1e-6);                          // 0.2 wide, 0.1 more at each end
  EXPECT_NEAR(region[0][0].high, 0.6, 1e-6);
}

TEST(Region, IsNoNarrowerThanItsRoundAllows) {
  const SearchSpace space = space_of("  x: {min: 0.0, max: 1.0}\n");
  const auto results = results_of({{{{"x", 0.5}}, 1}, {{{"x", 0.0}}, 9}});
  const UnitInterval one = zoomed_region(space, results, 2, {1, 0.5})[0][0];
  EXPECT_NEAR(one.low, 0.375, 1e-6);
  EXPECT_NEAR(one.high, 0.625, 1e-6);
  const UnitInterval edge = zoomed_region(space, results_of({{{{"x", 0.0}}, 1}}), 2, {1, 0.5})[0][0];
  EXPECT_EQ(edge.low, 0);  // moved, not cut
  EXPECT_NEAR(edge.high, 0.25, 1e-6);
}

TEST(Region, WithoutUsableResultsIsTheWholeSpace) {
  const SearchSpace space = space_of("  x: {min: 0.0, max: 1.0}\n  y: {values: [a, b]}\n");
  EXPECT_EQ(zoomed_region(space, results_of({}), 2, {})[0][0].high, 1);
  const auto useless = results_of({{{{"x", 0.5}, {"y", "a"}}, kNan}, {{{"x", 7.0}, {"y", "a"}}, 1.0}});
  for (const auto& intervals : zoomed_region(space, useless, 2, {})) {
    EXPECT_EQ(intervals[0].low, 0);
    EXPECT_EQ(intervals[0].high, 1);
  }
}

TEST(Region, OfCategoriesKeepsThoseOfTheBest) {
  const SearchSpace space = space_of("  c: {values: [p, q, r, s], probabilities: [0.1, 0.2, 0.3, 0.4]}\n");
  const auto results = results_of({{{{"c", "s"}}, 1}, {{{"c", "q"}}, 2}, {{{"c", "s"}}, 3}, {{{"c", "r"}}, 4}});
  const Region region = zoomed_region(space, results, 1, {3, 0.5});
  ASSERT_EQ(region[0].size(), 2u);
  std::map<Value, int> seen;
  Draws draws(1, 0, "test");
  for (int i = 0; i < 6000; ++i) ++seen[space.config_at(point_in(region, {draws.unit()})).at("c")];
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_NEAR(seen["q"], 2000, 220);  // one third: 6 standard deviations
  EXPECT_NEAR(seen["s"], 4000, 220);
}

TEST(Region, OfARepeatedCategoryHasNoOther) {
  const SearchSpace space = space_of("  c: {values: [p, q, p, r]}\n");
  const Region region = zoomed_region(space, results_of({{{{"c", "p"}}, 1}}), 1, {1, 0.5});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(space.config_at(point_in(region, {i / 100.0})).at("c"), "p");
}

// Every level of the region is drawn as often as every other.
TEST(Region, OfWholeNumbersHoldsWholeLevels) {
  const SearchSpace space = space_of("  n: {min: 1, max: 100}\n");
  const auto results = results_of({{{{"n", 20}}, 1}, {{{"n", 31}}, 2}});
  const Region region = zoomed_region(space, results, 9, {2, 0.5});  // 20 - 11 .. 31 + 11
  std::map<Value, int> seen;
  for (int i = 0; i < 3400; ++i) ++seen[space.config_at(point_in(region, {(i + 0.5) / 3400})).at("n")];
  EXPECT_EQ(seen.size(), 34u);
  for (const auto& [value, count] : seen) EXPECT_NEAR(count, 100, 1) << value;
  EXPECT_EQ(seen.begin()->first, 9);
  EXPECT_EQ(seen.rbegin()->first, 42);
}

constexpr const char* kEveryLaw =
    "  a: {min: 0.0, max: 10.0}\n"
    "  b: {min: 1, max: 50}\n"
    "  c: {distribution: log_uniform_values, min: 1.0e-5, max: 1.0e-1}\n"
    "  d: {distribution: log_uniform, min: -9, max: -2}\n"
    "  e: {distribution: inv_log_uniform, min: 2, max: 9}\n"
    "  f: {distribution: inv_log_uniform_values, min: 0.001, max: 0.1}\n"
    "  g: {distribution: q_uniform, min: 0, max: 20, q: 0.5}\n"
    "  h: {distribution: q_log_uniform_values, min: 0.3, max: 1000, q: 1}\n"
    "  i: {distribution: normal, mu: 3, sigma: 2}\n"
    "  j: {distribution: q_normal, mu: 30, sigma: 20, q: 5}\n"
    "  k: {distribution: log_normal, mu: 0, sigma: 1}\n"
    "  l: {distribution: q_log_normal, mu: 3, sigma: 1, q: 2}\n"
    "  m: {distribution: beta, a: 2, b: 5}\n"
    "  n: {distribution: q_beta, a: 2, b: 2, q: 0.1}\n"
    "  o: {values: [1, 2, 4, 8, 16]}\n"
    "  p: {values: [x, {y: 1.0e-5}, [1, null], true]}\n"
    "  q: {values: [8, 4, 2], probabilities: [0.5, 0.25, 0.25]}\n"
    "  r: {value: 7}\n"
    "  s: {parameters: {t: {values: [u, v]}}}\n"
    "  w: {distribution: q_log_uniform, min: 0, max: 5, q: 3}\n";

// The text, read back, is a space whose values all lie between those of the region, and reach as far.
TEST(Region, AsTextIsTheSameRegionForEveryLaw) {
  const SearchSpace space = space_of(kEveryLaw);
  for (std::int64_t trial = 0; trial < 40; ++trial) {
    Region region = whole_region(space);
    if (trial > 0) {
      std::vector<Observation> two(2);
      for (Observation& observation : two) {
        Draws draws(3, trial, &observation == &two[0] ? "one" : "two");
        for (std::size_t i = 0; i < space.size(); ++i) observation.point.push_back(draws.unit());
      }
      region = zoomed_region(space, two, 1 + trial % 5, {2, 0.5});
    }
    const std::string text = region_yaml(space, region);
    const SearchSpace again(parse_sweep("method: random\n" + text, "sweep.yaml"));
    ASSERT_EQ(again.size(), space.size()) << text;
    for (std::size_t i = 0; i < space.size(); ++i) {
      const auto at = [&](double u) { return space.config_at(point_in(region, Point(space.size(), u))); };
      const auto read = [&](double u) { return again.config_at(Point(space.size(), u)); };
      const std::string& name = space.parameters()[i].name();
      const Value low = at(0).at(name), high = at(1 - 0x1p-53).at(name);
      const Value text_low = read(0).at(name), text_high = read(1 - 0x1p-53).at(name);
      if (!low.is_number()) {
        EXPECT_EQ(low, text_low) << text;
        EXPECT_EQ(high, text_high) << text;
      } else {
        // Bounds of the deprecated laws are logarithms: exact to their float32.
        const auto near = [&](const Value& value) { return 1e-6 * std::abs(value.get<double>()) + 1e-12; };
        EXPECT_NEAR(low.get<double>(), text_low.get<double>(), near(low)) << name << "\n" << text;
        EXPECT_NEAR(high.get<double>(), text_high.get<double>(), near(high)) << name << "\n" << text;
      }
    }
  }
}

// Parameters of a choice are written below the values that are kept, and read back as such.
TEST(Region, OfConditionalParametersIsWrittenAsAChoice) {
  const SearchSpace space(
      parse_sweep("method: random\n"
                  "parameters:\n"
                  "  optimizer: {values: [sgd, adam, rmsprop]}\n"
                  "  weight_decay: {min: 0.0, max: 0.1}\n"
                  "caviar:\n"
                  "  choice:\n"
                  "    optimizer:\n"
                  "      sgd:\n"
                  "        momentum: {min: 0.5, max: 1.0}\n"
                  "        rate: {distribution: log_uniform_values, min: 0.01, max: 1.0}\n"
                  "      adam: [weight_decay]\n"
                  "      rmsprop: [weight_decay]\n",
                  "sweep.yaml"));
  const auto results = results_of({{{{"optimizer", "sgd"}, {"momentum", 0.6}, {"rate", 0.1}}, 1},
                                   {{{"optimizer", "sgd"}, {"momentum", 0.8}, {"rate", 0.1}}, 2},
                                   {{{"optimizer", "adam"}, {"weight_decay", 0.05}}, 3},
                                   {{{"optimizer", "rmsprop"}, {"weight_decay", 0.01}}, 4}});
  const std::string text = region_yaml(space, zoomed_region(space, results, 1, {3, 0.4}));
  EXPECT_EQ(text,
            "parameters:\n"
            "  optimizer: {values: [\"sgd\", \"adam\"]}\n"
            "caviar:\n"
            "  choice:\n"
            "    optimizer:\n"
            "      \"sgd\":\n"
            "        momentum: {distribution: uniform, min: 0.5, max: 1.0}\n"
            "        rate: {distribution: log_uniform_values, min: 0.039810717, max: 0.25118864}\n"
            "      \"adam\":\n"
            "        weight_decay: {distribution: uniform, min: 0.03, max: 0.07}\n");
  const SearchSpace again(parse_sweep("method: random\n" + text, "sweep.yaml"));
  EXPECT_TRUE(again.is_conditional());
  EXPECT_EQ(again.size(), 4u);
}

TEST(Region, AsTextReads) {
  const SearchSpace space = space_of(
      "  learning_rate: {distribution: log_uniform_values, min: 1.0e-5, max: 1.0e-1}\n"
      "  size: {min: 1, max: 50}\n  cell: {values: [lstm, gru, rnn]}\n  width: {distribution: normal, mu: 3, sigma: "
      "2}\n  seed: {value: 1}\n");
  const auto config = [](double rate, int size, const char* cell, double width) {
    return Config{{"learning_rate", rate}, {"size", size}, {"cell", cell}, {"width", width}, {"seed", 1}};
  };
  const auto results = results_of({{config(1e-4, 10, "gru", 3), 1}, {config(1e-3, 12, "gru", 4), 2}});
  // width: 3 and 4 are the quantiles 0.5 and 0.6915, so the ends are those of 0.3085 and 0.8829, 3 - 0.5 * 2 and
  // 3 + 1.1897 * 2 (SciPy: norm.ppf).
  EXPECT_EQ(region_yaml(space, zoomed_region(space, results, 9, {2, 0.5})),
            "parameters:\n"
            "  cell: {value: \"gru\"}\n"
            "  learning_rate: {distribution: log_uniform_values, min: 1.0e-05, max: 0.01}\n"
            "  seed: {value: 1}\n"
            "  size: {distribution: int_uniform, min: 8, max: 14}\n"
            "  width: {distribution: uniform, min: 2.0, max: 5.3794723}  # a part of normal\n");
}

}  // namespace
}  // namespace caviar

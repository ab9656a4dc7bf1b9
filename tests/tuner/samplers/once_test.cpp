// No config twice: finite spaces end when all is tried, configs by hand come first, a resume goes on alike.
#include "tuner/samplers/once.h"

#include <chrono>
#include <set>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/registry.h"

namespace caviar {
namespace {

SweepSpec spec_of(const std::string& parameters, const std::string& method = "random") {
  return parse_sweep("method: " + method + "\nparameters:\n" + parameters, "sweep.yaml");
}

std::unique_ptr<Sampler> once_of(const std::string& parameters, const std::string& method = "random",
                                 const std::vector<Config>& by_hand = {}, std::uint64_t seed = 1) {
  const SweepSpec spec = spec_of(parameters, method);
  SearchScope scope;
  scope.sweep_seed = seed;
  scope.by_hand = by_hand;
  return make_sampler(spec, SearchSpace(spec), scope);
}

// The configs of the first trials, announced as the study does; fewer when the space is exhausted.
std::vector<Config> tried_by(Sampler& sampler, std::int64_t trials, std::int64_t from = 0) {
  std::vector<Config> configs;
  for (std::int64_t i = from; i < trials; ++i) {
    const std::optional<Config> config = sampler.suggest(i);
    if (!config) break;
    configs.push_back(*config);
    sampler.started({i, *config});
  }
  return configs;
}

std::set<Config> distinct(const std::vector<Config>& configs) { return {configs.begin(), configs.end()}; }

constexpr const char* kTwelve = "  a: {values: [x, y, z]}\n  b: {min: 1, max: 4}\n";

TEST(Once, ARandomSearchOverTwelvePointsTriesEachOnceAndEnds) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto sampler = once_of(kTwelve, "random", {}, seed);
    EXPECT_EQ(sampler->size(), 12);
    const auto configs = tried_by(*sampler, 20);
    EXPECT_EQ(configs.size(), 12u);
    EXPECT_EQ(distinct(configs).size(), 12u);
  }
}

TEST(Once, AValueDrawnOnceInAMillionIsFoundWhenAllElseIsTried) {
  const auto sampler = once_of("  a: {values: [x, y, z], probabilities: [0.5, 0.499999, 0.000001]}\n");
  const auto configs = tried_by(*sampler, 5);
  EXPECT_EQ(distinct(configs).size(), 3u);
  EXPECT_EQ(configs.size(), 3u);
}

TEST(Once, WhatIsNeverDrawnIsNotTried) {
  const auto sampler = once_of("  a: {values: [x, y, z], probabilities: [0.5, 0, 0.5]}\n");
  EXPECT_EQ(sampler->size(), 2);
  EXPECT_EQ(tried_by(*sampler, 5).size(), 2u);
}

TEST(Once, TrialsWithoutAnEndAreThoseOfTheSamplerInside) {
  const auto sampler = once_of("  a: {min: 0.0, max: 1.0}\n  b: {values: [1, 2]}\n");
  EXPECT_EQ(sampler->size(), -1);
  const SweepSpec spec = spec_of("  a: {min: 0.0, max: 1.0}\n  b: {values: [1, 2]}\n");
  const SearchSpace space(spec);
  const auto configs = tried_by(*sampler, 100);
  const auto bare = sampler_kinds()[1].make(space, OptionSet("random", {}, {}), {1, 1, {}});
  ASSERT_EQ(configs.size(), 100u);
  for (std::int64_t i = 0; i < 100; ++i) EXPECT_EQ(configs[static_cast<std::size_t>(i)], bare->suggest(i));
}

TEST(Once, ConfigsByHandComeFirstAndMoveNoOther) {
  const std::string parameters = "  a: {min: 0.0, max: 1.0}\n";
  const Config first = {{"a", 0.25}}, second = {{"a", 0.75}};
  const auto with = once_of(parameters, "random", {first, second, first});
  const auto without = once_of(parameters);
  const auto configs = tried_by(*with, 10), others = tried_by(*without, 10);
  EXPECT_EQ(configs[0], first);
  EXPECT_EQ(configs[1], second);  // what is given twice is tried once
  for (std::size_t i = 2; i < 10; ++i) EXPECT_EQ(configs[i], others[i]);
}

TEST(Once, AGridWithPointsByHandStillListsEachOnce) {
  const std::vector<Config> by_hand = {{{"a", "z"}, {"b", 2.0}}, {{"a", "w"}, {"b", 9}}, {{"a", "x"}, {"b", 1}}};
  const auto sampler = once_of(kTwelve, "grid", by_hand);
  EXPECT_EQ(sampler->size(), 13);  // w, 9 is no point of the grid
  const auto configs = tried_by(*sampler, 20);
  ASSERT_EQ(configs.size(), 13u);
  EXPECT_EQ(distinct(configs).size(), 13u);
  EXPECT_EQ(Value(configs[3]).dump(), R"({"a":"x","b":2})");
  EXPECT_EQ(Value(configs[12]).dump(), R"({"a":"z","b":4})");
}

TEST(Once, PointsByHandOfARandomSearchAreCountedOnce) {
  const auto sampler = once_of(kTwelve, "random", {{{"a", "z"}, {"b", 2}}, {{"a", "w"}, {"b", 9}}});
  EXPECT_EQ(sampler->size(), 13);
  const auto configs = tried_by(*sampler, 20);
  EXPECT_EQ(distinct(configs).size(), 13u);
  EXPECT_EQ(configs.size(), 13u);
}

TEST(Once, AResumedStudyGoesOnAlike) {
  for (const char* method : {"grid", "random"}) {
    const std::vector<Config> by_hand = {{{"a", "y"}, {"b", 3}}};
    const auto live = once_of(kTwelve, method, by_hand);
    const auto all = tried_by(*live, 12);
    ASSERT_EQ(all.size(), 12u);
    for (std::int64_t cut = 0; cut < 12; ++cut) {
      const auto again = once_of(kTwelve, method, by_hand);
      for (std::int64_t i = 0; i < cut; ++i) again->started({i, all[static_cast<std::size_t>(i)]});
      const auto rest = tried_by(*again, 12, cut);
      EXPECT_EQ(rest, std::vector<Config>(all.begin() + cut, all.end())) << method << " from " << cut;
    }
  }
}

TEST(Once, AttemptsGiveOtherConfigsUntilNoneIsLeft) {
  for (const char* method : {"grid", "random"}) {
    const auto sampler = once_of(kTwelve, method);
    tried_by(*sampler, 7);
    std::set<Config> seen;
    for (int attempt = 0; attempt < 5; ++attempt) {
      const auto config = sampler->suggest(7, attempt);
      ASSERT_TRUE(config) << method << " " << attempt;
      EXPECT_TRUE(seen.insert(*config).second) << method << " " << attempt;
    }
    EXPECT_FALSE(sampler->suggest(7, 5)) << method;
  }
}

TEST(Once, ALookAheadSeesWhatWouldComeWithoutAnnouncement) {
  const auto sampler = once_of(kTwelve, "grid");
  EXPECT_EQ(Value(sampler->suggest(11).value()).dump(), R"({"a":"z","b":4})");
  EXPECT_EQ(Value(sampler->suggest(0).value()).dump(), R"({"a":"x","b":1})");
  EXPECT_FALSE(sampler->suggest(12));
  EXPECT_FALSE(sampler->suggest(-1));
}

// Gives the same config for ever.
class Stubborn : public Sampler {
 public:
  explicit Stubborn(bool on_purpose) : on_purpose_(on_purpose) {}
  bool repeats_configs() const override { return on_purpose_; }

 private:
  std::optional<Config> propose(std::int64_t, int) override { return Config{{"a", 0.5}}; }
  bool on_purpose_;
};

TEST(Once, RepeatsOnPurposeAreLeftAlone) {
  const SearchSpace space(spec_of("  a: {values: [0.5, 1.5]}\n"));
  OnceSampler on_purpose(std::make_unique<Stubborn>(true), space, 1, {{{"a", 1.5}}});
  EXPECT_EQ(on_purpose.size(), -1);
  EXPECT_EQ(tried_by(on_purpose, 10).size(), 10u);
  OnceSampler by_accident(std::make_unique<Stubborn>(false), space, 1, {});
  EXPECT_EQ(distinct(tried_by(by_accident, 10)).size(), 2u);
}

TEST(Once, ASamplerThatHasNothingNewInASpaceWithoutEndIsTaken) {
  OnceSampler sampler(std::make_unique<Stubborn>(false), SearchSpace(spec_of("  a: {min: 0.0, max: 1.0}\n")), 1, {});
  EXPECT_EQ(tried_by(sampler, 10).size(), 10u);
}

TEST(Once, EqualConfigsHaveEqualHashesAndOthersOthers) {
  const std::vector<Config> different = {
      {},
      {{"a", 1}},
      {{"a", 2}},
      {{"b", 1}},
      {{"a", "1"}},
      {{"a", true}},
      {{"a", nullptr}},
      {{"a", ""}},
      {{"a", Value::array()}},
      {{"a", Value::object()}},
      {{"a", {1}}},
      {{"a", {1, 2}}},
      {{"a", Value::parse(R"({"b":1})")}},
      {{"a", 1}, {"b", 1}},
      {{"a", (std::int64_t{1} << 53) + 2}},
      {{"a", (std::int64_t{1} << 60)}},
      {{"a", (std::int64_t{1} << 60) + 1}},
  };
  std::set<std::uint64_t> hashes;
  for (const Config& config : different) EXPECT_TRUE(hashes.insert(hash_of(config)).second) << Value(config);
  EXPECT_EQ(hash_of({{"a", 3}}), hash_of({{"a", 3.0}}));
  EXPECT_EQ(hash_of({{"a", 0.0}}), hash_of({{"a", -0.0}}));
  EXPECT_EQ(hash_of({{"a", 3}}), hash_of({{"a", 3u}}));
}

TEST(Once, ATrialCostsSixteenBytes) {
  TriedConfigs tried;
  for (std::uint64_t i = 1; i <= 200'000; ++i) {
    const std::uint64_t hash = hash_of({{"a", i}});
    ASSERT_TRUE(tried.insert(hash));
    ASSERT_FALSE(tried.insert(hash));
    if (i >= 1000) {
      ASSERT_LE(tried.bytes(), 16 * i);
    }
  }
  EXPECT_EQ(tried.size(), 200'000u);
  for (std::uint64_t i = 1; i <= 200'000; i += 17) EXPECT_TRUE(tried.contains(hash_of({{"a", i}})));
  EXPECT_FALSE(tried.contains(hash_of({{"a", 0}})));
  EXPECT_TRUE(tried.insert(0));
  EXPECT_TRUE(tried.contains(0));
}

// Ten parameters, 100,000 trials. The bound is ten times and more what a slow, shared core needs.
TEST(Once, AHundredThousandTrialsAreQuick) {
  std::string parameters;
  for (int i = 0; i < 10; ++i) parameters += "  p" + std::to_string(i) + ": {min: 0.0, max: 1.0}\n";
  const auto sampler = once_of(parameters);
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < 100'000; ++i) sampler->started({i, sampler->suggest(i).value()});
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - begin;
  RecordProperty("microseconds_a_trial", std::to_string(spent.count() / 100'000));
  EXPECT_LT(spent.count() / 100'000, 500);
}

// Nearly all of a space of 10^5 points is tried: the search for what is left does not begin anew each time.
TEST(Once, TheLastPointsOfALargeSpaceAreFoundQuickly) {
  const auto sampler = once_of("  a: {min: 1, max: 100}\n  b: {min: 1, max: 1000}\n");
  const auto begin = std::chrono::steady_clock::now();
  const auto configs = tried_by(*sampler, 200'000);
  EXPECT_EQ(configs.size(), 100'000u);
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - begin;
  RecordProperty("microseconds_a_trial", std::to_string(spent.count() / 100'000));
  EXPECT_LT(spent.count() / 100'000, 1000);
}

}  // namespace
}  // namespace caviar

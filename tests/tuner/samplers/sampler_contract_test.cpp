// What every sampler must do, whatever it is called: each row of the registry is held to it.
#include <algorithm>
#include <limits>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/tuner/samplers/sampler_life.h"
#include "tests/tuner/sweep_text.h"
#include "tuner/registry.h"
#include "tuner/samplers/random.h"

namespace caviar {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kWindows[] = {1, 4, 64};

constexpr const char* kMixed =
    "  a: {values: [x, y, z]}\n  b: {min: 1, max: 9}\n  c: {distribution: q_uniform, min: 0, max: 6, q: 2}\n"
    "  d: {value: 0.5}\n  g: {parameters: {e: {values: [true, null, [1, 2]]}}}\n";

constexpr const char* kContinuous =
    "  x: {min: 0.0, max: 1.0}\n  y: {distribution: log_uniform_values, min: 1.0e-4, max: 1.0}\n"
    "  z: {values: [16, 32, 64]}\n";

constexpr const char* kEveryLaw =
    "  a: {value: 1}\n  b: {values: [x, y, z]}\n  c: {values: [8, 16, 32]}\n"
    "  d: {values: [p, q, r], probabilities: [0.2, 0, 0.8]}\n  e: {min: 1, max: 9}\n  f: {min: -1.0, max: 1.0}\n"
    "  g: {distribution: q_uniform, min: 1, max: 10, q: 4}\n  h: {distribution: log_uniform, min: -3, max: 0}\n"
    "  i: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}\n"
    "  j: {distribution: q_log_uniform_values, min: 32, max: 256, q: 8}\n"
    "  k: {distribution: q_log_uniform, min: 0, max: 3, q: 0.5}\n"
    "  l: {distribution: inv_log_uniform, min: 0, max: 3}\n"
    "  m: {distribution: inv_log_uniform_values, min: 0.001, max: 1}\n  n: {distribution: normal, mu: 2, sigma: 3}\n"
    "  o: {distribution: q_normal, mu: 1, sigma: 2, q: 0.5}\n  p: {distribution: log_normal, sigma: 2}\n"
    "  q: {distribution: q_log_normal, mu: 1, sigma: 0.5}\n  r: {distribution: beta, a: 2, b: 5}\n"
    "  s: {distribution: q_beta, a: 2, b: 5, q: 0.1}\n  t: {min: 0, max: 1000000000}\n";

constexpr const char* kConditional =
    "  optimizer: {values: [sgd, adam, rmsprop]}\n  size: {values: [1, 2]}\n"
    "caviar:\n  choice:\n"
    "    optimizer:\n      sgd: {rate: {values: [1, 2, 3]}, momentum: {values: [a, b]}}\n"
    "      adam: {rate: {values: [4, 5]}}\n"
    "    momentum: {b: {nesterov: {values: [false, true]}}}\n";

class SamplerContract : public testing::TestWithParam<std::string> {
 protected:
  bool is_grid() const { return GetParam() == "grid"; }

  // Discrete laws for a grid, which has no others.
  std::string space_text() const { return is_grid() ? kMixed : kContinuous; }

  SweepSpec spec_of(const std::string& parameters) const {
    SweepSpec spec =
        parse_sweep(cat("method: ", is_grid() ? "grid" : "random", "\nparameters:\n", parameters), "s.yaml");
    spec.settings.sampler.name = GetParam();
    return spec;
  }

  std::unique_ptr<Sampler> sampler(const std::string& parameters, const SearchScope& scope = {1, 1, {}}) const {
    const SweepSpec spec = spec_of(parameters);
    return make_sampler(spec, SearchSpace(spec), scope);
  }

  // A life of some trials, every config of which must be legal.
  void live(const std::string& parameters, const Objective& loss, std::int64_t window, std::int64_t trials) const {
    const auto subject = sampler(parameters, {1, window, trials});
    SamplerLife life(*subject, loss);
    expect_legal(parameters, life.run(trials));
    const std::int64_t size = subject->size();
    EXPECT_EQ(static_cast<std::int64_t>(life.trials.size()), size < 0 ? trials : std::min(trials, size));
  }

  void expect_legal(const std::string& parameters, const std::vector<Config>& configs) const {
    const SearchSpace space(spec_of(parameters));
    std::set<Config> listed;
    if (is_grid()) {
      const std::int64_t size = space.count(SearchSpace::Listing::kGrid);
      for (std::int64_t i = 0; i < size; ++i) listed.insert(space.config_number(SearchSpace::Listing::kGrid, i));
    }
    for (const Config& config : configs) {
      const auto point = space.point_of(config);
      EXPECT_TRUE(is_grid() ? listed.contains(config) : point && space.config_at(*point) == config) << Value(config);
    }
  }
};

// A valley: numbers near the middle of what is seen are good, the first word is better than others.
double valley(const Config& config, std::int64_t) {
  double loss = 0;
  for (const auto& [name, value] : config) {
    if (value.is_number()) {
      const double x = std::clamp(value.get<double>(), -1e3, 1e3);
      loss += (x - 0.3) * (x - 0.3);
    } else {
      loss += value == "x" || value == "adam" ? 0 : 0.5;
    }
  }
  return loss;
}

// ---- what is suggested

TEST_P(SamplerContract, BoundsAndStepsAreKept) {
  const auto subject = sampler(kMixed);
  SamplerLife life(*subject, valley);
  const Value words = {"x", "y", "z"}, others = Value::parse("[true, null, [1, 2]]");
  for (const Config& config : life.run(50)) {
    ASSERT_EQ(config.size(), 5u);
    EXPECT_NE(std::find(words.begin(), words.end(), config.at("a")), words.end());
    EXPECT_TRUE(config.at("b").is_number_integer() && config.at("b") >= 1 && config.at("b") <= 9);
    EXPECT_TRUE(config.at("c").is_number_integer() && config.at("c").get<std::int64_t>() % 2 == 0);
    EXPECT_TRUE(config.at("c") >= 0 && config.at("c") <= 6);
    EXPECT_EQ(config.at("d"), 0.5);
    EXPECT_NE(std::find(others.begin(), others.end(), config.at("g.e")), others.end());
  }
  EXPECT_EQ(life.trials.size(), 50u);
}

TEST_P(SamplerContract, EveryLawIsObeyedUnderEveryWindow) {
  if (is_grid()) GTEST_SKIP() << "a grid has few laws";
  for (const std::int64_t window : kWindows) live(kEveryLaw, valley, window, window + 40);
}

TEST_P(SamplerContract, ConditionalParametersAreThereWhereTheyHaveAPlace) {
  for (const std::int64_t window : kWindows) live(kConditional, valley, window, window + 40);
  if (is_grid()) return;
  const std::string continuous =
      "  optimizer: {values: [sgd, adam]}\ncaviar:\n  choice:\n    optimizer:\n"
      "      sgd: {rate: {min: 0.0, max: 1.0}, momentum: {min: 0.5, max: 0.9}}\n      adam: {rate: {min: 0.0, max: "
      "0.1}}\n";
  for (const std::int64_t window : kWindows) live(continuous, valley, window, window + 40);
}

TEST_P(SamplerContract, NoConfigComesTwiceAndAFiniteSpaceEnds) {
  for (const std::int64_t window : kWindows) {
    const auto subject = sampler(kConditional, {1, window, 100});
    if (subject->repeats_configs()) GTEST_SKIP() << "it repeats configs on purpose";
    SamplerLife life(*subject, valley);
    const auto configs = life.run(100);
    EXPECT_EQ(configs.size(), (3u * 3 + 2 + 1) * 2);  // sgd: 3 rates x (a, b false, b true); adam; rmsprop
    EXPECT_EQ(std::set<Config>(configs.begin(), configs.end()).size(), configs.size());
  }
}

TEST_P(SamplerContract, ASpaceOfOnePointIsFine) {
  for (const char* text : {"  a: {value: 1}\n  b: {values: [x]}\n", "  a: {value: 1}\n  b: {value: x}\n"}) {
    const auto subject = sampler(text);
    SamplerLife life(*subject, valley);
    ASSERT_TRUE(life.step());
    EXPECT_EQ(Value(life.trials[0].config).dump(), R"({"a":1,"b":"x"})");
    EXPECT_EQ(life.step(), subject->repeats_configs());
  }
}

TEST_P(SamplerContract, TwoHundredDimensionsAreFine) {
  std::ostringstream parameters;
  for (int i = 0; i < 200; ++i) {
    parameters << "  p" << i << ": "
               << (i % 10 == 0               ? "{values: [1, 2]}"
                   : i % 10 == 1             ? "{values: [a, b, c]}"
                   : is_grid() || i % 4 == 0 ? "{value: 1}"
                                             : "{min: 0.0, max: 1.0}")
               << "\n";
  }
  if (is_grid()) {  // 2^20 3^20 points are fewer than 2^63
    EXPECT_EQ(sampler(parameters.str())->suggest(999'999).value().size(), 200u);
    return;
  }
  for (const std::int64_t window : {1, 64}) live(parameters.str(), valley, window, window + 15);
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
  SamplerLife life(*subject, valley);
  for (const Config& config : life.run(50)) EXPECT_EQ(Value::parse(Value(config).dump()), Value(config));
}

// ---- what it depends on

TEST_P(SamplerContract, ASuggestionIsAFunctionOfSeedAndNumber) {
  const auto forwards = sampler(kMixed), backwards = sampler(kMixed);
  std::vector<Config> seen;
  for (std::int64_t i = 0; i < 60; ++i) seen.push_back(forwards->suggest(i).value());
  for (std::int64_t i = 60; i-- > 0;) EXPECT_EQ(backwards->suggest(i), seen[static_cast<std::size_t>(i)]) << i;
  EXPECT_EQ(forwards->suggest(7), seen[7]);
}

TEST_P(SamplerContract, AskingChangesNothing) {
  for (const std::int64_t window : kWindows) {
    const auto asked = sampler(space_text(), {1, window, 100}), left_alone = sampler(space_text(), {1, window, 100});
    SamplerLife one(*asked, valley), other(*left_alone, valley);
    while (one.trials.size() < 50) {
      ASSERT_TRUE(one.step() && other.step());
      ASSERT_EQ(one.trials.back().config, other.trials.back().config);
      const auto next = static_cast<std::int64_t>(one.trials.size());
      if (next % 7 != 0) continue;
      const auto before = asked->suggest(next);
      asked->suggest(next, 1);
      asked->suggest(next, 2);
      asked->suggest(next + 3);
      EXPECT_EQ(asked->suggest(next), before);
    }
  }
}

TEST_P(SamplerContract, AttemptsGiveOtherConfigs) {
  const auto subject = sampler(space_text(), {1, 1, 100});
  if (subject->repeats_configs()) GTEST_SKIP() << "it repeats configs on purpose";
  SamplerLife life(*subject, valley);
  life.run(30);
  std::set<Config> seen;
  for (const Trial& trial : life.trials) seen.insert(trial.config);
  for (int attempt = 0; attempt < 8; ++attempt) {
    const auto config = subject->suggest(30, attempt);
    ASSERT_TRUE(config);
    EXPECT_TRUE(seen.insert(*config).second) << attempt << ": " << Value(*config);
    expect_legal(space_text(), {*config});
  }
}

TEST_P(SamplerContract, TheOrderOfTheFileDoesNotMatter) {
  const auto one = sampler("  a: {values: [1, 2, 3]}\n  b: {min: 1, max: 9}\n");
  const auto other = sampler("  b: {min: 1, max: 9}\n  a: {values: [1, 2, 3]}\n");
  SamplerLife first(*one, valley), second(*other, valley);
  EXPECT_EQ(first.run(27), second.run(27));
}

TEST_P(SamplerContract, TwoSweepSeedsDiffer) {
  if (is_grid()) GTEST_SKIP() << "a grid has one order";
  const auto one = sampler(kContinuous, {1, 1, 20}), other = sampler(kContinuous, {2, 1, 20});
  SamplerLife first(*one, valley), second(*other, valley);
  const auto some = first.run(20), others = second.run(20);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_NE(some[i], others[i]) << i;
}

// A study that maximizes a metric is the mirror image of one that minimizes its negative.
TEST_P(SamplerContract, MaximizingIsTheMirrorOfMinimizing) {
  const auto loss_of = [](double metric, bool maximize) { return maximize ? -metric : metric; };
  const auto one = sampler(space_text(), {1, 4, 40}), other = sampler(space_text(), {1, 4, 40});
  SamplerLife minimizing(*one, [&](const Config& c, std::int64_t i) { return loss_of(valley(c, i), false); });
  SamplerLife maximizing(*other, [&](const Config& c, std::int64_t i) { return loss_of(-valley(c, i), true); });
  EXPECT_EQ(minimizing.run(40), maximizing.run(40));
}

// ---- resuming

TEST_P(SamplerContract, AReplayGoesOnAsTheLifeDid) {
  for (const std::string& text : {space_text(), std::string(kConditional)}) {
    for (const std::int64_t window : kWindows) {
      const SearchScope scope{1, window, 200};
      const std::int64_t trials = window + 30;
      const auto whole = sampler(text, scope);
      SamplerLife reference(*whole, valley);
      const auto expected = reference.run(trials);
      for (const std::int64_t cut : {std::int64_t{0}, std::int64_t{1}, trials / 2, trials - 3}) {
        const auto live = sampler(text, scope), fresh = sampler(text, scope);
        SamplerLife life(*live, valley);
        life.run(cut);
        life.replay_to(*fresh);
        EXPECT_EQ(life.continued_by(*fresh).run(trials), expected) << "window " << window << ", cut " << cut;
      }
    }
  }
}

// ---- what is told

TEST_P(SamplerContract, NoneOrOneObservationIsEnough) {
  for (const double loss : {0.5, kNaN, kInfinity}) {
    const auto subject = sampler(space_text(), {1, 1, 10});
    SamplerLife life(*subject, [&](const Config&, std::int64_t) { return loss; });
    expect_legal(space_text(), life.run(2));
  }
}

TEST_P(SamplerContract, StrangeLossesAreBorne) {
  const Objective losses[] = {
      [](const Config&, std::int64_t) { return kNaN; },
      [](const Config&, std::int64_t) { return kInfinity; },
      [](const Config&, std::int64_t) { return -kInfinity; },
      [](const Config&, std::int64_t) { return 0.0; },
      [](const Config& c, std::int64_t i) { return i % 2 ? kNaN : valley(c, i); },
      [](const Config& c, std::int64_t i) { return i % 3 == 0   ? kInfinity
                                                   : i % 3 == 1 ? -kInfinity
                                                                : valley(c, i); },
      [](const Config&, std::int64_t i) { return i % 2 ? 1.7e308 : -1.7e308; },
      [](const Config&, std::int64_t i) { return i == 7 ? 1.0 : kNaN; },
      [](const Config&, std::int64_t i) { return static_cast<double>(i) * 1e-310; },
  };
  for (const Objective& loss : losses) {
    for (const std::int64_t window : {1, 4}) live(space_text(), loss, window, 50);
  }
  live(kConditional, losses[4], 1, 22);
}

TEST_P(SamplerContract, TheSameConfigAgainAndAgainIsBorne) {
  const auto subject = sampler(space_text(), {1, 1, 100});
  const Config config = sampler(space_text())->suggest(0).value();
  SamplerLife life(*subject, [](const Config&, std::int64_t i) { return i % 2 ? 0.5 : 0.25; });
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(life.step(config));
  expect_legal(space_text(), life.run(60));
  EXPECT_EQ(life.trials.size(), 60u);
}

TEST_P(SamplerContract, ConfigsByHandAreTried) {
  SearchScope scope{1, 4, 40};
  const auto configs = sampler(space_text())->suggest(5).value();
  scope.by_hand = {configs};
  const auto subject = sampler(space_text(), scope);
  SamplerLife life(*subject, valley);
  EXPECT_EQ(life.run(40).front(), configs);
  expect_legal(space_text(), life.configs());
}

// Given by hand, or observed by a study of another space.
TEST_P(SamplerContract, ConfigsOutsideTheSpaceAreBorne) {
  const Config strange[] = {
      {}, {{"x", 17.0}, {"y", "what"}, {"z", 5}}, {{"elsewhere", Value::parse(R"([1, {"a": 2}])")}}};
  const auto subject = sampler(space_text(), {1, 1, 100});
  SamplerLife life(*subject, valley);
  for (const Config& config : strange) life.observe(config, 0.1);
  for (const Config& config : strange) ASSERT_TRUE(life.step(config));
  while (life.trials.size() < 50) ASSERT_TRUE(life.step());
  auto suggested = life.configs();
  suggested.erase(suggested.begin(), suggested.begin() + 3);
  expect_legal(space_text(), suggested);
}

TEST_P(SamplerContract, ObservationsOfEarlierStudiesAreBorne) {
  for (const std::string& text : {space_text(), std::string(kConditional)}) {
    const SweepSpec spec = spec_of(text);
    const SearchSpace space(spec);
    const auto subject = sampler(text, {1, 4, 22}), again = sampler(text, {1, 4, 22});
    SamplerLife life(*subject, valley), twin(*again, valley);
    for (std::int64_t i = 0; i < 40; ++i) {
      const Config config = space.config_at(random_point(space, 77, i));
      const double loss = i % 9 == 0 ? kNaN : valley(config, i);
      life.observe(config, loss);
      twin.observe(config, loss);
    }
    const auto configs = life.run(22);
    EXPECT_EQ(configs.size(), 22u);
    expect_legal(text, configs);
    EXPECT_EQ(twin.run(22), configs);
  }
}

TEST_P(SamplerContract, FewerResultsThanNeededAreEnough) {
  for (const std::int64_t held : {1, 7, 1000}) {
    const auto subject = sampler(space_text(), {1, 1, 60});
    SamplerLife life(*subject, valley);
    life.held = held;
    expect_legal(space_text(), life.run(40));
    life.held = 0;  // they arrive after all
    expect_legal(space_text(), life.run(60));
    EXPECT_EQ(life.trials.size(), 60u);
  }
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const SamplerKind& kind : sampler_kinds()) out.emplace_back(kind.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(All, SamplerContract, testing::ValuesIn(names()), [](const auto& name) {
  std::string word = name.param;
  std::replace_if(
      word.begin(), word.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return word;
});

TEST(Registry, AMethodWithoutASamplerIsRefused) {
  const SweepSpec spec = parse_sweep("method: custom\nparameters: {x: {values: [1, 2]}}\n", "sweep.yaml");
  EXPECT_THROW(make_sampler(spec, SearchSpace(spec), {}), Error);
}

TEST(Registry, EveryKindIsExplainedAndItsDefaultsAreLegal) {
  for (const SamplerKind& kind : sampler_kinds()) {
    EXPECT_EQ(kind.summary.back(), '.') << kind.name;
    for (const OptionHelp& row : kind.options) {
      EXPECT_FALSE(row.meaning.empty()) << kind.name << " " << row.name;
      if (row.fallback.empty()) continue;
      Choice choice = parse_choice("--sampler", cat(kind.name, ",", row.name, "=", row.fallback));
      EXPECT_NO_THROW(OptionSet("sampler", kind.options, choice)) << kind.name << " " << row.name;
    }
  }
}

}  // namespace
}  // namespace caviar

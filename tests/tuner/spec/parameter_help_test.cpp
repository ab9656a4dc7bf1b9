// What is explained is what is accepted: names, defaults, ranges and choices agree with bind_config.
#include "tuner/spec/parameter_help.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tuner/bind.h"
#include "tuner/spec/names.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

const DataShape kMnist = {60000, 10000, "d1"};

std::string run_of(const Config& config) { return canonical_run(bind_config(config, {}, kMnist), "d1", "n1"); }

// Whether the value is legal by itself, whatever it does beside others.
bool is_accepted(std::string_view name, const Value& value) {
  SweepSpec spec;
  spec.parameters.emplace_back();
  spec.parameters[0].name = name;
  spec.parameters[0].values = {value};
  try {
    check_parameters(spec);
  } catch (const Error&) {
    return false;
  }
  return true;
}

TEST(ParameterHelp, EveryKnownParameterIsExplainedOnceWithADefault) {
  std::set<std::string_view> names;
  for (const ParameterHelp& help : parameter_help()) {
    EXPECT_TRUE(names.insert(help.name).second) << help.name;
    EXPECT_FALSE(help.fallback.empty()) << help.name;
    EXPECT_EQ(help.meaning.back(), '.') << help.name;
    EXPECT_EQ(help.kind == FieldKind::kChoice, !help.choices.empty()) << help.name;
  }
  for (const std::string_view name : known_parameters()) EXPECT_TRUE(names.contains(name)) << name;
}

TEST(ParameterHelp, GivingADefaultChangesNothing) {
  int given = 0;
  for (const ParameterHelp& help : parameter_help()) {
    if (help.fallback.front() == '(') continue;  // other parameters decide it
    Value value = help.fallback;
    if (const auto number = parse_number(help.fallback)) value = *number;
    if (help.fallback.front() == '[') value = Value::parse(help.fallback);
    // polyak's own parameters turn it on unless it is given.
    EXPECT_EQ(run_of({{std::string(help.name), value}, {"polyak", "none"}}), run_of({{"polyak", "none"}})) << help.name;
    ++given;
  }
  EXPECT_GT(given, 40);
}

TEST(ParameterHelp, ChoicesAreThoseAccepted) {
  for (const ParameterHelp& help : parameter_help()) {
    for (const std::string_view choice : help.choices) {
      EXPECT_TRUE(is_accepted(help.name, std::string(choice))) << choice;
      for (const std::string_view alias : choice_aliases(help.name, choice)) {
        EXPECT_TRUE(is_accepted(help.name, std::string(alias))) << alias;
      }
    }
    EXPECT_FALSE(is_accepted(help.name, "nonsense")) << help.name;
  }
}

TEST(ParameterHelp, RangesAreThoseAccepted) {
  for (const ParameterHelp& help : parameter_help()) {
    if (help.kind == FieldKind::kChoice || help.kind == FieldKind::kFlag) continue;
    const auto accepted = [&](double x) {
      return is_accepted(help.name, help.name == "betas" ? Value{x, x} : Value(x));
    };
    EXPECT_EQ(accepted(help.low), !help.low_open) << help.name;
    EXPECT_FALSE(accepted(help.low - 1)) << help.name;
    EXPECT_EQ(accepted(help.high), !help.high_open) << help.name;
    EXPECT_FALSE(accepted(help.high + std::abs(help.high))) << help.name;
    if (help.kind != FieldKind::kInteger) continue;
    EXPECT_FALSE(accepted(help.low + 0.5)) << help.name;
    EXPECT_TRUE(help.high >= 0x1p53 || !accepted(help.high + 1)) << help.name;
  }
}

}  // namespace
}  // namespace caviar

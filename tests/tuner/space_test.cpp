// The golden values of W&B's engine (scipy 1.10, numpy 1.24 behind it), and the fine points of its laws.
#include "tuner/space.h"

#include <charconv>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

constexpr double kUnits[] = {0.1, 0.25, 0.5, 0.75, 0.9, 0.999};

struct Golden {
  const char* entry;
  const char* values;  // JSON, one for each of kUnits
};

TEST(Space, GoldenValuesOfWandbAreMet) {
  const std::vector<Golden> goldens = {
      {"{values: [a, b, c]}", R"(["a", "a", "b", "c", "c", "c"])"},
      {"{values: [a, b, c], probabilities: [0.2, 0.3, 0.5]}", R"(["a", "b", "c", "c", "c", "c"])"},
      {"{min: 1, max: 4}", "[1, 1, 2, 3, 4, 4]"},
      {"{min: 0.0, max: 2}", "[0.2, 0.5, 1.0, 1.5, 1.8, 1.998]"},
      {"{distribution: uniform, min: 0, max: 2}", "[0.2, 0.5, 1.0, 1.5, 1.8, 1.998]"},
      {"{distribution: q_uniform, min: 0, max: 2, q: 0.3}", "[0.3, 0.6, 0.9, 1.5, 1.8, 2.1]"},
      {"{distribution: q_uniform, min: 1, max: 10, q: 4}", "[0, 4, 4, 8, 8, 8]"},
      {"{distribution: q_uniform, min: 1, max: 10}", "[2.0, 3.0, 6.0, 8.0, 9.0, 10.0]"},
      {"{distribution: log_uniform, min: -3, max: 0}", "[0.0672055, 0.105399, 0.22313, 0.472367, 0.740818, 0.997004]"},
      {"{distribution: log_uniform_values, min: 0.001, max: 1}",
       "[0.00199526, 0.00562341, 0.0316228, 0.177828, 0.501187, 0.993116]"},
      {"{distribution: q_log_uniform_values, min: 32, max: 256, q: 8}", "[40, 56, 88, 152, 208, 256]"},
      {"{distribution: q_log_uniform, min: 0, max: 3, q: 1}", "[1, 2, 4, 9, 15, 20]"},
      {"{distribution: inv_log_uniform, min: 0, max: 3}",
       "[0.0672055, 0.105399, 0.22313, 0.472367, 0.740818, 0.997004]"},
      {"{distribution: inv_log_uniform_values, min: 0.001, max: 1}",
       "[0.00199526, 0.00562341, 0.0316228, 0.177828, 0.501187, 0.993116]"},
      {"{distribution: normal}", "[-1.28155, -0.67449, 0.0, 0.67449, 1.28155, 3.09023]"},
      {"{distribution: q_normal, mu: 1, sigma: 2, q: 0.5}", "[-1.5, -0.5, 1.0, 2.5, 3.5, 7.0]"},
      {"{distribution: log_normal}", "[0.277606, 0.509416, 1.0, 1.96303, 3.60222, 21.9822]"},
      {"{distribution: q_log_normal, mu: 1, sigma: 0.5}", "[1.0, 2.0, 3.0, 4.0, 5.0, 13.0]"},
      {"{distribution: beta, a: 2, b: 5}", "[0.0925953, 0.161163, 0.26445, 0.389479, 0.510316, 0.818614]"},
      {"{distribution: q_beta, a: 2, b: 5, q: 0.1}", "[0.1, 0.2, 0.3, 0.4, 0.5, 0.8]"},
  };
  for (const Golden& golden : goldens) {
    const Parameter parameter = parameter_of(golden.entry);
    const Value expected = Value::parse(golden.values);
    for (std::size_t i = 0; i < std::size(kUnits); ++i) {
      const Value value = parameter.at(kUnits[i]);
      ASSERT_EQ(value.type_name(), std::string(expected[i].type_name())) << golden.entry;
      EXPECT_EQ(value.is_number_float(), expected[i].is_number_float()) << golden.entry;
      if (value.is_number_float()) {  // the goldens have six digits
        const double want = expected[i].get<double>();
        EXPECT_NEAR(value.get<double>(), want, 6e-6 * std::abs(want)) << golden.entry << " at " << kUnits[i];
      } else {
        EXPECT_EQ(value, expected[i]) << golden.entry << " at " << kUnits[i];
      }
    }
  }
}

TEST(Space, EdgesOfTheUnitIntervalAreClamped) {
  const double last = 1 - 0x1p-53;
  EXPECT_EQ(parameter_of("{min: 1, max: 4}").at(0), 1);  // W&B's engine gives 0 here
  EXPECT_EQ(parameter_of("{min: 1, max: 4}").at(last), 4);
  EXPECT_EQ(parameter_of("{values: [a, b, c]}").at(0), "a");  // and "c" here
  EXPECT_EQ(parameter_of("{values: [a, b, c]}").at(last), "c");
  EXPECT_EQ(parameter_of("{values: [a, b, c], probabilities: [0.1, 0.9, 0]}").at(last), "b");
  for (const char* entry : {"{distribution: normal}", "{distribution: log_normal, sigma: 50}", "{distribution: beta}",
                            "{distribution: q_normal, q: 3}", "{distribution: q_log_normal, sigma: 100, q: 1}"}) {
    for (const double u : {0.0, last}) {
      const Value value = parameter_of(entry).at(u);
      EXPECT_TRUE(std::isfinite(value.get<double>())) << entry;
      EXPECT_TRUE(std::isfinite(static_cast<float>(value.get<double>()))) << entry;
    }
  }
}

TEST(Space, QuantisedValuesAreNotClipped) {
  EXPECT_EQ(parameter_of("{distribution: q_uniform, min: 1, max: 10, q: 4}").at(0.05), 0);
  EXPECT_EQ(parameter_of("{distribution: q_uniform, min: 0, max: 2, q: 0.3}").at(0.999), 2.1);
}

TEST(Space, ThereIsNoNegativeZero) {
  const Value zero = parameter_of("{distribution: q_uniform, min: -0.4, max: 0.0, q: 1.0}").at(0.1);
  EXPECT_EQ(zero.dump(), "0.0");
  EXPECT_EQ(parameter_of("{distribution: uniform, min: -1e-60, max: 0}").at(0.1).dump(), "0.0");
}

TEST(Space, HugeQuantisedIntegersStayExact) {
  const Value value = parameter_of("{distribution: q_uniform, min: 0, max: 18446744073709551615, q: 3}").at(0.999);
  EXPECT_EQ(value, std::int64_t{1} << 53);
  EXPECT_EQ(parameter_of("{distribution: q_log_normal, sigma: 100, q: 1}").at(0.9999), std::int64_t{1} << 53);
}

TEST(Space, HugeQuantisedNumbersAreNotCutOff) {
  EXPECT_EQ(parameter_of("{distribution: q_uniform, min: 0, max: 1e20, q: 1e18}").at(0.5), 5e19);
}

TEST(Space, HalvesAreRoundedToEven) {
  const Parameter parameter = parameter_of("{distribution: q_uniform, min: 0, max: 4, q: 1}");
  EXPECT_EQ(parameter.at(0.125), 0);  // 0.5
  EXPECT_EQ(parameter.at(0.375), 2);  // 1.5
  EXPECT_EQ(parameter.at(0.625), 2);  // 2.5
}

TEST(Space, AnIntegerStepGivesIntegersAndAFloatStepNumbers) {
  EXPECT_TRUE(parameter_of("{distribution: q_uniform, min: 0.5, max: 9.5, q: 2}").at(0.5).is_number_integer());
  EXPECT_TRUE(parameter_of("{distribution: q_uniform, min: 0, max: 9, q: 2.0}").at(0.5).is_number_float());
  EXPECT_TRUE(parameter_of("{distribution: q_uniform, min: 0, max: 9}").at(0.5).is_number_float());
}

TEST(Space, ContinuousValuesAreFloat32WithTheirOwnDigits) {
  const Parameter parameter = parameter_of("{distribution: log_uniform_values, min: 1e-5, max: 1e-1}");
  for (int i = 0; i < 1000; ++i) {
    const Value value = parameter.at(i / 1000.0);
    const float kept = static_cast<float>(value.get<double>());
    EXPECT_GE(kept, 1e-5f);
    EXPECT_LE(kept, 1e-1f);
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value.get<double>()).ptr;
    EXPECT_LE(end - digits, 14) << value;  // at most nine digits, point and exponent
  }
}

TEST(Space, ConstantsAndListedValuesStayAsTheyAre) {
  EXPECT_EQ(parameter_of("{value: 0.003}").at(0.7), Value(0.003));
  EXPECT_EQ(parameter_of("{value: null}").at(0.7), Value(nullptr));
  EXPECT_EQ(parameter_of("{values: [{a: 1}, [1, 2], null, true]}").at(0.3), Value::parse("[1, 2]"));
}

TEST(Space, GridOfEachDiscreteLaw) {
  const auto grid = [](const std::string& entry) {
    const Parameter parameter = parameter_of(entry);
    Value out = Value::array();
    for (std::int64_t i = 0; i < parameter.grid_size(); ++i) out.push_back(parameter.grid_value(i));
    return out.dump();
  };
  EXPECT_EQ(grid("{value: 3}"), "[3]");
  EXPECT_EQ(grid("{values: [b, a, b, 3.0, 3, 1, true, [1], [1.0]]}"), R"(["b","a",3.0,1,true,[1]])");
  EXPECT_EQ(grid("{min: -1, max: 2}"), "[-1,0,1,2]");
  EXPECT_EQ(grid("{distribution: q_uniform, min: 0, max: 1, q: 0.3}"), "[0.0,0.3,0.6,0.9]");
  EXPECT_EQ(grid("{distribution: q_uniform, min: 1, max: 9, q: 4}"), "[1,5]");  // max is excluded
  EXPECT_EQ(grid("{distribution: q_uniform, min: 1, max: 4}"), "[1.0,2.0,3.0]");
  EXPECT_THROW(parameter_of("{min: 0.0, max: 1.0}").grid_size(), Error);
  EXPECT_THROW(parameter_of("{values: [1, 2], probabilities: [0.5, 0.5]}").grid_size(), Error);
}

TEST(Space, ParametersAreSortedByTheirWholeName) {
  const SweepSpec spec = parse_sweep(
      "method: random\nparameters:\n  z: {value: 1}\n  b: {parameters: {y: {value: 1}, a: {value: 2}}}\n  a: {value: "
      "3}\n",
      "sweep.yaml");
  const SearchSpace space(spec);
  std::vector<std::string> names;
  for (const Parameter& parameter : space.parameters()) names.push_back(parameter.name());
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b.a", "b.y", "z"}));
}

// ---- kinds, levels and the way back

TEST(Parameter, KindsFollowFromWhatItGives) {
  using Kind = Parameter::Kind;
  const auto kind = [](const std::string& entry) { return parameter_of(entry).kind(); };
  EXPECT_EQ(kind("{value: 3}"), Kind::kConstant);
  EXPECT_EQ(kind("{values: [a]}"), Kind::kConstant);
  EXPECT_EQ(kind("{values: [3, 3.0]}"), Kind::kConstant);
  EXPECT_EQ(kind("{values: [a, b], probabilities: [1, 0]}"), Kind::kConstant);
  EXPECT_EQ(kind("{distribution: normal, sigma: 0}"), Kind::kConstant);
  EXPECT_EQ(kind("{distribution: q_normal, sigma: 0.01, q: 100}"), Kind::kConstant);
  EXPECT_EQ(kind("{values: [a, b]}"), Kind::kCategorical);
  EXPECT_EQ(kind("{values: [1, 3, 2]}"), Kind::kCategorical);
  EXPECT_EQ(kind("{values: [1, 2, 1]}"), Kind::kCategorical);
  EXPECT_EQ(kind("{values: [false, true]}"), Kind::kCategorical);
  EXPECT_EQ(kind("{values: [16, 32, 64]}"), Kind::kOrdered);
  EXPECT_EQ(kind("{values: [16, 16, 32]}"), Kind::kOrdered);
  EXPECT_EQ(kind("{values: [0.1, 0.01, 0.001]}"), Kind::kOrdered);
  EXPECT_EQ(kind("{values: [1, 2, 3], probabilities: [0.5, 0, 0.5]}"), Kind::kOrdered);
  EXPECT_EQ(kind("{min: 1, max: 4}"), Kind::kOrdered);
  EXPECT_EQ(kind("{distribution: q_uniform, min: 0, max: 2, q: 0.5}"), Kind::kOrdered);
  EXPECT_EQ(kind("{distribution: q_beta, q: 0.1}"), Kind::kOrdered);
  EXPECT_EQ(kind("{min: 0.0, max: 1.0}"), Kind::kContinuous);
  EXPECT_EQ(kind("{min: 0, max: 1048576}"), Kind::kContinuous);
  EXPECT_EQ(kind("{distribution: q_normal}"), Kind::kContinuous);
}

Parameter grouped(const std::string& entry) {
  const std::string text = "method: random\nparameters:\n  g: {parameters: {x: " + entry + "}}\n";
  return Parameter(parse_sweep(text, "sweep.yaml").parameters.at(0));
}

TEST(Parameter, EqualBoundsInsideAGroupMakeAConstant) {
  for (const char* entry :
       {"{min: 3, max: 3}", "{min: 0.3, max: 0.3}", "{distribution: q_uniform, min: 0.5, max: 0.5, q: 1}",
        "{distribution: log_uniform_values, min: 0.003, max: 0.003}",
        "{distribution: q_log_uniform_values, min: 20, max: 20, q: 8}",
        "{distribution: inv_log_uniform_values, min: 0.003, max: 0.003}"}) {
    const Parameter parameter = grouped(entry);
    EXPECT_TRUE(parameter.is_constant()) << entry;
    EXPECT_EQ(parameter.levels(), 1) << entry;
    EXPECT_EQ(parameter.level(0), parameter.at(0.3)) << entry;
    EXPECT_EQ(parameter.unit_of(parameter.at(0.3)), 0.5) << entry;
    EXPECT_FALSE(parameter.unit_of(Value(77)));
  }
}

TEST(Parameter, LevelsAreAllThatIsGivenInAscendingOrderOfU) {
  for (const char* entry :
       {"{values: [b, a, b, c]}", "{values: [64, 32, 16]}", "{min: -3, max: 3}",
        "{values: [a, b, c], probabilities: [0.3, 0, 0.7]}", "{distribution: q_uniform, min: 0, max: 2, q: 0.3}",
        "{distribution: q_uniform, min: 1, max: 10, q: 4}", "{distribution: q_uniform, min: -5, max: 5, q: 1.0}",
        "{distribution: q_log_uniform_values, min: 32, max: 256, q: 8}",
        "{distribution: q_log_uniform, min: 0, max: 3, q: 1}", "{distribution: q_beta, a: 2, b: 5, q: 0.1}"}) {
    const Parameter parameter = parameter_of(entry);
    std::vector<Value> given, levels;
    for (int i = 0; i <= 20000; ++i) {
      const Value value = parameter.at(i < 20000 ? i / 20000.0 : 1 - 0x1p-53);
      if (std::find(given.begin(), given.end(), value) == given.end()) given.push_back(value);
    }
    for (std::int64_t i = 0; i < parameter.levels(); ++i) levels.push_back(parameter.level(i));
    EXPECT_EQ(given, levels) << entry;
  }
}

TEST(Parameter, LevelsThatFloat32CannotTellApartAreNotCounted) {
  EXPECT_EQ(parameter_of("{distribution: q_uniform, min: 0, max: 100000.0, q: 0.1}").levels(), 1000001);
  EXPECT_EQ(parameter_of("{distribution: q_uniform, min: 9000000.0, max: 9000001.0, q: 0.1}").levels(), 0);
  EXPECT_EQ(parameter_of("{distribution: q_uniform, min: 9007199254740990, max: 9007199254741990, q: 1}").levels(), 0);
}

// Every law; among them quantised ones whose first and last value lie beyond the bounds.
constexpr const char* kLaws[] = {
    "{value: 0.003}",
    "{values: [a, b, c]}",
    "{values: [1, 2, 2.0, 8, [1], {a: 2}, null, true]}",
    "{values: [a, b, c, d], probabilities: [0, 0.2, 0, 0.8]}",
    "{values: [a, a, b], probabilities: [0, 0.5, 0.5]}",
    "{min: 1, max: 4}",
    "{min: -4503599627370496, max: 4503599627370496}",
    "{min: 0, max: 4503599627370496}",
    "{min: 0.0, max: 2}",
    "{min: -1.0e+30, max: 1.0e+30}",
    "{distribution: q_uniform, min: 0, max: 2, q: 0.3}",
    "{distribution: q_uniform, min: 1, max: 10, q: 4}",
    "{distribution: q_uniform, min: 0, max: 1000, q: 0.123456789}",
    "{distribution: q_uniform, min: 0, max: 18446744073709551615, q: 3}",
    "{distribution: q_uniform, min: 0, max: 1e20, q: 1e18}",
    "{distribution: log_uniform, min: -3, max: 0}",
    "{distribution: log_uniform_values, min: 1e-5, max: 1e-1}",
    "{distribution: q_log_uniform_values, min: 32, max: 256, q: 8}",
    "{distribution: q_log_uniform, min: 0, max: 3, q: 1}",
    "{distribution: inv_log_uniform, min: 0, max: 3}",
    "{distribution: inv_log_uniform_values, min: 0.001, max: 1}",
    "{distribution: normal, mu: -2, sigma: 3}",
    "{distribution: q_normal, mu: 1, sigma: 2, q: 0.5}",
    "{distribution: log_normal, sigma: 4}",
    "{distribution: q_log_normal, mu: 1, sigma: 0.5}",
    "{distribution: q_log_normal, sigma: 100, q: 1}",
    "{distribution: beta, a: 2, b: 5}",
    "{distribution: beta, a: 0.1, b: 0.1}",
    "{distribution: q_beta, a: 2, b: 5, q: 0.1}",
    "{distribution: q_beta, a: 0.1, b: 0.1, q: 0.3}",
};

TEST(Parameter, UnitOfIsTheWayBack) {
  for (const char* entry : kLaws) {
    const Parameter parameter = parameter_of(entry);
    Draws draws(11, 0, entry);
    for (int i = 0; i < 300; ++i) {
      const double u = i == 0 ? 0 : i == 1 ? 1 - 0x1p-53 : draws.unit();
      const Value value = parameter.at(u);
      const std::optional<double> back = parameter.unit_of(value);
      ASSERT_TRUE(back) << entry << " at " << u << ": " << value;
      ASSERT_TRUE(*back >= 0 && *back < 1) << entry << " at " << u << ": " << value;
      EXPECT_EQ(parameter.at(*back), value) << entry << " at " << u << " and " << *back;
    }
    for (std::int64_t i = 0; i < std::min<std::int64_t>(parameter.levels(), 300); ++i) {
      const std::optional<double> back = parameter.unit_of(parameter.level(i));
      ASSERT_TRUE(back) << entry << ", level " << i;
      EXPECT_EQ(parameter.at(*back), parameter.level(i)) << entry << ", level " << i;
    }
  }
}

TEST(Parameter, UnitOfIsTheMiddleOfAShare) {
  EXPECT_EQ(parameter_of("{values: [a, b]}").unit_of("b"), 0.75);
  EXPECT_EQ(parameter_of("{values: [a, b], probabilities: [0.5, 0.5]}").unit_of("a"), 0.25);
  EXPECT_EQ(parameter_of("{min: 1, max: 4}").unit_of(2), 0.375);
  EXPECT_EQ(parameter_of("{min: 1, max: 4}").unit_of(2.0), 0.375);
  EXPECT_NEAR(*parameter_of("{distribution: q_uniform, min: 0, max: 4, q: 1}").unit_of(1), 0.25, 1e-12);
  EXPECT_NEAR(*parameter_of("{distribution: q_uniform, min: 0, max: 4, q: 1}").unit_of(0), 0.0625, 1e-12);
  EXPECT_NEAR(*parameter_of("{min: 0.0, max: 2.0}").unit_of(0.5), 0.25, 1e-12);
}

TEST(Parameter, UnitOfNothingForWhatIsNeverGiven) {
  const auto none = [](const std::string& entry, const Value& value) { return !parameter_of(entry).unit_of(value); };
  EXPECT_TRUE(none("{value: 3}", 4));
  EXPECT_TRUE(none("{values: [a, b]}", "c"));
  EXPECT_TRUE(none("{values: [a, b], probabilities: [0, 1]}", "a"));
  EXPECT_TRUE(none("{values: [a, b, c], probabilities: [0.5, 1e-300, 0.5]}", "b"));
  EXPECT_TRUE(none("{min: 1, max: 4}", 5));
  EXPECT_TRUE(none("{min: 1, max: 4}", 2.5));
  EXPECT_TRUE(none("{min: 1, max: 4}", "2"));
  EXPECT_TRUE(none("{min: 1, max: 4}", true));
  EXPECT_TRUE(none("{distribution: q_uniform, min: 0, max: 4, q: 2}", 1));
  EXPECT_TRUE(none("{distribution: q_uniform, min: 0, max: 4, q: 2}", 6));
  EXPECT_TRUE(none("{min: 0.0, max: 2.0}", 2.1));
  EXPECT_TRUE(none("{min: 0.0, max: 2.0}", -0.1));
  EXPECT_TRUE(none("{min: 0.0, max: 2.0}", nullptr));
  EXPECT_TRUE(none("{distribution: beta}", 1.5));
}

TEST(Parameter, NumbersGivenByHandCountBetweenTheBoundsAndAHairBeyond) {
  const Parameter rate = parameter_of("{distribution: log_uniform_values, min: 0.001, max: 0.1}");
  EXPECT_NEAR(rate.at(*rate.unit_of(0.0123456789012345)).get<double>(), 0.0123456789, 1e-9);
  EXPECT_EQ(rate.unit_of(0.001 * (1 - 1e-7)), 0);
  EXPECT_TRUE(rate.unit_of(0.1 * (1 + 1e-7)));
}

TEST(Space, ConfigsAndPointsGoBothWays) {
  const SearchSpace space(
      parse_sweep("method: random\nparameters:\n  a: {value: 7}\n  b: {values: [x, y, z]}\n  c: {min: 0.0, max: 1.0}\n"
                  "  d: {distribution: q_normal, q: 0.25}\n",
                  "sweep.yaml"));
  for (std::int64_t trial = 0; trial < 200; ++trial) {
    Draws draws(1, trial, "points");
    const Point point = {0, draws.unit(), draws.unit(), draws.unit()};
    const Config config = space.config_at(point);
    const std::optional<Point> back = space.point_of(config);
    ASSERT_TRUE(back);
    EXPECT_EQ(space.config_at(*back), config);
    EXPECT_EQ(back->at(0), 0.5);
  }
  EXPECT_FALSE(space.point_of({{"a", 7}, {"b", "x"}, {"c", 0.5}}));  // d is missing
  EXPECT_FALSE(space.point_of({{"a", 7}, {"b", "x"}, {"c", 0.5}, {"d", 0}, {"e", 1}}));
  EXPECT_FALSE(space.point_of({{"a", 8}, {"b", "x"}, {"c", 0.5}, {"d", 0}}));
  EXPECT_FALSE(space.point_of({{"a", 7}, {"b", "x"}, {"c", 1.5}, {"d", 0}}));
}

TEST(Space, CountsWhatCanBeListed) {
  using Listing = SearchSpace::Listing;
  const auto space = [](const std::string& parameters) {
    return SearchSpace(parse_sweep("method: random\nparameters:\n" + parameters, "sweep.yaml"));
  };
  const SearchSpace small = space("  a: {values: [1, 2]}\n  b: {distribution: q_uniform, min: 0, max: 6, q: 2}\n");
  EXPECT_EQ(small.count(Listing::kGrid), 2 * 3);  // W&B's grid leaves max out
  EXPECT_EQ(small.count(Listing::kAll), 2 * 4);
  EXPECT_EQ(Value(small.config_number(Listing::kAll, 7)).dump(), R"({"a":2,"b":6})");
  EXPECT_EQ(space("  a: {min: 0.0, max: 1.0}\n  b: {values: [1, 2]}\n").count(Listing::kAll), -1);
  EXPECT_EQ(space("  a: {values: [1, 2, 3], probabilities: [0.5, 0, 0.5]}\n").count(Listing::kAll), 2);
  std::string many;
  for (int i = 0; i < 63; ++i) many += "  p" + std::to_string(i) + ": {values: [0, 1]}\n";
  EXPECT_EQ(space(many).count(Listing::kAll), -1);  // 2^63
}

// ---- conditional spaces

SearchSpace conditional_space(const std::string& method = "random") {
  return SearchSpace(
      parse_sweep("method: " + method +
                      "\nparameters:\n  a: {values: [x, y, x]}\n  e: {values: [0, 1]}\ncaviar:\n  choice:\n"
                      "    a: {x: {b: {values: [1, 2]}}, y: {c: {values: [p, q]}, b: {value: 7}}}\n"
                      "    c: {p: {d: {min: 5, max: 6}}}\n",
                  "sweep.yaml"));
}

TEST(ConditionalSpace, ListsEveryConfigOnceInOrder) {
  // By hand: b within x; b, then c and d within y; e fastest.
  constexpr const char* kExpected[] = {
      R"({"a":"x","b":1,"e":0})",
      R"({"a":"x","b":1,"e":1})",
      R"({"a":"x","b":2,"e":0})",
      R"({"a":"x","b":2,"e":1})",
      R"({"a":"y","b":7,"c":"p","d":5,"e":0})",
      R"({"a":"y","b":7,"c":"p","d":5,"e":1})",
      R"({"a":"y","b":7,"c":"p","d":6,"e":0})",
      R"({"a":"y","b":7,"c":"p","d":6,"e":1})",
      R"({"a":"y","b":7,"c":"q","e":0})",
      R"({"a":"y","b":7,"c":"q","e":1})",
  };
  const SearchSpace space = conditional_space("grid");
  for (const auto listing : {SearchSpace::Listing::kGrid, SearchSpace::Listing::kAll}) {
    ASSERT_EQ(space.count(listing), 10);
    for (std::int64_t i = 0; i < 10; ++i) EXPECT_EQ(Value(space.config_number(listing, i)).dump(), kExpected[i]);
  }
}

TEST(ConditionalSpace, PointsHoldNothingWhereAParameterHasNoPlace) {
  const SearchSpace space = conditional_space();
  ASSERT_EQ(space.size(), 6u);  // a, b under y, b under x, c, d, e
  EXPECT_TRUE(space.is_conditional());
  std::vector<std::string> labels;
  for (const Parameter& parameter : space.parameters()) labels.push_back(parameter.label());
  EXPECT_EQ(labels, (std::vector<std::string>{"a", "a=x/b", "a=y/b", "a=y/c", "a=y/c=p/d", "e"}));
  EXPECT_EQ(space.parent(4), 3);
  EXPECT_EQ(space.parent(5), -1);
  for (std::int64_t i = 0; i < 10; ++i) {
    const Config config = space.config_number(SearchSpace::Listing::kAll, i);
    Point point = space.point_of(config).value();
    EXPECT_EQ(space.config_at(point), config);
    EXPECT_EQ(std::isnan(point[1]), config.at("a") == "y");
    EXPECT_EQ(std::isnan(point[2]), config.at("a") == "x");
    EXPECT_EQ(std::isnan(point[4]), !config.contains("d"));
    Point full = point;
    for (double& u : full) u = std::isnan(u) ? 0.3 : u;
    EXPECT_EQ(space.config_at(full), config) << "what has no place is not read";
    space.trim(full);
    for (std::size_t p = 0; p < point.size(); ++p) EXPECT_EQ(std::isnan(full[p]), std::isnan(point[p])) << p;
  }
  EXPECT_FALSE(space.point_of({{"a", "x"}, {"b", 7}, {"e", 0}}));  // 7 belongs to y
  EXPECT_FALSE(space.point_of({{"a", "x"}, {"b", 1}, {"c", "q"}, {"e", 0}}));
  EXPECT_FALSE(space.point_of({{"a", "y"}, {"b", 7}, {"c", "p"}, {"e", 0}}));
}

}  // namespace
}  // namespace caviar

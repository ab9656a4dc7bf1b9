// The golden values of W&B's engine (scipy 1.10, numpy 1.24 behind it), and the fine points of its laws.
#include "tuner/space.h"

#include <charconv>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"

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

}  // namespace
}  // namespace caviar

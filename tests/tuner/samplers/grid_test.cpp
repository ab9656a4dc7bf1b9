// The grid: order, exactness, laziness. W&B's own engine has repeated and never-ending grids on record.
#include "tuner/samplers/grid.h"

#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"

namespace caviar {
namespace {

GridSampler grid_of(const std::string& parameters) {
  return GridSampler(SearchSpace(parse_sweep("method: grid\nparameters:\n" + parameters, "sweep.yaml")));
}

TEST(Grid, NamesAreSortedAndTheLastRunsFastest) {
  GridSampler grid = grid_of("  b: {values: [x, y]}\n  a: {values: [2, 1]}\n  c: {value: 0}\n");
  ASSERT_EQ(grid.size(), 4);
  std::ostringstream order;
  for (std::int64_t i = 0; i < 4; ++i) order << Value(*grid.suggest(i)).dump();
  EXPECT_EQ(order.str(), R"({"a":2,"b":"x","c":0}{"a":2,"b":"y","c":0}{"a":1,"b":"x","c":0}{"a":1,"b":"y","c":0})");
  EXPECT_FALSE(grid.suggest(4));
  EXPECT_FALSE(grid.suggest(-1));
}

TEST(Grid, EqualValuesCollapse) {
  GridSampler grid = grid_of("  a: {values: [3, 3.0, 4, 3]}\n");
  EXPECT_EQ(grid.size(), 2);
  EXPECT_TRUE(grid.suggest(0)->at("a").is_number_integer());  // the first of equals stays
}

TEST(Grid, NestedGroupsVary) {
  GridSampler grid = grid_of("  m: {parameters: {x: {values: [1, 2]}, y: {parameters: {z: {values: [3, 4]}}}}}\n");
  ASSERT_EQ(grid.size(), 4);
  EXPECT_EQ(Value(*grid.suggest(1)).dump(), R"({"m.x":1,"m.y.z":4})");
}

TEST(Grid, AHundredThousandPointsAreExactAndDifferent) {
  GridSampler grid = grid_of(
      "  a: {min: 0, max: 49}\n  b: {min: 1, max: 50}\n  c: {distribution: q_uniform, min: 0, max: 40, q: 1}\n");
  ASSERT_EQ(grid.size(), 100'000);
  std::set<Config> seen;
  for (std::int64_t i = 0; i < grid.size(); ++i) EXPECT_TRUE(seen.insert(*grid.suggest(i)).second) << i;
  EXPECT_FALSE(grid.suggest(100'000));
  EXPECT_EQ(Value(*grid.suggest(99'999)).dump(), R"({"a":49,"b":50,"c":39})");
}

TEST(Grid, NothingIsExpanded) {
  GridSampler grid = grid_of("  a: {min: 0, max: 2000000000}\n  b: {min: 0, max: 2000000000}\n");
  EXPECT_EQ(grid.size(), 4'000'000'004'000'000'001);
  EXPECT_EQ(grid.suggest(grid.size() - 1)->at("b"), 2000000000);
  EXPECT_EQ(Value(*grid.suggest(2000000001)).dump(), R"({"a":1,"b":0})");
}

TEST(Grid, TooManyPointsAreRefusedNotWrappedAround) {
  std::ostringstream many;
  for (int i = 0; i < 5; ++i) many << "  p" << i << ": {min: 1, max: 10000}\n";
  EXPECT_THROW(grid_of(many.str()), Error);  // 10^20
}

TEST(Grid, LawsWithoutAGridAreRefusedWithTheirLine) {
  EXPECT_EQ(refusal("method: grid\nparameters:\n  a: {values: [1]}\n  lr: {min: 0.1, max: 1.0}\n"),
            "sweep.yaml:4: parameter 'lr' is uniform, which has no grid; list values, use int_uniform or q_uniform, or "
            "method: random");
  EXPECT_NE(refusal("method: grid\nparameters:\n  a: {values: [1, 2], probabilities: [0.5, 0.5]}\n"), "no error");
}

}  // namespace
}  // namespace caviar

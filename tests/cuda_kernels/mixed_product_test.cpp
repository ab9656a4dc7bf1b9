// The products of the mixed precision against plain loops, on integers so small that halves and every sum are exact:
// equal bits, whatever the order; and not a byte written that is not an output.
#include "kernels/mixed_product.h"

#include "kernels/base/half.h"
#include "tests/cuda_kernels/recurrent_mixed_test.h"

namespace caviar {
namespace {

using test::Draw;
using test::LayerArrays;
using test::LayerShape;
using test::on_device;
using test::PackArray;

constexpr int kSlots = 4;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
float& at(PackArray<float>& a, int slot, int row, std::int64_t column) { return a.at(slot, 0, row, column); }

// Both layers' forms, sizes off every tile, one direction with a single step.
const LayerShape kShapes[] = {
    {.cell = Cell::kLstm, .steps = 3, .batch = 19, .hidden = 16, .input_length = 28, .first = true},
    {.cell = Cell::kGru,
     .steps = 2,
     .batch = 7,
     .hidden = 45,
     .input_segments = 2,
     .input_length = 45,
     .active = {2, 1}},
    {.cell = Cell::kRnnTanh, .steps = 4, .batch = 33, .hidden = 9, .input_length = 5, .active = {4, 1}},
    {.cell = Cell::kLstm,
     .steps = 2,
     .batch = 5,
     .hidden = 50,
     .input_segments = 2,
     .input_length = 50,
     .active = {2, 2}},
    {.cell = Cell::kRnnRelu,
     .steps = 2,
     .batch = 16,
     .hidden = 8,
     .input_length = 3,
     .directions = 1,
     .active = {2, 0}},
};

// Every element an integer from -3 to 3, the memory between the rows NaN where nothing may be read.
LayerArrays integers(const LayerShape& s) {
  LayerArrays arrays(s, kSlots);
  Draw draw(17);
  for (PackArray<float>& array : arrays.arrays) array.fill([&] { return static_cast<float>(draw.below(7) - 3); });
  return arrays;
}

int first_time(const LayerShape& s, int d) { return d == 1 ? s.steps - s.active[d] : 0; }

// Gradients before activations, in the stash: integers times the scale.
int gradient_of(int slot, int d, int t, int b, int column) {
  return (slot + 2 * d + 3 * t + 5 * b + 7 * column) % 5 - 2;
}

void fill_stash(const LayerShape& s, const std::vector<SlotRow>& rows, LayerArrays& arrays) {
  for (int slot = 0; slot < kSlots; ++slot)
    for (int d = 0; d < s.directions; ++d)
      for (int t = 0; t < s.steps; ++t)
        for (int b = 0; b < s.batch; ++b) {
          Half* const row = reinterpret_cast<Half*>(&arrays.of(d, LayerArrays::kGates).at(slot, t, b, 0));
          const int hp = padded(s.hidden), columns = stash_segments(s.cell) * hp;
          for (int c = 0; c < columns; ++c)
            row[c] = c % hp >= s.hidden ? Half{0}
                                        : to_half(static_cast<float>(gradient_of(slot, d, t, b, c)) *
                                                  gradient_scale(rows[index(slot)].batch_size));
        }
}

// body(slot, d, t, b) for every row that a direction visited.
template <class Body>
void for_visited(const LayerShape& s, const std::vector<SlotRow>& rows, const Body& body) {
  for (int slot = 0; slot < kSlots; ++slot)
    for (int d = 0; d < s.directions && rows[index(slot)].on; ++d)
      for (int t = first_time(s, d); t < first_time(s, d) + s.active[d]; ++t)
        for (int b = 0; b < rows[index(slot)].rows; ++b) body(slot, d, t, b);
}

int column_of(const LayerShape& s, int feature) {
  const Segments inputs = s.inputs();
  return inputs.offset[feature / inputs.length] + feature % inputs.length;
}

void expect_projection(const LayerShape& s, const std::vector<SlotRow>& rows, LayerArrays& want) {
  for_visited(s, rows, [&](int slot, int d, int t, int b) {
    for (int g = 0; g < s.gates(); ++g)
      for (int j = 0; j < padded(s.hidden); ++j) {
        const int row = g * s.hidden + j;
        float sum = 0;
        if (j < s.hidden) {
          sum = at(want.of(d, LayerArrays::kInputBias), slot, row, 0);
          if (s.cell != Cell::kGru || g < 2) sum += at(want.of(d, LayerArrays::kHiddenBias), slot, row, 0);
          for (int k = 0; k < s.features(); ++k)
            sum += want[LayerArrays::kX].at(slot, t, b, column_of(s, k)) *
                   at(want.of(d, LayerArrays::kInputWeight), slot, row, k);
        }
        want.of(d, LayerArrays::kGates).at(slot, t, b, g * padded(s.hidden) + j) = sum;
      }
  });
}

void expect_weight_gradients(const LayerShape& s, const std::vector<SlotRow>& rows, LayerArrays& want) {
  for_visited(s, rows, [&](int slot, int d, int t, int b) {
    const int before = d == 1 ? t + 1 : t - 1;
    const bool is_first_step = d == 1 ? t == s.steps - 1 : t == 0;
    for (int g = 0; g < s.gates(); ++g)
      for (int j = 0; j < s.hidden; ++j) {
        const int row = g * s.hidden + j, hp = padded(s.hidden);
        const int of_hidden = s.cell == Cell::kGru && g == 2 ? 3 : g;
        const float input = static_cast<float>(gradient_of(slot, d, t, b, g * hp + j));
        const float hidden = static_cast<float>(gradient_of(slot, d, t, b, of_hidden * hp + j));
        at(want.of(d, LayerArrays::kGradInputBias), slot, row, 0) += input;
        at(want.of(d, LayerArrays::kGradHiddenBias), slot, row, 0) += hidden;
        for (int k = 0; k < s.features(); ++k)
          at(want.of(d, LayerArrays::kGradInputWeight), slot, row, k) +=
              input * want[LayerArrays::kX].at(slot, t, b, column_of(s, k));
        for (int k = 0; k < s.hidden && !is_first_step; ++k)
          at(want.of(d, LayerArrays::kGradHiddenWeight), slot, row, k) +=
              hidden * want[LayerArrays::kH].at(slot, before, b, d * hp + k);
      }
  });
}

void expect_input_gradient(const LayerShape& s, const std::vector<SlotRow>& rows, LayerArrays& want) {
  for_visited(s, rows, [&](int slot, int d, int t, int b) {
    for (int k = 0; k < s.features(); ++k)
      for (int g = 0; g < s.gates(); ++g)
        for (int j = 0; j < s.hidden; ++j)
          want[LayerArrays::kGradX].at(slot, t, b, column_of(s, k)) +=
              static_cast<float>(gradient_of(slot, d, t, b, g * padded(s.hidden) + j)) *
              at(want.of(d, LayerArrays::kInputWeight), slot, g * s.hidden + j, k);
  });
}

enum class Operand { kInputs, kStash };

// Runs the product on every shape and holds all arrays against what `expect` makes of them.
template <class Product, class Expect>
void check(Operand operand, const Product& product, const Expect& expect) {
  for (const LayerShape& s : kShapes) {
    if (s.first && operand == Operand::kStash) continue;
    SCOPED_TRACE(s.hidden);
    const std::vector<SlotRow> rows = test::layer_table(kSlots, s.batch);
    LayerArrays start = integers(s);
    if (operand == Operand::kStash) fill_stash(s, rows, start);
    LayerArrays want = start;
    expect(s, rows, want);
    on_device([&](const Cuda& device) {
      const test::DeviceLayer layer(s, start, rows);
      product(device, layer.args());
      EXPECT_TRUE(same_bits(want, layer.read()));
    });
  }
}

TEST(MixedProduct, InputProjectionIsExactOnSmallIntegers) {
  check(Operand::kInputs, mixed_input_projection, expect_projection);
}

TEST(MixedProduct, WeightGradientsAreExactOnSmallIntegers) {
  check(Operand::kStash, mixed_weight_gradients, expect_weight_gradients);
}

TEST(MixedProduct, InputGradientIsExactOnSmallIntegers) {
  check(Operand::kStash, mixed_input_gradient, expect_input_gradient);
}

TEST(MixedProduct, ScaleIsAPowerOfTwoOfTheBatchSizeAlone) {
  EXPECT_EQ(gradient_scale(1), 256.0f);
  EXPECT_EQ(gradient_scale(2), 512.0f);
  EXPECT_EQ(gradient_scale(48), 64 * 256.0f);
  EXPECT_EQ(gradient_scale(64), 64 * 256.0f);
  EXPECT_EQ(gradient_scale(65), 128 * 256.0f);
}

// A lane's four neighbours are the inner indices 2q, 2q+1, 2q+8, 2q+9 of a tile (kernels/base/mma.h).
TEST(MixedProduct, PlacesInATileAreAPermutationByQuads) {
  for (int q = 0; q < 4; ++q) {
    EXPECT_EQ(place_in_tile(4 * q), 2 * q);
    EXPECT_EQ(place_in_tile(4 * q + 1), 2 * q + 1);
    EXPECT_EQ(place_in_tile(4 * q + 2), 2 * q + 8);
    EXPECT_EQ(place_in_tile(4 * q + 3), 2 * q + 9);
  }
}

}  // namespace
}  // namespace caviar

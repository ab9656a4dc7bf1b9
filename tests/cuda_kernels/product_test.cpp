// The grouped products against the law they must keep, chain by chain: kernels/README.md, law 2.
#include "kernels/product.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

constexpr int kSlots = 4, kBatch = 21;

// Slot 1 is off; the others have different rows.
std::vector<SlotRow> table() {
  std::vector<SlotRow> rows(kSlots);
  for (int s = 0; s < kSlots; ++s) rows[static_cast<std::size_t>(s)].on = s != 1;
  rows[0].rows = kBatch;
  rows[1].rows = 5;
  rows[2].rows = 3;
  rows[3].rows = 17;
  return rows;
}

std::vector<float> numbers(std::ptrdiff_t count, std::uint64_t seed) {
  Draw draw(seed);
  std::vector<float> v(static_cast<std::size_t>(count));
  for (float& x : v) x = draw.number();
  return v;
}

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }
int column_of_flat(const Segments& s, int i) { return s.offset[i / s.length] + i % s.length; }
bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct RowsCase {
  WeightForm form;
  Segments k, n;
  int steps[2];
  Finish finish;
  int stored_from = 1 << 30;
  int weight_offset = 0;  // floats before W: 1 takes away its alignment
};

void check_rows(const RowsCase& test) {
  const int a_stride = test.k.offset[test.k.count - 1] + padded(test.k.length) + 8;
  const int c_stride = test.n.offset[test.n.count - 1] + padded(test.n.length) + 8;
  const int k = test.k.total(), n = test.n.total(), most = std::max(test.steps[0], test.steps[1]);
  const std::ptrdiff_t a_size = most * kBatch * a_stride, c_size = most * kBatch * c_stride, w_size = k * n + 4;
  const std::vector<SlotRow> rows = table();
  const auto a = numbers(2 * kSlots * a_size, 1), w = numbers(2 * kSlots * w_size, 2),
             bias = numbers(2 * kSlots * n, 3), before = numbers(2 * kSlots * c_size, 4);
  std::vector<float> expected = before;
  for (int s = 0; s < kSlots; ++s)
    for (int d = 0; d < 2 && rows[at(s)].on; ++d)
      for (int step = 0; step < test.steps[d]; ++step)
        for (int b = 0; b < rows[at(s)].rows; ++b)
          for (int j = 0; j < n; ++j) {
            const std::ptrdiff_t problem = d * kSlots + s, m = step * kBatch + b;
            const float* weights = &w[at(problem * w_size + test.weight_offset)];
            float sum = 0;
            for (int i = 0; i < k; ++i)
              sum = std::fma(a[at(problem * a_size + m * a_stride + column_of_flat(test.k, i))],
                             test.form == WeightForm::kRowIsOutput ? weights[j * k + i] : weights[i * n + j], sum);
            if (test.finish == Finish::kAddBias || test.finish == Finish::kStoreBias) sum += bias[at(problem * n + j)];
            float& out = expected[at(problem * c_size + m * c_stride + column_of_flat(test.n, j))];
            const bool adds = test.finish == Finish::kAdd || test.finish == Finish::kAddBias;
            out = adds && j < test.stored_from ? out + sum : sum;
          }
  on_device([&](const Cuda& device) {
    const DeviceVector<SlotRow> device_rows(rows);
    const DeviceVector<float> device_a(a), device_w(w), device_bias(bias), c(before);
    GroupedProduct p;
    p.window = {0, kSlots, 0, kBatch};
    p.rows = device_rows.data();
    p.directions = 2;
    for (int d = 0; d < 2; ++d)
      p.direction[d] = {test.steps[d],
                        {device_a.data() + d * kSlots * a_size, a_size},
                        {device_w.data() + d * kSlots * w_size + test.weight_offset, w_size},
                        {device_bias.data() + d * kSlots * n, n},
                        {c.data() + d * kSlots * c_size, c_size}};
    p.form = test.form;
    p.a_stride = a_stride;
    p.c_stride = c_stride;
    p.k = test.k;
    p.n = test.n;
    p.finish = test.finish;
    p.stored_from = test.stored_from;
    grouped_product(device, p);
    EXPECT_TRUE(same(c.read(), expected))
        << "k " << test.k.count << " x " << test.k.length << ", n " << test.n.count << " x " << test.n.length;
  });
}

TEST(CudaProduct, EveryRowIsOneAscendingChainForEveryTile) {
  for (const WeightForm form : {WeightForm::kRowIsOutput, WeightForm::kColumnIsOutput})
    for (const int outputs : {1, 10, 16, 17, 32, 60, 128, 130}) {
      check_rows({form, packed_segments(1, 28), packed_segments(1, outputs), {2, 1}, Finish::kStoreBias});
      check_rows({form, packed_segments(1, 7), packed_segments(1, outputs), {1, 3}, Finish::kAdd});
    }
}

TEST(CudaProduct, SegmentsArePassedOverInOrder) {
  Segments apart = packed_segments(3, 12);
  apart.offset[2] = 3 * padded(12);
  for (const WeightForm form : {WeightForm::kRowIsOutput, WeightForm::kColumnIsOutput}) {
    check_rows({form, packed_segments(2, 17), packed_segments(4, 5), {2, 2}, Finish::kStore});
    check_rows({form, apart, packed_segments(2, 33), {2, 2}, Finish::kAdd});
    check_rows({form, packed_segments(1, 12), apart, {0, 2}, Finish::kAddBias, 24});
    check_rows({form, packed_segments(4, 16), packed_segments(4, 24), {5, 2}, Finish::kStoreBias, 1 << 30, 1});
  }
}

struct OuterCase {
  Segments i, j;
  int steps, product_steps;
};

void check_outer(const OuterCase& test) {
  constexpr int kWalk = 3;  // steps in memory; the second direction walks them backwards
  const int a_stride = test.i.offset[test.i.count - 1] + padded(test.i.length) + 8;
  const int b_stride = test.j.offset[test.j.count - 1] + padded(test.j.length) + 8;
  const int height = test.i.total(), width = test.j.total();
  const std::ptrdiff_t a_step = kBatch * a_stride, b_step = kBatch * b_stride, a_size = kWalk * a_step,
                       b_size = kWalk * b_step, c_size = height * width;
  const std::vector<SlotRow> rows = table();
  const auto a = numbers(2 * kSlots * a_size, 1), b = numbers(2 * kSlots * b_size, 2),
             c_before = numbers(2 * kSlots * c_size, 3), bias_before = numbers(2 * kSlots * height, 4);
  std::vector<float> c = c_before, bias = bias_before;
  for (int s = 0; s < kSlots; ++s)
    for (int d = 0; d < 2 && rows[at(s)].on; ++d)
      for (int row0 = 0; row0 < rows[at(s)].rows; row0 += kRowBlock) {
        const std::ptrdiff_t problem = d * kSlots + s;
        const int end = std::min(row0 + kRowBlock, rows[at(s)].rows);
        const auto chain = [&](int steps, auto&& add) {
          for (int step = 0; step < steps; ++step)
            for (int row = row0; row < end; ++row) add(d == 0 ? step : kWalk - 1 - step, row);
        };
        for (int i = 0; i < height; ++i) {
          const float* x = &a[at(problem * a_size + column_of_flat(test.i, i))];
          float sum = 0;
          chain(test.steps, [&](int t, int row) { sum += x[t * a_step + row * a_stride]; });
          bias[at(problem * height + i)] += sum;
          for (int j = 0; j < width && test.product_steps > 0; ++j) {
            const float* y = &b[at(problem * b_size + column_of_flat(test.j, j))];
            sum = 0;
            chain(test.product_steps, [&](int t, int row) {
              sum = std::fma(x[t * a_step + row * a_stride], y[t * b_step + row * b_stride], sum);
            });
            c[at(problem * c_size + i * width + j)] += sum;
          }
        }
      }
  on_device([&](const Cuda& device) {
    const DeviceVector<SlotRow> device_rows(rows);
    const DeviceVector<float> device_a(a), device_b(b), device_c(c_before), device_bias(bias_before),
        device_copy(bias_before);
    GroupedOuterProduct p;
    p.window = {0, kSlots, 0, kBatch};
    p.rows = device_rows.data();
    p.directions = 2;
    for (int d = 0; d < 2; ++d) {
      const std::ptrdiff_t first = d == 0 ? 0 : kWalk - 1, sign = d == 0 ? 1 : -1;
      p.direction[d] = {test.steps,
                        test.product_steps,
                        {device_a.data() + d * kSlots * a_size + first * a_step, a_size},
                        {device_b.data() + d * kSlots * b_size + first * b_step, b_size},
                        sign * a_step,
                        sign * b_step,
                        {device_c.data() + d * kSlots * c_size, c_size},
                        {device_bias.data() + d * kSlots * height, height},
                        {device_copy.data() + d * kSlots * height, height}};
    }
    p.a_stride = a_stride;
    p.b_stride = b_stride;
    p.i = test.i;
    p.j = test.j;
    grouped_outer_product(device, p);
    EXPECT_TRUE(same(device_c.read(), c)) << height << " x " << width;
    EXPECT_TRUE(same(device_bias.read(), bias)) << height << " x " << width;
    EXPECT_TRUE(same(device_copy.read(), bias)) << height << " x " << width;
  });
}

TEST(CudaProduct, WeightGradientsAreOneChainABlockOfRowsForEveryTile) {
  for (const int height : {1, 16, 48, 64, 130})
    for (const int width : {1, 28, 33, 64, 132})
      check_outer({packed_segments(1, height), packed_segments(1, width), 2, 2});
}

TEST(CudaProduct, WeightGradientsPassOverSegments) {
  Segments apart = packed_segments(3, 12);
  apart.offset[2] = 3 * padded(12);
  check_outer({apart, packed_segments(2, 20), 3, 2});
  check_outer({packed_segments(4, 17), packed_segments(2, 9), 3, 3});
}

TEST(CudaProduct, WithoutProductStepsOnlyTheBiasChanges) {
  check_outer({packed_segments(3, 10), packed_segments(1, 10), 1, 0});
}

}  // namespace
}  // namespace caviar::test

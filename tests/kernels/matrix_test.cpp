// The micro-kernels against the law they must keep: one chain of fused multiply-adds in ascending k, bit for bit.
#include "kernels/base/matrix.h"

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/buffer.h"
#include "kernels/math/philox.h"

namespace caviar {
namespace {

// Values of mixed sign and size, so that every other order of summation shows.
std::vector<float> numbers(std::size_t count, std::uint32_t stream) {
  std::vector<float> v(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Philox4 r = philox4x32(static_cast<std::uint32_t>(i), stream, 0, 0, 7);
    v[i] = (unit_float(r.x) - 0.5f) * std::exp2(static_cast<float>(r.y % 12));
  }
  return v;
}

Buffer<float> aligned(const std::vector<float>& v) {
  Buffer<float> b(v.size());
  std::copy(v.begin(), v.end(), b.data());
  return b;
}

bool same_bits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; }

struct ProductCase {
  int rows, segments, length, out_segments, out_length;
  Finish finish;
};

TEST(Matrix, RowProductIsOneAscendingChainForEveryTileShape) {
  std::vector<ProductCase> cases;
  for (int rows = 1; rows <= 13; ++rows)
    for (int out = 1; out <= 41; out += 5) cases.push_back({rows, 2, 5, 1, out, Finish::kStore});
  cases.push_back({49, 4, 10, 1, 10, Finish::kAdd});
  cases.push_back({100, 1, 28, 4, 30, Finish::kStoreBias});
  cases.push_back({16, 1, 32, 3, 32, Finish::kAddBias});
  for (const ProductCase& test : cases) {
    const int k = test.segments * test.length, n = test.out_segments * test.out_length;
    const int a_width = test.segments * padded(test.length) + 3,
              c_width = test.out_segments * padded(test.out_length) + 5;
    const auto a = numbers(static_cast<std::size_t>(test.rows * a_width), 1),
               w = numbers(static_cast<std::size_t>(n * k), 2);
    const auto before = numbers(static_cast<std::size_t>(test.rows * c_width), 3);
    const int vectors = packed_segments(test.out_segments, test.out_length).vectors();
    Buffer<float> panels(panel_size(k, vectors));
    pack_transposed(w.data(), k, test.out_segments, test.out_length, panels.data());
    const Buffer<float> bias = aligned(numbers(static_cast<std::size_t>(vectors * kLanes), 4));
    Buffer<float> c = aligned(before);
    RowProduct p;
    p.a = a.data();
    p.a_stride = a_width;
    p.k = packed_segments(test.segments, test.length);
    p.panels = panels.data();
    p.rows = test.rows;
    p.vectors = vectors;
    p.c = c.data();
    p.c_stride = c_width;
    p.bias = bias.data();
    row_product(p, test.finish);
    for (int m = 0; m < test.rows; ++m)
      for (int segment = 0; segment < test.out_segments; ++segment)
        for (int j = 0; j < test.out_length; ++j) {
          float sum = 0;
          for (int s = 0; s < test.segments; ++s)
            for (int i = 0; i < test.length; ++i)
              sum =
                  std::fma(a[static_cast<std::size_t>(m * a_width + s * padded(test.length) + i)],
                           w[static_cast<std::size_t>((segment * test.out_length + j) * k + s * test.length + i)], sum);
          const int column = segment * padded(test.out_length) + j;
          const float old = before[static_cast<std::size_t>(m * c_width + column)];
          const float b = bias[static_cast<std::size_t>(column)];
          const float expected = test.finish == Finish::kStore       ? sum
                                 : test.finish == Finish::kStoreBias ? sum + b
                                 : test.finish == Finish::kAdd       ? old + sum
                                                                     : old + (sum + b);
          ASSERT_TRUE(same_bits(c[static_cast<std::size_t>(m * c_width + column)], expected))
              << test.rows << " rows, output " << n << ", row " << m << ", column " << column;
        }
    // What lies behind the columns is not touched.
    for (int m = 0; m < test.rows; ++m)
      for (int column = vectors * kLanes; column < c_width; ++column)
        ASSERT_EQ(c[static_cast<std::size_t>(m * c_width + column)],
                  before[static_cast<std::size_t>(m * c_width + column)]);
  }
}

TEST(Matrix, PackingDirectAndTransposedMeanTheSameMatrix) {
  const int k = 11, count = 2, length = 13;
  const auto w = numbers(static_cast<std::size_t>(k * count * length), 5);
  std::vector<float> transposed(w.size());
  for (int i = 0; i < k; ++i)
    for (int j = 0; j < count * length; ++j)
      transposed[static_cast<std::size_t>(j * k + i)] = w[static_cast<std::size_t>(i * count * length + j)];
  const std::size_t size = panel_size(k, packed_segments(count, length).vectors());
  Buffer<float> a(size), b(size);
  pack_direct(w.data(), k, count, length, a.data());
  pack_transposed(transposed.data(), k, count, length, b.data());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.bytes()), 0);
}

TEST(Matrix, WeightGradientsAreOneChainABlockOfSixteenRows) {
  struct Case {
    int rows, steps, i_segments, i_length, j_segments, j_length;
  };
  for (const Case& test : {Case{5, 3, 4, 10, 1, 28}, Case{16, 2, 3, 7, 2, 12}, Case{37, 4, 1, 9, 2, 24},
                           Case{33, 1, 1, 10, 1, 1}, Case{64, 3, 1, 32, 1, 32}}) {
    const int aw = test.i_segments * padded(test.i_length), bw = test.j_segments * padded(test.j_length);
    const auto a = numbers(static_cast<std::size_t>(test.steps * test.rows * aw), 6);
    const auto b = numbers(static_cast<std::size_t>(test.steps * test.rows * bw), 7);
    const Segments si = packed_segments(test.i_segments, test.i_length),
                   sj = packed_segments(test.j_segments, test.j_length);
    const auto before = numbers(static_cast<std::size_t>(si.total() * sj.total()), 8);
    auto c = before;
    const auto bias_before = numbers(static_cast<std::size_t>(si.total()), 9);
    auto bias = bias_before;
    OuterProduct p;
    p.a = a.data() + (test.steps - 1) * test.rows * aw;  // the last step first
    p.a_step = -test.rows * aw;
    p.a_stride = aw;
    p.i = si;
    p.b = b.data() + (test.steps - 1) * test.rows * bw;
    p.b_step = -test.rows * bw;
    p.b_stride = bw;
    p.j = sj;
    p.steps = test.steps;
    p.rows = test.rows;
    p.c = c.data();
    outer_product(p);
    outer_sum(p.a, p.a_step, p.a_stride, si, test.steps, test.rows, bias.data());
    for (int i = 0; i < si.total(); ++i) {
      const int ai = i / test.i_length * padded(test.i_length) + i % test.i_length;
      float bias_sum = bias_before[static_cast<std::size_t>(i)];
      for (int j = -1; j < sj.total(); ++j) {
        const int bj = j / test.j_length * padded(test.j_length) + j % test.j_length;
        float sum = j < 0 ? bias_sum : before[static_cast<std::size_t>(i * sj.total() + j)];
        for (int block = 0; block < test.rows; block += kRowBlock) {
          float chain = 0;
          for (int t = test.steps - 1; t >= 0; --t)
            for (int row = block; row < std::min(test.rows, block + kRowBlock); ++row) {
              const float x = a[static_cast<std::size_t>((t * test.rows + row) * aw + ai)];
              chain =
                  j < 0 ? chain + x : std::fma(x, b[static_cast<std::size_t>((t * test.rows + row) * bw + bj)], chain);
            }
          sum += chain;
        }
        const float got = j < 0 ? bias[static_cast<std::size_t>(i)] : c[static_cast<std::size_t>(i * sj.total() + j)];
        ASSERT_TRUE(same_bits(got, sum)) << test.rows << " rows, element " << i << ", " << j;
      }
    }
  }
}

// The test above must be able to notice: another cut of the batch is another sum.
TEST(Matrix, AnotherBlockSizeWouldBeNoticed) {
  const int rows = 32;
  const auto a = numbers(rows, 10), b = numbers(rows, 11);
  float one_chain = 0, blocks = 0;
  for (int row = 0; row < rows; ++row)
    one_chain = std::fma(a[static_cast<std::size_t>(row)], b[static_cast<std::size_t>(row)], one_chain);
  for (int block = 0; block < rows; block += kRowBlock) {
    float chain = 0;
    for (int row = block; row < block + kRowBlock; ++row)
      chain = std::fma(a[static_cast<std::size_t>(row)], b[static_cast<std::size_t>(row)], chain);
    blocks += chain;
  }
  EXPECT_FALSE(same_bits(one_chain, blocks));
}

}  // namespace
}  // namespace caviar

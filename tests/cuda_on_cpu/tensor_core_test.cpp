// mma and ldmatrix: fragments as the PTX ISA lays them out, against plain matrix products.
#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/device_array.h"
#include "tests/cuda_on_cpu/random.h"
#include "tests/cuda_on_cpu/tile_kernels.h"

namespace cuda_on_cpu {
namespace {

using caviar::Half;
using testing::HasSubstr;
using Floats = std::vector<float>;
using Halves = std::vector<Half>;

constexpr int kM = 16, kN = 8, kK = 16;

Halves to_halves(const Floats& values) {
  Halves halves;
  for (const float value : values) halves.push_back(caviar::to_half(value));
  return halves;
}

Floats small_integers(std::size_t size, std::uint64_t seed) {
  Random random(seed);
  Floats values(size);
  for (float& value : values) value = static_cast<float>(random.below(41) - 20);
  return values;
}

// a [16, 16] b [16, 8] + c [16, 8], all by rows, in double.
std::vector<double> plain_product(const Floats& a, const Floats& b, const Floats& c) {
  std::vector<double> d(c.begin(), c.end());
  for (int m = 0; m < kM; ++m)
    for (int n = 0; n < kN; ++n)
      for (int k = 0; k < kK; ++k) d[m * kN + n] += static_cast<double>(a[m * kK + k]) * b[k * kN + n];
  return d;
}

Floats transposed(const Floats& matrix, int rows, int columns) {
  Floats result(matrix.size());
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) result[j * rows + i] = matrix[i * columns + j];
  return result;
}

Floats product_of(const Floats& a, const Floats& b, StoredBy stored, const Floats& c) {
  const DeviceArray<Half> device_a(to_halves(a));
  const DeviceArray<Half> device_b(to_halves(stored == StoredBy::kRows ? b : transposed(b, kK, kN)));
  const DeviceArray<float> device_c(c), d(kM * kN);
  launch_product(device_a.data(), device_b.data(), stored, device_c.data(), d.data());
  return d.values();
}

TEST(TensorCore, ProductOfSmallIntegersIsExactInEveryOrder) {
  const Floats a = small_integers(kM * kK, 1), b = small_integers(kK * kN, 2), c = small_integers(kM * kN, 3);
  const auto exact = plain_product(a, b, c);
  for (const StoredBy stored : {StoredBy::kRows, StoredBy::kColumns}) {
    const auto results = in_every_order<Floats>([&] { return product_of(a, b, stored, c); });
    EXPECT_TRUE(all_equal(results));
    for (int i = 0; i < kM * kN; ++i) EXPECT_EQ(results[0][i], exact[i]) << i;
  }
  reset();
  const DeviceArray<Half> device_a(to_halves(a)), device_b(to_halves(b));
  const DeviceArray<float> device_c(c), d(kM * kN);
  launch_product_by_element(device_a.data(), device_b.data(), device_c.data(), d.data());
  for (int i = 0; i < kM * kN; ++i) EXPECT_EQ(d.values()[i], exact[i]) << i;
}

// One element of A and one of B at a time: each place of a fragment means what PTX says, and nothing else.
TEST(TensorCore, EveryElementHasItsPlace) {
  reset();
  const Floats zero(kM * kN, 0.0f);
  for (int k = 0; k < kK; ++k) {
    Floats a(kM * kK, 0.0f), b(kK * kN, 0.0f);
    for (int m = 0; m < kM; ++m) a[m * kK + k] = static_cast<float>(m + 1);
    for (int n = 0; n < kN; ++n) b[k * kN + n] = static_cast<float>(100 * (n + 1));
    const Floats d = product_of(a, b, StoredBy::kRows, zero);
    for (int m = 0; m < kM; ++m)
      for (int n = 0; n < kN; ++n) EXPECT_EQ(d[m * kN + n], static_cast<float>((m + 1) * 100 * (n + 1)));
  }
}

TEST(TensorCore, RealProductIsRoundedOnce) {
  reset();
  Random random(4);
  const auto reals = [&](std::size_t size) {
    Floats values(size);
    for (float& value : values)
      value = caviar::to_float(caviar::to_half(static_cast<float>(random.below(20001) - 10000) / 3000.0f));
    return values;
  };
  const Floats a = reals(kM * kK), b = reals(kK * kN), c = reals(kM * kN);
  const auto exact = plain_product(a, b, c);
  const Floats d = product_of(a, b, StoredBy::kColumns, c);
  for (int i = 0; i < kM * kN; ++i) EXPECT_EQ(d[i], static_cast<float>(exact[i]));
}

TEST(TensorCore, InfinitiesAndSubnormalsTakePart) {
  reset();
  Floats a(kM * kK, 0.0f), b(kK * kN, 1.0f), c(kM * kN, 0.0f);
  a[0] = std::numeric_limits<float>::infinity();
  a[kK] = 0x1p-24f;
  const Floats d = product_of(a, b, StoredBy::kRows, c);
  EXPECT_EQ(d[0], std::numeric_limits<float>::infinity());
  EXPECT_EQ(d[kN], 0x1p-24f);
}

TEST(TensorCore, LdmatrixGivesEachLaneItsPair) {
  for (const int tiles : {1, 2, 4}) {
    for (const bool transposed : {false, true}) {
      const auto results = in_every_order<std::vector<std::uint32_t>>([&] {
        Halves values(static_cast<std::size_t>(tiles) * 64);
        for (std::size_t i = 0; i < values.size(); ++i) values[i].bits = static_cast<std::uint16_t>(i);
        const DeviceArray<Half> in(values);
        const DeviceArray<std::uint32_t> out(static_cast<std::size_t>(32 * tiles));
        launch_load(in.data(), tiles, transposed, out.data());
        return out.values();
      });
      EXPECT_TRUE(all_equal(results));
      for (int lane = 0; lane < 32; ++lane) {
        for (int tile = 0; tile < tiles; ++tile) {
          const int row = lane / 4, column = lane % 4 * 2;
          const int low = transposed ? column * 8 + row : row * 8 + column;
          const int high = transposed ? (column + 1) * 8 + row : low + 1;
          const auto expected = static_cast<std::uint32_t>((64 * tile + high) << 16 | (64 * tile + low));
          EXPECT_EQ(results[0][lane * tiles + tile], expected) << "lane " << lane << " tile " << tile;
        }
      }
    }
  }
}

TEST(TensorCore, WrongAddressesAndUnequalLanesAreCaught) {
  const auto error_of_load = [](const std::function<void()>& load) {
    reset();
    return error_of([&] {
      load();
      caviar::cuda_check(cudaDeviceSynchronize(), "wait for a kernel");
    });
  };
  EXPECT_EQ(error_of_load([] { launch_load_at(112); }), "");
  EXPECT_THAT(error_of_load([] { launch_load_at(8); }), HasSubstr("ldmatrix: lane 3"));
  EXPECT_THAT(error_of_load([] { launch_load_at(128); }), HasSubstr("ldmatrix: lane 3"));
  EXPECT_THAT(error_of_load([] { launch_load_at(-16); }), HasSubstr("ldmatrix: lane 3"));
  EXPECT_THAT(error_of_load([] { launch_uneven_load(); }), HasSubstr("which waits in ldmatrix.x2"));
}

}  // namespace
}  // namespace cuda_on_cpu

// What the other tests of this folder rely on.
#include "tests/cuda_kernels/on_device.h"

#include <limits>

#include <gmock/gmock.h>

namespace caviar::test {
namespace {

TEST(CudaTests, OneBitIsNoticedAndItsPlaceNamed) {
  PackArray<float> a(3, 4, 5, 6);
  a.fill([] { return 1.0f; });
  PackArray<float> b = a;
  EXPECT_TRUE(same_bits(a, b));
  b.at(2, 1, 4, 3) = std::nextafter(1.0f, 2.0f);
  b.at(2, 3, 0, 0) = 0.0f;
  const testing::AssertionResult same = same_bits(a, b);
  EXPECT_FALSE(same);
  EXPECT_THAT(same.message(), testing::StartsWith("2 of "));
  EXPECT_THAT(same.message(), testing::HasSubstr("slot 2, step 1, row 4, element 3"));
}

TEST(CudaTests, WritesBetweenSlotsAreNoticed) {
  PackArray<float> a(2, 1, 1, 16), b = a;
  b[0][16] = 1.0f;
  EXPECT_THAT(same_bits(a, b).message(), testing::HasSubstr("behind the end of slot 0"));
}

TEST(CudaTests, ZerosDifferByTheirSignAndNansDoNotDiffer) {
  PackArray<float> a(1, 1, 1, 1), b = a;
  b[0][0] = -0.0f;
  EXPECT_FALSE(same_bits(a, b));
  a[0][0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(same_bits(a, b));
  b[0][0] = -a[0][0];
  EXPECT_TRUE(same_bits(a, b));
}

TEST(CudaTests, RowsOfASlotGoOutAndComeBackToTheirPlaces) {
  PackArray<std::int32_t> a(2, 3, 4, 2);
  std::int32_t next = 0;
  a.fill([&] { return next++; });
  PackArray<std::int32_t> want = a;
  for (int t = 0; t < 3; ++t) want.at(1, t, 1, 0) = -t;
  {
    SlotRows<std::int32_t> rows(a, 1, 2);
    for (int t = 0; t < 3; ++t) {
      EXPECT_EQ(rows.slab()[1][t * 4 + 2], a.at(1, t, 1, 0));
      rows.slab()[1][t * 4 + 2] = -t;
    }
  }
  EXPECT_TRUE(same_bits(want, a));
}

TEST(CudaTests, DeviceMemoryComesBackAsItWent) {
  on_device([](const Cuda&) {
    PackArray<double> a(2, 1, 3, 5);
    double next = 0.5;
    a.fill([&] { return next++; });
    EXPECT_TRUE(same_bits(a, DeviceArray<double>(a).read()));
  });
}

}  // namespace
}  // namespace caviar::test

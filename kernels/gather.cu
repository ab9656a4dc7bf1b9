// A block takes kRows examples of a slot. There are 256 pixel values, so it first makes the table of their floats, one
// division a thread; the pixels themselves then cost a load, a look-up and a store.
#include <cstdint>

#include "kernels/base/launch.h"
#include "kernels/base/shared.h"
#include "kernels/base/tiles.h"
#include "kernels/gather.h"

namespace caviar {

namespace {

constexpr int kThreads = 256;  // as many as a pixel has values
constexpr int kRows = 16;

struct Shared {
  float value[kThreads];        // of a pixel
  std::int64_t example[kRows];  // of a row
};

// Position of a thread in the walk over [T, rows, groups of 4 features]. Strides are carried, so that only the first
// position needs divisions.
struct Walk {
  int t, row, group;

  __device__ __forceinline__ Walk(int i, int rows, int groups)
      : t(i / (rows * groups)), row(i / groups % rows), group(i % groups) {}

  __device__ __forceinline__ void advance(const Walk& by, int rows, int groups) {
    group += by.group;
    row += by.row;
    t += by.t;
    if (group >= groups) {
      group -= groups;
      ++row;
    }
    if (row >= rows) {
      row -= rows;
      ++t;
    }
  }
};

// Four features of a step. `whole`: they are 4-aligned in memory, which they are when D is a multiple of 4.
__device__ __forceinline__ void convert(const float* value, const std::uint8_t* __restrict__ pixels, int count,
                                        bool whole, float* x) {
  if (whole) {
    const uchar4 p = *reinterpret_cast<const uchar4*>(pixels);
    *reinterpret_cast<float4*>(x) = {value[p.x], value[p.y], value[p.z], value[p.w]};
  } else if (count >= 4) {
    *reinterpret_cast<float4*>(x) = {value[pixels[0]], value[pixels[1]], value[pixels[2]], value[pixels[3]]};
  } else {
    for (int j = 0; j < count; ++j) x[j] = value[pixels[j]];
  }
}

__global__ void __launch_bounds__(kThreads) gather_examples_kernel(GatherArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.y), first_row = static_cast<int>(blockIdx.x) * kRows;
  const SlotRow& s = a.rows[slot];
  if (!s.on || first_row >= s.rows) return;
  const int rows = min(kRows, s.rows - first_row), thread = static_cast<int>(threadIdx.x);
  const ExampleArray set = s.from_test ? a.test : a.train;

  Shared& shared = *dynamic_shared<Shared>();
  const float unit = unit_pixel(static_cast<std::uint8_t>(thread));
  shared.value[thread] = s.hyper.standardize ? standardized(unit, s.pixel_mean, s.pixel_std) : unit;
  if (thread < rows) {
    const std::int64_t example = s.order.at(s.first + first_row + thread);
    shared.example[thread] = example;
    a.labels[slot][first_row + thread] = set.labels[example];
  }
  __syncthreads();

  const int groups = static_cast<int>(tiles(a.features, 4));
  const std::int64_t width = padded(a.features), step = width * a.window.rows(),
                     size = static_cast<std::int64_t>(a.steps) * a.features;
  const bool whole = a.features % 4 == 0 && reinterpret_cast<std::uintptr_t>(set.pixels) % 4 == 0;
  float* x = a.x[slot] + first_row * width;
  const Walk stride(kThreads, rows, groups);
#pragma unroll 4
  for (Walk at(thread, rows, groups); at.t < a.steps; at.advance(stride, rows, groups)) {
    const int j = at.group * 4;
    const std::uint8_t* pixels =
        set.pixels + shared.example[at.row] * size + static_cast<std::int64_t>(at.t) * a.features + j;
    convert(shared.value, pixels, a.features - j, whole, x + at.t * step + at.row * width + j);
  }
}

}  // namespace

void gather(const Cuda& device, const GatherArgs& a) {
  const dim3 grid(tiles(a.window.rows(), kRows), static_cast<unsigned>(a.window.s1 - a.window.s0));
  launch(gather_examples_kernel, grid, kThreads, sizeof(Shared), device.stream, a);
}

}  // namespace caviar

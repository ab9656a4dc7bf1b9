#include "kernels/base/launch.h"
#include "kernels/base/mma.h"
#include "kernels/base/shared.h"
#include "tests/cuda_on_cpu/tile_kernels.h"

namespace cuda_on_cpu {
namespace {

using caviar::dynamic_shared;
using caviar::Half;
using caviar::launch;

constexpr int kTile = 64;  // halves

__device__ void store_fragment(float* d, const float (&fragment)[4]) {
  const int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
  d[g * 8 + 2 * t] = fragment[0];
  d[g * 8 + 2 * t + 1] = fragment[1];
  d[(g + 8) * 8 + 2 * t] = fragment[2];
  d[(g + 8) * 8 + 2 * t + 1] = fragment[3];
}

__device__ void load_fragment(float (&fragment)[4], const float* c) {
  const int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
  fragment[0] = c[g * 8 + 2 * t];
  fragment[1] = c[g * 8 + 2 * t + 1];
  fragment[2] = c[(g + 8) * 8 + 2 * t];
  fragment[3] = c[(g + 8) * 8 + 2 * t + 1];
}

template <StoredBy kStored>
__global__ void product_kernel(const Half* a, const Half* b, const float* c, float* d) {
  Half* const shared_a = dynamic_shared<Half>();
  Half* const shared_b = shared_a + 256;
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < 256; i += 32) shared_a[i] = a[i];
  for (int i = lane; i < 128; i += 32) shared_b[i] = b[i];
  __syncwarp();

  std::uint32_t fragment_a[4], fragment_b[2];
  caviar::ldmatrix(fragment_a, shared_a + lane % 16 * 16 + lane / 16 * 8);
  if constexpr (kStored == StoredBy::kColumns) {  // [8, 16]
    caviar::ldmatrix(fragment_b, shared_b + lane % 8 * 16 + lane / 8 % 2 * 8);
  } else {  // [16, 8]
    caviar::ldmatrix_trans(fragment_b, shared_b + lane % 16 * 8);
  }
  float sum[4];
  load_fragment(sum, c);
  caviar::mma_m16n8k16(sum, fragment_a, fragment_b, sum);
  store_fragment(d, sum);
}

__global__ void product_by_element_kernel(const Half* a, const Half* b, const float* c, float* d) {
  const int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
  const auto at_a = [&](int row, int column) { return a[row * 16 + column]; };
  const auto at_b = [&](int row, int column) { return b[row * 8 + column]; };
  const auto pair_a = [&](int row, int column) { return caviar::pack(at_a(row, column), at_a(row, column + 1)); };
  const auto pair_b = [&](int row) { return caviar::pack(at_b(row, g), at_b(row + 1, g)); };
  const std::uint32_t fragment_a[4] = {pair_a(g, 2 * t), pair_a(g + 8, 2 * t), pair_a(g, 2 * t + 8),
                                       pair_a(g + 8, 2 * t + 8)};
  const std::uint32_t fragment_b[2] = {pair_b(2 * t), pair_b(2 * t + 8)};
  float fragment_c[4], fragment_d[4];
  load_fragment(fragment_c, c);
  caviar::mma_m16n8k16(fragment_d, fragment_a, fragment_b, fragment_c);
  store_fragment(d, fragment_d);
}

template <int kTiles, bool kTransposed>
__global__ void load_kernel(const Half* in, std::uint32_t* out) {
  Half* const shared = dynamic_shared<Half>();
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < kTiles * kTile; i += 32) shared[i] = in[i];
  __syncwarp();
  std::uint32_t tiles[kTiles];
  const Half* const row = shared + lane % (8 * kTiles) * 8;
  if constexpr (kTransposed) {
    caviar::ldmatrix_trans(tiles, row);
  } else {
    caviar::ldmatrix(tiles, row);
  }
  for (int i = 0; i < kTiles; ++i) out[lane * kTiles + i] = tiles[i];
}

__global__ void load_at_kernel(int offset) {
  const char* const shared = dynamic_shared<char>();
  std::uint32_t tile[1];
  caviar::ldmatrix(tile, shared + (threadIdx.x == 3 ? offset : 0));
}

__global__ void uneven_load_kernel() {
  const char* const shared = dynamic_shared<char>();
  if (threadIdx.x % 2 == 0) {
    std::uint32_t tile[1];
    caviar::ldmatrix(tile, shared);
  } else {
    std::uint32_t tiles[2];
    caviar::ldmatrix(tiles, shared);
  }
}

}  // namespace

void launch_product(const Half* a, const Half* b, StoredBy b_stored, const float* c, float* d) {
  launch(b_stored == StoredBy::kRows ? product_kernel<StoredBy::kRows> : product_kernel<StoredBy::kColumns>, 1, 32,
         384 * sizeof(Half), nullptr, a, b, c, d);
}

void launch_product_by_element(const Half* a, const Half* b, const float* c, float* d) {
  launch(product_by_element_kernel, 1, 32, 0, nullptr, a, b, c, d);
}

void launch_load(const Half* in, int tiles, bool transposed, std::uint32_t* out) {
  constexpr void (*kKernels[2][3])(const Half*, std::uint32_t*) = {
      {load_kernel<1, false>, load_kernel<2, false>, load_kernel<4, false>},
      {load_kernel<1, true>, load_kernel<2, true>, load_kernel<4, true>}};
  launch(kKernels[transposed ? 1 : 0][tiles / 2], 1, 32, static_cast<std::size_t>(tiles) * kTile * sizeof(Half),
         nullptr, in, out);
}

void launch_load_at(int offset) { launch(load_at_kernel, 1, 32, 128, nullptr, offset); }

void launch_uneven_load() { launch(uneven_load_kernel, 1, 32, 128, nullptr); }

}  // namespace cuda_on_cpu

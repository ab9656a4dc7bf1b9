// How one block of the mixed recurrence divides a layer among its warps, and the fragments its lanes hold.
//
// A warp owns 16 units, all gates of them, for the rows of its block. With g = lane / 4 and q = lane % 4, a lane owns
// rows g and g + 8 of every 16, and the units 4q .. 4q+3 of the warp's 16: their pre-activations, states and gradients
// meet in one thread, and a row's four neighbours are one load or store. To that end unit 2n + j of the 16 is column n
// of the j-th of two 16 x 8 tiles of outputs, and as an inner index of a product unit u is place_in_tile(u).
#pragma once

#include "kernels/mixed_product.cuh"

namespace caviar::mixed {

enum class Family { kLstm, kGru, kRnn };

template <Family kFamily_, int kHidden_>
struct Recurrence {
  static constexpr Family kFamily = kFamily_;
  static constexpr int kHidden = kHidden_;
  static constexpr int kGates = kFamily == Family::kLstm ? 4 : kFamily == Family::kGru ? 3 : 1;
  // Sums per unit, and segments of the stash: gru's n keeps W_in x and W_hn h apart. rnn stashes gradients only.
  static constexpr int kSums = kFamily == Family::kRnn ? 1 : 4;
  // The sum and the stash segment that W_hh's product with gate g belongs to.
  CAVIAR_HD static constexpr int hidden_sum(int g) { return kFamily == Family::kGru && g == 2 ? 3 : g; }

  static constexpr int kTiles = kHidden / 16;  // of the inner index of W_hh h; one warp each
  static constexpr int kWarps = kTiles, kThreads = 32 * kWarps;
  // Registers of a thread for its part of W_hh: 2 per 16 x 8 tile. 128 leave room for the rest of 255; at 16 warps a
  // thread has 128 in all.
  static constexpr int kWeightRegisters = kGates * kTiles * 2 * 2;
  static constexpr bool kResident = kWeightRegisters <= (kWarps > 8 ? 64 : 128);
  // Weights that are read anew for every step are read for more rows at once.
  static constexpr int kRowTiles = kResident ? 1 : 2;
  // What a step takes over from the one before it stays in registers; for two row tiles there are too few.
  static constexpr bool kCarries = kRowTiles == 1;
  static constexpr bool kPrefetches = kResident && kWeightRegisters <= 96 && kWarps <= 8;
  static constexpr int kRows = 16 * kRowTiles;
  // Whether the input projection can be made here; one that reads W_hh all the time has no registers left for it.
  static constexpr bool kProjects = kResident;
  // Two buffers for what warps tell each other save a barrier a step, where they fit the smallest shared memory.
  static constexpr int kGradientBuffers = kResident ? 2 : 1;

  // Shared memory in bytes. 99 KiB is what every device since sm_80 gives a block.
  static constexpr int kFragmentBytes = 32 * 16;
  static constexpr int kStateBytes = kWarps > 1 ? 2 * kRowTiles* kTiles* kFragmentBytes : 0;
  static constexpr int kBiasBytes = kSums * kHidden * 4;
  static constexpr int kGradientBytes = kWarps > 1 ? kGradientBuffers* kRowTiles* kGates* kTiles* kFragmentBytes : 0;
  static constexpr int kMostBytes = 99 * 1024;
  // W_hh passes through 2 x 16 rows of shared memory on its way to the registers of the backward walk.
  static constexpr int kStageBytes = kResident ? 2 * 16 * (kHidden + 8) * 2 : 0;
  static constexpr int kBackwardBytes = kGradientBytes > kStageBytes ? kGradientBytes : kStageBytes;
  static_assert(kBackwardBytes <= kMostBytes);
  // Floats from row to row of x: 16 modulo 32, so that the two rows a quarter of a warp reads at once are in different
  // banks.
  CAVIAR_HD static constexpr int input_stride(int input_tiles) { return (input_tiles + (input_tiles + 1) % 2) * 16; }
  static constexpr int forward_bytes(int input_tiles) {
    const int input = input_tiles == 0 ? 0 : 2 * kRows * input_stride(input_tiles) * 4;
    return kStateBytes + kBiasBytes + kWarps * input_tiles * kGates * kFragmentBytes + input;
  }
};

// A 16 x 16 operand of halves in the registers of a warp.
struct Fragment {
  std::uint32_t a[4];
};

// Where the thread stands.
struct Lane {
  __device__ Lane()
      : lane(static_cast<int>(threadIdx.x) % 32),
        warp(static_cast<int>(threadIdx.x) / 32),
        group(lane / 4),
        quad(lane % 4),
        unit(16 * warp + 4 * quad) {}
  int lane, warp, group, quad;
  int unit;  // the first of its four
};

// Four neighbours of a row of weights of which the first n exist; zeros for the rest.
__device__ inline float4 load_weights(const float* p, int n, bool aligned) {
  if (n >= 4 && aligned) return load4(p);
  return make_float4(n > 0 ? p[0] : 0.0f, n > 1 ? p[1] : 0.0f, n > 2 ? p[2] : 0.0f, n > 3 ? p[3] : 0.0f);
}

// Whether rows of `length` floats from p on are all 16-byte aligned.
__device__ inline bool is_aligned(const float* p, int length) {
  return (reinterpret_cast<std::uintptr_t>(p) | static_cast<std::uintptr_t>(length) * sizeof(float)) % 16 == 0;
}

// Both tiles of outputs of the warp's units of gate `gate` for 16 inner indices: rows of a matrix [gates * hidden,
// length], columns column .. column + 3 of which `n` exist.
__device__ inline void load_rows(const float* matrix, int hidden, int length, bool aligned, int gate, const Lane& lane,
                                 int column, int n, std::uint32_t (&b)[2][2]) {
#pragma unroll
  for (int j = 0; j < 2; ++j) {
    const int unit = 16 * lane.warp + 2 * lane.group + j;
    const float4 w = load_weights(matrix + (gate * hidden + unit) * length + column, unit < hidden ? n : 0, aligned);
    b[j][0] = pack_halves(w.x, w.y);
    b[j][1] = pack_halves(w.z, w.w);
  }
}

// The same of W_hh^T: outputs are the warp's units, inner indices the 16 units of gate `gate` from 16 tile on. What
// does not exist is masked out of the halves: as a condition of the loads it would cost registers for all of them at
// once.
__device__ inline void load_columns(const float* matrix, int hidden, int gate, const Lane& lane, int tile,
                                    std::uint32_t (&b)[2][2]) {
  const int column = 16 * lane.warp + 2 * lane.group, unit = 16 * tile + 4 * lane.quad;
  const float* const first = matrix + gate * hidden * hidden + min(column, hidden - 1);
  const int right = column + 1 < hidden ? 1 : 0;
  float w[2][4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float* const row = first + min(unit + i, hidden - 1) * hidden;
    w[0][i] = row[0];
    w[1][i] = row[right];
  }
  const int n = hidden - unit;
  const std::uint32_t low = n >= 2 ? 0xffffffffu : n == 1 ? 0xffffu : 0u;
  const std::uint32_t high = n >= 4 ? 0xffffffffu : n == 3 ? 0xffffu : 0u;
#pragma unroll
  for (int j = 0; j < 2; ++j) {
    const std::uint32_t exists = column + j < hidden ? 0xffffffffu : 0u;
    b[j][0] = pack_halves(w[j][0], w[j][1]) & low & exists;
    b[j][1] = pack_halves(w[j][2], w[j][3]) & high & exists;
  }
}

// Outputs of 16 rows and the warp's units: [j][2 u + e] is row g + 8 u and unit 4q + 2 e + j.
using Outputs = float[2][4];
__device__ inline float& of_unit(Outputs& sums, int u, int i) { return sums[i % 2][2 * u + i / 2]; }

__device__ inline void add_product(Outputs& sums, const Fragment& a, const std::uint32_t (&b)[2][2]) {
#pragma unroll
  for (int j = 0; j < 2; ++j) mma_m16n8k16(sums[j], a.a, b[j], sums[j]);
}

// Four units of row g + 8 u as halves: that row's part of an operand, and 8 bytes of the stash.
__device__ inline void set_row(Fragment& f, int u, const float (&v)[4]) {
  f.a[u] = pack_halves(v[0], v[1]);
  f.a[2 + u] = pack_halves(v[2], v[3]);
}
__device__ inline void store_row(Half* p, const Fragment& f, int u) {
  *reinterpret_cast<uint2*>(p) = make_uint2(f.a[u], f.a[2 + u]);
}
__device__ inline void load_halves(uint2 packed, float (&v)[4]) {
  v[0] = to_float(low_half(packed.x));
  v[1] = to_float(high_half(packed.x));
  v[2] = to_float(low_half(packed.y));
  v[3] = to_float(high_half(packed.y));
}
__device__ inline void store_fragment(uint4* p, const Fragment& f) { *p = make_uint4(f.a[0], f.a[1], f.a[2], f.a[3]); }
__device__ inline Fragment load_fragment(const uint4* p) {
  const uint4 v = *p;
  return {{v.x, v.y, v.z, v.w}};
}

// All threads of the block; one warp needs less.
template <class R>
__device__ void meet() {
  if constexpr (R::kWarps == 1)
    __syncwarp();
  else
    __syncthreads();
}

}  // namespace caviar::mixed

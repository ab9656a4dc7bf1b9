// mma and ldmatrix on the fragments that the lanes of a warp bring, laid out as the PTX ISA defines them.
#include <cstring>

#include "kernels/base/error.h"
#include "kernels/base/half.h"
#include "tests/cuda_on_cpu/executor.h"

namespace cuda_on_cpu {
namespace {

constexpr std::uint32_t kWholeWarp = 0xffffffff;
constexpr int kRows = 16, kColumns = 8, kInner = 16;
constexpr int kTile = 8;  // rows, and halves in a row

struct MmaOperation : WarpOperation {
  float* d;
  const std::uint32_t* a;
  const std::uint32_t* b;
  const float* c;
};

struct LoadOperation : WarpOperation {
  std::uint32_t* tiles;
  int count;
  bool transposed;
  const void* row;
};

double half_of(const std::uint32_t* registers, int i) {
  const std::uint32_t packed = registers[i / 2];
  return caviar::to_float(i % 2 == 0 ? caviar::low_half(packed) : caviar::high_half(packed));
}

// PTX ISA, matrix fragments for mma.m16n8k16 with floating point type: element i of a lane's fragment.
struct At {
  int row, column;
};
At place_in_a(int lane, int i) { return {lane / 4 + (i % 4 >= 2 ? 8 : 0), lane % 4 * 2 + i % 2 + (i >= 4 ? 8 : 0)}; }
At place_in_b(int lane, int i) { return {lane % 4 * 2 + i % 2 + (i >= 2 ? 8 : 0), lane / 4}; }
At place_in_c(int lane, int i) { return {lane / 4 + (i >= 2 ? 8 : 0), lane % 4 * 2 + i % 2}; }

void carry_out_mma(WarpOperation* const* lanes) {
  double a[kRows][kInner], b[kInner][kColumns], sum[kRows][kColumns] = {};
  for (int lane = 0; lane < kLanesOfWarp; ++lane) {
    const auto& operation = static_cast<const MmaOperation&>(*lanes[lane]);
    for (int i = 0; i < 8; ++i) a[place_in_a(lane, i).row][place_in_a(lane, i).column] = half_of(operation.a, i);
    for (int i = 0; i < 4; ++i) b[place_in_b(lane, i).row][place_in_b(lane, i).column] = half_of(operation.b, i);
  }
  for (int row = 0; row < kRows; ++row)
    for (int k = 0; k < kInner; ++k)
      for (int column = 0; column < kColumns; ++column) sum[row][column] += a[row][k] * b[k][column];
  for (int lane = 0; lane < kLanesOfWarp; ++lane) {
    const auto& operation = static_cast<const MmaOperation&>(*lanes[lane]);
    for (int i = 0; i < 4; ++i) {
      const At at = place_in_c(lane, i);
      operation.d[i] = static_cast<float>(sum[at.row][at.column] + operation.c[i]);
    }
  }
}

void carry_out_load(WarpOperation* const* lanes) {
  const auto& shared = Executor::current().shared();
  const auto& first = static_cast<const LoadOperation&>(*lanes[0]);
  for (int tile = 0; tile < first.count; ++tile) {
    std::uint16_t elements[kTile][kTile];
    for (int row = 0; row < kTile; ++row) {
      const int lane = tile * kTile + row;
      const void* const address = static_cast<const LoadOperation&>(*lanes[lane]).row;
      if (!shared.holds(address, sizeof elements[row]) || reinterpret_cast<std::uintptr_t>(address) % 16 != 0)
        caviar::fail("ldmatrix: lane ", lane, " passes ", address,
                     ", not a 16-byte aligned row of 16 bytes inside the ", shared.bytes(),
                     " bytes of the block's shared memory");
      std::memcpy(elements[row], address, sizeof elements[row]);
    }
    for (int lane = 0; lane < kLanesOfWarp; ++lane) {
      const int g = lane / 4, t = lane % 4 * 2;
      static_cast<const LoadOperation&>(*lanes[lane]).tiles[tile] =
          first.transposed ? caviar::pack({elements[t][g]}, {elements[t + 1][g]})
                           : caviar::pack({elements[g][t]}, {elements[g][t + 1]});
    }
  }
}

// Lanes that disagree on one of these wait for each other for ever, which is found.
const char* name_of_load(int count, bool transposed) {
  constexpr const char* kNames[2][3] = {{"ldmatrix.x1", "ldmatrix.x2", "ldmatrix.x4"},
                                        {"ldmatrix.x1.trans", "ldmatrix.x2.trans", "ldmatrix.x4.trans"}};
  return kNames[transposed ? 1 : 0][count / 2];
}

}  // namespace

void mma_m16n8k16(float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c) {
  MmaOperation operation{{"mma.m16n8k16", kWholeWarp, {__FILE__, __LINE__}, carry_out_mma}, d, a, b, c};
  carry_out_together(operation);
}

void load_matrices(std::uint32_t* tiles, int count, bool transposed, const void* row) {
  LoadOperation operation{{name_of_load(count, transposed), kWholeWarp, {__FILE__, __LINE__}, carry_out_load},
                          tiles,
                          count,
                          transposed,
                          row};
  carry_out_together(operation);
}

}  // namespace cuda_on_cpu

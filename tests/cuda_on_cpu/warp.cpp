// Warp operations that exchange values between lanes.
#include "kernels/base/error.h"
#include "tests/cuda_on_cpu/device_code.h"

void __syncwarp(unsigned mask, const char* file, int line) {
  cuda_on_cpu::WarpOperation operation{"__syncwarp", mask, {file, line}, [](auto) {}};
  cuda_on_cpu::carry_out_together(operation);
}

namespace cuda_on_cpu {
namespace {

constexpr int kLanes = 32;

struct ShuffleOperation : WarpOperation {
  std::uint64_t bits;
  int from;  // lane of the warp
  std::uint64_t result;
};

struct BallotOperation : WarpOperation {
  bool predicate;
  std::uint32_t result;
};

void carry_out_shuffle(WarpOperation* const* lanes) {
  for (int lane = 0; lane < kLanes; ++lane) {
    if (lanes[lane] == nullptr) continue;
    auto& operation = static_cast<ShuffleOperation&>(*lanes[lane]);
    if (lanes[operation.from] == nullptr)
      caviar::fail("wrong warp mask: lane ", lane, " reads lane ", operation.from, " in ", operation.name, "(0x",
                   std::hex, operation.mask, std::dec, ") at ", operation.place.file, ":", operation.place.line,
                   ", which the mask does not name");
    operation.result = static_cast<const ShuffleOperation&>(*lanes[operation.from]).bits;
  }
}

void carry_out_ballot(WarpOperation* const* lanes) {
  std::uint32_t result = 0;
  for (int lane = 0; lane < kLanes; ++lane)
    if (lanes[lane] != nullptr && static_cast<const BallotOperation&>(*lanes[lane]).predicate) result |= 1u << lane;
  for (int lane = 0; lane < kLanes; ++lane)
    if (lanes[lane] != nullptr) static_cast<BallotOperation&>(*lanes[lane]).result = result;
}

int lane_of_this_thread() {
  return static_cast<int>((threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % kLanes);
}

// The lane to read, inside the caller's group of `width` lanes; its own where CUDA says so (PTX ISA, shfl.sync).
int lane_to_read(Shuffle how, int argument, int width) {
  const int lane = lane_of_this_thread();
  const int begin = lane / width * width;
  switch (how) {
    case Shuffle::kIndex:
      return begin + (argument & (width - 1));
    case Shuffle::kXor:
      return (lane ^ argument) >= begin + width ? lane : lane ^ argument;
    case Shuffle::kDown:
      return lane + argument >= begin + width ? lane : lane + argument;
    case Shuffle::kUp:
      return lane - argument < begin ? lane : lane - argument;
  }
  return lane;
}

const char* name_of(Shuffle how) {
  switch (how) {
    case Shuffle::kIndex:
      return "__shfl_sync";
    case Shuffle::kXor:
      return "__shfl_xor_sync";
    case Shuffle::kDown:
      return "__shfl_down_sync";
    case Shuffle::kUp:
      return "__shfl_up_sync";
  }
  return "";
}

}  // namespace

std::uint64_t shuffle(Shuffle how, std::uint32_t mask, std::uint64_t bits, int argument, int width, Place place) {
  if (width <= 0 || width > kLanes || (width & (width - 1)) != 0)
    caviar::fail(name_of(how), " at ", place.file, ":", place.line, ": width ", width, " is no power of two up to 32");
  ShuffleOperation operation{
      {name_of(how), mask, place, carry_out_shuffle}, bits, lane_to_read(how, argument, width), 0};
  carry_out_together(operation);
  return operation.result;
}

std::uint32_t ballot(const char* name, std::uint32_t mask, bool predicate, Place place) {
  BallotOperation operation{{name, mask, place, carry_out_ballot}, predicate, 0};
  carry_out_together(operation);
  return operation.result;
}

}  // namespace cuda_on_cpu

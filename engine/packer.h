// Where runs train: which packs a GPU opens for the runs that wait. Pure: the same question has the same answer, and
// no answer changes a bit of any run.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/run.h"

namespace caviar {

// Runs of one pack key that wait for a slot.
struct WaitingRuns {
  PackKey key;
  int count = 0;
  std::int64_t fixed_bytes = 0;  // of a pack, whatever its slots
  std::int64_t slot_bytes = 0;   // of each slot
  int blocks_per_slot = 1;       // thread blocks that one slot gives the longest kernel of a step
};

struct PackerLimits {
  std::int64_t free_bytes = 0;  // of the device's memory, that packs may take
  int multiprocessors = 1;
  int packs = 1;  // that may still be opened
};

// A pack to open.
struct PackPlan {
  PackKey key;
  int slots = 0;
};

// Slots that fill the device: enough blocks for kWaves rounds of kBlocksPerMultiprocessor on every multiprocessor.
// More would only lengthen the walk from rung to rung and spread the working set over more of the memory.
inline constexpr int kWaves = 2, kBlocksPerMultiprocessor = 2;
int slots_to_fill(int multiprocessors, int blocks_per_slot);

// The packs to open now. Every key gets a share of the memory in proportion to what it could use, those with more
// waiting runs first; never more slots than runs wait or fill the device; never more bytes than are free. A key whose
// single slot does not fit gets no pack.
std::vector<PackPlan> plan_packs(std::vector<WaitingRuns> waiting, const PackerLimits& limits);

}  // namespace caviar

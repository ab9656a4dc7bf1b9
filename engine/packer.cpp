#include "engine/packer.h"

#include <algorithm>

namespace caviar {

int slots_to_fill(int multiprocessors, int blocks_per_slot) {
  const int blocks = kWaves * kBlocksPerMultiprocessor * multiprocessors, each = std::max(1, blocks_per_slot);
  return (blocks + each - 1) / each;
}

std::vector<PackPlan> plan_packs(std::vector<WaitingRuns> waiting, const PackerLimits& limits) {
  std::erase_if(waiting, [](const WaitingRuns& w) { return w.count <= 0; });
  std::stable_sort(waiting.begin(), waiting.end(),
                   [](const WaitingRuns& a, const WaitingRuns& b) { return a.count > b.count; });
  const auto wanted = [&](const WaitingRuns& w) {
    return std::min(w.count, slots_to_fill(limits.multiprocessors, w.blocks_per_slot));
  };
  const auto bytes = [](const WaitingRuns& w, int slots) { return w.fixed_bytes + slots * w.slot_bytes; };

  std::vector<PackPlan> plans;
  std::int64_t left = limits.free_bytes;
  int open = std::max(0, limits.packs);
  for (std::size_t i = 0; i < waiting.size() && open > 0; ++i) {
    const WaitingRuns& w = waiting[i];
    // What the keys behind this one could use, as far as they can still be opened.
    double others = 0;
    for (std::size_t j = i + 1; j < waiting.size() && j < i + static_cast<std::size_t>(open); ++j)
      others += static_cast<double>(bytes(waiting[j], wanted(waiting[j])));
    const double mine = static_cast<double>(bytes(w, wanted(w)));
    const double share =
        mine + others <= static_cast<double>(left) ? mine : static_cast<double>(left) * mine / (mine + others);
    int slots = wanted(w);
    while (slots > 1 && static_cast<double>(bytes(w, slots)) > share) {
      const double fitting = (share - static_cast<double>(w.fixed_bytes)) / static_cast<double>(w.slot_bytes);
      slots = std::max(1, std::min(slots - 1, static_cast<int>(std::max(0.0, fitting))));
    }
    if (bytes(w, slots) > left) continue;
    plans.push_back({w.key, slots});
    left -= bytes(w, slots);
    --open;
  }
  return plans;
}

}  // namespace caviar

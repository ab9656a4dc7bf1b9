// A pack that can be left while its device works, so that one thread keeps several in flight; and what all packs of a
// GPU share.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/cuda/resources.h"
#include "engine/pack.h"
#include "engine/training.h"

namespace caviar {

class GpuPack : public Pack {
 public:
  // Enqueues as much of the way to the next rung as may be in flight, and returns at once. True when the pack is idle:
  // reports() has what arrived. With `stop` set it ends after the steps under way.
  virtual bool pump(const std::atomic<bool>& stop) = 0;

  // Waits for the device to reach the oldest mark on the way. Only while pump() returns false.
  virtual void wait() = 0;

  // The reports of the runs that arrived; they stand at the rung (or are over).
  virtual std::vector<Report> reports() = 0;

  std::vector<Report> advance(const std::atomic<bool>& stop) final {
    while (!pump(stop)) wait();
    return reports();
  }
};

// The data set in the memory of one GPU.
struct GpuData {
  std::shared_ptr<const Dataset> host;
  DeviceMemory memory;
  DataArrays arrays;
};

// The memory of a pack and the thread blocks of one slot, for the packer.
struct PackSize {
  std::size_t bytes = 0;
  int blocks_per_slot = 1;
};
PackSize gpu_pack_size(const PackKey& key, const Dataset& data, int slots);

// Throws Error when the order cannot be trained on a GPU.
void check_gpu_order(const RunOrder& order, const Dataset& data);

// A pack on the current device. Throws CudaError (is_out_of_memory()) when its memory is not there. graphs: see
// GpuOptions.
std::unique_ptr<GpuPack> make_gpu_pack(const PackKey& key, const GpuData& data, int slots, bool graphs);

}  // namespace caviar

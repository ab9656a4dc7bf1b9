// Which packs a GPU has: the list of engine/families.h, compiled for CUDA.
#include "engine/families.h"

#include "engine/cuda/cuda_pack.h"
#include "kernels/recurrent_mixed.h"

namespace caviar {

void check_gpu_order(const RunOrder& order, const Dataset& data) {
  check_order_on<Cuda>(order, data);
  if (order.key.precision == "mixed") check_mixed(order.key.hidden_size);
  // Indices of rows are 32 bits and grids have at most 65,535 blocks in their second dimension.
  constexpr int kMostRows = 65'535;
  if (order.key.batch_size > kMostRows)
    fail("batch_size is ", order.key.batch_size, "; a GPU takes at most ", kMostRows, ". Use --device cpu.");
}

PackSize gpu_pack_size(const PackKey& key, const Dataset& data, int slots) {
  return with_model<Cuda>(key, data, [&](auto model, const auto& shape) -> PackSize {
    constexpr int kRowsPerBlock = 32;  // of the recurrence, the longest kernel (kernels/README.md)
    const int blocks = shape.directions() * ((key.batch_size + kRowsPerBlock - 1) / kRowsPerBlock);
    return {CudaPack<typename decltype(model)::type>::bytes_needed(key, shape, slots), blocks};
  });
}

// Every pack composes ops. Where kernels/resident has a kernel for a shape, the choice is made here, from the key and
// the sizes of the data alone.
std::unique_ptr<GpuPack> make_gpu_pack(const PackKey& key, const GpuData& data, int slots, bool graphs) {
  return with_model<Cuda>(key, *data.host, [&](auto model, const auto& shape) -> std::unique_ptr<GpuPack> {
    return std::make_unique<CudaPack<typename decltype(model)::type>>(key, shape, data, slots, graphs);
  });
}

}  // namespace caviar

#include "engine/cuda/collective.h"

#include <array>
#include <cstdint>

#include "engine/cuda/nccl.h"

namespace caviar {

namespace {

// The four arrays of a data set, in the order of their bytes on a GPU.
std::array<const std::vector<std::uint8_t>*, 4> arrays_of(const Dataset& d) {
  return {&d.train.features, &d.train.labels, &d.test.features, &d.test.labels};
}

// A GPU's memory for the data set, not yet filled.
std::shared_ptr<GpuData> room_for(const std::shared_ptr<const Dataset>& data, int gpu) {
  use_gpu(gpu);
  const auto place = [&](Arena& arena) {
    std::array<std::uint8_t*, 4> at{};
    for (std::size_t i = 0; i < at.size(); ++i)
      at[i] = arena.take<std::uint8_t>(static_cast<std::int64_t>(arrays_of(*data)[i]->size()));
    return at;
  };
  Arena counting;
  place(counting);
  auto room = std::make_shared<GpuData>();
  room->host = data;
  room->memory = DeviceMemory(counting.used());
  Arena arena(room->memory.data());
  const auto at = place(arena);
  room->arrays = {{at[0], at[1]}, {at[2], at[3]}, data->steps, data->features, data->classes};
  return room;
}

void send(const Dataset& data, const GpuData& to, int gpu) {
  use_gpu(gpu);
  const std::array<const std::uint8_t*, 4> at{to.arrays.train.pixels, to.arrays.train.labels, to.arrays.test.pixels,
                                              to.arrays.test.labels};
  for (std::size_t i = 0; i < at.size(); ++i) {
    const std::vector<std::uint8_t>& values = *arrays_of(data)[i];
    if (values.empty()) continue;
    cuda_check(cudaMemcpy(const_cast<std::uint8_t*>(at[i]), values.data(), values.size(), cudaMemcpyHostToDevice),
               "send the data set to a GPU");
  }
}

#if CAVIAR_KNOWS_NCCL
// From the first GPU to the others. False when NCCL refuses; nothing is lost by then but time.
bool broadcast(const Nccl& nccl, const std::vector<std::shared_ptr<const GpuData>>& copies,
               const std::vector<int>& gpus) {
  std::vector<ncclComm_t> communicators(gpus.size());
  if (nccl.init_all(communicators.data(), static_cast<int>(gpus.size()), gpus.data()) != ncclSuccess) return false;
  std::vector<std::unique_ptr<CudaStream>> streams;
  streams.reserve(gpus.size());
  for (const int gpu : gpus) {
    use_gpu(gpu);
    streams.push_back(std::make_unique<CudaStream>());
  }
  bool good = nccl.group_start() == ncclSuccess;
  for (std::size_t i = 0; i < gpus.size() && good; ++i) {
    use_gpu(gpus[i]);
    std::byte* memory = copies[i]->memory.data();
    good = nccl.broadcast(memory, memory, copies[i]->memory.bytes(), ncclUint8, 0, communicators[i],
                          streams[i]->get()) == ncclSuccess;
  }
  good = nccl.group_end() == ncclSuccess && good;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    use_gpu(gpus[i]);
    good = cudaStreamSynchronize(streams[i]->get()) == cudaSuccess && good;
    (void)nccl.destroy(communicators[i]);
  }
  return good;
}
#endif

}  // namespace

std::vector<std::shared_ptr<const GpuData>> send_to_gpus(const std::shared_ptr<const Dataset>& data,
                                                         const std::vector<int>& gpus) {
  std::vector<std::shared_ptr<const GpuData>> copies;
  copies.reserve(gpus.size());
  for (const int gpu : gpus) copies.push_back(room_for(data, gpu));
  send(*data, *copies.front(), gpus.front());
  bool sent = gpus.size() == 1;
#if CAVIAR_KNOWS_NCCL
  if (!sent && find_nccl()) sent = broadcast(*find_nccl(), copies, gpus);
#endif
  for (std::size_t i = 1; i < gpus.size() && !sent; ++i) send(*data, *copies[i], gpus[i]);
  return copies;
}

}  // namespace caviar

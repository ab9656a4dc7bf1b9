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

std::array<std::uint8_t*, 4> place(const Dataset& data, Arena& arena) {
  std::array<std::uint8_t*, 4> at{};
  for (std::size_t i = 0; i < at.size(); ++i)
    at[i] = arena.take<std::uint8_t>(static_cast<std::int64_t>(arrays_of(data)[i]->size()));
  return at;
}

std::size_t bytes_of(const Dataset& data) {
  Arena counting;
  place(data, counting);
  return counting.used();
}

// A GPU's memory for the data set, not yet filled.
std::shared_ptr<const GpuData> room_for(const std::shared_ptr<const Dataset>& data, int gpu) {
  use_gpu(gpu);
  auto room = std::make_shared<GpuData>();
  room->host = data;
  room->memory = DeviceMemory(bytes_of(*data));
  Arena arena(room->memory.data());
  const auto at = place(*data, arena);
  room->arrays = {{at[0], at[1]}, {at[2], at[3]}, data->steps, data->features, data->classes};
  return room;
}

// "3 KiB free on cuda:1". A GPU without memory for the runtime's own needs cannot be asked.
std::string free_on(int gpu) {
  std::size_t free = 0, total = 0;
  if (cudaSetDevice(gpu) != cudaSuccess || cudaMemGetInfo(&free, &total) != cudaSuccess) {
    (void)cudaGetLastError();
    return cat("too little free on cuda:", gpu, " to ask how much");
  }
  return cat(free >> 10, " KiB free on cuda:", gpu);
}

// Room for the data set on every GPU that has it.
std::vector<GpuCopy> rooms_for(const std::shared_ptr<const Dataset>& data, const std::vector<int>& gpus,
                               const std::function<void(const std::string&)>& say) {
  std::vector<GpuCopy> rooms;
  std::vector<std::string> full;
  for (const int gpu : gpus) {
    try {
      rooms.push_back({gpu, room_for(data, gpu)});
    } catch (const CudaError& error) {
      if (!error.is_out_of_memory()) throw;
      full.push_back(free_on(gpu));
    }
  }
  const std::string needs = cat("the data set needs ", (bytes_of(*data) >> 10) + 1, " KiB of a GPU's memory");
  if (rooms.empty()) {
    std::string all;
    for (const std::string& one : full) all += cat(all.empty() ? "" : ", ", one);
    fail("No GPU can train: ", needs, ", and there is ", all,
         "; free that memory, use a GPU with more, or --device cpu.");
  }
  if (say)
    for (const std::string& one : full)
      say(cat("A GPU is left out: ", needs, ", and there is ", one, ". GPUs that train: ", rooms.size(), "."));
  return rooms;
}

void send(const Dataset& data, const GpuCopy& copy) {
  use_gpu(copy.gpu);
  const GpuData& to = *copy.data;
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
// From the first GPU to the others. What NCCL says when it refuses, else nothing; nothing is lost by then but time.
std::string broadcast(const Nccl& nccl, const std::vector<GpuCopy>& copies) {
  std::vector<int> gpus;
  gpus.reserve(copies.size());
  for (const GpuCopy& copy : copies) gpus.push_back(copy.gpu);
  std::vector<ncclComm_t> communicators(gpus.size());
  if (const ncclResult_t result = nccl.init_all(communicators.data(), static_cast<int>(gpus.size()), gpus.data());
      result != ncclSuccess)
    return nccl.error_string(result);
  std::vector<std::unique_ptr<CudaStream>> streams;
  streams.reserve(gpus.size());
  for (const int gpu : gpus) {
    use_gpu(gpu);
    streams.push_back(std::make_unique<CudaStream>());
  }
  std::string refusal;
  const auto good = [&](ncclResult_t result) {
    if (result != ncclSuccess && refusal.empty()) refusal = nccl.error_string(result);
    return refusal.empty();
  };
  good(nccl.group_start());
  for (std::size_t i = 0; i < gpus.size() && refusal.empty(); ++i) {
    use_gpu(gpus[i]);
    const DeviceMemory& memory = copies[i].data->memory;
    good(nccl.broadcast(memory.data(), memory.data(), memory.bytes(), ncclUint8, 0, communicators[i],
                        streams[i]->get()));
  }
  good(nccl.group_end());
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    use_gpu(gpus[i]);
    if (const cudaError_t error = cudaStreamSynchronize(streams[i]->get()); error != cudaSuccess && refusal.empty())
      refusal = cudaGetErrorString(error);
    (void)nccl.destroy(communicators[i]);
  }
  return refusal;
}
#endif

}  // namespace

std::vector<GpuCopy> send_to_gpus(const std::shared_ptr<const Dataset>& data, const std::vector<int>& gpus,
                                  const std::function<void(const std::string&)>& say) {
  std::vector<GpuCopy> copies = rooms_for(data, gpus, say);
  send(*data, copies.front());
  bool sent = copies.size() == 1;
#if CAVIAR_KNOWS_NCCL
  if (!sent && find_nccl()) {
    const std::string refusal = broadcast(*find_nccl(), copies);
    sent = refusal.empty();
    if (!sent && say)
      say(cat("NCCL does not work here (it says: ", refusal,
              "); the data set goes to every GPU through the host, which changes no result."));
  }
#endif
  for (std::size_t i = 1; i < copies.size() && !sent; ++i) send(*data, copies[i]);
  return copies;
}

}  // namespace caviar

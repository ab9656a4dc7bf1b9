#include "tests/cuda_on_cpu/nccl.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "kernels/base/error.h"
#include "tests/cuda_on_cpu/runtime.h"

namespace cuda_on_cpu {
namespace {

// The communicators of one ncclCommInitAll.
struct Clique {
  std::vector<int> devices;                          // by rank
  std::vector<std::shared_ptr<Meeting>> broadcasts;  // that were enqueued
};

}  // namespace
}  // namespace cuda_on_cpu

struct ncclComm {
  std::shared_ptr<cuda_on_cpu::Clique> clique;
  int rank;
};

namespace cuda_on_cpu {
namespace {

// One rank's call.
struct Broadcast {
  ncclComm_t communicator;
  const void* send;
  void* receive;
  std::size_t count;
  ncclDataType_t type;
  int root;
  cudaStream_t stream;
};

struct Group {
  int depth = 0;
  std::vector<Broadcast> calls;
  std::string text;  // explains the last error
};
thread_local Group group;

ncclResult_t error(ncclResult_t result, const std::string& text) {
  group.text = text;
  return result;
}

std::size_t size_of(ncclDataType_t type) {
  switch (type) {
    case ncclInt8:
    case ncclUint8:
      return 1;
    case ncclFloat16:
      return 2;
    case ncclInt32:
    case ncclUint32:
    case ncclFloat32:
      return 4;
    case ncclInt64:
    case ncclUint64:
    case ncclFloat64:
      return 8;
  }
  return 0;
}

// Why a rank's call cannot be carried out, empty where it can.
std::string wrong_call(const Runtime& runtime, const Broadcast& call) {
  const int device = call.communicator->clique->devices[static_cast<std::size_t>(call.communicator->rank)];
  if (call.stream->device != device)
    return caviar::cat("rank ", call.communicator->rank, " is device ", device, ", its stream belongs to ",
                       call.stream->device);
  if (call.stream->capture != nullptr) return "a captured broadcast is not emulated";
  const auto is_there = [&](const void* pointer) {
    const Allocation* const allocation = runtime.find_allocation(pointer);
    const auto* const last = static_cast<const std::byte*>(pointer) + call.count * size_of(call.type) - 1;
    return allocation != nullptr && allocation->device == device && runtime.find_allocation(last) == allocation;
  };
  if (call.count == 0) return {};
  if (!is_there(call.receive)) return caviar::cat("rank ", call.communicator->rank, " receives outside its memory");
  if (call.communicator->rank == call.root && !is_there(call.send)) return "the root sends what is not in its memory";
  return {};
}

// The calls of one broadcast, by rank, become one entry in each rank's stream.
ncclResult_t enqueue(Runtime& runtime, const std::vector<Broadcast>& calls) {
  Clique& clique = *calls.front().communicator->clique;
  for (const Broadcast& call : calls) {
    if (call.count != calls.front().count || call.type != calls.front().type || call.root != calls.front().root)
      return error(ncclInvalidUsage, "the ranks of a broadcast do not agree on count, type and root");
    if (runtime.sticky(call.stream->device) != cudaSuccess)
      return error(ncclUnhandledCudaError, caviar::cat("device ", call.stream->device, " has failed"));
    if (const std::string wrong = wrong_call(runtime, call); !wrong.empty()) return error(ncclInvalidArgument, wrong);
  }
  auto meeting = std::make_shared<Meeting>();
  meeting->expected = static_cast<int>(calls.size());
  meeting->happen = [calls](Runtime& here) {
    const Broadcast& root = calls[static_cast<std::size_t>(calls.front().root)];
    for (const Broadcast& call : calls)
      if (call.count != 0) std::memmove(call.receive, root.send, call.count * size_of(call.type));
    ++here.counters().broadcasts;
  };
  for (const Broadcast& call : calls) runtime.append(call.stream, {.meeting = meeting});
  clique.broadcasts.push_back(std::move(meeting));
  return ncclSuccess;
}

// Matches the first call of each rank of a clique, then the second, and so on.
ncclResult_t enqueue_group(Runtime& runtime, std::vector<Broadcast> calls) {
  while (!calls.empty()) {
    const auto clique = calls.front().communicator->clique;
    std::vector<Broadcast> together;
    for (std::size_t rank = 0; rank < clique->devices.size(); ++rank) {
      const auto found = std::ranges::find_if(calls, [&](const Broadcast& call) {
        return call.communicator->clique == clique && call.communicator->rank == static_cast<int>(rank);
      });
      if (found == calls.end())
        return error(ncclInvalidUsage, caviar::cat("rank ", rank, " of ", clique->devices.size(),
                                                   " takes no part in a broadcast of the group"));
      together.push_back(*found);
      calls.erase(found);
    }
    if (const ncclResult_t result = enqueue(runtime, together); result != ncclSuccess) return result;
  }
  return ncclSuccess;
}

}  // namespace
}  // namespace cuda_on_cpu

using cuda_on_cpu::group;
using cuda_on_cpu::Runtime;

ncclResult_t ncclCommInitAll(ncclComm_t* communicators, int count, const int* devices) {
  Runtime& runtime = Runtime::instance();
  const std::lock_guard lock(runtime.mutex);
  auto clique = std::make_shared<cuda_on_cpu::Clique>();
  clique->devices.resize(static_cast<std::size_t>(std::max(count, 0)));
  std::iota(clique->devices.begin(), clique->devices.end(), 0);
  if (devices != nullptr) std::copy_n(devices, clique->devices.size(), clique->devices.begin());
  for (const int device : clique->devices) {
    if (device < 0 || device >= runtime.device_count())
      return cuda_on_cpu::error(ncclInvalidArgument, caviar::cat("there is no device ", device));
    if (std::ranges::count(clique->devices, device) != 1)
      return cuda_on_cpu::error(ncclInvalidUsage, caviar::cat("device ", device, " is named twice"));
    if (runtime.sticky(device) != cudaSuccess)
      return cuda_on_cpu::error(ncclUnhandledCudaError, caviar::cat("device ", device, " has failed"));
  }
  if (!runtime.options().nccl_starts) return cuda_on_cpu::error(ncclSystemError, "the test lets NCCL fail to start");
  if (count < 1) return cuda_on_cpu::error(ncclInvalidArgument, "a communicator needs a device");
  for (int rank = 0; rank < count; ++rank) communicators[rank] = new ncclComm{clique, rank};
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t communicator) {
  delete communicator;
  return ncclSuccess;
}

ncclResult_t ncclGroupStart() {
  ++group.depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  if (group.depth == 0) return cuda_on_cpu::error(ncclInvalidUsage, "no group was started");
  if (--group.depth > 0) return ncclSuccess;
  Runtime& runtime = Runtime::instance();
  const std::lock_guard lock(runtime.mutex);
  return cuda_on_cpu::enqueue_group(runtime, std::exchange(group.calls, {}));
}

ncclResult_t ncclBroadcast(const void* send, void* receive, std::size_t count, ncclDataType_t type, int root,
                           ncclComm_t communicator, cudaStream_t handle) {
  if (communicator == nullptr || root < 0 || root >= static_cast<int>(communicator->clique->devices.size()))
    return cuda_on_cpu::error(ncclInvalidArgument, "no communicator, or no such root");
  Runtime& runtime = Runtime::instance();
  const std::lock_guard lock(runtime.mutex);
  const int device = communicator->clique->devices[static_cast<std::size_t>(communicator->rank)];
  CUstream_st* const stream = handle == nullptr ? runtime.device(device).null_stream : runtime.find(handle);
  if (stream == nullptr) return cuda_on_cpu::error(ncclInvalidArgument, "no such stream");
  group.calls.push_back({communicator, send, receive, count, type, root, stream});
  return group.depth > 0 ? ncclSuccess : cuda_on_cpu::enqueue_group(runtime, std::exchange(group.calls, {}));
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t communicator, ncclResult_t* result) {
  Runtime& runtime = Runtime::instance();
  const std::lock_guard lock(runtime.mutex);
  const bool abandoned =
      std::ranges::any_of(communicator->clique->broadcasts, [](const auto& meeting) { return meeting->abandoned; });
  *result = abandoned ? ncclRemoteError : ncclSuccess;
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "unhandled cuda error";
    case ncclSystemError:
      return "unhandled system error";
    case ncclInternalError:
      return "internal error";
    case ncclInvalidArgument:
      return "invalid argument";
    case ncclInvalidUsage:
      return "invalid usage";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    case ncclInProgress:
      return "NCCL operation in progress";
  }
  return "unknown result code";
}

const char* ncclGetLastError(ncclComm_t) { return group.text.c_str(); }

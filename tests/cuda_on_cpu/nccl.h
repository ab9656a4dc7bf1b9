// The part of NCCL that caviar uses, for emulated devices: one thread holds the communicators of all devices and
// broadcasts inside a group. Names, values and meaning are NCCL's (2.28); where NCCL would hang, an error is returned.
#pragma once

#include <cstddef>

#include "tests/cuda_on_cpu/types.h"

// NOLINTBEGIN(readability-identifier-naming): the names are NCCL's.

using ncclComm_t = struct ncclComm*;

enum ncclResult_t {
  ncclSuccess = 0,
  ncclUnhandledCudaError = 1,
  ncclSystemError = 2,
  ncclInternalError = 3,
  ncclInvalidArgument = 4,
  ncclInvalidUsage = 5,
  ncclRemoteError = 6,
  ncclInProgress = 7,
};

enum ncclDataType_t {
  ncclInt8 = 0,
  ncclChar = 0,
  ncclUint8 = 1,
  ncclInt32 = 2,
  ncclInt = 2,
  ncclUint32 = 3,
  ncclInt64 = 4,
  ncclUint64 = 5,
  ncclFloat16 = 6,
  ncclHalf = 6,
  ncclFloat32 = 7,
  ncclFloat = 7,
  ncclFloat64 = 8,
  ncclDouble = 8,
};

// One communicator for each of `count` different devices; null for `devices`: 0 .. count - 1.
ncclResult_t ncclCommInitAll(ncclComm_t* communicators, int count, const int* devices);
ncclResult_t ncclCommDestroy(ncclComm_t communicator);
ncclResult_t ncclGroupStart();
// Enqueues what the group holds. ncclInvalidUsage unless every rank takes part in every broadcast with the same count,
// type and root: NCCL would wait for the missing rank for ever.
ncclResult_t ncclGroupEnd();
// Happens once all ranks' streams have come to it. In place where `send` is `receive`; `send` is read by the root only.
ncclResult_t ncclBroadcast(const void* send, void* receive, std::size_t count, ncclDataType_t type, int root,
                           ncclComm_t communicator, cudaStream_t stream);
// ncclRemoteError after a device was lost while a broadcast waited for it: the others went on without the data.
ncclResult_t ncclCommGetAsyncError(ncclComm_t communicator, ncclResult_t* result);
const char* ncclGetErrorString(ncclResult_t result);
// A sentence about the last error of the calling thread.
const char* ncclGetLastError(ncclComm_t communicator);

// NOLINTEND(readability-identifier-naming)

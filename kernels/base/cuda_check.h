// Errors of CUDA as exceptions.
#pragma once

#include <string>

#include "kernels/base/cuda.h"
#include "kernels/base/error.h"

namespace caviar {

// A call of the CUDA runtime that failed. What follows from it depends on the code.
class CudaError : public Error {
 public:
  CudaError(cudaError_t code, const std::string& text) : Error(text), code_(code) {}

  cudaError_t code() const { return code_; }

  // The device has too little memory for what was asked; it works as before.
  bool is_out_of_memory() const { return code_ == cudaErrorMemoryAllocation; }

  // Every further call on this device fails too: what ran on it is lost, and so is what its memory held.
  bool is_sticky() const { return is_sticky(code_); }
  static bool is_sticky(cudaError_t code);

 private:
  cudaError_t code_;
};

// The errors of which the CUDA runtime's reference says that the process must end for the device to be used again, and
// those of hardware that is gone.
inline bool CudaError::is_sticky(cudaError_t code) {
  switch (code) {
    case cudaErrorDevicesUnavailable:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorContextIsDestroyed:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorExternalDevice:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

// Throws CudaError unless `code` is cudaSuccess: "CUDA cannot <attempt>: <CUDA's text> (<CUDA's name>)". The attempt
// reads on from "cannot": "allocate 4096 bytes". The thread's last error is cleared, so that it is not reported twice.
inline void cuda_check(cudaError_t code, const char* attempt) {
  if (code == cudaSuccess) return;
  const std::string text =
      cat("CUDA cannot ", attempt, ": ", cudaGetErrorString(code), " (", cudaGetErrorName(code), ")");
  static_cast<void>(cudaGetLastError());
  throw CudaError(code, text);
}
inline void cuda_check(cudaError_t code, const std::string& attempt) { cuda_check(code, attempt.c_str()); }

}  // namespace caviar

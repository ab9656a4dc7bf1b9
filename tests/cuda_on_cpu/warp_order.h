// In which order the emulated device carries out what CUDA leaves open.
#pragma once

namespace cuda_on_cpu {

// Which block, warp and lane goes first where several could. A kernel must give the same bits in every order.
//
// Asynchronous copies (cp.async) happen when they are waited for in kForward, when they are issued in kReverse, and at
// either time in kRandom.
enum class WarpOrder { kForward, kReverse, kRandom };

}  // namespace cuda_on_cpu

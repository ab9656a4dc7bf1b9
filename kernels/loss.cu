// Lanes of a warp share a row: lane l of a group holds classes l, l + group, ..., so that the upper levels of the tree
// of base/reduce.h are additions in registers and the rest are shuffles. A tree over more places than there are classes
// gives the same sum: its leaves are values + 0 or +0, and adding +0 to a sum of such changes no bit.
#include "kernels/base/launch.h"
#include "kernels/base/tiles.h"
#include "kernels/loss.h"
#include "kernels/math/loss.h"

namespace caviar {

namespace {

constexpr int kThreads = 128;
constexpr unsigned kAllLanes = 0xffffffffu;

// The sum over the kEach classes of every lane of a group of `group` lanes, a power of two; to all of them.
template <int kEach>
__device__ __forceinline__ float class_sum(const float (&value)[kEach], int group) {
  float partial[kEach];
#pragma unroll
  for (int k = 0; k < kEach; ++k) partial[k] = value[k] + 0.0f;
#pragma unroll
  for (int half = kEach / 2; half > 0; half /= 2)
#pragma unroll
    for (int k = 0; k < half; ++k) partial[k] += partial[k + half];
  for (int half = group / 2; half > 0; half /= 2) partial[0] += __shfl_xor_sync(kAllLanes, partial[0], half);
  return partial[0];
}

// The first class whose logit is the largest; class 0 when its logit is NaN; any other NaN is no candidate. As the loop
// `if (logit[c] > logit[best]) best = c` from best = 0. Lanes hold -infinity where there is no class.
template <int kEach>
__device__ __forceinline__ int first_largest(const float (&logit)[kEach], int lane, int group) {
  const float infinity = __builtin_inff();
  float most = -infinity;
  int best = 0x7fffffff;
#pragma unroll
  for (int k = 0; k < kEach; ++k) {
    const int c = lane + k * group;
    float x = logit[k];
    if (x != x) x = c == 0 ? infinity : -infinity;
    if (k == 0 || x > most) {
      most = x;
      best = c;
    }
  }
  for (int half = group / 2; half > 0; half /= 2) {
    const float x = __shfl_xor_sync(kAllLanes, most, half);
    const int c = __shfl_xor_sync(kAllLanes, best, half);
    if (x > most || (x == most && c < best)) {
      most = x;
      best = c;
    }
  }
  return best;
}

// kEach: classes of a lane. Every lane stays to the end: the shuffles name all of them.
template <int kEach>
__global__ void __launch_bounds__(kThreads) softmax_cross_entropy_kernel(LossArgs a, int group) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.y), rows_of_block = kThreads / group;
  const SlotRow& s = a.rows[slot];
  const int first_row = static_cast<int>(blockIdx.x) * rows_of_block;
  if (!s.on || first_row >= s.rows) return;
  const int row = first_row + static_cast<int>(threadIdx.x) / group, lane = static_cast<int>(threadIdx.x) % group;
  const bool exists = row < s.rows;
  const int classes = a.classes, width = padded(classes);
  const float count = static_cast<float>(classes), scale = 1.0f / static_cast<float>(s.rows);
  const float smoothing = a.grad_logits ? s.hyper.label_smoothing : 0.0f;

  const float* logits = a.logits[slot] + static_cast<std::int64_t>(exists ? row : first_row) * width;
  const int label = a.labels[slot][exists ? row : first_row];
  float logit[kEach], e[kEach];
#pragma unroll
  for (int k = 0; k < kEach; ++k) {
    const int c = lane + k * group;
    logit[k] = c < classes ? logits[c] : -__builtin_inff();
  }
  const int best = first_largest(logit, lane, group);
  const float max = logits[best];
#pragma unroll
  for (int k = 0; k < kEach; ++k) e[k] = lane + k * group < classes ? exp_of(logit[k] - max) : 0.0f;
  const float sum = class_sum(e, group), log_sum = log_of(sum);
  float loss = cross_entropy(logits[label], max, log_sum);
  if (smoothing > 0.0f) {
#pragma unroll
    for (int k = 0; k < kEach; ++k) logit[k] = lane + k * group < classes ? logit[k] : 0.0f;
    loss = smoothed_cross_entropy(loss, class_sum(logit, group) / count, max, log_sum, smoothing);
  }
  if (!exists) return;
  if (lane == 0) {
    a.losses[slot][row] = loss;
    a.correct[slot][row] = best == label;
  }
  if (!a.grad_logits) return;
  float* grad = a.grad_logits[slot] + static_cast<std::int64_t>(row) * width;
#pragma unroll
  for (int k = 0; k < kEach; ++k) {
    const int c = lane + k * group;
    if (c < width)
      grad[c] = c < classes ? cross_entropy_gradient(e[k] / sum, c == label, smoothing, count, scale) : 0.0f;
  }
}

}  // namespace

void softmax_cross_entropy(const Cuda& device, const LossArgs& a) {
  int group = kLanes;  // at least as many lanes as padding makes of one class
  while (group < a.classes && group < 32) group *= 2;
  const dim3 grid(tiles(a.window.rows(), kThreads / group), static_cast<unsigned>(a.window.s1 - a.window.s0));
  if (a.classes <= 32)
    launch(softmax_cross_entropy_kernel<1>, grid, kThreads, 0, device.stream, a, group);
  else if (a.classes <= 64)
    launch(softmax_cross_entropy_kernel<2>, grid, kThreads, 0, device.stream, a, group);
  else if (a.classes <= 128)
    launch(softmax_cross_entropy_kernel<4>, grid, kThreads, 0, device.stream, a, group);
  else
    launch(softmax_cross_entropy_kernel<8>, grid, kThreads, 0, device.stream, a, group);
}

}  // namespace caviar

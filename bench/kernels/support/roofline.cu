#include <cstdint>
#include <vector>

#include "bench/kernels/support/harness.h"
#include "bench/kernels/support/roofline.h"
#include "kernels/base/error.h"
#include "kernels/base/launch.h"
#include "kernels/base/mma.h"
#include "kernels/math/elementary.h"

namespace caviar::bench {
namespace {

// Blocks enough to fill a device whatever its occupancy, and chains enough in a thread to hide the latency of one.
constexpr int kThreads = 256, kChains = 16, kTiles = 8;

__global__ void __launch_bounds__(kThreads) copy_array_kernel(const float4* in, float4* out, std::int64_t count) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step)
    out[i] = in[i];
}

// out[thread] = sum of kChains chains of `rounds` steps x = fma(x, a, b), started from 0, 1, 2, ...
__global__ void __launch_bounds__(kThreads) chain_multiply_adds_kernel(int rounds, float a, float b, float* out) {
  float x[kChains];
#pragma unroll
  for (int c = 0; c < kChains; ++c) x[c] = static_cast<float>(c);
#pragma unroll 4
  for (int round = 0; round < rounds; ++round) {
#pragma unroll
    for (int c = 0; c < kChains; ++c) x[c] = fma_of(x[c], a, b);
  }
  float sum = 0;
#pragma unroll
  for (int c = 0; c < kChains; ++c) sum += x[c];
  out[blockIdx.x * kThreads + threadIdx.x] = sum;
}

// out[thread] = one element of each of kTiles sums of `rounds` products, added up; all elements of the operands are the
// halves in `pair`.
__global__ void __launch_bounds__(kThreads) chain_tensor_products_kernel(int rounds, std::uint32_t pair, float* out) {
  const std::uint32_t a[4] = {pair, pair, pair, pair}, b[2] = {pair, pair};
  float d[kTiles][4] = {};
#pragma unroll 1
  for (int round = 0; round < rounds; ++round) {
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) mma_m16n8k16(d[tile], a, b, d[tile]);
  }
  float sum = 0;
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) sum += d[tile][0];
  out[blockIdx.x * kThreads + threadIdx.x] = sum;
}

constexpr float kFactor = 0.75f, kTerm = 0.5f;
constexpr std::uint32_t kOnes = 0x3c003c00;  // 1.0 as a half, twice

void enqueue_copy(cudaStream_t stream, int blocks, const DeviceArray<float4>& from, const DeviceArray<float4>& to) {
  launch(copy_array_kernel, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, stream,
         static_cast<const float4*>(from.data()), to.data(), from.size());
}

void enqueue_multiply_adds(cudaStream_t stream, int rounds, const DeviceArray<float>& out) {
  launch(chain_multiply_adds_kernel, dim3(static_cast<unsigned>(out.size() / kThreads)), dim3(kThreads), 0, stream,
         rounds, kFactor, kTerm, out.data());
}

void enqueue_tensor_products(cudaStream_t stream, int rounds, const DeviceArray<float>& out) {
  launch(chain_tensor_products_kernel, dim3(static_cast<unsigned>(out.size() / kThreads)), dim3(kThreads), 0, stream,
         rounds, kOnes, out.data());
}

template <class T>
void expect(const char* what, const DeviceArray<T>& array, const std::vector<float>& expected) {
  std::vector<float> actual(expected.size());
  cuda_check(cudaMemcpy(actual.data(), array.data(), actual.size() * sizeof(float), cudaMemcpyDeviceToHost),
             "read an array back");
  for (std::size_t i = 0; i < actual.size(); ++i)
    if (actual[i] != expected[i])
      fail("The kernel that measures ", what, " computed ", actual[i], " and not ", expected[i], " at ", i, ".");
}

}  // namespace

Roofline measure_roofline(cudaStream_t stream) {
  constexpr std::int64_t kCopied = 512 << 20;
  constexpr int kRounds = 4096;
  int device = 0, multiprocessors = 0;
  cuda_check(cudaGetDevice(&device), "say which device is current");
  cuda_check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device), "count multiprocessors");
  const DeviceArray<float> out(8 * multiprocessors * kThreads);
  const double threads = static_cast<double>(out.size());

  Roofline roofline;
  const double adds = 2.0 * kChains * kRounds * threads;
  roofline.fp32_operations_per_second =
      adds / seconds_of([&](cudaStream_t s) { enqueue_multiply_adds(s, kRounds, out); }, stream);
  const double products = 2.0 * 16 * 8 * 16 * kTiles * kRounds * (threads / 32);
  roofline.tensor_operations_per_second =
      products / seconds_of([&](cudaStream_t s) { enqueue_tensor_products(s, kRounds, out); }, stream);
  const DeviceArray<float4> from(kCopied / 16), to(kCopied / 16);
  cuda_check(cudaMemsetAsync(from.data(), 0, from.bytes(), stream), "clear an array");
  roofline.copy_bytes_per_second =
      2.0 * kCopied / seconds_of([&](cudaStream_t s) { enqueue_copy(s, 16 * multiprocessors, from, to); }, stream);
  return roofline;
}

void check_roofline_kernels(cudaStream_t stream) {
  constexpr int kRounds = 5, kBlocks = 2;
  const DeviceArray<float> out(kBlocks * kThreads);
  float sum = 0;
  for (int c = 0; c < kChains; ++c) {
    float x = static_cast<float>(c);
    for (int round = 0; round < kRounds; ++round) x = fma_of(x, kFactor, kTerm);
    sum += x;
  }
  enqueue_multiply_adds(stream, kRounds, out);
  cuda_check(cudaStreamSynchronize(stream), "wait for a kernel");
  expect("multiply-adds", out, std::vector<float>(static_cast<std::size_t>(out.size()), sum));

  // Every product adds 16 to every element.
  enqueue_tensor_products(stream, kRounds, out);
  cuda_check(cudaStreamSynchronize(stream), "wait for a kernel");
  expect("tensor cores", out, std::vector<float>(static_cast<std::size_t>(out.size()), 16.0f * kRounds * kTiles));

  constexpr std::int64_t kCount = 1000;  // of 16 bytes: blocks take several turns, the last in part
  std::vector<float> values(kCount * 4);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const DeviceArray<float4> from(kCount), to(kCount);
  cuda_check(cudaMemcpy(from.data(), values.data(), from.bytes(), cudaMemcpyHostToDevice), "fill an array");
  enqueue_copy(stream, kBlocks, from, to);
  cuda_check(cudaStreamSynchronize(stream), "wait for a kernel");
  expect("the bandwidth", to, values);
}

}  // namespace caviar::bench

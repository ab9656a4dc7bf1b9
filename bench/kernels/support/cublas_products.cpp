#include "bench/kernels/support/cublas_products.h"

#include <cublas_v2.h>
#include <cuda_fp16.h>

#include "kernels/base/error.h"

namespace caviar::bench {
namespace {

void cublas_check(cublasStatus_t status, const char* attempt) {
  if (status != CUBLAS_STATUS_SUCCESS) fail("cuBLAS cannot ", attempt, ": ", cublasGetStatusString(status), ".");
}

class Handle {
 public:
  Handle() {
    cublas_check(cublasCreate(&value_), "start");
    cublas_check(cublasSetMathMode(value_, CUBLAS_DEFAULT_MATH), "set its arithmetic");  // fp32 stays fp32, not TF32
  }
  ~Handle() { cublasDestroy(value_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  cublasHandle_t on(cudaStream_t stream) const {
    cublas_check(cublasSetStream(value_, stream), "use a stream");
    return value_;
  }

 private:
  cublasHandle_t value_{};
};

cublasOperation_t operation(bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; }

constexpr float kOne = 1;

void strided(const Handle& handle, cudaStream_t stream, const SlotProduct& p, int slots) {
  cublas_check(cublasSgemmStridedBatched(handle.on(stream), operation(p.transpose_a), operation(p.transpose_b), p.m,
                                         p.n, p.k, &kOne, p.a.data, p.a_width, p.a.stride, p.b.data, p.b_width,
                                         p.b.stride, &p.beta, p.c.data, p.c_width, p.c.stride, slots),
               "multiply in strided batches");
}

// fp16 copies of the operands of a product; their values are zeros, which take as long as others.
struct HalfOperands {
  DeviceArray<__half> a, b;
};

HalfOperands half_operands(const SlotProduct& p, int slots) {
  HalfOperands operands{DeviceArray<__half>(p.a.stride * slots), DeviceArray<__half>(p.b.stride * slots)};
  cuda_check(cudaMemset(operands.a.data(), 0, operands.a.bytes()), "clear an operand");
  cuda_check(cudaMemset(operands.b.data(), 0, operands.b.bytes()), "clear an operand");
  return operands;
}

void strided_half(const Handle& handle, cudaStream_t stream, const SlotProduct& p, const HalfOperands& operands,
                  int slots) {
  cublas_check(
      cublasGemmStridedBatchedEx(handle.on(stream), operation(p.transpose_a), operation(p.transpose_b), p.m, p.n, p.k,
                                 &kOne, operands.a.data(), CUDA_R_16F, p.a_width, p.a.stride, operands.b.data(),
                                 CUDA_R_16F, p.b_width, p.b.stride, &p.beta, p.c.data, CUDA_R_32F, p.c_width,
                                 p.c.stride, slots, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
      "multiply fp16 in strided batches");
}

#if CUBLAS_VERSION >= 120500
// Addresses of the matrices of all slots, on the device, as grouped products take them.
struct Addresses {
  DeviceArray<const float*> a, b;
  DeviceArray<float*> c;
};

template <class T>
DeviceArray<T*> addresses_of(const Slab<T>& slab, int slots) {
  std::vector<T*> addresses;
  for (int s = 0; s < slots; ++s) addresses.push_back(slab[s]);
  DeviceArray<T*> array(slots);
  cuda_check(cudaMemcpy(array.data(), addresses.data(), array.bytes(), cudaMemcpyHostToDevice), "copy addresses");
  return array;
}

void grouped(const Handle& handle, cudaStream_t stream, const SlotProduct& p, const Addresses& addresses, int slots) {
  const cublasOperation_t a = operation(p.transpose_a), b = operation(p.transpose_b);
  cublas_check(
      cublasSgemmGroupedBatched(handle.on(stream), &a, &b, &p.m, &p.n, &p.k, &kOne, addresses.a.data(), &p.a_width,
                                addresses.b.data(), &p.b_width, &p.beta, addresses.c.data(), &p.c_width, 1, &slots),
      "multiply in groups");
}
#endif

}  // namespace

std::vector<Peer> cublas_peers(const std::vector<SlotProduct>& products, int slots, Precision precision) {
  const auto handle = std::make_shared<Handle>();
  if (precision == Precision::kMixed) {
    const auto operands = std::make_shared<std::vector<HalfOperands>>();
    for (const SlotProduct& p : products) operands->push_back(half_operands(p, slots));
    return {{"cuBLAS fp16, strided batched", [=](cudaStream_t stream) {
               for (std::size_t i = 0; i < products.size(); ++i)
                 strided_half(*handle, stream, products[i], (*operands)[i], slots);
             }}};
  }
  std::vector<Peer> peers{{"cuBLAS, strided batched", [=](cudaStream_t stream) {
                             for (const SlotProduct& p : products) strided(*handle, stream, p, slots);
                           }}};
#if CUBLAS_VERSION >= 120500
  const auto addresses = std::make_shared<std::vector<Addresses>>();
  for (const SlotProduct& p : products)
    addresses->push_back({addresses_of(p.a, slots), addresses_of(p.b, slots), addresses_of(p.c, slots)});
  peers.push_back({"cuBLAS, grouped", [=](cudaStream_t stream) {
                     for (std::size_t i = 0; i < products.size(); ++i)
                       grouped(*handle, stream, products[i], (*addresses)[i], slots);
                   }});
#endif
  return peers;
}

}  // namespace caviar::bench

// The linear head, forward and backward, beside cuBLAS. Bytes counted: features, weights, logits and their gradients.
#include "kernels/dense.h"

#include <cmath>

#include "bench/kernels/support/harness.h"
#include "bench/kernels/support/slots.h"
#include "kernels/base/buffer.h"
#if defined(CAVIAR_HAS_CUBLAS)
#include "bench/kernels/support/cublas_products.h"
#endif

namespace caviar::bench {
namespace {

struct Point {
  int hidden = 64, batch = 64, slots = 1;  // features: 2 H
  bool backward = false;
  static constexpr int kClasses = 10, kClassesPadded = padded(kClasses);
  int inputs() const { return 2 * hidden; }
  int width() const { return row_stride(2 * padded(hidden)); }
  double device_bytes() const {
    return 4.0 * slots * (2.0 * batch * (width() + kClassesPadded) + 2.0 * kClasses * inputs());
  }
};

class DenseCase : public Case {
 public:
  explicit DenseCase(const Point& p)
      : p_(p),
        rows_(training_slots(p.slots, p.batch, 60000)),
        features_(p.slots, std::int64_t{1} * p.batch * p.width(),
                  [&](int s, std::int64_t i) { return i % p.width() < p.inputs() ? random_value(1, s, i) : 0.0f; }),
        weight_(p.slots, std::int64_t{1} * Point::kClasses * p.inputs(),
                [](int s, std::int64_t i) { return random_value(2, s, i, 0.1f); }),
        bias_(p.slots, Point::kClassesPadded,
              [](int s, std::int64_t i) { return i < Point::kClasses ? random_value(3, s, i) : 0.0f; }),
        out_(p.slots, std::int64_t{1} * p.batch * Point::kClassesPadded),
        grad_out_(p.slots, std::int64_t{1} * p.batch * Point::kClassesPadded,
                  [](int s, std::int64_t i) {
                    return i % Point::kClassesPadded < Point::kClasses ? random_value(4, s, i, 1e-2f) : 0.0f;
                  }),
        grad_features_(p.slots, std::int64_t{1} * p.batch * p.width()),
        grad_weight_(p.slots, std::int64_t{1} * Point::kClasses * p.inputs()),
        grad_bias_(p.slots, Point::kClasses),
        panels_(panel_size(p.inputs(), Point::kClassesPadded / kLanes)),
        panels_back_(panel_size(Point::kClasses, 2 * padded(p.hidden) / kLanes)) {}

  int slots() const override { return p_.slots; }

  void on_cpu(int slot) override {
    pack_transposed(weight_.host_row(slot), p_.inputs(), 1, Point::kClasses, panels_.data());
    pack_direct(weight_.host_row(slot), Point::kClasses, 2, p_.hidden, panels_back_.data());
    DenseArgs a = args({slot, slot + 1, 0, p_.batch}, &Rows<float>::host);
    a.rows = rows_.host().data;
    a.weight = {panels_.data(), 0};
    a.weight_back = {panels_back_.data(), 0};
    p_.backward ? dense_backward(Cpu{}, a) : dense_forward(Cpu{}, a);
  }

  void on_gpu(const Cuda& device) override {
    DenseArgs a = args({0, p_.slots, 0, p_.batch}, &Rows<float>::device);
    a.rows = rows_.device().data;
    a.weight = a.weight_back = weight_.device();
    p_.backward ? dense_backward(device, a) : dense_forward(device, a);
  }

  std::string compare() override {
    if (!p_.backward) return first_difference("out", out_);
    std::string difference = first_difference("grad_features", grad_features_);
    if (difference.empty()) difference = first_difference("grad_weight", grad_weight_);
    return difference.empty() ? first_difference("grad_bias", grad_bias_) : difference;
  }

  Work work() const override {
    const double features = 1.0 * p_.batch * p_.inputs(), weights = 1.0 * Point::kClasses * p_.inputs();
    const double logits = 1.0 * p_.batch * Point::kClasses;
    Work work;
    work.operations = (p_.backward ? 4.0 : 2.0) * p_.slots * logits * p_.inputs();
    work.bytes = 4.0 * p_.slots * (p_.backward ? 2 * features + 3 * weights + logits : features + weights + logits);
    return work;
  }

#if defined(CAVIAR_HAS_CUBLAS)
  // The products alone: cuBLAS adds no bias here, and sums no gradient of one.
  std::vector<Peer> peers() override {
    const int inputs = p_.inputs(), width = p_.width(), batch = p_.batch;
    constexpr int kC = Point::kClasses, kCp = Point::kClassesPadded;
    SlotProduct out{true,          false,  kC,    batch, inputs, weight_.device(), features_.device(),
                    out_.device(), inputs, width, kCp,   0};
    SlotProduct by_features{
        false,  false, inputs, batch, kC, weight_.device(), grad_out_.device(), grad_features_.device(),
        inputs, kCp,   width,  0};
    SlotProduct by_weight{false, true, inputs, kC, batch, features_.device(), grad_out_.device(), grad_weight_.device(),
                          width, kCp,  inputs, 1};
    const std::vector<SlotProduct> products = p_.backward ? std::vector{by_features, by_weight} : std::vector{out};
    return cublas_peers(products, p_.slots, Precision::kFp32);
  }
#endif

 private:
  template <class Side>
  DenseArgs args(const Window& window, Side side) {
    DenseArgs a;
    a.window = window;
    a.outputs = Point::kClasses;
    a.inputs = packed_segments(2, p_.hidden);
    a.width = p_.width();
    a.features = (features_.*side)();
    a.bias = (bias_.*side)();
    a.out = (out_.*side)();
    a.grad_out = (grad_out_.*side)();
    a.grad_features = (grad_features_.*side)();
    a.grad_weight = (grad_weight_.*side)();
    a.grad_bias = (grad_bias_.*side)();
    return a;
  }

  Point p_;
  Rows<SlotRow> rows_;
  Rows<float> features_, weight_, bias_, out_, grad_out_, grad_features_, grad_weight_, grad_bias_;
  Buffer<float> panels_, panels_back_;
};

void register_cases(Sizes sizes) {
  const bool small = sizes == Sizes::kSmall;
  for (const int hidden : small ? std::vector{16} : std::vector{64, 256})
    for (const int slots : small ? std::vector{2} : std::vector{132, 1024})
      for (const bool backward : {false, true}) {
        const Point p{hidden, small ? 16 : 64, slots, backward};
        add_case(cat(backward ? "dense_backward/" : "dense_forward/", "H:", hidden, "/B:", p.batch, "/runs:", slots),
                 p.device_bytes(), [p] { return std::make_unique<DenseCase>(p); });
      }
}

}  // namespace
}  // namespace caviar::bench

int main(int argc, char** argv) { return caviar::bench::run(argc, argv, caviar::bench::register_cases); }

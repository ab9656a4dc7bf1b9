// The grouped matrix products of a recurrent layer over all its steps, beside cuBLAS: input projections, and the weight
// gradients they lead to. LSTM, 28 steps, batches of 64; the first layer reads 28 pixels, the second 2 H features.
//
// Bytes counted: operands read, results written, gradients read and written.
#include "kernels/product.h"

#include <algorithm>

#include "bench/kernels/support/harness.h"
#include "bench/kernels/support/slots.h"
#include "kernels/base/buffer.h"
#if defined(CAVIAR_HAS_CUBLAS)
#include "bench/kernels/support/cublas_products.h"
#endif

namespace caviar::bench {
namespace {

constexpr int kGates = 4;

struct Point {
  int slots = 1, inputs = 28, hidden = 64, batch = 64, steps = 28;
  Segments input_segments() const { return packed_segments(1, inputs); }
  Segments gate_segments() const { return packed_segments(kGates, hidden); }
  int input_width() const { return row_stride(padded(inputs)); }
  int gate_width() const { return row_stride(kGates * padded(hidden)); }
  int positions() const { return steps * batch; }
  std::int64_t weights() const { return std::int64_t{1} * kGates * hidden * inputs; }
  double operations() const { return 2.0 * slots * positions() * static_cast<double>(weights()); }
  double device_bytes() const {
    return 4.0 * slots *
           (static_cast<double>(positions()) * (input_width() + gate_width()) + static_cast<double>(weights()));
  }
};

Rows<float> inputs_of(const Point& p) {
  return Rows<float>(p.slots, std::int64_t{1} * p.positions() * p.input_width(), [&](int s, std::int64_t i) {
    return i % p.input_width() < p.inputs ? random_value(1, s, i) : 0.0f;
  });
}

// Real features of a row of gates; what stands between them is 0.
bool is_gate(const Point& p, std::int64_t i) {
  const auto column = static_cast<int>(i % p.gate_width());
  return column < kGates * padded(p.hidden) && column % padded(p.hidden) < p.hidden;
}

class ProjectionCase : public Case {
 public:
  explicit ProjectionCase(const Point& p)
      : p_(p),
        rows_(training_slots(p.slots, p.batch, 60000)),
        x_(inputs_of(p)),
        weight_(p.slots, p.weights(), [](int s, std::int64_t i) { return random_value(2, s, i, 0.1f); }),
        bias_(p.slots, kGates * p.hidden, [](int s, std::int64_t i) { return random_value(3, s, i); }),
        gates_(p.slots, std::int64_t{1} * p.positions() * p.gate_width()),
        panels_(panel_size(p.inputs, p.gate_segments().vectors())),
        padded_bias_(static_cast<std::size_t>(kGates * padded(p.hidden))) {}
  int slots() const override { return p_.slots; }

  void on_cpu(int slot) override {
    pack_transposed(weight_.host_row(slot), p_.inputs, kGates, p_.hidden, panels_.data());
    for (int g = 0; g < kGates; ++g)
      std::copy_n(bias_.host_row(slot) + g * p_.hidden, p_.hidden, padded_bias_.data() + g * padded(p_.hidden));
    RowProduct r;
    r.a = x_.host_row(slot);
    r.a_stride = p_.input_width();
    r.k = p_.input_segments();
    r.panels = panels_.data();
    r.rows = p_.positions();
    r.vectors = p_.gate_segments().vectors();
    r.c = gates_.host_row(slot);
    r.c_stride = p_.gate_width();
    r.bias = padded_bias_.data();
    row_product(r, Finish::kStoreBias);
  }

  void on_gpu(const Cuda& device) override {
    GroupedProduct g;
    g.window = {0, p_.slots, 0, p_.batch};
    g.rows = rows_.device().data;
    g.direction[0] = {p_.steps, x_.device(), weight_.device(), bias_.device(), gates_.device()};
    g.a_stride = p_.input_width();
    g.c_stride = p_.gate_width();
    g.k = p_.input_segments();
    g.n = p_.gate_segments();
    g.finish = Finish::kStoreBias;
    grouped_product(device, g);
  }

  std::string compare() override { return first_difference("gates", gates_); }

  Work work() const override {
    const double features = static_cast<double>(p_.positions()) * (p_.inputs + kGates * p_.hidden);
    return {4.0 * p_.slots * (features + static_cast<double>(p_.weights())), p_.operations(), Precision::kFp32,
            1.0 * p_.slots};
  }

#if defined(CAVIAR_HAS_CUBLAS)
  std::vector<Peer> peers() override {  // without the bias
    return cublas_peers({{true, false, kGates * p_.hidden, p_.positions(), p_.inputs, weight_.device(), x_.device(),
                          gates_.device(), p_.inputs, p_.input_width(), p_.gate_width(), 0}},
                        p_.slots, Precision::kFp32);
  }
#endif

 private:
  Point p_;
  Rows<SlotRow> rows_;
  Rows<float> x_, weight_, bias_, gates_;
  Buffer<float> panels_, padded_bias_;
};

class WeightGradientCase : public Case {
 public:
  explicit WeightGradientCase(const Point& p)
      : p_(p),
        rows_(training_slots(p.slots, p.batch, 60000)),
        x_(inputs_of(p)),
        grad_gates_(p.slots, std::int64_t{1} * p.positions() * p.gate_width(),
                    [&](int s, std::int64_t i) { return is_gate(p, i) ? random_value(2, s, i, 0.01f) : 0.0f; }),
        grad_weight_(p.slots, p.weights()),
        grad_bias_(p.slots, kGates * p.hidden) {}
  int slots() const override { return p_.slots; }

  void on_cpu(int slot) override {
    OuterProduct o;
    o.a = grad_gates_.host_row(slot);
    o.a_step = std::ptrdiff_t{1} * p_.batch * p_.gate_width();
    o.a_stride = p_.gate_width();
    o.i = p_.gate_segments();
    o.b = x_.host_row(slot);
    o.b_step = std::ptrdiff_t{1} * p_.batch * p_.input_width();
    o.b_stride = p_.input_width();
    o.j = p_.input_segments();
    o.steps = p_.steps;
    o.rows = p_.batch;
    o.c = grad_weight_.host_row(slot);
    outer_product(o);
    outer_sum(o.a, o.a_step, o.a_stride, o.i, o.steps, o.rows, grad_bias_.host_row(slot));
  }

  void on_gpu(const Cuda& device) override {
    GroupedOuterProduct g;
    g.window = {0, p_.slots, 0, p_.batch};
    g.rows = rows_.device().data;
    GroupedOuterProduct::Direction& d = g.direction[0];
    d.steps = d.product_steps = p_.steps;
    d.a = grad_gates_.device();
    d.b = x_.device();
    d.a_step = std::ptrdiff_t{1} * p_.batch * p_.gate_width();
    d.b_step = std::ptrdiff_t{1} * p_.batch * p_.input_width();
    d.c = grad_weight_.device();
    d.bias = grad_bias_.device();
    g.a_stride = p_.gate_width();
    g.b_stride = p_.input_width();
    g.i = p_.gate_segments();
    g.j = p_.input_segments();
    grouped_outer_product(device, g);
  }

  std::string compare() override {
    const std::string difference = first_difference("grad_weight", grad_weight_);
    return difference.empty() ? first_difference("grad_bias", grad_bias_) : difference;
  }

  Work work() const override {
    const double features = static_cast<double>(p_.positions()) * (p_.inputs + kGates * p_.hidden);
    return {4.0 * p_.slots * (features + 2.0 * static_cast<double>(p_.weights())), p_.operations(), Precision::kFp32,
            1.0 * p_.slots};
  }

#if defined(CAVIAR_HAS_CUBLAS)
  std::vector<Peer> peers() override {  // without the sums of the bias
    return cublas_peers({{false, true, p_.inputs, kGates * p_.hidden, p_.positions(), x_.device(), grad_gates_.device(),
                          grad_weight_.device(), p_.input_width(), p_.gate_width(), p_.inputs, 1}},
                        p_.slots, Precision::kFp32);
  }
#endif

 private:
  Point p_;
  Rows<SlotRow> rows_;
  Rows<float> x_, grad_gates_, grad_weight_, grad_bias_;
};

void register_cases(Sizes sizes) {
  const std::vector<Point> measured = {{132, 28, 64}, {1024, 28, 64}, {132, 128, 64}, {132, 28, 128}, {132, 512, 256}};
  const std::vector<Point> small = {{2, 11, 12, 18, 3}};
  for (const Point& p : sizes == Sizes::kSmall ? small : measured) {
    const std::string size = cat("K:", p.inputs, "/H:", p.hidden, "/B:", p.batch, "/runs:", p.slots);
    add_case("projection/" + size, p.device_bytes(), [p] { return std::make_unique<ProjectionCase>(p); });
    add_case("weight_gradient/" + size, p.device_bytes(), [p] { return std::make_unique<WeightGradientCase>(p); });
  }
}

}  // namespace
}  // namespace caviar::bench

int main(int argc, char** argv) { return caviar::bench::run(argc, argv, caviar::bench::register_cases); }

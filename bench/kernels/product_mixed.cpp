// The products of a recurrent layer in mixed precision, on tensor cores, beside cuBLAS with the same halves: input
// projection, and weight gradients of W_ih and W_hh. LSTM, one direction, 28 steps, batches of 64.
//
// Bytes counted: operands read, results written, gradients read and written. cuBLAS is given operands that are halves
// already; ours reads fp32 inputs and weights, and adds the biases.
#include <algorithm>
#include <cmath>

#include "bench/kernels/support/harness.h"
#include "bench/kernels/support/slots.h"
#include "kernels/base/buffer.h"
#include "kernels/base/half.h"
#include "kernels/mixed_product.h"
#if defined(CAVIAR_HAS_CUBLAS)
#include "bench/kernels/support/cublas_products.h"
#endif

namespace caviar::bench {
namespace {

constexpr int kGates = 4;
// Distance from the CPU's fp32, over the norm. Operands are rounded to 2^-11: a sanity check before timing.
constexpr double kBound = 5e-3;

struct Point {
  int slots = 1, inputs = 28, hidden = 64, batch = 64, steps = 28;
  int input_width() const { return padded(inputs); }
  int h_width() const { return row_stride(padded(hidden)); }
  int gates_width() const { return row_stride(kGates * padded(hidden)); }
  std::int64_t positions() const { return std::int64_t{1} * steps * batch; }
  std::int64_t input_weights() const { return std::int64_t{1} * kGates * hidden * inputs; }
  std::int64_t hidden_weights() const { return std::int64_t{1} * kGates * hidden * hidden; }
  double device_bytes() const {
    return 4.0 * slots *
           (static_cast<double>(positions()) * (input_width() + h_width() + 2 * gates_width()) +
            static_cast<double>(input_weights() + hidden_weights()));
  }
  RecurrentArgs args(const Window& window, const SlotRow* rows) const {
    RecurrentArgs a;
    a.window = window;
    a.rows = rows;
    a.cell = Cell::kLstm;
    a.precision = Precision::kMixed;
    a.steps = steps;
    a.hidden = hidden;
    a.input_segments = packed_segments(1, inputs);
    a.x_width = input_width();
    a.gates_width = gates_width();
    a.h_width = h_width();
    a.directions = 1;
    a.direction[0].active_steps = steps;
    return a;
  }
};

// [T, B, width] of a slot with random numbers in the first `real` columns of a row.
Rows<float> sequence(const Point& p, int width, int real, std::uint32_t array, float bound) {
  return Rows<float>(p.slots, p.positions() * width,
                     [=](int s, std::int64_t i) { return i % width < real ? random_value(array, s, i, bound) : 0.0f; });
}

class ProjectionCase : public Case {
 public:
  explicit ProjectionCase(const Point& p)
      : p_(p),
        rows_(training_slots(p.slots, p.batch, 60000)),
        x_(sequence(p, p.input_width(), p.inputs, 1, 1)),
        weight_(p.slots, p.input_weights(), [](int s, std::int64_t i) { return random_value(2, s, i, 0.1f); }),
        bias_(p.slots, kGates * p.hidden, [](int s, std::int64_t i) { return random_value(3, s, i); }),
        gates_(p.slots, p.positions() * p.gates_width()),
        panels_(panel_size(p.inputs, packed_segments(kGates, p.hidden).vectors())),
        padded_bias_(static_cast<std::size_t>(kGates * padded(p.hidden))) {}
  int slots() const override { return p_.slots; }

  // Both biases are the same here, and added to each other first.
  void on_cpu(int slot) override {
    pack_transposed(weight_.host_row(slot), p_.inputs, kGates, p_.hidden, panels_.data());
    for (int i = 0; i < kGates * p_.hidden; ++i)
      padded_bias_[static_cast<std::size_t>(i / p_.hidden * padded(p_.hidden) + i % p_.hidden)] =
          2 * bias_.host_row(slot)[i];
    RowProduct r;
    r.a = x_.host_row(slot);
    r.a_stride = p_.input_width();
    r.k = packed_segments(1, p_.inputs);
    r.panels = panels_.data();
    r.rows = static_cast<int>(p_.positions());
    r.vectors = packed_segments(kGates, p_.hidden).vectors();
    r.c = gates_.host_row(slot);
    r.c_stride = p_.gates_width();
    r.bias = padded_bias_.data();
    row_product(r, Finish::kStoreBias);
  }

  void on_gpu(const Cuda& device) override {
    RecurrentArgs a = p_.args({0, p_.slots, 0, p_.batch}, rows_.device().data);
    a.x = x_.device();
    a.direction[0].weights.input = weight_.device();
    a.direction[0].weights.input_bias = a.direction[0].weights.hidden_bias = bias_.device();
    a.direction[0].gates = gates_.device();
    mixed_input_projection(device, a);
  }

  std::string compare() override { return first_row_beyond("gates", gates_, kBound); }

  Work work() const override {
    const double features = static_cast<double>(p_.positions()) * (p_.inputs + kGates * p_.hidden);
    return {4.0 * p_.slots * (features + static_cast<double>(p_.input_weights())),
            2.0 * p_.slots * static_cast<double>(p_.positions() * p_.input_weights()), Precision::kMixed,
            1.0 * p_.slots};
  }

#if defined(CAVIAR_HAS_CUBLAS)
  std::vector<Peer> peers() override {
    return cublas_peers(
        {{true, false, kGates * p_.hidden, static_cast<int>(p_.positions()), p_.inputs, weight_.device(), x_.device(),
          gates_.device(), p_.inputs, p_.input_width(), p_.gates_width(), 0}},
        p_.slots, Precision::kMixed);
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
        x_(sequence(p, p.input_width(), p.inputs, 1, 1)),
        h_(sequence(p, p.h_width(), p.hidden, 2, 1)),
        grad_gates_(sequence(p, kGates * padded(p.hidden), kGates * padded(p.hidden), 3, 1e-3f)),
        stash_(p.slots, p.positions() * 2 * p.gates_width()),
        input_(p.slots, p.input_weights()),
        hidden_(p.slots, p.hidden_weights()),
        input_bias_(p.slots, kGates * p.hidden),
        hidden_bias_(p.slots, kGates * p.hidden) {
    const float scale = gradient_scale(p.batch);
    const int columns = kGates * padded(p.hidden);
    for (int s = 0; s < stash_.distinct(); ++s)
      for (std::int64_t i = 0; i < p.positions() * columns; ++i)
        stash_.host_row(s)[i / columns * 2 * p.gates_width() + i % columns] =
            to_half(scale * grad_gates_.host_row(s)[i]).bits;
    stash_.upload();
  }
  int slots() const override { return p_.slots; }

  void on_cpu(int slot) override {
    OuterProduct o;
    o.a_stride = kGates * padded(p_.hidden);
    o.a_step = std::ptrdiff_t{1} * p_.batch * o.a_stride;
    o.a = grad_gates_.host_row(slot);
    o.i = packed_segments(kGates, p_.hidden);
    o.rows = p_.batch;
    o.steps = p_.steps;
    o.b = x_.host_row(slot);
    o.b_stride = p_.input_width();
    o.b_step = std::ptrdiff_t{1} * p_.batch * o.b_stride;
    o.j = packed_segments(1, p_.inputs);
    o.c = input_.host_row(slot);
    outer_product(o);
    outer_sum(o.a, o.a_step, o.a_stride, o.i, o.steps, o.rows, input_bias_.host_row(slot));
    outer_sum(o.a, o.a_step, o.a_stride, o.i, o.steps, o.rows, hidden_bias_.host_row(slot));
    // W_hh meets the h of the step before.
    o.a += o.a_step;
    o.steps = p_.steps - 1;
    o.b = h_.host_row(slot);
    o.b_stride = p_.h_width();
    o.b_step = std::ptrdiff_t{1} * p_.batch * o.b_stride;
    o.j = packed_segments(1, p_.hidden);
    o.c = hidden_.host_row(slot);
    outer_product(o);
  }

  void on_gpu(const Cuda& device) override {
    RecurrentArgs a = p_.args({0, p_.slots, 0, p_.batch}, rows_.device().data);
    a.x = x_.device();
    a.h = h_.device();
    DirectionArgs& d = a.direction[0];
    const Slab<std::uint16_t> stash = stash_.device();
    d.gates = {reinterpret_cast<float*>(stash.data), stash.stride / 2};
    d.grad_input_weight = input_.device();
    d.grad_hidden_weight = hidden_.device();
    d.grad_input_bias = input_bias_.device();
    d.grad_hidden_bias = hidden_bias_.device();
    mixed_weight_gradients(device, a);
  }

  std::string compare() override {
    std::string difference = first_row_beyond("grad_input_weight", input_, kBound);
    if (difference.empty()) difference = first_row_beyond("grad_hidden_weight", hidden_, kBound);
    if (difference.empty()) difference = first_row_beyond("grad_input_bias", input_bias_, kBound);
    return difference.empty() ? first_row_beyond("grad_hidden_bias", hidden_bias_, kBound) : difference;
  }

  Work work() const override {
    const auto positions = static_cast<double>(p_.positions());
    const auto weights = static_cast<double>(p_.input_weights() + p_.hidden_weights());
    return {p_.slots * (4 * positions * (p_.inputs + p_.hidden) + 2 * positions * kGates * p_.hidden + 8 * weights),
            2.0 * p_.slots * positions * weights, Precision::kMixed, 1.0 * p_.slots};
  }

#if defined(CAVIAR_HAS_CUBLAS)
  // The fp32 arrays only say where and how far apart; cublas_peers() makes halves of that shape.
  std::vector<Peer> peers() override {
    const Slab<const float> gates = grad_gates_.device();
    const int positions = static_cast<int>(p_.positions()), columns = kGates * padded(p_.hidden);
    return cublas_peers({{false, true, p_.inputs, kGates * p_.hidden, positions, x_.device(), gates, input_.device(),
                          p_.input_width(), columns, p_.inputs, 1},
                         {false, true, p_.hidden, kGates * p_.hidden, positions - p_.batch, h_.device(), gates,
                          hidden_.device(), p_.h_width(), columns, p_.hidden, 1}},
                        p_.slots, Precision::kMixed);
  }
#endif

 private:
  Point p_;
  Rows<SlotRow> rows_;
  Rows<float> x_, h_, grad_gates_;
  Rows<std::uint16_t> stash_;
  Rows<float> input_, hidden_, input_bias_, hidden_bias_;
};

void register_cases(Sizes sizes) {
  const std::vector<Point> measured = {{132, 28, 64}, {1024, 28, 64}, {132, 128, 64}, {132, 28, 128}, {132, 28, 256}};
  const std::vector<Point> small = {{2, 11, 16, 18, 3}};
  for (const Point& p : sizes == Sizes::kSmall ? small : measured) {
    const std::string size = cat("K:", p.inputs, "/H:", p.hidden, "/B:", p.batch, "/runs:", p.slots);
    add_case("projection_mixed/" + size, p.device_bytes(), [p] { return std::make_unique<ProjectionCase>(p); });
    add_case("weight_gradient_mixed/" + size, p.device_bytes(),
             [p] { return std::make_unique<WeightGradientCase>(p); });
  }
}

}  // namespace
}  // namespace caviar::bench

int main(int argc, char** argv) { return caviar::bench::run(argc, argv, caviar::bench::register_cases); }

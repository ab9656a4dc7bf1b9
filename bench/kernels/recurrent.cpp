// One bidirectional recurrent layer, forward and backward, beside cuDNN.
//
// The layer reads 28 pixels at each of 28 steps and gives its final states; batches of 64. Bytes counted are those of
// the input, the parameters, the outputs and what forward keeps for backward, each moved once.
#include "kernels/recurrent.h"

#include <cmath>
#include <string>

#include "bench/kernels/support/harness.h"
#include "bench/kernels/support/slots.h"
#include "kernels/base/buffer.h"
#include "models/birnn.h"
#if defined(CAVIAR_HAS_CUDNN)
#include "bench/kernels/support/cudnn_rnn.h"
#endif

namespace caviar::bench {
namespace {

// How far `mixed` may be from fp32, over the norm: a sanity check before timing, ten times what rounding operands to
// 2^-11 gives at these sizes. The bounds that are derived are in the tests of the kernels.
constexpr double kMixedForward = 1e-2, kMixedBackward = 5e-2;

struct Point {
  Cell cell = Cell::kLstm;
  Precision precision = Precision::kFp32;
  int hidden = 64, batch = 64, slots = 1;
  bool backward = false;

  BiRnnShape shape() const {
    BiRnnShape s;
    s.cell = cell;
    s.precision = precision;
    s.hidden_size = hidden;
    s.num_layers = 1;
    s.readout = Readout::kFinalStates;
    return s;
  }
  int hp() const { return padded(hidden); }
  int width() const { return row_stride(2 * hp()); }
  int gates_width() const { return row_stride(stash_segments(cell) * hp()); }
  std::int64_t positions() const { return std::int64_t{28} * batch; }  // T B
  double device_bytes() const {
    const int floats = padded(28) + 2 * width() + 2 * gates_width() + (cell == Cell::kLstm ? 2 * hp() : 0);
    return 4.0 * slots *
           (static_cast<double>(positions() * floats) + 2.0 * static_cast<double>(birnn_params(shape()).size()));
  }
};

// Weights of one slot, packed as the CPU reads them.
class PackedWeights {
 public:
  explicit PackedWeights(const Point& point)
      : memory_(bytes_needed(point)),
        arena_(memory_.data()),
        weights_(point.shape(), birnn_params(point.shape()), arena_) {}
  BiRnnWeights<Cpu>* operator->() { return &weights_; }

 private:
  static std::size_t bytes_needed(const Point& point) {
    Arena counting;
    const BiRnnWeights<Cpu> weights(point.shape(), birnn_params(point.shape()), counting);
    return counting.used();
  }
  Buffer<std::byte> memory_;
  Arena arena_;
  BiRnnWeights<Cpu> weights_;
};

class RecurrentCase : public Case {
 public:
  explicit RecurrentCase(const Point& point)
      : point_(point),
        tensors_(birnn_params(point.shape())),
        rows_(training_slots(point.slots, point.batch, 60000)),
        params_(point.slots, tensors_.size(),
                [&](int s, std::int64_t i) {
                  return random_value(1, s, i, 1 / std::sqrt(static_cast<float>(point.hidden)));
                }),
        gradient_(point.slots, tensors_.size()),
        x_(point.slots, point.positions() * padded(28),
           [](int s, std::int64_t i) { return i % padded(28) < 28 ? std::abs(random_value(2, s, i)) : 0.0f; }),
        h_(point.slots, point.positions() * point.width()),
        packed_(point) {
    for (int d = 0; d < 2; ++d) {
      gates_[d] = Rows<float>(point.slots, point.positions() * point.gates_width());
      if (point.cell == Cell::kLstm) cells_[d] = Rows<float>(point.slots, point.positions() * point.hp());
    }
    if (!point.backward) return;
    const int hp = point.hp(), width = point.width(), hidden = point.hidden;
    grad_h_ = Rows<float>(point.slots, point.positions() * width, [=](int s, std::int64_t i) {
      const auto column = static_cast<int>(i % width);
      return column < 2 * hp && column % hp < hidden ? random_value(3, s, i, 1e-3f) : 0.0f;
    });
    scratch_ = Rows<float>(point.slots, std::int64_t{1} * point.batch * hp);
  }

  int slots() const override { return point_.slots; }

  void on_cpu(int slot) override {
    const Window window{slot, slot + 1, 0, point_.batch};
    packed_->load(window, params_.host(), true);
    RecurrentArgs a = args(window, &Rows<float>::host);
    a.rows = rows_.host().data;
    a.precision = Precision::kFp32;
    for (int d = 0; d < 2; ++d) a.direction[d].weights = packed_->direction(0, d);
    recurrent_forward(Cpu{}, a);
    if (point_.backward) recurrent_backward(Cpu{}, a);
  }

  // The first call runs forward too: its stash is what backward reads, whatever a repeated backward makes of it.
  void on_gpu(const Cuda& device) override {
    const Window window{0, point_.slots, 0, point_.batch};
    RecurrentArgs a = args(window, &Rows<float>::device);
    a.rows = rows_.device().data;
    for (int d = 0; d < 2; ++d) {
      const auto tensor = [&](int i) { return Slab<const float>(params_.device()).from(tensors_[4 * d + i].offset); };
      a.direction[d].weights = {tensor(0), tensor(1), tensor(0), tensor(1), tensor(2), tensor(3)};
    }
    if (!point_.backward || !ran_forward_) recurrent_forward(device, a);
    ran_forward_ = true;
    if (point_.backward) recurrent_backward(device, a);
  }

  std::string compare() override {
    const bool exact = point_.precision == Precision::kFp32;
    std::string difference = exact ? first_difference("h", h_) : first_row_beyond("h", h_, kMixedForward);
    if (difference.empty() && point_.backward)
      difference =
          exact ? first_difference("gradient", gradient_) : first_row_beyond("the gradient", gradient_, kMixedBackward);
    return difference;
  }

  Work work() const override {
    const double gates = 2.0 * gate_count(point_.cell) * point_.hidden, hidden = point_.hidden;
    const double from_x = 28 * 28, from_h = 27 * hidden;  // products of the zero state are skipped
    const double once = 2.0 * gates * point_.batch * (from_x + from_h);
    const double positions = static_cast<double>(point_.positions());
    const double gate_bytes = point_.precision == Precision::kMixed ? 2 : 4;
    const double stash =
        positions * 2 * hidden * (gate_bytes * stash_segments(point_.cell) + (point_.cell == Cell::kLstm ? 4 : 0));
    const double x = 4 * positions * 28, outputs = 4 * positions * 2 * hidden;
    const double params = 4 * static_cast<double>(tensors_[8].offset);  // of the layer; the head comes after it
    Work work;
    work.precision = point_.precision;
    work.run_steps = point_.slots;
    // Backward: weight gradients of all products, dL/dh, none by x; it reads h, its gradient and the stash, and adds to
    // the gradient.
    work.operations = point_.slots * (point_.backward ? once + 2.0 * gates * point_.batch * from_h : once);
    work.bytes = point_.slots * (x + stash + (point_.backward ? 2 * outputs + 3 * params : outputs + params));
    return work;
  }

#if defined(CAVIAR_HAS_CUDNN)
  std::vector<Peer> peers() override {
    CudnnRnnShape shape;
    shape.cell = point_.cell;
    shape.precision = point_.precision;
    shape.batch = point_.batch;
    shape.hidden = point_.hidden;
    CudnnRnnInputs inputs;
    for (int d = 0; d < 2; ++d) {
      const auto tensor = [&](int i) { return params_.host_row(0) + tensors_[4 * d + i].offset; };
      inputs.direction[d] = {tensor(0), tensor(1), tensor(2), tensor(3)};
    }
    std::vector<float> x;
    for (std::int64_t i = 0; i < x_.count(); ++i)
      if (i % padded(28) < 28) x.push_back(x_.host_row(0)[i]);
    std::vector<float> h;
    for (std::int64_t i = 0; i < h_.count(); ++i)
      if (const auto column = static_cast<int>(i % point_.width());
          column < 2 * point_.hp() && column % point_.hp() < point_.hidden)
        h.push_back(h_.host_row(0)[i]);
    inputs.x = x.data();
    inputs.expected = h.data();
    return cudnn_peers(shape, inputs, point_.backward ? Direction::kBackward : Direction::kForward, point_.slots);
  }
#endif

 private:
  template <class Side>
  RecurrentArgs args(const Window& window, Side side) {
    RecurrentArgs a;
    a.window = window;
    a.cell = point_.cell;
    a.precision = point_.precision;
    a.steps = 28;
    a.hidden = point_.hidden;
    a.input_segments = packed_segments(1, 28);
    a.x = (x_.*side)();
    a.x_width = padded(28);
    a.gates_width = point_.gates_width();
    a.h = (h_.*side)();
    a.h_width = point_.width();
    a.directions = 2;
    for (int d = 0; d < 2; ++d) {
      DirectionArgs& direction = a.direction[d];
      direction.reverse = d == 1;
      direction.active_steps = 28;
      direction.gates = (gates_[d].*side)();
      if (point_.cell == Cell::kLstm) direction.cells = (cells_[d].*side)();
      const auto gradient = [&](int i) { return (gradient_.*side)().from(tensors_[4 * d + i].offset); };
      direction.grad_input_weight = gradient(0);
      direction.grad_hidden_weight = gradient(1);
      direction.grad_input_bias = gradient(2);
      direction.grad_hidden_bias = gradient(3);
    }
    if (point_.backward) {
      a.grad_h = (grad_h_.*side)();
      a.scratch = (scratch_.*side)();
    }
    return a;
  }

  Point point_;
  Params tensors_;
  Rows<SlotRow> rows_;
  Rows<float> params_, gradient_, x_, h_, gates_[2], cells_[2], grad_h_, scratch_;
  PackedWeights packed_;
  bool ran_forward_ = false;
};

void add(const Point& p) {
  const char* cells[] = {"lstm", "gru", "rnn_tanh", "rnn_relu"};
  add_case(cat("recurrent_", p.backward ? "backward/" : "forward/", cells[static_cast<int>(p.cell)], "/H:", p.hidden,
               "/B:", p.batch, "/runs:", p.slots, p.precision == Precision::kMixed ? "/mixed" : "/fp32"),
           p.device_bytes(), [p] { return std::make_unique<RecurrentCase>(p); });
}

void register_cases(Sizes sizes) {
  const bool small = sizes == Sizes::kSmall;
  const std::vector<int> hidden_sizes = small ? std::vector{16} : std::vector{32, 64, 128, 256};
  const std::vector<int> slot_counts = small ? std::vector{2} : std::vector{1, 132, 1024};
  for (const Cell cell : {Cell::kLstm, Cell::kGru, Cell::kRnnTanh})
    for (const int hidden : hidden_sizes)
      for (const int slots : slot_counts)
        for (const Precision precision : {Precision::kFp32, Precision::kMixed})
          for (const bool backward : {false, true}) {
            // Every cell at 132 runs of 64 units; the other sizes for the LSTM, the other counts at 64 units.
            const bool centre = hidden == 64 && slots == 132;
            if (!small && !centre && (cell != Cell::kLstm || (hidden != 64 && slots != 132))) continue;
            add({cell, precision, hidden, small ? 16 : 64, slots, backward});
          }
}

}  // namespace
}  // namespace caviar::bench

int main(int argc, char** argv) { return caviar::bench::run(argc, argv, caviar::bench::register_cases); }

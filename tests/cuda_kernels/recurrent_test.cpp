// Whole recurrent layers, forward and backward, on the device and slot by slot on the CPU, by every path.
#include "kernels/recurrent.h"

#include <cmath>
#include <limits>
#include <memory>

#include "kernels/recurrent_fp32.h"
#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

struct Layer {
  Cell cell = Cell::kLstm;
  int hidden = 16, steps = 2, batch = 16;
  int input_segments = 1, features = 5;  // two segments: a layer above another, which gets dL/dx
  int directions = 2;
  int reverse_steps = -1;  // active ones; -1: all
  RecurrentPath path = RecurrentPath::kBest;
};

std::string name_of(const Layer& l) {
  constexpr const char* kCells[] = {"lstm", "gru", "tanh", "relu"};
  constexpr const char* kPaths[] = {"best", "streamed", "stepwise"};
  return cat(kCells[static_cast<int>(l.cell)], ", H ", l.hidden, ", T ", l.steps, ", B ", l.batch, ", inputs ",
             l.input_segments, " x ", l.features, ", directions ", l.directions, ", active in reverse ",
             l.reverse_steps, ", ", kPaths[static_cast<int>(l.path)]);
}

// The tensors and arrays of one direction. Gradients start as they may; both biases alike.
struct Direction {
  Direction(const Layer& l, int slots, Draw& draw)
      : input(slots, 1, 1, gate_count(l.cell) * l.hidden * l.input_segments * l.features),
        hidden(slots, 1, 1, gate_count(l.cell) * l.hidden * l.hidden),
        input_bias(slots, 1, 1, gate_count(l.cell) * l.hidden),
        hidden_bias(input_bias),
        gates(slots, l.steps, l.batch, row_stride(stash_segments(l.cell) * padded(l.hidden))),
        cells(slots, l.steps, l.batch, padded(l.hidden)),
        grad_input(input),
        grad_hidden(hidden),
        grad_input_bias(input_bias),
        grad_hidden_bias(input_bias) {
    const float bound = 2 / std::sqrt(static_cast<float>(l.hidden));
    for (PackArray<float>* array : {&input, &hidden, &input_bias, &hidden_bias})
      array->fill([&] { return draw.one_in(24) ? -0.0f : draw.between(-bound, bound); });
    for (PackArray<float>* array : {&grad_input, &grad_hidden, &grad_input_bias})
      array->fill([&] { return draw.one_in(8) ? -0.0f : draw.between(-1, 1); });
    grad_hidden_bias = grad_input_bias;
  }
  PackArray<float> input, hidden, input_bias, hidden_bias, gates, cells, grad_input, grad_hidden, grad_input_bias,
      grad_hidden_bias;
};

struct DeviceDirection {
  explicit DeviceDirection(const Direction& d)
      : input(d.input),
        hidden(d.hidden),
        input_bias(d.input_bias),
        hidden_bias(d.hidden_bias),
        gates(d.gates),
        cells(d.cells),
        grad_input(d.grad_input),
        grad_hidden(d.grad_hidden),
        grad_input_bias(d.grad_input_bias),
        grad_hidden_bias(d.grad_hidden_bias) {}
  void give(DirectionArgs& a) const {
    a.weights = {input.slab(), hidden.slab(), input.slab(), hidden.slab(), input_bias.slab(), hidden_bias.slab()};
    a.gates = gates.slab();
    a.cells = cells.slab();
    a.grad_input_weight = grad_input.slab();
    a.grad_hidden_weight = grad_hidden.slab();
    a.grad_input_bias = grad_input_bias.slab();
    a.grad_hidden_bias = grad_hidden_bias.slab();
  }
  DeviceArray<float> input, hidden, input_bias, hidden_bias, gates, cells, grad_input, grad_hidden, grad_input_bias,
      grad_hidden_bias;
};

// The weights of one slot as the CPU's op reads them, and its rows of the stash.
struct CpuDirection {
  CpuDirection(const Layer& l, Direction& d, int slot, int rows)
      : inputs(l.input_segments * l.features),
        gates(gate_count(l.cell)),
        columns(gates * padded(l.hidden) / kLanes),
        input(panels(inputs, columns)),
        hidden(panels(l.hidden, columns)),
        input_back(panels(gates * l.hidden, l.input_segments * padded(l.features) / kLanes)),
        hidden_back(panels(gates * l.hidden, padded(l.hidden) / kLanes)),
        input_bias(1, 1, 1, columns * kLanes),
        hidden_bias(input_bias),
        gate_rows(d.gates, slot, rows),
        cell_rows(d.cells, slot, rows) {
    pack_transposed(d.input[slot], inputs, gates, l.hidden, input.data());
    pack_transposed(d.hidden[slot], l.hidden, gates, l.hidden, hidden.data());
    pack_direct(d.input[slot], gates * l.hidden, l.input_segments, l.features, input_back.data());
    pack_direct(d.hidden[slot], gates * l.hidden, 1, l.hidden, hidden_back.data());
    for (int g = 0; g < gates; ++g) {
      std::copy_n(d.input_bias[slot] + g * l.hidden, l.hidden, input_bias.data() + g * padded(l.hidden));
      std::copy_n(d.hidden_bias[slot] + g * l.hidden, l.hidden, hidden_bias.data() + g * padded(l.hidden));
    }
  }
  static PackArray<float> panels(int k, int vectors) {
    return {1, 1, 1, static_cast<std::int64_t>(panel_size(k, vectors))};
  }
  void give(DirectionArgs& a, Direction& d) {
    a.weights = {{input.data()},       {hidden.data()},     {input_back.data()},
                 {hidden_back.data()}, {input_bias.data()}, {hidden_bias.data()}};
    a.gates = gate_rows.slab();
    a.cells = cell_rows.slab();
    a.grad_input_weight = {d.grad_input.data(), d.grad_input.stride()};
    a.grad_hidden_weight = {d.grad_hidden.data(), d.grad_hidden.stride()};
    a.grad_input_bias = {d.grad_input_bias.data(), d.grad_input_bias.stride()};
    a.grad_hidden_bias = {d.grad_hidden_bias.data(), d.grad_hidden_bias.stride()};
  }
  int inputs, gates, columns;
  PackArray<float> input, hidden, input_back, hidden_back, input_bias, hidden_bias;
  SlotRows<float> gate_rows, cell_rows;
};

RecurrentArgs shape_of(const Layer& l) {
  RecurrentArgs a;
  a.cell = l.cell;
  a.steps = l.steps;
  a.hidden = l.hidden;
  a.input_segments = packed_segments(l.input_segments, l.features);
  a.x_width = row_stride(l.input_segments * padded(l.features));
  a.gates_width = row_stride(stash_segments(l.cell) * padded(l.hidden));
  a.h_width = row_stride(l.directions * padded(l.hidden));
  a.directions = l.directions;
  for (int i = 0; i < l.directions; ++i) {
    a.direction[i].reverse = i == 1;
    a.direction[i].active_steps = i == 1 && l.reverse_steps >= 0 ? l.reverse_steps : l.steps;
  }
  return a;
}

// Writes `value` between the features, and into rows that do not exist.
void write_unused(PackArray<float>& array, const Segments& real, const std::vector<SlotRow>& table, float value) {
  const auto is_real = [&](std::int64_t column) {
    for (int i = 0; i < real.count; ++i)
      if (column >= real.offset[i] && column < real.offset[i] + real.length) return true;
    return false;
  };
  for (int s = 0; s < array.slots(); ++s)
    for (int t = 0; t < array.steps(); ++t)
      for (int row = 0; row < array.rows(); ++row)
        for (std::int64_t i = 0; i < array.width(); ++i)
          if (row >= table[static_cast<std::size_t>(s)].rows || !is_real(i)) array.at(s, t, row, i) = value;
}

void layers_agree(const Layer& l) {
  SCOPED_TRACE(name_of(l));
  on_device([&](const Cuda& device) {
    Draw draw(static_cast<std::uint64_t>(l.hidden * 1000 + l.steps));
    // Slots 1 and 4 are off, and slot 0 is outside of the window.
    const std::vector<SlotRow> table =
        random_table(draw, {3, 5, l.batch, 1 + l.batch / 2, 2, std::max(1, l.batch - 3)});
    const int slots = static_cast<int>(table.size());
    RecurrentArgs a = shape_of(l);
    const auto value = [&] { return draw.one_in(16) ? -0.0f : draw.between(-1, 1); };
    PackArray<float> x(slots, l.steps, l.batch, a.x_width), grad_x = x, h(slots, l.steps, l.batch, a.h_width),
                                                            grad_h = h, scratch(slots, 1, l.batch, padded(l.hidden));
    for (PackArray<float>* array : {&x, &grad_x, &grad_h}) array->fill(value);
    // NaN would show in any sum. What dL/dx is added to has zeros between the features, as everything an op writes.
    constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
    write_unused(x, a.input_segments, table, kNaN);
    write_unused(grad_h, packed_segments(l.directions, l.hidden), table, kNaN);
    write_unused(grad_x, a.input_segments, table, 0);
    std::vector<Direction> directions;
    for (int i = 0; i < l.directions; ++i) directions.emplace_back(l, slots, draw);

    const DeviceVector<SlotRow> rows(table);
    const DeviceArray<float> device_x(x), device_grad_x(grad_x), device_h(h), device_grad_h(grad_h),
        device_scratch(scratch);
    const std::vector<DeviceDirection> on_it(directions.begin(), directions.end());
    const bool has_grad_x = l.input_segments > 1;
    a.window = {1, slots, 0, l.batch};
    a.rows = rows.data();
    a.x = device_x.slab();
    a.h = device_h.slab();
    a.grad_h = device_grad_h.slab();
    a.scratch = device_scratch.slab();
    if (has_grad_x) a.grad_x = device_grad_x.slab();
    for (int i = 0; i < l.directions; ++i) on_it[static_cast<std::size_t>(i)].give(a.direction[i]);
    recurrent_forward_fp32(device, a, l.path);
    recurrent_backward_fp32(device, a, l.path);

    a.rows = table.data();
    for (int s = 1; s < slots; ++s) {
      const int count = table[static_cast<std::size_t>(s)].rows;
      SlotRows<float> x_rows(x, s, count), grad_x_rows(grad_x, s, count), h_rows(h, s, count),
          grad_h_rows(grad_h, s, count), scratch_rows(scratch, s, count);
      a.window = {s, s + 1, 0, count};
      a.x = x_rows.slab();
      a.h = h_rows.slab();
      a.grad_h = grad_h_rows.slab();
      a.scratch = scratch_rows.slab();
      if (has_grad_x) a.grad_x = grad_x_rows.slab();
      std::vector<std::unique_ptr<CpuDirection>> packed;
      for (int i = 0; i < l.directions; ++i) {
        Direction& d = directions[static_cast<std::size_t>(i)];
        packed.push_back(std::make_unique<CpuDirection>(l, d, s, count));
        packed.back()->give(a.direction[i], d);
      }
      recurrent_forward(Cpu{}, a);
      recurrent_backward(Cpu{}, a);
    }
    EXPECT_TRUE(same_bits(h, device_h.read()));
    EXPECT_TRUE(same_bits(grad_x, device_grad_x.read()));
    for (std::size_t i = 0; i < directions.size(); ++i) {
      EXPECT_TRUE(same_bits(directions[i].grad_input, on_it[i].grad_input.read())) << "direction " << i;
      EXPECT_TRUE(same_bits(directions[i].grad_hidden, on_it[i].grad_hidden.read())) << "direction " << i;
      EXPECT_TRUE(same_bits(directions[i].grad_input_bias, on_it[i].grad_input_bias.read())) << "direction " << i;
      EXPECT_TRUE(same_bits(directions[i].grad_hidden_bias, on_it[i].grad_hidden_bias.read())) << "direction " << i;
    }
  });
}

constexpr Cell kCells[] = {Cell::kLstm, Cell::kGru, Cell::kRnnTanh, Cell::kRnnRelu};

TEST(CudaRecurrent, SmallLayersHaveTheBitsOfTheCpu) {
  for (const Cell cell : kCells)
    for (const int hidden : {1, 3, 8, 16, 17, 33})
      for (const int steps : {1, 2, 5})
        for (const int batch : {1, 7, 45})
          layers_agree({.cell = cell, .hidden = hidden, .steps = steps, .batch = batch});
}

TEST(CudaRecurrent, EveryBucketHasTheBitsOfTheCpu) {
  for (const Cell cell : kCells)
    for (const int hidden : {48, 64, 100, 128, 130, 256})
      layers_agree({.cell = cell, .hidden = hidden, .steps = 3, .batch = hidden <= 64 ? 70 : 35});
}

TEST(CudaRecurrent, TheLayerAboveAnotherReadsTwoSegmentsAndReturnsTheirGradient) {
  for (const Cell cell : kCells)
    for (const int hidden : {7, 16, 40})
      for (const int steps : {1, 4})
        layers_agree(
            {.cell = cell, .hidden = hidden, .steps = steps, .batch = 18, .input_segments = 2, .features = hidden});
}

TEST(CudaRecurrent, StepsThatReachNoOutputAreSkipped) {
  for (const Cell cell : kCells)
    for (const int active : {1, 2})
      for (const RecurrentPath path : {RecurrentPath::kBest, RecurrentPath::kStreamed, RecurrentPath::kStepwise})
        layers_agree({.cell = cell,
                      .hidden = 12,
                      .steps = 4,
                      .batch = 9,
                      .input_segments = 2,
                      .features = 12,
                      .reverse_steps = active,
                      .path = path});
}

TEST(CudaRecurrent, OneDirectionIsALayerToo) {
  for (const Cell cell : kCells) layers_agree({.cell = cell, .hidden = 20, .steps = 3, .batch = 17, .directions = 1});
}

TEST(CudaRecurrent, StreamedWeightsChangeNoBit) {
  for (const Cell cell : kCells)
    for (const int hidden : {5, 16, 24, 33, 64, 100})
      layers_agree({.cell = cell, .hidden = hidden, .steps = 3, .batch = 16, .path = RecurrentPath::kStreamed});
}

TEST(CudaRecurrent, StepByStepChangesNoBit) {
  for (const Cell cell : kCells)
    for (const int hidden : {5, 16, 33})
      for (const int steps : {1, 3})
        layers_agree({.cell = cell, .hidden = hidden, .steps = steps, .batch = 19, .path = RecurrentPath::kStepwise});
}

TEST(CudaRecurrent, LayersTooWideToWalkAreMadeStepByStep) {
  for (const Cell cell : kCells)
    layers_agree({.cell = cell, .hidden = 300, .steps = 2, .batch = 7, .input_segments = 2, .features = 10});
}

}  // namespace
}  // namespace caviar::test

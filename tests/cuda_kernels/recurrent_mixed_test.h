// One recurrent layer of a pack, on the host and on a device: all the arrays of RecurrentArgs.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "kernels/mixed_product.h"
#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {

struct LayerShape {
  Cell cell = Cell::kLstm;
  int steps = 3, batch = 19, hidden = 16;
  int input_segments = 1, input_length = 28;
  int directions = 2;
  int active[2] = {3, 3};
  bool first = false;  // no grad_x

  int gates() const { return gate_count(cell); }
  Segments inputs() const { return packed_segments(input_segments, input_length); }
  int features() const { return inputs().total(); }
  int x_width() const { return row_stride(input_segments * padded(input_length)); }
  int h_width() const { return row_stride(directions * padded(hidden)); }
  int gates_width() const { return row_stride(stash_segments(cell) * padded(hidden)); }
};

// As PackArray::at, of an array that stays as it is.
inline float element(const PackArray<float>& array, int slot, int step, int row, std::int64_t i) {
  return array[slot][(static_cast<std::int64_t>(step) * array.rows() + row) * array.width() + i];
}

// The arrays of a layer: those of both directions, then those of direction 0, then of direction 1.
struct LayerArrays {
  enum Shared { kX, kH, kGradH, kGradX, kOfDirection };
  enum OfDirection {
    kGates,
    kCells,
    kInputWeight,
    kHiddenWeight,
    kInputBias,
    kHiddenBias,
    kGradInputWeight,
    kGradHiddenWeight,
    kGradInputBias,
    kGradHiddenBias,
    kCount
  };
  static int index(int direction, OfDirection array) { return kOfDirection + direction * kCount + array; }

  LayerArrays(const LayerShape& s, int slots) {
    const auto add = [&](int steps, int rows, int width) { arrays.emplace_back(slots, steps, rows, width); };
    add(s.steps, s.batch, s.x_width());
    add(s.steps, s.batch, s.h_width());
    add(s.steps, s.batch, s.h_width());
    add(s.steps, s.batch, s.x_width());
    for (int d = 0; d < 2; ++d) {
      add(s.steps, s.batch, s.gates_width());
      add(s.steps, s.batch, padded(s.hidden));
      for (int twice = 0; twice < 2; ++twice) {
        const int rows = s.gates() * s.hidden;
        add(1, rows, s.features());
        add(1, rows, s.hidden);
        add(1, rows, 1);
        add(1, rows, 1);
      }
    }
  }
  PackArray<float>& operator[](Shared array) { return arrays[array]; }
  const PackArray<float>& operator[](Shared array) const { return arrays[array]; }
  PackArray<float>& of(int direction, OfDirection array) {
    return arrays[static_cast<std::size_t>(index(direction, array))];
  }
  const PackArray<float>& of(int direction, OfDirection array) const {
    return arrays[static_cast<std::size_t>(index(direction, array))];
  }

  std::vector<PackArray<float>> arrays;
};

// What the kernels are called with. slab(i): the i-th array.
inline RecurrentArgs layer_args(const LayerShape& s, int first_slot, int end_slot, const SlotRow* rows,
                                const std::function<Slab<float>(int)>& slab) {
  RecurrentArgs a;
  a.window = {first_slot, end_slot, 0, s.batch};
  a.rows = rows;
  a.cell = s.cell;
  a.precision = Precision::kMixed;
  a.steps = s.steps;
  a.hidden = s.hidden;
  a.input_segments = s.inputs();
  a.x = slab(LayerArrays::kX);
  a.x_width = s.x_width();
  a.gates_width = s.gates_width();
  a.h = slab(LayerArrays::kH);
  a.h_width = s.h_width();
  a.directions = s.directions;
  a.grad_h = slab(LayerArrays::kGradH);
  if (!s.first) a.grad_x = slab(LayerArrays::kGradX);
  for (int d = 0; d < s.directions; ++d) {
    const auto of = [&](LayerArrays::OfDirection array) { return slab(LayerArrays::index(d, array)); };
    DirectionArgs& out = a.direction[d];
    out.reverse = d == 1;
    out.active_steps = s.active[d];
    out.weights = {of(LayerArrays::kInputWeight),  of(LayerArrays::kHiddenWeight), of(LayerArrays::kInputWeight),
                   of(LayerArrays::kHiddenWeight), of(LayerArrays::kInputBias),    of(LayerArrays::kHiddenBias)};
    out.gates = of(LayerArrays::kGates);
    if (s.cell == Cell::kLstm) out.cells = of(LayerArrays::kCells);
    out.grad_input_weight = of(LayerArrays::kGradInputWeight);
    out.grad_hidden_weight = of(LayerArrays::kGradHiddenWeight);
    out.grad_input_bias = of(LayerArrays::kGradInputBias);
    out.grad_hidden_bias = of(LayerArrays::kGradHiddenBias);
  }
  return a;
}

// The arrays and the table of a layer on the device.
class DeviceLayer {
 public:
  DeviceLayer(const LayerShape& shape, const LayerArrays& host, const std::vector<SlotRow>& rows)
      : shape_(shape), slots_(static_cast<int>(rows.size())), rows_(rows) {
    for (const PackArray<float>& array : host.arrays) arrays_.push_back(std::make_unique<DeviceArray<float>>(array));
  }
  RecurrentArgs args() const {
    return layer_args(shape_, 0, slots_, rows_.data(),
                      [&](int i) { return arrays_[static_cast<std::size_t>(i)]->slab(); });
  }
  // Changes the table when all that was enqueued is done.
  void set(const std::vector<SlotRow>& rows) {
    cuda_check(cudaDeviceSynchronize(), "carry out the kernels of a test");
    cuda_check(cudaMemcpy(rows_.data(), rows.data(), rows.size() * sizeof(SlotRow), cudaMemcpyHostToDevice),
               "change the table of a test");
    cuda_check(cudaDeviceSynchronize(), "change the table of a test");
  }
  LayerArrays read() const {
    LayerArrays host(shape_, slots_);
    for (std::size_t i = 0; i < arrays_.size(); ++i) host.arrays[i] = arrays_[i]->read();
    return host;
  }

 private:
  LayerShape shape_;
  int slots_;
  DeviceVector<SlotRow> rows_;
  std::vector<std::unique_ptr<DeviceArray<float>>> arrays_;
};

// Slots with full and partial batches; slot 1 is off.
inline std::vector<SlotRow> layer_table(int slots, int batch) {
  std::vector<SlotRow> rows(static_cast<std::size_t>(slots));
  for (int s = 0; s < slots; ++s) {
    SlotRow& row = rows[static_cast<std::size_t>(s)];
    row.on = s != 1;
    row.batch_size = batch;
    row.rows = s % 3 == 2 ? (batch + 3) / 4 : batch;
  }
  return rows;
}

// Every array, by its number.
inline testing::AssertionResult same_bits(const LayerArrays& want, const LayerArrays& got) {
  for (std::size_t i = 0; i < want.arrays.size(); ++i)
    if (const testing::AssertionResult same = same_bits(want.arrays[i], got.arrays[i]); !same)
      return testing::AssertionFailure() << "array " << i << ": " << same.message();
  return testing::AssertionSuccess();
}

}  // namespace caviar::test

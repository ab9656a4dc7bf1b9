// The recurrent layer in mixed precision. On small integers with relu cells every half and every sum is exact: the same
// values as the CPU's op. On real inputs: as near the CPU's fp32 op as the halves in it allow
// (recurrent_mixed_reference.h derives the bound), and no nearer to one that makes a mistake.
#include "kernels/base/buffer.h"
#include "kernels/base/error.h"
#include "kernels/base/matrix.h"
#include "kernels/recurrent_mixed_launch.h"
#include "tests/cuda_kernels/recurrent_mixed_reference.h"

namespace caviar::test {
namespace {

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

// --- what runs -------------------------------------------------------------------------------------------------------

// The weights of a slot as the CPU's op reads them.
class PackedWeights {
 public:
  PackedWeights(const LayerShape& s, const LayerArrays& a, int slot, int d) {
    const int gates = s.gates(), h = s.hidden, vectors = gates * padded(h) / kLanes;
    const auto panels = [](int k, int n) { return Buffer<float>(panel_size(k, n)); };
    const float* const input = a.of(d, LayerArrays::kInputWeight)[slot];
    const float* const hidden = a.of(d, LayerArrays::kHiddenWeight)[slot];
    pack_transposed(input, s.features(), gates, h, (input_ = panels(s.features(), vectors)).data());
    pack_transposed(hidden, h, gates, h, (hidden_ = panels(h, vectors)).data());
    const Segments inputs = s.inputs();
    pack_direct(input, gates * h, inputs.count, inputs.length,
                (input_back_ = panels(gates * h, inputs.vectors())).data());
    pack_direct(hidden, gates * h, 1, h, (hidden_back_ = panels(gates * h, padded(h) / kLanes)).data());
    pack_bias(a.of(d, LayerArrays::kInputBias)[slot], gates, h, input_bias_);
    pack_bias(a.of(d, LayerArrays::kHiddenBias)[slot], gates, h, hidden_bias_);
  }
  DirectionWeights weights() {
    return {{input_.data(), 0},       {hidden_.data(), 0},     {input_back_.data(), 0},
            {hidden_back_.data(), 0}, {input_bias_.data(), 0}, {hidden_bias_.data(), 0}};
  }

 private:
  static void pack_bias(const float* bias, int gates, int h, Buffer<float>& out) {
    out = Buffer<float>(index(gates * padded(h)));
    for (int g = 0; g < gates; ++g) std::copy_n(bias + g * h, h, out.data() + g * padded(h));
  }
  Buffer<float> input_, hidden_, input_back_, hidden_back_, input_bias_, hidden_bias_;
};

// The CPU's op, forward and backward, on the rows the slots have.
void run_cpu(const LayerShape& s, const std::vector<SlotRow>& rows, LayerArrays& arrays) {
  for (int slot = 0; slot < static_cast<int>(rows.size()); ++slot) {
    if (!rows[index(slot)].on) continue;
    const int live = rows[index(slot)].rows;
    std::vector<std::unique_ptr<SlotRows<float>>> parts;
    Buffer<float> scratch(index(live * padded(s.hidden)));
    RecurrentArgs a = layer_args(s, slot, slot + 1, rows.data(), [&](int i) -> Slab<float> {
      PackArray<float>& array = arrays.arrays[index(i)];
      if (array.steps() == 1 && array.rows() == s.gates() * s.hidden) return {array[slot], 0};
      parts.push_back(std::make_unique<SlotRows<float>>(array, slot, live));
      return parts.back()->slab();
    });
    std::vector<PackedWeights> packed;
    for (int d = 0; d < s.directions; ++d) packed.emplace_back(s, arrays, slot, d);
    for (int d = 0; d < s.directions; ++d) a.direction[d].weights = packed[index(d)].weights();
    a.window.b1 = live;
    a.precision = Precision::kFp32;
    a.scratch = {scratch.data(), 0};
    recurrent_forward(Cpu{}, a);
    recurrent_backward(Cpu{}, a);
  }
}

LayerArrays run_mixed(const Cuda& device, const LayerShape& s, const LayerArrays& start,
                      const std::vector<SlotRow>& rows) {
  const DeviceLayer layer(s, start, rows);
  recurrent_forward(device, layer.args());  // the precision is a field of the arguments
  recurrent_backward(device, layer.args());
  return layer.read();
}

// Gradients of weights start from zero; everything else from draw(array).
template <class Draw>
LayerArrays filled(const LayerShape& s, int slots, const Draw& draw) {
  LayerArrays arrays(s, slots);
  for (int i = 0; i < static_cast<int>(arrays.arrays.size()); ++i) {
    const int of = i - LayerArrays::kOfDirection;
    const bool sums = of >= 0 && of % LayerArrays::kCount >= LayerArrays::kGradInputWeight;
    arrays.arrays[index(i)].fill([&] { return sums ? 0.0f : draw(i); });
  }
  return arrays;
}

// PyTorch's initial weights, pixels, states and gradients as a loss over the batch gives them.
LayerArrays real_arrays(const LayerShape& s, int slots, std::uint64_t seed = 5) {
  Draw draw(seed);
  const float bound = 1 / std::sqrt(static_cast<float>(s.hidden));
  return filled(s, slots, [&](int i) {
    if (i == LayerArrays::kGradH) return draw.between(-1.0f, 1.0f) / static_cast<float>(s.batch);
    if (i < LayerArrays::kOfDirection) return draw.between(-1.0f, 1.0f);
    return draw.between(-bound, bound);
  });
}

// What every call must leave as it was, and what it must leave zero: all of h outside the visited steps, rows and
// slots; its padding in them.
testing::AssertionResult only_outputs_changed(const LayerShape& s, const std::vector<SlotRow>& rows,
                                              const LayerArrays& start, const LayerArrays& got) {
  for (std::size_t i = 0; i < start.arrays.size(); ++i) {
    const PackArray<float>&want = start.arrays[i], &is = got.arrays[i];
    const bool input = i == LayerArrays::kX || i == LayerArrays::kGradH ||
                       (i >= LayerArrays::kOfDirection &&
                        (i - LayerArrays::kOfDirection) % LayerArrays::kCount >= LayerArrays::kInputWeight &&
                        (i - LayerArrays::kOfDirection) % LayerArrays::kCount <= LayerArrays::kHiddenBias);
    for (int slot = 0; slot < want.slots(); ++slot) {
      const std::int64_t from = input || !rows[index(slot)].on ? 0 : want.size();
      for (std::int64_t k = from; k < want.stride(); ++k)
        if (!same_bits(want[slot][k], is[slot][k]))
          return testing::AssertionFailure() << "array " << i << " changed in " << want.place(slot * want.stride() + k);
    }
  }
  for (int slot = 0; slot < static_cast<int>(rows.size()); ++slot)
    for (int t = 0; t < s.steps && rows[index(slot)].on; ++t)
      for (int b = 0; b < s.batch; ++b)
        for (int c = 0; c < s.h_width(); ++c) {
          const int d = c / padded(s.hidden), j = c % padded(s.hidden);
          const bool visited =
              d < s.directions && b < rows[index(slot)].rows && (d == 0 ? t < s.active[0] : t >= s.steps - s.active[1]);
          const float before = element(start[LayerArrays::kH], slot, t, b, c);
          const float after = element(got[LayerArrays::kH], slot, t, b, c);
          if (visited ? j >= s.hidden && after != 0 : !same_bits(before, after))
            return testing::AssertionFailure() << "h of slot " << slot << ", step " << t << ", row " << b << ", column "
                                               << c << " became " << after << " from " << before;
        }
  return testing::AssertionSuccess();
}

// --- how near --------------------------------------------------------------------------------------------------------

// How far what the device computed is from what the CPU computed, in units of the bound: at most 1 is right. Without a
// CPU's result: from the value of the reference.
class Distance {
 public:
  Distance(const LayerShape& s, const std::vector<SlotRow>& rows, const LayerArrays& start, const LayerArrays* cpu,
           const LayerArrays& got, Mistake mistake = Mistake::kNone)
      : s_(s), cpu_(cpu), got_(got) {
    for (int slot = 0; slot < static_cast<int>(rows.size()); ++slot) {
      if (!rows[index(slot)].on) continue;
      std::vector<Reference> references;
      for (int d = 0; d < s.directions; ++d) references.emplace_back(s, start, rows[index(slot)], slot, d, mistake);
      for (int d = 0; d < s.directions; ++d) compare(references[index(d)], rows[index(slot)].rows, slot, d);
      if (!s.first) compare_inputs(references, start, rows[index(slot)].rows, slot);
    }
  }
  double most() const { return most_; }
  const std::string& place() const { return place_; }

 private:
  void compare(const Reference& r, int live, int slot, int d) {
    for (int step = 0; step < s_.active[d]; ++step)
      for (int b = 0; b < live; ++b)
        for (int j = 0; j < s_.hidden; ++j)
          take(LayerArrays::kH, slot, r.time_of(step), b, d * padded(s_.hidden) + j, r.h(r.time_of(step), b, j));
    for (int row = 0; row < s_.gates() * s_.hidden; ++row) {
      for (int k = 0; k < s_.features(); ++k)
        take(LayerArrays::index(d, LayerArrays::kGradInputWeight), slot, 0, row, k, r.grad_input_weight(row, k));
      for (int k = 0; k < s_.hidden; ++k)
        take(LayerArrays::index(d, LayerArrays::kGradHiddenWeight), slot, 0, row, k, r.grad_hidden_weight(row, k));
      take(LayerArrays::index(d, LayerArrays::kGradInputBias), slot, 0, row, 0, r.grad_input_bias(row));
      take(LayerArrays::index(d, LayerArrays::kGradHiddenBias), slot, 0, row, 0, r.grad_hidden_bias(row));
    }
  }
  void compare_inputs(const std::vector<Reference>& references, const LayerArrays& start, int live, int slot) {
    const Segments inputs = s_.inputs();
    for (int t = 0; t < s_.steps; ++t)
      for (int b = 0; b < live; ++b)
        for (int k = 0; k < s_.features(); ++k) {
          const int c = inputs.offset[k / inputs.length] + k % inputs.length;
          Bounded want = element(start[LayerArrays::kGradX], slot, t, b, c);
          for (const Reference& r : references) want = want + r.grad_x(t, b, k);
          take(LayerArrays::kGradX, slot, t, b, c, want);
        }
  }
  void take(int array, int slot, int step, int row, int column, Bounded want) {
    const double got = element(got_.arrays[index(array)], slot, step, row, column);
    const double from = cpu_ ? element(cpu_->arrays[index(array)], slot, step, row, column) : want.v;
    const double distance = std::fabs(got - from) / (want.e + 1e-30);
    if (!(distance <= most_)) {
      most_ = distance;
      place_ = cat("array ", array, ", ", got_.arrays[index(array)].place(0), ": slot ", slot, ", step ", step,
                   ", row ", row, ", column ", column, ": ", got, " for ", from, ", bound ", want.e);
    }
  }

  const LayerShape& s_;
  const LayerArrays* cpu_;
  const LayerArrays& got_;
  double most_ = 0;
  std::string place_;
};

// Every bucket of hidden sizes and real sizes inside it, both forms of a layer, one direction and two, one active step,
// the input projection inside the recurrence and ahead of it (hidden 256), weights in registers and streamed.
const LayerShape kShapes[] = {
    {.cell = Cell::kLstm, .steps = 4, .batch = 19, .hidden = 16, .active = {4, 4}, .first = true},
    {.cell = Cell::kGru, .steps = 4, .batch = 5, .hidden = 13, .active = {4, 4}, .first = true},
    {.cell = Cell::kRnnTanh, .steps = 5, .batch = 17, .hidden = 16, .active = {5, 1}},
    {.cell = Cell::kLstm, .steps = 3, .batch = 3, .hidden = 20, .input_segments = 2, .input_length = 20},
    {.cell = Cell::kGru,
     .steps = 3,
     .batch = 18,
     .hidden = 32,
     .input_segments = 2,
     .input_length = 32,
     .active = {3, 1}},
    {.cell = Cell::kRnnTanh, .steps = 3, .batch = 4, .hidden = 30, .directions = 1, .active = {3, 0}, .first = true},
    {.cell = Cell::kLstm, .steps = 3, .batch = 3, .hidden = 50, .input_segments = 2, .input_length = 50},
    {.cell = Cell::kGru, .steps = 2, .batch = 3, .hidden = 64, .active = {2, 2}},
    {.cell = Cell::kRnnTanh, .steps = 3, .batch = 3, .hidden = 61, .first = true},
    {.cell = Cell::kLstm, .steps = 2, .batch = 2, .hidden = 100, .active = {2, 2}, .first = true},
    {.cell = Cell::kGru, .steps = 2, .batch = 2, .hidden = 128, .directions = 1, .active = {2, 0}, .first = true},
    {.cell = Cell::kRnnTanh, .steps = 2, .batch = 2, .hidden = 90, .active = {2, 2}},
    {.cell = Cell::kLstm, .steps = 2, .batch = 20, .hidden = 132, .directions = 1, .active = {2, 0}, .first = true},
    {.cell = Cell::kGru, .steps = 2, .batch = 2, .hidden = 133, .directions = 1, .active = {2, 0}, .first = true},
    {.cell = Cell::kRnnTanh, .steps = 2, .batch = 2, .hidden = 200, .directions = 1, .active = {2, 0}, .first = true},
};

std::string name_of(const LayerShape& s) {
  constexpr const char* kNames[] = {"lstm", "gru", "tanh", "relu"};
  return cat(kNames[static_cast<int>(s.cell)], " of ", s.hidden, " units");
}

TEST(RecurrentMixed, IsWithinTheBoundOfItsHalvesFromTheCpu) {
  for (const LayerShape& s : kShapes) {
    SCOPED_TRACE(name_of(s));
    const int slots = s.hidden > 64 ? 1 : 3;
    const std::vector<SlotRow> rows = layer_table(slots, s.batch);
    const LayerArrays start = real_arrays(s, slots);
    LayerArrays cpu = start;
    run_cpu(s, rows, cpu);
    std::vector<LayerArrays> first;  // of the first order of warps: the others give the same bits
    on_device([&](const Cuda& device) {
      const LayerArrays got = run_mixed(device, s, start, rows);
      EXPECT_TRUE(only_outputs_changed(s, rows, start, got));
      if (first.empty()) {
        const Distance distance(s, rows, start, &cpu, got);
        EXPECT_LE(distance.most(), 1) << distance.place();
        RecordProperty(name_of(s), cat(distance.most()));
        first.push_back(got);
      } else {
        EXPECT_TRUE(same_bits(first[0], got));
      }
    });
  }
}

// The bound sees mistakes: a reference that makes one is not met.
TEST(RecurrentMixed, NoMistakeIsWithinTheBound) {
  const LayerShape shapes[] = {
      {.cell = Cell::kLstm, .steps = 4, .batch = 7, .hidden = 16, .active = {4, 4}},
      {.cell = Cell::kGru, .steps = 4, .batch = 7, .hidden = 20, .active = {4, 4}},
      {.cell = Cell::kRnnTanh, .steps = 4, .batch = 7, .hidden = 16, .active = {4, 4}},
  };
  for (const LayerShape& s : shapes) {
    SCOPED_TRACE(name_of(s));
    std::vector<SlotRow> rows = layer_table(1, s.batch);
    rows[0].rows = 5;
    const LayerArrays start = real_arrays(s, 1);
    bool done = false;
    on_device([&](const Cuda& device) {
      if (done) return;  // the order of warps changes nothing: the test before
      done = true;
      const LayerArrays got = run_mixed(device, s, start, rows);
      EXPECT_LE(Distance(s, rows, start, nullptr, got).most(), 1);
      for (const Mistake mistake :
           {Mistake::kGatesSwapped, Mistake::kRowBefore, Mistake::kHiddenBiasMissing, Mistake::kStateLost,
            Mistake::kScaleKept, Mistake::kDeadRowsCount, Mistake::kDirectPathMissing})
        EXPECT_GT(Distance(s, rows, start, nullptr, got, mistake).most(), 3) << "mistake " << static_cast<int>(mistake);
    });
  }
}

// Integers, and gradients that are integers times 2^-12: all of them are exact as halves, and so are all sums.
LayerArrays exact_arrays(const LayerShape& s, int slots) {
  Draw draw(11);
  return filled(s, slots, [&](int i) {
    if (i == LayerArrays::kGradH || i == LayerArrays::kGradX) return static_cast<float>(draw.below(5) - 2) * 0x1p-12f;
    if (i < LayerArrays::kOfDirection) return static_cast<float>(draw.below(5) - 2);
    return draw.one_in(6) ? static_cast<float>(draw.below(3) - 1) : 0.0f;
  });
}

TEST(RecurrentMixed, ReluLayerIsTheCpusOnSmallIntegers) {
  const LayerShape shapes[] = {
      {.cell = Cell::kRnnRelu, .steps = 3, .batch = 21, .hidden = 16},
      {.cell = Cell::kRnnRelu,
       .steps = 3,
       .batch = 6,
       .hidden = 27,
       .input_segments = 2,
       .input_length = 27,
       .active = {3, 1}},
      {.cell = Cell::kRnnRelu, .steps = 2, .batch = 35, .hidden = 70, .active = {2, 2}},
  };
  for (const LayerShape& s : shapes) {
    SCOPED_TRACE(name_of(s));
    const std::vector<SlotRow> rows = layer_table(3, s.batch);
    const LayerArrays start = exact_arrays(s, 3);
    LayerArrays cpu = start;
    run_cpu(s, rows, cpu);
    on_device([&](const Cuda& device) {
      const LayerArrays got = run_mixed(device, s, start, rows);
      for (std::size_t i = 0; i < got.arrays.size(); ++i) {
        const int of = static_cast<int>(i) - LayerArrays::kOfDirection;
        if (i == LayerArrays::kGradH || (of >= 0 && of % LayerArrays::kCount <= LayerArrays::kCells))
          continue;  // consumed
        EXPECT_TRUE(same_bits(cpu.arrays[i], got.arrays[i])) << "array " << i;
      }
    });
  }
}

TEST(RecurrentMixed, InputProjectionInsideTheRecurrenceOrAheadOfItGivesTheSameBits) {
  for (LayerShape s : {kShapes[0], kShapes[4], kShapes[5], kShapes[6]}) {
    SCOPED_TRACE(name_of(s));
    const std::vector<SlotRow> rows = layer_table(2, s.batch);
    const LayerArrays start = real_arrays(s, 2);
    on_device([&](const Cuda& device) {
      LayerArrays states[2] = {start, start};
      for (const auto projection : {mixed::Projection::kAuto, mixed::Projection::kApart}) {
        const DeviceLayer layer(s, start, rows);
        mixed::forward(device, layer.args(), projection);
        recurrent_backward(device, layer.args());
        states[static_cast<int>(projection)] = layer.read();
      }
      for (int d = 0; d < s.directions; ++d) {  // of the stash, what nobody reads differs
        states[0].of(d, LayerArrays::kGates) = states[1].of(d, LayerArrays::kGates);
      }
      EXPECT_TRUE(same_bits(states[0], states[1]));
    });
  }
}

// Copies everything of one slot.
void copy_slot(const LayerArrays& from, int from_slot, LayerArrays& to, int to_slot) {
  for (std::size_t i = 0; i < from.arrays.size(); ++i)
    std::copy_n(from.arrays[i][from_slot], from.arrays[i].size(), to.arrays[i][to_slot]);
}

// The slot law: alone, or in any slot beside any neighbours, one that overflows among them.
TEST(RecurrentMixed, RunHasTheSameBitsInEverySlotOfEveryPack) {
  for (const LayerShape& s : {kShapes[0], kShapes[1], kShapes[4], kShapes[8], kShapes[13]}) {
    SCOPED_TRACE(name_of(s));
    std::vector<SlotRow> alone_rows(1);
    alone_rows[0].on = 1;
    alone_rows[0].batch_size = s.batch;
    alone_rows[0].rows = s.batch - 1;
    const LayerArrays alone = real_arrays(s, 1, 23);
    on_device([&](const Cuda& device) {
      const LayerArrays want = run_mixed(device, s, alone, alone_rows);
      for (const int slot : {0, 3}) {
        std::vector<SlotRow> rows = layer_table(4, s.batch);
        LayerArrays start = real_arrays(s, 4, 31);
        start[LayerArrays::kGradH].fill([] { return 1e30f; });
        rows[index(slot)] = alone_rows[0];
        copy_slot(alone, 0, start, slot);
        const LayerArrays got = run_mixed(device, s, start, rows);
        LayerArrays found = want;
        copy_slot(got, slot, found, 0);
        EXPECT_TRUE(same_bits(want, found)) << "slot " << slot;
      }
    });
  }
}

// Captured with one table, replayed with another: nothing of the runs is in the graph.
TEST(RecurrentMixed, CapturedLayerFollowsTheTable) {
  for (const LayerShape& s : {kShapes[3], kShapes[4]}) {
    SCOPED_TRACE(name_of(s));
    const LayerArrays start = real_arrays(s, 3);
    const std::vector<SlotRow> before = layer_table(3, s.batch);
    std::vector<SlotRow> after = before;
    after[0].on = 0;
    after[1].on = 1;
    after[1].rows = s.batch - 1;
    after[2].rows = s.batch;
    after[2].batch_size = 4 * s.batch;
    on_device([&](const Cuda& device) {
      DeviceLayer layer(s, start, before);
      cudaGraph_t graph = nullptr;
      cudaGraphExec_t captured = nullptr;
      cuda_check(cudaStreamBeginCapture(device.stream, cudaStreamCaptureModeThreadLocal), "begin a capture");
      recurrent_forward(device, layer.args());
      recurrent_backward(device, layer.args());
      cuda_check(cudaStreamEndCapture(device.stream, &graph), "end a capture");
      cuda_check(cudaGraphInstantiate(&captured, graph, 0), "instantiate a graph");
      layer.set(after);
      cuda_check(cudaGraphLaunch(captured, device.stream), "launch a graph");
      EXPECT_TRUE(same_bits(run_mixed(device, s, start, after), layer.read()));
      cuda_check(cudaGraphExecDestroy(captured), "destroy a graph");
      cuda_check(cudaGraphDestroy(graph), "destroy a graph");
    });
  }
}

// The scale is the run's, not the batch's: a row of a last, smaller batch has the bits it has in a full one.
TEST(RecurrentMixed, RowOfASmallerBatchHasTheSameGradients) {
  for (const LayerShape& s : {kShapes[3], kShapes[4]}) {
    SCOPED_TRACE(name_of(s));
    std::vector<SlotRow> full(1), last(1);
    full[0].on = last[0].on = 1;
    full[0].batch_size = last[0].batch_size = s.batch;
    full[0].rows = s.batch;
    last[0].rows = 2;
    const LayerArrays start = real_arrays(s, 1);
    on_device([&](const Cuda& device) {
      const LayerArrays whole = run_mixed(device, s, start, full), part = run_mixed(device, s, start, last);
      for (int t = 0; t < s.steps; ++t)
        for (int b = 0; b < 2; ++b) {
          for (int c = 0; c < s.x_width(); ++c)
            EXPECT_EQ(element(whole[LayerArrays::kGradX], 0, t, b, c), element(part[LayerArrays::kGradX], 0, t, b, c));
          for (int c = 0; c < s.h_width(); ++c)
            EXPECT_EQ(element(whole[LayerArrays::kH], 0, t, b, c), element(part[LayerArrays::kH], 0, t, b, c));
        }
    });
  }
}

TEST(RecurrentMixed, GradientBeyondAHalfBecomesInfiniteOrNan) {
  const LayerShape s = kShapes[2];
  const std::vector<SlotRow> rows = layer_table(1, s.batch);
  LayerArrays start = real_arrays(s, 1);
  start[LayerArrays::kGradH].fill([] { return 100.0f; });
  on_device([&](const Cuda& device) {
    const LayerArrays got = run_mixed(device, s, start, rows);
    EXPECT_FALSE(std::isfinite(element(got.of(0, LayerArrays::kGradInputWeight), 0, 0, 0, 0)));
  });
}

TEST(RecurrentMixed, HiddenSizesWithoutAMixedFormAreRefused) {
  EXPECT_NO_THROW(check_mixed(1));
  EXPECT_NO_THROW(check_mixed(256));
  try {
    check_mixed(257);
    FAIL() << "257 units were accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "hidden_size 257 has no mixed form: its kernels go from 1 to 256 units; use precision fp32");
  }
}

}  // namespace
}  // namespace caviar::test

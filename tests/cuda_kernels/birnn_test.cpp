// Whole networks on the device against the CPU, bit for bit: captured once as a graph, which is replayed while the
// slots get other runs.
#include "models/birnn.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"
#include "tests/support/cpu_model.h"

namespace caviar::test {
namespace {

constexpr int kSlots = 5;

// What goes into a forward and a backward pass of every slot, and what comes out. dL/dlogits is made up.
struct Passes {
  Passes(const BiRnnShape& shape, int batch, Draw& draw)
      : table(random_table(draw, {batch, 1, 1 + batch / 2, batch, std::max(1, batch - 1)})),
        params(kSlots, 1, 1, birnn_params(shape).size()),
        gradient(params),
        x(kSlots, shape.steps, batch, padded(shape.features)),
        logits(kSlots, 1, batch, padded(shape.classes)),
        grad_logits(logits) {
    renew(shape, draw);
  }

  // Other runs in the slots: which are on, how many rows they have, all numbers.
  void renew(const BiRnnShape& shape, Draw& draw) {
    std::rotate(table.begin(), table.begin() + 1, table.end());
    for (SlotRow& row : table) row.hyper.dropout = draw.one_in(2) ? 0.0f : draw.between(0.1f, 0.6f);
    const float bound = 1.5f / std::sqrt(static_cast<float>(shape.hidden_size));
    params.fill([&] { return draw.between(-bound, bound); });
    gradient.fill([] { return 0.0f; });
    x.fill([&] { return draw.one_in(4) ? 0.0f : draw.between(-1, 1); });
    logits.fill([] { return 0.0f; });
    grad_logits.fill([] { return 0.0f; });
    for (int s = 0; s < kSlots; ++s)
      for (int row = 0; row < x.rows(); ++row)
        for (int c = 0; c < shape.classes; ++c) grad_logits.at(s, 0, row, c) = draw.between(-1, 1);
  }

  // Slot by slot, in windows as the CPU cuts them.
  void on_cpu(const BiRnnShape& shape) {
    for (int s = 0; s < kSlots; ++s) {
      const int rows = table[static_cast<std::size_t>(s)].rows;
      if (!table[static_cast<std::size_t>(s)].on) continue;
      CpuModel<BiRnn<Cpu>> model(shape, rows);
      const int most = model->max_rows();
      model->load(Cpu{}, {s, s + 1, 0, 0}, {params.data(), params.stride()}, true);
      for (Window w{s, s + 1, 0, 0}; w.b0 < rows; w.b0 = w.b1) {
        w.b1 = std::min(rows, w.b0 + most);
        for (int t = 0; t < shape.steps; ++t)
          std::copy_n(&x.at(s, t, w.b0, 0), w.rows() * x.width(), model->input()[s] + t * w.rows() * x.width());
        model->forward(Cpu{}, w, table.data(), true);
        std::copy_n(model->logits()[s], w.rows() * logits.width(), &logits.at(s, 0, w.b0, 0));
        std::copy_n(&grad_logits.at(s, 0, w.b0, 0), w.rows() * logits.width(), model->grad_logits()[s]);
        model->backward(Cpu{}, w, table.data(), {gradient.data(), gradient.stride()});
      }
    }
  }

  std::vector<SlotRow> table;
  PackArray<float> params, gradient, x, logits, grad_logits;
};

// The model on the device, with its passes as one graph.
class CapturedModel {
 public:
  CapturedModel(const Cuda& device, const BiRnnShape& shape, int batch)
      : device_(device),
        shape_(shape),
        batch_(batch),
        block_(std::vector<std::byte>(bytes_needed(shape, batch))),
        arena_(block_.data()),
        model_(shape, kSlots, batch, arena_),
        table_(std::vector<SlotRow>(kSlots)),
        params_(PackArray<float>(kSlots, 1, 1, birnn_params(shape).size())),
        gradient_(params_.read()) {
    const Window all{0, kSlots, 0, batch};
    cudaGraph_t graph = nullptr;
    cuda_check(cudaStreamBeginCapture(device.stream, cudaStreamCaptureModeThreadLocal), "begin a capture");
    model_.load(device, all, params_.slab(), true);
    model_.forward(device, all, table_.data(), true);
    model_.backward(device, all, table_.data(), gradient_.slab());
    cuda_check(cudaStreamEndCapture(device.stream, &graph), "end a capture");
    cuda_check(cudaGraphInstantiate(&graph_, graph, 0), "instantiate a graph");
    cuda_check(cudaGraphDestroy(graph), "destroy a graph");
  }
  ~CapturedModel() { static_cast<void>(cudaGraphExecDestroy(graph_)); }
  CapturedModel(const CapturedModel&) = delete;
  CapturedModel& operator=(const CapturedModel&) = delete;

  // Leaves in `p` what the device made of it; slots that are off keep what they have.
  void run(Passes& p) {
    const std::int64_t classes = padded(shape_.classes);
    write(table_.data(), p.table.data(), kSlots);
    write(params_.slab().data, p.params.data(), p.params.count());
    write(gradient_.slab().data, p.gradient.data(), p.gradient.count());
    for (int s = 0; s < kSlots; ++s) {
      write(model_.input()[s], p.x[s], p.x.size());
      write(model_.grad_logits()[s], p.grad_logits[s], batch_ * classes);
    }
    cuda_check(cudaGraphLaunch(graph_, device_.stream), "launch a graph");
    p.gradient = gradient_.read();
    for (int s = 0; s < kSlots; ++s) {
      const SlotRow& row = p.table[static_cast<std::size_t>(s)];
      if (row.on)
        cuda_check(cudaMemcpy(p.logits[s], model_.logits()[s],
                              static_cast<std::size_t>(row.rows * classes) * sizeof(float), cudaMemcpyDeviceToHost),
                   "copy logits");
    }
  }

 private:
  static std::size_t bytes_needed(const BiRnnShape& shape, int batch) {
    Arena counting;
    const BiRnn<Cuda> model(shape, kSlots, batch, counting);
    return counting.used();
  }
  template <class T>
  static void write(T* to, const T* from, std::int64_t count) {
    cuda_check(cudaMemcpy(to, from, static_cast<std::size_t>(count) * sizeof(T), cudaMemcpyHostToDevice), "copy");
    cuda_check(cudaDeviceSynchronize(), "copy");
  }

  Cuda device_;
  BiRnnShape shape_;
  int batch_;
  DeviceVector<std::byte> block_;
  Arena arena_;
  BiRnn<Cuda> model_;
  DeviceVector<SlotRow> table_;
  DeviceArray<float> params_, gradient_;
  cudaGraphExec_t graph_ = nullptr;
};

void networks_agree(const BiRnnShape& shape, int batch) {
  on_device([&](const Cuda& device) {
    Draw draw(11);
    CapturedModel model(device, shape, batch);
    Passes on_cpu(shape, batch, draw);
    for (int replay = 0; replay < 3; ++replay) {
      SCOPED_TRACE(cat("replay ", replay));
      Passes on_it = on_cpu;
      model.run(on_it);
      on_cpu.on_cpu(shape);
      EXPECT_TRUE(same_bits(on_cpu.logits, on_it.logits));
      EXPECT_TRUE(same_bits(on_cpu.gradient, on_it.gradient));
      on_cpu.renew(shape, draw);
    }
  });
}

TEST(CudaBiRnn, EveryCellAndReadoutHasTheBitsOfTheCpu) {
  for (const Cell cell : {Cell::kLstm, Cell::kGru, Cell::kRnnTanh, Cell::kRnnRelu})
    for (const Readout readout : {Readout::kLastStep, Readout::kFinalStates, Readout::kMean})
      for (const bool bidirectional : {true, false}) {
        SCOPED_TRACE(cat("cell ", static_cast<int>(cell), ", read-out ", static_cast<int>(readout), ", directions ",
                         bidirectional + 1));
        networks_agree({.steps = 4,
                        .features = 6,
                        .classes = 5,
                        .cell = cell,
                        .hidden_size = 11,
                        .num_layers = 2,
                        .bidirectional = bidirectional,
                        .readout = readout},
                       21);
      }
}

TEST(CudaBiRnn, DepthAndWidthHaveTheBitsOfTheCpu) {
  networks_agree({.steps = 3, .features = 28, .hidden_size = 20, .num_layers = 3}, 16);
  networks_agree({.steps = 2, .features = 28, .hidden_size = 64, .num_layers = 1, .readout = Readout::kMean}, 33);
  networks_agree({.steps = 2, .features = 3, .cell = Cell::kGru, .hidden_size = 260, .num_layers = 1}, 4);
}

}  // namespace
}  // namespace caviar::test

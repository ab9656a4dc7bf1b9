// Ops captured once and replayed while runs come and go: whatever differs between the steps must come from the table.
#include "kernels/clip.h"
#include "kernels/gather.h"
#include "kernels/loss.h"
#include "kernels/metrics.h"
#include "kernels/optimizer.h"
#include "kernels/prelude.h"
#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

constexpr int kSlots = 6, kBatch = 20, kClasses = 10, kExamples = 90, kFeatures = 6, kSize = 1203;

// The memory of a pack, on one device or the other.
struct Memory {
  SlotRow* rows;
  ExampleArray examples;
  Slab<float> x, logits, grad_logits, losses, gradient, params, state, averages;
  Slab<std::int32_t> labels, correct;
};

// The ops of a training step but for those of a model.
template <class Device>
void train(const Device& device, const Window& w, const Memory& m) {
  gather(device, {w, m.rows, m.examples, m.examples, 1, kFeatures, m.x, m.labels});
  softmax_cross_entropy(device, {w, m.rows, kClasses, m.logits, m.labels, m.losses, m.correct, m.grad_logits});
  record_batch(device, {w, m.rows, m.losses, m.correct});
  clip(device, {w, m.rows, kSize, m.gradient});
  update(device, {w, m.rows, kSize, m.gradient, m.params, m.state, m.averages});
}

SlotRow new_run(Draw& draw) {
  SlotRow r = random_row(draw, 0);
  r.step = 0;
  r.mu_product = 1;
  r.train_examples = kExamples;
  r.validate_on_test = 1;
  r.batch_size = 1 + draw.below(kBatch);
  return r;
}

// A pack on the host. The logits and the gradient stand for a model's.
struct Pack {
  std::vector<SlotRow> table;
  std::vector<std::uint8_t> pixels, answers;
  PackArray<float> x{kSlots, 1, kBatch, padded(kFeatures)}, logits{kSlots, 1, kBatch, padded(kClasses)}, grad_logits,
      losses{kSlots, 1, kBatch, 1}, gradient{kSlots, 1, 1, kSize}, params, state{kSlots, 1, 2, kSize}, averages;
  PackArray<std::int32_t> labels{kSlots, 1, kBatch, 1}, correct;

  explicit Pack(Draw& draw) : grad_logits(logits), params(gradient), averages(gradient), correct(labels) {
    for (int s = 0; s < kSlots; ++s) table.push_back(new_run(draw));
    for (int i = 0; i < kExamples * kFeatures; ++i) pixels.push_back(static_cast<std::uint8_t>(draw.bits()));
    for (int i = 0; i < kExamples; ++i) answers.push_back(static_cast<std::uint8_t>(draw.below(kClasses)));
    for (PackArray<float>* array : {&logits, &gradient, &params})
      array->fill([&] { return draw.between(-3.0f, 3.0f); });
    averages = params;
  }

  Memory memory() {
    return {table.data(),       {pixels.data(), answers.data()},
            x.slab(),           logits.slab(),
            grad_logits.slab(), losses.slab(),
            gradient.slab(),    params.slab(),
            state.slab(),       averages.slab(),
            labels.slab(),      correct.slab()};
  }

  void train_on_cpu() {
    begin_training(Cpu{}, {{0, kSlots, 0, 0}, table.data()});
    for (int s = 0; s < kSlots; ++s) train(Cpu{}, {s, s + 1, 0, table[static_cast<std::size_t>(s)].rows}, memory());
  }
};

// Its copy on the device.
struct DevicePack {
  DeviceVector<SlotRow> table;
  DeviceVector<std::uint8_t> pixels, answers;
  DeviceArray<float> x, logits, grad_logits, losses, gradient, params, state, averages;
  DeviceArray<std::int32_t> labels, correct;

  explicit DevicePack(const Pack& p)
      : table(p.table),
        pixels(p.pixels),
        answers(p.answers),
        x(p.x),
        logits(p.logits),
        grad_logits(p.grad_logits),
        losses(p.losses),
        gradient(p.gradient),
        params(p.params),
        state(p.state),
        averages(p.averages),
        labels(p.labels),
        correct(p.correct) {}

  Memory memory() const {
    return {table.data(),       {pixels.data(), answers.data()},
            x.slab(),           logits.slab(),
            grad_logits.slab(), losses.slab(),
            gradient.slab(),    params.slab(),
            state.slab(),       averages.slab(),
            labels.slab(),      correct.slab()};
  }
};

// One training step of a device pack as a graph.
class CapturedStep {
 public:
  CapturedStep(const Cuda& device, const Memory& memory) : device_(device) {
    cudaGraph_t graph = nullptr;
    cuda_check(cudaStreamBeginCapture(device.stream, cudaStreamCaptureModeThreadLocal), "begin a capture");
    begin_training(device, {{0, kSlots, 0, 0}, memory.rows});
    train(device, {0, kSlots, 0, kBatch}, memory);
    cuda_check(cudaStreamEndCapture(device.stream, &graph), "end a capture");
    cuda_check(cudaGraphInstantiate(&graph_, graph, 0), "instantiate a graph");
    cuda_check(cudaGraphDestroy(graph), "destroy a graph");
  }
  ~CapturedStep() { static_cast<void>(cudaGraphExecDestroy(graph_)); }
  CapturedStep(const CapturedStep&) = delete;
  CapturedStep& operator=(const CapturedStep&) = delete;
  void replay() { cuda_check(cudaGraphLaunch(graph_, device_.stream), "launch a graph"); }

 private:
  Cuda device_;
  cudaGraphExec_t graph_ = nullptr;
};

TEST(CudaGraph, ReplaysTrainWhateverRunsAreInThePack) {
  on_device([](const Cuda& device) {
    Draw draw(25);
    Pack pack(draw);
    pack.table[1].trains = 0;
    const DevicePack on_gpu(pack);
    CapturedStep step(device, on_gpu.memory());
    EXPECT_TRUE(same_bits(pack.params, on_gpu.params.read()));  // captured, not carried out

    for (int rung = 0; rung < 4; ++rung) {
      for (int i = 0; i < 3; ++i) {
        step.replay();
        pack.train_on_cpu();
      }
      EXPECT_TRUE(same_bits(pack.table, on_gpu.table.read()));
      EXPECT_TRUE(same_bits(pack.losses, on_gpu.losses.read()));
      EXPECT_TRUE(same_bits(pack.params, on_gpu.params.read()));
      EXPECT_TRUE(same_bits(pack.averages, on_gpu.averages.read()));
      // One run ends, others come.
      pack.table[static_cast<std::size_t>(rung)].trains = 0;
      pack.table[static_cast<std::size_t>(rung + 1)] = new_run(draw);
      cuda_check(cudaMemcpy(on_gpu.table.data(), pack.table.data(), pack.table.size() * sizeof(SlotRow),
                            cudaMemcpyHostToDevice),
                 "copy the table");
      cuda_check(cudaDeviceSynchronize(), "copy the table");
    }
  });
}

}  // namespace
}  // namespace caviar::test

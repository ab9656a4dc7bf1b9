// The data of a step: the prelude, and the gathering of minibatches from 60,000 images of 28 x 28 bytes.
//
// Bytes counted: of the prelude, the table of slots; of gather, the pixels read and the floats written.
#include "bench/kernels/support/harness.h"
#include "bench/kernels/support/slots.h"
#include "kernels/gather.h"
#include "kernels/prelude.h"

namespace caviar::bench {
namespace {

constexpr int kSteps = 28, kFeatures = 28, kBatch = 64;

// The fields of the pass, which the prelude writes.
std::string difference_of_passes(Rows<SlotRow>& rows) {
  for (int s = 0; s < rows.distinct(); ++s) {
    const SlotRow gpu = rows.download(s).front(), cpu = *rows.host_row(s);
    if (gpu.on != cpu.on || gpu.rows != cpu.rows || gpu.first != cpu.first ||
        std::memcmp(&gpu.order, &cpu.order, sizeof cpu.order) != 0 ||
        std::memcmp(&gpu.now, &cpu.now, sizeof cpu.now) != 0)
      return cat("The pass of slot ", s, " is another on the GPU than on the CPU.");
  }
  return "";
}

class PreludeCase : public Case {
 public:
  PreludeCase(int slots, std::int64_t examples) : rows_(training_slots(slots, kBatch, examples)) {}
  int slots() const override { return rows_.slots(); }
  void on_cpu(int slot) override { begin_training(Cpu{}, {{slot, slot + 1, 0, kBatch}, rows_.host().data}); }
  void on_gpu(const Cuda& device) override { begin_training(device, {{0, slots(), 0, kBatch}, rows_.device().data}); }
  std::string compare() override { return difference_of_passes(rows_); }
  Work work() const override { return {2.0 * sizeof(SlotRow) * slots(), 0, Precision::kFp32, 1.0 * slots()}; }

 private:
  Rows<SlotRow> rows_;
};

class GatherCase : public Case {
 public:
  GatherCase(int slots, std::int64_t examples)
      : rows_(training_slots(slots, kBatch, examples)),
        pixels_(1, examples * kSteps * kFeatures,
                [](int, std::int64_t i) { return static_cast<std::uint8_t>(random_value(1, 0, i, 128) + 128); }),
        labels_(1, examples, [](int, std::int64_t i) { return static_cast<std::uint8_t>(i % 10); }),
        x_(slots, std::int64_t{kSteps} * kBatch * padded(kFeatures)),
        batch_labels_(slots, kBatch) {}
  int slots() const override { return rows_.slots(); }
  void on_cpu(int slot) override { gather(Cpu{}, args<false>({slot, slot + 1, 0, kBatch})); }
  void on_gpu(const Cuda& device) override { gather(device, args<true>({0, slots(), 0, kBatch})); }
  std::string compare() override {
    const std::string difference = first_difference("x", x_);
    return difference.empty() ? first_difference("labels", batch_labels_) : difference;
  }
  Work work() const override {
    return {5.0 * slots() * kBatch * kSteps * kFeatures, 0, Precision::kFp32, 1.0 * slots()};
  }

 private:
  template <bool kGpu>
  GatherArgs args(const Window& window) {
    GatherArgs a;
    a.window = window;
    a.rows = kGpu ? rows_.device().data : rows_.host().data;
    a.train = {kGpu ? pixels_.device().data : pixels_.host().data, kGpu ? labels_.device().data : labels_.host().data};
    a.test = a.train;
    a.steps = kSteps;
    a.features = kFeatures;
    a.x = kGpu ? x_.device() : x_.host();
    a.labels = kGpu ? batch_labels_.device() : batch_labels_.host();
    return a;
  }

  Rows<SlotRow> rows_;
  Rows<std::uint8_t> pixels_, labels_;
  Rows<float> x_;
  Rows<std::int32_t> batch_labels_;
};

void register_cases(Sizes sizes) {
  const bool small = sizes == Sizes::kSmall;
  const std::int64_t examples = small ? 600 : 60'000;
  for (const int slots : small ? std::vector{4} : std::vector{132, 1024, 4096}) {
    add_case(cat("prelude/runs:", slots), 1e3 * slots, [=] { return std::make_unique<PreludeCase>(slots, examples); });
    add_case(cat("gather/B:", kBatch, "/runs:", slots), 4.0 * slots * kSteps * kBatch * padded(kFeatures),
             [=] { return std::make_unique<GatherCase>(slots, examples); });
  }
}

}  // namespace
}  // namespace caviar::bench

int main(int argc, char** argv) { return caviar::bench::run(argc, argv, caviar::bench::register_cases); }

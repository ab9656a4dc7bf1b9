// The end of a forward pass: softmax cross-entropy with its gradient, and what the batch adds to the metrics.
//
// Bytes counted: of the loss, logits read, gradient, losses and hits written; of the metrics, losses and hits read.
#include "kernels/loss.h"

#include "bench/kernels/support/harness.h"
#include "bench/kernels/support/slots.h"
#include "kernels/metrics.h"

namespace caviar::bench {
namespace {

struct Point {
  int slots = 1, batch = 64, classes = 10;
  std::int64_t logits() const { return std::int64_t{1} * batch * padded(classes); }
};

Rows<std::int32_t> labels_of(const Point& p) {
  return Rows<std::int32_t>(p.slots, p.batch,
                            [&](int s, std::int64_t i) { return static_cast<std::int32_t>((i + s) % p.classes); });
}

class LossCase : public Case {
 public:
  explicit LossCase(const Point& p)
      : p_(p),
        rows_(training_slots(p.slots, p.batch, 60000)),
        labels_(labels_of(p)),
        logits_(
            p.slots, p.logits(),
            [&](int s, std::int64_t i) { return i % padded(p.classes) < p.classes ? random_value(1, s, i, 4) : 0.0f; }),
        grad_logits_(p.slots, p.logits()),
        losses_(p.slots, p.batch),
        correct_(p.slots, p.batch) {}
  int slots() const override { return p_.slots; }
  void on_cpu(int slot) override {
    softmax_cross_entropy(Cpu{}, {{slot, slot + 1, 0, p_.batch},
                                  rows_.host().data,
                                  p_.classes,
                                  logits_.host(),
                                  labels_.host(),
                                  losses_.host(),
                                  correct_.host(),
                                  grad_logits_.host()});
  }
  void on_gpu(const Cuda& device) override {
    softmax_cross_entropy(device, {{0, p_.slots, 0, p_.batch},
                                   rows_.device().data,
                                   p_.classes,
                                   logits_.device(),
                                   labels_.device(),
                                   losses_.device(),
                                   correct_.device(),
                                   grad_logits_.device()});
  }
  std::string compare() override {
    std::string difference = first_difference("losses", losses_);
    if (difference.empty()) difference = first_difference("correct", correct_);
    return difference.empty() ? first_difference("grad_logits", grad_logits_) : difference;
  }
  Work work() const override {
    return {4.0 * p_.slots * p_.batch * (2 * p_.classes + 3), 0, Precision::kFp32, 1.0 * p_.slots};
  }

 private:
  Point p_;
  Rows<SlotRow> rows_;
  Rows<std::int32_t> labels_;
  Rows<float> logits_, grad_logits_, losses_;
  Rows<std::int32_t> correct_;
};

class RecordCase : public Case {
 public:
  explicit RecordCase(const Point& p)
      : p_(p),
        rows_(training_slots(p.slots, p.batch, 60000)),
        losses_(p.slots, p.batch, [](int s, std::int64_t i) { return 2 + random_value(1, s, i); }),
        correct_(p.slots, p.batch, [](int, std::int64_t i) { return static_cast<std::int32_t>(i % 3 == 0); }) {}
  int slots() const override { return p_.slots; }
  void on_cpu(int slot) override {
    record_batch(Cpu{}, {{slot, slot + 1, 0, p_.batch}, rows_.host().data, losses_.host(), correct_.host()});
  }
  void on_gpu(const Cuda& device) override {
    record_batch(device, {{0, p_.slots, 0, p_.batch}, rows_.device().data, losses_.device(), correct_.device()});
  }
  std::string compare() override {
    for (int s = 0; s < rows_.distinct(); ++s) {
      const SlotRow gpu = rows_.download(s).front(), &cpu = *rows_.host_row(s);
      if (gpu.loss_sum != cpu.loss_sum || gpu.correct != cpu.correct || gpu.step != cpu.step)
        return cat("The sums of slot ", s, " are others on the GPU than on the CPU.");
    }
    return "";
  }
  Work work() const override { return {8.0 * p_.slots * p_.batch, 0, Precision::kFp32, 1.0 * p_.slots}; }

 private:
  Point p_;
  Rows<SlotRow> rows_;
  Rows<float> losses_;
  Rows<std::int32_t> correct_;
};

void register_cases(Sizes sizes) {
  const bool small = sizes == Sizes::kSmall;
  for (const int slots : small ? std::vector{4} : std::vector{132, 1024, 4096}) {
    const Point p{slots, small ? 20 : 64, 10};
    const std::string size = cat("/B:", p.batch, "/runs:", slots);
    const double bytes = 8.0 * slots * static_cast<double>(p.logits());
    add_case("softmax_cross_entropy" + size, bytes, [p] { return std::make_unique<LossCase>(p); });
    add_case("record_batch" + size, bytes, [p] { return std::make_unique<RecordCase>(p); });
  }
}

}  // namespace
}  // namespace caviar::bench

int main(int argc, char** argv) { return caviar::bench::run(argc, argv, caviar::bench::register_cases); }

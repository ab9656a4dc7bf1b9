// Ops that touch every value once: dropout, the read-out, initial weights, clean memory. Of an LSTM of 64 units.
//
// Bytes counted: what is read and written once each.
#include <cmath>

#include "bench/kernels/support/harness.h"
#include "bench/kernels/support/slots.h"
#include "kernels/dropout.h"
#include "kernels/init.h"
#include "kernels/readout.h"

namespace caviar::bench {
namespace {

struct Point {
  int slots = 1, batch = 64, hidden = 64, steps = 28;
  int width() const { return row_stride(2 * padded(hidden)); }
  std::int64_t outputs() const { return std::int64_t{1} * steps * batch * width(); }
};

Rows<float> outputs_of(const Point& p) {
  return Rows<float>(p.slots, p.outputs(), [&](int s, std::int64_t i) {
    return i % p.width() < 2 * p.hidden ? random_value(1, s, i) : 0.0f;
  });
}

class DropoutCase : public Case {
 public:
  explicit DropoutCase(const Point& p) : p_(p), rows_(slots_of(p)), in_(outputs_of(p)), out_(p.slots, p.outputs()) {}
  int slots() const override { return p_.slots; }
  void on_cpu(int slot) override { dropout(Cpu{}, args<false>({slot, slot + 1, 0, p_.batch})); }
  void on_gpu(const Cuda& device) override { dropout(device, args<true>({0, p_.slots, 0, p_.batch})); }
  std::string compare() override { return first_difference("out", out_); }
  Work work() const override {
    return {8.0 * p_.slots * p_.steps * p_.batch * 2 * p_.hidden, 0, Precision::kFp32, 1.0 * p_.slots};
  }

 private:
  static Rows<SlotRow> slots_of(const Point& p) {
    Hyper hyper;
    hyper.dropout = 0.3f;
    return training_slots(p.slots, p.batch, 60000, hyper);
  }
  template <bool kGpu>
  DropoutArgs args(const Window& window) {
    DropoutArgs a;
    a.window = window;
    a.rows = kGpu ? rows_.device().data : rows_.host().data;
    a.layer = 1;
    a.steps = p_.steps;
    a.segments = 2;
    a.length = p_.hidden;
    a.width = p_.width();
    a.in = kGpu ? in_.device() : in_.host();
    a.out = kGpu ? out_.device() : out_.host();
    return a;
  }

  Point p_;
  Rows<SlotRow> rows_;
  Rows<float> in_, out_;
};

// The mean over time, which reads everything.
class ReadoutCase : public Case {
 public:
  explicit ReadoutCase(const Point& p)
      : p_(p),
        rows_(training_slots(p.slots, p.batch, 60000)),
        h_(outputs_of(p)),
        features_(p.slots, std::int64_t{1} * p.batch * p.width()) {}
  int slots() const override { return p_.slots; }
  void on_cpu(int slot) override { readout_forward(Cpu{}, args<false>({slot, slot + 1, 0, p_.batch})); }
  void on_gpu(const Cuda& device) override { readout_forward(device, args<true>({0, p_.slots, 0, p_.batch})); }
  std::string compare() override { return first_difference("features", features_); }
  Work work() const override {
    return {4.0 * p_.slots * (p_.steps + 1) * p_.batch * 2 * p_.hidden, 0, Precision::kFp32, 1.0 * p_.slots};
  }

 private:
  template <bool kGpu>
  ReadoutArgs args(const Window& window) {
    ReadoutArgs a;
    a.window = window;
    a.rows = kGpu ? rows_.device().data : rows_.host().data;
    a.kind = Readout::kMean;
    a.steps = p_.steps;
    a.directions = 2;
    a.direction_width = padded(p_.hidden);
    a.width = p_.width();
    a.h = kGpu ? h_.device() : h_.host();
    a.features = kGpu ? features_.device() : features_.host();
    return a;
  }

  Point p_;
  Rows<SlotRow> rows_;
  Rows<float> h_, features_;
};

class InitCase : public Case {
 public:
  InitCase(int slots, std::int64_t size)
      : rows_(training_slots(slots, 64, 60000)), weights_(slots, size), bound_(1 / std::sqrt(64.0f)) {}
  int slots() const override { return rows_.slots(); }
  void on_cpu(int slot) override {
    initialize(Cpu{}, {{slot, slot + 1, 0, 64}, rows_.host().data, 0, bound_, weights_.count(), weights_.host()});
  }
  void on_gpu(const Cuda& device) override {
    initialize(device, {{0, slots(), 0, 64}, rows_.device().data, 0, bound_, weights_.count(), weights_.device()});
  }
  std::string compare() override { return first_difference("weights", weights_); }
  Work work() const override { return {4.0 * slots() * static_cast<double>(weights_.count())}; }

 private:
  Rows<SlotRow> rows_;
  Rows<float> weights_;
  float bound_;
};

void register_cases(Sizes sizes) {
  const bool small = sizes == Sizes::kSmall;
  for (const int slots : small ? std::vector{4} : std::vector{132, 1024}) {
    const Point p = small ? Point{slots, 5, 12, 3} : Point{slots};
    const std::string size = cat("/H:", p.hidden, "/B:", p.batch, "/runs:", slots);
    const double bytes = 8.0 * slots * static_cast<double>(p.outputs());
    add_case("dropout" + size, bytes, [p] { return std::make_unique<DropoutCase>(p); });
    add_case("readout_mean" + size, bytes, [p] { return std::make_unique<ReadoutCase>(p); });
    const std::int64_t weights = small ? 1'001 : 4 * 64 * 64;
    add_case(cat("init/n:", weights, "/runs:", slots), 4.0 * slots * static_cast<double>(weights),
             [=] { return std::make_unique<InitCase>(slots, weights); });
  }
}

}  // namespace
}  // namespace caviar::bench

int main(int argc, char** argv) { return caviar::bench::run(argc, argv, caviar::bench::register_cases); }

// Clipping, the adaptation of the rate and the fused update over all parameters of a slot, of two sizes: an LSTM of 64
// and of 256 units.
//
// Bytes counted: of clip, the gradient; of adapt_rate, gradient, parameters and moments; of update, the gradient read
// and parameters, moments and averages read and written.
#include "kernels/optimizer.h"

#include "bench/kernels/support/harness.h"
#include "bench/kernels/support/slots.h"
#include "kernels/clip.h"
#include "kernels/hypergradient.h"

namespace caviar::bench {
namespace {

struct Point {
  int slots = 1;
  std::int64_t params = 0;
  Optimizer optimizer = Optimizer::kAdam;
  Polyak polyak = Polyak::kNone;
  float hypergradient_rate = 0;
  bool averaged() const { return polyak != Polyak::kNone; }
  int arrays() const { return optimizer == Optimizer::kSgd ? 1 : 2; }
  double device_bytes() const { return 4.0 * slots * static_cast<double>(params) * (2 + arrays() + averaged()); }
};

Rows<SlotRow> slots_of(const Point& p) {
  Hyper hyper;
  hyper.optimizer = p.optimizer;
  hyper.polyak = p.polyak;
  hyper.weight_decay = 0.01f;
  hyper.one_minus_momentum = 0.1f;
  hyper.clip_norm = 1;
  hyper.hypergradient_rate = p.hypergradient_rate;
  return training_slots(p.slots, 64, 60000, hyper);
}

class ClipCase : public Case {
 public:
  explicit ClipCase(const Point& p)
      : rows_(slots_of(p)),
        gradient_(p.slots, p.params, [](int s, std::int64_t i) { return random_value(1, s, i, 0.1f); }) {}
  int slots() const override { return rows_.slots(); }
  void on_cpu(int slot) override {
    clip(Cpu{}, {{slot, slot + 1, 0, 64}, rows_.host().data, gradient_.count(), gradient_.host()});
  }
  void on_gpu(const Cuda& device) override {
    clip(device, {{0, slots(), 0, 64}, rows_.device().data, gradient_.count(), gradient_.device()});
  }
  std::string compare() override {
    for (int s = 0; s < rows_.distinct(); ++s)
      if (const float gpu = rows_.download(s).front().clip_scale; gpu != rows_.host_row(s)->clip_scale)
        return cat("clip_scale of slot ", s, " is ", gpu, " on the GPU and ", rows_.host_row(s)->clip_scale,
                   " on the CPU.");
    return "";
  }
  Work work() const override {
    return {4.0 * slots() * static_cast<double>(gradient_.count()), 0, Precision::kFp32, 1.0 * slots()};
  }

 private:
  Rows<SlotRow> rows_;
  Rows<float> gradient_;
};

class AdaptRateCase : public Case {
 public:
  explicit AdaptRateCase(const Point& p)
      : rows_(slots_of(p)),
        gradient_(p.slots, p.params, [](int s, std::int64_t i) { return random_value(1, s, i, 0.1f); }),
        params_(p.slots, p.params, [](int s, std::int64_t i) { return random_value(2, s, i); }),
        state_(p.slots, p.params * 2, [](int s, std::int64_t i) { return random_value(3, s, i, 0.5f) + 0.5f; }) {}
  int slots() const override { return rows_.slots(); }
  void on_cpu(int slot) override {
    adapt_rate(Cpu{}, {{slot, slot + 1, 0, 64},
                       rows_.host().data,
                       gradient_.count(),
                       gradient_.host(),
                       params_.host(),
                       state_.host()});
  }
  void on_gpu(const Cuda& device) override {
    adapt_rate(device, {{0, slots(), 0, 64},
                        rows_.device().data,
                        gradient_.count(),
                        gradient_.device(),
                        params_.device(),
                        state_.device()});
  }
  std::string compare() override {
    for (int s = 0; s < rows_.distinct(); ++s)
      if (const double gpu = rows_.download(s).front().rate_change; gpu != rows_.host_row(s)->rate_change)
        return cat("rate_change of slot ", s, " is ", gpu, " on the GPU and ", rows_.host_row(s)->rate_change,
                   " on the CPU.");
    return "";
  }
  Work work() const override {
    return {16.0 * slots() * static_cast<double>(gradient_.count()), 0, Precision::kFp32, 1.0 * slots()};
  }

 private:
  Rows<SlotRow> rows_;
  Rows<float> gradient_, params_, state_;
};

class UpdateCase : public Case {
 public:
  explicit UpdateCase(const Point& p)
      : p_(p),
        rows_(slots_of(p)),
        gradient_(p.slots, p.params, [](int s, std::int64_t i) { return random_value(1, s, i, 0.1f); }),
        params_(p.slots, p.params, [](int s, std::int64_t i) { return random_value(2, s, i); }),
        state_(p.slots, p.params * p.arrays(),
               [](int s, std::int64_t i) { return random_value(3, s, i, 0.5f) + 0.5f; }),
        averages_(p.slots, p.averaged() ? p.params : 1) {}
  int slots() const override { return p_.slots; }
  void on_cpu(int slot) override {
    update(Cpu{}, {{slot, slot + 1, 0, 64},
                   rows_.host().data,
                   p_.params,
                   gradient_.host(),
                   params_.host(),
                   state_.host(),
                   p_.averaged() ? averages_.host() : Slab<float>{}});
  }
  void on_gpu(const Cuda& device) override {
    update(device, {{0, p_.slots, 0, 64},
                    rows_.device().data,
                    p_.params,
                    gradient_.device(),
                    params_.device(),
                    state_.device(),
                    p_.averaged() ? averages_.device() : Slab<float>{}});
  }
  std::string compare() override {
    std::string difference = first_difference("params", params_);
    if (difference.empty()) difference = first_difference("state", state_);
    return difference.empty() ? first_difference("averages", averages_) : difference;
  }
  Work work() const override {
    const double arrays = 1 + 2 * (1 + p_.arrays() + p_.averaged());
    return {4.0 * slots() * static_cast<double>(p_.params) * arrays, 0, Precision::kFp32, 1.0 * slots()};
  }

 private:
  Point p_;
  Rows<SlotRow> rows_;
  Rows<float> gradient_, params_, state_, averages_;
};

void add(const Point& p) {
  const char* names[] = {"sgd", "adam", "adamw", "nadam", "rmsprop"};
  const std::string size = cat("/P:", p.params, "/runs:", p.slots);
  if (p.optimizer == Optimizer::kAdam && !p.averaged()) {
    add_case("clip" + size, 4.0 * p.slots * static_cast<double>(p.params),
             [p] { return std::make_unique<ClipCase>(p); });
    Point adapting = p;
    adapting.hypergradient_rate = 1e-7f;
    add_case("adapt_rate_adam" + size, 16.0 * p.slots * static_cast<double>(p.params),
             [adapting] { return std::make_unique<AdaptRateCase>(adapting); });
  }
  add_case(cat("update_", names[static_cast<int>(p.optimizer)], p.averaged() ? "_averaged" : "", size),
           p.device_bytes(), [p] { return std::make_unique<UpdateCase>(p); });
}

void register_cases(Sizes sizes) {
  const bool small = sizes == Sizes::kSmall;
  constexpr std::int64_t kLstm64 = 49'418, kLstm256 = 590'858;  // bidirectional, one layer, 28 features, 10 classes
  for (const std::int64_t params : small ? std::vector<std::int64_t>{1'003} : std::vector{kLstm64, kLstm256})
    for (const int slots : small ? std::vector{4} : std::vector{132, 1024}) {
      for (const Optimizer optimizer : {Optimizer::kSgd, Optimizer::kAdam, Optimizer::kNAdam, Optimizer::kRmsprop})
        add({slots, params, optimizer, Polyak::kNone});
      add({slots, params, Optimizer::kAdam, Polyak::kExponential});
    }
}

}  // namespace
}  // namespace caviar::bench

int main(int argc, char** argv) { return caviar::bench::run(argc, argv, caviar::bench::register_cases); }

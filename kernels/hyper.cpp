#include "kernels/hyper.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/base/error.h"

namespace caviar {
namespace {

constexpr double kNoLimit = std::numeric_limits<float>::max();
constexpr double kMostSteps = 9007199254740992.0;  // 2^53: every whole number up to here is a double

constexpr const char* kOptimizers[] = {"sgd", "adam", "adamw", "nadam", "rmsprop"};
constexpr const char* kSchedules[] = {"constant", "step",   "exponential", "inverse_time",
                                      "linear",   "cosine", "one_cycle"};
constexpr const char* kPolyaks[] = {"none", "exponential", "uniform"};

constexpr HyperField number(const char* name, std::size_t offset, double low, double high, bool low_open,
                            bool high_open, double fallback, const char* unit, const char* meaning,
                            bool complement = false) {
  return {name, FieldKind::kFloat, offset, low, high, low_open, high_open, fallback, unit, meaning, complement, {}};
}

constexpr HyperField steps(const char* name, std::size_t offset, double low, double fallback, const char* meaning) {
  return {name, FieldKind::kInteger, offset, low, kMostSteps, false, false, fallback, "steps", meaning, false, {}};
}

constexpr HyperField flag(const char* name, std::size_t offset, const char* meaning) {
  return {name, FieldKind::kFlag, offset, 0, 1, false, false, 0, "", meaning, false, {}};
}

constexpr HyperField choice(const char* name, std::size_t offset, std::span<const char* const> choices, double fallback,
                            const char* meaning) {
  const double last = static_cast<double>(choices.size() - 1);
  return {name, FieldKind::kChoice, offset, 0, last, false, false, fallback, "", meaning, false, choices};
}

// The order is the order of help texts: optimizer, penalties, clipping, schedule, averaging, regularisation, data.
constexpr HyperField kFields[] = {
    choice("optimizer", offsetof(Hyper, optimizer), kOptimizers, 1, "Rule that turns gradients into updates."),
    number(
        "learning_rate", offsetof(Hyper, learning_rate), 0, 1e30, false, false, 0.003, "",
        "Size of an update; with a schedule, the rate r it scales. Far too large a rate makes the run diverge, which "
        "is recorded, not refused."),
    number("hypergradient_rate", offsetof(Hyper, hypergradient_rate), 0, 1e30, false, false, 0, "",
           "The learning rate adapts itself (sgd, adam, adamw): before every update but the first, learning_rate "
           "grows by hypergradient_rate times the dot product of the gradient and the direction of the last update, "
           "and stops at 0; the schedule scales what it has become. It is the beta of hypergradient descent (Baydin "
           "et al. 2018, additive rule); try 1e-3 with sgd and 1e-7 with adam; 0 is off."),
    number("momentum", offsetof(Hyper, one_minus_momentum), 0, 1, false, true, 0, "",
           "Memory of sgd's and rmsprop's velocity v = momentum v + g, no dampening; the update is rate times v.",
           true),
    number("one_minus_momentum", offsetof(Hyper, one_minus_momentum), 0, 1, true, false, 1, "",
           "The same as 1 - momentum, for a search on a log scale."),
    flag("nesterov", offsetof(Hyper, nesterov), "sgd looks ahead: the update is rate times (g + momentum v)."),
    number("beta1", offsetof(Hyper, one_minus_beta1), 0, 1, false, true, 0.9, "",
           "Memory of the mean of gradients in adam, adamw, nadam; its bias is corrected.", true),
    number("one_minus_beta1", offsetof(Hyper, one_minus_beta1), 0, 1, true, false, 0.1, "",
           "The same as 1 - beta1, for a search on a log scale."),
    number("beta2", offsetof(Hyper, one_minus_beta2), 0, 1, false, true, 0.999, "",
           "Memory of the mean of squared gradients in adam, adamw, nadam; its bias is corrected before the root.",
           true),
    number("one_minus_beta2", offsetof(Hyper, one_minus_beta2), 0, 1, true, false, 0.001, "",
           "The same as 1 - beta2, for a search on a log scale."),
    number("eps", offsetof(Hyper, eps), 0, 1e30, false, false, 1e-8, "",
           "Added to the root of the mean square, outside the root, in adam, adamw, nadam and rmsprop."),
    number("alpha", offsetof(Hyper, one_minus_alpha), 0, 1, false, true, 0.99, "",
           "Memory of the mean of squared gradients in rmsprop, not bias-corrected, not centred.", true),
    number("one_minus_alpha", offsetof(Hyper, one_minus_alpha), 0, 1, true, false, 0.01, "",
           "The same as 1 - alpha, for a search on a log scale."),
    number("momentum_decay", offsetof(Hyper, momentum_decay), 0, 1, false, false, 0.004, "",
           "nadam's psi: its momentum at step t is beta1 (1 - 0.5 * 0.96^(t psi))."),
    number("weight_decay", offsetof(Hyper, weight_decay), 0, 1e30, false, false, 0, "",
           "Pull towards zero. Coupled: weight_decay times w is added to the gradient. Decoupled: w shrinks by rate "
           "times weight_decay times w beside the update. Default 0.01 with adamw."),
    flag("decoupled_weight_decay", offsetof(Hyper, decoupled_weight_decay),
         "Weight decay acts beside the update, not through the gradient (Loshchilov and Hutter 2019); adamw always."),
    number("l1", offsetof(Hyper, l1), 0, 1e30, false, false, 0, "", "l1 times the sign of w is added to the gradient."),
    number("clip_norm", offsetof(Hyper, clip_norm), 0, kNoLimit, false, false, 0, "",
           "The gradient of all parameters is scaled down to this Euclidean norm when it is longer; 0 is off."),
    number("clip_value", offsetof(Hyper, clip_value), 0, kNoLimit, false, false, 0, "",
           "Every element of the gradient is cut to [-clip_value, clip_value]; 0 is off."),
    choice("schedule", offsetof(Hyper, schedule), kSchedules, 0,
           "The rate at step s of S, both counted after the warm-up, r being learning_rate. constant: r. step: "
           "r gamma^floor(s / step_size). exponential: r gamma^(s / step_size). inverse_time: r / (1 + gamma s / "
           "step_size). linear: r (1 + (end_factor - 1) s / S). cosine: eta_min + (r - eta_min) (1 + cos(pi s / S)) / "
           "2. one_cycle: up from r / div_factor to r and down to r / (div_factor final_div_factor), each along half a "
           "cosine; the rate only, where PyTorch also cycles momentum by default."),
    steps(
        "warmup_steps", offsetof(Hyper, warmup_steps), 0, 0,
        "Steps before the schedule, the n-th of them (from 1) at learning_rate n / warmup_steps; the schedule's clock "
        "s starts after them and its length S is shorter by as many."),
    steps("step_size", offsetof(Hyper, step_size), 1, 0,
          "Period of schedules step, exponential and inverse_time; default: the steps of one epoch."),
    number("gamma", offsetof(Hyper, gamma), 0, 1e30, false, false, 0.1, "",
           "Schedule step multiplies the rate by gamma after every step_size steps; exponential does so smoothly, by "
           "gamma^(1 / step_size) at every step; inverse_time divides it by 1 + gamma s / step_size."),
    number("end_factor", offsetof(Hyper, end_factor), 0, 1e30, false, false, 0, "",
           "Schedule linear goes from learning_rate to end_factor times learning_rate, which it would reach one step "
           "after the last; PyTorch's LinearLR from start_factor 1 over the whole run."),
    number("eta_min", offsetof(Hyper, eta_min), 0, 1e30, false, false, 0, "",
           "Schedule cosine goes from learning_rate to eta_min, a rate and no factor, which it would reach one step "
           "after the last; PyTorch's CosineAnnealingLR with T_max the whole run."),
    number(
        "pct_start", offsetof(Hyper, pct_start), 0, 1, false, false, 0.3, "share of steps",
        "Share of the steps after the warm-up in which one_cycle rises: its peak, learning_rate, is at s = pct_start "
        "S - 1."),
    number("div_factor", offsetof(Hyper, div_factor), 0, 1e30, true, false, 25, "",
           "one_cycle starts at learning_rate / div_factor."),
    number("final_div_factor", offsetof(Hyper, final_div_factor), 0, 1e30, true, false, 1e4, "",
           "one_cycle ends, at its last step, at learning_rate / (div_factor final_div_factor)."),
    choice("polyak", offsetof(Hyper, polyak), kPolyaks, 0,
           "Averages of the weights, evaluated beside the raw ones: exponential with polyak_decay, or uniform from "
           "polyak_start_step on."),
    number("polyak_decay", offsetof(Hyper, one_minus_polyak_decay), 0, 1, false, true, 0.995, "",
           "Memory of the exponential average.", true),
    number("one_minus_polyak_decay", offsetof(Hyper, one_minus_polyak_decay), 0, 1, true, false, 0.005, "",
           "The same as 1 - polyak_decay, for a search on a log scale."),
    steps("polyak_start_step", offsetof(Hyper, polyak_start_step), 0, 0, "First step that enters the average."),
    number("dropout", offsetof(Hyper, dropout), 0, 1, false, true, 0, "probability",
           "Chance of zeroing an output between two layers; the others are scaled by 1 / (1 - dropout)."),
    number("label_smoothing", offsetof(Hyper, label_smoothing), 0, 1, false, false, 0, "probability",
           "Share of the target spread evenly over all classes, the right one included."),
    flag("standardize", offsetof(Hyper, standardize),
         "Inputs are (pixel - mean) / deviation of the training examples, not just scaled to [0, 1]."),
};

// Fields are read and written by offset. Copies, not references: an enumeration is no int32_t to the language.
template <class T>
void put(Hyper& hyper, const HyperField& field, T value) {
  std::memcpy(reinterpret_cast<std::byte*>(&hyper) + field.offset, &value, sizeof value);
}

template <class T>
T take(const Hyper& hyper, const HyperField& field) {
  T value;
  std::memcpy(&value, reinterpret_cast<const std::byte*>(&hyper) + field.offset, sizeof value);
  return value;
}

bool inside(const HyperField& field, double value) {  // false for NaN
  return (field.low_open ? value > field.low : value >= field.low) &&
         (field.high_open ? value < field.high : value <= field.high);
}

}  // namespace

std::span<const HyperField> hyper_fields() { return kFields; }

const HyperField* find_hyper_field(const std::string& name) {
  for (const HyperField& field : kFields) {
    if (name == field.name) return &field;
  }
  return nullptr;
}

void set_hyper_field(Hyper& hyper, const HyperField& field, double value) {
  // A float32 field must be inside as it is stored, too: 1e-60 is above 0, its float32 is not.
  const bool is_float = field.kind == FieldKind::kFloat;
  if (!inside(field, value) || (is_float && field.low_open && static_cast<float>(value) <= field.low)) {
    fail(field.name, " is ", value, "; it must lie in ", field.low_open ? "(" : "[", field.low, ", ", field.high,
         field.high_open ? ")" : "]");
  }
  if (!is_float && value != std::floor(value)) {
    fail(field.name, " is ", value, "; it must be a whole number");
  }
  switch (field.kind) {
    case FieldKind::kFloat:
      put(hyper, field, static_cast<float>(field.complement ? 1.0 - value : value) + 0.0f);  // -0 becomes 0
      break;
    case FieldKind::kInteger:
      put(hyper, field, static_cast<std::int64_t>(value));
      break;
    case FieldKind::kFlag:
    case FieldKind::kChoice:
      put(hyper, field, static_cast<std::int32_t>(value));
      break;
  }
}

double get_hyper_field(const Hyper& hyper, const HyperField& field) {
  switch (field.kind) {
    case FieldKind::kFloat: {
      const double stored = take<float>(hyper, field);
      return field.complement ? 1.0 - stored : stored;
    }
    case FieldKind::kInteger:
      return static_cast<double>(take<std::int64_t>(hyper, field));
    case FieldKind::kFlag:
    case FieldKind::kChoice:
      break;
  }
  return take<std::int32_t>(hyper, field);
}

int state_arrays(const Hyper& hyper) {
  const bool has_momentum = hyper.one_minus_momentum < 1.0f;
  switch (hyper.optimizer) {
    case Optimizer::kSgd:
      if (adapts_rate(hyper) && (!has_momentum || hyper.nesterov)) return has_momentum ? 2 : 1;
      return has_momentum ? 1 : 0;
    case Optimizer::kRmsprop:
      return has_momentum ? 2 : 1;
    case Optimizer::kAdam:
    case Optimizer::kAdamW:
    case Optimizer::kNAdam:
      break;
  }
  return 2;
}

}  // namespace caviar

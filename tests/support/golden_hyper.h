// The hyperparameters of a golden case (tests/golden/make_optimizers.py names them as kernels/hyper.h does).
#pragma once

#include <string>

#include "kernels/hyper.h"
#include "tests/support/golden.h"

namespace caviar::test {

inline Optimizer golden_optimizer(const std::string& name) {
  if (name == "sgd") return Optimizer::kSgd;
  if (name == "adam") return Optimizer::kAdam;
  if (name == "adamw") return Optimizer::kAdamW;
  if (name == "nadam") return Optimizer::kNAdam;
  if (name == "rmsprop") return Optimizer::kRmsprop;
  fail("no optimizer is named ", name);
}

inline Schedule golden_schedule(const std::string& name) {
  if (name == "constant") return Schedule::kConstant;
  if (name == "step") return Schedule::kStep;
  if (name == "linear") return Schedule::kLinear;
  if (name == "cosine") return Schedule::kCosine;
  if (name == "one_cycle") return Schedule::kOneCycle;
  fail("no schedule is named ", name);
}

inline Hyper golden_hyper(const GoldenCase& golden, std::int64_t total_steps) {
  const auto number = [&](const char* key, double fallback) {
    return static_cast<float>(golden.number(key, fallback));
  };
  const auto complement = [&](const char* key, double fallback) {
    return static_cast<float>(1.0 - golden.number(key, fallback));
  };
  Hyper h;
  h.optimizer = golden_optimizer(golden.word("optimizer"));
  h.learning_rate = number("learning_rate", 0);
  h.one_minus_momentum = complement("momentum", 0);
  h.nesterov = static_cast<std::int32_t>(golden.number("nesterov", 0));
  h.one_minus_beta1 = complement("beta1", 0.9);
  h.one_minus_beta2 = complement("beta2", 0.999);
  h.eps = number("eps", 1e-8);
  h.one_minus_alpha = complement("alpha", 0.99);
  h.momentum_decay = number("momentum_decay", 0.004);
  h.weight_decay = number("weight_decay", 0);
  h.decoupled_weight_decay = static_cast<std::int32_t>(golden.number("decoupled_weight_decay", 0));
  h.l1 = number("l1", 0);
  h.clip_norm = number("clip_norm", 0);
  h.clip_value = number("clip_value", 0);
  h.dropout = number("dropout", 0);
  h.label_smoothing = number("label_smoothing", 0);
  h.standardize = static_cast<std::int32_t>(golden.number("standardize", 0));
  if (golden.has("schedule")) {
    h.schedule = golden_schedule(golden.word("schedule"));
    h.warmup_steps = static_cast<std::int64_t>(golden.number("warmup_steps", 0));
    h.step_size = static_cast<std::int64_t>(golden.number("step_size", 1));
    h.gamma = number("gamma", 0.1);
    h.end_factor = number("end_factor", 0);
    h.eta_min = number("eta_min", 0);
    h.pct_start = number("pct_start", 0.3);
    h.div_factor = number("div_factor", 25);
    h.final_div_factor = number("final_div_factor", 1e4);
  }
  if (golden.has("polyak")) {
    h.polyak = golden.word("polyak") == "uniform" ? Polyak::kUniform : Polyak::kExponential;
    h.one_minus_polyak_decay = complement("polyak_decay", 0.995);
    h.polyak_start_step = static_cast<std::int64_t>(golden.number("polyak_start_step"));
  }
  h.total_steps = total_steps;
  return h;
}

}  // namespace caviar::test

#include "tuner/meaning.h"

#include <algorithm>

namespace caviar {
namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool optimizer_reads(std::string_view parameter, const Hyper& h) {
  const bool is_sgd = h.optimizer == Optimizer::kSgd, is_rmsprop = h.optimizer == Optimizer::kRmsprop;
  if (parameter == "hypergradient_rate")
    return is_sgd || h.optimizer == Optimizer::kAdam || h.optimizer == Optimizer::kAdamW;
  if (is_one_of(parameter, {"momentum", "one_minus_momentum"})) return is_sgd || is_rmsprop;
  if (parameter == "nesterov") return is_sgd && h.one_minus_momentum < 1;
  if (is_one_of(parameter, {"betas", "beta1", "one_minus_beta1", "beta2", "one_minus_beta2"}))
    return !is_sgd && !is_rmsprop;
  if (parameter == "eps") return !is_sgd;
  if (is_one_of(parameter, {"alpha", "one_minus_alpha"})) return is_rmsprop;
  if (parameter == "momentum_decay") return h.optimizer == Optimizer::kNAdam;
  if (parameter == "decoupled_weight_decay") return h.weight_decay > 0;
  return true;
}

bool schedule_reads(std::string_view parameter, const Hyper& h) {
  if (is_one_of(parameter, {"step_size", "gamma"}))
    return h.schedule == Schedule::kStep || h.schedule == Schedule::kExponential ||
           h.schedule == Schedule::kInverseTime;
  if (parameter == "end_factor") return h.schedule == Schedule::kLinear;
  if (parameter == "eta_min") return h.schedule == Schedule::kCosine;
  if (is_one_of(parameter, {"pct_start", "div_factor", "final_div_factor"})) return h.schedule == Schedule::kOneCycle;
  return true;
}

bool averaging_reads(std::string_view parameter, const Hyper& h) {
  if (is_one_of(parameter, {"polyak_decay", "one_minus_polyak_decay"})) return h.polyak == Polyak::kExponential;
  if (parameter == "polyak_start_step") return h.polyak != Polyak::kNone;
  return true;
}

bool network_reads(std::string_view parameter, const PackKey& key, const Hyper& h) {
  if (parameter == "nonlinearity") return key.cell == Cell::kRnnTanh || key.cell == Cell::kRnnRelu;
  if (parameter == "dropout") return key.num_layers > 1;
  if (parameter == "seed_dropout") return h.dropout > 0 && key.num_layers > 1;
  return parameter != "seed_augment";  // no model augments
}

}  // namespace

bool is_read(std::string_view parameter, const PackKey& key, const Hyper& hyper) {
  return optimizer_reads(parameter, hyper) && schedule_reads(parameter, hyper) && averaging_reads(parameter, hyper) &&
         network_reads(parameter, key, hyper);
}

BoundConfig meaning_of(const BoundConfig& bound) {
  BoundConfig meaning = bound;
  for (const HyperField& field : hyper_fields()) {
    if (field.complement || is_read(field.name, bound.key, bound.hyper)) continue;
    if (std::string_view(field.name) == "step_size") {
      meaning.hyper.step_size = bound.rung_steps;
    } else {
      set_hyper_field(meaning.hyper, field, field.fallback);
    }
  }
  // Bound, adamw says so always.
  if (bound.hyper.optimizer == Optimizer::kAdamW) meaning.hyper.decoupled_weight_decay = 1;
  meaning.key.state_arrays = state_arrays(meaning.hyper);
  return meaning;
}

}  // namespace caviar

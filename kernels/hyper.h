// The numbers of one run that kernels read, and the one table that names them.
//
// Shapes are types, hyperparameters are data: everything here may differ between the slots of a pack. A pack reads
// these from its slot's row; nothing here changes the size of an array, except through state_arrays().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "kernels/base/hd.h"

namespace caviar {

enum class Optimizer : std::int32_t { kSgd, kAdam, kAdamW, kNAdam, kRmsprop };
enum class Schedule : std::int32_t { kConstant, kStep, kExponential, kInverseTime, kLinear, kCosine, kOneCycle };
enum class Polyak : std::int32_t { kNone, kExponential, kUniform };

// Plain data, copied to the device as it is. Memories (beta, momentum, Polyak decay) are kept as their complement, so
// that 1 - beta is exact to float32 however close beta is to one. Steps count optimizer updates.
struct Hyper {
  Optimizer optimizer = Optimizer::kAdam;
  float learning_rate = 0.003f;
  float hypergradient_rate = 0.0f;  // sgd, adam, adamw; 0: off
  float one_minus_momentum = 1.0f;  // sgd, rmsprop
  std::int32_t nesterov = 0;        // sgd
  float one_minus_beta1 = 0.1f;     // adam, adamw, nadam
  float one_minus_beta2 = 0.001f;   // adam, adamw, nadam
  float eps = 1e-8f;                // adam, adamw, nadam, rmsprop: added to the root, outside it
  float one_minus_alpha = 0.01f;    // rmsprop
  float momentum_decay = 0.004f;    // nadam
  float weight_decay = 0.0f;
  std::int32_t decoupled_weight_decay = 0;  // adamw: always decoupled
  float l1 = 0.0f;
  float clip_norm = 0.0f;   // 0: off
  float clip_value = 0.0f;  // 0: off
  Schedule schedule = Schedule::kConstant;
  std::int64_t warmup_steps = 0;
  std::int64_t step_size = 0;  // bound: never 0 (default: the steps of an epoch)
  float gamma = 0.1f;
  float end_factor = 0.0f;
  float eta_min = 0.0f;
  float pct_start = 0.3f;
  float div_factor = 25.0f;
  float final_div_factor = 1e4f;
  Polyak polyak = Polyak::kNone;
  float one_minus_polyak_decay = 0.005f;
  std::int64_t polyak_start_step = 0;
  float dropout = 0.0f;  // probability of zeroing, between layers
  float label_smoothing = 0.0f;
  std::int32_t standardize = 0;  // 1: (pixel - mean) / std of the training examples
  std::int64_t total_steps = 0;  // length of the run; schedules end there
};

// Whether the learning rate of a run adapts itself (kernels/math/hypergradient.h). Other optimizers are refused before
// a run begins.
CAVIAR_HD inline bool adapts_rate(const Hyper& h) {
  return h.hypergradient_rate > 0.0f &&
         (h.optimizer == Optimizer::kSgd || h.optimizer == Optimizer::kAdam || h.optimizer == Optimizer::kAdamW);
}

// How a row of the table is read from a config.
enum class FieldKind : std::int32_t { kFloat, kInteger, kFlag, kChoice };

// One hyperparameter: its name in YAML, in the database and in the report; where it lives; what is legal.
struct HyperField {
  const char* name;
  FieldKind kind;
  std::size_t offset;  // in Hyper
  double low, high;    // legal range of the value as the user gives it, inclusive unless open
  bool low_open, high_open;
  double fallback;                            // default, as the user would give it (a choice: its index)
  const char* unit;                           // "", "steps", "probability", ...
  const char* meaning;                        // one sentence, with the variant where there are several
  bool complement = false;                    // the field stores 1 - value, computed in double
  std::span<const char* const> choices = {};  // names, in the order of the enum
};

// Every hyperparameter. A field kept as a complement appears twice: `beta1` and `one_minus_beta1`.
std::span<const HyperField> hyper_fields();

// The field of that name, or nullptr.
const HyperField* find_hyper_field(const std::string& name);

// Writes `value` (as the user gives it; a choice as its index) into the field. Throws Error when it is outside the
// legal range or, for integers and flags, not whole. This is where double becomes float, and nowhere else.
void set_hyper_field(Hyper& hyper, const HyperField& field, double value);

// The inverse of set_hyper_field: the stored value, as the user would give it, from its float32 form.
double get_hyper_field(const Hyper& hyper, const HyperField& field);

// Arrays of the size of the parameters that the optimizer keeps: sgd 0, or 1 with momentum; adam, adamw, nadam 2;
// rmsprop 1, or 2 with momentum. One more with a rate that adapts itself where the last direction cannot be had from
// them: sgd without momentum, and with nesterov. Part of the pack key.
int state_arrays(const Hyper& hyper);

}  // namespace caviar

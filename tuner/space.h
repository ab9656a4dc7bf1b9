// What may be tried: named parameters, each a map from [0, 1) to values and, for a grid, a list of values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tuner/spec.h"

namespace caviar {

// One dimension of the space.
//
// at(u) is the inverse of the cumulative distribution: with u uniform on [0, 1), at(u) has the parameter's law. The
// formulas are W&B's (docs of sweep keys; wandb/sweeps params.py), with these points:
//   - categorical and int_uniform take the item ceil(u n) - 1, clamped at the first; weighted categories the first
//   whose
//     cumulative probability exceeds u, clamped at the last that has any;
//   - quantised laws are round(x / q) q, halves to even, NOT clipped to the bounds; integers when q is an integer in
//   the
//     file, else numbers;
//   - the u of a law without bounds is kept 2^-54 away from 0 and 1;
//   - continuous results are rounded to float32 (round_to_float32 in value.h), so exp and log decide nothing.
class Parameter {
 public:
  explicit Parameter(ParameterSpec spec);

  const std::string& name() const { return spec_.name; }
  const ParameterSpec& spec() const { return spec_; }
  bool is_constant() const { return spec_.distribution == Distribution::kConstant; }

  Value at(double u) const;  // 0 <= u < 1

  // The grid of constant, categorical (equal values once: 3.0 equals 3), int_uniform (both ends) and q_uniform
  // (min, min + q, ..., max excluded, as numpy's arange). Nothing is expanded. Error for the other laws.
  std::int64_t grid_size() const;
  Value grid_value(std::int64_t index) const;  // 0 <= index < grid_size()

 private:
  double continuous(double u) const;
  Value quantised(double x) const;

  ParameterSpec spec_;
  std::vector<Value> distinct_;  // of categorical values, in the order of the file
};

// All parameters, sorted by name.
class SearchSpace {
 public:
  explicit SearchSpace(const SweepSpec& spec);

  std::span<const Parameter> parameters() const { return parameters_; }

 private:
  std::vector<Parameter> parameters_;
};

}  // namespace caviar

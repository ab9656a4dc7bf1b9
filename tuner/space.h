// What may be tried: named parameters, each a map from [0, 1) to values and, for a grid, a list of values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tuner/spec/spec.h"

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
  enum class Kind {
    kConstant,     // one value
    kCategorical,  // some values without an order; numbers listed in ascending or descending order are kOrdered
    kOrdered,      // levels() values in a row: at(u) ascends through them, in equal or other steps of u
    kContinuous,   // too many values to count, multiples of q among them
  };

  explicit Parameter(ParameterSpec spec);

  const std::string& name() const { return spec_.name; }    // the key in a config
  const std::string& label() const { return spec_.label; }  // unique in a space
  const ParameterSpec& spec() const { return spec_; }
  Kind kind() const { return kind_; }
  bool is_constant() const { return kind_ == Kind::kConstant; }

  Value at(double u) const;  // 0 <= u < 1

  // A u with at(u) == value; of the interval of those the middle, unless the law is continuous. Nothing when at() never
  // gives the value. Continuous values up to 1e-6 of themselves outside the bounds count as the bound, others between
  // the bounds as what at() gives next to them.
  std::optional<double> unit_of(const Value& value) const;

  // The distinct values at() gives, in ascending order of u; 0 of them when kContinuous.
  std::int64_t levels() const { return levels_; }
  Value level(std::int64_t index) const;  // 0 <= index < levels()

  // The grid of constant, categorical (equal values once: 3.0 equals 3), int_uniform (both ends) and q_uniform
  // (min, min + q, ..., max excluded, as numpy's arange). Nothing is expanded. Error for the other laws.
  std::int64_t grid_size() const;
  Value grid_value(std::int64_t index) const;  // 0 <= index < grid_size()

 private:
  double continuous(double u) const;
  double multiple_at(double u) const;  // of q, before it becomes a value
  std::optional<double> unit_of_listed(const Value& value) const;
  std::optional<double> unit_of_whole(double x) const;
  std::optional<double> unit_of_multiple(double x) const;
  std::optional<double> unit_of_number(double x) const;
  std::int64_t count_levels() const;

  ParameterSpec spec_;
  Kind kind_ = Kind::kConstant;
  std::int64_t levels_ = 1;
  std::vector<Value> distinct_;  // of categorical values that have a chance, in the order of the file
};

// A point of the unit cube: a u in [0, 1) for every parameter of the space, in its order. NaN: the parameter has no
// place in the config, because of the value of another.
using Point = std::vector<double>;

// All parameters, sorted by name, then label.
class SearchSpace {
 public:
  explicit SearchSpace(const SweepSpec& spec);

  std::span<const Parameter> parameters() const { return parameters_; }
  std::size_t size() const { return parameters_.size(); }

  // The parameter whose value decides whether parameter i has a place, or -1.
  int parent(std::size_t i) const { return parents_[i]; }
  bool is_conditional() const;

  // The config at a point. Coordinates of constants, and of parameters that have no place, are not read.
  Config config_at(const Point& point) const;

  // A point that config_at() maps to `config`; nothing when there is none. Constants are at 0.5.
  std::optional<Point> point_of(const Config& config) const;

  // Sets to NaN what has no place, by the values that the other coordinates mean.
  void trim(Point& point) const;

  // Ways to list configs: the points of the grid, or all that at() can give.
  enum class Listing { kGrid, kAll };

  // How many configs there are, parameters without a place not counted; -1: 2^63 or more, or a continuous parameter.
  std::int64_t count(Listing listing) const;

  // They are in W&B's order: parameters sorted by name, the last one fastest; those that depend on a value of another
  // come within that value. 0 <= index < count().
  Config config_number(Listing listing, std::int64_t index) const;

 private:
  bool has_place(std::size_t i, const Value& of_parent) const;
  std::int64_t count_of(Listing listing, std::size_t parameter) const;
  std::int64_t count_below(Listing listing, std::size_t parameter, const Value& value) const;
  void list(Listing listing, std::span<const std::size_t> siblings, std::int64_t index, Config& into) const;
  std::vector<std::size_t> children(int parent, const Value& value) const;

  std::vector<Parameter> parameters_;
  std::vector<int> parents_;            // [parameters]
  std::vector<std::size_t> from_root_;  // all parameters, a parent before its children
};

}  // namespace caviar

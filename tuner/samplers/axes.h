// How a model sees the parameters of a space: as lines, as steps or as choices, in the unit of their distributions.
#pragma once

#include <cstdint>
#include <vector>

#include "tuner/space.h"

namespace caviar {

// One parameter, on the scale u of its cumulative distribution: there its own law is uniform.
struct Axis {
  enum class Kind {
    kNone,    // a constant: nothing to choose
    kLine,    // continuous, or more than kMostSteps ordered values
    kSteps,   // ordered values: level k owns the cell edges[k] <= u <= edges[k + 1]
    kChoice,  // values without an order
  };
  static constexpr std::int64_t kMostSteps = 64;

  // Of a law without ends (normal, log_normal and their quantised forms) a model looks only where all but 2 in 1,000 of
  // its draws lie; beyond, its surface is a guess and the values are absurd.
  static constexpr double kTail = 0.001;

  Kind kind = Kind::kNone;
  double low = 0, high = 1 - 0x1p-53;  // the u a model may propose
  std::vector<double> middles;  // of the levels (kSteps, kChoice): the u that stands for each, as unit_of() gives it
  std::vector<double> edges;    // kSteps: one more than levels, from 0 to 1
  std::vector<double> chances;  // of the levels under the parameter's own law; they sum to 1

  // kSteps: the level whose cell holds u. kChoice: the level whose middle is nearest to u.
  std::size_t level_of(double u) const;
};

// Of every parameter of the space. Levels that are never drawn have the chance 0.
std::vector<Axis> axes_of(const SearchSpace& space);

}  // namespace caviar

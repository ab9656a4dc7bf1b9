// Several tests at once: p-values adjusted so that each may be held against the level alone.
#pragma once

#include <span>
#include <vector>

namespace caviar {

// Both give, in the order of the input, adjusted p-values, each at least its own p and 1 at most, and never out of the
// order of the p. A p outside 0 .. 1, or NaN, is an error; none give none.

// Holm 1979, step-down: of the j-th smallest of m, max over i <= j of (m - i + 1) p_(i). The chance of any false alarm
// among all tests stays below the level, however they depend on one another. For "which of these differ from the
// baseline".
std::vector<double> holm(std::span<const double> p);

// Benjamini & Hochberg 1995, step-up: min over i >= j of m p_(i) / i. The expected share of false alarms among what is
// called different stays below the level, for independent or positively dependent tests. For screening.
std::vector<double> benjamini_hochberg(std::span<const double> p);

}  // namespace caviar

// A loop whose index is a constant in every round, so that arrays indexed by it become registers.
#pragma once

#include <type_traits>
#include <utility>

namespace caviar {

// body(0), body(1), ... body(kCount - 1), each with its index as a std::integral_constant. A plain loop with a constant
// bound is unrolled only after g++ has decided which arrays live in memory: accumulators are then stored in every
// round, which halves the speed of a micro-kernel.
template <int kCount, class Body>
[[gnu::always_inline]] inline void unroll(const Body& body) {
  [&]<int... kIndex>(std::integer_sequence<int, kIndex...>) __attribute__((always_inline)) {
    (body(std::integral_constant<int, kIndex>{}), ...);
  }
  (std::make_integer_sequence<int, kCount>{});
}

}  // namespace caviar

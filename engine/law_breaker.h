// Ways to break the slot law on purpose, so that its tests can be seen to fail (tests/engine/slot_law_test.cpp). Set by
// tests only; kNone in every program.
#pragma once

namespace caviar {

enum class LawBreaker {
  kNone,
  kPackDependentSum,  // the batch is cut by the size of the pack: weight gradients are added in another order
  kSharedRandom,      // dropout draws from one stream for the whole pack
  kNeighbourLeaks,    // a diverged neighbour freezes the slots behind it
  kMissingMoment,     // a saved state lacks the optimizer's last array
  kMissingCounter,    // a saved state lacks nadam's running product
};

inline LawBreaker law_breaker = LawBreaker::kNone;

}  // namespace caviar

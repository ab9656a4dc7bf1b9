// The tree-structured Parzen estimator (TPE): candidates are drawn where good trials are dense, and the one is taken
// where bad trials are rare in comparison.
#pragma once

#include <cstdint>
#include <vector>

#include "tuner/sampler.h"
#include "tuner/samplers/axes.h"
#include "tuner/samplers/observations.h"
#include "tuner/samplers/parzen.h"
#include "tuner/space.h"

namespace caviar {

// Defaults: over 50 sweeps of 100 trials (seeds 1000 to 1049) on each function of bench/tuner/objectives.h, with noise
// and without, medians were lowest near these. 64 candidates lose on most of them, 256 on all: the greatest ratio of
// many lies where g has seen nothing. gamma, most_good and startup are Optuna's, which has 24 candidates.
struct TpeSettings {
  double gamma = 0.1;            // share of the trials that are called good
  std::int64_t most_good = 25;   // and not more than so many, so that the good ones improve as trials accumulate
  std::int64_t startup = 10;     // results before the model is asked; until then trials are random draws
  std::int64_t candidates = 12;  // drawn from l
  ParzenSettings kernels;
};

// Candidates of one suggestion, the best first, no two alike (Bergstra, Bardenet, Bengio, Kegl 2011, section 4; the
// multivariate form of Falkner, Klein, Hutter 2018 and of Optuna's multivariate=True):
//
//   good  the ceil(gamma n) best of the n trials seen, at most most_good, and none that diverged
//   bad   all others, and the pending trials: a constant liar whose lie is "bad". So a batch spreads, g being large
//         where trials are under way
//   l, g  Parzen estimators of the good and of the bad points (parzen.h says how conditional parameters enter). In l
//         the i-th best of m weighs ln(m + 1) - ln(i), scaled to a mean of 1: the better counts more, as with the
//         weights of Watanabe 2023 (arXiv 2304.11127; "EI" there), but by rank, with those of CMA-ES (Hansen, Kern
//         2004), so that no scale of the losses enters
//   x*    of `candidates` draws from l the one with the greatest ln l(x) - ln g(x), which ranks as expected improvement
//         does
//
// The losses count by rank alone: their scale and infinite ones do not matter. More than 2000 bad points are thinned to
// 2000, evenly over their ranking: a suggestion from 10,000 trials of 10 parameters takes 1.3 ms where all are
// continuous, 4.6 ms where all have 64 ordered values (one core of a Xeon, measured).
std::vector<Point> tpe_candidates(const SearchSpace& space, std::span<const Axis> axes, const Observations& seen,
                                  const PendingTrials& pending, const TpeSettings& settings, Draws draws);

// Attempts go through the candidates, then through random draws. Memory per trial: see Observations.
class TpeSampler final : public Sampler {
 public:
  TpeSampler(const SearchSpace& space, const TpeSettings& settings, std::uint64_t sweep_seed, std::int64_t window);

  std::int64_t needs(std::int64_t number) const override { return number - window_; }
  void started(const Trial& trial) override { pending_.started(space_, trial); }
  void tell(const TrialResult& result) override;

 private:
  std::optional<Config> propose(std::int64_t number, int attempt) override;

  SearchSpace space_;
  std::vector<Axis> axes_;
  TpeSettings settings_;
  std::uint64_t sweep_seed_;
  std::int64_t window_;
  Observations seen_;
  PendingTrials pending_;
};

}  // namespace caviar

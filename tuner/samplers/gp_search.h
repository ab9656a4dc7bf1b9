// What a Gaussian process makes of the trials seen: candidates for the next, by expected improvement.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tuner/numerics/descent.h"
#include "tuner/numerics/draws.h"
#include "tuner/samplers/axes.h"
#include "tuner/samplers/gaussian_process.h"
#include "tuner/samplers/observations.h"
#include "tuner/space.h"

namespace caviar {

// What the process is told for losses: below their median as they are, above it
// median + s ln(1 + (loss - median) / s), s = median - least, so that a few huge ones do not flatten the rest; then
// standardised. NaN and infinity count as the greatest finite loss, minus infinity as the least. With no finite loss
// all are 0.
std::vector<double> gp_targets(std::span<const double> losses);

// Fits a process (gaussian_process.h) to the trials seen and looks for the greatest augmented expected improvement: on
// noisy losses that is expected improvement times what one more noisy observation can tell (Huang, Allen, Notz, Zeng
// 2006, eq. 12), here as a logarithm (improvement.h).
//   - It reads every parameter as u on the scale of its distribution; choices by their number. Where a conditional
//     parameter has no place, a line reads as 0.5 and a choice as a level of its own.
//   - The best value to improve on is the least mean of the process over the points seen and pending. The least loss
//     may be luck.
//   - Pending points are believed to be what the process expects, without noise (kriging believer, see
//     GaussianProcess::believe): improvement around them vanishes, so a batch spreads. The newest 256 count.
//   - Two suggestions of three, drawn by chance, keep to a region around the point with that least mean: within 0.3 on
//     every line, while choices and steps go where they like. The improvement likes the edges of the space, where
//     deviations are great, and spends a budget on corners; a region of trust (Eriksson, Pearce, Gardner, Turner,
//     Poloczek 2019, section 2) spends it where something was found. Its width is fixed here, and the third suggestion
//     sees the whole space. With m trials pending it is 2 of 3 (m + 1), so that a batch spreads.
//   - The maximum is sought among 256 uniform points and 128 around the five best; the best 4 of them climb by L-BFGS
//     along the lines and step by step through levels of the other parameters.
//   - At most 256 trials are behind a prediction and 128 behind the kernel's parameters: a quarter the best, a quarter
//     the newest, the rest evenly over time. The parameters are fitted anew at every trial below 64, every second below
//     128, every fourth below 256, ..., always from two fixed starts. So candidates() is a function of its arguments:
//     what is kept between calls only saves work.
//
// How near it comes to known minima is in bench/tuner/README.md. A suggestion from 10,000 trials of 10 parameters takes
// 5 to 7 ms, with 255 pending trials 26 ms, and 20 ms more when the parameters are fitted anew (one core of a Xeon,
// measured).
class GpSearch {
 public:
  // Keeps references to the space and the axes: they outlive it.
  GpSearch(const SearchSpace& space, std::span<const Axis> axes);

  // Candidates, the best first, no two alike. Needs an observation that did not diverge. `seen` only grows between
  // calls.
  std::vector<Point> candidates(const Observations& seen, const PendingTrials& pending, Draws draws);

 private:
  struct Scored {
    Point point;  // every coordinate set, also those of parameters without a place
    double score = 0;
  };

  Inputs encoded(std::span<const Point> points) const;
  std::vector<double> encoded(const Point& point) const;
  Point trimmed(Point point) const;
  void fit(const Observations& seen);
  Box whole() const;
  Box around(const Point& centre) const;
  std::vector<Point> starts(const Observations& seen, const Box& box, const Point& centre, Draws& draws) const;
  void place_on_levels(Point& point, const Box& box) const;
  std::vector<double> scores(const GaussianProcess& process, double best, std::span<const Point> points) const;
  std::vector<Point> distinct(std::span<const Scored> ranked) const;
  Scored climbed(const GaussianProcess& process, double best, const Box& box, Scored from) const;
  Scored stepped(const GaussianProcess& process, double best, Scored from) const;

  const SearchSpace& space_;
  std::span<const Axis> axes_;
  std::vector<std::size_t> varying_;    // parameters that are not constant
  std::size_t fitted_ = 0, known_ = 0;  // observations behind parameters_ and process_
  GpParameters parameters_;
  std::vector<std::uint32_t> behind_;  // the observations of process_, in its order
  std::optional<GaussianProcess> process_;
};

}  // namespace caviar

#include "tuner/stop_rule.h"

#include <cmath>

#include "kernels/base/error.h"

namespace caviar {

void StopRule::tell(std::int64_t trial, double loss, double sd, std::int64_t seeds) {
  if (reason_) return;
  if (settings_.target && loss <= *settings_.target) {
    reason_ = cat("trial ", trial, " reached the target");
    return;
  }
  if (std::isfinite(sd) && seeds > 1) {
    squares_ += sd * sd * static_cast<double>(seeds - 1);
    freedom_ += seeds - 1;
  }
  if (!settings_.patience) return;
  constexpr double kOneSidedFivePercent = 1.6448536269514722;
  double noise = std::numeric_limits<double>::infinity();
  if (settings_.noise) {
    noise = *settings_.noise;
  } else if (freedom_ > 0) {
    noise = std::sqrt(squares_ / static_cast<double>(freedom_));
  }
  const double floor =
      kOneSidedFivePercent * noise * std::sqrt(1 / static_cast<double>(seeds) + 1 / static_cast<double>(best_seeds_));
  if (std::isfinite(loss) && (best_trial_ < 0 || loss < best_ - floor)) {
    best_ = loss;
    best_seeds_ = seeds;
    best_trial_ = trial;
    since_best_ = 0;
    return;
  }
  if (++since_best_ < *settings_.patience) return;
  reason_ = cat("the last ", since_best_, " trials, up to trial ", trial, ", brought no improvement beyond noise",
                best_trial_ < 0 ? std::string() : cat(" over trial ", best_trial_));
}

}  // namespace caviar

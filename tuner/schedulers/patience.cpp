#include "tuner/schedulers/patience.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tuner/registry.h"
#include "tuner/schedulers/saw.h"

namespace caviar {

std::unique_ptr<Scheduler> PatienceScheduler::make(const OptionSet& options, const SearchScope&) {
  return std::make_unique<PatienceScheduler>(Settings{options.whole("patience"), options.number("min_delta")});
}

void PatienceScheduler::tell(const TrialReport& report) {
  Curve& curve = curves_[report.trial];
  curve.last.push_back(std::isnan(report.loss) ? std::numeric_limits<double>::infinity() : report.loss);
  if (static_cast<std::int64_t>(curve.last.size()) > settings_.patience) {
    curve.best_before = std::min(curve.best_before, curve.last.front());
    curve.last.pop_front();
  }
  if (!judges(report.iteration)) return;
  const double best = *std::min_element(curve.last.begin(), curve.last.end());
  const double threshold = curve.best_before - settings_.min_delta;
  made_.push_back({report.trial, Question::kIteration, report.iteration,
                   best < threshold ? Verdict::kGoOn : Verdict::kStop, 0,
                   saw_of({{"value", best}, {"threshold", threshold}})});
}

std::vector<Decision> PatienceScheduler::decide() { return std::exchange(made_, {}); }

}  // namespace caviar

#include "tuner/schedulers/threshold.h"

#include <cmath>
#include <utility>

#include "kernels/base/error.h"
#include "tuner/registry.h"
#include "tuner/schedulers/saw.h"

namespace caviar {

std::unique_ptr<Scheduler> ThresholdScheduler::make(const OptionSet& options, const SearchScope& scope) {
  Settings settings;
  if (!options.given("lower") && !options.given("upper")) {
    fail("scheduler threshold has neither lower nor upper; add the bound a trial must keep");
  }
  if (options.given("lower")) settings.lower = options.number("lower");
  if (options.given("upper")) settings.upper = options.number("upper");
  if (settings.lower > settings.upper) {
    fail(options.where("lower"), "lower of scheduler threshold is ", settings.lower, ", above upper, which is ",
         settings.upper, "; no trial could go on: exchange them");
  }
  settings.warmup_iterations = options.whole("warmup_iterations");
  settings.maximize = scope.maximize;
  return std::make_unique<ThresholdScheduler>(settings);
}

void ThresholdScheduler::tell(const TrialReport& report) {
  if (!judges(report.iteration)) return;
  const double value = settings_.maximize ? -report.loss : report.loss;
  const bool inside = value >= settings_.lower && value <= settings_.upper;  // false for NaN
  Decision decision{report.trial,
                    Question::kIteration,
                    report.iteration,
                    inside ? Verdict::kGoOn : Verdict::kStop,
                    0,
                    saw_of({{"value", value}})};
  if (std::isfinite(settings_.lower)) decision.saw["lower"] = settings_.lower;
  if (std::isfinite(settings_.upper)) decision.saw["upper"] = settings_.upper;
  made_.push_back(std::move(decision));
}

std::vector<Decision> ThresholdScheduler::decide() { return std::exchange(made_, {}); }

}  // namespace caviar

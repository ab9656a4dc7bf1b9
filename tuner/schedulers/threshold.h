// Stops a trial whose metric leaves given bounds.
#pragma once

#include <limits>
#include <memory>
#include <vector>

#include "tuner/scheduler.h"
#include "tuner/spec/options.h"

namespace caviar {

struct SearchScope;

// After the warm-up a trial is stopped at the first iteration where its metric, as the user writes it, is below `lower`
// or above `upper`, or where it diverged. The bounds themselves are inside. Looks at the trial alone.
//
// saw: value (the metric), and the bounds there are.
class ThresholdScheduler final : public Scheduler {
 public:
  struct Settings {
    double lower = -std::numeric_limits<double>::infinity();
    double upper = std::numeric_limits<double>::infinity();
    std::int64_t warmup_iterations = 0;
    bool maximize = false;  // losses are the negated metric
  };
  static constexpr OptionHelp kOptions[] = {
      {"lower", OptionKind::kNumber, "", -1e300, 1e300, "", "Stop a trial whose metric is below."},
      {"upper", OptionKind::kNumber, "", -1e300, 1e300, "", "Stop a trial whose metric is above."},
      {"warmup_iterations", OptionKind::kWhole, "0", 0, 1e9, "", "Iterations at which no trial is stopped yet."},
  };

  explicit ThresholdScheduler(const Settings& settings) : settings_(settings) {}
  // Throws Error without a bound, and for bounds that leave nothing between them.
  static std::unique_ptr<Scheduler> make(const OptionSet& options, const SearchScope& scope);

  bool judges(std::int64_t iteration) const override { return iteration > settings_.warmup_iterations; }
  void tell(const TrialReport& report) override;
  std::vector<Decision> decide() override;

 private:
  Settings settings_;
  std::vector<Decision> made_;
};

}  // namespace caviar

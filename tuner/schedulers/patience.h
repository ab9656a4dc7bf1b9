// Stops a trial that no longer gets better.
#pragma once

#include <deque>
#include <limits>
#include <memory>
#include <unordered_map>
#include <vector>

#include "tuner/scheduler.h"
#include "tuner/spec/options.h"

namespace caviar {

struct SearchScope;

// At iteration n > patience a trial goes on only when the best of its last `patience` iterations is below the best of
// those before by more than min_delta:
//
//   min(loss[n - patience + 1 .. n]) < min(loss[1 .. n - patience]) - min_delta
//
// With min_delta 0 that is early stopping with patience as Keras has it; with more, the two compare against the best
// before, not against the last improvement. Looks at the trial alone. Memory: 8 bytes for each of the last `patience`
// iterations of a trial under way.
//
// saw: value (best of the last), threshold (it had to be below).
class PatienceScheduler final : public Scheduler {
 public:
  struct Settings {
    std::int64_t patience = 5;
    double min_delta = 0;
  };
  static constexpr OptionHelp kOptions[] = {
      {"patience", OptionKind::kWhole, "5", 1, 1e6, "", "Iterations a trial may go on without getting better."},
      {"min_delta", OptionKind::kNumber, "0", 0, 1e300, "", "What counts as better: the metric moves by more."},
  };

  explicit PatienceScheduler(const Settings& settings) : settings_(settings) {}
  static std::unique_ptr<Scheduler> make(const OptionSet& options, const SearchScope& scope);

  bool judges(std::int64_t iteration) const override { return iteration > settings_.patience; }
  void tell(const TrialReport& report) override;
  void tell_over(std::int64_t trial) override { curves_.erase(trial); }
  std::vector<Decision> decide() override;

 private:
  struct Curve {
    std::deque<double> last;  // at most `patience`
    double best_before = std::numeric_limits<double>::infinity();
  };
  Settings settings_;
  std::unordered_map<std::int64_t, Curve> curves_;  // of trials under way
  std::vector<Decision> made_;
};

}  // namespace caviar

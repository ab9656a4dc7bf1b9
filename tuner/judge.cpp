#include "tuner/judge.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/base/error.h"
#include "tuner/metric.h"

namespace caviar {
namespace {

constexpr double kDiverged = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Judge::Judge(Scheduler& scheduler, std::string metric, bool maximize, std::int64_t seeds)
    : scheduler_(scheduler),
      metric_(std::move(metric)),
      maximize_(maximize),
      seeds_(seeds),
      first_seeds_(std::clamp<std::int64_t>(scheduler.first_seeds(seeds), 1, seeds)) {}

void Judge::open(std::int64_t trial, bool follows) {
  if (!active()) return;
  Open& open = open_[trial];
  open.follows = follows;
  open.seeds = first_seeds_;
  if (follows) scheduler_.tell_over(trial);
}

void Judge::report(const Owner& owner, const Report& report) {
  const auto found = open_.find(owner.trial);
  if (found == open_.end() || found->second.follows) return;
  Open& open = found->second;
  const auto repeat = static_cast<std::size_t>(owner.repeat);
  if (open.curves.size() <= repeat) open.curves.resize(repeat + 1);
  std::vector<double>& losses = open.curves[repeat].losses;
  if (report.rung < static_cast<std::int64_t>(losses.size())) return;  // the run was begun again
  const double value = report.diverged ? kDiverged : metric_value(report, metric_);
  losses.push_back(!std::isfinite(value) ? kDiverged : maximize_ ? -value : value);
  tell_iterations(owner.trial, open);
}

void Judge::run_over(const Owner& owner, bool diverged) {
  const auto found = open_.find(owner.trial);
  if (found == open_.end() || found->second.follows) return;
  Open& open = found->second;
  const auto repeat = static_cast<std::size_t>(owner.repeat);
  if (open.curves.size() <= repeat) open.curves.resize(repeat + 1);
  open.curves[repeat].over = true;
  open.curves[repeat].diverged = diverged;
  tell_iterations(owner.trial, open);
}

// Tells every iteration that all runs have reported. A run that diverged counts as diverged at all that follow.
void Judge::tell_iterations(std::int64_t trial, Open& open) {
  while (static_cast<std::int64_t>(open.curves.size()) >= open.seeds) {
    const auto next = static_cast<std::size_t>(open.told);
    double sum = 0;
    bool any = false;
    for (const Curve& curve : open.curves) {
      if (next < curve.losses.size()) {
        any = true;
        sum += curve.losses[next];
      } else if (curve.over) {
        sum += kDiverged;
      } else {
        return;
      }
    }
    if (!any) return;
    ++open.told;
    scheduler_.tell({trial, open.told, sum / static_cast<double>(open.curves.size())});
  }
}

void Judge::tell_seeds(std::int64_t trial, Open& open, std::int64_t count) {
  std::vector<double> losses;
  for (std::int64_t i = 0; i < count; ++i) {
    const Curve& curve = open.curves[static_cast<std::size_t>(i)];
    losses.push_back(curve.diverged || curve.losses.empty() ? kDiverged : curve.losses.back());
  }
  open.seeds_told = count;
  scheduler_.tell_seeds(trial, losses);
}

bool Judge::runs_over(std::int64_t trial) {
  const auto found = open_.find(trial);
  if (found == open_.end() || found->second.follows || !asks_for_seeds()) return false;
  Open& open = found->second;
  if (open.seeds_told < open.seeds) tell_seeds(trial, open, open.seeds);
  return open.seeds < seeds_;
}

void Judge::close(std::int64_t trial) {
  if (!active()) return;
  const auto found = open_.find(trial);
  if (found != open_.end() && found->second.follows) {
    open_.erase(found);
    return;  // told when it was opened
  }
  if (found != open_.end()) open_.erase(found);
  scheduler_.tell_over(trial);
}

bool Judge::waits(std::int64_t trial, std::int64_t iteration) const {
  const auto found = open_.find(trial);
  if (found == open_.end() || found->second.follows) return false;
  return iteration > found->second.passed && scheduler_.judges(iteration);
}

std::vector<Decision> Judge::decide() {
  std::vector<Decision> decisions = scheduler_.decide();
  std::erase_if(decisions, [this](const Decision& decision) { return !take(decision); });
  return decisions;
}

void Judge::recall(const Decision& decision) {
  const auto found = open_.find(decision.trial);
  if (found == open_.end()) return;
  if (decision.question == Question::kSeeds && found->second.seeds_told < decision.at) {
    tell_seeds(decision.trial, found->second, decision.at);
  }
  take(decision);
}

// False when the decision is not new, or its trial is over.
bool Judge::take(const Decision& decision) {
  const auto found = open_.find(decision.trial);
  if (found == open_.end() || found->second.follows) return false;
  Open& open = found->second;
  if (decision.question == Question::kIteration) {
    if (decision.at <= open.passed) return false;
    if (decision.verdict == Verdict::kGoOn) open.passed = decision.at;
    return true;
  }
  if (decision.at < open.seeds) return false;
  if (decision.verdict == Verdict::kGoOn) {
    if (decision.seeds <= decision.at) fail("a scheduler lets trial ", decision.trial, " go on with no further seed");
    open.seeds = std::min(decision.seeds, seeds_);
  }
  return true;
}

}  // namespace caviar

#include "tuner/schedulers/window_cohort.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace caviar {
namespace {

constexpr std::int64_t kLargestWindow = std::int64_t{1} << 53;  // beyond every number of trials

double or_infinite(double loss) { return std::isnan(loss) ? std::numeric_limits<double>::infinity() : loss; }

}  // namespace

WindowCohort::WindowCohort(std::int64_t window, BestPart best_part, double setting)
    : window_(std::min(window, kLargestWindow)), best_part_(best_part), setting_(setting) {}

void WindowCohort::tell(std::int64_t trial, std::int64_t iteration, double loss, double best) {
  const auto [found, is_new] = levels_.try_emplace(iteration);
  Level& level = found->second;
  if (is_new) advance(iteration, level);
  const Reached reached{or_infinite(loss), or_infinite(best)};
  if (cohort_end(trial) <= level.resolved) compare(trial, iteration, reached, level);
  level.ahead.emplace(trial, reached);
  advance(iteration, level);
}

void WindowCohort::tell_over(std::int64_t trial) {
  const auto i = static_cast<std::size_t>(trial);
  if (over_.size() <= i) over_.resize(i + 1);
  over_[i] = true;
  for (auto& [iteration, level] : levels_) {
    if (level.resolved == trial) advance(iteration, level);
  }
}

// Takes the trials that follow in order, and completes what waited for them. A trial below `resolved` has been compared
// already: its cohort ends before it.
void WindowCohort::advance(std::int64_t iteration, Level& level) {
  while (true) {
    const auto next = level.ahead.begin();
    if (next != level.ahead.end() && next->first == level.resolved) {
      const auto size = static_cast<std::int64_t>(level.losses.size()) + 1;
      level.losses.insert(next->second.loss, static_cast<std::size_t>(best_part_(size, setting_)));
      level.ahead.erase(next);
    } else if (static_cast<std::size_t>(level.resolved) >= over_.size() ||
               !over_[static_cast<std::size_t>(level.resolved)]) {
      return;
    }
    ++level.resolved;
    Cut cut{static_cast<std::int64_t>(level.losses.size())};
    if (level.losses.best_size() > 0) cut.before = level.losses.worst_of_best();
    if (level.losses.best_size() < level.losses.size()) cut.behind = level.losses.best_of_rest();
    level.cuts.push_back(cut);
    while (level.first_cut < cohort_end(level.resolved)) {
      level.cuts.pop_front();
      ++level.first_cut;
    }
    const std::int64_t waiting = level.resolved + window_ - 1;
    if (const auto found = level.ahead.find(waiting); found != level.ahead.end()) {
      compare(waiting, iteration, found->second, level);
    }
  }
}

void WindowCohort::compare(std::int64_t trial, std::int64_t iteration, const Reached& reached, const Level& level) {
  const Cut& cut = level.cuts[static_cast<std::size_t>(cohort_end(trial) - level.first_cut)];
  complete_.push_back({trial, iteration, reached.loss, reached.best, cut.size, cut.before, cut.behind});
}

std::vector<WindowCohort::Comparison> WindowCohort::take() { return std::exchange(complete_, {}); }

}  // namespace caviar

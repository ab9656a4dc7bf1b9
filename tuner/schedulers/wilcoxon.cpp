#include "tuner/schedulers/wilcoxon.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tuner/analysis/paired_tests.h"
#include "tuner/analysis/sample.h"
#include "tuner/registry.h"
#include "tuner/schedulers/saw.h"

namespace caviar {
namespace {

constexpr std::int64_t kLargestWindow = std::int64_t{1} << 53;  // beyond every number of trials

}  // namespace

WilcoxonScheduler::WilcoxonScheduler(const Settings& settings, std::int64_t seeds, std::int64_t window)
    : settings_(settings), seeds_(seeds), window_(std::min(window, kLargestWindow)) {}

std::unique_ptr<Scheduler> WilcoxonScheduler::make(const OptionSet& options, const SearchScope& scope) {
  return std::make_unique<WilcoxonScheduler>(Settings{options.whole("first_seeds"), options.number("p_threshold")},
                                             scope.seeds, scope.window);
}

std::int64_t WilcoxonScheduler::first_seeds(std::int64_t seeds) const { return std::min(settings_.first_seeds, seeds); }

void WilcoxonScheduler::tell_seeds(std::int64_t trial, std::span<const double> losses) {
  Open& open = open_[trial];
  open.losses.assign(losses.begin(), losses.end());
  judge(trial, open);
}

void WilcoxonScheduler::tell_over(std::int64_t trial) {
  open_[trial].over = true;
  advance();
}

// Passes the trials that are over, in order; each may be the reference of those from `window` after it on.
void WilcoxonScheduler::advance() {
  while (true) {
    const auto found = open_.find(over_);
    if (found == open_.end() || !found->second.over) return;
    const std::vector<double>& losses = found->second.losses;
    const double mean = losses.empty() ? 0 : mean_of(losses);
    if (static_cast<std::int64_t>(losses.size()) == seeds_ && std::isfinite(mean) &&
        (references_.empty() || mean < references_.back().mean)) {
      references_.push_back({over_, mean, losses});
    }
    open_.erase(found);
    ++over_;
    const auto waiting = open_.find(over_ + window_ - 1);
    if (waiting != open_.end()) judge(waiting->first, waiting->second);
  }
}

// Decides on every number of seeds the trial has been told of, once its cohort is over.
void WilcoxonScheduler::judge(std::int64_t trial, Open& open) {
  if (cohort_end(trial) > over_) return;
  std::int64_t next = std::max(open.judged + 1, first_seeds(seeds_));
  for (; next < seeds_ && next <= static_cast<std::int64_t>(open.losses.size()) && !open.given_up; ++next) {
    made_.push_back(decide_one(trial, std::span(open.losses).first(static_cast<std::size_t>(next))));
    open.judged = next;
    open.given_up = made_.back().verdict == Verdict::kStop;
  }
}

Decision WilcoxonScheduler::decide_one(std::int64_t trial, std::span<const double> losses) const {
  const auto count = static_cast<std::int64_t>(losses.size());
  Decision decision{trial, Question::kSeeds, count, Verdict::kGoOn, count + 1, Value::object()};
  if (std::any_of(losses.begin(), losses.end(), [](double loss) { return !std::isfinite(loss); })) {
    decision.saw["mean"] = std::numeric_limits<double>::quiet_NaN();
    decision.verdict = Verdict::kStop;
    decision.seeds = 0;
    return decision;
  }
  const double mean = mean_of(losses);
  decision.saw["mean"] = mean;
  const auto after = std::partition_point(references_.begin(), references_.end(), [&](const Reference& reference) {
    return reference.trial < cohort_end(trial);
  });
  if (after == references_.begin()) return decision;
  const Reference& reference = *std::prev(after);
  std::vector<double> differences;
  for (std::size_t i = 0; i < losses.size(); ++i) differences.push_back(losses[i] - reference.losses[i]);
  const double p = signed_rank_p(differences);
  const double best_mean = mean_of(std::span(reference.losses).first(losses.size()));
  decision.saw = saw_of({{"best", reference.trial}, {"best_mean", best_mean}, {"mean", mean}, {"p", p}});
  if (p < settings_.p_threshold && mean > best_mean) {
    decision.verdict = Verdict::kStop;
    decision.seeds = 0;
  }
  return decision;
}

std::vector<Decision> WilcoxonScheduler::decide() { return std::exchange(made_, {}); }

}  // namespace caviar

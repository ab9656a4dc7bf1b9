#include "tuner/schedulers/halving.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "kernels/base/error.h"
#include "tuner/registry.h"
#include "tuner/schedulers/rungs.h"
#include "tuner/schedulers/saw.h"

namespace caviar {
namespace {

constexpr double kMostTrials = 1e9;  // of a bracket

}  // namespace

BracketPlan successive_halving_plan(std::int64_t min_iter, std::int64_t max_iter, double eta) {
  BracketPlan plan;
  plan.rungs = geometric_rungs(min_iter, max_iter, eta);
  double trials = 1;
  for (std::size_t k = 0; k < plan.rungs.size(); ++k) trials = std::min(trials * eta, kMostTrials);
  plan.trials = static_cast<std::int64_t>(std::ceil(trials));
  return plan;
}

std::vector<BracketPlan> hyperband_plans(std::int64_t max_iter, double eta) {
  std::vector<double> powers = {1};  // eta^s up to R
  while (powers.back() * eta <= static_cast<double>(max_iter)) powers.push_back(powers.back() * eta);
  std::vector<BracketPlan> plans;
  for (std::size_t s = powers.size(); s-- > 0;) {
    BracketPlan plan;
    const double share = static_cast<double>(powers.size()) / static_cast<double>(s + 1);
    plan.trials = static_cast<std::int64_t>(std::min(std::ceil(share * powers[s]), kMostTrials));
    for (std::size_t k = 0; k < s; ++k) {
      const auto rung = static_cast<std::int64_t>(static_cast<double>(max_iter) / powers[s - k]);
      if (plan.rungs.empty() || rung > plan.rungs.back()) plan.rungs.push_back(rung);
    }
    plans.push_back(std::move(plan));
  }
  return plans;
}

HalvingScheduler::HalvingScheduler(std::vector<BracketPlan> plans, double eta)
    : plans_(std::move(plans)), firsts_{0}, eta_(eta), count_(std::numeric_limits<std::int64_t>::max()) {
  for (const BracketPlan& plan : plans_) {
    firsts_.push_back(firsts_.back() + plan.trials);
    rungs_.insert(rungs_.end(), plan.rungs.begin(), plan.rungs.end());
  }
  std::sort(rungs_.begin(), rungs_.end());
  rungs_.erase(std::unique(rungs_.begin(), rungs_.end()), rungs_.end());
}

std::unique_ptr<Scheduler> HalvingScheduler::make_halving(const OptionSet& options, const SearchScope&) {
  const double eta = options.number("eta");
  BracketPlan plan = successive_halving_plan(options.whole("min_iter"), options.whole("max_iter"), eta);
  if (plan.rungs.empty()) {
    fail(options.where("max_iter"), "scheduler successive_halving compares nowhere: its first rung, min_iter ",
         options.whole("min_iter"), ", is not below max_iter ", options.whole("max_iter"),
         "; lower min_iter, or raise max_iter to the iterations of a whole training");
  }
  if (options.given("trials")) plan.trials = options.whole("trials");
  return std::make_unique<HalvingScheduler>(std::vector<BracketPlan>{plan}, eta);
}

std::unique_ptr<Scheduler> HalvingScheduler::make_hyperband(const OptionSet& options, const SearchScope&) {
  const double eta = options.number("eta");
  std::vector<BracketPlan> plans = hyperband_plans(options.whole("max_iter"), eta);
  if (plans.size() < 2) {
    fail(options.where("max_iter"), "scheduler hyperband compares nowhere: max_iter ", options.whole("max_iter"),
         " is below eta ", eta, "; raise max_iter to the iterations of a whole training, or lower eta");
  }
  return std::make_unique<HalvingScheduler>(std::move(plans), eta);
}

bool HalvingScheduler::judges(std::int64_t iteration) const {
  return std::binary_search(rungs_.begin(), rungs_.end(), iteration);
}

HalvingScheduler::Place HalvingScheduler::place_of(std::int64_t trial) const {
  const std::int64_t turn = trial / firsts_.back(), within = trial % firsts_.back();
  const auto plan = std::upper_bound(firsts_.begin(), firsts_.end(), within) - firsts_.begin() - 1;
  return {turn * static_cast<std::int64_t>(plans_.size()) + plan,
          turn * firsts_.back() + firsts_[static_cast<std::size_t>(plan)], &plans_[static_cast<std::size_t>(plan)]};
}

std::int64_t HalvingScheduler::horizon(std::int64_t trial) const {
  const Place place = place_of(trial);
  return place.first + place.plan->trials - 1;
}

HalvingScheduler::Bracket& HalvingScheduler::bracket_of(const Place& place) {
  const auto i = static_cast<std::size_t>(place.bracket);
  if (brackets_.size() <= i) brackets_.resize(i + 1);
  Bracket& bracket = brackets_[i];
  if (bracket.size > 0) return bracket;
  bracket.size = std::min(place.plan->trials, count_ - place.first);
  bracket.missing = bracket.size;
  bracket.losses.resize(place.plan->rungs.size());
  return bracket;
}

HalvingScheduler::Member& HalvingScheduler::member_of(Bracket& bracket, std::int64_t i) {
  const auto index = static_cast<std::size_t>(i);
  if (bracket.members.size() <= index) bracket.members.resize(index + 1);
  return bracket.members[index];
}

void HalvingScheduler::tell(const TrialReport& report) {
  const Place place = place_of(report.trial);
  const std::vector<std::int64_t>& rungs = place.plan->rungs;
  const auto found = std::lower_bound(rungs.begin(), rungs.end(), report.iteration);
  const bool is_rung = found != rungs.end() && *found == report.iteration;
  if (!is_rung && judges(report.iteration)) {
    made_.push_back({report.trial, Question::kIteration, report.iteration, Verdict::kGoOn, 0,
                     saw_of({{"bracket", place.bracket}})});
  }
  if (rungs.empty()) return;
  Bracket& bracket = bracket_of(place);
  if (bracket.rung == rungs.size()) return;
  const std::int64_t i = report.trial - place.first;
  Member& member = member_of(bracket, i);
  member.told = true;
  if (!is_rung || member.out) return;
  const auto rung = static_cast<std::size_t>(found - rungs.begin());
  std::vector<double>& losses = bracket.losses[rung];
  if (static_cast<std::int64_t>(losses.size()) <= i) losses.resize(static_cast<std::size_t>(i) + 1);
  losses[static_cast<std::size_t>(i)] = report.loss;
  member.reported = static_cast<std::int32_t>(rung) + 1;
  if (rung != bracket.rung) return;
  --bracket.missing;
  settle(place, bracket);
}

void HalvingScheduler::tell_over(std::int64_t trial) {
  const Place place = place_of(trial);
  if (place.plan->rungs.empty()) return;
  Bracket& bracket = bracket_of(place);
  if (bracket.rung == place.plan->rungs.size()) return;
  Member& member = member_of(bracket, trial - place.first);
  if (member.over) return;
  member.over = true;
  if (member.out || member.reported > static_cast<std::int32_t>(bracket.rung)) return;
  --bracket.missing;
  settle(place, bracket);
}

// The bracket in which the trials end is cut there.
void HalvingScheduler::tell_count(std::int64_t trials) {
  count_ = trials;
  if (trials <= 0) return;
  const Place place = place_of(trials - 1);
  if (static_cast<std::size_t>(place.bracket) >= brackets_.size() || place.plan->rungs.empty()) return;
  Bracket& bracket = bracket_of(place);
  const std::int64_t size = trials - place.first;
  if (bracket.rung > 0 || size >= bracket.size) return;
  bracket.missing -= bracket.size - size;
  bracket.size = size;
  settle(place, bracket);
}

void HalvingScheduler::settle(const Place& place, Bracket& bracket) {
  const std::size_t rungs = place.plan->rungs.size();
  while (bracket.missing == 0 && bracket.rung < rungs) {
    settle_rung(place, bracket);
    ++bracket.rung;
    bracket.missing = std::count_if(bracket.entered.begin(), bracket.entered.end(), [&](std::int32_t i) {
      const Member& member = bracket.members[static_cast<std::size_t>(i)];
      return !member.over && member.reported <= static_cast<std::int32_t>(bracket.rung);
    });
  }
  if (bracket.rung < rungs) return;
  bracket.members = {};
  bracket.losses = {};
  bracket.entered = {};
}

void HalvingScheduler::settle_rung(const Place& place, Bracket& bracket) {
  if (bracket.rung == 0) {
    bracket.entered.resize(static_cast<std::size_t>(bracket.size));
    std::iota(bracket.entered.begin(), bracket.entered.end(), 0);
  }
  std::vector<RankedTrial> there;
  std::int64_t cohort = 0;
  for (const std::int32_t i : bracket.entered) {
    Member& member = bracket.members[static_cast<std::size_t>(i)];
    cohort += member.told;
    member.out = true;
    if (member.reported <= static_cast<std::int32_t>(bracket.rung)) continue;
    there.push_back({bracket.losses[bracket.rung][static_cast<std::size_t>(i)], place.first + i});
  }
  std::sort(there.begin(), there.end(), [](const RankedTrial& a, const RankedTrial& b) { return better(a, b); });
  const std::int64_t keep = std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(cohort) / eta_));
  bracket.entered.clear();
  std::int64_t rank = 0;
  for (const RankedTrial& ranked : there) {
    const bool goes_on = ++rank <= keep && !std::isnan(ranked.loss);
    made_.push_back({ranked.trial, Question::kIteration, place.plan->rungs[bracket.rung],
                     goes_on ? Verdict::kGoOn : Verdict::kStop, 0,
                     saw_of({{"bracket", place.bracket},
                             {"value", ranked.loss},
                             {"rank", rank},
                             {"keep", keep},
                             {"cohort", cohort}})});
    if (!goes_on) continue;
    const auto i = static_cast<std::int32_t>(ranked.trial - place.first);
    bracket.members[static_cast<std::size_t>(i)].out = false;
    bracket.entered.push_back(i);
  }
  bracket.losses[bracket.rung] = {};
}

std::vector<Decision> HalvingScheduler::decide() { return std::exchange(made_, {}); }

}  // namespace caviar

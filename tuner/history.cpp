#include "tuner/history.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/metric.h"

namespace caviar {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

}  // namespace

bool puts_out(const Decision& decision) {
  if (decision.question != Question::kSeeds || decision.verdict != Verdict::kStop) return false;
  return !decision.saw.is_object() || decision.saw.value("leader", Value()) != decision.trial;
}

void summarise(const std::vector<double>& values, TrialSummary& summary) {
  double sum = 0;
  int count = 0;
  for (const double value : values) {
    if (std::isfinite(value)) sum += value, ++count;
  }
  if (count > 0) summary.mean = sum / count;
  double squares = 0;
  for (const double value : values) {
    if (std::isfinite(value)) squares += (value - summary.mean) * (value - summary.mean);
  }
  if (count > 1) summary.sd = std::sqrt(squares / (count - 1));
}

void History::fold(Storage& storage, bool fixed_seeds) {
  std::vector<bool> done;
  storage.for_each_trial([&](const TrialRecord& record) {
    if (record.trial.number != trials()) {
      fail(storage.file(), ": trial ", trials(), " is missing; bring the file back from a copy");
    }
    add_trial(record.trial.number, TrialState::kOpen);
    if (record.state == TrialState::kFailed) fail_trial(record.trial.number);
    done.push_back(record.state == TrialState::kDone);
  });
  storage.for_each_repeat([&](const RepeatRecord& record) {
    if (record.trial < 0 || record.trial >= trials() || record.repeat != (*this)[record.trial].repeats) {
      fail(storage.file(), ": the repeats of trial ", record.trial,
           " are not in order; bring the file back from a copy");
    }
    add_repeat(record.trial);
    if (is_finished(record.state)) add_result({record.trial, record.repeat}, record.state, record.last);
  });
  storage.for_each_decision([&](const Decision& decision) {
    if (puts_out(decision) && decision.trial < trials()) put_out(decision.trial);
  });
  for (std::int64_t trial = 0; trial < trials(); ++trial) {
    TrialSummary& summary = summaries_[static_cast<std::size_t>(trial)];
    if (!done[static_cast<std::size_t>(trial)]) continue;
    if (fixed_seeds) summary.wanted = summary.repeats;
    if (summary.finished >= summary.wanted) close(trial);
  }
}

void History::add_trial(std::int64_t number, TrialState state) {
  if (number != trials()) fail("trial ", number, " cannot follow trial ", trials() - 1);
  summaries_.emplace_back().wanted = static_cast<std::int32_t>(seeds_);
  if (state == TrialState::kFailed) fail_trial(number);
}

void History::fail_trial(std::int64_t number) {
  TrialSummary& summary = summaries_[static_cast<std::size_t>(number)];
  if (summary.state == TrialState::kFailed) return;
  summary.state = TrialState::kFailed;
  summary.failed = true;
  ++failed_;
  open_values_.erase(number);
}

void History::add_repeat(std::int64_t trial) { ++summaries_[static_cast<std::size_t>(trial)].repeats; }

void History::grant(std::int64_t trial, std::int64_t seeds) {
  summaries_[static_cast<std::size_t>(trial)].wanted = static_cast<std::int32_t>(seeds);
}

bool History::add_result(const Owner& owner, RunState state, const std::optional<Report>& last) {
  TrialSummary& summary = summaries_[static_cast<std::size_t>(owner.trial)];
  ++summary.finished;
  ++runs_finished_;
  if (state == RunState::kFailed) summary.failed = true;
  if (state == RunState::kStopped) summary.stopped = true;
  double value = kNone;
  if (state == RunState::kDiverged) {
    ++summary.diverged;
  } else if (last) {
    value = metric_value(*last, metric_);
  }
  auto& values = open_values_[owner.trial];
  if (values.size() <= static_cast<std::size_t>(owner.repeat)) {
    values.resize(static_cast<std::size_t>(owner.repeat) + 1, kNone);
  }
  values[static_cast<std::size_t>(owner.repeat)] = value;
  return summary.state == TrialState::kOpen && summary.finished == summary.wanted;
}

void History::close(std::int64_t trial) {
  TrialSummary& summary = summaries_[static_cast<std::size_t>(trial)];
  if (summary.state != TrialState::kOpen) return;
  if (summary.failed) {
    fail_trial(trial);
    return;
  }
  summarise(open_values_[trial], summary);
  open_values_.erase(trial);
  summary.state = TrialState::kDone;
  ++done_;
  if (std::isfinite(summary.mean) && (best_ < 0 || better(trial, best_))) best_ = trial;
}

bool History::better(std::int64_t a, std::int64_t b) const {
  const TrialSummary &first = (*this)[a], &second = (*this)[b];
  const bool first_diverged = first.diverged > 0, second_diverged = second.diverged > 0;
  if (first_diverged != second_diverged) return second_diverged;
  if (first.stopped != second.stopped) return second.stopped;
  if (first.out != second.out) return second.out;
  if (first.mean != second.mean) return maximize_ ? first.mean > second.mean : first.mean < second.mean;
  return a < b;
}

std::optional<std::int64_t> History::best() const { return best_ < 0 ? std::nullopt : std::optional(best_); }

std::vector<std::int64_t> History::ranking(std::size_t most) const {
  std::vector<std::int64_t> order;
  for (std::int64_t trial = 0; trial < trials(); ++trial) {
    if ((*this)[trial].state == TrialState::kDone && std::isfinite((*this)[trial].mean)) order.push_back(trial);
  }
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(most, order.size()));
  std::partial_sort(order.begin(), end, order.end(), [this](auto a, auto b) { return better(a, b); });
  order.erase(end, order.end());
  return order;
}

}  // namespace caviar

// Recorded learning curves, and schedulers that decide on them as if the runs were under way.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/base/error.h"
#include "tuner/scheduler.h"

namespace caviar {

// Accuracies of one run, by iteration from 1; 0 from where it diverged.
using Curve = std::vector<double>;

// Reads curves.csv: lines that begin with # say where it is from; then a line a run, `trial,a1 a2 ... an` with
// accuracies in units of 1e-4.
inline std::vector<Curve> read_curves(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail(path, ": the curves cannot be opened; bench/tuner/record_curves records them");
  std::vector<Curve> curves;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream values(line.substr(line.find(',') + 1));
    Curve curve;
    for (double value = 0; values >> value;) curve.push_back(value / 10000);
    if (curve.empty() || (!curves.empty() && curve.size() != curves.front().size())) {
      fail(path, ": line '", line.substr(0, 40), "' has ", curve.size(), " values; every run has as many");
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

// Feeds a scheduler what a study with `slots` free slots would: a trial trains iteration by iteration, waits where the
// scheduler judges, goes on or is stopped; trials that may go on come before new ones. Each call of advance() trains
// one iteration in every slot.
class Replay {
 public:
  // Keeps the references; curve i is trial i.
  Replay(const std::vector<const Curve*>& curves, Scheduler& scheduler, std::int64_t slots)
      : curves_(curves), scheduler_(scheduler), slots_(slots) {
    scheduler_.tell_count(static_cast<std::int64_t>(curves.size()));
  }

  // False when nothing is left to train. `finished` gets the trials that came to their last iteration.
  bool advance(std::vector<std::int64_t>& finished) {
    while (static_cast<std::int64_t>(running_.size()) < slots_ && start_one()) {
    }
    if (running_.empty()) {
      if (!waiting_.empty()) fail("the scheduler leaves ", waiting_.size(), " trials waiting for ever");
      return false;
    }
    std::vector<Trial> still;
    for (Trial& trial : running_) {
      const Curve& curve = *curves_[static_cast<std::size_t>(trial.number)];
      const double accuracy = curve[static_cast<std::size_t>(trial.iteration)];
      ++trial.iteration;
      ++iterations_;
      const bool diverged = accuracy == 0;
      scheduler_.tell({trial.number, trial.iteration, diverged ? std::numeric_limits<double>::quiet_NaN() : -accuracy});
      if (diverged || trial.iteration == static_cast<std::int64_t>(curve.size())) {
        if (!diverged) finished.push_back(trial.number);
        scheduler_.tell_over(trial.number);
      } else if (scheduler_.judges(trial.iteration)) {
        waiting_.emplace(trial.number, trial.iteration);
      } else {
        still.push_back(trial);
      }
    }
    running_ = std::move(still);
    carry_out_decisions();
    return true;
  }

  std::int64_t iterations() const { return iterations_; }  // trained, of all trials
  std::int64_t started() const { return next_; }

 private:
  struct Trial {
    std::int64_t number = 0, iteration = 0;
  };

  bool start_one() {
    if (!granted_.empty()) {
      running_.push_back(granted_.front());
      granted_.pop_front();
      return true;
    }
    if (next_ >= static_cast<std::int64_t>(curves_.size())) return false;
    running_.push_back({next_++, 0});
    return true;
  }

  void carry_out_decisions() {
    for (const Decision& decision : scheduler_.decide()) {
      if (decision.question != Question::kIteration) continue;
      const auto found = waiting_.find(decision.trial);
      if (found == waiting_.end() || found->second != decision.at) continue;
      if (decision.verdict == Verdict::kGoOn) {
        granted_.push_back({found->first, found->second});
      } else {
        scheduler_.tell_over(found->first);
      }
      waiting_.erase(found);
    }
    // What was told may let others be decided.
    if (running_.empty() && granted_.empty() && next_ >= static_cast<std::int64_t>(curves_.size()) &&
        !waiting_.empty() && !asked_again_) {
      asked_again_ = true;
      carry_out_decisions();
      asked_again_ = false;
    }
  }

  const std::vector<const Curve*>& curves_;
  Scheduler& scheduler_;
  std::int64_t slots_;
  std::int64_t next_ = 0, iterations_ = 0;
  bool asked_again_ = false;
  std::vector<Trial> running_;
  std::deque<Trial> granted_;
  std::map<std::int64_t, std::int64_t> waiting_;  // trial, iteration
};

}  // namespace caviar

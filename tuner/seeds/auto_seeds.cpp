#include "tuner/seeds/auto_seeds.h"

#include <algorithm>
#include <cmath>

#include "tuner/analysis/paired_tests.h"
#include "tuner/analysis/sample.h"
#include "tuner/history.h"
#include "tuner/seeds/scores.h"

namespace caviar {
namespace {

struct Contender {
  std::int64_t trial = 0;
  std::vector<double> losses;  // in the order of the seeds
  double mean = 0;
};

bool is_follower(Storage& storage, const TrialScores& scores) {
  return !scores.repeats.empty() && storage.owners(scores.repeats.front().run).front().trial != scores.trial;
}

// Those that are left at the end, of whom the best may be told from some by the seeds they had last.
void take_last_look(std::vector<Contender> left, double threshold, RaceEnd& end) {
  const auto best = std::min_element(left.begin(), left.end(),
                                     [](const Contender& a, const Contender& b) { return a.mean < b.mean; });
  if (best == left.end()) return;
  end.best = best->trial;
  end.seeds = static_cast<std::int64_t>(best->losses.size());
  for (const Contender& other : left) {
    if (other.trial == best->trial) continue;
    std::vector<double> differences;
    for (std::size_t i = 0; i < std::min(other.losses.size(), best->losses.size()); ++i)
      differences.push_back(other.losses[i] - best->losses[i]);
    if (!(paired_t_p(differences) < threshold)) end.rivals.push_back(other.trial);
  }
}

}  // namespace

Choice auto_seeds_scheduler(double confidence) {
  Choice choice;
  choice.name = "race";
  choice.settings["first_seeds"] = {Value(kAutoFirstSeeds), ""};
  choice.settings["grow"] = {Value(2), ""};
  choice.settings["confidence"] = {Value(confidence), ""};
  return choice;
}

bool is_auto_seeds(const Choice& scheduler) {
  return scheduler.name == "race" && scheduler.settings.contains("confidence") && !scheduler.settings.contains("block");
}

RaceEnd race_end(Storage& storage, double confidence) {
  const StudyRecord study = storage.study().value();
  RaceEnd end;
  end.confidence = confidence;
  end.over = !storage.events("finished").empty() && storage.unfinished_runs().empty();
  std::vector<Contender> left;
  double threshold = 0;
  storage.for_each_trial([&](const TrialRecord& record) {
    end.over &= record.state != TrialState::kOpen;
    if (record.state == TrialState::kFailed) return;
    const TrialScores scores = scores_of(storage, record.trial.number, study.metric);
    if (is_follower(storage, scores)) return;
    bool out = false;
    for (const Decision& decision : storage.decisions(record.trial.number)) {
      out |= puts_out(decision);
      threshold = decision.saw.is_object() ? decision.saw.value("threshold", threshold) : threshold;
    }
    const std::vector<double> values = scores.scores();
    ++end.trials;
    end.diverged += scores.diverged > 0;
    if (out || values.empty() || values.size() < scores.repeats.size()) return;
    Contender contender{record.trial.number, values, 0};
    for (double& loss : contender.losses) loss = study.maximize ? -loss : loss;
    contender.mean = mean_of(contender.losses);
    left.push_back(std::move(contender));
  });
  if (end.over) take_last_look(std::move(left), threshold, end);
  return end;
}

}  // namespace caviar

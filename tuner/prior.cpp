#include "tuner/prior.h"

#include <algorithm>

#include "tuner/history.h"

namespace caviar {

PriorObservations observations_of(Storage& study, const std::string& source, const SearchSpace& space,
                                  const std::string& metric, std::int64_t taken_before) {
  History history(metric, true, 1);  // the direction only matters for rankings
  history.fold(study, true);
  PriorObservations prior;
  study.for_each_trial([&](const TrialRecord& record) {
    const TrialSummary& summary = history[record.trial.number];
    if (summary.state != TrialState::kDone || summary.stopped) {
      ++prior.unfinished;
    } else if (!space.point_of(record.trial.config)) {
      ++prior.outside;
    } else {
      const std::int64_t number = -1 - taken_before - static_cast<std::int64_t>(prior.records.size());
      const std::int64_t seeds = std::max<std::int64_t>(1, summary.finished - summary.diverged);
      prior.records.push_back({number, source, record.trial.config, summary.mean, summary.sd, seeds});
    }
  });
  return prior;
}

}  // namespace caviar

#include "tuner/prior.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "tuner/history.h"
#include "tuner/spec/value.h"

namespace caviar {

namespace {

std::string why_outside(const SearchSpace& space, const Config& config) {
  for (const auto& [name, value] : config) {
    bool is_known = false, is_tried = false;
    for (const Parameter& parameter : space.parameters()) {
      if (parameter.name() != name) continue;
      is_known = true;
      is_tried |= parameter.unit_of(value).has_value();
    }
    if (!is_known) return cat("it has '", name, "', which this sweep has not");
    if (!is_tried) return cat(name, " is ", show(value), ", which this sweep does not try");
  }
  for (std::size_t i = 0; i < space.size(); ++i) {
    const std::string& name = space.parameters()[i].name();
    if (space.parent(i) < 0 && !config.contains(name)) return cat("it has no '", name, "'");
  }
  return "its values do not go together here";
}

}  // namespace

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
      if (prior.outside++ == 0) prior.why_outside = why_outside(space, record.trial.config);
    } else {
      const std::int64_t number = -1 - taken_before - static_cast<std::int64_t>(prior.records.size());
      const std::int64_t seeds = std::max<std::int64_t>(1, summary.finished - summary.diverged);
      prior.records.push_back({number, source, record.trial.config, summary.mean, summary.sd, seeds});
    }
  });
  return prior;
}

}  // namespace caviar

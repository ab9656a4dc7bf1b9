#include "tuner/seeds/crossed_seeds.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "kernels/base/error.h"
#include "tuner/seeds/scores.h"
#include "tuner/spec/spec.h"

namespace caviar {
namespace {

struct SeedsOf {
  const char* name;
  std::uint64_t Seeds::*member;
};

constexpr SeedsOf kSeeds[] = {{"init", &Seeds::init},
                              {"order", &Seeds::order},
                              {"dropout", &Seeds::dropout},
                              {"augment", &Seeds::augment},
                              {"split", &Seeds::split}};

// s^2 over the levels of one factor, averaged over all cells of the others.
double variance_alone(const CrossedScores& crossed, std::size_t factor) {
  std::size_t inner = 1;
  for (std::size_t f = factor + 1; f < crossed.levels.size(); ++f) inner *= crossed.levels[f];
  const std::size_t levels = crossed.levels[factor], cells = crossed.scores.size();
  double sum = 0;
  for (std::size_t first = 0; first < cells; ++first) {
    if (first / inner % levels != 0) continue;
    double mean = 0, squares = 0;
    for (std::size_t l = 0; l < levels; ++l) mean += crossed.scores[first + l * inner] / static_cast<double>(levels);
    for (std::size_t l = 0; l < levels; ++l) {
      const double away = crossed.scores[first + l * inner] - mean;
      squares += away * away;
    }
    sum += squares / static_cast<double>(levels - 1);
  }
  return sum / static_cast<double>(cells / levels);
}

}  // namespace

CrossedScores crossed_scores(Storage& storage, const std::string& metric) {
  std::vector<RepeatScore> runs;
  const std::int64_t trials = storage.trial_count();
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    const TrialScores scores = scores_of(storage, trial, metric);
    runs.insert(runs.end(), scores.repeats.begin(), scores.repeats.end());
  }
  CrossedScores crossed;
  std::vector<std::vector<std::uint64_t>> seeds;  // of each source, ascending
  std::vector<std::uint64_t Seeds::*> members;
  std::size_t cells = 1;
  for (const SeedsOf& source : kSeeds) {
    std::set<std::uint64_t> values;
    for (const RepeatScore& run : runs) values.insert(run.seeds.*source.member);
    if (values.size() < 2) continue;
    crossed.sources.emplace_back(source.name);
    crossed.levels.push_back(values.size());
    seeds.emplace_back(values.begin(), values.end());
    members.push_back(source.member);
    cells *= values.size();
  }
  if (crossed.sources.size() < 2 || crossed.sources.size() > 3 || cells != runs.size()) {
    fail(storage.file(), ": the study has ", runs.size(),
         " runs, which are not all combinations of the seeds of two or three sources; give the study of a "
         "`caviar noise --decompose` that is complete");
  }
  crossed.scores.assign(cells, std::numeric_limits<double>::quiet_NaN());
  for (const RepeatScore& run : runs) {
    std::size_t cell = 0;
    for (std::size_t f = 0; f < members.size(); ++f) {
      const auto found = std::lower_bound(seeds[f].begin(), seeds[f].end(), run.seeds.*members[f]);
      cell = cell * seeds[f].size() + static_cast<std::size_t>(found - seeds[f].begin());
    }
    if (run.score) crossed.scores[cell] = *run.score;
  }
  for (const double score : crossed.scores) crossed.missing += !std::isfinite(score);
  return crossed;
}

SeedDecomposition decompose_seeds(const CrossedScores& crossed, std::uint64_t seed) {
  SeedDecomposition found;
  const std::vector<std::size_t>& levels = crossed.levels;
  found.parts = levels.size() == 3 ? decompose(crossed.scores, std::array{levels[0], levels[1], levels[2]}, seed)
                                   : decompose_replicated(crossed.scores, std::array{levels[0], levels[1]}, 1, seed);
  found.total_sd = std::sqrt(found.parts.total);
  for (std::size_t f = 0; f < levels.size(); ++f) {
    SourceSpread source;
    source.source = crossed.sources[f];
    source.alone_sd = std::sqrt(variance_alone(crossed, f));
    for (const VarianceComponent& component : found.parts.components) {
      if (component.factors != 1u << f) continue;
      source.fixed_sd = std::sqrt(std::max(0.0, found.parts.total - component.variance));
      if (component.interval) source.matters = component.interval->low > 0;
    }
    found.sources.push_back(source);
  }
  return found;
}

std::string component_name(const CrossedScores& crossed, unsigned factors) {
  if (factors == 0) return "the combination";
  std::string name;
  for (std::size_t f = 0; f < crossed.sources.size(); ++f) {
    if (factors & 1u << f) name += (name.empty() ? "" : " x ") + crossed.sources[f];
  }
  return name;
}

}  // namespace caviar

#include "tuner/seeds/confirm.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "tuner/analysis/sample.h"
#include "tuner/analysis/winner.h"

namespace caviar {
namespace {

constexpr std::uint64_t kFarApart = 1'000'000;
constexpr std::uint64_t kLargest = std::uint64_t{1} << 53;

}  // namespace

std::uint64_t fresh_seeds(Storage& searched, std::int64_t seeds) {
  std::uint64_t greatest = 0;
  searched.for_each_run([&](const RunRecord& run) {
    const Seeds& s = run.seeds;
    greatest = std::max({greatest, s.init, s.order, s.dropout, s.augment, s.split});
  });
  const std::uint64_t first = (greatest / kFarApart + 2) * kFarApart;
  if (greatest >= kLargest || first + static_cast<std::uint64_t>(seeds) > kLargest) {
    fail(searched.file(), ": the study has the seed ", greatest, ", and no ", seeds, " seeds are left between it and ",
         kLargest, ", the greatest a config can name; search with smaller seeds");
  }
  return first;
}

void require_fresh(Storage& searched, std::uint64_t first, std::int64_t seeds) {
  const std::uint64_t end = first + static_cast<std::uint64_t>(seeds);
  searched.for_each_run([&](const RunRecord& run) {
    const Seeds& s = run.seeds;
    for (const std::uint64_t seed : {s.init, s.order, s.dropout, s.augment, s.split}) {
      if (seed < first || seed >= end) continue;
      fail(searched.file(), ": run ", run.id, " of the search has the seed ", seed, ", so the seeds ", first, " to ",
           end - 1, " are not fresh; confirm into a new directory with --study");
    }
  });
}

SearchLuck search_luck(std::span<const double> means, double score_sd, std::int64_t looked_at,
                       std::optional<double> chosen) {
  require_sample("the means of the trials", means);
  SearchLuck luck;
  luck.trials = std::max(looked_at, static_cast<std::int64_t>(means.size()));
  luck.best = chosen.value_or(*std::max_element(means.begin(), means.end()));
  luck.mean_of_all = mean_of(means);
  luck.score_sd = score_sd;
  const std::optional<double> variance = variance_of(means);
  if (!variance) return luck;
  luck.config_sd = std::sqrt(std::max(0.0, *variance - score_sd * score_sd));
  luck.expected = naive_bias(luck.trials, score_sd, *luck.config_sd);
  luck.shrunken = shrunken_best(luck.best, luck.mean_of_all, *luck.config_sd, score_sd);
  return luck;
}

}  // namespace caviar

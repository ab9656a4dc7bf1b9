// What `caviar noise --decompose` says: where the spread over seeds comes from.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "tuner/seeds/crossed_seeds.h"

namespace caviar {

struct MetricDecomposition {
  std::string metric;
  CrossedScores crossed;
  std::optional<SeedDecomposition> found;  // empty: combinations without a score
};

struct DecomposeReport {
  std::string study;
  Config config;  // seeds left out
  std::vector<MetricDecomposition> metrics;
};

void print_decomposition(const DecomposeReport& report);

// One object. Keys: study, config, confidence, metrics [{metric, sources, levels, combinations, missing, total_sd,
// components [{sources, freedom, variance, raw_variance, share, variance_interval}], sources_alone [{source, sd_alone,
// sd_when_held, holding_it_shrinks_the_spread}]}]. A component without sources is that of the whole combination. What
// cannot be told is null.
void write_decomposition_json(const DecomposeReport& report, std::FILE* out);

}  // namespace caviar

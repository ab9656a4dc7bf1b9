// What a signal study and its noise say of one another: `caviar signal`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tuner/analysis/config_effect.h"
#include "tuner/analysis/histogram.h"
#include "tuner/analysis/variance_ratio.h"
#include "tuner/seeds/scores.h"

namespace caviar {

// What has no score, of the trials of an arm.
struct Counts {
  std::int64_t failed = 0, diverged = 0, stopped = 0, unfinished = 0;
  void add(const TrialScores& trial);
};

struct Arm {
  std::string name;
  std::optional<std::int64_t> trial;  // of the signal, where the noise is one of its configs
  std::vector<double> scores;
  Counts left_out;
};

struct Findings {
  std::string metric;
  std::int64_t configs = 0, seeds = 1;
  std::vector<std::vector<double>> groups;  // the scores of every config that has one
  std::vector<double> firsts;               // one a config, on the first seed
  std::vector<Arm> arms;                    // the signal, then the noise
  std::optional<ConfigEffect> effect;
  std::optional<GroupTest> kruskal, spreads;
  CommonHistogram histogram;
};

// The study of one config on many seeds; `trial`: whose config of the signal it is, if one's.
struct NoiseStudy {
  std::string directory;
  std::optional<std::int64_t> trial;
};

// Reads the studies. `metric`: empty for that of the signal. Throws Error for an arm without any score.
Findings look(const std::string& signal_directory, const std::vector<NoiseStudy>& noise_studies,
              const std::optional<std::string>& metric);

// Why no scores of so many configs on so many seeds each could be told from noise, and what to do; empty where some
// could. At least 2 of both.
std::optional<std::string> too_few_to_tell(std::int64_t configs, std::int64_t seeds);

void print_findings(const Findings& found);
void print_json(const Findings& found);

}  // namespace caviar

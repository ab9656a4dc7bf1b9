// What a signal study and its noise say of one another, found and shown: `caviar signal`.
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
  std::int64_t all() const { return failed + diverged + stopped + unfinished; }
};

struct Arm {
  std::string name;
  std::optional<std::int64_t> trial;  // of the signal, where the noise is one of its configs
  std::vector<double> scores;
  Counts left_out;
};

// A config none of whose runs has a score.
struct LeftOut {
  std::int64_t trial = 0;
  Counts runs;  // all 0: it could not be trained
};

struct Findings {
  std::string metric;
  std::int64_t configs = 0, seeds = 1;
  std::vector<std::vector<double>> groups;  // the scores of every config that has one
  std::vector<double> firsts;               // one a config, on the first seed
  std::vector<LeftOut> left_out;            // the configs that are in none of the groups
  std::vector<Arm> arms;                    // the signal, then the noise, which may have no score
  std::optional<double> failures_p;         // failures_p_over() the configs; empty: no run failed, or one seed each
  std::optional<ConfigEffect> effect;
  std::optional<GroupTest> kruskal, spreads;
  CommonHistogram histogram;
};

// The study of one config on many seeds; `trial`: whose config of the signal it is, if one's.
struct NoiseStudy {
  std::string directory;
  std::optional<std::int64_t> trial;
};

// Reads the studies. `metric`: empty for that of the signal. Throws Error for a signal without any score.
Findings look(const std::string& signal_directory, const std::vector<NoiseStudy>& noise_studies,
              const std::optional<std::string>& metric);

// Why no scores of so many configs on so many seeds each could be told from noise, and what to do; empty where some
// could. At least 2 of both.
std::optional<std::string> too_few_to_tell(std::int64_t configs, std::int64_t seeds);

inline constexpr double kSignalLevel = 0.05;  // of every test here
inline constexpr const char* kTooFewToTell = "too few to tell";

// "differ", "could be noise", "spread is larger", or kTooFewToTell; of the configs that have a score.
std::string verdict_of(const Findings& found);

// Signal against one arm of noise, one score a config.
struct AgainstNoise {
  std::optional<VarianceRatio> ratio;
  std::optional<Interval> log_ratio;
  std::optional<GroupTest> spreads;
};
AgainstNoise against_noise(const Findings& found, const Arm& noise);

void print_findings(const Findings& found);
void print_json(const Findings& found);

}  // namespace caviar

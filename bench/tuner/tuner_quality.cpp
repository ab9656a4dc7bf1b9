// How near samplers come to a known minimum: median simple regret over repetitions that differ in the sweep seed alone.
//
//   bench_tuner_quality [--samplers a,b] [--objectives a,b] [--evaluations 100] [--repeats 50] [--window 1]
//                       [--noise both|with|without] [--json FILE] [--better A B FACTOR]
//
// Prints a table: for every objective the median over the repetitions, its 95 % interval (median.h), and how many times
// nearer to the minimum than random search's median. Exit code 1 with --better when sampler A's median is not at least
// FACTOR times nearer than B's on every objective without noise. Every number but the time is the same on every host.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "bench/tuner/median.h"
#include "bench/tuner/objectives.h"
#include "kernels/base/error.h"

namespace {

using namespace caviar;
using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> samplers, chosen;  // all when empty
  std::int64_t evaluations = 100, repeats = 50, window = 1;
  std::string noise = "both", json, better, than;
  double factor = 1;
};

std::vector<std::string> parts_of(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    parts.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

Options options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto next = [&]() -> std::string {
      if (++i >= argc) fail(flag, " needs a value");
      return argv[i];
    };
    if (flag == "--samplers") {
      options.samplers = parts_of(next());
    } else if (flag == "--objectives") {
      options.chosen = parts_of(next());
    } else if (flag == "--evaluations") {
      options.evaluations = std::stoll(next());
    } else if (flag == "--repeats") {
      options.repeats = std::stoll(next());
    } else if (flag == "--window") {
      options.window = std::stoll(next());
    } else if (flag == "--noise") {
      options.noise = next();
    } else if (flag == "--json") {
      options.json = next();
    } else if (flag == "--better") {
      options.better = next();
      options.than = next();
      options.factor = std::stod(next());
    } else {
      fail("unknown flag ", flag, "; the head of bench/tuner/tuner_quality.cpp lists them");
    }
  }
  if (options.samplers.empty()) {
    for (const SamplerKind& kind : sampler_kinds()) {
      if (kind.name != "pbt") options.samplers.emplace_back(kind.name);  // it needs weights to go on from
    }
  }
  if (options.chosen.empty()) {
    for (const Objective& objective : objectives()) options.chosen.emplace_back(objective.name);
  }
  return options;
}

struct Measured {
  Median regret;
  double seconds = 0;  // of all repetitions
};

// Nothing when the sampler cannot search the space.
std::optional<Measured> measure(const Objective& objective, const std::string& sampler, double noise_sd,
                                const Options& options) {
  SweepSpec spec = parse_sweep(std::string("method: random\n") + objective.parameters, objective.name);
  spec.settings.sampler.name = sampler;
  const SearchSpace space(spec);
  std::vector<double> finals;
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t seed = 0; seed < options.repeats; ++seed) {
    try {
      const auto curve = regrets(objective, spec, space, static_cast<std::uint64_t>(seed), options.evaluations,
                                 options.window, noise_sd);
      if (curve.empty()) return std::nullopt;
      finals.push_back(curve.back());
    } catch (const Error&) {
      if (seed == 0) return std::nullopt;
      throw;
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return Measured{median_of(finals), seconds};
}

// One objective, with or without noise; returns the medians by sampler.
std::map<std::string, double> compare(const Objective& objective, double noise_sd, const Options& options, Json& out) {
  std::map<std::string, double> medians;
  Json rows = Json::array();
  const auto reference = measure(objective, "random", noise_sd, options);
  std::printf(
      "\n%s, %s\n\n| sampler | median regret | 95 %% interval | random / it | ms a trial |\n|---|---|---|---|---|\n",
      objective.name, noise_sd > 0 ? ("noise " + std::to_string(noise_sd)).c_str() : "no noise");
  for (const std::string& sampler : options.samplers) {
    const auto measured = sampler == "random" ? reference : measure(objective, sampler, noise_sd, options);
    if (!measured) continue;
    const double ratio = reference->regret.value / measured->regret.value;
    const double ms = 1e3 * measured->seconds / static_cast<double>(options.repeats * options.evaluations);
    std::printf("| %s | %.4g | %.4g to %.4g | %.2f | %.3f |\n", sampler.c_str(), measured->regret.value,
                measured->regret.low, measured->regret.high, ratio, ms);
    std::fflush(stdout);
    medians[sampler] = measured->regret.value;
    rows.push_back({{"sampler", sampler},
                    {"median", measured->regret.value},
                    {"low", measured->regret.low},
                    {"high", measured->regret.high},
                    {"times_nearer_than_random", ratio}});
  }
  out.push_back({{"objective", objective.name}, {"noise_sd", noise_sd}, {"samplers", rows}});
  return medians;
}

int run(const Options& options) {
  Json results = Json::array();
  bool good = true;
  for (const Objective& objective : objectives()) {
    if (std::find(options.chosen.begin(), options.chosen.end(), objective.name) == options.chosen.end()) continue;
    if (options.noise != "with") {
      const auto medians = compare(objective, 0, options, results);
      if (!options.better.empty()) {
        good &= medians.at(options.better) * options.factor <= medians.at(options.than);
      }
    }
    if (options.noise != "without") compare(objective, objective.noise_sd, options, results);
  }
  if (!options.json.empty()) {
    const Json all = {{"evaluations", options.evaluations},
                      {"repetitions", options.repeats},
                      {"window", options.window},
                      {"results", results}};
    std::ofstream file(options.json);
    file << all.dump(1) << "\n";
    file.close();
    if (!file) fail(options.json, " cannot be written");
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(options_of(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_tuner_quality: %s\n", error.what());
    return 2;
  }
}

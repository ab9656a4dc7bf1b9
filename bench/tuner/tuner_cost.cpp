// What searching costs: the time of a suggestion when many trials are known, the memory of a trial, and the time
// schedulers take for the decisions on 100,000 trials.
//
//   bench_tuner_cost [--samplers a,b] [--observations 10000] [--dimensions 10] [--rounds 31] [--trials 100000]
//                    [--json FILE]
//
// All times are processor time of the one thread, so that other work on the machine takes part through the caches
// alone. A suggestion is suggest() and started() and the tell() of one more result: what a study does for a trial.
// Samplers take turns round by round; shown are the median over the rounds, and the least and most, without the first
// suggestion, which stands beside. Memory is what malloc has handed out and not got back while the sampler learned the
// observations and made its first suggestion. Schedulers see random curves of 81 reports from 256 slots, every report
// of them; the time is that of all calls of theirs, the median of three runs.
#include <malloc.h>
#include <time.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/tuner/median.h"
#include "bench/tuner/replay.h"
#include "tuner/history.h"
#include "tuner/numerics/draws.h"
#include "tuner/registry.h"
#include "tuner/samplers/random.h"

namespace {

using namespace caviar;
using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> samplers;
  std::int64_t observations = 10'000, dimensions = 10, rounds = 31, trials = 100'000;
  std::string json;
};

Options options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto next = [&]() -> std::string {
      if (++i >= argc) fail(flag, " needs a value");
      return argv[i];
    };
    if (flag == "--samplers") {
      const std::string list = next();
      for (std::size_t at = 0; at <= list.size();) {
        const std::size_t end = std::min(list.find(',', at), list.size());
        options.samplers.push_back(list.substr(at, end - at));
        at = end + 1;
      }
    } else if (flag == "--observations") {
      options.observations = std::stoll(next());
    } else if (flag == "--dimensions") {
      options.dimensions = std::stoll(next());
    } else if (flag == "--rounds") {
      options.rounds = std::stoll(next());
    } else if (flag == "--trials") {
      options.trials = std::stoll(next());
    } else if (flag == "--json") {
      options.json = next();
    } else {
      fail("unknown flag ", flag, "; the head of bench/tuner/tuner_cost.cpp lists them");
    }
  }
  if (options.samplers.empty()) {
    for (const SamplerKind& kind : sampler_kinds()) {
      if (kind.name != "pbt") options.samplers.emplace_back(kind.name);  // it needs weights to go on from
    }
  }
  return options;
}

// Processor time of this thread, in seconds.
double processor_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::size_t allocated() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

// Half of the parameters on a log scale, the loss a bowl with noise.
std::string sweep_of(std::int64_t dimensions) {
  std::string text = "method: random\nparameters:\n";
  for (std::int64_t i = 0; i < dimensions; ++i) {
    text += "  x" + std::to_string(i) +
            (i % 2 ? ": {distribution: log_uniform_values, min: 1e-5, max: 1.0}\n" : ": {min: 0.0, max: 1.0}\n");
  }
  return text;
}

double loss_at(const SearchSpace& space, const Config& config, std::int64_t trial) {
  const Point point = *space.point_of(config);
  double sum = 0.1 * Draws(7, trial, "noise").normal();
  for (const double u : point) sum += (u - 0.3) * (u - 0.3);
  return sum;
}

struct Searched {
  std::string name;
  std::unique_ptr<Sampler> sampler;
  std::int64_t next = 0, told = 0;
  std::size_t bytes = 0;
  std::vector<double> ms;
};

void tell(Searched& searched, std::int64_t number, const Config& config, double loss) {
  TrialResult result;
  result.number = number;
  result.config = config;
  result.loss = loss;
  result.curve = {{1, loss}};
  searched.sampler->tell(result);
  searched.told = number + 1;
}

// The time of the next suggestion; nothing when the sampler has none left.
bool suggest_one(const SearchSpace& space, Searched& searched) {
  const double start = processor_time();
  const std::optional<Config> config = searched.sampler->suggest(searched.next);
  double seconds = processor_time() - start;
  if (!config) return false;
  const double loss = loss_at(space, *config, searched.next);
  const double again = processor_time();
  searched.sampler->started({searched.next, *config});
  tell(searched, searched.next, *config, loss);
  seconds += processor_time() - again;
  ++searched.next;
  searched.ms.push_back(1e3 * seconds);
  return true;
}

Json measure_samplers(const Options& options) {
  SweepSpec spec = parse_sweep(sweep_of(options.dimensions), "cost");
  const SearchSpace space(spec);
  std::vector<Config> configs;
  std::vector<double> losses;
  for (std::int64_t i = 0; i < options.observations; ++i) {
    configs.push_back(space.config_at(random_point(space, 1, i)));
    losses.push_back(loss_at(space, configs.back(), i));
  }
  std::vector<Searched> all;
  for (const std::string& name : options.samplers) {
    Searched searched;
    searched.name = name;
    spec.settings.sampler.name = name;
    try {
      searched.sampler = make_sampler(spec, space, {1, 1, options.observations * 2});
      const std::size_t before = allocated();
      for (std::int64_t i = 0; i < options.observations; ++i) {
        const auto at = static_cast<std::size_t>(i);
        searched.sampler->started({i, configs[at]});
        tell(searched, i, configs[at], losses[at]);
      }
      searched.next = options.observations;
      if (!suggest_one(space, searched)) continue;
      searched.bytes = allocated() - before;
      all.push_back(std::move(searched));
    } catch (const Error&) {  // it cannot search this space
    }
  }
  for (std::int64_t round = 1; round < options.rounds; ++round) {
    for (Searched& searched : all) suggest_one(space, searched);
  }
  Json out = Json::array();
  std::printf("| sampler | ms a suggestion | first | least | most | bytes a trial |\n|---|---|---|---|---|---|\n");
  for (const Searched& searched : all) {
    const std::vector<double> later(searched.ms.begin() + 1, searched.ms.end());
    const double median = median_of(later).value;
    const double bytes = static_cast<double>(searched.bytes) / static_cast<double>(options.observations);
    const auto [least, most] = std::minmax_element(later.begin(), later.end());
    std::printf("| %s | %.3f | %.2f | %.3f | %.3f | %.0f |\n", searched.name.c_str(), median, searched.ms.front(),
                *least, *most, bytes);
    out.push_back({{"sampler", searched.name},
                   {"median_ms", median},
                   {"first_ms", searched.ms.front()},
                   {"least_ms", *least},
                   {"most_ms", *most},
                   {"bytes_per_trial", bytes}});
  }
  return out;
}

// A scheduler whose calls are counted in time.
class Timed final : public Scheduler {
 public:
  explicit Timed(Scheduler& inner) : inner_(inner) {}
  bool judges(std::int64_t iteration) const override { return inner_.judges(iteration); }
  void tell(const TrialReport& report) override { reports_.push_back(report); }
  void tell_over(std::int64_t trial) override { reports_.push_back({trial, 0, 0}); }
  void tell_count(std::int64_t trials) override { inner_.tell_count(trials); }
  std::vector<Decision> decide() override {
    const double start = processor_time();
    for (const TrialReport& report : reports_) {
      if (report.iteration > 0) {
        inner_.tell(report);
      } else {
        inner_.tell_over(report.trial);
      }
    }
    std::vector<Decision> decisions = inner_.decide();
    seconds_ += processor_time() - start;
    reports_told_ += static_cast<std::int64_t>(reports_.size());
    reports_.clear();
    return decisions;
  }
  double seconds() const { return seconds_; }
  std::int64_t told() const { return reports_told_; }

 private:
  Scheduler& inner_;
  std::vector<TrialReport> reports_;
  double seconds_ = 0;
  std::int64_t reports_told_ = 0;
};

// Accuracies that rise towards a random height.
std::vector<Curve> pretended_curves(std::int64_t trials, std::int64_t iterations) {
  std::vector<Curve> curves;
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    Draws draws(3, trial, "curve");
    const double height = 0.1 + 0.85 * draws.unit();
    Curve curve;
    for (std::int64_t i = 1; i <= iterations; ++i) {
      const auto n = static_cast<double>(i);
      curve.push_back(height * n / (n + 3) + 0.02 * draws.unit());
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

Json measure_schedulers(const Options& options) {
  constexpr std::int64_t kIterations = 81, kSlots = 256;
  Json out = Json::array();
  std::printf(
      "\n| scheduler | ms for %lld trials | least | most | reports | bytes a trial |\n|---|---|---|---|---|---|\n",
      static_cast<long long>(options.trials));
  const std::vector<Curve> curves = pretended_curves(options.trials, kIterations);
  std::vector<const Curve*> order;
  for (const Curve& curve : curves) order.push_back(&curve);
  for (const char* text : {"hyperband,max_iter=81", "successive_halving,max_iter=81", "asha,max_iter=81", "median",
                           "percentile", "wandb_hyperband,min_iter=3"}) {
    SweepSpec spec = parse_sweep(sweep_of(1), "cost");
    spec.settings.scheduler = parse_choice("--scheduler", text);
    SearchScope scope;
    scope.window = kSlots;
    scope.trials = options.trials;
    std::vector<double> ms;
    std::int64_t reports = 0;
    double bytes = 0;
    for (int repeat = 0; repeat < 3; ++repeat) {
      const std::size_t before = allocated();
      const std::unique_ptr<Scheduler> scheduler = make_scheduler(spec, scope);
      Timed timed(*scheduler);
      std::vector<std::int64_t> finished;
      {
        Replay replay(order, timed, kSlots);
        while (replay.advance(finished)) {
        }
      }
      std::vector<std::int64_t>().swap(finished);
      ms.push_back(1e3 * timed.seconds());
      reports = timed.told();
      bytes = (static_cast<double>(allocated()) - static_cast<double>(before)) / static_cast<double>(options.trials);
    }
    const auto [least, most] = std::minmax_element(ms.begin(), ms.end());
    std::printf("| %s | %.1f | %.1f | %.1f | %lld | %.0f |\n", text, median_of(ms).value, *least, *most,
                static_cast<long long>(reports), bytes);
    std::fflush(stdout);
    out.push_back({{"scheduler", text},
                   {"median_ms", median_of(ms).value},
                   {"least_ms", *least},
                   {"most_ms", *most},
                   {"reports", reports},
                   {"bytes_per_trial", bytes}});
  }
  return out;
}

int run(const Options& options) {
  Json all = {{"observations", options.observations}, {"dimensions", options.dimensions}, {"rounds", options.rounds}};
  all["samplers"] = measure_samplers(options);
  all["trials"] = options.trials;
  all["schedulers"] = measure_schedulers(options);
  if (options.json.empty()) return 0;
  std::ofstream file(options.json);
  file << all.dump(1) << "\n";
  file.close();
  if (!file) fail(options.json, " cannot be written");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(options_of(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_tuner_cost: %s\n", error.what());
    return 2;
  }
}

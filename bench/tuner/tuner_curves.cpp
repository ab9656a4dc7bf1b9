// How many steps schedulers save on recorded learning curves of real runs (curves.csv; record_curves made it).
//
//   bench_tuner_curves CURVES [--shuffles 200] [--trials 200] [--slots 8] [--tolerance 0.008] [--json FILE]
//                      [--most SCHEDULER SHARE]...
//
// Random search trains the first N trials of a shuffle of the curves to their end; its result is their best final
// accuracy. The scheduler gets the same trials in the same order, and the rest of the shuffle after them in case it
// stopped the best. Counted are the iterations it trains, of all trials together, until a trial that reached its last
// iteration is as good: exactly, or within a tolerance, the standard error of an accuracy of 0.93 on 1,000 examples.
// Shown is their share of the iterations random search trains in all, as median over the shuffles with its 95 %
// interval (median.h). A shuffle in which it never gets there counts with all iterations it trained, and is counted
// beside. The first row is random search itself: how much it trains until it has its best trial.
//
// Exit code 1 with --most when a scheduler's median share, to be the same or better, is above SHARE.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <numeric>
#include <string>

#include <nlohmann/json.hpp>

#include "bench/tuner/median.h"
#include "bench/tuner/replay.h"
#include "tuner/numerics/draws.h"
#include "tuner/registry.h"

namespace {

using namespace caviar;
using Json = nlohmann::ordered_json;

struct Options {
  std::string curves, json;
  std::map<std::string, double> most;  // share by scheduler
  std::int64_t shuffles = 200, trials = 200, slots = 8;
  double tolerance = 0.008;
};

Options options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto next = [&]() -> std::string {
      if (++i >= argc) fail(flag, " needs a value");
      return argv[i];
    };
    if (flag == "--shuffles") {
      options.shuffles = std::stoll(next());
    } else if (flag == "--trials") {
      options.trials = std::stoll(next());
    } else if (flag == "--slots") {
      options.slots = std::stoll(next());
    } else if (flag == "--tolerance") {
      options.tolerance = std::stod(next());
    } else if (flag == "--json") {
      options.json = next();
    } else if (flag == "--most") {
      const std::string scheduler = next();
      options.most[scheduler] = std::stod(next());
    } else if (options.curves.empty() && !flag.starts_with("--")) {
      options.curves = flag;
    } else {
      fail("unknown flag ", flag, "; the head of bench/tuner/tuner_curves.cpp lists them");
    }
  }
  if (options.curves.empty()) fail("name the file of curves, such as bench/tuner/curves.csv");
  return options;
}

// Fisher and Yates.
std::vector<const Curve*> shuffled(const std::vector<Curve>& curves, std::uint64_t seed) {
  std::vector<const Curve*> order;
  for (const Curve& curve : curves) order.push_back(&curve);
  Draws draws(seed, 0, "shuffle");
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(draws.below(static_cast<std::int64_t>(i)))]);
  }
  return order;
}

// Iterations until a final accuracy of at least `goals[g]`, for each goal; -1: never.
std::vector<std::int64_t> iterations_until(const std::vector<double>& goals, const std::vector<const Curve*>& order,
                                           Scheduler& scheduler, std::int64_t slots, std::int64_t& trained) {
  Replay replay(order, scheduler, slots);
  std::vector<std::int64_t> reached(goals.size(), -1);
  std::vector<std::int64_t> finished;
  for (bool more = true; more;) {
    finished.clear();
    more = replay.advance(finished);
    for (const std::int64_t trial : finished) {
      const double last = order[static_cast<std::size_t>(trial)]->back();
      for (std::size_t g = 0; g < goals.size(); ++g) {
        if (reached[g] < 0 && last >= goals[g]) reached[g] = replay.iterations();
      }
    }
    if (std::find(reached.begin(), reached.end(), -1) == reached.end()) break;
  }
  trained = replay.iterations();
  return reached;
}

struct Row {
  std::string label;
  Choice choice;
};

Row row(const std::string& label, const std::string& text) { return {label, parse_choice("--scheduler", text)}; }

struct Shares {
  std::vector<double> same, within;
  int never_same = 0, never_within = 0;
};

Shares measure(const Row& row, const std::vector<Curve>& curves, const Options& options) {
  Shares shares;
  SweepSpec spec = parse_sweep("method: random\nparameters: {x: {min: 0.0, max: 1.0}}\n", "curves");
  spec.settings.scheduler = row.choice;
  for (std::int64_t shuffle = 0; shuffle < options.shuffles; ++shuffle) {
    const std::vector<const Curve*> order = shuffled(curves, static_cast<std::uint64_t>(shuffle));
    double best = 0, all = 0;
    for (std::int64_t i = 0; i < options.trials; ++i) {
      const Curve& curve = *order[static_cast<std::size_t>(i)];
      best = std::max(best, curve.back());
      const auto diverged = std::find(curve.begin(), curve.end(), 0.0);
      all += static_cast<double>(std::min(diverged - curve.begin() + 1, curve.end() - curve.begin()));
    }
    SearchScope scope;
    scope.window = options.slots;
    scope.trials = static_cast<std::int64_t>(curves.size());
    const std::unique_ptr<Scheduler> scheduler = make_scheduler(spec, scope);
    std::int64_t trained = 0;
    const auto reached = iterations_until({best, best - options.tolerance}, order, *scheduler, options.slots, trained);
    shares.never_same += reached[0] < 0;
    shares.never_within += reached[1] < 0;
    shares.same.push_back(static_cast<double>(reached[0] < 0 ? trained : reached[0]) / all);
    shares.within.push_back(static_cast<double>(reached[1] < 0 ? trained : reached[1]) / all);
  }
  return shares;
}

Json json_of(const Median& median, int never) {
  return {{"median_share", median.value}, {"low", median.low}, {"high", median.high}, {"never", never}};
}

int run(const Options& options) {
  const std::vector<Curve> curves = read_curves(options.curves);
  const auto iterations = curves.empty() ? 0 : static_cast<std::int64_t>(curves.front().size());
  if (static_cast<std::int64_t>(curves.size()) < options.trials) {
    fail(options.curves, " has ", curves.size(), " curves; --trials can be at most that");
  }
  const std::string max_iter = ",max_iter=" + std::to_string(iterations);
  const std::vector<Row> rows = {row("random search, until it first got there", "none"),
                                 row("hyperband", "hyperband" + max_iter),
                                 row("successive_halving", "successive_halving" + max_iter),
                                 row("asha", "asha" + max_iter),
                                 row("median", "median"),
                                 row("percentile 25", "percentile")};
  std::printf("%zu curves of %lld iterations, %lld shuffles; random search trains %lld trials to the end\n\n",
              curves.size(), static_cast<long long>(iterations), static_cast<long long>(options.shuffles),
              static_cast<long long>(options.trials));
  std::printf(
      "| scheduler | share of the steps, within %.4g | 95 %% interval | never | the same or better | 95 %% interval "
      "| never |\n|---|---|---|---|---|---|---|\n",
      options.tolerance);
  bool good = true;
  Json results = Json::array();
  for (const Row& one : rows) {
    const Shares shares = measure(one, curves, options);
    const Median same = median_of(shares.same), within = median_of(shares.within);
    std::printf("| %s | %.3f | %.3f to %.3f | %d | %.3f | %.3f to %.3f | %d |\n", one.label.c_str(), within.value,
                within.low, within.high, shares.never_within, same.value, same.low, same.high, shares.never_same);
    std::fflush(stdout);
    const auto limit = options.most.find(one.choice.name);
    good &= limit == options.most.end() || same.value <= limit->second;
    results.push_back({{"scheduler", one.label},
                       {"within_tolerance", json_of(within, shares.never_within)},
                       {"same_or_better", json_of(same, shares.never_same)}});
  }
  if (!options.json.empty()) {
    const Json all = {{"curves", curves.size()},  {"iterations", iterations}, {"shuffles", options.shuffles},
                      {"trials", options.trials}, {"slots", options.slots},   {"tolerance", options.tolerance},
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
    std::fprintf(stderr, "bench_tuner_curves: %s\n", error.what());
    return 2;
  }
}

#include "tuner/advice/forecast.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "kernels/base/error.h"
#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::int64_t kEndless = std::int64_t{1} << 40;  // steps: the clock ends the run

double seconds_since(Clock::time_point start) { return Seconds(Clock::now() - start).count(); }

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000) + 1);
}

Config config_of(const SearchSpace& space, Sampler& sampler, std::int64_t number, bool evenly) {
  if (!evenly) {
    if (const auto config = sampler.suggest(number)) return *config;
    fail("Trial ", number, " does not exist.");  // below size(), so a fault of the sampler
  }
  Point point(space.size());
  for (std::size_t j = 0; j < point.size(); ++j) point[j] = sampler_unit(0, number, space.parameters()[j].label());
  return space.config_at(point);
}

std::int64_t reports_of(const BoundConfig& bound) {
  return (bound.hyper.total_steps + bound.rung_steps - 1) / bound.rung_steps;
}

double measured_by(const BoundConfig& bound, const DataShape& shape) {
  const double weights = bound.key.averaged ? 2 : 1;
  const double validation =
      static_cast<double>(bound.data.validate_on_test ? shape.test_examples : bound.data.validation_examples);
  return weights * (static_cast<double>(reports_of(bound)) * validation + static_cast<double>(shape.test_examples));
}

void add(TrialSample& sample, std::map<PackKey, std::size_t>& known, const BoundConfig& bound, const DataShape& shape) {
  const auto [at, is_new] = known.emplace(bound.key, sample.shapes.size());
  if (is_new) sample.shapes.push_back({bound, 0, 0, 0, 0});
  ShapeShare& share = sample.shapes[at->second];
  ++share.trials;
  share.steps += static_cast<double>(bound.hyper.total_steps);  // sums, divided at the end
  share.measured += measured_by(bound, shape);
  share.most_steps = std::max(share.most_steps, bound.hyper.total_steps);
  sample.most_reports = std::max(sample.most_reports, reports_of(bound));
}

std::vector<RunOrder> orders_of(const BoundConfig& config, int count, std::int64_t rung_steps,
                                std::int64_t validation_examples) {
  std::vector<RunOrder> orders;
  for (int i = 0; i < count; ++i) {
    RunOrder order;
    order.run = i;
    order.key = config.key;
    order.hyper = config.hyper;
    order.hyper.learning_rate = 0;  // so that nothing diverges
    order.hyper.total_steps = kEndless;
    order.seeds = repeat_seeds(config.seeds, i);
    order.data = {validation_examples, false};
    order.rung_steps = rung_steps;
    orders.push_back(order);
  }
  return orders;
}

// Trains for so long, from the states in the orders, and leaves the new ones there. Returns the steps done.
std::int64_t train_for(Executor& executor, std::vector<RunOrder>& orders, double seconds) {
  for (const RunOrder& order : orders) executor.submit(order);
  const Clock::time_point start = Clock::now();
  double left = seconds;
  while (left > 0) {
    executor.advance(milliseconds(left));
    left = seconds - seconds_since(start);
  }
  std::int64_t steps = 0;
  for (Parked& parked : executor.drain()) {
    steps += parked.step;
    orders[static_cast<std::size_t>(parked.run)].resume = std::move(parked.state);
  }
  return steps;
}

double work_of(const ShapeShare& shape, std::int64_t parameters) {
  return static_cast<double>(parameters) * static_cast<double>(shape.example.key.batch_size);
}

}  // namespace

std::int64_t population_of(const Sampler& sampler) {
  if (!sampler.repeats_configs() || sampler.size() <= 0) return 0;
  // All but the last generation are what its first trial waits for.
  return sampler.size() - std::max<std::int64_t>(0, sampler.needs(sampler.size() - 1) + 1);
}

TrialSample sample_trials(const SearchSpace& space, Sampler& sampler, std::optional<std::int64_t> trials,
                          std::int64_t most, const DataUse& use, const DataShape& shape, const std::string& precision) {
  TrialSample sample;
  sample.drawn_evenly = sampler.needs(trials.value_or(kEndless) - 1) >= 0;
  sample.population = population_of(sampler);
  const std::int64_t count = std::min(most, trials.value_or(most));
  sample.is_whole = trials && *trials <= most && !sample.drawn_evenly && sample.population == 0;
  std::map<PackKey, std::size_t> known;
  std::set<std::string> trainings;
  for (std::int64_t i = 0; i < count; ++i) {
    // The middle of the i-th of `count` equal parts.
    const double part = static_cast<double>(trials.value_or(count)) / static_cast<double>(count);
    const auto number = static_cast<std::int64_t>((static_cast<double>(i) + 0.5) * part);
    ++sample.looked_at;
    try {
      BoundConfig bound = bind_config(config_of(space, sampler, number, sample.drawn_evenly), use, shape);
      bound.key.precision = precision;
      if (sample.is_whole && !trainings.insert(canonical_run(bound, shape.digest, "")).second) {
        ++sample.repeats;
        continue;
      }
      add(sample, known, bound, shape);
    } catch (const Error& error) {
      if (sample.untrainable++ == 0) sample.why = error.what();
    }
  }
  if (sample.population > 0)
    sample.share = static_cast<double>(sample.population) / static_cast<double>(sampler.size());
  for (ShapeShare& share : sample.shapes) {
    share.steps *= sample.share / static_cast<double>(share.trials);
    share.measured *= sample.share / static_cast<double>(share.trials);
  }
  std::stable_sort(sample.shapes.begin(), sample.shapes.end(),
                   [](const ShapeShare& a, const ShapeShare& b) { return a.trials > b.trials; });
  return sample;
}

Speed measure_speed(Executor& executor, const BoundConfig& config, int at_once, std::chrono::duration<double> budget,
                    std::int64_t most_validation) {
  Speed speed;
  std::vector<RunOrder> orders = orders_of(config, at_once, kEndless, 1);
  Clock::time_point start = Clock::now();
  const std::int64_t before = train_for(executor, orders, 0.2 * budget.count());  // memory, caches, graphs
  if (seconds_since(start) > budget.count() && before > 0) {
    speed.steps = before;
    speed.step_seconds = seconds_since(start) / static_cast<double>(before);
    speed.example_seconds = speed.step_seconds / (3.0 * config.key.batch_size);
    return speed;
  }
  start = Clock::now();
  speed.steps = train_for(executor, orders, 0.5 * budget.count()) - before;
  if (speed.steps <= 0) return speed;
  speed.step_seconds = seconds_since(start) / static_cast<double>(speed.steps);

  // One step and an evaluation; that it costs a third of a step is a guess which says how many examples there is time
  // for.
  const double guess = speed.step_seconds / (3.0 * config.key.batch_size);
  const double fitting = 0.3 * budget.count() / (guess * at_once);
  const auto examples = static_cast<std::int64_t>(
      std::clamp(fitting, 1.0, static_cast<double>(std::max<std::int64_t>(1, most_validation))));
  orders = orders_of(config, at_once, 1, examples);
  for (const RunOrder& order : orders) executor.submit(order);
  const Clock::time_point evaluation = Clock::now();
  int seen = 0;
  double seconds = 0;
  while (seen < at_once) {
    for (const Report& report : executor.advance(std::chrono::seconds(1))) seen += report.rung == 0;
    seconds = seconds_since(evaluation);
  }
  executor.drain();
  const double evaluated = static_cast<double>(examples) * at_once * (config.key.averaged ? 2 : 1);
  speed.example_seconds = std::max(0.0, seconds - speed.step_seconds * at_once) / evaluated;
  return speed;
}

std::vector<std::size_t> shapes_to_measure(const std::vector<ShapeShare>& shapes,
                                           const std::vector<std::int64_t>& parameters, std::size_t most) {
  std::vector<std::size_t> order(shapes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (shapes.size() <= most) return order;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return work_of(shapes[a], parameters[a]) < work_of(shapes[b], parameters[b]);
  });
  std::int64_t trials = 0;
  for (const ShapeShare& shape : shapes) trials += shape.trials;
  std::vector<std::size_t> chosen;
  std::int64_t passed = 0;
  for (const std::size_t i : order) {
    passed += shapes[i].trials;
    // The middles of `most` equal parts of the trials, in order of work: the shape in which one falls is measured.
    if (static_cast<double>(passed) * static_cast<double>(most) >
        static_cast<double>(trials) * (static_cast<double>(chosen.size()) + 0.5))
      chosen.push_back(i);
    if (chosen.size() == most) break;
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

std::vector<Speed> all_speeds(const std::vector<ShapeShare>& shapes, const std::vector<std::int64_t>& parameters,
                              const std::vector<std::optional<Speed>>& measured) {
  std::vector<Speed> speeds(shapes.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (measured[i]) {
      speeds[i] = *measured[i];
      continue;
    }
    const double work = work_of(shapes[i], parameters[i]);
    double nearest = 0;  // the smaller of the two ratios of work, so 1 is equal
    for (std::size_t j = 0; j < shapes.size(); ++j) {
      if (!measured[j]) continue;
      const double other = work_of(shapes[j], parameters[j]), ratio = std::min(work / other, other / work);
      if (ratio <= nearest) continue;
      nearest = ratio;
      const double examples = static_cast<double>(parameters[i]) / static_cast<double>(parameters[j]);
      speeds[i] = {measured[j]->step_seconds * work / other, measured[j]->example_seconds * examples, 0};
    }
  }
  return speeds;
}

double forecast_seconds(const std::vector<ShapeShare>& shapes, const std::vector<Speed>& speeds, double runs,
                        int at_once) {
  double trials = 0, work = 0, longest = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const ShapeShare& shape = shapes[i];
    const double seconds = shape.steps * speeds[i].step_seconds + shape.measured * speeds[i].example_seconds;
    trials += static_cast<double>(shape.trials);
    work += static_cast<double>(shape.trials) * seconds;
    // Side by side with others a run takes at_once times its share of the clock.
    longest = std::max(longest, seconds * at_once);
  }
  return trials > 0 ? std::max(work / trials * runs, longest) : 0;
}

}  // namespace caviar

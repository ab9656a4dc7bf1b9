#include "engine/fake_executor.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "kernels/base/error.h"

namespace caviar {
namespace {

constexpr std::int64_t kValidationExamples = 10000, kTestExamples = 10000;

// Finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit of the result depends on every bit of the arguments.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t z = a + 0x9e3779b97f4a7c15 * (b + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint64_t mix(std::uint64_t a, float b) { return mix(a, std::uint64_t{std::bit_cast<std::uint32_t>(b)}); }

// Uniform on [-1, 1), in steps of 2^-52.
double noise(std::uint64_t hash) { return static_cast<double>(hash >> 11) * 0x1p-52 - 1.0; }

std::uint64_t hash_of(const RunOrder& order) {
  const Hyper& h = order.hyper;
  std::uint64_t hash = 0;
  for (const std::int64_t value :
       {std::int64_t{order.key.hidden_size}, std::int64_t{order.key.num_layers}, std::int64_t{order.key.batch_size},
        static_cast<std::int64_t>(order.key.cell), static_cast<std::int64_t>(order.key.readout),
        static_cast<std::int64_t>(h.optimizer), static_cast<std::int64_t>(h.schedule), h.total_steps, order.rung_steps,
        std::int64_t{order.key.averaged}, order.data.validation_examples, std::int64_t{order.data.validate_on_test}}) {
    hash = mix(hash, static_cast<std::uint64_t>(value));
  }
  for (const float value : {h.learning_rate, h.one_minus_beta1, h.one_minus_beta2, h.one_minus_momentum, h.weight_decay,
                            h.dropout, h.label_smoothing, h.clip_norm}) {
    hash = mix(hash, value);
  }
  const Seeds& s = order.seeds;
  for (const std::uint64_t seed : {s.init, s.order, s.dropout, s.augment, s.split}) hash = mix(hash, seed);
  return hash;
}

// Loss without noise. Only the four operations: the same bits with every C library.
double curve(const RunOrder& order, double step) {
  constexpr double kBestRate = 0.003, kStart = 2.302585, kFloor = 0.05;
  const double rate = order.hyper.learning_rate;
  const double away = (rate - kBestRate) * (rate - kBestRate) / (rate * rate + kBestRate * kBestRate);
  const double narrow = 1.0 / (1.0 + 0.1 * order.key.hidden_size);
  const double floor = kFloor + 0.8 * away + 0.3 * narrow + 0.1 * order.hyper.dropout;
  return floor + (kStart - floor) / (1.0 + step / (20.0 + 400.0 * away));
}

Metrics metrics_at(double loss, std::int64_t examples) {
  Metrics metrics;
  metrics.loss = loss;
  metrics.examples = examples;
  const double accuracy = 1.0 / (1.0 + loss * loss);
  metrics.correct = static_cast<std::int64_t>(accuracy * static_cast<double>(examples));
  return metrics;
}

// The part of a run that a state carries.
struct State {
  std::uint64_t law, chain;
  std::int64_t step;
  double train_loss;
  std::int64_t rung;
};

}  // namespace

int FakeExecutor::room() const {
  return std::max(0, options_.workers + options_.waiting - static_cast<int>(runs_.size()));
}

void FakeExecutor::submit(RunOrder order) {
  if (order.key.batch_size < 1 || order.key.batch_size > options_.examples) {
    fail("batch_size ", order.key.batch_size, " is not between 1 and the ", options_.examples, " training examples");
  }
  if (order.hyper.total_steps < 1 || order.rung_steps < 1) fail("a run needs at least one step and one step to a rung");
  Run run;
  run.law = hash_of(order);
  run.chain = run.law;
  if (order.hyper.learning_rate >= options_.diverge_above) {
    run.diverges_at =
        static_cast<std::int64_t>(mix(run.law, std::uint64_t{7}) % static_cast<std::uint64_t>(order.hyper.total_steps));
  }
  if (!order.resume.empty()) {
    State state;
    if (order.resume.size() != sizeof state) fail("the state of run ", order.run, " has the wrong size");
    std::memcpy(&state, order.resume.data(), sizeof state);
    if (order.inherits) state.chain = mix(state.chain, run.law);
    if (state.law != run.law && !order.inherits) fail("the state of run ", order.run, " belongs to another run");
    run.chain = state.chain;
    run.step = state.step;
    run.train_loss = state.train_loss;
    run.rung = static_cast<std::int32_t>(state.rung);
  }
  order.resume.clear();
  run.order = std::move(order);
  const std::int64_t number = run.order.run;
  if (!runs_.emplace(number, std::move(run)).second) fail("run ", number, " is here already");
  queue_.push_back(number);
}

void FakeExecutor::stop(std::int64_t run) {
  if (runs_.erase(run) > 0) std::erase(queue_, run);
}

// Depends on everything that happened here so far: where the noise of timing comes from on a real machine.
std::uint64_t FakeExecutor::draw(std::uint64_t below) { return mix(options_.shuffle_seed, ++draws_) % below; }

void FakeExecutor::take_steps(Run& run, std::int64_t until) const {
  if (run.diverges_at >= 0) until = std::min(until, run.diverges_at);
  for (; run.step < until; ++run.step) {
    run.chain = mix(run.chain, static_cast<std::uint64_t>(run.step));
    run.train_loss += curve(run.order, static_cast<double>(run.step)) + 0.02 * noise(run.chain);
    run.samples += run.order.key.batch_size;
  }
}

Report FakeExecutor::report(Run& run) const {
  const RunOrder& order = run.order;
  Report report;
  report.run = order.run;
  report.step = run.step;
  report.samples = std::exchange(run.samples, 0);
  report.diverged = run.diverges_at >= 0 && run.step == run.diverges_at;
  report.last = report.diverged || run.step == order.hyper.total_steps;
  const std::int64_t steps = run.step - run.rung * order.rung_steps;
  report.rung = run.rung++;
  std::uint64_t law = run.law;
  if (options_.break_the_law) law = mix(law, draws_);
  const double raw =
      curve(order, static_cast<double>(run.step)) + 0.02 * noise(mix(law, static_cast<std::uint64_t>(run.step)));
  report.train =
      metrics_at(run.train_loss / static_cast<double>(std::max<std::int64_t>(steps, 1)), steps * order.key.batch_size);
  run.train_loss = 0;
  if (report.diverged) {
    report.train = {std::numeric_limits<double>::quiet_NaN(), 0, (steps + 1) * order.key.batch_size};
  } else {
    report.validation = metrics_at(raw * 1.05, order.data.validate_on_test ? kTestExamples : kValidationExamples);
    if (order.key.averaged) report.averaged = metrics_at(raw * 1.02, report.validation.examples);
    if (report.last) {
      report.test = metrics_at(raw * 1.06, kTestExamples);
      if (order.key.averaged) report.averaged_test = metrics_at(raw * 1.03, kTestExamples);
    }
  }
  if (report.last) {
    report.digest = {mix(run.chain, std::bit_cast<std::uint64_t>(report.train.loss)),
                     mix(run.chain, std::bit_cast<std::uint64_t>(report.test.loss))};
  }
  if (keep_states_) {
    const State state{run.law, run.chain, run.step, run.train_loss, run.rung};
    const auto* bytes = reinterpret_cast<const std::byte*>(&state);
    report.state.assign(bytes, bytes + sizeof state);
  }
  return report;
}

std::vector<Report> FakeExecutor::advance(std::chrono::milliseconds) {
  const std::size_t live = std::min(queue_.size(), static_cast<std::size_t>(options_.workers));
  if (live == 0) return {};
  std::size_t wanted = options_.reports_at_once > 0 ? static_cast<std::size_t>(options_.reports_at_once) : live;
  wanted = 1 + draw(std::min(wanted, live));
  // A seeded choice of the runs under way reaches its rung, in a seeded order.
  std::vector<std::int64_t> arrived(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(live));
  for (std::size_t i = arrived.size(); i > 1; --i) std::swap(arrived[i - 1], arrived[draw(i)]);
  arrived.resize(wanted);

  std::vector<Report> reports;
  for (const std::int64_t number : arrived) {
    if (options_.lose_device_after >= 0 && reports_made_ >= options_.lose_device_after) {
      if (!reports.empty()) break;
      fail("the pretended device is lost; go on with --resume");
    }
    Run& run = runs_.at(number);
    take_steps(run, std::min((run.rung + 1) * run.order.rung_steps, run.order.hyper.total_steps));
    reports.push_back(report(run));
    ++reports_made_;
    if (reports.back().last) stop(number);
  }
  return reports;
}

std::vector<Parked> FakeExecutor::drain() {
  std::vector<Parked> parked;
  for (const std::int64_t number : std::exchange(queue_, {})) {
    Run& run = runs_.at(number);
    const std::int64_t next = std::min((run.rung + 1) * run.order.rung_steps, run.order.hyper.total_steps);
    // Somewhere before the next rung, so that a run is put down between rungs as on a real device.
    take_steps(run, run.step + static_cast<std::int64_t>(draw(static_cast<std::uint64_t>(next - run.step))));
    const State state{run.law, run.chain, run.step, run.train_loss, run.rung};
    const auto* bytes = reinterpret_cast<const std::byte*>(&state);
    Parked one{number, run.step, static_cast<std::int32_t>(run.rung), {}};
    if (run.step > 0) one.state.assign(bytes, bytes + sizeof state);
    parked.push_back(std::move(one));
  }
  runs_.clear();
  return parked;
}

}  // namespace caviar

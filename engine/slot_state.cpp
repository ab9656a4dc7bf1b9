#include "engine/slot_state.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include "engine/bytes.h"
#include "engine/digest.h"
#include "engine/law_breaker.h"
#include "kernels/base/error.h"
#include "kernels/metrics.h"
#include "kernels/prelude.h"

namespace caviar {

namespace {

// Raised when the layout below changes; a state of another version is refused.
constexpr std::uint64_t kStateVersion = 0x0001'5641'4943'0001;

// Mean and standard deviation (population) of the training pixels in [0, 1], from exact integer sums.
void set_pixel_moments(SlotRow& row, const Dataset& data) {
  ExampleOrder order = training_order(row, 0);
  order.shuffled = 0;
  const std::int64_t size = static_cast<std::int64_t>(data.steps) * data.features;
  std::array<std::int64_t, 256> histogram{};
  for (std::int64_t i = 0; i < row.train_examples; ++i) {
    const std::uint8_t* pixel = data.train.features.data() + order.at(i) * size;
    for (std::int64_t j = 0; j < size; ++j) ++histogram[pixel[j]];
  }
  std::int64_t sum = 0, squares = 0;
  for (std::int64_t v = 0; v < 256; ++v) {
    sum += histogram[static_cast<std::size_t>(v)] * v;
    squares += histogram[static_cast<std::size_t>(v)] * v * v;
  }
  const double n = static_cast<double>(row.train_examples) * static_cast<double>(size);
  const double mean = static_cast<double>(sum) / n;
  const double variance = static_cast<double>(squares) / n - mean * mean;
  row.pixel_mean = static_cast<float>(mean / 255.0);
  row.pixel_std = variance > 0 ? static_cast<float>(std::sqrt(variance) / 255.0) : 1.0f;
}

void put_canonical(ByteWriter& out, std::span<const float> values) {
  for (const float v : values) out.put(std::isnan(v) ? std::uint32_t{0x7fc00000} : std::bit_cast<std::uint32_t>(v));
}

double canonical(double x) { return std::isnan(x) ? std::bit_cast<double>(std::uint64_t{0x7ff8000000000000}) : x; }

void put_metrics(ByteWriter& out, const Metrics& m) {
  out.put(canonical(m.loss));
  out.put(m.correct);
  out.put(m.examples);
}

// The digest of all reports up to and with `report`.
Digest chain_digest(const Digest& before, const Report& r) {
  ByteWriter out;
  out.put(before.high);
  out.put(before.low);
  out.put(r.rung);
  out.put(r.step);
  for (const Metrics* m : {&r.train, &r.validation, &r.averaged, &r.test, &r.averaged_test}) put_metrics(out, *m);
  out.put(static_cast<std::int32_t>(r.diverged));
  const std::vector<std::byte> bytes = out.take();
  return hash128(bytes.data(), bytes.size(), 0);
}

// The numbers of floats in a state.
struct Sizes {
  std::uint64_t params = 0, arrays = 0, averages = 0;
  bool operator==(const Sizes&) const = default;
};

Sizes read_sizes(ByteReader& in) {
  if (in.get<std::uint64_t>() != kStateVersion)
    fail(
        "A saved state was written by another version of caviar. Remove the checkpoint; the run then starts from its "
        "beginning.");
  Sizes s;
  s.params = in.get<std::uint64_t>();
  s.arrays = in.get<std::uint64_t>();
  s.averages = in.get<std::uint64_t>();
  return s;
}

void read_counters(ByteReader& in, Slot& s, SlotRow& row) {
  row.step = in.get<std::int64_t>();
  row.mu_product = in.get<double>();
  row.loss_sum = in.get<double>();
  row.correct = in.get<std::int64_t>();
  row.examples = in.get<std::int64_t>();
  row.diverged = in.get<std::int32_t>();
  s.rung = in.get<std::int32_t>();
  s.reported_step = in.get<std::int64_t>();
  s.metrics_digest.high = in.get<std::uint64_t>();
  s.metrics_digest.low = in.get<std::uint64_t>();
}

void check_sizes(const Sizes& saved, const Sizes& run) {
  if (saved == run) return;
  fail("A saved state holds ", saved.params, " parameters, ", saved.arrays, " numbers of the optimizer and ",
       saved.averages, " averages; this run has ", run.params, ", ", run.arrays, " and ", run.averages,
       ". Remove the checkpoint; the run then starts from its beginning.");
}

}  // namespace

void check_state(const RunOrder& order, std::int64_t size) {
  ByteReader in(order.resume);
  const auto n = static_cast<std::uint64_t>(size);
  check_sizes(read_sizes(in), {n, n * static_cast<std::uint64_t>(order.key.state_arrays), order.key.averaged ? n : 0});
}

void check_order(const RunOrder& order, const Dataset& data) {
  const std::int64_t held_out = order.data.validate_on_test ? 0 : order.data.validation_examples;
  if (data.train.count < 1) fail("The data set ", data.name, " has no training examples.");
  if (order.data.validate_on_test && data.test.count < 1)
    fail("The data set ", data.name, " has no test examples to validate on.");
  if (held_out < 1 && !order.data.validate_on_test)
    fail("validation_examples is ", held_out, "; at least 1 is needed to rank runs.");
  if (held_out >= data.train.count)
    fail("validation_examples is ", held_out, " of ", data.train.count,
         " training examples; at least one must be left to train on.");
  if (order.key.batch_size < 1 || order.key.batch_size > data.train.count - held_out)
    fail("batch_size is ", order.key.batch_size, "; it must be 1 to the ", data.train.count - held_out,
         " training examples.");
  if (order.hyper.total_steps < 1) fail("A run of ", order.hyper.total_steps, " steps: it must have at least 1.");
  if (order.rung_steps < 1) fail("rung_steps is ", order.rung_steps, "; it must be at least 1.");
  if (order.key.state_arrays != state_arrays(order.hyper))
    fail("state_arrays is ", order.key.state_arrays, " but the optimizer keeps ", state_arrays(order.hyper), ".");
  if (order.hyper.hypergradient_rate > 0 && !adapts_rate(order.hyper))
    fail(
        "hypergradient_rate is ", order.hyper.hypergradient_rate,
        " with an optimizer other than sgd, adam and adamw, whose rates alone adapt themselves; use one of them or 0.");
  if (order.key.averaged != (order.hyper.polyak != Polyak::kNone))
    fail("averaged must say whether hyper.polyak keeps an average.");
}

Slot make_slot(const RunOrder& order, const Dataset& data) {
  check_order(order, data);
  Slot s;
  s.run = order.run;
  s.rung_steps = order.rung_steps;
  return s;
}

SlotRow make_row(const RunOrder& order, const Dataset& data) {
  SlotRow r;
  r.hyper = order.hyper;
  r.seeds = {order.seeds.init, order.seeds.order, order.seeds.dropout, order.seeds.augment, order.seeds.split};
  r.validate_on_test = order.data.validate_on_test;
  r.test_examples = data.test.count;
  r.validation_examples = order.data.validate_on_test ? data.test.count : order.data.validation_examples;
  r.train_examples = data.train.count - (order.data.validate_on_test ? 0 : order.data.validation_examples);
  r.batch_size = order.key.batch_size;
  r.averaged = order.key.averaged;
  if (r.hyper.standardize) set_pixel_moments(r, data);
  return r;
}

std::vector<std::byte> save(const Slot& s, const SlotRow& row, const SlotArrays<const float>& arrays) {
  ByteWriter out;
  out.put(kStateVersion);
  out.put(static_cast<std::uint64_t>(arrays.params.size()));
  out.put(static_cast<std::uint64_t>(arrays.state.size()));
  out.put(static_cast<std::uint64_t>(arrays.averages.size()));
  out.put(row.step);
  out.put(row.mu_product);
  out.put(row.loss_sum);
  out.put(row.correct);
  out.put(row.examples);
  out.put(row.diverged);
  out.put(s.rung);
  out.put(s.reported_step);
  out.put(s.metrics_digest.high);
  out.put(s.metrics_digest.low);
  out.put_array(arrays.params.data(), arrays.params.size());
  out.put_array(arrays.state.data(), arrays.state.size());
  out.put_array(arrays.averages.data(), arrays.averages.size());
  if (adapts_rate(row.hyper)) out.put(row.rate_change);  // at the end: states of other runs have not changed
  return out.take();
}

void restore(Slot& s, SlotRow& row, const SlotArrays<float>& arrays, const std::vector<std::byte>& state) {
  ByteReader in(state);
  check_sizes(read_sizes(in), {arrays.params.size(), arrays.state.size(), arrays.averages.size()});
  read_counters(in, s, row);
  in.get_array(arrays.params.data(), arrays.params.size());
  in.get_array(arrays.state.data(), arrays.state.size());
  in.get_array(arrays.averages.data(), arrays.averages.size());
  if (adapts_rate(row.hyper)) row.rate_change = in.get<double>();
  s.examples_before = row.examples;
  if (law_breaker == LawBreaker::kMissingMoment && !arrays.state.empty())
    std::fill_n(arrays.state.data() + (arrays.state.size() - arrays.params.size()), arrays.params.size(), 0.0f);
  if (law_breaker == LawBreaker::kMissingCounter) {
    row.mu_product = 1;
    row.rate_change = 0;
  }
  if (!in.at_end())
    fail("A saved state is longer than its run. Remove the checkpoint; the run then starts from its beginning.");
}

std::int32_t rung_of(const std::vector<std::byte>& state) {
  if (state.empty()) return 0;
  SlotRow row;
  Slot slot;
  ByteReader in(state);
  read_sizes(in);
  read_counters(in, slot, row);
  return slot.rung;
}

std::int64_t steps_to_rung(const Slot& s, const SlotRow& r) {
  if (r.diverged || r.step >= r.hyper.total_steps) return 0;
  const std::int64_t into = r.step % s.rung_steps;
  if (into == 0 && r.step > s.reported_step) return 0;
  return std::min(s.rung_steps - into, r.hyper.total_steps - r.step);
}

std::int32_t measures_at(const SlotRow& r, std::int64_t step) {
  const bool test = step >= r.hyper.total_steps && r.test_examples > 0;
  std::int32_t all = bit_of(Measure::kValidation);
  if (r.averaged) all |= bit_of(Measure::kAveraged);
  if (test) all |= bit_of(Measure::kTest);
  if (test && r.averaged) all |= bit_of(Measure::kAveragedTest);
  return all;
}

Metrics metrics_of(const SlotRow& row, Measure measure) {
  const Measured& sums = row.measured[static_cast<int>(measure)];
  return {sums.examples ? sums.loss_sum / static_cast<double>(sums.examples) : 0, sums.correct, sums.examples};
}

Report finish_rung(Slot& s, SlotRow& row) {
  const auto measured = [&](Measure m) { return metrics_of(row, m); };
  Report r;
  r.run = s.run;
  r.rung = s.rung;
  r.step = row.step;
  r.train = {row.examples ? row.loss_sum / static_cast<double>(row.examples) : 0, row.correct, row.examples};
  r.validation = measured(Measure::kValidation);
  r.averaged = measured(Measure::kAveraged);
  // No part of the digest of the metrics: final_digest() has the rate.
  if (adapts_rate(row.hyper)) r.learning_rate = static_cast<double>(row.hyper.learning_rate) + row.rate_change;
  r.diverged = row.diverged || is_diverged(r.validation.loss);
  r.last = r.diverged || row.step >= row.hyper.total_steps;
  if (!r.diverged) {
    r.test = measured(Measure::kTest);
    r.averaged_test = measured(Measure::kAveragedTest);
  }
  r.samples = row.examples - s.examples_before;
  row.diverged = r.diverged;
  row.loss_sum = 0;
  row.correct = row.examples = s.examples_before = 0;
  row.measures = 0;
  for (Measured& m : row.measured) m = {};
  s.reported_step = r.step;
  ++s.rung;
  s.metrics_digest = chain_digest(s.metrics_digest, r);
  s.phase = r.last ? Slot::Phase::kOver : Slot::Phase::kAtRung;
  return r;
}

namespace {

Digest digest_at_end(std::span<const float> params, std::span<const float> averages, const Digest& metrics,
                     const std::optional<double>& rate_change) {
  ByteWriter out;
  put_canonical(out, params);
  put_canonical(out, averages);
  out.put(metrics.high);
  out.put(metrics.low);
  if (rate_change) out.put(canonical(*rate_change));
  const std::vector<std::byte> bytes = out.take();
  return hash128(bytes.data(), bytes.size(), 0);
}

std::optional<double> rate_change_of(const SlotRow& row) {
  return adapts_rate(row.hyper) ? std::optional(row.rate_change) : std::nullopt;
}

// What a digest is made of, from a state.
struct Ended {
  Weights weights;
  Digest metrics;
  std::optional<double> rate_change;
};

Ended read_ended(const std::vector<std::byte>& state) {
  ByteReader in(state);
  const Sizes sizes = read_sizes(in);
  Slot slot;
  SlotRow row;
  read_counters(in, slot, row);
  Ended ended;
  std::vector<float> optimizer;
  in.get_array(ended.weights.params, sizes.params);
  in.get_array(optimizer, sizes.arrays);
  in.get_array(ended.weights.averages, sizes.averages);
  ended.metrics = slot.metrics_digest;
  if (!in.at_end()) ended.rate_change = in.get<double>();
  return ended;
}

}  // namespace

Digest final_digest(const Slot& s, const SlotRow& row, const SlotArrays<const float>& arrays) {
  return digest_at_end(arrays.params, arrays.averages, s.metrics_digest, rate_change_of(row));
}

void finish_run(Report& report, const Slot& s, const SlotRow& row, const SlotArrays<const float>& arrays) {
  report.digest = final_digest(s, row, arrays);
  report.state = save(s, row, {arrays.params, {}, arrays.averages});
}

Weights weights_of(const std::vector<std::byte>& state) { return read_ended(state).weights; }

Digest digest_of(const std::vector<std::byte>& state) {
  const Ended ended = read_ended(state);
  return digest_at_end(ended.weights.params, ended.weights.averages, ended.metrics, ended.rate_change);
}

}  // namespace caviar

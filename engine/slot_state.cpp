#include "engine/slot_state.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "engine/bytes.h"
#include "engine/digest.h"
#include "engine/law_breaker.h"
#include "kernels/base/error.h"

namespace caviar {

namespace {

// Raised when the layout below changes; a state of another version is refused.
constexpr std::uint64_t kStateVersion = 0x0001'5641'4943'0001;

std::uint32_t examples_of(const Dataset& data) { return static_cast<std::uint32_t>(data.train.count); }

// Mean and standard deviation (population) of the training pixels in [0, 1], from exact integer sums.
void set_pixel_moments(Slot& slot, const Dataset& data) {
  const ExampleOrder order{false,
                           !slot.data.validate_on_test,
                           {},
                           slot.data.validate_on_test ? Permutation{} : training_order(slot, 0).split};
  const std::int64_t size = static_cast<std::int64_t>(data.steps) * data.features;
  std::array<std::int64_t, 256> histogram{};
  for (std::int64_t i = 0; i < slot.row.train_examples; ++i) {
    const std::uint8_t* pixel = data.train.features.data() + order.at(i) * size;
    for (std::int64_t j = 0; j < size; ++j) ++histogram[pixel[j]];
  }
  std::int64_t sum = 0, squares = 0;
  for (std::int64_t v = 0; v < 256; ++v) {
    sum += histogram[static_cast<std::size_t>(v)] * v;
    squares += histogram[static_cast<std::size_t>(v)] * v * v;
  }
  const double n = static_cast<double>(slot.row.train_examples) * static_cast<double>(size);
  const double mean = static_cast<double>(sum) / n;
  const double variance = static_cast<double>(squares) / n - mean * mean;
  slot.row.pixel_mean = static_cast<float>(mean / 255.0);
  slot.row.pixel_std = variance > 0 ? static_cast<float>(std::sqrt(variance) / 255.0) : 1.0f;
}

void put_canonical(ByteWriter& out, const Buffer<float>& values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    out.put(std::isnan(values[i]) ? std::uint32_t{0x7fc00000} : std::bit_cast<std::uint32_t>(values[i]));
}

double canonical(double x) { return std::isnan(x) ? std::bit_cast<double>(std::uint64_t{0x7ff8000000000000}) : x; }

void put_metrics(ByteWriter& out, const Metrics& m) {
  out.put(canonical(m.loss));
  out.put(m.correct);
  out.put(m.examples);
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
  if (order.key.averaged != (order.hyper.polyak != Polyak::kNone))
    fail("averaged must say whether hyper.polyak keeps an average.");
}

Slot make_slot(const RunOrder& order, const Dataset& data, std::int64_t size) {
  check_order(order, data);
  Slot s;
  s.run = order.run;
  s.row.hyper = order.hyper;
  s.row.seeds = {order.seeds.init, order.seeds.order, order.seeds.dropout, order.seeds.augment, order.seeds.split};
  s.data = order.data;
  s.row.train_examples = data.train.count - (order.data.validate_on_test ? 0 : order.data.validation_examples);
  s.rung_steps = order.rung_steps;
  s.batch_size = order.key.batch_size;
  s.params = Buffer<float>(static_cast<std::size_t>(size));
  s.state = Buffer<float>(static_cast<std::size_t>(size) * static_cast<std::size_t>(order.key.state_arrays));
  if (order.key.averaged) s.averages = Buffer<float>(static_cast<std::size_t>(size));
  if (s.row.hyper.standardize) set_pixel_moments(s, data);
  return s;
}

std::vector<std::byte> save(const Slot& s) {
  ByteWriter out;
  out.put(kStateVersion);
  out.put(static_cast<std::uint64_t>(s.params.size()));
  out.put(static_cast<std::uint64_t>(s.state.size()));
  out.put(static_cast<std::uint64_t>(s.averages.size()));
  out.put(s.row.step);
  out.put(s.row.mu_product);
  out.put(s.row.loss_sum);
  out.put(s.row.correct);
  out.put(s.row.examples);
  out.put(s.row.diverged);
  out.put(s.rung);
  out.put(s.reported_step);
  out.put(s.metrics_digest.high);
  out.put(s.metrics_digest.low);
  out.put_array(s.params.data(), s.params.size());
  out.put_array(s.state.data(), s.state.size());
  out.put_array(s.averages.data(), s.averages.size());
  return out.take();
}

void restore(Slot& s, const std::vector<std::byte>& state) {
  ByteReader in(state);
  check_sizes(read_sizes(in), {s.params.size(), s.state.size(), s.averages.size()});
  s.row.step = in.get<std::int64_t>();
  s.row.mu_product = in.get<double>();
  s.row.loss_sum = in.get<double>();
  s.row.correct = in.get<std::int64_t>();
  s.row.examples = in.get<std::int64_t>();
  s.row.diverged = in.get<std::int32_t>();
  s.rung = in.get<std::int32_t>();
  s.reported_step = in.get<std::int64_t>();
  s.metrics_digest.high = in.get<std::uint64_t>();
  s.metrics_digest.low = in.get<std::uint64_t>();
  in.get_array(s.params.data(), s.params.size());
  in.get_array(s.state.data(), s.state.size());
  in.get_array(s.averages.data(), s.averages.size());
  if (law_breaker == LawBreaker::kMissingMoment && s.state.size() > 0)
    std::fill_n(s.state.data() + (s.state.size() - s.params.size()), s.params.size(), 0.0f);
  if (law_breaker == LawBreaker::kMissingCounter) s.row.mu_product = 1;
  if (!in.at_end())
    fail("A saved state is longer than its run. Remove the checkpoint; the run then starts from its beginning.");
}

BatchPlace batch_place(const Slot& s) {
  const std::int64_t n = s.row.train_examples, b = s.batch_size, batches = (n + b - 1) / b;
  const std::int64_t first = s.row.step % batches * b;
  return {static_cast<std::uint32_t>(s.row.step / batches), first, static_cast<int>(std::min(b, n - first))};
}

ExampleOrder training_order(const Slot& s, std::uint32_t epoch) {
  ExampleOrder o;
  o.shuffled = true;
  o.order =
      make_permutation(s.row.seeds.order, Stream::kOrder, epoch, static_cast<std::uint32_t>(s.row.train_examples));
  o.carved = !s.data.validate_on_test;
  if (o.carved) {
    const std::int64_t all = s.row.train_examples + s.data.validation_examples;
    o.split = make_permutation(s.row.seeds.split, Stream::kSplit, 0, static_cast<std::uint32_t>(all));
  }
  return o;
}

ValidationPlace validation_place(const Slot& s, const Dataset& data) {
  if (s.data.validate_on_test) return {&data.test, {}, 0, data.test.count};
  ValidationPlace v{&data.train, {}, s.row.train_examples, s.data.validation_examples};
  v.order.carved = true;
  v.order.split = make_permutation(s.row.seeds.split, Stream::kSplit, 0, examples_of(data));
  return v;
}

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

Digest final_digest(const Slot& s) {
  ByteWriter out;
  put_canonical(out, s.params);
  put_canonical(out, s.averages);
  out.put(s.metrics_digest.high);
  out.put(s.metrics_digest.low);
  const std::vector<std::byte> bytes = out.take();
  return hash128(bytes.data(), bytes.size(), 0);
}

}  // namespace caviar

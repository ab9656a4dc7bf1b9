#include "tuner/advice/preflight.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "engine/pack.h"
#include "kernels/base/error.h"
#include "kernels/math/elementary.h"
#include "tuner/spec/names.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

constexpr double kLearned = 0.01;  // loss below which examples are known by heart

std::string short_number(double x) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.4g", x);
  return text.data();
}

void copy_example(const Dataset& all, std::int64_t index, Examples& into) {
  const std::size_t size = static_cast<std::size_t>(all.steps) * static_cast<std::size_t>(all.features);
  const auto first = all.train.features.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(index) * size);
  into.features.insert(into.features.end(), first, first + static_cast<std::ptrdiff_t>(size));
  into.labels.push_back(all.train.labels[static_cast<std::size_t>(index)]);
  ++into.count;
}

std::shared_ptr<Dataset> empty_like(const Dataset& all) {
  auto data = std::make_shared<Dataset>();
  data->name = all.name;
  data->steps = all.steps;
  data->features = all.features;
  data->classes = all.classes;
  return data;
}

// The order of a run whose only schedule is its rate, validated on the test set.
RunOrder plain_order(const BoundConfig& config, double rate, std::int64_t steps, std::int64_t rung_steps,
                     std::int32_t batch_size) {
  RunOrder order;
  order.key = config.key;
  order.key.batch_size = batch_size;
  order.key.averaged = false;
  order.hyper = config.hyper;
  order.hyper.learning_rate = static_cast<float>(rate);
  order.hyper.hypergradient_rate = 0;
  order.hyper.schedule = Schedule::kConstant;
  order.hyper.warmup_steps = 0;
  order.hyper.polyak = Polyak::kNone;
  order.hyper.total_steps = steps;
  order.key.state_arrays = state_arrays(order.hyper);
  order.seeds = config.seeds;
  order.data = {0, true};
  order.rung_steps = rung_steps;
  return order;
}

void without_regularisation(Hyper& hyper) { hyper.dropout = hyper.label_smoothing = hyper.weight_decay = hyper.l1 = 0; }

// Trains all to their ends; the reports of each, in order of rung.
std::vector<std::vector<Report>> train_all(Executor& executor, std::vector<RunOrder> orders) {
  for (std::size_t i = 0; i < orders.size(); ++i) {
    orders[i].run = static_cast<std::int64_t>(i);
    executor.submit(orders[i]);
  }
  std::vector<std::vector<Report>> reports(orders.size());
  for (std::size_t over = 0; over < orders.size();)
    for (Report& report : executor.advance(std::chrono::seconds(60))) {
      over += report.last;
      reports[static_cast<std::size_t>(report.run)].push_back(std::move(report));
    }
  return reports;
}

constexpr double kNoticed = 0.02;  // of the loss at the start: less is the noise of batches

// The loss of a network that has learned nothing: the start may lie above chance, and to come down to it is no merit.
double knows_nothing(const RangeTest& test) { return test.chance > 0 ? std::min(test.chance, test.start) : test.start; }

double best_loss(const RangeTest& test) {
  double best = std::numeric_limits<double>::infinity();
  for (const RateLoss& rate : test.rates)
    if (!rate.diverged) best = std::min(best, rate.loss);
  return best;
}

bool rises(const RateLoss& rate, const RangeTest& test) {
  return rate.diverged || !(rate.loss <= (1 + kNoticed) * test.start);
}

}  // namespace

Finding check_data(const Dataset& data) {
  std::vector<std::int64_t> examples(static_cast<std::size_t>(data.classes));
  for (const std::uint8_t label : data.train.labels) ++examples[label];
  const auto empty = std::count(examples.begin(), examples.end(), 0);
  const auto [fewest, most] = std::minmax_element(examples.begin(), examples.end());
  std::int64_t sum = 0;
  for (const std::uint8_t pixel : data.train.features) sum += pixel;
  const double mean = static_cast<double>(sum) / (255.0 * static_cast<double>(data.train.features.size()));
  const auto [darkest, brightest] = std::minmax_element(data.train.features.begin(), data.train.features.end());
  if (*darkest == *brightest)
    return {Grade::kFail, "data", cat("every pixel is ", int{*darkest}, ": there is nothing to learn from")};
  if (*most == data.train.count)
    return {Grade::kFail, "data", cat("every training example is of class ", most - examples.begin())};
  const std::string facts = cat(data.train.count, " training examples, ", *fewest, " to ", *most, " in each of ",
                                data.classes, " classes, mean pixel ", short_number(mean), " of 1");
  if (empty > 0)
    return {Grade::kWarn, "data", cat(facts, "; ", empty, " of the classes have none: is the file whole?")};
  return {Grade::kPass, "data", facts};
}

std::shared_ptr<const Dataset> few_examples(const Dataset& all, std::int64_t count) {
  std::vector<std::vector<std::int64_t>> by_class(static_cast<std::size_t>(all.classes));
  for (std::int64_t i = 0; i < all.train.count; ++i)
    by_class[all.train.labels[static_cast<std::size_t>(i)]].push_back(i);
  const auto data = empty_like(all);
  const std::int64_t wanted = std::min(count, all.train.count);
  for (std::size_t round = 0; data->train.count < wanted; ++round)
    for (const auto& indices : by_class)
      if (round < indices.size() && data->train.count < wanted) copy_example(all, indices[round], data->train);
  data->test = data->train;
  return data;
}

std::shared_ptr<const Dataset> spread_examples(const Dataset& all, std::int64_t count) {
  const auto data = empty_like(all);
  const std::int64_t wanted = std::min(count, all.train.count);
  // In double: an index is a count of examples, far below 2^53.
  for (std::int64_t i = 0; i < wanted; ++i)
    copy_example(all,
                 static_cast<std::int64_t>(static_cast<double>(i) * static_cast<double>(all.train.count) /
                                           static_cast<double>(wanted)),
                 data->train);
  copy_example(all, 0, data->test);
  return data;
}

double initial_loss(Executor& executor, const BoundConfig& config, const Dataset& data) {
  constexpr std::int64_t kExamples = 256;
  RunOrder order = plain_order(config, 0, 1, 1, static_cast<std::int32_t>(std::min(kExamples, data.train.count)));
  without_regularisation(order.hyper);
  const Report report = train_all(executor, {order})[0].back();
  return report.diverged ? std::numeric_limits<double>::quiet_NaN() : report.train.loss;
}

Finding judge_initial_loss(double loss, int classes) {
  constexpr double kNear = 0.25, kFar = 1;
  const double chance = log_double(classes), off = std::abs(loss - chance);
  const std::string where = cat("the untrained network's loss is ", short_number(loss), ", chance is ln ", classes,
                                " = ", short_number(chance));
  if (off <= kNear) return {Grade::kPass, "initial loss", where};
  if (off <= kFar)
    return {Grade::kWarn, "initial loss",
            where + ": it begins with an opinion; narrower layers, standardize: true or another cell may help"};
  return {Grade::kFail, "initial loss",
          where + ": the first steps only undo this; look at the data's scale (standardize) and the cell"};
}

std::vector<double> range_test_rates() {
  return {1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3,
          5e-3, 1e-2, 2e-2, 5e-2, 0.1,  0.2,  0.5,  1,    2,    5,    10};
}

RangeTestSize range_test_size(const BoundConfig& config, const Dataset& data) {
  constexpr double kMostWork = 2.5e11;
  constexpr std::int64_t kMostSteps = 100, kLeastSteps = 40, kSmallBatch = 16;
  const double one = static_cast<double>(parameters_of(config.key, data)) * data.steps *
                     static_cast<double>(range_test_rates().size());
  std::int64_t steps = kMostSteps, batch = std::min<std::int64_t>(config.key.batch_size, data.train.count);
  const auto work = [&] { return one * static_cast<double>(steps) * static_cast<double>(batch); };
  while (work() > kMostWork && batch / 2 >= kSmallBatch) batch /= 2;
  while (work() > kMostWork && steps - 10 >= kLeastSteps) steps -= 10;
  return {steps, static_cast<std::int32_t>(batch)};
}

RangeTest test_rates(Executor& executor, const BoundConfig& config, const RangeTestSize& size) {
  const std::vector<double> rates = range_test_rates();
  std::vector<RunOrder> orders;
  orders.reserve(rates.size());
  for (const double rate : rates)
    orders.push_back(plain_order(config, rate, size.steps, size.steps / 10, size.batch_size));
  const auto reports = train_all(executor, std::move(orders));
  RangeTest test;
  test.steps = size.steps;
  test.batch_size = size.batch_size;
  test.run_steps = config.hyper.total_steps;
  test.start = reports[0][0].train.loss;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const Report& last = reports[i].back();
    test.rates.push_back({rates[i], last.train.loss, last.diverged});
  }
  return test;
}

std::optional<RateRange> usable_rates(const RangeTest& test) {
  constexpr double kShareOfBest = 0.1, kShareAbove = 0.5;
  const double from = knows_nothing(test);
  const auto fall = [&](std::size_t i) { return test.rates[i].diverged ? -1.0 : from - test.rates[i].loss; };
  std::size_t best = 0;
  for (std::size_t i = 1; i < test.rates.size(); ++i)
    if (fall(i) > fall(best)) best = i;
  if (!(fall(best) >= kNoticed * from)) return std::nullopt;
  const double least = kShareOfBest * fall(best), least_above = kShareAbove * fall(best);
  std::size_t low = best, high = best;
  for (std::size_t i = best; i > 0 && !rises(test.rates[i - 1], test); --i)
    if (fall(i - 1) >= least) low = i - 1;
  while (high + 1 < test.rates.size() && fall(high + 1) >= least_above) ++high;
  RateRange range{test.rates[low].rate, test.rates[best].rate, test.rates[high].rate, 0};
  if (test.run_steps > test.steps) {
    const double as_far = range.min * static_cast<double>(test.steps) / static_cast<double>(test.run_steps);
    while (low > 0 && test.rates[low].rate > as_far) --low;
    range.min = test.rates[low].rate;
  }
  for (std::size_t i = best; i < test.rates.size() && range.rises_at == 0; ++i)
    if (rises(test.rates[i], test)) range.rises_at = test.rates[i].rate;
  return range;
}

Finding judge_rates(const RangeTest& test, std::span<const double> rates) {
  const std::string what = "learning rates";
  const auto usable = usable_rates(test);
  if (!usable && best_loss(test) < (1 - kNoticed) * test.start)
    return {Grade::kWarn, what,
            cat("at no rate does the loss get clearly below chance, ", short_number(test.chance), ", in ", test.steps,
                " steps (best ", short_number(best_loss(test)), "): nothing is learned that would tell rates apart; ",
                "look at the size of the network, at the optimizer and at the data")};
  if (!usable)
    return {Grade::kFail, what,
            cat("no rate from ", short_number(test.rates.front().rate), " to ", short_number(test.rates.back().rate),
                " lowers the loss in ", test.steps, " steps; is there something to learn in these labels?")};
  const auto share = [&](auto&& holds) {
    return static_cast<double>(std::count_if(rates.begin(), rates.end(), holds)) / static_cast<double>(rates.size());
  };
  const double rising = share([&](double r) { return usable->rises_at > 0 && r >= usable->rises_at; });
  const double inside = share([&](double r) { return r >= usable->min && r <= usable->max; });
  const bool one = std::equal(rates.begin() + 1, rates.end(), rates.begin());
  const std::string own = one ? cat("the sweep's rate ", short_number(rates[0]))
                              : cat(std::lround(100 * inside), " % of the sweep's rates");
  const std::string found = cat("of use from ", short_number(usable->min), " to ", short_number(usable->max),
                                "; the loss falls fastest at ", short_number(usable->best));
  if (rising == 1)
    return {Grade::kFail, what,
            cat(found, "; at all of the sweep's rates, ", short_number(*std::min_element(rates.begin(), rates.end())),
                " and above, it rises: use the range below")};
  if (rising > 0.5)
    return {Grade::kWarn, what,
            cat(found, "; at ", std::lround(100 * rising), " % of the sweep's rates, ", short_number(usable->rises_at),
                " and above, it rises: lower max")};
  if (inside == 0)
    return {Grade::kWarn, what, cat(found, "; none of the sweep's rates lies there: use the range below")};
  return {Grade::kPass, what, cat(found, "; ", own, one ? " lies there" : " lie there")};
}

const ParameterSpec* rate_parameter(const SweepSpec& spec, const Config& config) {
  const auto holds = [&](const ParameterSpec& parameter) {
    if (!config.contains(parameter.name)) return false;
    if (!parameter.when) return true;
    for (const ParameterSpec& other : spec.parameters) {
      const auto at = config.find(other.name);
      if (other.label != parameter.when->parameter || at == config.end()) continue;
      const std::vector<Value>& values = parameter.when->values;
      return std::find(values.begin(), values.end(), at->second) != values.end();
    }
    return false;
  };
  for (const ParameterSpec& parameter : spec.parameters)
    if (canonical_parameter(parameter.name) == "learning_rate" && holds(parameter)) return &parameter;
  return nullptr;
}

std::vector<const ParameterSpec*> other_rate_parameters(const SweepSpec& spec, const ParameterSpec* tried) {
  std::vector<const ParameterSpec*> others;
  for (const ParameterSpec& parameter : spec.parameters)
    if (&parameter != tried && canonical_parameter(parameter.name) == "learning_rate") others.push_back(&parameter);
  return others;
}

std::vector<double> rates_of(const ParameterSpec* parameter, const BoundConfig& config) {
  constexpr int kValues = 64;
  if (!parameter) return {config.hyper.learning_rate};
  const Parameter dimension(*parameter);
  std::vector<double> rates;
  for (int i = 0; i < kValues; ++i) {
    const Value value = dimension.at((i + 0.5) / kValues);
    const std::optional<Value> number = value.is_string() ? parse_number(value.get<std::string>()) : value;
    rates.push_back(number && number->is_number() ? number->get<double>() : double{config.hyper.learning_rate});
  }
  return rates;
}

ByHeart learn_by_heart(Executor& executor, const BoundConfig& config, std::int64_t examples,
                       std::span<const double> rates) {
  ByHeart best;
  for (const std::int64_t steps : {100, 300, 900}) {
    std::vector<RunOrder> orders;
    for (const double rate : rates) {
      orders.push_back(plain_order(config, rate, steps, steps, static_cast<std::int32_t>(examples)));
      without_regularisation(orders.back().hyper);
    }
    const auto reports = train_all(executor, std::move(orders));
    best = {examples, steps, 0, std::numeric_limits<double>::infinity(), 0};
    for (std::size_t i = 0; i < rates.size(); ++i) {
      const Report& last = reports[i].back();
      if (last.diverged || !(last.validation.loss < best.loss)) continue;
      best = {examples, steps, rates[i], last.validation.loss, last.validation.accuracy()};
    }
    if (best.loss < kLearned && best.accuracy == 1) break;
  }
  return best;
}

Finding judge_by_heart(const ByHeart& result) {
  const std::string what = "learning by heart";
  const std::string reached = cat("loss ", short_number(result.loss), " on ", result.examples, " examples, ",
                                  short_number(100 * result.accuracy), " % right, after ", result.steps,
                                  " steps at rate ", short_number(result.rate));
  if (result.loss < kLearned && result.accuracy == 1) return {Grade::kPass, what, reached};
  if (result.accuracy == 1)
    return {Grade::kWarn, what, reached + ": it can, but slowly; another optimizer or more momentum would be quicker"};
  return {Grade::kFail, what,
          reached + ": a network that cannot do this will not do more; look at its size, the optimizer and the data"};
}

}  // namespace caviar

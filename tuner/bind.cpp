#include "tuner/bind.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "kernels/base/error.h"
#include "tuner/meaning.h"
#include "tuner/space.h"
#include "tuner/spec/names.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

constexpr double kLargestWhole = 9007199254740992.0;  // 2^53: every whole number up to here is a double
constexpr std::int64_t kMostEpochs = 1'000'000'000;
constexpr std::int64_t kMostSteps = std::int64_t{1} << 53;

constexpr std::string_view kCells[] = {"lstm", "gru", "rnn_tanh", "rnn_relu"};  // in the order of enum Cell
constexpr std::string_view kReadouts[] = {"last_step", "final_states", "mean"};

// What a config gives for one parameter: the path it used and the value.
struct Given {
  std::string path;
  Value value;
};
using Parameters = std::map<std::string, Given>;  // by canonical name

// A config on its way to a BoundConfig: what other parameters have a say in is kept until all are read.
struct Draft {
  PackKey key;
  Hyper hyper;
  Seeds seeds;
  bool plain_rnn = false;            // cell: rnn, whose kind `nonlinearity` decides
  std::optional<Cell> nonlinearity;  // as the cell it makes of rnn
  std::optional<std::int64_t> epochs, max_steps;
};

// ---- values
// ----------------------------------------------------------------------------------------------------------

double number_of(const std::string& name, const Value& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) {
    if (auto number = parse_number(value.get<std::string>())) return number->get<double>();
  }
  fail(name, " is ", show(value), "; it must be a number");
}

std::int64_t whole_of(const std::string& name, const Value& value, std::int64_t low, std::int64_t high) {
  const double number = number_of(name, value);
  if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high))) {
    fail(name, " is ", show(value), "; it must lie in [", low, ", ", high, "]");
  }
  if (number != std::floor(number)) fail(name, " is ", show(value), "; it must be a whole number");
  return static_cast<std::int64_t>(number);
}

bool flag_of(const std::string& name, const Value& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value == Value(0) || value == Value("false") || value == Value("False")) return false;
  if (value == Value(1) || value == Value("true") || value == Value("True")) return true;
  fail(name, " is ", show(value), "; it must be true or false");
}

std::uint64_t seed_of(const std::string& name, const Value& value) {
  std::optional<Value> number;
  if (value.is_number()) number = value;
  if (value.is_string()) number = parse_number(value.get<std::string>());
  if (number && number->is_number_unsigned()) return number->get<std::uint64_t>();
  if (number && number->is_number_integer() && number->get<std::int64_t>() >= 0) {
    return static_cast<std::uint64_t>(number->get<std::int64_t>());
  }
  if (number && number->is_number_float()) {
    const double seed = number->get<double>();
    if (seed >= 0 && seed <= kLargestWhole && seed == std::floor(seed)) return static_cast<std::uint64_t>(seed);
  }
  fail(name, " is ", show(value), "; it must be a whole number from 0 to 2^64 - 1");
}

std::size_t choice_of(const std::string& name, const Value& value, std::span<const std::string_view> choices) {
  if (value.is_string()) {
    const std::string word = canonical_choice(name, value.get<std::string>());
    const auto found = std::find(choices.begin(), choices.end(), word);
    if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
    fail(name, " is ", show(value), "; it must be one of ", join(choices), did_you_mean(word, choices));
  }
  fail(name, " is ", show(value), "; it must be one of ", join(choices));
}

// ---- one parameter
// ---------------------------------------------------------------------------------------------------

using Read = void (*)(Draft& draft, const std::string& name, const Value& value);

void read_cell(Draft& draft, const std::string& name, const Value& value) {
  constexpr std::string_view kWords[] = {"lstm", "gru", "rnn_tanh", "rnn_relu", "rnn"};
  const std::size_t choice = choice_of(name, value, kWords);
  draft.plain_rnn = choice == 4;
  draft.key.cell = draft.plain_rnn ? Cell::kRnnTanh : static_cast<Cell>(choice);
}

void read_nonlinearity(Draft& draft, const std::string& name, const Value& value) {
  constexpr std::string_view kWords[] = {"tanh", "relu"};
  draft.nonlinearity = choice_of(name, value, kWords) == 0 ? Cell::kRnnTanh : Cell::kRnnRelu;
}

void read_all_seeds(Draft& draft, const std::string& name, const Value& value) {
  const std::uint64_t seed = seed_of(name, value);
  draft.seeds = {seed, seed, seed, seed, seed};
}

void read_betas(Draft& draft, const std::string& name, const Value& value) {
  if (!value.is_array() || value.size() != 2) fail(name, " is ", show(value), "; it must be a list of two numbers");
  set_hyper_field(draft.hyper, *find_hyper_field("beta1"), number_of("beta1", value[0]));
  set_hyper_field(draft.hyper, *find_hyper_field("beta2"), number_of("beta2", value[1]));
}

struct Reader {
  std::string_view name;
  Read read;
};

// Parameters that are not in the table of kernels/hyper.h. `seed` stands before the single streams and so is read
// first.
constexpr Reader kReaders[] = {
    {"model",
     [](Draft&, const std::string& n, const Value& v) {
       constexpr std::string_view kModels[] = {"birnn"};
       choice_of(n, v, kModels);
     }},
    {"cell", read_cell},
    {"nonlinearity", read_nonlinearity},
    {"hidden_size", [](Draft& d, const std::string& n,
                       const Value& v) { d.key.hidden_size = static_cast<std::int32_t>(whole_of(n, v, 1, 1024)); }},
    {"num_layers", [](Draft& d, const std::string& n,
                      const Value& v) { d.key.num_layers = static_cast<std::int32_t>(whole_of(n, v, 1, 8)); }},
    {"bidirectional", [](Draft& d, const std::string& n, const Value& v) { d.key.bidirectional = flag_of(n, v); }},
    {"readout", [](Draft& d, const std::string& n,
                   const Value& v) { d.key.readout = static_cast<Readout>(choice_of(n, v, kReadouts)); }},
    {"batch_size",
     [](Draft& d, const std::string& n, const Value& v) {
       d.key.batch_size = static_cast<std::int32_t>(whole_of(n, v, 1, std::numeric_limits<std::int32_t>::max()));
     }},
    {"epochs", [](Draft& d, const std::string& n, const Value& v) { d.epochs = whole_of(n, v, 1, kMostEpochs); }},
    {"max_steps", [](Draft& d, const std::string& n, const Value& v) { d.max_steps = whole_of(n, v, 1, kMostSteps); }},
    {"betas", read_betas},
    {"seed", read_all_seeds},
    {"seed_init", [](Draft& d, const std::string& n, const Value& v) { d.seeds.init = seed_of(n, v); }},
    {"seed_order", [](Draft& d, const std::string& n, const Value& v) { d.seeds.order = seed_of(n, v); }},
    {"seed_dropout", [](Draft& d, const std::string& n, const Value& v) { d.seeds.dropout = seed_of(n, v); }},
    {"seed_augment", [](Draft& d, const std::string& n, const Value& v) { d.seeds.augment = seed_of(n, v); }},
    {"seed_split", [](Draft& d, const std::string& n, const Value& v) { d.seeds.split = seed_of(n, v); }},
};

void read_hyper(Hyper& hyper, const HyperField& field, const Value& value) {
  const std::string name = field.name;
  switch (field.kind) {
    case FieldKind::kFloat:
    case FieldKind::kInteger:
      set_hyper_field(hyper, field, number_of(name, value));
      return;
    case FieldKind::kFlag:
      set_hyper_field(hyper, field, flag_of(name, value) ? 1 : 0);
      return;
    case FieldKind::kChoice: {
      const std::vector<std::string_view> choices(field.choices.begin(), field.choices.end());
      // YAML reads a bare `off` or `no` as false.
      const Value word =
          name == "polyak" && value.is_boolean() ? Value(value.get<bool>() ? "exponential" : "none") : value;
      set_hyper_field(hyper, field, static_cast<double>(choice_of(name, word, choices)));
      return;
    }
  }
}

// Reads one parameter; messages name the word the config used as well.
void read_parameter(Draft& draft, const std::string& name, const Given& given) {
  if (given.value.is_null()) return;
  try {
    for (const Reader& reader : kReaders) {
      if (reader.name == name) return reader.read(draft, name, given.value);
    }
    read_hyper(draft.hyper, *find_hyper_field(name), given.value);
  } catch (const Error& error) {
    if (given.path == name) throw;
    fail(error.what(), " (given as '", given.path, "')");
  }
}

// ---- all parameters
// --------------------------------------------------------------------------------------------------

void flatten(const std::string& path, const Value& value, std::vector<Given>& out) {
  if (!value.is_object()) {
    out.push_back({path, value});
    return;
  }
  for (const auto& [key, inner] : value.items()) flatten(path + "." + key, inner, out);
}

std::vector<Given> flattened(const std::string& path, const Value& value) {
  std::vector<Given> out;
  flatten(path, value, out);
  return out;
}

std::string name_of(const std::string& path) {
  std::string name = canonical_parameter(path);
  if (name.empty()) {
    fail("parameter '", path, "' is read by nobody", did_you_mean_parameter(path),
         " (a sweep over it would change nothing; rename or remove it)");
  }
  return name;
}

Parameters resolve(const Config& config) {
  Parameters parameters;
  for (const auto& [path, value] : config) {
    for (Given& given : flattened(path, value)) {
      const std::string name = name_of(given.path);
      const auto [other, is_new] = parameters.emplace(name, given);
      if (!is_new) {
        fail("'", other->second.path, "' and '", given.path, "' both mean ", name, "; keep one");
      }
    }
  }
  return parameters;
}

const Value* find(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() || found->second.value.is_null() ? nullptr : &found->second.value;
}

// Two ways to say one thing may not both be said.
void check_rivals(const Parameters& parameters) {
  constexpr std::array<std::array<const char*, 2>, 10> kRivals = {{
      {"epochs", "max_steps"},
      {"momentum", "one_minus_momentum"},
      {"beta1", "one_minus_beta1"},
      {"beta2", "one_minus_beta2"},
      {"alpha", "one_minus_alpha"},
      {"polyak_decay", "one_minus_polyak_decay"},
      {"betas", "beta1"},
      {"betas", "beta2"},
      {"betas", "one_minus_beta1"},
      {"betas", "one_minus_beta2"},
  }};
  for (const auto& [one, other] : kRivals) {
    if (find(parameters, one) && find(parameters, other)) {
      fail("both '", parameters.at(one).path, "' and '", parameters.at(other).path,
           "' are given and say the same thing; keep one");
    }
  }
}

Draft read_all(const Parameters& parameters) {
  check_rivals(parameters);
  Draft draft;
  if (const auto seed = parameters.find("seed"); seed != parameters.end()) {
    read_parameter(draft, seed->first, seed->second);  // before the single streams, which may differ from it
  }
  for (const auto& [name, given] : parameters) {
    if (name != "seed") read_parameter(draft, name, given);
  }
  return draft;
}

// Defaults and rules that depend on several parameters.
void settle_model(Draft& draft) {
  if (!draft.nonlinearity) return;
  const Cell cell = draft.key.cell;
  if (draft.plain_rnn) {
    draft.key.cell = *draft.nonlinearity;
  } else if ((cell == Cell::kRnnTanh || cell == Cell::kRnnRelu) && cell != *draft.nonlinearity) {
    fail("cell is ", kCells[static_cast<int>(cell)], " and nonlinearity says otherwise; keep one of them");
  }
}

void settle_optimizer(Draft& draft, const Parameters& parameters) {
  Hyper& hyper = draft.hyper;
  if (hyper.optimizer == Optimizer::kAdamW) {
    const Value* coupled = find(parameters, "decoupled_weight_decay");
    if (coupled && !hyper.decoupled_weight_decay) {
      fail("decoupled_weight_decay is false and optimizer is adamw, which always decouples; use adam");
    }
    hyper.decoupled_weight_decay = 1;
    if (!find(parameters, "weight_decay")) hyper.weight_decay = 0.01f;
  }
  if (hyper.hypergradient_rate > 0 && !adapts_rate(hyper)) {
    fail("hypergradient_rate is ", hyper.hypergradient_rate, " and optimizer is ",
         find_hyper_field("optimizer")->choices[static_cast<std::size_t>(hyper.optimizer)],
         "; the learning rate adapts itself with sgd, adam and adamw only: use one of them, or hypergradient_rate 0");
  }
  if (!find(parameters, "polyak")) {
    if (find(parameters, "polyak_decay") || find(parameters, "one_minus_polyak_decay")) {
      hyper.polyak = Polyak::kExponential;
    } else if (find(parameters, "polyak_start_step")) {
      hyper.polyak = Polyak::kUniform;
    }
  }
  draft.key.state_arrays = state_arrays(hyper);
  draft.key.averaged = hyper.polyak != Polyak::kNone;
}

std::int64_t training_examples(const DataUse& use, const DataShape& shape) {
  const std::int64_t left = shape.train_examples - use.validation_examples;
  if (use.validation_examples < 0 || left < 1) {
    fail("validation_examples is ", use.validation_examples, " of ", shape.train_examples,
         " training examples; leave at least one to train on");
  }
  return left;
}

void settle_length(const Draft& draft, const DataUse& use, const DataShape& shape, BoundConfig& bound) {
  const std::int64_t examples = training_examples(use, shape);
  const std::int64_t batch = draft.key.batch_size;
  if (batch > examples) {
    fail("batch_size is ", batch, ", more than the ", examples, " training examples; use a smaller batch");
  }
  const std::int64_t steps_per_epoch = (examples + batch - 1) / batch;
  const std::int64_t epochs = draft.epochs.value_or(10);
  if (!draft.max_steps && epochs > kMostSteps / steps_per_epoch) {
    fail("epochs is ", epochs, " of ", steps_per_epoch, " steps, more than 2^53 steps; use fewer epochs");
  }
  bound.hyper.total_steps = draft.max_steps.value_or(epochs * steps_per_epoch);
  if (bound.hyper.step_size == 0) bound.hyper.step_size = steps_per_epoch;
  bound.rung_steps = steps_per_epoch;
}

}  // namespace

BoundConfig bind_config(const Config& config, const DataUse& use, const DataShape& shape) {
  const Parameters parameters = resolve(config);
  Draft draft = read_all(parameters);
  settle_model(draft);
  settle_optimizer(draft, parameters);
  BoundConfig bound;
  bound.key = draft.key;
  bound.hyper = draft.hyper;
  bound.seeds = draft.seeds;
  bound.data = use;
  if (use.validate_on_test) bound.data.validation_examples = 0;
  settle_length(draft, bound.data, shape, bound);
  return bound;
}

void check_parameters(const SweepSpec& spec) {
  const auto check = [&](const ParameterSpec& parameter, const Value& value) {
    try {
      for (const Given& given : flattened(parameter.name, value)) {
        Draft draft;
        read_parameter(draft, name_of(given.path), given);
      }
    } catch (const Error& error) {
      fail(spec.filename, ":", parameter.line, ": ", error.what());
    }
  };
  std::map<std::string, std::vector<const ParameterSpec*>> names;
  for (const ParameterSpec& parameter : spec.parameters) {
    switch (parameter.distribution) {
      case Distribution::kConstant:
      case Distribution::kCategorical:
      case Distribution::kCategoricalWithProbabilities:
        for (const Value& value : parameter.values) check(parameter, value);
        break;
      case Distribution::kNormal:
      case Distribution::kQNormal:
      case Distribution::kLogNormal:
      case Distribution::kQLogNormal:
        check(parameter, Parameter(parameter).at(0.5));  // its tails are no one's intention
        break;
      default: {
        const Parameter dimension(parameter);
        check(parameter, dimension.at(0));
        check(parameter, dimension.at(1 - 0x1p-53));
      }
    }
    const bool is_group = !parameter.values.empty() && parameter.values.front().is_object();
    if (is_group) continue;
    const std::string name = name_of(parameter.name);
    for (const ParameterSpec* other : names[name]) {
      if (!can_meet(spec.parameters, parameter, *other)) continue;
      fail(spec.filename, ":", parameter.line, ": '", parameter.name, "' and '", other->name, "' (line ", other->line,
           ") both mean ", name, "; keep one");
    }
    names[name].push_back(&parameter);
  }
}

Seeds repeat_seeds(const Seeds& base, std::int64_t repeat, const VariedSeeds& vary) {
  const auto moved = [&](std::uint64_t seed, bool varies) {
    return varies ? seed + static_cast<std::uint64_t>(repeat) : seed;
  };
  return {moved(base.init, vary.init), moved(base.order, vary.order), moved(base.dropout, vary.dropout),
          moved(base.augment, vary.augment), moved(base.split, vary.split)};
}

std::vector<std::string> unread_parameters(const Config& config) {
  const Parameters parameters = resolve(config);
  Draft draft = read_all(parameters);
  settle_model(draft);
  settle_optimizer(draft, parameters);
  std::vector<std::string> unread;
  for (const auto& [name, given] : parameters) {
    if (!given.value.is_null() && !is_read(name, draft.key, draft.hyper)) unread.push_back(given.path);
  }
  return unread;
}

// Fields newer than the first studies are in the line only where they are used, so that those studies keep their
// identities.
bool came_later(const HyperField& field) { return std::string_view(field.name) == "hypergradient_rate"; }

std::string canonical_run(const BoundConfig& bound, const std::string& data_digest, const std::string& numerics) {
  return canonical_as_given(meaning_of(bound), data_digest, numerics);
}

std::string canonical_as_given(const BoundConfig& bound, const std::string& data_digest, const std::string& numerics) {
  const PackKey& key = bound.key;
  Value line = {
      {"family", key.family},
      {"cell", kCells[static_cast<int>(key.cell)]},
      {"hidden_size", key.hidden_size},
      {"num_layers", key.num_layers},
      {"bidirectional", key.bidirectional},
      {"readout", kReadouts[static_cast<int>(key.readout)]},
      {"batch_size", key.batch_size},
      {"precision", key.precision},
      {"max_steps", bound.hyper.total_steps},
      {"rung_steps", bound.rung_steps},
      {"validation_examples", bound.data.validation_examples},
      {"validate_on_test", bound.data.validate_on_test},
      {"seed_init", bound.seeds.init},
      {"seed_order", bound.seeds.order},
      {"seed_dropout", bound.seeds.dropout},
      {"seed_augment", bound.seeds.augment},
      {"seed_split", bound.seeds.split},
      {"data_digest", data_digest},
      {"numerics", numerics},
  };
  for (const HyperField& field : hyper_fields()) {
    if (field.complement) continue;  // its stored form, one_minus_..., is in the table too and is exact
    const double value = get_hyper_field(bound.hyper, field);
    if (came_later(field) && value == field.fallback) continue;
    switch (field.kind) {
      case FieldKind::kFloat:
        line[field.name] = round_to_float32(value);
        break;
      case FieldKind::kInteger:
        line[field.name] = static_cast<std::int64_t>(value);
        break;
      case FieldKind::kFlag:
        line[field.name] = value != 0;
        break;
      case FieldKind::kChoice:
        line[field.name] = field.choices[static_cast<std::size_t>(value)];
        break;
    }
  }
  return line.dump();
}

void require_measured(const std::string& metric, const BoundConfig& bound) {
  if (bound.key.averaged || !metric.starts_with("averaged_")) return;
  fail("metric is ", metric,
       " but polyak is none, so no average is kept; give polyak: exponential or uniform, or rank by ",
       metric.substr(std::string("averaged_").size()));
}

}  // namespace caviar

#include "tuner/advice/advice.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>

#include "kernels/base/error.h"
#include "tuner/bind.h"
#include "tuner/numerics/draws.h"
#include "tuner/space.h"
#include "tuner/spec/names.h"

namespace caviar {
namespace {

constexpr double kTwoDecades = 100;

bool is_even(const ParameterSpec& parameter) {
  return parameter.distribution == Distribution::kUniform || parameter.distribution == Distribution::kQUniform ||
         parameter.distribution == Distribution::kIntUniform;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// As a person would write it.
std::string short_number(double x) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.3g", x);
  return text.data();
}

// The names behind a value: its own, or those of a group's members.
void collect_names(const std::string& path, const Value& value, std::vector<std::pair<std::string, Value>>& into) {
  if (!value.is_object()) {
    into.emplace_back(canonical_parameter(path), value);
    return;
  }
  for (const auto& [key, inner] : value.items()) collect_names(path + "." + key, inner, into);
}

class Adviser {
 public:
  Adviser(const SweepSpec& spec, const SearchFacts& facts, const Scheduler& scheduler)
      : spec_(spec), facts_(facts), scheduler_(scheduler) {
    for (const ParameterSpec& parameter : spec.parameters) {
      std::vector<std::pair<std::string, Value>> named;
      for (const Value& value : parameter.values) collect_names(parameter.name, value, named);
      if (parameter.values.empty()) named.emplace_back(canonical_parameter(parameter.name), Value());
      for (const auto& [name, value] : named) {
        if (is_swept(parameter)) swept_.emplace(name, &parameter);
        if (name == "optimizer" && value.is_string())
          optimizers_.insert(canonical_choice(name, value.get<std::string>()));
      }
    }
  }

  std::vector<std::string> advise() {
    about_length();
    about_scales();
    about_batches();
    about_adam();
    for (const ParameterSpec* parameter : unread_everywhere(spec_))
      say(parameter, "'", parameter->name, "' is swept but the other values leave it without effect; remove it");
    about_points();
    about_window();
    for (std::string& sentence : advise_on_search(spec_, facts_, scheduler_)) sentences_.push_back(std::move(sentence));
    return std::move(sentences_);
  }

 private:
  template <class... Parts>
  void say(const ParameterSpec* parameter, const Parts&... parts) {
    sentences_.push_back(cat(spec_.filename, ":", parameter->line, ": ", parts...));
  }

  const ParameterSpec* swept(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names)
      if (const auto found = swept_.find(name); found != swept_.end()) return found->second;
    return nullptr;
  }

  void about_length() {
    if (const ParameterSpec* length = swept({"epochs", "max_steps"}))
      say(length, "'", length->name,
          "' is swept: the longest training mostly wins, and where it does not nobody knows whether another rate "
          "would have; fix it, and let a scheduler stop what is hopeless");
  }

  void about_scales() {
    for (const ParameterSpec& parameter : spec_.parameters) {
      const std::string name = canonical_parameter(parameter.name);
      if (!is_even(parameter) || !is_swept(parameter) || name.starts_with("seed")) continue;
      about_scale(parameter, name);
      if (is_one_of(name, {"momentum", "beta1", "beta2", "alpha", "polyak_decay"})) about_memory(parameter, name);
    }
  }

  void about_scale(const ParameterSpec& parameter, const std::string& name) {
    const bool whole = parameter.distribution == Distribution::kIntUniform;
    const bool from_zero =
        parameter.min == 0 && (is_one_of(name, {"learning_rate", "hypergradient_rate", "weight_decay", "l1", "eps"}) ||
                               name.starts_with("one_minus_"));
    const bool wide = parameter.min > 0 && parameter.max > kTwoDecades * parameter.min;
    if (!wide && !from_zero) return;
    const double tenth = parameter.max / 10;
    say(&parameter, "'", parameter.name, "' is drawn evenly from ", short_number(parameter.min), " to ",
        short_number(parameter.max), ", so ",
        short_number(100 * (parameter.max - tenth) / (parameter.max - parameter.min)), " % of its values lie above ",
        short_number(tenth),
        "; write distribution: ", whole ? "q_log_uniform_values, with q: 1," : "log_uniform_values",
        from_zero ? " with a min above 0" : "");
  }

  void about_memory(const ParameterSpec& parameter, const std::string& name) {
    const double low = 1 - parameter.max, high = 1 - parameter.min;
    if (!(low > 0 && high > kTwoDecades * low)) return;
    say(&parameter, "'", parameter.name, "' is drawn evenly up to ", short_number(parameter.max),
        ", so hardly any trial remembers long; sweep one_minus_", name, " instead, distribution: log_uniform_values, ",
        "min: ", short_number(low), ", max: ", short_number(high));
  }

  void about_batches() {
    const ParameterSpec* batch = swept({"batch_size"});
    if (batch && !swept({"learning_rate"}))
      say(batch, "'", batch->name,
          "' is swept and the learning rate is not: every batch size has a best rate of its own, so the one that "
          "suits the fixed rate wins; sweep learning_rate too");
  }

  void about_adam() {
    if (!facts_.trials) return;
    const bool adam = optimizers_.empty() || std::any_of(optimizers_.begin(), optimizers_.end(), [](const auto& word) {
                        return is_one_of(word, {"adam", "adamw", "nadam"});
                      });
    if (!adam) return;
    struct Rule {
      std::initializer_list<std::string_view> names;
      std::int64_t trials;
    };
    const Rule rules[] = {
        {{"beta1", "one_minus_beta1", "betas"}, 10}, {{"eps"}, 25}, {{"beta2", "one_minus_beta2", "betas"}, 50}};
    std::set<const ParameterSpec*> said;
    for (const auto& [names, trials] : rules) {
      const ParameterSpec* parameter = swept(names);
      if (!parameter || *facts_.trials >= trials || !said.insert(parameter).second) continue;
      say(parameter, "'", parameter->name, "' is swept with ", *facts_.trials,
          *facts_.trials == 1 ? " trial" : " trials", "; below ", trials,
          " trials it takes points away from what matters more; leave it at its default, or raise --count");
    }
  }

  void about_points() {
    const std::string& sampler = spec_.settings.sampler.name;
    const bool is_grid = sampler.empty() ? spec_.method == Method::kGrid : sampler == "grid";
    if (!is_grid || facts_.points < 0 || !facts_.trials || *facts_.trials >= facts_.points) return;
    sentences_.push_back(cat(spec_.filename, ": the grid has ", facts_.points, " points and only the first ",
                             *facts_.trials,
                             " are tried, in which the parameters that come first by name hardly change; raise --count "
                             "(or run_cap), shorten the lists, or use method: random"));
  }

  void about_window() {
    const std::int64_t at_once = facts_.window * facts_.seeds;
    if (!facts_.learns || at_once >= facts_.runs_wanted) return;
    if (facts_.trials && *facts_.trials <= facts_.window) return;
    sentences_.push_back(cat(spec_.filename, ": the search waits for results, so at most ", at_once,
                             at_once == 1 ? " run (window " : " runs (window ", facts_.window, " x seeds ",
                             facts_.seeds, at_once == 1 ? ") trains" : ") train", " at once where the device wants ",
                             facts_.runs_wanted, "; set caviar.window to ",
                             (facts_.runs_wanted + facts_.seeds - 1) / facts_.seeds,
                             " or more, at the price of a search that knows less"));
  }

  const SweepSpec& spec_;
  const SearchFacts& facts_;
  const Scheduler& scheduler_;
  std::map<std::string, const ParameterSpec*, std::less<>> swept_;  // by canonical name
  std::set<std::string> optimizers_;
  std::vector<std::string> sentences_;
};

}  // namespace

bool is_swept(const ParameterSpec& parameter) {
  switch (parameter.distribution) {
    case Distribution::kConstant:
      return false;
    case Distribution::kCategorical:
    case Distribution::kCategoricalWithProbabilities:
      return parameter.values.size() > 1;
    default:
      break;
  }
  const Parameter dimension(parameter);
  return dimension.at(0) != dimension.at(1 - 0x1p-53);
}

std::vector<std::string> advise(const SweepSpec& spec, const SearchFacts& facts, const Scheduler& scheduler) {
  return Adviser(spec, facts, scheduler).advise();
}

std::vector<const ParameterSpec*> unread_everywhere(const SweepSpec& spec) {
  constexpr std::int64_t kPoints = 256;
  const SearchSpace space(spec);
  std::set<std::string> seen, read;
  for (std::int64_t i = 0; i < kPoints; ++i) {
    Point point(space.size());
    for (std::size_t j = 0; j < point.size(); ++j) point[j] = sampler_unit(0, i, space.parameters()[j].label());
    const Config config = space.config_at(point);
    try {
      const std::vector<std::string> unread = unread_parameters(config);
      for (const auto& [name, value] : config) {
        seen.insert(name);
        if (std::find(unread.begin(), unread.end(), name) == unread.end()) read.insert(name);
      }
    } catch (const Error&) {
      continue;  // a config that cannot be trained reads nothing; it is said elsewhere
    }
  }
  std::vector<const ParameterSpec*> nowhere;
  for (const ParameterSpec& parameter : spec.parameters)
    if (is_swept(parameter) && seen.contains(parameter.name) && !read.contains(parameter.name))
      nowhere.push_back(&parameter);
  return nowhere;
}

}  // namespace caviar

#include "tuner/samplers/pbt.h"

#include <algorithm>
#include <cmath>

#include "kernels/hyper.h"
#include "tuner/samplers/random.h"
#include "tuner/spec/names.h"

namespace caviar {

bool may_change_in_training(const std::string& name) {
  const std::string known = canonical_parameter(name);
  const HyperField* field = find_hyper_field(known);
  return known.empty() || (field && field->kind == FieldKind::kFloat);
}

PbtSampler::PbtSampler(const SearchSpace& space, PbtSettings settings, std::uint64_t sweep_seed)
    : space_(space),
      settings_(settings),
      sweep_seed_(sweep_seed),
      generations_((settings.iterations + settings.interval - 1) / settings.interval) {}

std::int64_t PbtSampler::needs(std::int64_t number) const {
  return number / settings_.population * settings_.population - 1;
}

void PbtSampler::started(const Trial& trial) {
  members_.push_back({trial.config, {}});
  // The generation under way and the one before are read.
  const std::int64_t oldest = (trial.number / settings_.population - 1) * settings_.population;
  while (first_ < oldest) {
    members_.erase(members_.begin(), members_.begin() + settings_.population);
    first_ += settings_.population;
  }
}

void PbtSampler::tell(const TrialResult& result) {
  const std::int64_t index = result.number - first_;
  if (index < 0 || index >= static_cast<std::int64_t>(members_.size())) return;
  if (std::isfinite(result.loss) && space_.point_of(result.config))
    members_[static_cast<std::size_t>(index)].loss = result.loss;
}

const PbtSampler::Member& PbtSampler::member(std::int64_t trial) const {
  return members_[static_cast<std::size_t>(trial - first_)];
}

// The trial of the generation before that trial `number` goes on from, or -1.
std::int64_t PbtSampler::parent_of(std::int64_t number) const {
  const std::int64_t population = settings_.population;
  const std::int64_t begin = (number / population - 1) * population;
  // Nothing is known of a generation that was not started: a look ahead, for checks.
  if (begin < first_ || begin + population > first_ + static_cast<std::int64_t>(members_.size())) return -1;
  std::vector<std::int64_t> ranked;
  for (std::int64_t trial = begin; trial < begin + population; ++trial) {
    if (member(trial).loss) ranked.push_back(trial);
  }
  if (ranked.empty()) return -1;
  std::stable_sort(ranked.begin(), ranked.end(),
                   [this](std::int64_t a, std::int64_t b) { return *member(a).loss < *member(b).loss; });
  const auto few =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(settings_.quantile * static_cast<double>(population)));
  const std::int64_t own = number - population;
  const auto place = std::find(ranked.begin(), ranked.end(), own) - ranked.begin();
  if (place < population - few && place < static_cast<std::int64_t>(ranked.size())) return own;
  const auto best = std::min<std::int64_t>(few, static_cast<std::int64_t>(ranked.size()));
  return ranked[static_cast<std::size_t>(Draws(sweep_seed_, number, "pbt exploits").below(best))];
}

Sampler::Stage PbtSampler::stage(std::int64_t number) const {
  const std::int64_t generation = number / settings_.population;
  Stage stage;
  stage.parent = parent_of(number);
  stage.until = generation + 1 < generations_ ? (generation + 1) * settings_.interval : 0;
  stage.oldest_parent = (generation - 1) * settings_.population;
  return stage;
}

std::optional<Config> PbtSampler::propose(std::int64_t number, int) {
  if (number < 0 || number >= size()) return std::nullopt;
  const std::int64_t parent = parent_of(number);
  if (parent < 0) return space_.config_at(random_point(space_, sweep_seed_, number));
  const Config& config = member(parent).config;
  return parent == number - settings_.population ? config : explored(config, number);
}

Config PbtSampler::explored(const Config& config, std::int64_t number) const {
  std::optional<Point> point = space_.point_of(config);
  Draws draws(sweep_seed_, number, "pbt explores");
  Draws entering(sweep_seed_, number, "pbt enters");  // for parameters that another choice brings in
  for (std::size_t i = 0; i < space_.size(); ++i) {
    const Parameter& parameter = space_.parameters()[i];
    if (std::isnan((*point)[i])) {
      (*point)[i] = entering.unit();
      continue;
    }
    if (parameter.is_constant() || !may_change_in_training(parameter.name())) continue;
    (*point)[i] = draws.chance(settings_.resample) ? draws.unit() : perturbed(parameter, (*point)[i], draws);
  }
  return space_.config_at(*point);
}

double PbtSampler::perturbed(const Parameter& parameter, double u, Draws& draws) const {
  const bool up = draws.chance(0.5);
  constexpr double kLargestUnit = 1 - 0x1p-53;
  const Value value = parameter.at(u);
  if (parameter.kind() == Parameter::Kind::kContinuous && value.is_number()) {
    const double factor = up ? settings_.factor : 1 / settings_.factor;
    const double x = value.get<double>() * factor;
    if (const auto place = parameter.unit_of(x)) return *place;
    return (x > value.get<double>()) ? kLargestUnit : 0;
  }
  const double step = 1.0 / static_cast<double>(std::max<std::int64_t>(parameter.levels(), 2));
  return std::clamp(up ? u + step : u - step, 0.0, kLargestUnit);
}

}  // namespace caviar

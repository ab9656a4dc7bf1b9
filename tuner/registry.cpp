#include "tuner/registry.h"

#include <algorithm>
#include <vector>

#include "kernels/base/error.h"
#include "tuner/samplers/bohb.h"
#include "tuner/samplers/cma_es.h"
#include "tuner/samplers/evolution.h"
#include "tuner/samplers/gp.h"
#include "tuner/samplers/grid.h"
#include "tuner/samplers/halton.h"
#include "tuner/samplers/once.h"
#include "tuner/samplers/pbt.h"
#include "tuner/samplers/random.h"
#include "tuner/samplers/sobol.h"
#include "tuner/samplers/tpe.h"
#include "tuner/samplers/zoom.h"
#include "tuner/schedulers/asha.h"
#include "tuner/schedulers/halving.h"
#include "tuner/schedulers/none.h"
#include "tuner/schedulers/patience.h"
#include "tuner/schedulers/percentile.h"
#include "tuner/schedulers/race.h"
#include "tuner/schedulers/threshold.h"
#include "tuner/schedulers/wandb_hyperband.h"
#include "tuner/schedulers/wilcoxon.h"
#include "tuner/spec/names.h"

namespace caviar {
namespace {

constexpr OptionHelp kZoomOptions[] = {
    {"rounds", OptionKind::kWhole, "4", 1, 1000, "", "how often the region is drawn anew, the first time included"},
    {"per_round", OptionKind::kWhole, "", 1, 1e9, "",
     "trials of a round, all but the last; without it, the trials asked for / rounds, or 25 when there is no end"},
    {"keep", OptionKind::kWhole, "", 1, 1e6, "",
     "best trials that a region is drawn around; without it, a fifth of a round, from 2 to 5"},
    {"shrink", OptionKind::kNumber, "0.5", 0.001, 1, "",
     "share of its width that a parameter keeps at least, each round"},
};

std::unique_ptr<Sampler> make_zoom(const SearchSpace& space, const OptionSet& options, const SearchScope& scope) {
  ZoomSampler::Settings settings;
  settings.rounds = options.whole("rounds");
  if (options.given("per_round")) {
    settings.per_round = options.whole("per_round");
  } else if (scope.trials) {
    settings.per_round = std::max<std::int64_t>(1, *scope.trials / settings.rounds);
  }
  settings.zoom.keep = options.given("keep") ? options.whole("keep") : ZoomSampler::kept_of(settings.per_round);
  settings.zoom.shrink = options.number("shrink");
  return std::make_unique<ZoomSampler>(space, scope.sweep_seed, settings);
}

constexpr OptionHelp kTpeOptions[] = {
    {"startup", OptionKind::kWhole, "10", 1, 1e6, "", "results before the model is asked; random draws until then"},
    {"gamma", OptionKind::kNumber, "0.1", 0.001, 0.999, "", "share of the trials that count as good"},
    {"candidates", OptionKind::kWhole, "12", 1, 10000, "", "points drawn from the density of the good, one is taken"},
};

std::unique_ptr<Sampler> make_tpe(const SearchSpace& space, const OptionSet& options, const SearchScope& scope) {
  TpeSettings settings;
  settings.startup = options.whole("startup");
  settings.gamma = options.number("gamma");
  settings.candidates = options.whole("candidates");
  return std::make_unique<TpeSampler>(space, settings, scope.sweep_seed, scope.window);
}

constexpr OptionHelp kCmaEsOptions[] = {
    {"population", OptionKind::kWhole, "", 4, 1e6, "",
     "trials of a generation; without it, 4 + 3 ln(parameters), or the window less one if that is more"},
    {"sigma", OptionKind::kNumber, "0.3", 1e-6, 1, "", "first step size, as a share of each parameter's width"},
    {"wait", OptionKind::kFlag, "false", 0, 0, "",
     "whether a generation waits for the whole one before, whatever the window, instead of several searches that take "
     "turns"},
};

std::unique_ptr<Sampler> make_cma_es(const SearchSpace& space, const OptionSet& options, const SearchScope& scope) {
  CmaEsSampler::Settings settings;
  if (options.given("population")) settings.population = options.whole("population");
  settings.sigma = options.number("sigma");
  settings.window = scope.window;
  settings.wait = options.flag("wait");
  return std::make_unique<CmaEsSampler>(space, scope.sweep_seed, settings);
}

constexpr OptionHelp kEvolutionOptions[] = {
    {"population", OptionKind::kWhole, "32", 2, 1e6, "", "trials that may have children: the last that ended"},
    {"tournament", OptionKind::kWhole, "8", 1, 1e6, "", "members among which the best becomes a parent"},
    {"crossover", OptionKind::kNumber, "0.5", 0, 1, "", "chance of two parents instead of one"},
    {"step", OptionKind::kNumber, "0.3", 1e-6, 1, "",
     "largest standard deviation of a change, as a share of the width"},
};

std::unique_ptr<Sampler> make_evolution(const SearchSpace& space, const OptionSet& options, const SearchScope& scope) {
  EvolutionSettings settings;
  settings.population = options.whole("population");
  settings.tournament = options.whole("tournament");
  settings.crossover = options.number("crossover");
  settings.step = options.number("step");
  settings.window = scope.window;
  return std::make_unique<EvolutionSampler>(space, scope.sweep_seed, settings);
}

constexpr OptionHelp kPbtOptions[] = {
    {"population", OptionKind::kWhole, "20", 2, 1e6, "", "Members, each trained on as a trial of every generation."},
    {"interval", OptionKind::kWhole, "1", 1, 1e6, "", "Iterations (reports, epochs) of a generation."},
    {"iterations", OptionKind::kWhole, "", 1, 1e9, "",
     "Iterations of a whole training [default: the value of epochs]."},
    {"quantile", OptionKind::kNumber, "0.2", 1e-6, 0.5, "",
     "The share that is replaced, by the same share of the best."},
    {"resample", OptionKind::kNumber, "0.25", 0, 1, "", "Chance to draw a number anew when exploring."},
    {"factor", OptionKind::kNumber, "1.2", 1.000001, 1000, "", "Explored numbers are multiplied or divided by this."},
};

// The whole length of a training in iterations: a report comes at the end of every epoch.
std::int64_t iterations_of(const SearchSpace& space, const OptionSet& options) {
  if (options.given("iterations")) return options.whole("iterations");
  for (const Parameter& parameter : space.parameters()) {
    const std::string name = canonical_parameter(parameter.name());
    if (name == "max_steps" || (name == "epochs" && (!parameter.is_constant() || !parameter.level(0).is_number()))) {
      fail(
          "sampler pbt must know how many iterations a training has; give epochs one value, or the sampler the setting "
          "iterations");
    }
    if (name == "epochs") return static_cast<std::int64_t>(parameter.level(0).get<double>());
  }
  return 10;  // what epochs is when nobody says
}

constexpr OptionHelp kGpOptions[] = {
    {"startup", OptionKind::kWhole, "10", 2, 1e6, "", "results before the model is asked; Sobol points until then"},
};

std::unique_ptr<Sampler> make_gp(const SearchSpace& space, const OptionSet& options, const SearchScope& scope) {
  GpSettings settings;
  settings.startup = options.whole("startup");
  return std::make_unique<GpSampler>(space, settings, scope.sweep_seed, scope.window);
}

constexpr OptionHelp kBohbOptions[] = {
    {"model", OptionKind::kWord, "tpe", 0, 0, "tpe, gp", "Parzen estimators, or a Gaussian process"},
    {"random_share", OptionKind::kNumber, "0.3333333333333333", 0, 1, "", "share of the trials that are random draws"},
};

std::unique_ptr<Sampler> make_bohb(const SearchSpace& space, const OptionSet& options, const SearchScope& scope) {
  BohbSettings settings;
  settings.by_gp = options.word("model") == "gp";
  settings.random_share = options.number("random_share");
  return std::make_unique<BohbSampler>(space, settings, scope.sweep_seed, scope.window);
}

constexpr SamplerKind kSamplers[] = {
    {"grid",
     "Every point of the space once.",
     {},
     [](const SearchSpace& space, const OptionSet&, const SearchScope&) -> std::unique_ptr<Sampler> {
       return std::make_unique<GridSampler>(space);
     }},
    {"random",
     "Independent draws from the parameters' distributions.",
     {},
     [](const SearchSpace& space, const OptionSet&, const SearchScope& scope) -> std::unique_ptr<Sampler> {
       return std::make_unique<RandomSampler>(space, scope.sweep_seed);
     }},
    {"sobol",
     "Scrambled Sobol points: an even cover of the space.",
     {},
     [](const SearchSpace& space, const OptionSet&, const SearchScope& scope) -> std::unique_ptr<Sampler> {
       return std::make_unique<SobolSampler>(space, scope.sweep_seed);
     }},
    {"halton",
     "Scrambled Halton points: an even cover by any number of trials.",
     {},
     [](const SearchSpace& space, const OptionSet&, const SearchScope& scope) -> std::unique_ptr<Sampler> {
       return std::make_unique<HaltonSampler>(space, scope.sweep_seed);
     }},
    {"zoom", "Rounds of Sobol points, each in a region drawn around the best so far.", kZoomOptions, make_zoom},
    {"cma_es", "CMA-ES with margin: generations that learn which parameters to move together.", kCmaEsOptions,
     make_cma_es},
    {"evolution", "Regularised evolution: children of good recent trials, a few of their parameters changed.",
     kEvolutionOptions, make_evolution},
    {"tpe", "The tree-structured Parzen estimator: draws where good trials are dense and bad ones rare.", kTpeOptions,
     make_tpe},
    {"gp", "Bayesian optimisation: a Gaussian process, and the config of greatest expected improvement.", kGpOptions,
     make_gp},
    {"bohb", "BOHB's model: of the longest training that enough trials had; goes with the scheduler hyperband.",
     kBohbOptions, make_bohb},
    {"pbt", "Population based training: worse members copy the weights of better ones and go on with changed numbers.",
     kPbtOptions,
     [](const SearchSpace& space, const OptionSet& options, const SearchScope& scope) -> std::unique_ptr<Sampler> {
       PbtSettings settings;
       settings.population = options.whole("population");
       settings.interval = options.whole("interval");
       settings.iterations = iterations_of(space, options);
       settings.quantile = options.number("quantile");
       settings.resample = options.number("resample");
       settings.factor = options.number("factor");
       return std::make_unique<PbtSampler>(space, settings, scope.sweep_seed);
     }},
};

constexpr SchedulerKind kSchedulers[] = {
    {"none",
     "Every trial runs to its end.",
     {},
     [](const OptionSet&, const SearchScope&) -> std::unique_ptr<Scheduler> {
       return std::make_unique<NoScheduler>();
     }},
    {"median", "Stops a trial that is behind the median of the earlier ones at the same iteration.",
     PercentileScheduler::kMedianOptions, PercentileScheduler::make},
    {"percentile", "Stops a trial that is behind a given percentile of the earlier ones at the same iteration.",
     PercentileScheduler::kPercentileOptions, PercentileScheduler::make},
    {"threshold", "Stops a trial whose metric leaves given bounds.", ThresholdScheduler::kOptions,
     ThresholdScheduler::make},
    {"patience", "Stops a trial that no longer gets better.", PatienceScheduler::kOptions, PatienceScheduler::make},
    {"wandb_hyperband", "W&B's early_terminate: at each band about one of eta trials goes on.",
     WandbHyperbandScheduler::kOptions, WandbHyperbandScheduler::make},
    {"successive_halving", "Brackets of consecutive trials; at each rung one of eta goes on.",
     HalvingScheduler::kHalvingOptions, HalvingScheduler::make_halving},
    {"hyperband", "Successive halving in brackets, from many trials judged early to few that train to the end.",
     HalvingScheduler::kHyperbandOptions, HalvingScheduler::make_hyperband},
    {"asha", "Successive halving without brackets: a trial is compared with all before it and some after.",
     AshaScheduler::kOptions, AshaScheduler::make},
    {"wilcoxon", "Gives a trial further seeds until a signed-rank test finds it worse than the best.",
     WilcoxonScheduler::kOptions, WilcoxonScheduler::make},
    {"race", "Blocks of trials race over the same seeds; paired t tests put out those that are not the best.",
     RaceScheduler::kOptions, RaceScheduler::make},
};

Choice meant_by_method(const SweepSpec& spec) {
  Choice choice;
  choice.where = spec.filename + ": ";
  if (spec.method == Method::kGrid) choice.name = "grid";
  if (spec.method == Method::kRandom) choice.name = "random";
  if (spec.method == Method::kBayes) choice.name = "gp";
  return choice;
}

template <class Kind>
const Kind& kind_named(const Choice& choice, std::span<const Kind> kinds, std::string_view what) {
  std::vector<std::string_view> names;
  for (const Kind& kind : kinds) {
    if (kind.name == choice.name) return kind;
    names.push_back(kind.name);
  }
  if (choice.name == "bayes")
    fail(choice.where, "there is no ", what, " 'bayes'; W&B's method bayes is the sampler gp");
  fail(choice.where, "there is no ", what, " '", choice.name, "'", did_you_mean(choice.name, names), "; known are ",
       join(names));
}

}  // namespace

std::span<const SamplerKind> sampler_kinds() { return kSamplers; }
std::span<const SchedulerKind> scheduler_kinds() { return kSchedulers; }

Choice chosen_sampler(const SweepSpec& spec) {
  return spec.settings.sampler.name.empty() ? meant_by_method(spec) : spec.settings.sampler;
}

Choice chosen_scheduler(const SweepSpec& spec) {
  Choice choice = spec.settings.scheduler;
  if (choice.name.empty() && spec.early_terminate) {
    choice = WandbHyperbandScheduler::choice(*spec.early_terminate);
    choice.where = spec.filename + ": ";
  }
  if (choice.name.empty()) choice.name = "none";
  return choice;
}

OptionSet sampler_options(const Choice& choice) {
  return {"sampler " + choice.name, kind_named(choice, sampler_kinds(), "sampler").options, choice};
}

OptionSet scheduler_options(const Choice& choice) {
  return {"scheduler " + choice.name, kind_named(choice, scheduler_kinds(), "scheduler").options, choice};
}

std::unique_ptr<Sampler> make_sampler(const SweepSpec& spec, const SearchSpace& space, const SearchScope& scope) {
  const Choice choice = chosen_sampler(spec);
  if (choice.name.empty()) {
    require_runnable(spec);  // says which method it is and what to use instead
    fail(spec.filename, ": this method has no sampler; use method: random or method: grid");
  }
  const SamplerKind& kind = kind_named(choice, sampler_kinds(), "sampler");
  auto sampler = kind.make(space, sampler_options(choice), scope);
  return std::make_unique<OnceSampler>(std::move(sampler), space, scope.sweep_seed, scope.by_hand);
}

std::unique_ptr<Scheduler> make_scheduler(const SweepSpec& spec, const SearchScope& scope) {
  const Choice choice = chosen_scheduler(spec);
  const SchedulerKind& kind = kind_named(choice, scheduler_kinds(), "scheduler");
  return kind.make(scheduler_options(choice), scope);
}

}  // namespace caviar

// What is odd about a search before it starts: samplers and schedulers that cannot do what they are for.
#include <algorithm>
#include <string_view>

#include "kernels/base/error.h"
#include "tuner/advice/advice.h"
#include "tuner/registry.h"

namespace caviar {
namespace {

constexpr std::int64_t kManySeeds = std::int64_t{1} << 40;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class SearchAdviser {
 public:
  SearchAdviser(const SweepSpec& spec, const SearchFacts& facts, const Scheduler& scheduler)
      : spec_(spec),
        facts_(facts),
        scheduler_(scheduler),
        metric_(spec.metric_or_default()),
        choice_(chosen_scheduler(spec)) {
    where_ = choice_.where.empty() ? spec.filename + ": " : choice_.where;
  }

  std::vector<std::string> advise() {
    about_goal();
    about_bohb();
    about_learning();
    about_population();
    if (scheduler_.is_passive()) return std::move(sentences_);
    if (scheduler_.first_seeds(kManySeeds) < kManySeeds) {
      about_seeds();
    } else {
      about_reports();
    }
    about_company();
    if (choice_.name == "threshold") about_threshold();
    return std::move(sentences_);
  }

 private:
  template <class... Parts>
  void say(const std::string& where, const Parts&... parts) {
    sentences_.push_back(cat(where, parts...));
  }

  bool is_accuracy() const { return metric_.name.ends_with("_accuracy"); }
  bool is_loss() const { return metric_.name.ends_with("_loss"); }

  void about_goal() {
    const bool maximize = metric_.goal == Goal::kMaximize;
    if (!(is_loss() && maximize) && !(is_accuracy() && !maximize)) return;
    say(spec_.filename + ": ", "metric ", metric_.name, " is ", is_loss() ? "a loss" : "an accuracy",
        " and its goal is ", maximize ? "maximize" : "minimize",
        ", so the worst trial is sought and ranked first; write goal: ", maximize ? "minimize" : "maximize");
  }

  void about_bohb() {
    const Choice sampler = chosen_sampler(spec_);
    if (sampler.name != "bohb" ||
        is_one_of(choice_.name, {"hyperband", "successive_halving", "asha", "wandb_hyperband"}))
      return;
    const bool has_rungs = facts_.most_reports != 1;
    say(where_of(sampler), "sampler bohb learns from trials that were stopped at rungs, and scheduler ", choice_.name,
        " has none, so it is tpe with every third trial drawn at random; ",
        has_rungs ? "" : "train for 2 epochs or more, which is two reports, and ", "add the scheduler hyperband",
        facts_.most_reports > 1 ? cat(" with max_iter: ", facts_.most_reports) : "", ", or name the sampler tpe");
  }

  std::string where_of(const Choice& choice) const {
    return choice.where.empty() ? spec_.filename + ": " : choice.where;
  }

  // A search that has tried all its trials before its model is asked.
  void about_learning() {
    const Choice sampler = chosen_sampler(spec_);
    if (!facts_.trials || *facts_.trials < 2 || facts_.has_priors) return;
    const std::int64_t trials = *facts_.trials;
    const auto never = [&](const auto&... parts) { say(where_of(sampler), "sampler ", sampler.name, " ", parts...); };
    if (sampler.name == "tpe" || sampler.name == "gp") {
      // Trial `startup` + window - 1, from 0, is the first that knows so many results.
      const std::int64_t startup = sampler_options(sampler).whole("startup");
      if (startup + facts_.window - 1 < trials) return;
      never("asks its model once ", startup, startup == 1 ? " result is" : " results are",
            " known, which with a window of ", facts_.window, " is from trial ", startup + facts_.window - 1,
            " on, and there are ", trials, " trials, from ", "0: it never learns; lower startup, or raise --count");
    } else if (sampler.name == "cma_es") {
      const OptionSet options = sampler_options(sampler);
      if (!options.given("population") || options.whole("population") < trials) return;
      never("learns from a generation to the next, the first is ", options.whole("population"),
            " trials and there are ", trials, ": it never learns; lower population, or raise --count");
    } else if (sampler.name == "zoom") {
      about_rounds(sampler, trials);
    }
  }

  void about_rounds(const Choice& sampler, std::int64_t trials) {
    const OptionSet options = sampler_options(sampler);
    const std::int64_t rounds = options.whole("rounds");
    const std::int64_t each =
        options.given("per_round") ? options.whole("per_round") : std::max<std::int64_t>(1, trials / rounds);
    if (rounds == 1) {
      say(where_of(sampler), "sampler zoom has one round, so it never zooms: it is sobol; give rounds: 2 or more");
    } else if (each >= trials) {
      say(where_of(sampler), "a round of sampler zoom is ", each, " trials and there are ", trials,
          ": it never zooms; lower per_round, or raise --count");
    } else if (each < 2) {
      say(where_of(sampler), "sampler zoom has ", rounds, " rounds for ", trials,
          " trials, so a round is one trial, around which the next is drawn whatever it is worth; lower rounds, to ",
          std::max<std::int64_t>(2, trials / 8), " or less");
    }
  }

  void about_population() {
    if (facts_.population == 0 || facts_.points > facts_.population) return;
    say(where_of(chosen_sampler(spec_)), "the population of ", facts_.population,
        " has one generation, so no member ever goes on from another and this is random search; train for more epochs, "
        "or lower interval");
  }

  void about_seeds() {
    if (facts_.seeds < 2) {
      say(where_,
          "the scheduler compares trials over their seeds and every trial has one, so it never judges; give --seeds ",
          scheduler_.first_seeds(kManySeeds) + 1, " or more");
      return;
    }
    const std::int64_t first = scheduler_.first_seeds(facts_.seeds);
    if (first < facts_.seeds) return;
    say(where_, "the scheduler first judges a trial on ", first, " seeds and every trial has ", facts_.seeds,
        " in all, so it never judges; raise --seeds above that, or lower first_seeds");
  }

  void about_reports() {
    constexpr std::int64_t kLookedAt = 100'000;
    std::int64_t first = 1;
    while (first < kLookedAt && !scheduler_.judges(first)) ++first;
    if (facts_.most_reports == 0 || first < facts_.most_reports) return;
    say(where_, "the scheduler first judges at report ", first, " and the longest run makes ", facts_.most_reports,
        ", the last of which is never judged: no trial is ever stopped; train for more epochs or let it judge earlier");
  }

  // Whether a trial has others to be compared with.
  void about_company() {
    if (is_one_of(choice_.name, {"race", "successive_halving"})) {
      const OptionSet options = scheduler_options(choice_);
      const char* const size = choice_.name == "race" ? "block" : "trials";
      if (options.given(size) && options.whole(size) == 1)
        say(where_, size, " of scheduler ", choice_.name,
            " is 1, so every trial is compared with itself alone and none is stopped; raise it to 10 or more, or leave "
            "it out");
      return;
    }
    std::int64_t needed = 1;
    if (is_one_of(choice_.name, {"median", "percentile"})) {
      needed = scheduler_options(choice_).whole("startup_trials");
    } else if (!is_one_of(choice_.name, {"wilcoxon", "wandb_hyperband"})) {
      return;
    }
    if (!facts_.trials || *facts_.trials - facts_.window >= needed) return;
    say(where_, "scheduler ", choice_.name, " compares a trial with ", needed,
        " or more that came at least the window, ", facts_.window, ", before it, and there are ", *facts_.trials,
        *facts_.trials == 1 ? " trial" : " trials", ": it never stops one; raise --count, or lower ",
        facts_.window > 1 ? "--window" : "startup_trials");
  }

  void about_threshold() {
    const bool maximize = metric_.goal == Goal::kMaximize;
    const OptionSet options = scheduler_options(choice_);
    const bool has_lower = options.given("lower"), has_upper = options.given("upper");
    if (!(maximize ? has_lower : has_upper)) {
      say(where_, "scheduler threshold has ", maximize ? "upper" : "lower", " alone and ", metric_.name,
          maximize ? " is maximised" : " is minimised",
          ", so it stops trials for being good and never a bad one; give ", maximize ? "lower" : "upper",
          ", the worst value a trial may have");
      return;
    }
    // Accuracies lie in [0, 1], losses are never below 0.
    const bool idle_below = !has_lower || options.number("lower") <= 0;
    const bool idle_above = !has_upper || (is_accuracy() && options.number("upper") >= 1);
    if ((is_accuracy() || is_loss()) && idle_below && idle_above)
      say(where_, "scheduler threshold stops no trial, as ", metric_.name, " never leaves ",
          is_accuracy() ? "[0, 1]" : "what is above 0", "; give a bound inside that");
  }

  const SweepSpec& spec_;
  const SearchFacts& facts_;
  const Scheduler& scheduler_;
  MetricSpec metric_;
  Choice choice_;
  std::string where_;
  std::vector<std::string> sentences_;
};

}  // namespace

std::vector<std::string> advise_on_search(const SweepSpec& spec, const SearchFacts& facts, const Scheduler& scheduler) {
  return SearchAdviser(spec, facts, scheduler).advise();
}

}  // namespace caviar

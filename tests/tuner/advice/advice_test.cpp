// Each piece of advice alone, with its line, where it must come and where it must not.
#include "tuner/advice/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tuner/bind.h"
#include "tuner/registry.h"
#include "tuner/schedulers/none.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Judges every report from `first` on.
class FromOn final : public Scheduler {
 public:
  explicit FromOn(std::int64_t first) : first_(first) {}
  bool judges(std::int64_t iteration) const override { return iteration >= first_; }

 private:
  std::int64_t first_;
};

class BySeeds final : public Scheduler {
 public:
  std::int64_t first_seeds(std::int64_t seeds) const override { return std::min<std::int64_t>(2, seeds); }
};

SearchFacts trials(std::int64_t count) {
  SearchFacts facts;
  facts.trials = count;
  return facts;
}

// Parameters begin in line 3.
std::vector<std::string> advice(const std::string& parameters, const SearchFacts& facts = trials(100),
                                const Scheduler& scheduler = NoScheduler(), const std::string& method = "random") {
  const SweepSpec spec = parse_sweep("method: " + method + "\nparameters:\n" + parameters, "s.yaml");
  check_parameters(spec);
  return advise(spec, facts, scheduler);
}

constexpr const char* kRate = "  lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}\n";

TEST(Advice, AGoodFileGetsNone) {
  EXPECT_THAT(advice(std::string(kRate) +
                     "  batch_size: {values: [64, 128]}\n  one_minus_beta1: {distribution: log_uniform_values, min: "
                     "0.01, max: 0.3}\n  dropout: {min: 0.0, max: 0.5}\n  hidden_size: {min: 8, max: 64}\n"
                     "  epochs: {value: 3}\n  momentum: {value: 0.9}\n  seed: {min: 0, max: 100000}\n"),
              IsEmpty());
}

TEST(Advice, TheLengthOfTrainingIsNotSwept) {
  EXPECT_THAT(advice("  n_epochs: {values: [1, 2]}\n"),
              ElementsAre(AllOf(StartsWith("s.yaml:3: 'n_epochs' is swept"), HasSubstr("fix it"))));
  EXPECT_THAT(advice("  cell: {value: gru}\n  max_steps: {min: 100, max: 300}\n"),
              ElementsAre(StartsWith("s.yaml:4: 'max_steps'")));
  EXPECT_THAT(advice("  epochs: {values: [2]}\n"), IsEmpty()) << "a list of one value is no sweep";
}

TEST(Advice, AnEvenRangeSpansTwoDecadesAtMost) {
  // 90 % of 0.1 - 0.0001 above 0.01: 0.09 / 0.0999.
  EXPECT_THAT(advice("  lr: {min: 0.0001, max: 0.1}\n"),
              ElementsAre(AllOf(StartsWith("s.yaml:3: 'lr' is drawn evenly from 0.0001 to 0.1"), HasSubstr("90.1 %"),
                                HasSubstr("above 0.01"), HasSubstr("log_uniform_values"))));
  EXPECT_THAT(advice("  lr: {min: 0.001, max: 0.1}\n"), IsEmpty());
  EXPECT_THAT(advice("  hidden_size: {min: 1, max: 101}\n"), ElementsAre(HasSubstr("q_log_uniform_values, with q: 1")));
  EXPECT_THAT(advice("  weight_decay: {min: 0.0, max: 0.1}\n"), ElementsAre(HasSubstr("a min above 0")));
  EXPECT_THAT(advice("  label_smoothing: {min: 0.0, max: 0.1}\n"), IsEmpty()) << "a probability is no rate";
}

TEST(Advice, MemoriesAreSweptByTheirComplement) {
  EXPECT_THAT(
      advice("  optimizer: {value: sgd}\n  momentum: {min: 0.5, max: 0.999}\n"),
      ElementsAre(AllOf(StartsWith("s.yaml:4: 'momentum'"), HasSubstr("one_minus_momentum"), HasSubstr("min: 0.001"))));
  EXPECT_THAT(advice("  optimizer: {value: sgd}\n  momentum: {min: 0.5, max: 0.99}\n"), IsEmpty());
}

TEST(Advice, BatchSizesAreNotComparedAtOneRate) {
  EXPECT_THAT(advice("  bs: {values: [32, 64]}\n  lr: {value: 0.01}\n"),
              ElementsAre(AllOf(StartsWith("s.yaml:3: 'bs' is swept"), HasSubstr("sweep learning_rate too"))));
  EXPECT_THAT(
      advice("  bs: {values: [32, 64]}\n  optimizer: {values: [{name: sgd, lr: 0.1}, {name: adam, lr: 0.01}]}\n"),
      IsEmpty())
      << "the rate is swept inside a group";
}

TEST(Advice, AdamsNumbersAreSweptAsTheTrialsAllow) {
  const std::string all = std::string(kRate) +
                          "  beta1: {values: [0.8, 0.9]}\n  eps: {values: [1e-8, 1e-3]}\n"
                          "  beta2: {values: [0.99, 0.999]}\n";
  const auto beta1 = StartsWith("s.yaml:4: 'beta1' is swept with"), eps = StartsWith("s.yaml:5: 'eps'"),
             beta2 = StartsWith("s.yaml:6: 'beta2'");
  EXPECT_THAT(advice(all, trials(9)), ElementsAre(beta1, eps, beta2));
  EXPECT_THAT(advice(all, trials(10)), ElementsAre(eps, beta2));
  EXPECT_THAT(advice(all, trials(24)), ElementsAre(eps, beta2));
  EXPECT_THAT(advice(all, trials(25)), ElementsAre(beta2));
  EXPECT_THAT(advice(all, trials(50)), IsEmpty());
  EXPECT_THAT(advice(all, SearchFacts{}), IsEmpty()) << "without an end there are enough";
  EXPECT_THAT(advice(std::string(kRate) + "  betas: {values: [[0.9, 0.99], [0.8, 0.99]]}\n", trials(9)),
              ElementsAre(HasSubstr("'betas'")))
      << "once, though it is two of them";
  EXPECT_THAT(advice("  optimizer: {value: rmsprop}\n  eps: {values: [1e-8, 1e-3]}\n", trials(9)), IsEmpty());
}

TEST(Advice, AParameterWithoutEffectIsNamed) {
  EXPECT_THAT(advice("  momentum: {values: [0, 0.9]}\n"),
              ElementsAre(AllOf(StartsWith("s.yaml:3: 'momentum'"), HasSubstr("without effect"))));
  EXPECT_THAT(advice("  momentum: {values: [0, 0.9]}\n  optimizer: {values: [sgd, adam]}\n"), IsEmpty());
  EXPECT_THAT(advice("  momentum: {value: 0.9}\n"), IsEmpty()) << "constants are no question";
}

TEST(Advice, AGridIsNotCutOff) {
  SearchFacts facts = trials(4);
  facts.points = 6;
  const std::string grid = "  cell: {values: [lstm, gru]}\n  lr: {values: [0.1, 0.01, 0.001]}\n";
  EXPECT_THAT(advice(grid, facts, NoScheduler(), "grid"),
              ElementsAre(AllOf(StartsWith("s.yaml: the grid has 6 points"), HasSubstr("first 4"))));
  EXPECT_THAT(advice(grid, facts), IsEmpty()) << "random search may try some of a finite space";
  facts.points = 4;
  EXPECT_THAT(advice(grid, facts, NoScheduler(), "grid"), IsEmpty());
}

TEST(Advice, ASearchThatWaitsKeepsTheDeviceBusy) {
  SearchFacts facts = trials(1000);
  facts.learns = true;
  facts.window = 10;
  facts.seeds = 3;
  facts.runs_wanted = 31;
  EXPECT_THAT(advice(kRate, facts), ElementsAre(AllOf(HasSubstr("at most 30 runs"), HasSubstr("window to 11"))));
  facts.runs_wanted = 30;
  EXPECT_THAT(advice(kRate, facts), IsEmpty());
  facts.runs_wanted = 31;
  facts.learns = false;
  EXPECT_THAT(advice(kRate, facts), IsEmpty());
}

TEST(Advice, ASchedulerGetsToJudge) {
  SearchFacts facts = trials(100);
  facts.most_reports = 10;
  EXPECT_THAT(advice(kRate, facts, FromOn(10)),
              ElementsAre(AllOf(HasSubstr("first judges at report 10"), HasSubstr("the longest run makes 10"))));
  EXPECT_THAT(advice(kRate, facts, FromOn(9)), IsEmpty());
  facts.seeds = 1;
  EXPECT_THAT(advice(kRate, facts, BySeeds()), ElementsAre(HasSubstr("give --seeds 3 or more")));
  facts.seeds = 2;
  EXPECT_THAT(advice(kRate, facts, BySeeds()), ElementsAre(HasSubstr("on 2 seeds and every trial has 2 in all")));
  facts.seeds = 3;
  EXPECT_THAT(advice(kRate, facts, BySeeds()), IsEmpty());
}

// By the schedulers of the registry, as a file names them.
std::vector<std::string> search_advice(const std::string& search, const SearchFacts& facts,
                                       const std::string& metric = "name: val_accuracy, goal: maximize") {
  const SweepSpec spec = parse_sweep(
      "method: random\nmetric: {" + metric + "}\nparameters: {lr: {min: 0.01, max: 0.1}}\ncaviar: {" + search + "}\n",
      "s.yaml");
  SearchScope scope;
  scope.window = facts.window;
  scope.trials = facts.trials;
  scope.seeds = facts.seeds;
  scope.maximize = spec.metric_or_default().goal == Goal::kMaximize;
  return advise_on_search(spec, facts, *make_scheduler(spec, scope));
}

TEST(SearchAdvice, SchedulersThatCanNeverJudgeAreNamed) {
  SearchFacts facts = trials(100);
  facts.most_reports = 27;
  facts.seeds = 3;
  facts.window = 10;
  const auto of = [&](const std::string& scheduler) { return search_advice("scheduler: " + scheduler, facts); };
  for (const char* good : {"none", "median", "percentile", "hyperband, max_iter: 27", "asha, max_iter: 27",
                           "successive_halving, max_iter: 27", "wilcoxon, first_seeds: 2", "race, first_seeds: 2",
                           "wandb_hyperband, min_iter: 3", "patience", "threshold, lower: 0.2"}) {
    EXPECT_THAT(of(cat("{name: ", good, "}")), IsEmpty()) << good;
  }
  for (const char* scheduler : {"wilcoxon", "race"}) {
    EXPECT_THAT(of(cat("{name: ", scheduler, ", first_seeds: 3}")),
                ElementsAre(AllOf(StartsWith("s.yaml:4: "), HasSubstr("on 3 seeds and every trial has 3 in all"))));
  }
  EXPECT_THAT(of("{name: race, first_seeds: 2, block: 1}"), ElementsAre(HasSubstr("block of scheduler race is 1")));
  EXPECT_THAT(of("{name: successive_halving, max_iter: 27, trials: 1}"),
              ElementsAre(HasSubstr("trials of scheduler successive_halving is 1")));
  EXPECT_THAT(of("{name: asha, min_iter: 27, max_iter: 81}"), ElementsAre(HasSubstr("first judges at report 27")));
  for (const char* refused : {"asha, max_iter: 1", "hyperband, max_iter: 1", "successive_halving, max_iter: 1"}) {
    EXPECT_THROW(of(cat("{name: ", refused, "}")), Error) << refused;
  }
  facts.trials = 14;
  EXPECT_THAT(of("median"), ElementsAre(HasSubstr("there are 14 trials: it never stops one")));
  facts.trials = 15;
  EXPECT_THAT(of("median"), IsEmpty());
}

TEST(SearchAdvice, AThresholdStandsOnTheSideOfTheBad) {
  const SearchFacts facts = trials(100);
  const auto of = [&](const std::string& bounds, const std::string& metric) {
    return search_advice("scheduler: {name: threshold, " + bounds + "}", facts, metric);
  };
  const std::string accuracy = "name: val_accuracy, goal: maximize", loss = "name: val_loss, goal: minimize";
  EXPECT_THAT(of("upper: 0.9", accuracy), ElementsAre(AllOf(HasSubstr("upper alone"), HasSubstr("give lower"))));
  EXPECT_THAT(of("lower: 0.1", loss), ElementsAre(AllOf(HasSubstr("lower alone"), HasSubstr("give upper"))));
  EXPECT_THAT(of("lower: 0", accuracy), ElementsAre(HasSubstr("stops no trial")));
  EXPECT_THAT(of("lower: 0.1", accuracy), IsEmpty());
  EXPECT_THAT(of("upper: 3", loss), IsEmpty());
  EXPECT_THAT(of("lower: 0.1, upper: 0.99", accuracy), IsEmpty());
}

TEST(SearchAdvice, ASearchThatNeverLearnsIsNamed) {
  SearchFacts facts = trials(40);
  facts.window = 4;
  const auto of = [&](const std::string& sampler) { return search_advice("sampler: {name: " + sampler + "}", facts); };
  for (const char* idle : {"tpe, startup: 100", "gp, startup: 40", "gp, startup: 37", "cma_es, population: 500"})
    EXPECT_THAT(of(idle), ElementsAre(HasSubstr("it never learns"))) << idle;
  EXPECT_THAT(of("zoom, rounds: 1"), ElementsAre(HasSubstr("never zooms")));
  EXPECT_THAT(of("zoom, per_round: 40"), ElementsAre(HasSubstr("never zooms")));
  EXPECT_THAT(of("zoom, rounds: 100"), ElementsAre(HasSubstr("a round is one trial")));
  for (const char* good : {"tpe", "gp, startup: 36", "cma_es", "cma_es, population: 39", "zoom", "zoom, rounds: 20"})
    EXPECT_THAT(of(good), IsEmpty()) << good;
  facts.has_priors = true;
  EXPECT_THAT(of("tpe, startup: 100"), IsEmpty()) << "it may know enough from the start";
}

TEST(SearchAdvice, APopulationOfOneGenerationIsRandomSearch) {
  SearchFacts facts = trials(20);
  facts.population = facts.points = 20;
  EXPECT_THAT(search_advice("sampler: {name: pbt}", facts), ElementsAre(HasSubstr("has one generation")));
  facts.points = 40;
  EXPECT_THAT(search_advice("sampler: {name: pbt}", facts), IsEmpty());
}

TEST(SearchAdvice, BohbIsAdvisedWhatItsSchedulerTakes) {
  SearchFacts facts = trials(40);
  facts.most_reports = 1;
  EXPECT_THAT(search_advice("sampler: bohb", facts),
              ElementsAre(AllOf(HasSubstr("train for 2 epochs or more"), Not(HasSubstr("max_iter")))));
  facts.most_reports = 2;
  EXPECT_THAT(search_advice("sampler: bohb", facts), ElementsAre(HasSubstr("with max_iter: 2")));
}

TEST(SearchAdvice, GoalsAndModelsThatDoNotFitAreNamed) {
  const SearchFacts facts = trials(100);
  EXPECT_THAT(search_advice("", facts, "name: val_loss, goal: maximize"),
              ElementsAre(AllOf(HasSubstr("val_loss is a loss"), HasSubstr("write goal: minimize"))));
  EXPECT_THAT(search_advice("", facts, "name: train_accuracy, goal: minimize"),
              ElementsAre(HasSubstr("train_accuracy is an accuracy")));
  EXPECT_THAT(search_advice("sampler: bohb", facts),
              ElementsAre(AllOf(StartsWith("s.yaml:4: "), HasSubstr("add the scheduler hyperband"))));
  EXPECT_THAT(search_advice("sampler: bohb, scheduler: {name: hyperband, max_iter: 9}", facts), IsEmpty());
}

TEST(Advice, TheLineOfASchedulerIsSaid) {
  const SweepSpec spec = parse_sweep(
      "method: random\nparameters: {lr: {min: 0.01, max: 0.1}}\ncaviar:\n  scheduler: {name: asha}\n", "s.yaml");
  SearchFacts facts = trials(100);
  facts.most_reports = 1;
  EXPECT_THAT(advise(spec, facts, FromOn(1)), ElementsAre(StartsWith("s.yaml:4: ")));
}

}  // namespace
}  // namespace caviar

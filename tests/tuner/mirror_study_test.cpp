// A study that maximises a metric is the mirror image of one that minimises its negative, through every layer: what is
// asked of the sampler, told to the scheduler, decided and recorded is the same, whatever the sampler.
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/study_fixture.h"
#include "tuner/registry.h"

namespace caviar {
namespace {

// Reports validation losses with the other sign.
class NegatedLosses final : public Executor {
 public:
  explicit NegatedLosses(FakeOptions options) : fake_(options) {}
  int room() const override { return fake_.room(); }
  void submit(RunOrder order) override { fake_.submit(std::move(order)); }
  void stop(std::int64_t run) override { fake_.stop(run); }
  std::vector<Report> advance(std::chrono::milliseconds max_wait) override {
    std::vector<Report> reports = fake_.advance(max_wait);
    for (Report& report : reports) report.validation.loss = -report.validation.loss;
    return reports;
  }
  std::vector<Parked> drain() override { return fake_.drain(); }
  void keep_states(bool on) override { fake_.keep_states(on); }

 private:
  FakeExecutor fake_;
};

struct Image {
  std::string trials_and_decisions;
  std::optional<std::int64_t> best;
  double best_mean = 0;
};

class MirrorStudy : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  static Image image(Executor& executor, bool maximize) {
    const auto& [sampler_name, scheduler_name] = GetParam();
    SweepSpec spec = parse_sweep(sampler_name == "grid"
                                     ? "method: grid\nparameters:\n  learning_rate: {values: [0.001, 0.01, 0.1, 1.5]}\n"
                                       "  hidden_size: {values: [8, 12, 16]}\n  dropout: {values: [0.0, 0.3]}\n"
                                       "  batch_size: {value: 100}\n  epochs: {value: 5}\n"
                                     : "method: random\nparameters:\n"
                                       "  learning_rate: {distribution: log_uniform_values, min: 1e-4, max: 2}\n"
                                       "  hidden_size: {values: [8, 12, 16]}\n  dropout: {min: 0.0, max: 0.5}\n"
                                       "  batch_size: {value: 100}\n  epochs: {value: 5}\n",
                                 "s.yaml");
    spec.settings.sampler = parse_choice("--sampler", sampler_name == "pbt"   ? "pbt,population=4"
                                                      : sampler_name == "tpe" ? "tpe,startup=5"
                                                                              : sampler_name);
    spec.settings.scheduler = parse_choice("--scheduler", scheduler_name);
    StudySetup setup = small_setup(sampler_name == "pbt" ? 20 : 24, 1);
    setup.record.metric = "val_loss";
    setup.record.maximize = maximize;
    setup.window = 4;
    SearchScope scope;
    scope.sweep_seed = 7;
    scope.window = 4;
    scope.trials = setup.record.trials;
    scope.maximize = maximize;
    const auto sampler = make_sampler(spec, SearchSpace(spec), scope);
    const auto scheduler = make_scheduler(spec, scope);
    Storage storage = Storage::open_to_write(":memory:");
    Study study(setup, storage, *sampler, *scheduler, executor);
    EXPECT_EQ(study.carry_out(), StudyOutcome::kDone);
    Image image;
    std::istringstream lines(study_content(storage));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("trial ") || line.starts_with("repeat ") || line.starts_with("decision "))
        image.trials_and_decisions += line + "\n";
    }
    image.best = study.history().best();
    if (image.best) image.best_mean = study.history()[*image.best].mean;
    return image;
  }
};

TEST_P(MirrorStudy, MaximisingIsMinimisingTheNegative) {
  FakeExecutor fake(small_fake());
  NegatedLosses negated(small_fake(3, 2));
  const Image minimized = image(fake, false), maximized = image(negated, true);
  EXPECT_EQ(minimized.trials_and_decisions, maximized.trials_and_decisions);
  ASSERT_TRUE(minimized.best);
  EXPECT_EQ(minimized.best, maximized.best);
  EXPECT_EQ(minimized.best_mean, -maximized.best_mean);
  EXPECT_THAT(minimized.trials_and_decisions, testing::HasSubstr("trial 19 "));
  EXPECT_EQ(minimized.trials_and_decisions.find("decision ") != std::string::npos, std::get<1>(GetParam()) != "none");
  // The goal matters: the same losses maximised are another study, unless nothing is learned from them.
  FakeExecutor again(small_fake());
  EXPECT_NE(image(again, true).best, minimized.best);
}

std::vector<std::tuple<std::string, std::string>> pairs() {
  std::vector<std::tuple<std::string, std::string>> all;
  for (const SamplerKind& kind : sampler_kinds()) {
    all.emplace_back(kind.name, "none");
    if (kind.name != "pbt") all.emplace_back(kind.name, "hyperband,max_iter=5,eta=2");  // a population judges itself
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(All, MirrorStudy, testing::ValuesIn(pairs()), [](const auto& name) {
  return std::get<0>(name.param) + (std::get<1>(name.param) == "none" ? "" : "_hyperband");
});

}  // namespace
}  // namespace caviar

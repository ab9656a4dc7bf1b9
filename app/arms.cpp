#include "app/arms.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "app/carry_out.h"
#include "app/search_record.h"
#include "app/text.h"
#include "kernels/base/error.h"
#include "tuner/history.h"
#include "tuner/registry.h"
#include "tuner/space.h"
#include "tuner/spec/spec.h"
#include "tuner/storage/directory.h"

namespace caviar {
namespace {

// A search that learned from its trials, or judged them, was told their scores: more seeds would change what.
bool can_have_more_seeds(const StudyRecord& study) {
  SweepSpec spec = parse_sweep(study.spec, study.spec_name);
  recall_search(study.search, {}, spec.settings);
  const SearchScope scope{
      study.sweep_seed, spec.settings.window.value_or(1), study.trials, study.seeds, study.maximize, {}};
  const std::unique_ptr<Sampler> sampler = make_sampler(spec, SearchSpace(spec), scope);
  return sampler->needs(std::int64_t{1} << 40) < 0 && make_scheduler(spec, scope)->is_passive();
}

std::string validated_on(const TrialArm& arm) {
  if (arm.study.validate_on_test) return "the test set";
  return show_number_of(*arm.validation_examples, "example") + " carved from the training set";
}

// Where studies validate differently, one and the same config scores differently: it is measured on other examples, and
// trained on others too.
void require_same_validation(const TrialArm& a, const TrialArm& b, const std::string& metric) {
  if (!a.validation_examples || !b.validation_examples) return;
  if (a.study.validate_on_test == b.study.validate_on_test && a.validation_examples == b.validation_examples) return;
  const std::string difference =
      fmt::format("{} is validated on {}, and {} on {}", a.directory, validated_on(a), b.directory, validated_on(b));
  if (metric.find("val_") != metric.npos)
    fail(difference, "; their ", metric, " cannot be compared. --metric test_accuracy has both measured alike");
  fmt::print(stderr,
             "caviar: warning: {}, so they were trained on other numbers of examples: a difference need not be that of "
             "the configs\n",
             difference);
}

}  // namespace

NamedTrial parse_named(const std::string& text) {
  const auto colon = text.rfind(':');
  if (std::filesystem::exists(StudyDirectory::database_in(text)) || colon == text.npos) return {text, std::nullopt};
  const std::string number = text.substr(colon + 1);
  if (number.empty() || number.size() > 15 || number.find_first_not_of("0123456789") != number.npos) {
    fail("'", text, "': after the colon stands the number of a trial, as in studies/first:3, and not '", number, "'");
  }
  return {text.substr(0, colon), std::stoll(number)};
}

bool all_failed(const TrialScores& scores) {
  return scores.failures() > 0 && std::none_of(scores.repeats.begin(), scores.repeats.end(), [](const auto& repeat) {
           return repeat.score || repeat.state == RunState::kComplete;
         });
}

TrialArm open_arm(const std::string& label, const std::string& text, const std::optional<std::string>& metric) {
  const NamedTrial named = parse_named(text);
  Storage storage = open_study(named.directory);
  TrialArm arm;
  arm.label = label;
  arm.directory = named.directory;
  arm.study = storage.study().value();
  History history(arm.study.metric, arm.study.maximize, arm.study.seeds);
  history.fold(storage, true);
  arm.trials = storage.trial_count();
  arm.tried = history.done();
  arm.chosen_as_best = !named.trial;
  const std::optional<std::int64_t> trial = named.trial ? named.trial : history.best();
  if (!trial) fail(named.directory, ": no trial has a score yet, so there is no best one; wait for the first to end");
  const std::string name = metric.value_or(arm.study.metric);
  arm.scores = scores_of(storage, *trial, name);
  arm.record = storage.trial(*trial).value();
  if (arm.scores.scores().empty() && !all_failed(arm.scores)) {
    fail(arm.name(), " has no finished run with a score for ", name,
         "; wait for one, name another trial, or another --metric");
  }
  if (!arm.scores.repeats.empty()) {
    const std::string line = storage.run(arm.scores.repeats.front().run).value().canonical;
    arm.validation_examples = Value::parse(line).at("validation_examples").get<std::int64_t>();
  }
  const std::vector<std::int64_t> order = history.ranking(static_cast<std::size_t>(history.trials()));
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i] == *trial) arm.rank = static_cast<std::int64_t>(i) + 1;
  }
  arm.can_have_more_seeds = can_have_more_seeds(arm.study);
  return arm;
}

void require_comparable(const TrialArm& a, const TrialArm& b, const std::optional<std::string>& metric) {
  if (a.study.data_digest != b.study.data_digest) {
    fail(a.directory, " was trained on ", a.study.data_name, " and ", b.directory, " on ", b.study.data_name,
         ", which are other examples; their scores cannot be compared");
  }
  if (a.directory == b.directory && a.record.trial.number == b.record.trial.number) {
    fail("A and B are both trial ", a.record.trial.number, " of ", a.directory, "; name two trials, as STUDY:TRIAL");
  }
  if (!metric && a.study.metric != b.study.metric) {
    fail(a.directory, " ranks by ", a.study.metric, " and ", b.directory, " by ", b.study.metric,
         "; say which to compare with --metric");
  }
  require_same_validation(a, b, metric.value_or(a.study.metric));
}

}  // namespace caviar

#include "app/priors.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "app/search_record.h"
#include "app/text.h"
#include "kernels/base/error.h"
#include "tuner/prior.h"
#include "tuner/space.h"
#include "tuner/storage/directory.h"

namespace caviar {
namespace {

// Taken twice, a study would weigh twice as much as it knows.
void require_different(const std::vector<std::string>& studies) {
  std::set<std::filesystem::path> seen;
  for (const std::string& study : studies) {
    std::error_code error;
    const std::filesystem::path path = std::filesystem::weakly_canonical(study, error);
    if (!seen.insert(error ? std::filesystem::path(study) : path).second)
      fail("--prior names the study ", study, " twice; name each study once");
  }
}

Storage open_prior(const std::string& study) {
  const std::string file = StudyDirectory::database_in(study);
  std::error_code error;
  if (!std::filesystem::exists(file, error))
    fail("--prior ", study, ": there is no study (no file ", file,
         "); name the directory of one that `caviar sweep` made");
  Storage storage = Storage::open_to_read(file);
  if (!storage.study())
    fail("--prior ", study, ": nothing is recorded there yet; name a study that has finished trials");
  return storage;
}

std::string examples_of(bool on_test, std::int64_t count) {
  return on_test ? "the test set" : show_number_of(count, "example") + " carved from the training set";
}

// Where a study was measured otherwise than this one will be: the words for both, or nothing.
std::string measured_otherwise(Storage& prior, const StudySetup& setup) {
  const StudyRecord theirs = prior.study().value();
  const StudyRecord& ours = setup.record;
  if (theirs.data_digest != ours.data_digest)
    return cat("was trained on ", theirs.data_name, " (digest ", theirs.data_digest, ") and this study will be on ",
               ours.data_name, " (digest ", ours.data_digest, ")");
  const std::int64_t held_out = validation_examples_of(prior);
  const bool same_count = theirs.validate_on_test || held_out == 0 || held_out == setup.use.validation_examples;
  if (theirs.validate_on_test == ours.validate_on_test && same_count) return {};
  return cat("was validated on ", examples_of(theirs.validate_on_test, held_out), " and this study will be on ",
             examples_of(ours.validate_on_test, setup.use.validation_examples));
}

void warn_of_other_measures(const std::vector<std::string>& studies, const StudySetup& setup) {
  for (const std::string& study : studies) {
    Storage storage = open_prior(study);
    const std::string otherwise = measured_otherwise(storage, setup);
    if (otherwise.empty()) continue;
    fmt::print(
        stderr, "{}\n",
        wrapped(cat("caviar: warning: --prior ", study, " ", otherwise, ": its values of ", setup.record.metric,
                    " are not comparable, and the search takes them for its own; leave it away, or measure alike"),
                "  "));
  }
}

// One answer per --prior.
std::vector<PriorObservations> read_priors(const SweepSpec& spec, const CarryOutFlags& flags,
                                           const std::string& metric) {
  require_different(flags.prior);
  std::vector<PriorObservations> priors;
  const SearchSpace space(spec);
  std::int64_t taken = 0;
  for (const std::string& study : flags.prior) {
    Storage storage = open_prior(study);
    priors.push_back(observations_of(storage, study, space, metric, taken));
    taken += static_cast<std::int64_t>(priors.back().records.size());
  }
  return priors;
}

std::vector<PriorRecord> records_of(const std::vector<PriorObservations>& priors) {
  std::vector<PriorRecord> records;
  for (const PriorObservations& prior : priors)
    records.insert(records.end(), prior.records.begin(), prior.records.end());
  return records;
}

void say_what_is_taken(const std::string& study, const PriorObservations& prior) {
  fmt::print("prior {}: {} taken", study, show_number_of(static_cast<std::int64_t>(prior.records.size()), "trial"));
  if (prior.outside > 0) fmt::print(", {} outside this space left out", prior.outside);
  if (prior.unfinished > 0) fmt::print(", {} unfinished or stopped early left out", prior.unfinished);
  fmt::print("\n");
  if (prior.records.empty() && prior.outside > 0)
    fmt::print(stderr, "{}\n",
               wrapped(cat("caviar: warning: --prior ", study,
                           " teaches nothing, as no trial of it lies in this space: ", prior.why_outside,
                           "; give this sweep the same parameters and a range that holds its values, "
                           "or leave it away"),
                       "  "));
}

}  // namespace

std::vector<PriorRecord> load_priors(const SweepSpec& spec, const CarryOutFlags& flags, const StudySetup& setup,
                                     const Sampler& sampler) {
  const std::vector<PriorObservations> priors = read_priors(spec, flags, setup.record.metric);
  warn_of_other_measures(flags.prior, setup);
  for (std::size_t i = 0; i < priors.size(); ++i) say_what_is_taken(flags.prior[i], priors[i]);
  std::vector<PriorRecord> records = records_of(priors);
  if (!records.empty() && !sampler.learns_from_priors()) {
    fmt::print(stderr, "{}\n",
               wrapped("caviar: warning: this sampler learns nothing from trials, so --prior changes nothing; name one "
                       "that does with --sampler",
                       "  "));
  }
  return records;
}

void require_recorded_priors(Storage& storage, const SweepSpec& spec, const CarryOutFlags& flags,
                             const std::string& metric) {
  if (flags.prior.empty()) return;
  const std::vector<PriorRecord> now = records_of(read_priors(spec, flags, metric));
  const std::vector<PriorRecord> recorded = storage.priors();
  const bool same = std::equal(now.begin(), now.end(), recorded.begin(), recorded.end(),
                               [](const PriorRecord& a, const PriorRecord& b) {
                                 const bool both_diverged = a.metric != a.metric && b.metric != b.metric;
                                 return a.number == b.number && a.config == b.config &&
                                        (a.metric == b.metric || both_diverged) && a.seeds == b.seeds;
                               });
  if (!same) {
    fail(flags.study, ": the study recorded ",
         show_number_of(static_cast<std::int64_t>(recorded.size()), "prior trial"), " at its start, and --prior gives ",
         now.size(), now.size() == recorded.size() ? " others" : "", "; leave --prior away, or start another study");
  }
}

}  // namespace caviar

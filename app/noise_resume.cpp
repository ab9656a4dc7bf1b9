#include "app/noise_resume.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "tuner/space.h"
#include "tuner/spec/names.h"

namespace caviar {
namespace {

constexpr const char* kSeed = "seed_";

void require_noise_study(const std::string& study, const RecordedNoise& recorded, bool others, bool crossed,
                         bool decompose) {
  if (others || (!crossed && open_study(study).trial_count() > 1)) {
    fail(study, " is no study of `caviar noise`: it has several configs, of ", recorded.spec.filename,
         "; `caviar show` reads it, and `caviar noise` takes one config, with --set or a FILE, and a --study of its "
         "own");
  }
  if (crossed && !decompose)
    fail(study, " is a study of `caviar noise --decompose`, every combination of some seeds; say --decompose too");
  if (!crossed && decompose)
    fail(study, " is a study of one config whose seeds move together; leave --decompose away to show it");
}

bool same_words(std::vector<std::string> a, std::vector<std::string> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

}  // namespace

RecordedNoise recorded_noise(const std::string& study, const StudyRecord& record, bool decompose) {
  RecordedNoise recorded;
  recorded.spec = parse_sweep(record.spec, record.spec_name);
  const SearchSpace space(recorded.spec);
  bool others = false;
  for (const Parameter& parameter : space.parameters()) {
    if (parameter.is_constant() || parameter.levels() == 1) continue;
    const std::string known = canonical_parameter(parameter.name());
    if (!known.starts_with(kSeed)) {
      others = true;
      continue;
    }
    recorded.sources.push_back(known.substr(std::string(kSeed).size()));
    recorded.levels = parameter.levels();
  }
  const bool crossed = !recorded.sources.empty();
  require_noise_study(study, recorded, others, crossed, decompose);
  if (!crossed) {
    for (const SeedSource& source : seed_sources())
      if (recorded.spec.settings.vary.*source.member) recorded.sources.emplace_back(source.name);
  }
  return recorded;
}

void require_as_recorded(const std::string& study, const RecordedNoise& recorded, const std::vector<std::string>& vary,
                         const std::optional<std::int64_t>& levels) {
  if (!vary.empty() && !same_words(vary, recorded.sources))
    fail("--vary ", joined(vary), ": in ", study, " the seeds of ", joined(recorded.sources),
         " differ between the runs; leave --vary away to go on with it, or name another directory with --study");
  if (levels && *levels != recorded.levels)
    fail("--levels ", *levels, ": ", study, " was begun with ", recorded.levels,
         " seeds of each source, and a grid of combinations does not grow; leave --levels away to go on with it, or "
         "name another directory with --study");
}

std::vector<std::string> each_source_once(const std::vector<std::string>& vary) {
  std::vector<std::string> ordered;
  for (const SeedSource& source : seed_sources()) {
    const auto times = std::count(vary.begin(), vary.end(), source.name);
    if (times > 1) fail("--vary ", joined(vary), ": ", source.name, " is named ", times, " times; name it once");
    if (times == 1) ordered.emplace_back(source.name);
  }
  return ordered;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace caviar

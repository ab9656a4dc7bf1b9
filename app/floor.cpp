#include "app/floor.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "app/search_record.h"
#include "app/text.h"
#include "tuner/analysis/winner.h"

namespace caviar {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kConfidence = 0.95;
constexpr std::size_t kRivalsNamed = 8;

// What choosing the first would put into its lead, were all equal.
std::optional<double> luck_of(const StudyFloor& found) {
  if (!found.floor || found.looked_at < 2) return std::nullopt;
  return naive_bias(found.looked_at, found.floor->sd / std::sqrt(static_cast<double>(found.spreads.front().runs)), 0);
}

std::optional<RaceEnd> race_of(Storage& storage) {
  Settings settings;
  recall_search(storage.study().value().search, {}, settings);
  if (!is_auto_seeds(settings.scheduler)) return std::nullopt;
  return race_end(storage, settings.scheduler.settings.at("confidence").value.get<double>());
}

// "trial 3", "trials 3, 5 and 8", "trials 3, 5, 8 and 12 more".
std::string show_trials(const std::vector<std::int64_t>& trials) {
  std::string text = trials.size() == 1 ? "trial" : "trials";
  const std::size_t named = trials.size() <= kRivalsNamed ? trials.size() : kRivalsNamed - 1;
  for (std::size_t i = 0; i < named; ++i) {
    const bool last = i + 1 == trials.size();
    text += fmt::format("{} {}", i == 0 ? "" : last ? " and" : ",", trials[i]);
  }
  if (named < trials.size()) text += fmt::format(" and {} more", trials.size() - named);
  return text;
}

// Where not all trials were pooled.
std::string of_the_first(const StudyFloor& found) {
  const auto repeated = std::count_if(found.spreads.begin(), found.spreads.end(),
                                      [](const TrialSpread& trial) { return trial.sd && trial.runs > 1; });
  return found.floor->trials < repeated ? fmt::format(" in the first {} trials\n", found.floor->trials) : " ";
}

void print_race(const RaceEnd& race) {
  const std::string confidence = fmt::format("{:.6g} %", 100 * race.confidence);
  if (!race.over) {
    fmt::print("Which trial is the best is not settled yet: the study is not finished.\n");
  } else if (race.best < 0) {
    fmt::print("Which trial is the best is not settled: none has a score on all its seeds.\n");
  } else if (race.trials < 2) {
    fmt::print("There is one trial, so there was nothing to settle.\n");
  } else if (race.rivals.empty()) {
    fmt::print(
        "Settled with {} confidence: trial {} is the best of the {}, in pairs on the same {} (for normal "
        "differences).\n",
        confidence, race.best, race.trials, show_number_of(race.seeds, "seed"));
  } else {
    fmt::print(
        "Not settled with {} confidence: in pairs on {}, the most there were, trial {} cannot be told\nfrom {}.\n",
        confidence, show_number_of(race.seeds, "seed"), race.best, show_trials(race.rivals));
  }
  if (race.over && race.best >= 0 && race.trials > 1)
    fmt::print("That is a rule of its own: pairs on the same seeds tell more apart than the column `like first`.\n");
  if (race.over && race.diverged > 0)
    fmt::print("{} not in the race to its end, because a run of {} diverged.\n",
               race.diverged == 1 ? "One trial was" : fmt::format("{} trials were", race.diverged),
               race.diverged == 1 ? "it" : "each");
}

void print_luck(const StudyFloor& found) {
  fmt::print("{} were looked at; were all equal, the first would lead their mean by {} through luck alone.\n",
             show_number_of(found.looked_at, "trial"), show_metric(*luck_of(found)));
  if (found.trials.size() > 1) {
    fmt::print(
        "{} cannot be told from the first (like first: yes; 95 % for all pairs together, for normal scores that "
        "scatter alike).\n",
        show_count(static_cast<double>(found.like.size())));
  }
  if (found.left_out > 0) {
    fmt::print("{} not compared with the first (like first: n/a), because a run of {} diverged or was stopped early.\n",
               found.left_out == 1 ? "One trial was" : show_number_of(found.left_out, "trial") + " were",
               found.left_out == 1 ? "it" : "each");
  }
}

void print_remedy(Storage& storage) {
  const std::string name = storage.study().value().spec_name;
  if (name == "confirm" || name == "compare" || storage.file() == ":memory:") return;
  fmt::print(
      "That asks more than the floor does, as the first was chosen by these scores. `caviar compare` judges two of "
      "them\n"
      "run by run; `caviar confirm {}` trains the first of them again on fresh seeds and tells them apart if it can.\n",
      std::filesystem::path(storage.file()).parent_path().string());
}

}  // namespace

std::optional<bool> StudyFloor::is_like_first(std::int64_t trial) const {
  if (!floor || trial == trials.front() || !std::binary_search(known.begin(), known.end(), trial)) return std::nullopt;
  return std::binary_search(like.begin(), like.end(), trial);
}

StudyFloor floor_of(Storage& storage, const History& history) {
  StudyFloor found;
  found.looked_at = history.done();
  for (const std::int64_t trial : history.ranking(static_cast<std::size_t>(history.trials()))) {
    const TrialSummary& summary = history[trial];
    const int runs = summary.finished - summary.diverged;
    if (summary.diverged > 0 || summary.stopped || runs < 1) {
      ++found.left_out;
      continue;
    }
    found.trials.push_back(trial);
    found.spreads.push_back({summary.mean, std::isfinite(summary.sd) ? std::optional(summary.sd) : std::nullopt, runs});
  }
  found.floor = noise_floor(found.spreads);
  const std::vector<bool> like = like_the_first(found.spreads, kConfidence, found.looked_at);
  for (std::size_t i = 1; i < like.size(); ++i) {
    if (like[i]) found.like.push_back(found.trials[i]);
  }
  std::sort(found.like.begin(), found.like.end());
  found.known = found.trials;
  std::sort(found.known.begin(), found.known.end());
  found.race = race_of(storage);
  return found;
}

void print_floor(const StudyFloor& found, const StudyRecord& study) {
  if (found.trials.empty()) {
    fmt::print(
        "No trial ran to its end on all its seeds, so no noise floor is known; `caviar noise` counts runs that diverge "
        "apart.\n");
    return;
  }
  if (!found.floor) {
    fmt::print(
        "One seed a trial: no noise floor is known, so differences in this {} may be chance. --seeds 3, or more,\n"
        "shows how much the seed alone moves {}; `caviar noise` measures it for one config.\n",
        found.trials.size() > 1 ? "ranking" : "score", study.metric);
    return;
  }
  const std::int64_t runs = found.spreads.front().runs;
  fmt::print(
      "Noise floor: the seed alone moves {} by a standard deviation of {}{}({:.0f} degree{} of freedom).\n"
      "It hides differences of up to {} between two trials named beforehand, on {} (95 %, for normal scores).\n",
      study.metric, show_metric(found.floor->sd), of_the_first(found), found.floor->freedom,
      found.floor->freedom == 1 ? "" : "s", show_metric(hidden_difference(*found.floor, runs, runs)),
      show_number_of(runs, "seed"));
}

void print_lead(const StudyFloor& found, Storage& storage) {
  if (luck_of(found)) {
    print_luck(found);
    if (!found.like.empty()) print_remedy(storage);
  }
  if (found.race) print_race(*found.race);
}

Json json_of_floor(const StudyFloor& found, const StudyRecord& study) {
  Json json = {{"metric", study.metric},
               {"seed_sd", nullptr},
               {"degrees_of_freedom", nullptr},
               {"trials_pooled", nullptr},
               {"confidence", kConfidence},
               {"seeds", nullptr},
               {"hidden_difference", nullptr},
               {"trials_looked_at", found.looked_at},
               {"not_compared", found.left_out},
               {"luck_of_the_first", nullptr},
               {"first", nullptr},
               {"like_first", nullptr}};
  if (!found.trials.empty()) {
    json["seeds"] = found.spreads.front().runs;
    json["first"] = found.trials.front();
  }
  if (!found.floor) return json;
  const std::int64_t runs = found.spreads.front().runs;
  json["seed_sd"] = found.floor->sd;
  json["degrees_of_freedom"] = found.floor->freedom;
  json["trials_pooled"] = found.floor->trials;
  json["hidden_difference"] = hidden_difference(*found.floor, runs, runs, kConfidence);
  if (const auto luck = luck_of(found)) json["luck_of_the_first"] = *luck;
  json["like_first"] = found.like;
  return json;
}

Json json_of_race(const StudyFloor& found) {
  if (!found.race) return nullptr;
  const RaceEnd& race = *found.race;
  return {{"confidence", race.confidence},
          {"over", race.over},
          {"settled", race.over && race.best >= 0 && race.rivals.empty()},
          {"trials", race.trials},
          {"diverged", race.diverged},
          {"best", race.best >= 0 ? Json(race.best) : Json(nullptr)},
          {"seeds", race.best >= 0 ? Json(race.seeds) : Json(nullptr)},
          {"rivals", race.rivals}};
}

}  // namespace caviar

#include "tuner/advice/next.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "kernels/base/error.h"
#include "tuner/advice/chance.h"
#include "tuner/advice/ranges.h"
#include "tuner/region.h"
#include "tuner/space.h"
#include "tuner/spec/sweep_writer.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

constexpr std::int64_t kFewestBest = 5, kFewestDiverged = 5;
constexpr double kOuter = 0.1;              // of a range, in u
constexpr double kMostDivergedElse = 0.25;  // of the trials that are not beyond the edge
constexpr double kLeastKept = 0.2;          // of a range, by a zoom

// A trial of the space.
struct Seen {
  Point point;
  const TrialResult* result = nullptr;
  bool diverged = false, best = false;
};

// What changes by a finding: ranges, then the region inside them.
struct Change {
  std::vector<ParameterSpec> ranges;
  std::vector<std::pair<std::size_t, End>> opened;  // ends that were widened
  std::map<std::size_t, UnitInterval> cut;          // what is left of a law without bounds
  std::set<std::string> zoomed;                     // labels
};

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f %%", 100 * share);
  return text;
}

std::string chance_text(double p) {
  char text[32];
  if (p < 1e-6) return "less than 1e-6";
  std::snprintf(text, sizeof text, "%.2g", p);
  return text;
}

class Rules {
 public:
  Rules(const SweepSpec& spec, std::span<const TrialResult> results) : spec_(spec), space_(spec) {
    for (const TrialResult& result : results) add(result);
    choose_best();
    for (const Parameter& parameter : space_.parameters()) {
      varied_ += !parameter.is_constant();
      with_ends_ += has_ends(parameter);
    }
  }

  NextSearch find() {
    if (next_.trials < kFewestTrials) return std::move(next_);
    Change all;
    for (std::size_t i = 0; i < space_.size(); ++i) {
      for (const End end : {End::kLow, End::kHigh}) find_narrow(i, end, all);
    }
    for (std::size_t i = 0; i < space_.size() && next_.best > 0; ++i) {
      for (const End end : {End::kLow, End::kHigh}) find_widen(i, end, all);
    }
    if (next_.best > 0) find_zoom(all);
    std::stable_sort(next_.findings.begin(), next_.findings.end(),
                     [](const SearchFinding& a, const SearchFinding& b) { return a.kind < b.kind; });
    if (!next_.findings.empty()) next_.file = file_of(all);
    return std::move(next_);
  }

 private:
  static bool has_ends(const Parameter& parameter) {
    return !parameter.is_constant() && parameter.kind() != Parameter::Kind::kCategorical;
  }

  static UnitInterval span_of(std::size_t i, const std::vector<const Seen*>& trials) {
    UnitInterval span{1, 0};
    for (const Seen* seen : trials) {
      span = {std::min(span.low, seen->point[i]), std::max(span.high, seen->point[i])};
    }
    return span;
  }

  static bool has_bounds(const ParameterSpec& parameter) {
    return parameter.min < parameter.max || !parameter.values.empty();
  }

  void add(const TrialResult& result) {
    std::optional<Point> point = space_.point_of(result.config);
    if (!point) {
      ++next_.elsewhere;
      return;
    }
    Seen seen{std::move(*point), &result, std::isnan(result.loss), false};
    ++next_.trials;
    next_.diverged += seen.diverged;
    next_.stopped += !seen.diverged && result.stopped;
    next_.complete += !seen.diverged && !result.stopped;
    seen_.push_back(std::move(seen));
  }

  void choose_best() {
    if (next_.trials < kFewestTrials || next_.complete < kFewestBest) return;
    next_.best = std::max(kFewestBest, (next_.complete + 9) / 10);
    std::vector<Seen*> order;
    for (Seen& seen : seen_) {
      if (!seen.diverged && !seen.result->stopped) order.push_back(&seen);
    }
    std::stable_sort(order.begin(), order.end(), [](const Seen* a, const Seen* b) {
      return std::pair(a->result->loss, a->result->number) < std::pair(b->result->loss, b->result->number);
    });
    for (std::int64_t i = 0; i < next_.best; ++i) order[static_cast<std::size_t>(i)]->best = true;
  }

  // The trials that have the parameter; all of them, or those that did not diverge.
  enum class Which { kAll, kTrained };
  std::vector<const Seen*> having(std::size_t i, Which which) const {
    std::vector<const Seen*> out;
    for (const Seen& seen : seen_) {
      if (!std::isnan(seen.point[i]) && (which == Which::kAll || !seen.diverged)) out.push_back(&seen);
    }
    return out;
  }

  static std::int64_t best_among(const std::vector<const Seen*>& trials) {
    return std::count_if(trials.begin(), trials.end(), [](const Seen* seen) { return seen->best; });
  }

  static double value_of(const Seen& seen, const Parameter& parameter) {
    return seen.result->config.at(parameter.name()).get<double>();
  }

  // Distance from the end, in u: 0 is the end itself.
  static double from_end(double u, End end) { return end == End::kLow ? u : 1 - u; }

  // The outer tenth, or the last level where that is wider.
  static bool in_outer(const Parameter& parameter, double u, End end) {
    if (from_end(u, end) < kOuter) return true;
    if (parameter.kind() != Parameter::Kind::kOrdered) return false;
    return parameter.at(u) == parameter.at(end == End::kLow ? 0 : 1 - 0x1p-53);
  }

  void find_widen(std::size_t i, End end, Change& all) {
    const Parameter& parameter = space_.parameters()[i];
    if (!has_ends(parameter) || is_narrowed(all, parameter.label())) return;
    const std::vector<const Seen*> trials = having(i, Which::kAll);
    std::int64_t outer = 0, best_outer = 0;
    for (const Seen* seen : trials) {
      if (!in_outer(parameter, seen->point[i], end)) continue;
      ++outer;
      best_outer += seen->best;
    }
    const auto n = static_cast<std::int64_t>(trials.size());
    const std::int64_t best = best_among(trials);
    if (best < kFewestBest || 2 * best_outer < best) return;
    const double chance = chance_in_place(n, outer, best, best_outer) * 2 * with_ends_;
    if (!(chance < kMostChance)) return;
    const std::optional<ParameterSpec> wider = widened(parameter.spec(), end);
    if (!wider) return;
    Change change;
    change.ranges.push_back(*wider);
    all.ranges.push_back(*wider);
    all.opened.emplace_back(i, end);
    const Value evidence = {{"trials", n},      {"in_outer", outer},      {"best", best}, {"best_in_outer", best_outer},
                            {"chance", chance}, {"looks", 2 * with_ends_}};
    const std::string place =
        parameter.spec().values.empty()
            ? cat("in the outer tenth of its range at ", show(parameter.at(end == End::kLow ? 0 : 1 - 0x1p-53)))
            : cat("at the last value ", show(parameter.at(end == End::kLow ? 0 : 1 - 0x1p-53)));
    report(SearchFinding::Kind::kWiden, {parameter.label()},
           cat(parameter.label(), ": ", best_outer, " of the best ", best, " trials are ", place, ", where ", outer,
               " of all ", n, " are (chance ", chance_text(chance), "); widen it"),
           evidence, change);
  }

  void find_narrow(std::size_t i, End end, Change& all) {
    const Parameter& parameter = space_.parameters()[i];
    if (!has_ends(parameter)) return;
    const std::vector<const Seen*> trials = having(i, Which::kAll);
    const auto n = static_cast<std::int64_t>(trials.size());
    const Seen* last = nullptr;  // the trial nearest to the end that did not diverge
    std::int64_t diverged = 0;
    for (const Seen* seen : trials) {
      diverged += seen->diverged;
      if (seen->diverged) continue;
      if (!last || from_end(seen->point[i], end) < from_end(last->point[i], end)) last = seen;
    }
    if (!last) return;
    const Seen* first = nullptr;  // the trial next to it on the way to the end
    std::int64_t beyond = 0;
    for (const Seen* seen : trials) {
      if (!(from_end(seen->point[i], end) < from_end(last->point[i], end))) continue;
      ++beyond;
      if (!first || from_end(seen->point[i], end) > from_end(first->point[i], end)) first = seen;
    }
    if (beyond < kFewestDiverged) return;
    const double elsewhere = static_cast<double>(diverged - beyond) / static_cast<double>(n - beyond);
    // That the outermost trials all diverged is as likely as that the diverged are drawn from those alone.
    const double chance = chance_in_place(n, diverged, beyond, beyond) * 2 * with_ends_;
    if (elsewhere > kMostDivergedElse || !(chance < kMostChance)) return;
    const double kept = value_of(*last, parameter), lost = value_of(*first, parameter);
    Change change;
    if (const std::optional<ParameterSpec> narrower = narrowed(parameter.spec(), end, kept, lost)) {
      change.ranges.push_back(*narrower);
      merge_range(all, *narrower, parameter.label(), end);
    } else if (!has_bounds(parameter.spec())) {
      // An even law must not reach into tails in which no trial was.
      UnitInterval cut = span_of(i, trials);
      (end == End::kLow ? cut.low : cut.high) = (last->point[i] + first->point[i]) / 2;
      change.cut[i] = cut;
      UnitInterval& both = all.cut.emplace(i, cut).first->second;
      both = {std::max(both.low, cut.low), std::min(both.high, cut.high)};
    } else {
      return;
    }
    const Value evidence = {
        {"trials", n},          {"diverged", diverged}, {"beyond", beyond},       {"last_trained", kept},
        {"first_beyond", lost}, {"chance", chance},     {"looks", 2 * with_ends_}};
    report(SearchFinding::Kind::kNarrow, {parameter.label()},
           cat(parameter.label(), ": all ", beyond, " trials ", lost > kept ? "above " : "below ",
               show(last->result->config.at(parameter.name())), " diverged, and ", diverged - beyond, " of the other ",
               n - beyond, " (chance ", chance_text(chance), "); narrow it"),
           evidence, change);
  }

  static bool is_narrowed(const Change& all, const std::string& label) {
    return std::any_of(all.ranges.begin(), all.ranges.end(),
                       [&](const ParameterSpec& range) { return range.label == label; });
  }

  // A parameter may be narrowed at both ends.
  static void merge_range(Change& all, const ParameterSpec& range, const std::string& label, End end) {
    for (ParameterSpec& there : all.ranges) {
      if (there.label != label) continue;
      if (range.values.empty()) {
        (end == End::kLow ? there.min : there.max) = end == End::kLow ? range.min : range.max;
      } else {
        std::erase_if(there.values, [&](const Value& value) {
          return std::find(range.values.begin(), range.values.end(), value) == range.values.end();
        });
      }
      return;
    }
    all.ranges.push_back(range);
  }

  void find_zoom(Change& all) {
    Change change;
    Value evidence = Value::object();
    std::string list;
    std::vector<std::string> labels;
    for (std::size_t i = 0; i < space_.size(); ++i) {
      const Parameter& parameter = space_.parameters()[i];
      if (parameter.is_constant()) continue;
      const Closeness closeness = closeness_of(i);
      if (!(closeness.chance < kMostChance)) continue;
      change.zoomed.insert(parameter.label());
      labels.push_back(parameter.label());
      evidence[parameter.label()] = {{"trials", closeness.trials},
                                     {"best", closeness.best},
                                     {"trials_where_the_best_are", closeness.around},
                                     {"chance", closeness.chance},
                                     {"looks", varied_}};
      list += cat(list.empty() ? "" : "; ", parameter.label(), ", where ",
                  percent(static_cast<double>(closeness.around) / static_cast<double>(closeness.trials)),
                  " of the trials are (chance ", chance_text(closeness.chance), ")");
    }
    if (labels.empty()) return;
    all.zoomed = change.zoomed;
    report(SearchFinding::Kind::kZoom, labels,
           cat("the best ", next_.best, " of ", next_.trials, " trials are close together in ", list, "; zoom in"),
           evidence, change);
  }

  struct Closeness {
    std::int64_t trials = 0, best = 0, around = 0;
    double chance = 1;  // corrected
  };

  Closeness closeness_of(std::size_t i) const {
    const Parameter& parameter = space_.parameters()[i];
    const std::vector<const Seen*> trials = having(i, Which::kTrained);
    Closeness out;
    out.trials = static_cast<std::int64_t>(trials.size());
    out.best = best_among(trials);
    if (out.best < kFewestBest) return out;
    if (parameter.kind() == Parameter::Kind::kCategorical) {
      std::set<Value> kept;
      for (const Seen* seen : trials) {
        if (seen->best) kept.insert(seen->result->config.at(parameter.name()));
      }
      for (const Seen* seen : trials) out.around += kept.contains(seen->result->config.at(parameter.name()));
      // Any set of so many values might have been the one without a good trial.
      const double sets = exp_of_choose(parameter.levels(), static_cast<std::int64_t>(kept.size()));
      out.chance = chance_in_place(out.trials, out.around, out.best, out.best) * sets;
    } else {
      double low = 1, high = 0;
      for (const Seen* seen : trials) {
        if (!seen->best) continue;
        low = std::min(low, seen->point[i]);
        high = std::max(high, seen->point[i]);
      }
      for (const Seen* seen : trials) out.around += seen->point[i] >= low && seen->point[i] <= high;
      out.chance = chance_within(out.trials, out.best, out.around);
    }
    out.chance = std::min(1.0, out.chance * varied_);
    return out;
  }

  static double exp_of_choose(std::int64_t n, std::int64_t k) {
    double product = 1;
    for (std::int64_t i = 1; i <= k; ++i) product *= static_cast<double>(n - k + i) / static_cast<double>(i);
    return product;
  }

  // Parameters of the space with the ranges changed, as the blocks of a sweep file.
  std::string block_of(const Change& change) const {
    SweepSpec spec = spec_;
    for (const ParameterSpec& range : change.ranges) {
      for (ParameterSpec& parameter : spec.parameters) {
        if (parameter.label == range.label) parameter = range;
      }
    }
    const SearchSpace space(spec);
    return region_yaml(space, region_of(space, change));
  }

  Region region_of(const SearchSpace& space, const Change& change) const {
    std::vector<Observation> best;
    for (const Seen& seen : seen_) {
      if (!seen.best) continue;
      if (auto observation = observation_of(space, *seen.result)) best.push_back(std::move(*observation));
    }
    const ZoomSettings settings{next_.best, kLeastKept};
    Region region = zoomed_region(space, best, change.zoomed.empty() ? 0 : 1, settings);
    for (std::size_t i = 0; i < space.size(); ++i) {
      if (!change.zoomed.contains(space.parameters()[i].label())) region[i] = {UnitInterval{}};
    }
    for (const auto& [i, kept] : change.cut) {
      UnitInterval& interval = region[i].front();
      interval = {std::max(interval.low, kept.low), std::min(interval.high, kept.high)};
    }
    for (const auto& [i, end] : change.opened) {
      if (end == End::kLow) region[i].front().low = 0;
      if (end == End::kHigh) region[i].back().high = 1;
    }
    return region;
  }

  std::string file_of(const Change& change) const { return sweep_with_parameters(spec_, block_of(change)); }

  void report(SearchFinding::Kind kind, std::vector<std::string> labels, std::string sentence, Value evidence,
              const Change& change) {
    SearchFinding finding;
    finding.kind = kind;
    finding.parameters = std::move(labels);
    finding.sentence = std::move(sentence);
    finding.evidence = std::move(evidence);
    const std::string block = block_of(change);
    finding.lines = changed_lines(region_yaml(space_, whole_region(space_)), block);
    finding.file = sweep_with_parameters(spec_, block);
    next_.findings.push_back(std::move(finding));
  }

  // The lines of `now` that `before` does not have, and the keys above them.
  static std::string changed_lines(const std::string& before, const std::string& now) {
    const auto lines_of = [](const std::string& text) {
      std::vector<std::string> lines;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        lines.push_back(text.substr(at, end - at));
        at = end == text.npos ? text.size() : end + 1;
      }
      return lines;
    };
    const std::vector<std::string> old = lines_of(before);
    const std::set<std::string> known(old.begin(), old.end());
    std::vector<std::string> above;  // keys whose block the line stands in
    std::string out;
    for (const std::string& line : lines_of(now)) {
      const std::size_t indent = line.find_first_not_of(' ');
      std::erase_if(above, [&](const std::string& key) { return key.find_first_not_of(' ') >= indent; });
      if (line.ends_with(':')) {
        above.push_back(line);
      } else if (!known.contains(line)) {
        for (const std::string& key : above) out.append(key).append("\n");
        above.clear();
        out.append(line).append("\n");
      }
    }
    return out;
  }

  const SweepSpec& spec_;
  SearchSpace space_;
  std::vector<Seen> seen_;
  int varied_ = 0, with_ends_ = 0;
  NextSearch next_;
};

}  // namespace

const char* to_string(SearchFinding::Kind kind) {
  switch (kind) {
    case SearchFinding::Kind::kWiden:
      return "widen";
    case SearchFinding::Kind::kNarrow:
      return "narrow";
    case SearchFinding::Kind::kZoom:
      return "zoom";
  }
  return "";
}

NextSearch next_search(const SweepSpec& spec, std::span<const TrialResult> results) {
  return Rules(spec, results).find();
}

}  // namespace caviar

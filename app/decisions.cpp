#include "app/decisions.h"

#include <set>

#include <fmt/format.h>

#include "app/export.h"
#include "app/text.h"

namespace caviar {
namespace {

// What a decision was made from, in words. Schedulers see losses: here they are the metric again.
class Seen {
 public:
  Seen(const StudyRecord& study, const Decision& decision)
      : trial_(decision.trial), metric_(study.metric), left_(decision.saw) {
    // The scheduler `threshold` alone compares with bounds of the user's, in the metric as it is.
    const bool as_it_is = left_.contains("lower") || left_.contains("upper");
    sign_ = study.maximize && !as_it_is ? -1 : 1;
  }

  std::string text() {
    if (!left_.is_object()) return "";
    values();
    against_others();
    limits();
    if (const auto alive = take("alive")) say(fmt::format("{} in the race", show_value(*alive)));
    if (const auto last = take("through")) say(fmt::format("trials to {} known", show_value(*last)));
    for (const auto& [key, value] : left_.items()) say(fmt::format("{} {}", key, show_value(value)));
    return text_;
  }

 private:
  void values() {
    if (const auto value = take("value")) say(fmt::format("{} {}", metric_, turned(*value)));
    if (left_.contains("best") && !left_["best"].is_number_integer())
      say(fmt::format("best {} so far {}", metric_, turned(*take("best"))));
    if (const auto mean = take("mean")) say(fmt::format("mean {} {}", metric_, turned(*mean)));
  }

  void against_others() {
    for (const auto& [key, mean_key] : {std::pair("leader", "leader_mean"), {"best", "best_mean"}}) {
      const auto other = take(key), mean = take(mean_key);
      if (!other || !mean) continue;
      say(*other == trial_ ? "it is the best"
                           : fmt::format("best is trial {} with {}", show_value(*other), turned(*mean)));
    }
    const auto rank = take("rank"), cohort = take("cohort"), keep = take("keep");
    if (cohort) say(fmt::format("{} {}", rank ? "rank " + show_value(*rank) + " of" : "among", show_value(*cohort)));
    if (keep) say(fmt::format("the best {} go on", show_value(*keep)));
  }

  void limits() {
    const auto p = take("p"), threshold = take("threshold");
    if (p) {
      say(fmt::format("p {}{}", small(*p), threshold ? fmt::format(" (out below {})", small(*threshold)) : ""));
    } else if (threshold) {
      say("limit " + turned(*threshold));
    }
    if (const auto lower = take("lower")) say("at least " + turned(*lower));
    if (const auto upper = take("upper")) say("at most " + turned(*upper));
  }

  // Every number is said once.
  std::optional<Value> take(const char* key) {
    const auto found = left_.find(key);
    if (found == left_.end()) return std::nullopt;
    Value value = *found;
    left_.erase(found);
    return value;
  }
  void say(const std::string& part) { text_ += (text_.empty() ? "" : ", ") + part; }
  std::string turned(const Value& loss) const {
    return loss.is_number() ? show_metric(sign_ * loss.get<double>()) : "no number";
  }
  static std::string small(const Value& p) {
    return p.is_number() ? fmt::format("{:.3g}", p.get<double>()) : "no number";
  }

  std::int64_t trial_;
  std::string metric_, text_;
  Value left_;
  double sign_ = 1;
};

std::string line_of(const StudyRecord& study, const Decision& decision) {
  const bool goes_on = decision.verdict == Verdict::kGoOn;
  const std::string seen = Seen(study, decision).text();
  const std::string reason = seen.empty() ? "" : "; " + seen;
  if (decision.question == Question::kIteration) {
    return fmt::format("trial {} at iteration {}: {}{}", decision.trial, decision.at, goes_on ? "goes on" : "stopped",
                       reason);
  }
  return fmt::format("trial {} on {}: {}{}", decision.trial, show_number_of(decision.at, "seed"),
                     goes_on ? fmt::format("goes on to {}", decision.seeds) : "no more seeds", reason);
}

std::string line_of(const Copy& copy) {
  std::string changes;
  for (const auto& [name, values] : copy.changed) {
    changes += fmt::format("{} {} in place of {}", (changes.empty() ? "with " : ", ") + name, show_value(values.second),
                           show_value(values.first));
  }
  return fmt::format("trial {} from iteration {}: goes on from the weights of trial {}, {}", copy.trial, copy.at,
                     copy.parent, changes.empty() ? "unchanged" : changes);
}

// Regions are YAML of many lines, to copy; the first says what they are.
void print_news(const Event& news) {
  std::string text = news.detail;
  while (text.ends_with('\n')) text.pop_back();
  for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) text.insert(at + 1, "  ");
  fmt::print("search: {}\n", text);
}

}  // namespace

std::vector<Copy> copies(Storage& storage, std::optional<std::int64_t> trial) {
  std::vector<Copy> all;
  storage.for_each_trial([&](const TrialRecord& record) {
    const Trial& own = record.trial;
    if (own.parent < 0 || (trial && own.number != *trial && own.parent != *trial)) return;
    Copy copy{own.number, own.parent, 0, {}};
    const auto parent = storage.trial(own.parent);
    if (parent) {
      copy.at = parent->trial.until;
      for (const auto& [name, value] : parent->trial.config) copy.changed[name].first = value;
    }
    for (const auto& [name, value] : own.config) copy.changed[name].second = value;
    std::erase_if(copy.changed, [](const auto& entry) { return entry.second.first == entry.second.second; });
    all.push_back(std::move(copy));
  });
  return all;
}

std::vector<Event> search_news(Storage& storage) {
  std::vector<Event> news = storage.events("search");
  std::set<std::string> said;
  std::erase_if(news, [&](const Event& event) { return !said.insert(event.detail).second; });
  return news;
}

std::int64_t judged_as(Storage& storage, std::int64_t trial) {
  std::int64_t judged = trial;
  storage.for_each_repeat_of(trial, [&](const RepeatRecord& repeat) {
    if (repeat.repeat == 0) judged = storage.owners(repeat.run).front().trial;
  });
  return judged;
}

void print_decisions(Storage& storage, std::optional<std::int64_t> trial) {
  const StudyRecord study = *storage.study();
  bool any = false;
  const auto print = [&](const std::string& line) {
    any = true;
    fmt::print("{}\n", wrapped(line, "  "));
  };
  if (trial) {
    require_trial(storage, *trial);
    const std::int64_t judged = judged_as(storage, *trial);
    if (judged != *trial) {
      fmt::print("trial {} means the same training as trial {} and is judged as that one\n", *trial, judged);
    }
    for (const Decision& decision : storage.decisions(judged)) print(line_of(study, decision));
  } else {
    storage.for_each_decision([&](const Decision& decision) { print(line_of(study, decision)); });
  }
  for (const Copy& copy : copies(storage, trial)) print(line_of(copy));
  if (!trial) {
    for (const Event& news : search_news(storage)) {
      any = true;
      print_news(news);
    }
  }
  if (!any) fmt::print("no decision is recorded: {}\n", trial ? "none was made about this trial" : "none was made");
}

}  // namespace caviar

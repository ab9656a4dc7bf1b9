// A study without training, for tests of schedulers: what every trial would report is given, and is revealed in an
// order drawn at random among those that are possible.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/math/philox.h"
#include "tuner/registry.h"
#include "tuner/scheduler.h"

namespace caviar {

// What a trial reports if nothing stops it.
struct Course {
  std::vector<double> losses;        // by iteration
  std::vector<double> seeds;         // final losses; shorter than asked for: it cannot be trained on more
  std::int64_t told_iterations = 0;  // what of it was told
  std::size_t told_seeds = 0;
};

// Everything a scheduler decided: verdict, seeds granted and what it saw, as text.
using Decisions = std::map<std::tuple<std::int64_t, Question, std::int64_t>, std::string>;

inline std::string text_of(const Decision& decision) {
  return (decision.verdict == Verdict::kStop ? "stop " : "go on ") + std::to_string(decision.seeds) + " " +
         decision.saw.dump();
}

// Adds what a scheduler has decided; a decision made twice is a failure.
inline void collect(std::span<const Decision> made, Decisions& decisions) {
  for (const Decision& decision : made) {
    const bool is_new =
        decisions.emplace(std::tuple(decision.trial, decision.question, decision.at), text_of(decision)).second;
    EXPECT_TRUE(is_new) << "decided twice: trial " << decision.trial << " at " << decision.at;
  }
}

struct CourseOrder {
  int slots = 1;
  std::uint64_t seed = 0;
  enum Count { kFirst, kLate, kNever } count = kFirst;  // when it is told how many trials there are
};

class CourseRun {
 public:
  CourseRun(Scheduler& scheduler, std::span<Course> courses, std::int64_t seeds, CourseOrder order)
      : scheduler_(scheduler), courses_(courses), seeds_(seeds), order_(order), states_(courses.size()) {}

  std::function<void(std::span<const Decision>)> on_decisions;

  // Carries the study out; returns the trials that are left waiting.
  std::vector<std::int64_t> carry_out() {
    const auto trials = static_cast<std::int64_t>(courses_.size());
    if (order_.count == CourseOrder::kFirst) scheduler_.tell_count(trials);
    bool count_told = order_.count != CourseOrder::kLate;
    while (true) {
      const bool room = running_.size() < static_cast<std::size_t>(order_.slots);
      const std::size_t starts = room && started_ < trials, resumes = room ? ready_.size() : 0;
      std::size_t pick = below(1 + running_.size() + starts + resumes);
      if (running_.empty() && starts + resumes == 0) pick = 0;
      if (pick-- == 0) {
        if (decide() == 0 && running_.empty() && ready_.empty() && started_ == trials) {
          if (count_told) break;
          scheduler_.tell_count(trials);
          count_told = true;
        }
      } else if (pick < running_.size()) {
        step(pick);
      } else if (pick -= running_.size(); pick < starts) {
        running_.push_back(started_++);
      } else {
        pick -= starts;
        running_.push_back(ready_[pick]);
        ready_[pick] = ready_.back();
        ready_.pop_back();
      }
    }
    std::vector<std::int64_t> waiting;
    for (std::int64_t trial = 0; trial < trials; ++trial) {
      if (states_[static_cast<std::size_t>(trial)].waits) waiting.push_back(trial);
    }
    return waiting;
  }

 private:
  struct State {
    bool waits = false;
    std::int64_t seeds = 0;  // on which it is trained, once its iterations are through
    bool curve_through = false;
  };

  std::size_t below(std::size_t n) {
    const Philox4 draw = philox4x32(drawn_++, 0, 0, 0, order_.seed);
    return draw.x % n;
  }

  // The trial in that slot reports once more, and leaves the slot when it must wait or is over.
  void step(std::size_t slot) {
    const std::int64_t trial = running_[slot];
    Course& course = courses_[static_cast<std::size_t>(trial)];
    State& state = states_[static_cast<std::size_t>(trial)];
    if (!state.curve_through) {
      const auto next = static_cast<std::size_t>(course.told_iterations);
      if (next < course.losses.size()) {
        ++course.told_iterations;
        scheduler_.tell({trial, course.told_iterations, course.losses[next]});
        if (next + 1 < course.losses.size()) {
          state.waits = scheduler_.judges(course.told_iterations);
          if (state.waits) leave(slot);
          return;
        }
      }
      state.curve_through = true;
      state.seeds = scheduler_.first_seeds(seeds_);
    }
    if (scheduler_.first_seeds(seeds_) < seeds_ && state.seeds <= static_cast<std::int64_t>(course.seeds.size())) {
      course.told_seeds = static_cast<std::size_t>(state.seeds);
      scheduler_.tell_seeds(trial, std::span(course.seeds).first(course.told_seeds));
      state.waits = state.seeds < seeds_;
    }
    if (!state.waits) scheduler_.tell_over(trial);
    leave(slot);
  }

  void leave(std::size_t slot) {
    running_[slot] = running_.back();
    running_.pop_back();
  }

  // Acts upon what was decided of trials that wait for it.
  std::size_t decide() {
    const std::vector<Decision> made = scheduler_.decide();
    if (on_decisions) on_decisions(made);
    for (const Decision& decision : made) {
      State& state = states_[static_cast<std::size_t>(decision.trial)];
      const Course& course = courses_[static_cast<std::size_t>(decision.trial)];
      const std::int64_t at = decision.question == Question::kSeeds ? state.seeds : course.told_iterations;
      if (!state.waits || at != decision.at) continue;
      state.waits = false;
      if (decision.verdict == Verdict::kStop) {
        scheduler_.tell_over(decision.trial);
        continue;
      }
      if (decision.question == Question::kSeeds) {
        EXPECT_GT(decision.seeds, state.seeds);
        EXPECT_LE(decision.seeds, seeds_);
        state.seeds = decision.seeds;
      }
      ready_.push_back(decision.trial);
    }
    return made.size();
  }

  Scheduler& scheduler_;
  std::span<Course> courses_;
  std::int64_t seeds_;
  CourseOrder order_;
  std::vector<State> states_;
  std::vector<std::int64_t> running_, ready_;
  std::int64_t started_ = 0;
  std::uint32_t drawn_ = 0;
};

// The decisions of one such study. Every trial must come to its end.
inline Decisions decisions_of(Scheduler& scheduler, std::vector<Course>& courses, std::int64_t seeds,
                              CourseOrder order) {
  Decisions decisions;
  CourseRun run(scheduler, courses, seeds, order);
  run.on_decisions = [&](std::span<const Decision> made) { collect(made, decisions); };
  const std::vector<std::int64_t> waiting = run.carry_out();
  EXPECT_TRUE(waiting.empty()) << waiting.size() << " trials wait for ever, the first is " << waiting.front();
  return decisions;
}

// A scheduler as a sweep would name it: "asha,max_iter=27".
inline std::unique_ptr<Scheduler> scheduler_of(const std::string& choice, const SearchScope& scope) {
  SweepSpec spec;
  spec.filename = "sweep.yaml";
  spec.settings.scheduler = parse_choice("--scheduler", choice);
  return make_scheduler(spec, scope);
}

// What the registry says of a choice it refuses, or "no error".
inline std::string scheduler_refusal(const std::string& choice, const SearchScope& scope = {}) {
  try {
    scheduler_of(choice, scope);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// The verdict on a trial, or "none".
inline std::string verdict_on(const Decisions& decisions, std::int64_t trial, std::int64_t at,
                              Question question = Question::kIteration) {
  const auto found = decisions.find({trial, question, at});
  if (found == decisions.end()) return "none";
  return found->second.starts_with("stop") ? "stop" : "go on";
}

// What the scheduler saw then; null when nothing was decided.
inline Value saw(const Decisions& decisions, std::int64_t trial, std::int64_t at,
                 Question question = Question::kIteration) {
  const auto found = decisions.find({trial, question, at});
  return found == decisions.end() ? Value() : Value::parse(found->second.substr(found->second.find('{')));
}

}  // namespace caviar

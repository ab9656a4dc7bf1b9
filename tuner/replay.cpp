#include "tuner/replay.h"

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "engine/digest.h"
#include "kernels/base/error.h"
#include "tuner/meaning.h"

namespace caviar {
namespace {

Value line_of(const RunRecord& run) {
  if (run_identity(run.canonical) != run.identity)
    fail("run ", run.id, " is recorded with the identity ", run.identity, ", which is not that of its config (",
         run_identity(run.canonical), "): the study was changed; bring it back from a copy");
  return Value::parse(run.canonical);
}

// The run on its way.
struct Replayed {
  RunRecord run;
  RunOrder order;
  std::string parent;          // identity of the run it goes on from, or empty
  bool asked = false;          // else only its weights are wanted, by another
  std::vector<Report> record;  // its reports, to be found again
  std::size_t seen = 0;        // of them
  std::string difference;      // the first
};

std::string describe(const Report& report) {
  return cat("val_loss ", report.validation.loss, ", val_correct ", report.validation.correct, ", train_loss ",
             report.train.loss);
}

class Replay {
 public:
  Replay(Storage& storage, const DataShape& shape, Executor& executor, const std::function<void(FinishedRun)>& over)
      : storage_(storage), shape_(shape), executor_(executor), over_(over) {}

  void add(std::int64_t id) {
    const auto run = storage_.run(id);
    if (!run) fail(storage_.file(), ": there is no run ", id, "; `caviar show --trial N` lists the runs of a trial");
    if (!can_be_replayed(storage_, *run))
      fail("run ", id, " is ", to_string(run->state), " and has nothing to repeat; a run is replayed when it is ",
           "complete, diverged, or stopped after a report");
    add(*run).asked = true;
  }

  void carry_out() {
    executor_.keep_states(true);
    for (const auto& [identity, replayed] : runs_)
      if (replayed.parent.empty()) ready_.push_back(identity);
    while (!runs_.empty()) {
      for (; executor_.room() > 0 && !ready_.empty(); ready_.pop_front())
        executor_.submit(runs_.at(ready_.front()).order);
      for (Report& report : executor_.advance(kPatience)) compare(report);
    }
    executor_.keep_states(false);
  }

 private:
  static constexpr std::chrono::milliseconds kPatience{1000};

  Replayed& add(const RunRecord& run) {
    const auto [place, is_new] = runs_.try_emplace(run.identity);
    Replayed& replayed = place->second;
    if (!is_new) return replayed;
    replayed.run = run;
    replayed.order = recorded_order(run, shape_);
    replayed.record = storage_.reports(run.id);
    identities_[run.id] = run.identity;
    if (const Value line = line_of(run); line.contains("parent")) {
      replayed.parent = line["parent"].get<std::string>();
      children_[replayed.parent].push_back(run.identity);
      const auto parent = storage_.find_run(replayed.parent);
      if (!parent || !can_be_replayed(storage_, *parent))
        fail(storage_.file(), ": run ", run.id, " goes on from the weights of a run (", replayed.parent,
             ") that is not recorded; bring the file back from a copy");
      add(*parent);
    }
    return replayed;
  }

  void compare(Report& report) {
    Replayed& replayed = runs_.at(identities_.at(report.run));
    const bool more = replayed.seen + 1 < replayed.record.size();
    if (replayed.seen < replayed.record.size() && replayed.difference.empty()) {
      const Report& before = replayed.record[replayed.seen];
      if (!same_as_recorded(before, report))
        replayed.difference = cat("at step ", before.step, " ", describe(before), " is recorded, at step ", report.step,
                                  " it is now ", describe(report));
    }
    ++replayed.seen;
    if (more && !report.last) return;
    if (more && replayed.difference.empty()) replayed.difference = cat("it ends at step ", report.step);
    end(replayed, report);
  }

  void end(Replayed& replayed, Report& report) {
    const std::string identity = replayed.run.identity;
    if (!report.last) executor_.stop(report.run);
    for (const std::string& child : children_[identity]) go_on_from(report, runs_.at(child));
    if (replayed.asked) {
      FinishedRun done{replayed.run.id, replayed.run.state, replayed.run.digest, {}, replayed.difference, {}};
      const bool trained = !report.state.empty();
      if (trained && !done.recorded.empty()) {
        done.now = to_string(report.last ? report.digest : hash128(report.state.data(), report.state.size(), 0));
        if (done.now != done.recorded && done.difference.empty()) done.difference = "its weights differ";
      }
      done.state_now = std::move(report.state);
      over_(std::move(done));
    }
    runs_.erase(identity);
  }

  // A run that was put down at the end of its stage hands its state on; one that is now over has none to hand on.
  void go_on_from(const Report& parent, Replayed& child) {
    if (!parent.last) {
      child.order.resume = parent.state;
      child.order.inherits = true;
      ready_.push_back(child.run.identity);
      return;
    }
    child.difference = cat("run ", parent.run, ", from whose weights it went on, now ends at step ", parent.step);
    Report none;
    none.run = child.run.id;
    none.step = parent.step;
    none.last = true;
    end(child, none);
  }

  Storage& storage_;
  const DataShape& shape_;
  Executor& executor_;
  const std::function<void(FinishedRun)>& over_;
  std::map<std::string, Replayed> runs_;  // by identity
  std::map<std::int64_t, std::string> identities_;
  std::map<std::string, std::vector<std::string>> children_;
  std::deque<std::string> ready_;
};

}  // namespace

RunOrder recorded_order(const RunRecord& run, const DataShape& shape) {
  Value line = line_of(run);
  // Every field is a parameter by its own name, but for these.
  DataUse use;
  use.validation_examples = line.at("validation_examples");
  use.validate_on_test = line.at("validate_on_test");
  const auto rung_steps = line.at("rung_steps").get<std::int64_t>();
  const auto family = line.at("family").get<std::string>(), precision = line.at("precision").get<std::string>();
  const auto numerics = line.at("numerics").get<std::string>(), digest = line.at("data_digest").get<std::string>();
  for (const char* name : {"parent", "until"}) line.erase(name);
  Config config = line.get<Config>();
  for (const char* name :
       {"validation_examples", "validate_on_test", "rung_steps", "family", "precision", "numerics", "data_digest"})
    config.erase(name);
  BoundConfig bound;
  try {
    bound = bind_config(config, use, shape);
  } catch (const Error& error) {
    fail("run ", run.id, " was recorded by another caviar (", error.what(), "); replay it with that one");
  }
  bound.rung_steps = rung_steps;
  bound.key.family = family;
  bound.key.precision = precision;
  const std::string recorded = line.dump();
  if (canonical_run(bound, digest, numerics) != recorded && canonical_as_given(bound, digest, numerics) != recorded)
    fail("run ", run.id, " means another training to this program than to the one that recorded it; replay it with ",
         "that version of caviar");
  return {run.id, bound.key, bound.hyper, bound.seeds, bound.data, bound.rung_steps, {}};
}

bool can_be_replayed(Storage& storage, const RunRecord& run) {
  return is_finished(run.state) && run.state != RunState::kFailed && storage.last_report(run.id).has_value();
}

void replay(Storage& storage, std::span<const std::int64_t> runs, const DataShape& shape, const std::string& numerics,
            Executor& executor, const std::function<void(FinishedRun)>& over, const std::function<void()>& starts) {
  const auto study = storage.study();
  if (!study) fail(storage.file(), ": nothing is recorded here yet; wait for the sweep to start");
  if (study->data_digest != shape.digest)
    fail(storage.file(), ": the study was trained on ", study->data_name, " with the digest ", study->data_digest,
         "; the data now have the digest ", shape.digest, "; name those of the study with --data");
  if (study->numerics != numerics)
    fail(storage.file(), ": the study was computed with the numerics ", study->numerics, " and this would be ",
         numerics, "; replay it with the caviar that started it (", study->caviar_version,
         ") and, in precision mixed, on the same kind of GPU");
  Replay all(storage, shape, executor, over);
  for (const std::int64_t run : runs) all.add(run);
  if (starts) starts();
  all.carry_out();
}

}  // namespace caviar

// An executor that trains nothing: closed-form learning curves with seeded noise, for tests and benchmarks of the tuner
// and for dry runs.
//
// A run is a pure function of its order. Its curves fall with the step, worse the further the learning rate is from
// the best one, the narrower the net and the stronger the dropout; every seed moves them a little. A learning rate of
// `diverge_above` or more diverges at a step that depends on the order. Underneath, every step folds into a running
// hash that ends in the digest, so a step lost or done twice by a stop and a resume shows up there.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/executor.h"

namespace caviar {

struct FakeOptions {
  int workers = 4;                      // runs that advance at the same time, >= 1
  int waiting = 4;                      // further runs that room() asks for, >= 0
  std::uint64_t shuffle_seed = 0;       // chooses which runs arrive first and in what order: no result depends on it
  int reports_at_once = 0;              // most reports an advance() returns; 0: as many as there are workers
  float diverge_above = 1.0f;           // learning rate
  std::int64_t examples = 60000;        // of the pretended training set
  std::int64_t lose_device_after = -1;  // advance() throws once so many reports were made: a lost device; < 0: never
  bool break_the_law = false;           // lets results depend on the order of arrival: what checks bits must notice it
};

class FakeExecutor final : public Executor {
 public:
  explicit FakeExecutor(FakeOptions options = {}) : options_(options) {}

  int room() const override;
  void submit(RunOrder order) override;
  void stop(std::int64_t run) override;
  std::vector<Report> advance(std::chrono::milliseconds max_wait) override;  // never waits: its time is not the clock's
  std::vector<Parked> drain() override;
  void keep_states(bool on) override { keep_states_ = on; }

 private:
  struct Run {
    RunOrder order;
    std::uint64_t law = 0;    // hash of all of the order that results may depend on
    std::uint64_t chain = 0;  // folds in every step
    std::int64_t step = 0;
    std::int64_t diverges_at = -1;
    double train_loss = 0;     // summed since the last rung
    std::int32_t rung = 0;     // reports made
    std::int64_t samples = 0;  // since the last report, here
  };

  void take_steps(Run& run, std::int64_t until) const;
  Report report(Run& run) const;
  std::uint64_t draw(std::uint64_t below);

  FakeOptions options_;
  bool keep_states_ = false;
  std::uint64_t draws_ = 0;
  std::int64_t reports_made_ = 0;
  std::map<std::int64_t, Run> runs_;  // all that are here, by number
  std::vector<std::int64_t> queue_;   // in order of submission; the first `workers` of them advance
};

}  // namespace caviar

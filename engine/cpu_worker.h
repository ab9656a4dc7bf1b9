// The packs in the hands of one CPU thread.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "engine/pack.h"

namespace caviar {

// Used by one thread, without locks. Holds at most kLiveRuns runs: one to train while another waits at its rung. Runs
// of equal key share a pack; a pack without runs is kept until another shape needs its memory.
class CpuWorker {
 public:
  static constexpr int kLiveRuns = 2;

  explicit CpuWorker(std::shared_ptr<const Dataset> data) : data_(std::move(data)) {}

  // Runs that are worth having in the queue beside those in hand.
  static constexpr int kQueuedRuns = 2;

  // Takes what it can begin now out of the queue, at most `most`: a run, when the one in hand waits at its rung.
  std::vector<RunOrder> take(std::deque<RunOrder>& queue, int most);
  // Begins runs that it took; returns those for which there turned out to be no room.
  std::vector<RunOrder> admit(const std::vector<RunOrder>& orders);
  bool has_ready() const;
  bool holds(std::int64_t run) const;

  // A run that waits at a rung goes on, or ends.
  void go_on(std::int64_t run);
  void stop(std::int64_t run);

  // Trains until a run reaches its rung, or to the end of a step once `interrupt` is set. Runs that are over are let
  // go.
  std::vector<Report> advance(const std::atomic<bool>& interrupt, bool keep_states);

  // Every run held, with its state; holds none afterwards. `reports`: of runs that came to a rung meanwhile; none do.
  std::vector<Parked> hand_back(std::vector<Report>& reports);

 private:
  struct Live {
    std::int64_t run = -1;  // -1: the slot is free
    bool at_rung = false;
  };
  struct Held {
    PackKey key;
    std::unique_ptr<Pack> pack;
    std::vector<Live> slots;
  };
  struct Place {
    Held* held = nullptr;
    int slot = 0;
    Live& live() const {
      assert(held != nullptr);
      return held->slots[static_cast<std::size_t>(slot)];
    }
  };
  void admit_one(const RunOrder& order);
  Place find(std::int64_t run);
  Place free_slot(const PackKey& key);
  void let_go(const Place& place);
  int live_runs() const;

  std::shared_ptr<const Dataset> data_;
  std::vector<Held> packs_;
};

}  // namespace caviar

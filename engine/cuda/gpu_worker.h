// The packs of one GPU in the hands of one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/cuda/gpu_pack.h"
#include "engine/packer.h"

namespace caviar {

struct GpuWorkerOptions {
  int gpu = 0;
  bool graphs = true;
  int streams = 8;                              // packs at most, each on its own stream
  std::function<void(const std::string&)> say;  // what the user should know; called from the worker's thread
};

// Used by one thread, with its GPU current. Runs of equal key share packs; a pack takes runs in when it stands at a
// rung and has a free slot; a pack without runs gives its memory to others. Packs of different keys are in flight
// together. Throws WorkerLost when the GPU fails for good; the worker then holds its runs by number only.
class GpuWorker {
 public:
  static constexpr int kQueuedRuns = 1024;

  GpuWorker(std::shared_ptr<const GpuData> data, GpuWorkerOptions options);

  std::vector<RunOrder> take(std::deque<RunOrder>& queue, int most);
  std::vector<RunOrder> admit(std::vector<RunOrder> orders);
  bool has_ready() const;
  bool holds(std::int64_t run) const;
  void go_on(std::int64_t run);
  void stop(std::int64_t run);
  std::vector<Report> advance(const std::atomic<bool>& interrupt, bool keep_states);
  std::vector<Parked> hand_back(std::vector<Report>& reports);

 private:
  struct Live {
    std::int64_t run = -1;  // -1: the slot is free
    bool at_rung = false;
  };
  struct Held {
    PackKey key;
    std::unique_ptr<GpuPack> pack;
    std::vector<Live> slots;
    bool in_flight = false;
    int live() const;
    bool ready() const;
  };
  struct Place {
    Held* held = nullptr;
    int slot = 0;
  };

  template <class Do>
  auto guarded(const Do& what);
  Place find(std::int64_t run);
  bool free_slot(const PackKey& key, Place& place);
  void put(const Place& place, const RunOrder& order);
  int slots_that_fill(const PackKey& key);
  std::vector<PackPlan> plan(const std::vector<RunOrder>& orders);
  void open(const PackPlan& plan);
  void close_empty_packs();
  void deliver(Held& held, bool keep_states, std::vector<Report>& reports);

  std::shared_ptr<const GpuData> data_;
  GpuWorkerOptions options_;
  int multiprocessors_ = 1;
  std::vector<std::unique_ptr<Held>> packs_;
  std::map<PackKey, int> fill_;  // slots_that_fill(), as far as asked
  std::set<PackKey> no_room_;    // keys for which no pack could be opened since memory was last given back
  bool said_smaller_ = false;
  std::size_t next_wait_ = 0;
};

}  // namespace caviar

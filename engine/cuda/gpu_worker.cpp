#include "engine/cuda/gpu_worker.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/executor_of.h"

namespace caviar {

int GpuWorker::Held::live() const {
  return static_cast<int>(std::count_if(slots.begin(), slots.end(), [](const Live& l) { return l.run >= 0; }));
}

bool GpuWorker::Held::ready() const {
  return std::any_of(slots.begin(), slots.end(), [](const Live& l) { return l.run >= 0 && !l.at_rung; });
}

// A failure after which the GPU answers no more, or has no memory for what the runtime itself needs, is the loss of the
// worker; everything else passes.
template <class Do>
auto GpuWorker::guarded(const Do& what) {
  try {
    return what();
  } catch (const CudaError& error) {
    if (!error.is_sticky() && !error.is_out_of_memory()) throw;
    throw WorkerLost(cat("GPU cuda:", options_.gpu, " is lost: ", error.what()));
  }
}

GpuWorker::GpuWorker(std::shared_ptr<const GpuData> data, GpuWorkerOptions options)
    : data_(std::move(data)), options_(std::move(options)) {
  guarded([&] {
    use_gpu(options_.gpu);
    cuda_check(cudaDeviceGetAttribute(&multiprocessors_, cudaDevAttrMultiProcessorCount, options_.gpu),
               "ask for the multiprocessors of a GPU");
  });
}

GpuWorker::Place GpuWorker::find(std::int64_t run) {
  for (const auto& held : packs_)
    for (std::size_t slot = 0; slot < held->slots.size(); ++slot)
      if (held->slots[slot].run == run) return {held.get(), static_cast<int>(slot)};
  return {};
}

bool GpuWorker::holds(std::int64_t run) const {
  for (const auto& held : packs_)
    for (const Live& live : held->slots)
      if (live.run == run) return true;
  return false;
}

bool GpuWorker::has_ready() const {
  return std::any_of(packs_.begin(), packs_.end(), [](const auto& held) { return held->in_flight || held->ready(); });
}

bool GpuWorker::free_slot(const PackKey& key, Place& place) {
  for (const auto& held : packs_) {
    if (held->key != key || held->in_flight) continue;
    for (std::size_t slot = 0; slot < held->slots.size(); ++slot)
      if (held->slots[slot].run < 0) {
        place = {held.get(), static_cast<int>(slot)};
        return true;
      }
  }
  return false;
}

int GpuWorker::slots_that_fill(const PackKey& key) {
  const auto [it, first] = fill_.try_emplace(key);
  if (first) it->second = slots_to_fill(multiprocessors_, gpu_pack_size(key, *data_->host, 1).blocks_per_slot);
  return it->second;
}

// What it can begin now: as many runs as there are free slots, and as packs it may still open can hold.
std::vector<RunOrder> GpuWorker::take(std::deque<RunOrder>& queue, int most) {
  std::vector<RunOrder> taken;
  if (queue.empty() || most < 1) return taken;
  std::map<PackKey, int> room;
  for (const auto& held : packs_)
    if (!held->in_flight) room[held->key] += static_cast<int>(held->slots.size()) - held->live();
  const bool may_open = static_cast<int>(packs_.size()) < options_.streams ||
                        std::any_of(packs_.begin(), packs_.end(), [](const auto& held) { return held->live() == 0; });
  std::map<PackKey, int> slots_of_key;
  for (const auto& held : packs_) slots_of_key[held->key] += static_cast<int>(held->slots.size());
  for (auto it = queue.begin(); it != queue.end() && most > 0;) {
    int& free = room[it->key];
    bool fits = free > 0;
    if (!fits && may_open) {
      int& slots = slots_of_key[it->key];
      fits = slots < slots_that_fill(it->key) && !no_room_.contains(it->key);
      slots += fits;
    } else {
      free -= fits;
    }
    if (!fits) {
      ++it;
      continue;
    }
    taken.push_back(std::move(*it));
    it = queue.erase(it);
    --most;
  }
  return taken;
}

// Fills free slots, opens packs for the rest; what does not fit now is returned.
std::vector<RunOrder> GpuWorker::admit(std::vector<RunOrder> orders) {
  return guarded([&] {
    std::vector<RunOrder> left;
    for (RunOrder& order : orders) {
      Place place;
      if (free_slot(order.key, place))
        put(place, order);
      else
        left.push_back(std::move(order));
    }
    if (left.empty()) return left;
    close_empty_packs();
    for (const PackPlan& p : plan(left)) open(p);
    std::vector<RunOrder> without;
    for (RunOrder& order : left) {
      Place place;
      if (free_slot(order.key, place)) {
        put(place, order);
        continue;
      }
      // Not now; when a pack ends its memory may do.
      no_room_.insert(order.key);
      without.push_back(std::move(order));
    }
    const bool idle = std::all_of(packs_.begin(), packs_.end(), [](const auto& held) { return held->live() == 0; });
    if (idle && !without.empty()) {
      const RunOrder& order = without.front();
      throw WorkerLost(cat(
          "A run with hidden_size ", order.key.hidden_size, ", num_layers ", order.key.num_layers, ", batch_size ",
          order.key.batch_size, " needs ", gpu_pack_size(order.key, *data_->host, 1).bytes >> 10,
          " KiB, more than is free on GPU cuda:", options_.gpu, ": use smaller models or batches, or free its memory"));
    }
    return without;
  });
}

void GpuWorker::put(const Place& place, const RunOrder& order) {
  place.held->pack->admit(place.slot, order);
  place.held->slots[static_cast<std::size_t>(place.slot)] = {order.run, false};
}

void GpuWorker::close_empty_packs() {
  std::erase_if(packs_, [](const auto& held) { return !held->in_flight && held->live() == 0; });
}

std::vector<PackPlan> GpuWorker::plan(const std::vector<RunOrder>& orders) {
  std::map<PackKey, int> counts;
  for (const RunOrder& order : orders) ++counts[order.key];
  std::vector<WaitingRuns> waiting;
  for (const auto& [key, count] : counts) {
    const PackSize one = gpu_pack_size(key, *data_->host, 1);
    constexpr int kMore = 64;
    const std::size_t more = gpu_pack_size(key, *data_->host, 1 + kMore).bytes;
    waiting.push_back({key, count, static_cast<std::int64_t>(one.bytes),
                       static_cast<std::int64_t>((more - one.bytes) / kMore + 1), one.blocks_per_slot});
  }
  std::size_t free = 0, total = 0;
  cuda_check(cudaMemGetInfo(&free, &total), "ask for the free memory of a GPU");
  // Graphs, streams and the runtime take memory of their own.
  const std::size_t reserve = std::min<std::size_t>(total / 20, std::size_t{512} << 20);
  PackerLimits limits;
  limits.free_bytes = static_cast<std::int64_t>(free > reserve ? free - reserve : 0);
  limits.multiprocessors = multiprocessors_;
  limits.packs = options_.streams - static_cast<int>(packs_.size());
  return plan_packs(std::move(waiting), limits);
}

// The planned pack, or a smaller one when its memory is not there after all.
void GpuWorker::open(const PackPlan& plan) {
  for (int slots = plan.slots; slots > 0; slots /= 2) {
    try {
      auto held = std::make_unique<Held>();
      held->key = plan.key;
      held->slots.resize(static_cast<std::size_t>(slots));
      held->pack = make_gpu_pack(plan.key, *data_, slots, options_.graphs);
      packs_.push_back(std::move(held));
      return;
    } catch (const CudaError& error) {
      if (!error.is_out_of_memory()) throw;
      if (options_.say && !std::exchange(said_smaller_, true))
        options_.say(cat("GPU cuda:", options_.gpu, " has less memory than it said: packs are made smaller (",
                         plan.slots, " slots of ", gpu_pack_size(plan.key, *data_->host, plan.slots).bytes >> 20,
                         " MiB did not fit)."));
    }
  }
}

void GpuWorker::go_on(std::int64_t run) {
  const Place place = find(run);
  place.held->pack->go_on(place.slot);
  place.held->slots[static_cast<std::size_t>(place.slot)].at_rung = false;
}

void GpuWorker::stop(std::int64_t run) {
  const Place place = find(run);
  place.held->pack->evict(place.slot);
  place.held->slots[static_cast<std::size_t>(place.slot)] = {};
  no_room_.clear();
}

// Goes on with every pack; waits for one of them when none has come to its rung.
std::vector<Report> GpuWorker::advance(const std::atomic<bool>& interrupt, bool keep_states) {
  return guarded([&] {
    std::vector<Report> reports;
    bool came = false;
    for (const auto& held : packs_) {
      if (!held->in_flight && !held->ready()) continue;
      held->in_flight = !held->pack->pump(interrupt);
      if (held->in_flight) continue;
      came = true;
      deliver(*held, keep_states, reports);
    }
    for (std::size_t i = 0; i < packs_.size() && !came; ++i) {
      Held& held = *packs_[next_wait_++ % packs_.size()];
      if (!held.in_flight) continue;
      held.pack->wait();
      break;
    }
    return reports;
  });
}

void GpuWorker::deliver(Held& held, bool keep_states, std::vector<Report>& reports) {
  for (Report& report : held.pack->reports()) {
    const int slot = find(report.run).slot;
    if (!keep_states)
      report.state = {};
    else if (!report.last)
      report.state = held.pack->save(slot);
    Live& live = held.slots[static_cast<std::size_t>(slot)];
    if (report.last) {
      held.pack->evict(slot);
      live = {};
      no_room_.clear();
    } else {
      live.at_rung = true;
    }
    reports.push_back(std::move(report));
  }
}

std::vector<Parked> GpuWorker::hand_back(std::vector<Report>& reports) {
  return guarded([&] {
    std::vector<Parked> parked;
    const std::atomic<bool> now = true;
    for (const auto& held : packs_) {
      while (held->in_flight && !held->pack->pump(now)) held->pack->wait();
      held->in_flight = false;
      deliver(*held, false, reports);
      for (std::size_t slot = 0; slot < held->slots.size(); ++slot) {
        if (held->slots[slot].run < 0) continue;
        const int s = static_cast<int>(slot);
        parked.push_back({held->slots[slot].run, held->pack->step(s), 0, held->pack->save(s)});
        held->pack->evict(s);
        held->slots[slot] = {};
      }
    }
    no_room_.clear();
    return parked;
  });
}

}  // namespace caviar

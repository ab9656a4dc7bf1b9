#include "engine/cpu_worker.h"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

#include "kernels/base/error.h"

namespace caviar {

int CpuWorker::live_runs() const {
  int n = 0;
  for (const Held& held : packs_)
    for (const Live& live : held.slots) n += live.run >= 0;
  return n;
}

std::vector<RunOrder> CpuWorker::take(std::deque<RunOrder>& queue, int most) {
  std::vector<RunOrder> taken;
  if (queue.empty() || most < 1 || has_ready() || live_runs() >= kLiveRuns) return taken;
  taken.push_back(std::move(queue.front()));
  queue.pop_front();
  return taken;
}

std::vector<RunOrder> CpuWorker::admit(const std::vector<RunOrder>& orders) {
  for (const RunOrder& order : orders) {
    try {
      admit_one(order);
    } catch (const std::bad_alloc&) {
      fail("A run with hidden_size ", order.key.hidden_size, ", num_layers ", order.key.num_layers,
           " does not fit in memory. Use fewer --threads; what was recorded is safe, go on with --resume.");
    }
  }
  return {};
}

bool CpuWorker::has_ready() const {
  for (const Held& held : packs_)
    for (const Live& live : held.slots)
      if (live.run >= 0 && !live.at_rung) return true;
  return false;
}

bool CpuWorker::holds(std::int64_t run) const {
  for (const Held& held : packs_)
    for (const Live& live : held.slots)
      if (live.run == run) return true;
  return false;
}

CpuWorker::Place CpuWorker::find(std::int64_t run) {
  for (Held& held : packs_)
    for (std::size_t slot = 0; slot < held.slots.size(); ++slot)
      if (held.slots[slot].run == run) return {&held, static_cast<int>(slot)};
  return {};
}

CpuWorker::Place CpuWorker::free_slot(const PackKey& key) {
  for (Held& held : packs_) {
    if (held.key != key) continue;
    for (std::size_t slot = 0; slot < held.slots.size(); ++slot)
      if (held.slots[slot].run < 0) return {&held, static_cast<int>(slot)};
  }
  std::erase_if(packs_, [](const Held& held) {
    return std::all_of(held.slots.begin(), held.slots.end(), [](const Live& live) { return live.run < 0; });
  });
  packs_.push_back({key, make_cpu_pack(key, data_, kLiveRuns), std::vector<Live>(kLiveRuns)});
  return {&packs_.back(), 0};
}

void CpuWorker::admit_one(const RunOrder& order) {
  const Place place = free_slot(order.key);
  place.held->pack->admit(place.slot, order);
  place.live() = {order.run, false};
}

void CpuWorker::go_on(std::int64_t run) {
  const Place place = find(run);
  place.held->pack->go_on(place.slot);
  place.live().at_rung = false;
}

void CpuWorker::let_go(const Place& place) {
  assert(place.held != nullptr);
  place.held->pack->evict(place.slot);
  place.live() = {};
}

void CpuWorker::stop(std::int64_t run) { let_go(find(run)); }

std::vector<Report> CpuWorker::advance(const std::atomic<bool>& interrupt, bool keep_states) {
  for (Held& held : packs_) {
    if (std::none_of(held.slots.begin(), held.slots.end(), [](const Live& l) { return l.run >= 0 && !l.at_rung; }))
      continue;
    std::vector<Report> reports = held.pack->advance(interrupt);
    for (Report& report : reports) {
      const Place place = find(report.run);
      if (!keep_states)
        report.state = {};
      else if (!report.last)
        report.state = held.pack->save(place.slot);
      if (report.last)
        let_go(place);
      else
        place.live().at_rung = true;
    }
    return reports;
  }
  return {};
}

std::vector<Parked> CpuWorker::hand_back(std::vector<Report>&) {
  std::vector<Parked> parked;
  for (Held& held : packs_)
    for (std::size_t slot = 0; slot < held.slots.size(); ++slot) {
      if (held.slots[slot].run < 0) continue;
      const int s = static_cast<int>(slot);
      parked.push_back({held.slots[slot].run, held.pack->step(s), 0, held.pack->save(s)});
      let_go({&held, s});
    }
  return parked;
}

}  // namespace caviar

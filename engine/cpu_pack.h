// A pack on one CPU thread: depth first, one slot goes all the way to its rung before the next is touched.
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/law_breaker.h"
#include "engine/pack.h"
#include "engine/slot_state.h"
#include "engine/training.h"
#include "kernels/base/buffer.h"

namespace caviar {

// The data set as a CPU's ops read it: where it lies.
inline DataArrays arrays_of(const Dataset& d) {
  return {{d.train.features.data(), d.train.labels.data()},
          {d.test.features.data(), d.test.labels.data()},
          d.steps,
          d.features,
          d.classes};
}

template <Model M>
class CpuPack final : public Pack {
 public:
  CpuPack(const PackKey& key, const typename M::Shape& shape, std::shared_ptr<const Dataset> data, int slots)
      : key_(key),
        data_(std::move(data)),
        slots_(static_cast<std::size_t>(slots)),
        memory_(bytes_needed(key, shape, slots)),
        arena_(memory_.data()),
        training_(key, shape, arrays_of(*data_), slots, arena_) {
    for (int s = 0; s < slots; ++s) row(s) = SlotRow{};
    if (law_breaker == LawBreaker::kPackDependentSum && slots > 1) training_.cut_batches(kRowBlock / 2);
  }

  static std::size_t bytes_needed(const PackKey& key, const typename M::Shape& shape, int slots) {
    Arena counting;
    const Training<M> training(key, shape, {}, slots, counting);
    return counting.used();
  }

  int slots() const override { return static_cast<int>(slots_.size()); }

  void admit(int slot, const RunOrder& order) override {
    at(slot) = make_slot(order, *data_);
    row(slot) = make_row(order, *data_);
    row(slot).on = 1;
    training_.initialize(cpu_, one(slot));
    if (!order.resume.empty()) restore(at(slot), row(slot), arrays<float>(slot), order.resume);
    row(slot).trains = 1;
    at(slot).phase = Slot::Phase::kReady;
  }

  void evict(int slot) override { at(slot) = Slot{}; }

  void go_on(int slot) override {
    if (at(slot).phase == Slot::Phase::kAtRung) at(slot).phase = Slot::Phase::kReady;
  }

  std::vector<Report> advance(const std::atomic<bool>& stop) override {
    for (int s = 0; s < slots(); ++s) {
      if (at(s).phase != Slot::Phase::kReady) continue;
      while (steps_to_rung(at(s), row(s)) > 0) {
        if (stop) return {};
        break_the_law(s);
        training_.step(cpu_, one(s));
      }
      if (!measure(s, stop)) return {};
      Report report = finish_rung(at(s), row(s));
      if (report.last) finish_run(report, at(s), row(s), arrays<const float>(s));
      return {std::move(report)};
    }
    return {};
  }

  std::vector<std::byte> save(int slot) override {
    return caviar::save(at(slot), row(slot), arrays<const float>(slot));
  }
  std::int64_t step(int slot) const override { return row(slot).step; }

  std::vector<float> read(int slot, bool averages) override {
    const std::span<const float> from =
        averages ? arrays<const float>(slot).averages : arrays<const float>(slot).params;
    return {from.begin(), from.end()};
  }

 private:
  Slot& at(int slot) { return slots_.at(static_cast<std::size_t>(slot)); }
  const Slot& at(int slot) const { return slots_.at(static_cast<std::size_t>(slot)); }
  SlotRow& row(int slot) const { return training_.rows()[slot]; }
  static Window one(int slot) { return {slot, slot + 1, 0, 0}; }

  template <class T>
  SlotArrays<T> arrays(int slot) const {
    const auto size = static_cast<std::size_t>(training_.tensors().size());
    SlotArrays<T> a;
    a.params = {training_.params()[slot], size};
    if (training_.state()) a.state = {training_.state()[slot], static_cast<std::size_t>(training_.state_size())};
    if (training_.averages()) a.averages = {training_.averages()[slot], size};
    return a;
  }

  // Everything the run measures at this rung. False, and nothing measured, when `stop` came.
  bool measure(int slot, const std::atomic<bool>& stop) {
    SlotRow& r = row(slot);
    for (Measured& m : r.measured) m = {};
    r.measures = r.diverged ? 0 : measures_at(r, r.step);
    for (int m = 0; m < kMeasures; ++m) {
      const auto measure = static_cast<Measure>(m);
      if (!(r.measures & bit_of(measure))) continue;
      training_.begin_measure(cpu_, one(slot), measure);
      do {
        if (stop) return false;
        training_.measure(cpu_, one(slot), measure);
      } while (r.on);
    }
    return true;
  }

  void break_the_law(int slot) {
    if (law_breaker == LawBreaker::kSharedRandom) row(slot).seeds.dropout = shared_draws_++;
    if (law_breaker == LawBreaker::kNeighbourLeaks && row(0).diverged) row(slot).hyper.learning_rate = 0;
  }

  Cpu cpu_;
  PackKey key_;
  std::shared_ptr<const Dataset> data_;
  std::vector<Slot> slots_;
  Buffer<std::byte> memory_;
  Arena arena_;
  Training<M> training_;
  std::uint64_t shared_draws_ = 0;  // LawBreaker::kSharedRandom
};

}  // namespace caviar

// A pack on one stream of one GPU: all slots step together.
//
// From rung to rung: the table goes to the device in one copy; the training step, captured once, is launched as often
// as the nearest rung is away; the measuring pass as often as the runs that arrive there have examples; the table comes
// back in one copy. The host decides nothing in between, for it knows where each run will stand; only divergence is
// news.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/cuda/gpu_pack.h"
#include "engine/slot_state.h"

namespace caviar {

template <Model M>
class CudaPack final : public GpuPack {
 public:
  CudaPack(const PackKey& key, const typename M::Shape& shape, const GpuData& data, int slots, bool graphs)
      : data_(data.host),
        graphs_(graphs),
        slots_(static_cast<std::size_t>(slots)),
        all_{0, slots, 0, 0},
        memory_(bytes_needed(key, shape, slots)),
        arena_(memory_.data()),
        training_(key, shape, data.arrays, slots, arena_),
        rows_(static_cast<std::size_t>(slots)) {
    cuda_check(cudaMemsetAsync(memory_.data(), 0, memory_.bytes(), stream_.get()), "clear the memory of a pack");
  }

  // What is in flight uses the memory of this object.
  ~CudaPack() override { (void)cudaStreamSynchronize(stream_.get()); }
  CudaPack(const CudaPack&) = delete;
  CudaPack& operator=(const CudaPack&) = delete;

  static std::size_t bytes_needed(const PackKey& key, const typename M::Shape& shape, int slots) {
    Arena counting;
    const Training<M> training(key, shape, {}, slots, counting);
    return counting.used();
  }

  int slots() const override { return static_cast<int>(slots_.size()); }

  void admit(int slot, const RunOrder& order) override {
    Held& held = at(slot);
    held = {};
    held.slot = make_slot(order, *data_);
    rows_[slot] = make_row(order, *data_);
    held.fresh = true;
    if (!order.resume.empty()) {
      held.resumed = std::make_unique<HostArrays>(training_);
      restore(held.slot, rows_[slot], held.resumed->spans(), order.resume);
    }
    held.slot.phase = Slot::Phase::kReady;
  }

  void evict(int slot) override {
    at(slot) = {};  // the table may be in flight: set_out() takes the slot off the next way
  }

  void go_on(int slot) override {
    if (at(slot).slot.phase == Slot::Phase::kAtRung) at(slot).slot.phase = Slot::Phase::kReady;
  }

  bool pump(const std::atomic<bool>& stop) override {
    if (!way_ && !set_out()) return true;
    if (way_->returning) return come_back();
    if (way_->steps > 0 && !stop) {
      enqueue(way_->steps, [&] { launch(train_, [&] { training_.step(cuda(), all_); }); });
      if (way_->steps > 0) return false;
    }
    for (int m = 0; m < kMeasures && way_->steps == 0; ++m)
      if (way_->measures[index(m)] > 0 && !stop) {
        const auto measure = static_cast<Measure>(m);
        enqueue(way_->measures[index(m)], [&] {
          launch(measure_[index(m)], [&] {
            training_.begin_measure(cuda(), all_, measure);
            training_.measure(cuda(), all_, measure);
          });
        });
        if (way_->measures[index(m)] > 0) return false;
      }
    return come_back();
  }

  void wait() override { (way_ && way_->returning ? returned_ : marks_[oldest_mark()]).wait(); }

  std::vector<Report> reports() override { return std::exchange(reports_, {}); }

  std::vector<std::byte> save(int slot) override {
    settle();
    HostArrays arrays(training_);
    download(slot, arrays);
    return caviar::save(at(slot).slot, rows_[slot], arrays.const_spans());
  }

  std::int64_t step(int slot) const override { return rows_[slot].step; }

  std::vector<float> read(int slot, bool averages) override {
    settle();
    HostArrays arrays(training_);
    download(slot, arrays);
    return averages ? arrays.averages : arrays.params;
  }

 private:
  // The arrays of one slot in the host's memory.
  struct HostArrays {
    explicit HostArrays(const Training<M>& t)
        : params(static_cast<std::size_t>(t.tensors().size())),
          state(t.state() ? static_cast<std::size_t>(t.state_size()) : 0),
          averages(t.averages() ? params.size() : 0) {}
    SlotArrays<float> spans() { return {params, state, averages}; }
    SlotArrays<const float> const_spans() const { return {params, state, averages}; }
    std::vector<float> params, state, averages;
  };
  struct Held {
    Slot slot;
    bool fresh = false;                   // admitted since the last setting out: its arrays are not on the device yet
    std::unique_ptr<HostArrays> resumed;  // what they are, unless the run begins
    bool arriving = false;                // the way under way ends at its rung
  };
  // The way to the nearest rung: launches still to be enqueued.
  struct Way {
    std::int64_t steps = 0;
    std::array<std::int64_t, kMeasures> measures{};
    bool returning = false;
  };

  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  Held& at(int slot) { return slots_.at(index(slot)); }
  const Held& at(int slot) const { return slots_.at(index(slot)); }
  Cuda cuda() const { return {stream_.get()}; }

  // Plans the way and sends the table. False when no run is ready.
  bool set_out() {
    std::int64_t steps = std::numeric_limits<std::int64_t>::max();
    for (int s = 0; s < slots(); ++s)
      if (at(s).slot.phase == Slot::Phase::kReady) steps = std::min(steps, steps_to_rung(at(s).slot, rows_[s]));
    if (steps == std::numeric_limits<std::int64_t>::max()) return false;
    Way way;
    way.steps = steps;
    settle();
    for (int s = 0; s < slots(); ++s) {
      SlotRow& row = rows_[s];
      const bool ready = at(s).slot.phase == Slot::Phase::kReady;
      row.trains = ready;
      row.measures = 0;
      for (Measured& m : row.measured) m = {};
      at(s).arriving = ready && steps_to_rung(at(s).slot, row) == steps;
      if (!at(s).arriving || row.diverged) continue;
      row.measures = measures_at(row, row.step + steps);
      for (int m = 0; m < kMeasures; ++m) {
        if (!(row.measures >> m & 1)) continue;
        const bool test = pass_of(static_cast<Measure>(m)) == Pass::kTest;
        const std::int64_t examples = test ? row.test_examples : row.validation_examples,
                           most = training_.window_rows();
        way.measures[index(m)] = std::max(way.measures[index(m)], (examples + most - 1) / most);
      }
    }
    send_table();
    way_ = way;
    return true;
  }

  // Brings the runs that were admitted onto the device, all at once.
  void settle() {
    bool any = false;
    for (int s = 0; s < slots(); ++s) {
      rows_[s].on = at(s).fresh && !at(s).resumed;
      any = any || at(s).fresh;
    }
    if (!any) return;
    send_table();
    training_.initialize(cuda(), all_);
    for (int s = 0; s < slots(); ++s) {
      if (at(s).resumed) upload(s, *at(s).resumed);
      at(s).fresh = false;
    }
    cuda_check(cudaStreamSynchronize(stream_.get()), "begin runs");  // the table may be written again, the arrays freed
    for (Held& held : slots_) held.resumed.reset();
  }

  void send_table() {
    cuda_check(cudaMemcpyAsync(training_.rows(), rows_.data(), rows_.bytes(), cudaMemcpyHostToDevice, stream_.get()),
               "send the table of slots");
  }

  // Enqueues up to `count` launches, as many as may be in flight, and counts them down. After every kChunk a mark shows
  // how far the device is.
  template <class Launch>
  void enqueue(std::int64_t& count, const Launch& one) {
    while (count > 0) {
      while (marks_set_ > 0 && marks_[oldest_mark()].reached()) --marks_set_;
      if (marks_set_ == kMarks) return;
      for (int i = 0; i < kChunk && count > 0; ++i, --count) one();
      marks_[next_mark_].record(stream_);
      next_mark_ = (next_mark_ + 1) % kMarks;
      ++marks_set_;
    }
  }

  std::size_t oldest_mark() const { return (next_mark_ + kMarks - marks_set_) % kMarks; }

  // A launch of the captured work; eager: of the work itself.
  template <class Enqueue>
  void launch(std::optional<CudaGraph>& graph, const Enqueue& work) {
    if (!graphs_) return work();
    if (!graph) graph.emplace(stream_, work);
    graph->launch(stream_);
  }

  // The end of the way: fetches the table; once it is there, the reports.
  bool come_back() {
    if (!way_->returning) {
      cuda_check(cudaMemcpyAsync(rows_.data(), training_.rows(), rows_.bytes(), cudaMemcpyDeviceToHost, stream_.get()),
                 "fetch the table of slots");
      returned_.record(stream_);
      way_->returning = true;
    }
    if (!returned_.reached()) return false;
    marks_set_ = 0;
    bool complete = way_->steps == 0;
    for (const std::int64_t left : way_->measures) complete = complete && left == 0;
    way_.reset();
    for (int s = 0; s < slots() && complete; ++s) {
      Held& held = at(s);
      if (held.slot.phase != Slot::Phase::kReady || !(held.arriving || rows_[s].diverged)) continue;
      Report report = finish_rung(held.slot, rows_[s]);
      if (report.last) {
        HostArrays arrays(training_);
        arrays.state.clear();  // is no part of what is kept of a run that is over
        download(s, arrays);
        finish_run(report, held.slot, rows_[s], arrays.const_spans());
      }
      reports_.push_back(std::move(report));
    }
    return true;
  }

  template <class Copy>
  void each_array(int s, HostArrays& arrays, const Copy& copy) {
    copy(training_.params()[s], arrays.params);
    if (!arrays.state.empty()) copy(training_.state()[s], arrays.state);
    if (!arrays.averages.empty()) copy(training_.averages()[s], arrays.averages);
  }

  void upload(int s, HostArrays& arrays) {
    each_array(s, arrays, [&](float* device, std::vector<float>& host) {
      cuda_check(
          cudaMemcpyAsync(device, host.data(), host.size() * sizeof(float), cudaMemcpyHostToDevice, stream_.get()),
          "send the state of a run");
    });
  }

  void download(int s, HostArrays& arrays) {
    each_array(s, arrays, [&](float* device, std::vector<float>& host) {
      cuda_check(
          cudaMemcpyAsync(host.data(), device, host.size() * sizeof(float), cudaMemcpyDeviceToHost, stream_.get()),
          "fetch the state of a run");
    });
    cuda_check(cudaStreamSynchronize(stream_.get()), "fetch the state of a run");
  }

  // Launches between two marks, and marks ahead: enough to hide the host, few enough to stop soon.
  static constexpr int kChunk = 16;
  static constexpr std::size_t kMarks = 3;

  std::shared_ptr<const Dataset> data_;
  bool graphs_;
  std::vector<Held> slots_;
  Window all_;
  CudaStream stream_;
  DeviceMemory memory_;
  Arena arena_;
  Training<M> training_;
  PinnedArray<SlotRow> rows_;  // the table; the device's while a way is under way
  std::optional<CudaGraph> train_;
  std::array<std::optional<CudaGraph>, kMeasures> measure_;
  std::optional<Way> way_;
  std::array<CudaEvent, kMarks> marks_;
  std::size_t next_mark_ = 0, marks_set_ = 0;
  CudaEvent returned_;
  std::vector<Report> reports_;
};

}  // namespace caviar

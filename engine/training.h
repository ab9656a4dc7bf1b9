// The training step and the measuring pass, written once for every model and every device: the engine's main loop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/run.h"
#include "kernels/base/reduce.h"
#include "kernels/base/slab.h"
#include "kernels/clip.h"
#include "kernels/gather.h"
#include "kernels/hypergradient.h"
#include "kernels/init.h"
#include "kernels/loss.h"
#include "kernels/metrics.h"
#include "kernels/optimizer.h"
#include "kernels/prelude.h"
#include "models/model.h"

namespace caviar {

// The data set in the memory of a device.
struct DataArrays {
  ExampleArray train, test;
  int steps = 0, features = 0, classes = 0;  // T, D, C
};

// Memory and ops of `slots` slots of one pack key. It only enqueues (on CUDA) or computes (on a CPU): what may go on
// and when is the pack's business. On a CPU a window of slots is one slot.
template <Model M>
class Training {
 public:
  using Device = typename M::DeviceTag;

  // Takes its memory from the arena; with an empty arena it only counts.
  Training(const PackKey& key, const typename M::Shape& shape, const DataArrays& data, int slots, Arena& arena)
      : data_(data),
        batch_size_(key.batch_size),
        state_arrays_(key.state_arrays),
        rows_(arena.take<SlotRow>(slots)),
        tensors_(M::params_of(shape)),
        model_(shape, slots, key.batch_size, arena),
        window_rows_(model_.max_rows()) {
    const std::int64_t size = tensors_.size();
    params_ = arena.slab<float>(slots, size);
    if (state_arrays_ > 0) state_ = arena.slab<float>(slots, state_size());
    if (key.averaged) averages_ = arena.slab<float>(slots, size);
    const int work = Device::kSlotsShareWork ? 1 : slots;
    const int examples = std::max(batch_size_, model_.max_rows());
    gradient_ = arena.slab<float>(work, size);
    losses_ = arena.slab<float>(work, examples);
    correct_ = arena.slab<std::int32_t>(work, examples);
    labels_ = arena.slab<std::int32_t>(work, examples);
    partials_ = arena.slab<double>(work, kPartials);
  }

  SlotRow* rows() const { return rows_; }
  Slab<float> params() const { return params_; }
  Slab<float> state() const { return state_; }
  Slab<float> averages() const { return averages_; }
  const Params& tensors() const { return tensors_; }
  std::int64_t state_size() const { return tensors_.size() * state_arrays_; }
  int window_rows() const { return window_rows_; }
  // Of the examples of the last pass: [rows, padded(C)], [rows].
  Slab<const float> logits() const { return model_.logits(); }
  Slab<const std::int32_t> labels() const { return labels_; }

  // Cuts batches into windows of at most `rows` rows. Multiples of kRowBlock change no bit.
  void cut_batches(int rows) { window_rows_ = rows; }

  // Initial weights from the seeds, averages equal to them, clean state: of the slots that are on.
  void initialize(const Device& device, const Window& slots) {
    for (std::size_t i = 0; i < tensors_.tensors().size(); ++i) {
      const ParamTensor& t = tensors_.tensors()[i];
      InitArgs a{slots, rows_, static_cast<std::uint32_t>(i), t.bound, t.size(), params_.from(t.offset)};
      caviar::initialize(device, a);
      if (!averages_) continue;
      a.weights = averages_.from(t.offset);
      caviar::initialize(device, a);
    }
    if (state_) set_zero(device, {slots, rows_, state_, state_size()});
  }

  // One optimizer step of every slot of the window that trains: the whole algorithm, in order.
  void step(const Device& device, const Window& slots) {
    begin_training(device, {slots, rows_});
    model_.load(device, slots, params_, true);
    set_zero(device, {slots, rows_, gradient_, tensors_.size()});
    const Window batch = all_rows(slots, batch_size_);
    for (Window w = first_window(batch); w.rows() > 0; w = next_window(w, batch)) {
      gather(device, gather_args(w));
      model_.forward(device, w, rows_, true);
      softmax_cross_entropy(device, loss_args(w, model_.grad_logits()));
      model_.backward(device, w, rows_, gradient_);
    }
    record_batch(device, {batch, rows_, losses_, correct_});
    clip(device, {slots, rows_, tensors_.size(), gradient_});
    adapt_rate(device, {slots, rows_, tensors_.size(), gradient_, params_, state_});
    update(device, {slots, rows_, tensors_.size(), gradient_, params_, state_, averages_});
  }

  // Before the passes of a measurement: which weights they see.
  void begin_measure(const Device& device, const Window& slots, Measure measure) {
    model_.load(device, slots, of_averages(measure) ? averages_ : params_, false);
  }

  // The next window_rows() examples of every slot that takes part in the measurement, without dropout or smoothing.
  void measure(const Device& device, const Window& slots, Measure measure) {
    begin_measuring(device, {slots, rows_, measure, window_rows_});
    const Window w = all_rows(slots, window_rows_);
    if (w.rows() == 0) return;
    gather(device, gather_args(w));
    model_.forward(device, w, rows_, false);
    softmax_cross_entropy(device, loss_args(w, {}));
    record_measured(device, {w, rows_, measure, losses_, correct_, partials_});
  }

 private:
  // All examples of the pass. A CPU knows how many there are; a GPU takes the most, and its ops look into the table.
  Window all_rows(const Window& slots, int most) const {
    Window w = slots;
    w.b0 = 0;
    w.b1 = most;
    if constexpr (Device::kSlotsShareWork) w.b1 = rows_[slots.s0].on ? rows_[slots.s0].rows : 0;
    return w;
  }
  Window first_window(const Window& batch) const { return {batch.s0, batch.s1, 0, std::min(batch.b1, window_rows_)}; }
  Window next_window(const Window& w, const Window& batch) const {
    return {w.s0, w.s1, w.b1, std::min(batch.b1, w.b1 + window_rows_)};
  }

  GatherArgs gather_args(const Window& w) const {
    return {w, rows_, data_.train, data_.test, data_.steps, data_.features, model_.input(), labels_};
  }

  LossArgs loss_args(const Window& w, Slab<float> grad_logits) const {
    return {w, rows_, data_.classes, model_.logits(), labels_, losses_, correct_, grad_logits};
  }

  DataArrays data_;
  int batch_size_, state_arrays_;
  SlotRow* rows_;  // [slots], in the device's memory
  Params tensors_;
  M model_;
  int window_rows_;
  Slab<float> params_, state_, averages_;  // [slots, P], [slots, state arrays, P], [slots, P] or null
  Slab<float> gradient_;                   // [P]
  Slab<float> losses_;                     // [B]
  Slab<std::int32_t> correct_, labels_;    // [B]
  Slab<double> partials_;                  // [kPartials]
};

}  // namespace caviar

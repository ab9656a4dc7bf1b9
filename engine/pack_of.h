// The training step and the rung, written once for every model.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/bytes.h"
#include "engine/digest.h"
#include "engine/law_breaker.h"
#include "engine/pack.h"
#include "engine/slot_state.h"
#include "kernels/base/buffer.h"
#include "kernels/base/error.h"
#include "kernels/clip.h"
#include "kernels/gather.h"
#include "kernels/init.h"
#include "kernels/loss.h"
#include "kernels/metrics.h"
#include "kernels/optimizer.h"
#include "models/model.h"

namespace caviar {

template <Model M>
class PackOf final : public Pack {
 public:
  using Device = typename M::DeviceTag;

  PackOf(const PackKey& key, const typename M::Shape& shape, std::shared_ptr<const Dataset> data, int slots)
      : key_(key),
        data_(std::move(data)),
        model_(shape),
        params_(M::params_of(shape)),
        slots_(static_cast<std::size_t>(slots)),
        gradient_(static_cast<std::size_t>(params_.size())) {}

  int slots() const override { return static_cast<int>(slots_.size()); }

  void admit(int slot, const RunOrder& order) override {
    Slot& s = at(slot);
    s = make_slot(order, *data_, params_.size());
    if (order.resume.empty())
      initialize_params(s);
    else
      restore(s, order.resume);
    s.phase = Slot::Phase::kReady;
  }

  void evict(int slot) override { at(slot) = Slot{}; }

  void go_on(int slot) override {
    if (at(slot).phase == Slot::Phase::kAtRung) at(slot).phase = Slot::Phase::kReady;
  }

  // Depth first: one slot goes all the way to its rung before the next is touched.
  std::vector<Report> advance(const std::atomic<bool>& stop) override {
    for (Slot& s : slots_) {
      if (s.phase != Slot::Phase::kReady) continue;
      while (!at_rung(s)) {
        if (stop) return {};
        step(s);
      }
      if (std::optional<Report> r = report(s, stop)) return {*std::move(r)};
      return {};
    }
    return {};
  }

  std::vector<std::byte> save(int slot) const override { return caviar::save(at(slot)); }
  std::int64_t step(int slot) const override { return at(slot).row.step; }

  std::vector<float> read(int slot, bool averages) const override {
    const Buffer<float>& from = averages ? at(slot).averages : at(slot).params;
    return {from.data(), from.data() + from.size()};
  }

 private:
  Slot& at(int slot) { return slots_.at(static_cast<std::size_t>(slot)); }
  const Slot& at(int slot) const { return slots_.at(static_cast<std::size_t>(slot)); }

  void initialize_params(Slot& s) {
    for (std::size_t i = 0; i < params_.tensors().size(); ++i) {
      const ParamTensor& t = params_.tensors()[i];
      initialize(device_, s.row.seeds.init, static_cast<std::uint32_t>(i), t.bound, t.size(),
                 s.params.data() + t.offset);
    }
    if (s.averages.size()) std::copy_n(s.params.data(), s.params.size(), s.averages.data());
  }

  // One optimizer step of one slot: the whole algorithm, in order. Everything below only enqueues or computes.
  void step(Slot& s) {
    SlotRow& row = s.row;
    const BatchPlace place = batch_place(s);
    prepare(place.rows);
    row.now = prelude(row.hyper, row.step, row.mu_product);
    model_.load(s.params.data(), true);
    gradient_.fill(0.0f);
    DropoutUse dropout{row.hyper.dropout, row.seeds.dropout, static_cast<std::uint32_t>(row.step)};
    if (law_breaker == LawBreaker::kSharedRandom) dropout.seed = shared_draws_++;
    const int most = law_breaker == LawBreaker::kPackDependentSum && slots() > 1 ? kRowBlock / 2 : model_.max_rows();
    for (Window w{0, 1, 0, 0}; w.b0 < place.rows; w.b0 = w.b1) {
      w.b1 = std::min(place.rows, w.b0 + most);
      gather(device_, gather_args(s, data_->train, training_order(s, place.epoch), place.first + w.b0, w));
      model_.forward(w, dropout);
      softmax_cross_entropy(device_, loss_args(w, row.hyper.label_smoothing, 1.0f / static_cast<float>(place.rows)));
      model_.backward(w, dropout, gradient_.data());
    }
    record_batch(device_, row, batch_metrics(device_, losses_.data(), correct_.data(), place.rows), place.rows);
    if (row.diverged) return;
    if (law_breaker == LawBreaker::kNeighbourLeaks && slots_.front().row.diverged) row.now.rate = row.now.step_size = 0;
    row.clip_scale = clip_scale(device_, gradient_.data(), params_.size(), row.hyper.clip_norm);
    update(device_, {&row, params_.size(), gradient_.data(), s.params.data(), s.state.data(),
                     s.averages.size() ? s.averages.data() : nullptr});
    ++row.step;
    s.samples += place.rows;
  }

  bool at_rung(const Slot& s) const {
    return s.row.diverged || s.row.step >= s.row.hyper.total_steps ||
           (s.row.step > s.reported_step && s.row.step % s.rung_steps == 0);
  }

  // The report of a slot that has reached its rung. Nothing, and the slot as it was, when `stop` came while evaluating.
  std::optional<Report> report(Slot& s, const std::atomic<bool>& stop) {
    Report r;
    r.run = s.run;
    r.rung = s.rung;
    r.step = s.row.step;
    r.train = {s.row.examples ? s.row.loss_sum / static_cast<double>(s.row.examples) : 0, s.row.correct,
               s.row.examples};
    r.diverged = s.row.diverged;
    const ValidationPlace place = validation_place(s, *data_);
    const auto measure = [&](Metrics& raw, Metrics& averaged, const Examples& examples, const ExampleOrder& order,
                             std::int64_t first, std::int64_t count) {
      return evaluate(s, s.params, examples, order, first, count, stop, raw) &&
             (s.averages.size() == 0 || evaluate(s, s.averages, examples, order, first, count, stop, averaged));
    };
    if (!r.diverged) {
      if (!measure(r.validation, r.averaged, *place.examples, place.order, place.first, place.count)) return {};
      r.diverged = is_diverged(r.validation.loss);
    }
    r.last = r.diverged || s.row.step >= s.row.hyper.total_steps;
    if (r.last && !r.diverged && data_->test.count > 0 &&
        !measure(r.test, r.averaged_test, data_->test, {}, 0, data_->test.count))
      return {};

    s.row.diverged = r.diverged;
    s.row.loss_sum = 0;
    s.row.correct = s.row.examples = 0;
    s.reported_step = r.step;
    ++s.rung;
    r.samples = std::exchange(s.samples, 0);
    s.metrics_digest = chain_digest(s.metrics_digest, r);
    if (r.last) r.digest = final_digest(s);
    s.phase = r.last ? Slot::Phase::kOver : Slot::Phase::kAtRung;
    return r;
  }

  // Loss and hits over `count` examples from position `first` on, without dropout or smoothing. False when `stop` came.
  bool evaluate(const Slot& s, const Buffer<float>& params, const Examples& examples, const ExampleOrder& order,
                std::int64_t first, std::int64_t count, const std::atomic<bool>& stop, Metrics& metrics) {
    prepare(static_cast<int>(count));
    model_.load(params.data(), false);
    for (Window w{0, 1, 0, 0}; w.b0 < count; w.b0 = w.b1) {
      if (stop) return false;
      w.b1 = static_cast<int>(std::min<std::int64_t>(count, w.b0 + model_.max_rows()));
      gather(device_, gather_args(s, examples, order, first + w.b0, w));
      model_.forward(w, {});
      LossArgs loss = loss_args(w, 0.0f, 0.0f);
      loss.grad_logits = nullptr;
      softmax_cross_entropy(device_, loss);
    }
    const BatchMetrics m = batch_metrics(device_, losses_.data(), correct_.data(), static_cast<int>(count));
    metrics = {m.loss_sum / static_cast<double>(count), m.correct, count};
    return true;
  }

  void prepare(int rows) {
    if (losses_.size() >= static_cast<std::size_t>(rows)) return;
    losses_ = Buffer<float>(static_cast<std::size_t>(rows));
    correct_ = Buffer<std::int32_t>(static_cast<std::size_t>(rows));
    labels_ = Buffer<std::int32_t>(static_cast<std::size_t>(rows));
  }

  GatherArgs gather_args(const Slot& s, const Examples& examples, const ExampleOrder& order, std::int64_t first,
                         const Window& w) {
    GatherArgs a;
    a.pixels = examples.features.data();
    a.labels = examples.labels.data();
    a.steps = data_->steps;
    a.features = data_->features;
    a.order = order;
    a.first = first;
    a.rows = w.rows();
    a.standardize = s.row.hyper.standardize != 0;
    a.mean = s.row.pixel_mean;
    a.std = s.row.pixel_std;
    a.x = model_.input();
    a.y = labels_.data() + w.b0;
    return a;
  }

  LossArgs loss_args(const Window& w, float smoothing, float scale) {
    LossArgs a;
    a.rows = w.rows();
    a.classes = data_->classes;
    a.logits = model_.logits();
    a.labels = labels_.data() + w.b0;
    a.smoothing = smoothing;
    a.scale = scale;
    a.losses = losses_.data() + w.b0;
    a.correct = correct_.data() + w.b0;
    a.grad_logits = model_.grad_logits();
    return a;
  }

  [[no_unique_address]] Device device_;
  PackKey key_;
  std::shared_ptr<const Dataset> data_;
  M model_;
  Params params_;
  std::vector<Slot> slots_;
  Buffer<float> gradient_;
  Buffer<float> losses_;  // [rows of the batch, or examples evaluated]
  Buffer<std::int32_t> correct_, labels_;
  std::uint64_t shared_draws_ = 0;  // LawBreaker::kSharedRandom
};

}  // namespace caviar

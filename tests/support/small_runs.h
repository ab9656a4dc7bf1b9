// A small data set that can be learned and orders for runs on it.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "engine/digest.h"
#include "engine/executor.h"
#include "engine/pack.h"
#include "kernels/math/philox.h"

namespace caviar {

// T = 6, D = 5, four classes: the label is where a sequence is bright. 200 training and 50 test examples.
inline std::shared_ptr<const Dataset> small_data() {
  static const std::shared_ptr<const Dataset> data = [] {
    auto d = std::make_shared<Dataset>();
    d->name = "small";
    d->steps = 6;
    d->features = 5;
    d->classes = 4;
    const auto fill = [&](Examples& e, int count, std::uint32_t stream) {
      e.count = count;
      for (int i = 0; i < count; ++i) {
        const int label = i % 4;
        e.labels.push_back(static_cast<std::uint8_t>(label));
        for (int j = 0; j < 30; ++j) {
          const std::uint32_t r =
              philox4x32(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(j), stream, 0, 99).x;
          e.features.push_back(static_cast<std::uint8_t>(r % 128 + (j % 5 == label ? 100 : 0)));
        }
      }
    };
    fill(d->train, 200, 0);
    fill(d->test, 50, 1);
    d->digest = to_string(hash128(d->train.features.data(), d->train.features.size(), 0));
    return d;
  }();
  return data;
}

// A two-layer network with dropout, averages and a partial last batch: everything that a slot could get wrong.
// 150 training examples in batches of 32: five steps an epoch; three epochs.
inline RunOrder small_order(std::int64_t run) {
  RunOrder o;
  o.run = run;
  o.key.cell = Cell::kLstm;
  o.key.hidden_size = 7;
  o.key.num_layers = 2;
  o.key.batch_size = 32;
  o.key.averaged = true;
  o.hyper.learning_rate = 0.01f;
  o.hyper.dropout = 0.2f;
  o.hyper.polyak = Polyak::kExponential;
  o.hyper.clip_norm = 0.5f;
  o.hyper.total_steps = 15;
  o.hyper.step_size = 5;
  const auto seed = static_cast<std::uint64_t>(run) + 1000;
  o.seeds = {seed, seed, seed, seed, 0};
  o.data.validation_examples = 50;
  o.rung_steps = 5;
  return o;
}

inline RunOrder diverging_order(std::int64_t run) {
  RunOrder o = small_order(run);
  o.hyper.learning_rate = 1e30f;
  o.hyper.clip_norm = 0;
  return o;
}

using Digests = std::map<std::int64_t, Digest>;

inline std::vector<RunOrder> small_orders(int count) {
  std::vector<RunOrder> orders;
  for (int i = 0; i < count; ++i) orders.push_back(small_order(i));
  return orders;
}

// Runs of many shapes and optimizers.
inline std::vector<RunOrder> mixed_orders(int count) {
  std::vector<RunOrder> orders;
  for (int i = 0; i < count; ++i) {
    RunOrder o = small_order(i);
    o.key.cell = static_cast<Cell>(i % 4);
    o.key.hidden_size = 3 + 4 * (i % 3);
    o.key.num_layers = 1 + i % 2;
    o.key.readout = static_cast<Readout>(i % 3);
    o.hyper.optimizer = static_cast<Optimizer>(i % 5);
    o.hyper.learning_rate = o.hyper.optimizer == Optimizer::kSgd ? 0.1f : 0.01f;
    o.key.state_arrays = state_arrays(o.hyper);
    if (i % 4 == 1) {
      o.hyper.polyak = Polyak::kNone;
      o.key.averaged = false;
    }
    orders.push_back(o);
  }
  return orders;
}

// Runs whose learning rate adapts itself: every optimizer that can, a schedule, coupled decay, from rates far too
// small.
inline std::vector<RunOrder> hypergradient_orders(std::int64_t first_run) {
  std::vector<RunOrder> orders;
  const auto add = [&](Optimizer optimizer, float rate, float hypergradient_rate, const auto& change) {
    RunOrder o = small_order(first_run + static_cast<std::int64_t>(orders.size()));
    o.hyper.optimizer = optimizer;
    o.hyper.learning_rate = rate;
    o.hyper.hypergradient_rate = hypergradient_rate;
    o.hyper.clip_norm = 0;
    change(o.hyper);
    o.key.state_arrays = state_arrays(o.hyper);
    orders.push_back(o);
  };
  add(Optimizer::kSgd, 0.001f, 1.0f, [](Hyper&) {});
  add(Optimizer::kSgd, 0.001f, 0.25f, [](Hyper& h) {
    h.one_minus_momentum = 0.5f;
    h.weight_decay = 0.01f;
  });
  add(Optimizer::kSgd, 0.001f, 0.25f, [](Hyper& h) {
    h.one_minus_momentum = 0.5f;
    h.nesterov = 1;
  });
  add(Optimizer::kAdam, 1e-4f, 1e-4f, [](Hyper&) {});
  add(Optimizer::kAdamW, 1e-4f, 1e-4f, [](Hyper& h) {
    h.weight_decay = 0.1f;
    h.decoupled_weight_decay = 1;
    h.schedule = Schedule::kCosine;
  });
  add(Optimizer::kAdam, 1e-4f, 1e-3f, [](Hyper& h) { h.clip_norm = 0.5f; });
  return orders;
}

// A shuffle that is the same everywhere.
template <class T>
void shuffle(std::vector<T>& v, std::uint32_t seed) {
  for (std::size_t i = v.size(); i > 1; --i)
    std::swap(v[i - 1], v[philox4x32(static_cast<std::uint32_t>(i), seed, 0, 0, 3).x % i]);
}

// All reports of a run that has slot 0 of a pack of one to itself.
inline std::vector<Report> alone(const RunOrder& order) {
  const auto pack = make_cpu_pack(order.key, small_data(), 1);
  const std::atomic<bool> never = false;
  pack->admit(0, order);
  std::vector<Report> reports;
  do {
    reports.push_back(pack->advance(never).at(0));
    pack->go_on(0);
  } while (!reports.back().last);
  return reports;
}

// Drives an executor until `runs` of them are over; all reports, in order of arrival.
inline std::vector<Report> finish(Executor& executor, std::size_t runs) {
  std::vector<Report> all;
  for (std::size_t over = 0; over < runs;)
    for (Report& r : executor.advance(std::chrono::seconds(60))) {
      over += r.last;
      all.push_back(std::move(r));
    }
  return all;
}

// The final digest of every run.
inline Digests digests_of(const std::vector<Report>& reports) {
  Digests digests;
  for (const Report& r : reports)
    if (r.last) digests[r.run] = r.digest;
  return digests;
}

inline Digests each_alone(const std::vector<RunOrder>& orders) {
  Digests digests;
  for (const RunOrder& o : orders) digests[o.run] = alone(o).back().digest;
  return digests;
}

}  // namespace caviar

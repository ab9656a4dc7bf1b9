#include "kernels/metrics.h"

#include <algorithm>

#include "kernels/base/reduce.h"

namespace caviar {

namespace {

void record_batch_of(SlotRow& row, const float* losses, const std::int32_t* correct) {
  Partials<double> partials;
  std::int64_t hits = 0;
  for (int i = 0; i < row.rows; ++i) {
    partials.add(i, static_cast<double>(losses[i]));
    hits += correct[i];
  }
  add_batch(row, partials.total(), hits);
}

void record_measured_of(SlotRow& row, Measure measure, const float* losses, const std::int32_t* correct,
                        double* partials) {
  Measured& m = row.measured[static_cast<int>(measure)];
  if (m.examples == 0) std::fill_n(partials, kPartials, 0.0);
  for (int i = 0; i < row.rows; ++i) {
    partials[(m.examples + i) % kPartials] += static_cast<double>(losses[i]);
    m.correct += correct[i];
  }
  m.examples += row.rows;
  Partials<double> all;
  std::copy_n(partials, kPartials, all.value);
  m.loss_sum = all.total();
}

}  // namespace

void record_batch(const Cpu&, const BatchArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on) record_batch_of(a.rows[s], a.losses[s], a.correct[s]);
}

void record_measured(const Cpu&, const MeasuredArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on) record_measured_of(a.rows[s], a.measure, a.losses[s], a.correct[s], a.partials[s]);
}

}  // namespace caviar

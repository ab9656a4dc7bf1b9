#include "kernels/metrics.h"

#include "kernels/base/reduce.h"

namespace caviar {

BatchMetrics batch_metrics(const Cpu&, const float* losses, const std::int32_t* correct, int rows) {
  Partials<double> partials;
  BatchMetrics m;
  for (int i = 0; i < rows; ++i) {
    partials.add(i, static_cast<double>(losses[i]));
    m.correct += correct[i];
  }
  m.loss_sum = partials.total();
  return m;
}

void record_batch(const Cpu&, SlotRow& row, const BatchMetrics& batch, int rows) {
  if (is_diverged(batch.loss_sum / rows)) {
    row.diverged = 1;
    return;
  }
  row.loss_sum += batch.loss_sum;
  row.correct += batch.correct;
  row.examples += rows;
}

}  // namespace caviar

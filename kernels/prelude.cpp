#include "kernels/prelude.h"

namespace caviar {

void begin_training(const Cpu&, const TrainingPrelude& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s) begin_training_pass(a.rows[s]);
}

void begin_measuring(const Cpu&, const MeasuringPrelude& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s) begin_measuring_pass(a.rows[s], a.measure, a.most);
}

}  // namespace caviar

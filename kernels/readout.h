// From the outputs of the last layer at every step to the features that the head reads.
#pragma once

#include <cstdint>

#include "kernels/base/device.h"
#include "kernels/base/hd.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

enum class Readout : std::int32_t {
  kLastStep,     // out[:, -1]: both directions at the last time step; the reverse one has seen that step only
  kFinalStates,  // each direction where its walk ends: forward at T-1, reverse at 0
  kMean,         // mean over time: one sum in ascending t from +0, divided by T
};

// The one time step that a direction is read at (not for the mean).
CAVIAR_HD constexpr int time_read(Readout kind, int direction, int steps) {
  return kind == Readout::kFinalStates && direction == 1 ? 0 : steps - 1;
}

struct ReadoutArgs {
  Window window;
  const SlotRow* rows = nullptr;  // [S]
  Readout kind = Readout::kLastStep;
  int steps = 0;            // T
  int directions = 2;       // 1 or 2
  int direction_width = 0;  // Hp
  int width = 0;            // floats of a row, >= directions Hp
  Slab<const float> h;      // [T, rows of the window, width]
  Slab<float> features;     // [rows, width]
  // backward
  Slab<const float> grad_features;  // [rows, width]
  Slab<float> grad_h;               // [T, rows, width], overwritten: +0 where the read-out does not look
};

void readout_forward(const Cpu&, const ReadoutArgs& args);
void readout_forward(const Cuda&, const ReadoutArgs& args);
void readout_backward(const Cpu&, const ReadoutArgs& args);
void readout_backward(const Cuda&, const ReadoutArgs& args);

}  // namespace caviar

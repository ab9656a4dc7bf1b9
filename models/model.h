// What the engine needs of a network. A model object knows where activations and weights lie in memory and composes
// ops; parameters, optimizer state and averages belong to the slots. On a CPU thread all slots share one set of
// activations, on a GPU each has its own.
#pragma once

#include <concepts>
#include <cstdint>

#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"
#include "models/params.h"

namespace caviar {

template <class M>
concept Model = requires(M model, const M& read, const typename M::Shape& shape, const typename M::DeviceTag& device,
                         Slab<const float> params, Slab<float> gradient, const Window& window, const SlotRow* rows,
                         bool training, int slots, int batch, Arena& arena) {
  // The tensors of a shape.
  { M::params_of(shape) } -> std::same_as<Params>;
  // Takes its memory for `slots` slots and batches of `batch` rows from the arena; with an empty arena it only counts.
  M(shape, slots, batch, arena);
  // The most batch rows one window may hold: a multiple of kRowBlock, a function of shape and batch alone.
  { read.max_rows() } -> std::same_as<int>;
  // Takes the parameters [P] of the window's slots for the following passes; `training` also prepares for backward().
  model.load(device, window, params, training);
  // Where gather() puts [T, rows, padded(D)] before forward().
  { read.input() } -> std::same_as<Slab<float>>;
  // Fills logits() [rows, padded(C)]; `training`: with dropout.
  model.forward(device, window, rows, training);
  { read.logits() } -> std::same_as<Slab<float>>;
  // dL/dlogits, to be filled before backward(), which adds to the gradient [P].
  { read.grad_logits() } -> std::same_as<Slab<float>>;
  model.backward(device, window, rows, gradient);
};

}  // namespace caviar

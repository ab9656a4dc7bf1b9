// What the engine needs of a network. A model object holds the activations and packed weights of one worker (a CPU
// thread); parameters, optimizer state and averages belong to the slots.
#pragma once

#include <concepts>
#include <cstdint>

#include "kernels/base/window.h"
#include "models/params.h"

namespace caviar {

// What of a run the forward pass reads besides parameters; probability 0 when evaluating.
struct DropoutUse {
  float probability = 0;
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
};

template <class M>
concept Model = requires(M model, const M& read, typename M::Shape shape, const float* params, float* gradient,
                         const Window& window, const DropoutUse& dropout) {
  // The tensors of a shape.
  { M::params_of(shape) } -> std::same_as<Params>;
  // The most batch rows one window may hold: a multiple of kRowBlock, a function of the shape alone.
  { read.max_rows() } -> std::same_as<int>;
  // Takes the parameters [P] for the following passes; `training` also prepares for backward().
  model.load(params, true);
  // Where gather() puts [T, rows, padded(D)] before forward().
  { model.input() } -> std::same_as<float*>;
  // Fills logits() [rows, padded(C)].
  model.forward(window, dropout);
  { read.logits() } -> std::same_as<const float*>;
  // dL/dlogits, to be filled before backward(), which adds to the gradient [P].
  { model.grad_logits() } -> std::same_as<float*>;
  model.backward(window, dropout, gradient);
};

}  // namespace caviar

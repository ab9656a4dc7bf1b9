// Launches of the mixed recurrence, for the translation unit of each family of cells.
#pragma once

#include "kernels/base/launch.h"
#include "kernels/recurrent_mixed_backward.cuh"
#include "kernels/recurrent_mixed_forward.cuh"
#include "kernels/recurrent_mixed_launch.h"

namespace caviar::mixed {

// Row tiles, directions and slots.
template <class R>
dim3 grid_of(const RecurrentArgs& a) {
  return {static_cast<unsigned>((a.window.rows() + R::kRows - 1) / R::kRows), static_cast<unsigned>(a.directions),
          static_cast<unsigned>(a.window.s1 - a.window.s0)};
}

template <class R>
void launch_forward(const Cuda& device, const RecurrentArgs& a, Projection projection) {
  int tiles = (input_columns(a.input_segments) + 15) / 16;
  if (!R::kProjects || projection == Projection::kApart || R::forward_bytes(tiles) > R::kMostBytes) {
    mixed_input_projection(device, a);
    tiles = 0;
  }
  launch(forward_kernel<R>, grid_of<R>(a), dim3(R::kThreads), static_cast<std::size_t>(R::forward_bytes(tiles)),
         device.stream, a, tiles);
}

template <class R>
void launch_backward(const Cuda& device, const RecurrentArgs& a) {
  launch(backward_kernel<R>, grid_of<R>(a), dim3(R::kThreads), static_cast<std::size_t>(R::kBackwardBytes),
         device.stream, a);
}

// Calls go(R) for the least of kMixedHidden that takes the layer.
template <Family kFamily, class Go>
void for_hidden(int hidden, const Go& go) {
  check_mixed(hidden);
  if (hidden <= 16) return go(Recurrence<kFamily, 16>{});
  if (hidden <= 32) return go(Recurrence<kFamily, 32>{});
  if (hidden <= 64) return go(Recurrence<kFamily, 64>{});
  if (hidden <= 128) return go(Recurrence<kFamily, 128>{});
  return go(Recurrence<kFamily, 256>{});
}

template <Family kFamily>
void forward_of(const Cuda& device, const RecurrentArgs& a, Projection projection) {
  for_hidden<kFamily>(a.hidden, [&](auto r) { launch_forward<decltype(r)>(device, a, projection); });
}

template <Family kFamily>
void backward_of(const Cuda& device, const RecurrentArgs& a) {
  for_hidden<kFamily>(a.hidden, [&](auto r) { launch_backward<decltype(r)>(device, a); });
}

}  // namespace caviar::mixed

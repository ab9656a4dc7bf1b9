// Matrix products of many slots at once on CUDA, in fp32 and in the one order of summation (kernels/README.md, law 2):
// every output is one chain of fused multiply-adds in ascending k from +0, so all of them have the bits of
// kernels/base/matrix.h. Tiles run across outputs, never across k.
//
// T steps, B rows of the window, the row stride of all [T, B, width] arrays. Of a slot only rows [0, rows[slot].rows)
// exist; nothing else is read or written. Slots that are off are left alone. Features stand in segments as in
// base/matrix.h; columns between them are neither read nor written. "Flat" numbers the real features through.
#pragma once

#include <cstddef>

#include "kernels/base/device.h"
#include "kernels/base/matrix.h"
#include "kernels/base/slab.h"
#include "kernels/base/window.h"
#include "kernels/slots.h"

namespace caviar {

// How W [rows, columns], row-major without padding, stands in a product.
enum class WeightForm {
  kRowIsOutput,     // W [N, K]: c = a W^T, the forward pass of a layer
  kColumnIsOutput,  // W [K, N]: c = a W, from the gradients of a layer's outputs to those of its inputs
};

// c[m, n] from a[m, K] and W, for every row m of `steps` consecutive time steps, in each slot and up to two directions.
// Shapes and everything else but pointers and steps are the same in both.
struct GroupedProduct {
  struct Direction {
    int steps = 0;              // 0: nothing to do
    Slab<const float> a;        // [steps, B, a_stride]
    Slab<const float> weights;  // in the order of flat k and n
    Slab<const float> bias;     // [N], for kStoreBias and kAddBias
    Slab<float> c;              // [steps, B, c_stride]
  };
  Window window;
  const SlotRow* rows = nullptr;  // [S]
  int directions = 1;
  Direction direction[2];
  WeightForm form = WeightForm::kRowIsOutput;
  int a_stride = 0, c_stride = 0;
  Segments k, n;  // features of a row of a; of c
  Finish finish = Finish::kStore;
  int stored_from = 1 << 30;  // flat n from here on is stored where `finish` would add
};
void grouped_product(const Cuda& device, const GroupedProduct& product);

// Weight gradients, in each slot and up to two directions: for every block of kRowBlock rows, in ascending order,
//   c[i, j] += one chain over steps 0 .. product_steps-1 of the walk, inside a step rows ascending, of a[i] * b[j]
//   bias[i] += one chain over steps 0 .. steps-1 of a[i], plain additions
struct GroupedOuterProduct {
  struct Direction {
    int steps = 0;                          // 0: nothing to do
    int product_steps = 0;                  // at most `steps`; 0: c is left alone
    Slab<const float> a, b;                 // the first step of the walk, row 0
    std::ptrdiff_t a_step = 0, b_step = 0;  // floats from one step of the walk to the next; may be negative
    Slab<float> c;                          // [i.total, j.total], row-major, without padding
    Slab<float> bias;                       // [i.total]; null: none
    Slab<float> bias_copy;                  // gets the values of bias; null: none
  };
  Window window;
  const SlotRow* rows = nullptr;
  int directions = 1;
  Direction direction[2];
  int a_stride = 0, b_stride = 0;
  Segments i, j;
};
void grouped_outer_product(const Cuda& device, const GroupedOuterProduct& product);

}  // namespace caviar

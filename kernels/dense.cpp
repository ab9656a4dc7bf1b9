#include "kernels/dense.h"

namespace caviar {

namespace {

void forward_slot(const DenseArgs& a, int slot) {
  RowProduct p;
  p.a = a.features[slot];
  p.a_stride = a.width;
  p.k = a.inputs;
  p.panels = a.weight[slot];
  p.rows = a.window.rows();
  p.vectors = padded(a.outputs) / kLanes;
  p.c = a.out[slot];
  p.c_stride = padded(a.outputs);
  p.bias = a.bias[slot];
  row_product(p, Finish::kStoreBias);
}

void backward_slot(const DenseArgs& a, int slot) {
  RowProduct p;
  p.a = a.grad_out[slot];
  p.a_stride = padded(a.outputs);
  p.k = packed_segments(1, a.outputs);
  p.panels = a.weight_back[slot];
  p.rows = a.window.rows();
  p.vectors = a.inputs.vectors();
  p.c = a.grad_features[slot];
  p.c_stride = a.width;
  row_product(p, Finish::kStore);

  OuterProduct g;
  g.a = a.grad_out[slot];
  g.a_stride = p.a_stride;
  g.i = p.k;
  g.b = a.features[slot];
  g.b_stride = a.width;
  g.j = a.inputs;
  g.steps = 1;
  g.rows = a.window.rows();
  g.c = a.grad_weight[slot];
  outer_product(g);
  outer_sum(g.a, 0, g.a_stride, g.i, 1, a.window.rows(), a.grad_bias[slot]);
}

}  // namespace

void dense_forward(const Cpu&, const DenseArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on) forward_slot(a, s);
}

void dense_backward(const Cpu&, const DenseArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on) backward_slot(a, s);
}

}  // namespace caviar

#include "kernels/dense.h"

namespace caviar {

void dense_forward(const Cpu&, const DenseArgs& a) {
  RowProduct p;
  p.a = a.features;
  p.a_stride = a.width;
  p.k = a.inputs;
  p.panels = a.weight;
  p.rows = a.rows;
  p.vectors = padded(a.outputs) / kLanes;
  p.c = a.out;
  p.c_stride = padded(a.outputs);
  p.bias = a.bias;
  row_product(p, Finish::kStoreBias);
}

void dense_backward(const Cpu&, const DenseArgs& a) {
  RowProduct p;
  p.a = a.grad_out;
  p.a_stride = padded(a.outputs);
  p.k = packed_segments(1, a.outputs);
  p.panels = a.weight_back;
  p.rows = a.rows;
  p.vectors = a.inputs.vectors();
  p.c = a.grad_features;
  p.c_stride = a.width;
  row_product(p, Finish::kStore);

  OuterProduct g;
  g.a = a.grad_out;
  g.a_stride = p.a_stride;
  g.i = p.k;
  g.b = a.features;
  g.b_stride = a.width;
  g.j = a.inputs;
  g.steps = 1;
  g.rows = a.rows;
  g.c = a.grad_weight;
  outer_product(g);
  outer_sum(g.a, 0, g.a_stride, g.i, 1, a.rows, a.grad_bias);
}

}  // namespace caviar

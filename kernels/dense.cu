#include "kernels/base/cuda.h"
#include "kernels/dense.h"
#include "kernels/product.h"

namespace caviar {

void dense_forward(const Cuda& device, const DenseArgs& a) {
  GroupedProduct p;
  p.window = a.window;
  p.rows = a.rows;
  p.direction[0] = {1, a.features, a.weight, a.bias, a.out};
  p.form = WeightForm::kRowIsOutput;
  p.a_stride = a.width;
  p.c_stride = padded(a.outputs);
  p.k = a.inputs;
  p.n = packed_segments(1, a.outputs);
  p.finish = Finish::kStoreBias;
  grouped_product(device, p);
}

void dense_backward(const Cuda& device, const DenseArgs& a) {
  const Segments outputs = packed_segments(1, a.outputs);
  GroupedProduct p;
  p.window = a.window;
  p.rows = a.rows;
  p.direction[0] = {1, a.grad_out, a.weight_back, {}, a.grad_features};
  p.form = WeightForm::kColumnIsOutput;
  p.a_stride = padded(a.outputs);
  p.c_stride = a.width;
  p.k = outputs;
  p.n = a.inputs;
  p.finish = Finish::kStore;
  grouped_product(device, p);

  GroupedOuterProduct g;
  g.window = a.window;
  g.rows = a.rows;
  g.direction[0] = {1, 1, a.grad_out, a.features, 0, 0, a.grad_weight, a.grad_bias, {}};
  g.a_stride = padded(a.outputs);
  g.b_stride = a.width;
  g.i = outputs;
  g.j = a.inputs;
  grouped_outer_product(device, g);
}

}  // namespace caviar

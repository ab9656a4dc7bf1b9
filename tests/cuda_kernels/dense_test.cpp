#include "kernels/dense.h"

#include "tests/cuda_kernels/on_device.h"
#include "tests/cuda_kernels/random_pack.h"

namespace caviar::test {
namespace {

constexpr int kBatch = 37;

// A head of `outputs` classes on `segments` x `length` features, both passes, on the device and slot by slot on the
// CPU.
void heads_agree(int outputs, int segments, int length) {
  on_device([&](const Cuda& device) {
    Draw draw(3);
    const std::vector<SlotRow> table = random_table(draw, {kBatch, 16, 1, 17, 5, kBatch});
    const int slots = static_cast<int>(table.size());
    const Segments inputs = packed_segments(segments, length);
    const int width = segments * padded(length) + 8, columns = padded(outputs), total = inputs.total();
    const auto number = [&] { return draw.number(); };
    PackArray<float> features(slots, 1, kBatch, width), weight(slots, 1, 1, outputs * total),
        bias(slots, 1, 1, outputs);
    PackArray<float> out(slots, 1, kBatch, columns), grad_out = out, grad_features(slots, 1, kBatch, width);
    PackArray<float> grad_weight = weight, grad_bias = bias;
    for (PackArray<float>* array : {&features, &weight, &bias, &grad_out, &grad_weight, &grad_bias})
      array->fill(number);

    const DeviceVector<SlotRow> rows(table);
    const DeviceArray<float> device_features(features), device_weight(weight), device_bias(bias), device_out(out),
        device_grad_out(grad_out), device_grad_features(grad_features), device_grad_weight(grad_weight),
        device_grad_bias(grad_bias);
    DenseArgs a;
    a.window = {1, slots, 0, kBatch};
    a.rows = rows.data();
    a.outputs = outputs;
    a.inputs = inputs;
    a.width = width;
    a.features = device_features.slab();
    a.weight = a.weight_back = device_weight.slab();
    a.bias = device_bias.slab();
    a.out = device_out.slab();
    a.grad_out = device_grad_out.slab();
    a.grad_features = device_grad_features.slab();
    a.grad_weight = device_grad_weight.slab();
    a.grad_bias = device_grad_bias.slab();
    dense_forward(device, a);
    dense_backward(device, a);

    a.rows = table.data();
    a.grad_weight = {grad_weight.data(), grad_weight.stride()};
    a.grad_bias = {grad_bias.data(), grad_bias.stride()};
    for (int s = 1; s < slots; ++s) {
      const int count = table[static_cast<std::size_t>(s)].rows;
      PackArray<float> forward(1, 1, 1, static_cast<std::int64_t>(panel_size(total, columns / kLanes)));
      PackArray<float> back(1, 1, 1, static_cast<std::int64_t>(panel_size(outputs, inputs.vectors())));
      PackArray<float> padded_bias(1, 1, 1, columns);
      pack_transposed(weight[s], total, 1, outputs, forward.data());
      pack_direct(weight[s], outputs, segments, length, back.data());
      std::copy_n(bias[s], outputs, padded_bias.data());
      SlotRows<float> from(features, s, count), to(out, s, count), grad_from(grad_out, s, count),
          grad_to(grad_features, s, count);
      a.window = {s, s + 1, 0, count};
      a.features = from.slab();
      a.weight = {forward.data(), 0};
      a.weight_back = {back.data(), 0};
      a.bias = {padded_bias.data(), 0};
      a.out = to.slab();
      a.grad_out = grad_from.slab();
      a.grad_features = grad_to.slab();
      dense_forward(Cpu{}, a);
      dense_backward(Cpu{}, a);
    }
    EXPECT_TRUE(same_bits(out, device_out.read()));
    EXPECT_TRUE(same_bits(grad_features, device_grad_features.read()));
    EXPECT_TRUE(same_bits(grad_weight, device_grad_weight.read()));
    EXPECT_TRUE(same_bits(grad_bias, device_grad_bias.read()));
  });
}

TEST(CudaDense, HasTheBitsOfTheCpu) {
  for (const int outputs : {1, 2, 10, 33, 100, 256})
    for (const auto& [segments, length] : {std::pair{1, 1}, {2, 8}, {1, 17}, {2, 33}, {2, 64}, {2, 130}}) {
      SCOPED_TRACE(cat(outputs, " outputs, ", segments, " x ", length, " features"));
      heads_agree(outputs, segments, length);
    }
}

}  // namespace
}  // namespace caviar::test

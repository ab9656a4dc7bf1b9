// The list of models: what a pack key means on a device.
#pragma once

#include <type_traits>

#include "engine/data/dataset.h"
#include "engine/run.h"
#include "engine/slot_state.h"
#include "kernels/base/error.h"
#include "models/birnn.h"

namespace caviar {

inline BiRnnShape birnn_shape(const PackKey& key, const Dataset& data) {
  BiRnnShape shape;
  shape.steps = data.steps;
  shape.features = data.features;
  shape.classes = data.classes;
  shape.cell = key.cell;
  shape.hidden_size = key.hidden_size;
  shape.num_layers = key.num_layers;
  shape.bidirectional = key.bidirectional;
  shape.readout = key.readout;
  shape.precision = key.precision == "mixed" ? Precision::kMixed : Precision::kFp32;
  return shape;
}

// Calls use(std::type_identity<the model on Device>, its shape). Throws Error for an unknown family or precision.
template <class Device, class Use>
auto with_model(const PackKey& key, const Dataset& data, const Use& use) {
  if (key.precision != "fp32" && key.precision != "mixed")
    fail("precision is '", key.precision, "'; known: fp32, mixed.");
  if (key.precision == "mixed" && std::is_same_v<Device, Cpu>)
    fail("precision is 'mixed', which needs a GPU; the CPU device trains in 'fp32' only.");
  if (key.family == "birnn") return use(std::type_identity<BiRnn<Device>>{}, birnn_shape(key, data));
  fail("There is no model family '", key.family, "'; known: birnn.");
}

// Throws Error when the order cannot be trained on the device: sizes out of range, data that cannot serve it, a state
// that is another run's.
template <class Device>
void check_order_on(const RunOrder& order, const Dataset& data) {
  check_order(order, data);
  const std::int64_t size = with_model<Device>(
      order.key, data, [](auto model, const auto& shape) { return decltype(model)::type::params_of(shape).size(); });
  if (!order.resume.empty()) check_state(order, size);
}

}  // namespace caviar

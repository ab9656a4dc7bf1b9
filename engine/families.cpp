// The list of models and devices: every pack there is comes from here.
#include <type_traits>

#include "engine/cpu_pack.h"
#include "kernels/base/error.h"
#include "models/birnn.h"

namespace caviar {

namespace {

BiRnnShape birnn_shape(const PackKey& key, const Dataset& data) {
  BiRnnShape shape;
  shape.steps = data.steps;
  shape.features = data.features;
  shape.classes = data.classes;
  shape.cell = key.cell;
  shape.hidden_size = key.hidden_size;
  shape.num_layers = key.num_layers;
  shape.bidirectional = key.bidirectional;
  shape.readout = key.readout;
  return shape;
}

// Calls `use` with the model type of the key (as a std::type_identity) and its shape.
template <class Use>
auto with_family(const PackKey& key, const Dataset& data, const Use& use) {
  if (key.precision != "fp32") fail("precision is '", key.precision, "'; the CPU device trains in 'fp32' only.");
  if (key.family == "birnn") return use(std::type_identity<BiRnn<Cpu>>{}, birnn_shape(key, data));
  fail("There is no model family '", key.family, "'; known: birnn.");
}

}  // namespace

void check_cpu_order(const RunOrder& order, const Dataset& data) {
  check_order(order, data);
  const std::int64_t size = with_family(
      order.key, data, [](auto model, const auto& shape) { return decltype(model)::type::params_of(shape).size(); });
  if (!order.resume.empty()) check_state(order, size);
}

std::unique_ptr<Pack> make_cpu_pack(const PackKey& key, std::shared_ptr<const Dataset> data, int slots) {
  return with_family(key, *data, [&](auto model, const auto& shape) -> std::unique_ptr<Pack> {
    return std::make_unique<CpuPack<typename decltype(model)::type>>(key, shape, data, slots);
  });
}

}  // namespace caviar

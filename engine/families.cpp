#include "engine/families.h"

#include "engine/cpu_pack.h"

namespace caviar {

void check_cpu_order(const RunOrder& order, const Dataset& data) { check_order_on<Cpu>(order, data); }

PackMemory cpu_pack_memory(const PackKey& key, const Dataset& data) {
  return with_model<Cpu>(key, data, [&](auto model, const auto& shape) -> PackMemory {
    using M = typename decltype(model)::type;
    const auto bytes = [&](int slots) {
      return static_cast<std::int64_t>(CpuPack<M>::bytes_needed(key, shape, slots));
    };
    const std::int64_t slot = bytes(2) - bytes(1);
    return {bytes(1) - slot, slot};
  });
}

std::int64_t parameters_of(const PackKey& key, const Dataset& data) {
  PackKey plain = key;
  plain.precision = "fp32";  // parameters are the same in every precision, and a CPU knows this one
  return with_model<Cpu>(plain, data,
                         [](auto model, const auto& shape) { return decltype(model)::type::params_of(shape).size(); });
}

std::unique_ptr<Pack> make_cpu_pack(const PackKey& key, std::shared_ptr<const Dataset> data, int slots) {
  return with_model<Cpu>(key, *data, [&](auto model, const auto& shape) -> std::unique_ptr<Pack> {
    return std::make_unique<CpuPack<typename decltype(model)::type>>(key, shape, data, slots);
  });
}

}  // namespace caviar

#include "engine/families.h"

#include "engine/cpu_pack.h"

namespace caviar {

void check_cpu_order(const RunOrder& order, const Dataset& data) { check_order_on<Cpu>(order, data); }

std::unique_ptr<Pack> make_cpu_pack(const PackKey& key, std::shared_ptr<const Dataset> data, int slots) {
  return with_model<Cpu>(key, *data, [&](auto model, const auto& shape) -> std::unique_ptr<Pack> {
    return std::make_unique<CpuPack<typename decltype(model)::type>>(key, shape, data, slots);
  });
}

}  // namespace caviar

// Small runs trained on GPUs: emulated ones, or those of the machine.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/cuda/collective.h"
#include "engine/devices.h"
#include "tests/support/small_runs.h"
#if defined(CAVIAR_CUDA_ON_CPU)
#include "tests/cuda_on_cpu/control.h"
#endif

namespace caviar {

// What a test asks of emulated GPUs. Those of a machine are what they are.
struct Emulation {
  int devices = 1;
  std::uint64_t seed = 1;  // of the interleaving of streams
  int warp_order = 0;      // forward, reverse, random
};
inline constexpr int kWarpOrders = 3;

// Fresh GPUs. Returns why the test cannot run here, or nothing.
inline std::string emulate(const Emulation& wanted = {}) {
#if defined(CAVIAR_CUDA_ON_CPU)
  constexpr cuda_on_cpu::WarpOrder kOrders[kWarpOrders] = {
      cuda_on_cpu::WarpOrder::kForward, cuda_on_cpu::WarpOrder::kReverse, cuda_on_cpu::WarpOrder::kRandom};
  cuda_on_cpu::reset({.devices = wanted.devices, .seed = wanted.seed, .order = kOrders[wanted.warp_order]});
#else
  const GpuSearch found = find_gpus();
  if (!found.none.empty()) return found.none;
  if (static_cast<int>(found.gpus.size()) < wanted.devices)
    return cat("it takes ", wanted.devices, " GPUs, here are ", found.gpus.size());
#endif
  return {};
}

// The small data set on GPU 0.
inline std::shared_ptr<const GpuData> small_data_on_gpu() { return send_to_gpus(small_data(), {0}).front().data; }

// Trains the orders in a pack of `slots` slots, order i in slot place[i]; all reports.
inline std::vector<Report> in_one_gpu_pack(const std::vector<RunOrder>& orders, int slots,
                                           const std::vector<int>& place, bool graphs = true) {
  const auto data = small_data_on_gpu();
  const auto pack = make_gpu_pack(orders.front().key, *data, slots, graphs);
  const std::atomic<bool> never = false;
  for (std::size_t i = 0; i < orders.size(); ++i) pack->admit(place[i], orders[i]);
  std::vector<Report> reports;
  for (std::size_t over = 0; over < orders.size();)
    for (Report& r : pack->advance(never)) {
      for (std::size_t i = 0; i < orders.size(); ++i)
        if (orders[i].run == r.run) r.last ? pack->evict(place[i]) : pack->go_on(place[i]);
      over += r.last;
      reports.push_back(std::move(r));
    }
  return reports;
}

inline GpuOptions on_gpus(std::vector<int> gpus) {
  GpuOptions options;
  options.gpus = std::move(gpus);
  return options;
}

// Trains the orders to their ends; all reports.
inline std::vector<Report> on_gpu_executor(const std::vector<RunOrder>& orders, const GpuOptions& options) {
  const auto executor = make_gpu_executor(small_data(), options);
  for (const RunOrder& o : orders) executor->submit(o);
  return finish(*executor, orders.size());
}

}  // namespace caviar

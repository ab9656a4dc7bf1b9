// caviar devices: what this machine can train on.
#include "engine/devices.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/text.h"

namespace caviar {
namespace {

double gib(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

void show_all_devices() {
  fmt::print("cpu      {}, AVX2 and FMA; precision fp32\n",
             show_number_of(static_cast<std::int64_t>(std::max(1u, std::thread::hardware_concurrency())), "core"));
  const GpuSearch found = find_gpus(true);
  for (const Gpu& gpu : found.gpus) {
    if (!gpu.unusable.empty()) {
      fmt::print("cuda:{:<3} {}: cannot be used: {}\n", gpu.number, gpu.name.empty() ? "a GPU" : gpu.name,
                 gpu.unusable);
      continue;
    }
    fmt::print("cuda:{:<3} {}, sm_{}{}, {}, {:.1f} GiB ({:.1f} free); precision fp32, mixed\n", gpu.number, gpu.name,
               gpu.major, gpu.minor, show_number_of(gpu.multiprocessors, "multiprocessor"), gib(gpu.memory_bytes),
               gib(gpu.free_bytes));
  }
  if (!found.none.empty()) fmt::print("cuda     none: {}\n", found.none);
  fmt::print("\nThis program has kernels for: {}\n", found.compiled_in);
  fmt::print("--device auto trains on {}\n", found.none.empty() ? "all GPUs that can be used" : "the cores");
}

}  // namespace

void add_devices(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand("devices", "list what this machine can train on");
  command->callback([&exit_code] {
    show_all_devices();
    exit_code = kExitDone;
  });
}

}  // namespace caviar

#include "app/device_choice.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "app/text.h"
#include "engine/devices.h"
#include "engine/local_executor.h"
#include "kernels/base/error.h"

namespace caviar {
namespace {

[[noreturn]] void refuse(const std::string& text) {
  fail("--device is '", text, "'; it must be auto, cpu, cuda, or cuda: and the numbers of GPUs, as in cuda:0,2.");
}

std::vector<int> numbers_of(const std::string& text, std::string_view list) {
  std::vector<int> numbers;
  while (true) {
    int number = -1;
    const auto [end, error] = std::from_chars(list.data(), list.data() + list.size(), number);
    if (error != std::errc{} || number < 0) refuse(text);
    numbers.push_back(number);
    list.remove_prefix(static_cast<std::size_t>(end - list.data()));
    if (list.empty()) return numbers;
    if (list.front() != ',') refuse(text);
    list.remove_prefix(1);
  }
}

}  // namespace

DeviceChoice choose_devices(const std::string& text, int threads) {
  DeviceChoice choice;
  choice.threads = threads;
  if (text == "cpu") return choice;
  const bool numbered = text.starts_with("cuda:");
  if (text != "auto" && text != "cuda" && !numbered) refuse(text);
  const std::vector<int> wanted = numbered ? numbers_of(text, std::string_view(text).substr(5)) : std::vector<int>{};
  const GpuSearch found = find_gpus();
  if (!found.none.empty()) {
    choice.why = found.none;
    if (text != "auto")
      choice.note = cat("--device ", text, ": ", found.none, "; training on ", show_number_of(threads, "thread"));
    return choice;
  }
  if (numbered) {
    check_gpus(wanted);
    choice.gpus = wanted;  // in the order that was asked for
  } else {
    for (const Gpu& gpu : found.gpus)
      if (gpu.unusable.empty()) choice.gpus.push_back(gpu.number);
  }
  return choice;
}

std::string show_devices(const DeviceChoice& choice) {
  if (choice.gpus.empty()) return show_number_of(choice.threads, "thread");
  std::string names;
  for (const Gpu& gpu : find_gpus().gpus)
    if (std::count(choice.gpus.begin(), choice.gpus.end(), gpu.number) > 0 && names.find(gpu.name) == std::string::npos)
      names += cat(names.empty() ? "" : ", ", gpu.name);
  if (choice.gpus.size() == 1) return cat("GPU cuda:", choice.gpus[0], " (", names, ")");
  return cat(choice.gpus.size(), " GPUs (", names, ")");
}

std::string numerics_of(const DeviceChoice& choice, const std::string& precision) {
  if (precision == "fp32") return kNumericsFp32;
  if (choice.gpus.empty())
    fail("precision is ", precision, ", which needs a GPU, and this study trains on the cores",
         choice.why.empty() ? "" : cat(" (", choice.why, ")"),
         "; use --precision fp32, or --device cuda where there is a GPU.");
  return gpu_numerics(precision, choice.gpus);
}

std::unique_ptr<Executor> make_executor(const std::shared_ptr<const Dataset>& data, const DeviceChoice& choice) {
  if (choice.gpus.empty()) return make_local_executor(data, choice.threads);
  GpuOptions options;
  options.gpus = choice.gpus;
  options.say = [](const std::string& text) { fmt::print(stderr, "\ncaviar: {}\n", text); };
  return make_gpu_executor(data, options);
}

}  // namespace caviar

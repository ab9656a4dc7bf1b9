// What bench_sweep_speed is asked to measure: its command line. The head of sweep_speed.cpp lists the options.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "engine/devices.h"
#include "engine/run.h"
#include "kernels/base/error.h"

namespace caviar {

inline const std::map<std::string, Cell> kCells = {
    {"lstm", Cell::kLstm}, {"gru", Cell::kGru}, {"rnn_tanh", Cell::kRnnTanh}, {"rnn_relu", Cell::kRnnRelu}};

struct Options {
  std::string device;     // "cpu" or "cuda"
  std::vector<int> gpus;  // of "cuda"
  int streams = GpuOptions{}.streams;
  int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::vector<std::string> precisions;  // empty: all that the device has
  std::vector<std::string> cells = {"lstm", "gru", "rnn_tanh"};
  std::vector<int> hidden_sizes = {64, 32, 128, 256, 16};  // the first of each list is the most important
  std::vector<int> batch_sizes = {64, 128, 32};
  std::vector<int> runs = {4096, 512, 64, 8, 1};
  int windows = 5;
  double window_seconds = 0.3, budget = 180;
  std::string output;
  bool plan = false;
};

inline std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

inline double number(const std::string& name, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end || !(value > 0)) fail(name, " is '", text, "'; a number above 0 is needed.");
  return value;
}

inline int whole(const std::string& name, const std::string& text) {
  const double value = number(name, text);
  if (value != std::floor(value) || value > 1e9)
    fail(name, " has '", text, "'; a whole number from 1 to 1e9 is needed.");
  return static_cast<int>(value);
}

inline std::vector<int> numbers(const std::string& name, const std::string& text) {
  std::vector<int> values;
  for (const std::string& part : split(text)) values.push_back(whole(name, part));
  return values;
}

// Sets device, GPUs and, where none were asked for, precisions.
inline void choose_device(Options& options, const std::string& text) {
  const GpuSearch search = find_gpus();
  std::vector<int> usable;
  for (const Gpu& gpu : search.gpus)
    if (gpu.unusable.empty()) usable.push_back(gpu.number);
  options.device = text.substr(0, text.find(':'));
  if (text.empty()) options.device = usable.empty() ? "cpu" : "cuda";
  if (options.device != "cpu" && options.device != "cuda")
    fail("--device is '", text, "'; known: cpu, cuda, cuda:0,2.");
  if (options.device == "cuda" && usable.empty())
    fail("--device is '", text, "', but ", search.none, "; use --device cpu.");
  options.gpus = usable;
  if (const std::size_t colon = text.find(':'); colon != std::string::npos) {
    options.gpus.clear();
    for (const std::string& part : split(text.substr(colon + 1))) {
      const auto is_it = [&](int gpu) { return std::to_string(gpu) == part; };
      const auto found = std::find_if(usable.begin(), usable.end(), is_it);
      if (found == usable.end()) fail("--device names GPU '", part, "', which is not among those caviar can use here.");
      options.gpus.push_back(*found);
    }
  }
  if (!options.precisions.empty()) return;
  options.precisions = {"fp32"};
  if (options.device == "cuda") options.precisions.insert(options.precisions.begin(), "mixed");
}

inline Options parse(const std::vector<std::string>& args) {
  Options options;
  std::string device;
  for (std::size_t i = 0; i < args.size(); i += 2) {
    const std::string& name = args[i];
    if (i + 1 == args.size()) fail(name, " has no value; the head of bench/sweeps/sweep_speed.cpp lists the options.");
    const std::string& value = args[i + 1];
    if (name == "--device")
      device = value;
    else if (name == "--threads")
      options.threads = whole(name, value);
    else if (name == "--streams")
      options.streams = whole(name, value);
    else if (name == "--precision")
      options.precisions = split(value);
    else if (name == "--cell")
      options.cells = split(value);
    else if (name == "--hidden")
      options.hidden_sizes = numbers(name, value);
    else if (name == "--batch")
      options.batch_sizes = numbers(name, value);
    else if (name == "--runs")
      options.runs = numbers(name, value);
    else if (name == "--windows")
      options.windows = whole(name, value);
    else if (name == "--window-seconds")
      options.window_seconds = number(name, value);
    else if (name == "--budget")
      options.budget = number(name, value);
    else if (name == "--output")
      options.output = value;
    else if (name == "--plan")
      options.plan = value != "0";
    else
      fail("There is no option ", name, "; the head of bench/sweeps/sweep_speed.cpp lists them.");
  }
  for (const std::string& cell : options.cells)
    if (!kCells.count(cell)) fail("--cell has '", cell, "'; known: lstm, gru, rnn_tanh, rnn_relu.");
  choose_device(options, device);
  return options;
}

}  // namespace caviar

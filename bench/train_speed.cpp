// Training samples per second of one configuration, and the share of the cores' multiply-add peak it reaches.
//
//   train_speed CELL HIDDEN BATCH [LAYERS] [READOUT] [THREADS] [SECONDS]
//
// CELL: lstm gru rnn_tanh rnn_relu; READOUT: last_step final_states mean. The data are random images of MNIST's size:
// speed does not depend on pixels. Each thread trains a run of its own with Adam, as the local executor does, without
// validation. Prints one line of JSON; flops counts multiply and add of the matrix products that training needs,
// skipped steps left out.
#include <immintrin.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/pack.h"
#include "kernels/base/error.h"
#include "kernels/base/unroll.h"
#include "kernels/math/philox.h"

namespace {

using namespace caviar;
using Clock = std::chrono::steady_clock;

template <class E>
E choice(const std::string& name, std::initializer_list<std::pair<const char*, E>> all) {
  for (const auto& [text, value] : all)
    if (name == text) return value;
  fail("'", name, "' is not one of the choices; see the head of bench/train_speed.cpp.");
}

std::shared_ptr<const Dataset> random_images(std::int64_t count) {
  auto data = std::make_shared<Dataset>();
  data->name = "random";
  data->steps = data->features = 28;
  data->classes = 10;
  data->train.count = count;
  for (std::int64_t i = 0; i < count * 28 * 28; ++i)
    data->train.features.push_back(static_cast<std::uint8_t>(philox4x32(static_cast<std::uint32_t>(i), 0, 0, 0, 1).x));
  for (std::int64_t i = 0; i < count; ++i) data->train.labels.push_back(static_cast<std::uint8_t>(i % 10));
  return data;
}

// Of one sample: forward, dL/dh, weight gradients, and dL/dx above the first layer.
double flops_per_sample(const PackKey& key) {
  const double gates = gate_count(key.cell) * key.hidden_size, hidden = key.hidden_size;
  const int directions = key.bidirectional ? 2 : 1;
  double total = 0;
  for (int layer = 0; layer < key.num_layers; ++layer)
    for (int d = 0; d < directions; ++d) {
      const bool once = layer == key.num_layers - 1 && d == 1 && key.readout == Readout::kLastStep;
      const double steps = once ? 1 : 28, input = layer == 0 ? 28 : directions * hidden;
      total += 2 * gates * (steps * input * (layer > 0 ? 3 : 2) + (steps - 1) * hidden * 3);
    }
  return total + 2 * 10 * directions * hidden * 3;
}

double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// What one core can do: twelve independent chains of 8-wide multiply-adds.
double core_peak() {
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    __m256 acc[12];
    unroll<12>([&](auto i) { acc[i] = _mm256_set1_ps(1.0f); });
    const __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
    const double start = thread_seconds();
    for (int i = 0; i < 2'000'000; ++i)
      unroll<12>([&](auto c) __attribute__((always_inline)) { acc[c] = _mm256_fmadd_ps(acc[c], x, y); });
    const double seconds = thread_seconds() - start;
    best = std::max(best, 2'000'000 * 12.0 * 16 / seconds);
    float sink = 0;
    unroll<12>([&](auto i) { sink += _mm256_cvtss_f32(acc[i]); });
    if (sink == 12345.0f) std::puts("");  // keeps the loop
  }
  return best;
}

int run(const std::vector<std::string>& args) {
  if (args.size() < 3) fail("usage: train_speed CELL HIDDEN BATCH [LAYERS] [READOUT] [THREADS] [SECONDS]");
  const auto arg = [&](std::size_t i, const char* fallback) {
    return args.size() > i ? args[i] : std::string(fallback);
  };
  PackKey key;
  key.cell = choice<Cell>(
      args[0],
      {{"lstm", Cell::kLstm}, {"gru", Cell::kGru}, {"rnn_tanh", Cell::kRnnTanh}, {"rnn_relu", Cell::kRnnRelu}});
  key.hidden_size = std::stoi(args[1]);
  key.batch_size = std::stoi(args[2]);
  key.num_layers = std::stoi(arg(3, "1"));
  key.readout = choice<Readout>(
      arg(4, "final_states"),
      {{"last_step", Readout::kLastStep}, {"final_states", Readout::kFinalStates}, {"mean", Readout::kMean}});
  const int threads = std::stoi(arg(5, "2"));
  const double seconds = std::stod(arg(6, "3"));

  const auto data = random_images(key.batch_size * 64 + 16);
  std::atomic<bool> stop = false;
  std::atomic<std::int64_t> steps = 0;
  std::vector<double> cpu_seconds(static_cast<std::size_t>(threads));
  std::vector<std::thread> workers;
  std::atomic<int> warm = 0;
  for (int i = 0; i < threads; ++i)
    workers.emplace_back([&, i] {
      RunOrder order;
      order.run = i;
      order.key = key;
      order.hyper.total_steps = 1'000'000'000;
      order.data.validation_examples = 16;
      order.rung_steps = 1'000'000'000;
      const auto pack = make_cpu_pack(key, data, 1);
      pack->admit(0, order);
      // A first second warms caches and clocks.
      std::atomic<bool> pause = false;
      std::thread timer([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(1000));
        pause = true;
      });
      pack->advance(pause);
      timer.join();
      const std::int64_t before = pack->step(0);
      ++warm;
      const double busy_before = thread_seconds();
      pack->advance(stop);
      cpu_seconds[static_cast<std::size_t>(i)] = thread_seconds() - busy_before;
      steps += pack->step(0) - before;
    });
  while (warm < threads) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto start = Clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  for (std::thread& w : workers) w.join();

  const double peak = core_peak() * threads;
  const double rate = static_cast<double>(steps) * key.batch_size / elapsed;
  double busy = 0;  // of the threads: what other programs took does not count
  for (const double s : cpu_seconds) busy += s / threads;
  const double cpu_rate = rate * elapsed / busy, flops = cpu_rate * flops_per_sample(key);
  std::printf(
      "{\"cell\": \"%s\", \"hidden_size\": %d, \"batch_size\": %d, \"num_layers\": %d, \"readout\": \"%s\", "
      "\"threads\": %d, "
      "\"samples_per_second\": %.1f, \"samples_per_cpu_second\": %.1f, \"gflops\": %.2f, \"peak_gflops\": %.2f, "
      "\"share_of_peak\": %.3f}\n",
      args[0].c_str(), key.hidden_size, key.batch_size, key.num_layers, arg(4, "final_states").c_str(), threads, rate,
      cpu_rate, flops / 1e9, peak / 1e9, flops / peak);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}

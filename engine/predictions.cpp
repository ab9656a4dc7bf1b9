#include "engine/predictions.h"

#include <algorithm>

#include "engine/cpu_pack.h"
#include "engine/families.h"
#include "engine/pack.h"
#include "kernels/base/error.h"
#include "kernels/loss.h"

namespace caviar {
namespace {

// Notes what the pass that was just measured says.
template <Model M>
void note(const Training<M>& training, Predictions& out) {
  const SlotRow& row = training.rows()[0];
  const std::size_t classes = static_cast<std::size_t>(out.classes);
  for (int i = 0; i < row.rows; ++i) {
    const float* logits = training.logits()[0] + static_cast<std::ptrdiff_t>(i) * padded(out.classes);
    out.examples.push_back(row.order.at(row.first + i));
    out.labels.push_back(static_cast<std::uint8_t>(training.labels()[0][i]));
    const std::size_t at = out.probabilities.size();
    out.probabilities.resize(at + classes);
    out.answers.push_back(static_cast<std::uint8_t>(softmax(logits, out.classes, out.probabilities.data() + at)));
  }
}

template <Model M>
Predictions predict_with(const RunOrder& order, const typename M::Shape& shape, std::span<const float> weights,
                         const Dataset& data, Measure measure) {
  constexpr Cpu kCpu;
  constexpr Window kOne{0, 1, 0, 0};
  Buffer<std::byte> memory(CpuPack<M>::bytes_needed(order.key, shape, 1));
  Arena arena(memory.data());
  Training<M> training(order.key, shape, arrays_of(data), 1, arena);
  SlotRow& row = training.rows()[0];
  row = make_row(order, data);
  row.measures = bit_of(measure);
  std::copy(weights.begin(), weights.end(), training.params()[0]);
  Predictions out;
  out.classes = data.classes;
  training.begin_measure(kCpu, kOne, measure);
  for (training.measure(kCpu, kOne, measure); row.on; training.measure(kCpu, kOne, measure)) note(training, out);
  out.metrics = metrics_of(row, measure);
  return out;
}

}  // namespace

Predictions predict(const RunOrder& order, std::span<const float> weights, const Dataset& data, Part part) {
  RunOrder plain = order;
  plain.key.precision = "fp32";
  plain.resume.clear();
  check_cpu_order(plain, data);
  if (const std::int64_t size = parameters_of(plain.key, data); static_cast<std::int64_t>(weights.size()) != size)
    fail("The weights are ", weights.size(), " numbers; the network of this run has ", size,
         ". They are another run's: name the run they belong to.");
  if (part == Part::kTest && data.test.count < 1)
    fail("The data set ", data.name, " has no test examples; ask for the validation examples.");
  return with_model<Cpu>(plain.key, data, [&](auto model, const auto& shape) {
    return predict_with<typename decltype(model)::type>(plain, shape, weights, data,
                                                        part == Part::kTest ? Measure::kTest : Measure::kValidation);
  });
}

}  // namespace caviar

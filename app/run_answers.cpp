#include "app/run_answers.h"

#include <algorithm>

#include "app/final_weights.h"
#include "engine/predictions.h"
#include "tuner/replay.h"

namespace caviar {
namespace {

constexpr std::size_t kAtOnce = 256;  // runs whose weights are in memory

}  // namespace

TestAnswers test_answers(Storage& storage, const std::filesystem::path& study, std::span<const std::int64_t> runs,
                         const std::shared_ptr<const Dataset>& data, const CarryOutFlags& flags, bool averaged) {
  TestAnswers all;
  all.labels.assign(data->test.labels.begin(), data->test.labels.end());
  all.answers.resize(runs.size());
  const DataShape shape{data->train.count, data->test.count, data->digest};
  for (std::size_t first = 0; first < runs.size(); first += kAtOnce) {
    std::vector<RunRecord> records;
    for (const std::int64_t run : runs.subspan(first, std::min(kAtOnce, runs.size() - first)))
      records.push_back(storage.run(run).value());
    const FinalWeights weights = final_weights(storage, study, records, data, flags);
    all.trained_again += static_cast<std::int64_t>(weights.trained_again);
    on_threads(threads_of(flags), records.size(), [&](std::size_t i) {
      const Weights& of_run = weights.weights[i];
      const Predictions predictions =
          predict(recorded_order(records[i], shape), averaged ? of_run.averages : of_run.params, *data, Part::kTest);
      std::vector<std::uint8_t>& answers = all.answers[first + i];
      answers.resize(all.labels.size());
      for (std::size_t j = 0; j < predictions.examples.size(); ++j)
        answers[static_cast<std::size_t>(predictions.examples[j])] = predictions.answers[j];
    });
  }
  return all;
}

}  // namespace caviar

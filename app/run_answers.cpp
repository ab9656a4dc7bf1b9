#include "app/run_answers.h"

#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "kernels/base/error.h"
#include "tuner/replay.h"
#include "tuner/storage/weight_keeper.h"

namespace caviar {
namespace {

// Calls work(0), ..., work(count - 1) on so many threads; passes on the first Error once all have ended.
void on_threads(std::size_t count, int threads, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr error;
  std::vector<std::thread> workers;
  const auto labour = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < count;) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        next = count;
      }
    }
  };
  for (int t = 1; t < threads; ++t) workers.emplace_back(labour);
  labour();
  for (std::thread& worker : workers) worker.join();
  if (error) std::rethrow_exception(error);
}

DataShape shape_of(const Dataset& data) { return {data.train.count, data.test.count, data.digest}; }

}  // namespace

std::int64_t for_each_weights(Storage& storage, const std::filesystem::path& study, std::span<const std::int64_t> runs,
                              const std::shared_ptr<const Dataset>& data, const DeviceChoice& devices,
                              const std::function<void(std::size_t, const RunRecord&, const Weights&)>& visit) {
  std::vector<RunRecord> records;
  for (const std::int64_t run : runs) records.push_back(storage.run(run).value());
  std::vector<std::uint8_t> kept(records.size());
  on_threads(records.size(), devices.threads, [&](std::size_t i) {
    const std::optional<Weights> weights = kept_weights(study, records[i]);
    if (!weights) return;
    kept[i] = 1;
    visit(i, records[i], *weights);
  });
  std::vector<std::int64_t> missing;
  std::map<std::int64_t, std::size_t> at;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (kept[i]) continue;
    missing.push_back(records[i].id);
    at[records[i].id] = i;
  }
  if (missing.empty()) return 0;
  const std::string numerics = storage.study().value().numerics;
  const std::unique_ptr<Executor> executor = make_executor(data, devices);
  replay(storage, missing, shape_of(*data), numerics_of(devices, numerics.substr(0, numerics.find('/'))), *executor,
         [&](FinishedRun run) {
           if (!run.same()) {
             fail("run ", run.run, " of ", study.string(),
                  " was trained again and came out otherwise: ", run.difference,
                  "; `caviar replay` compares all of its reports");
           }
           const std::size_t i = at.at(run.run);
           visit(i, records[i], weights_of(run.state_now));
         });
  return static_cast<std::int64_t>(missing.size());
}

TestAnswers test_answers(Storage& storage, const std::filesystem::path& study, std::span<const std::int64_t> runs,
                         const std::shared_ptr<const Dataset>& data, const DeviceChoice& devices, bool averaged) {
  TestAnswers all;
  all.labels.assign(data->test.labels.begin(), data->test.labels.end());
  all.answers.resize(runs.size());
  const DataShape shape = shape_of(*data);
  all.trained_again = for_each_weights(
      storage, study, runs, data, devices, [&](std::size_t i, const RunRecord& run, const Weights& weights) {
        const std::vector<float>& chosen = averaged ? weights.averages : weights.params;
        const Predictions predictions = predict(recorded_order(run, shape), chosen, *data, Part::kTest);
        all.answers[i].resize(all.labels.size());
        for (std::size_t j = 0; j < predictions.examples.size(); ++j)
          all.answers[i][static_cast<std::size_t>(predictions.examples[j])] = predictions.answers[j];
      });
  return all;
}

}  // namespace caviar

#include "app/final_weights.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "app/device_choice.h"
#include "app/search_record.h"
#include "app/text.h"
#include "kernels/base/error.h"
#include "tuner/replay.h"
#include "tuner/storage/weight_keeper.h"

namespace caviar {

std::shared_ptr<const Dataset> data_of_study(const StudyRecord& study, const CarryOutFlags& flags) {
  if (flags.data) return std::make_shared<const Dataset>(load_dataset(*flags.data));
  try {
    return std::make_shared<const Dataset>(load_dataset(data_of(study)));
  } catch (const Error& error) {
    fail("the data set of the study is to be named with --data: ", error.what());
  }
}

FinalWeights final_weights(Storage& storage, const std::filesystem::path& study, std::span<const RunRecord> runs,
                           const std::shared_ptr<const Dataset>& data, const CarryOutFlags& flags) {
  const StudyRecord record = storage.study().value();
  if (record.data_digest != data->digest)
    fail(study.string(), ": the study was trained on ", record.data_name, " with the digest ", record.data_digest,
         "; these data have the digest ", data->digest, "; name those of the study with --data");
  FinalWeights all;
  all.weights.resize(runs.size());
  std::map<std::int64_t, std::size_t> missing;  // run to its place
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (auto kept = kept_weights(study, runs[i]))
      all.weights[i] = std::move(*kept);
    else
      missing[runs[i].id] = i;
  }
  all.trained_again = missing.size();
  if (missing.empty()) return all;
  const DeviceChoice devices = devices_of(flags);
  fmt::print(stderr, "caviar: {} trained again on {}: the weights were not kept\n",
             show_number_of(static_cast<std::int64_t>(missing.size()), "run"), show_devices(devices));
  std::vector<std::int64_t> numbers;
  numbers.reserve(missing.size());
  for (const auto& [run, place] : missing) numbers.push_back(run);
  const std::unique_ptr<Executor> executor = make_executor(data, devices);
  const std::string precision = record.numerics.substr(0, record.numerics.find('/'));
  replay(storage, numbers, {data->train.count, data->test.count, data->digest}, numerics_of(devices, precision),
         *executor, [&](const FinishedRun& run) {
           if (!run.same())
             fail("run ", run.run, " trained again is not what was recorded: ", run.difference,
                  "; `caviar replay` says more");
           all.weights[missing.at(run.run)] = weights_of(run.state_now);
         });
  return all;
}

void on_threads(int threads, std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::vector<std::exception_ptr> errors(count);
  const auto take = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < std::min(static_cast<std::size_t>(std::max(1, threads)), count); ++i)
    others.emplace_back(take);
  take();
  for (std::thread& thread : others) thread.join();
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace caviar

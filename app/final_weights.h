// The final weights of recorded runs, for whoever asks their networks.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "app/carry_out.h"
#include "engine/slot_state.h"
#include "tuner/storage/storage.h"

namespace caviar {

// The data set a study was trained on: that of --data, else the study's own. Throws Error when it cannot be had.
std::shared_ptr<const Dataset> data_of_study(const StudyRecord& study, const CarryOutFlags& flags);

struct FinalWeights {
  std::vector<Weights> weights;   // in the order of the runs
  std::size_t trained_again = 0;  // of them
};

// Weights of complete runs: those that were kept, and those of the others from training them again (tuner/replay.h) on
// flags.device, which is said on standard error. Throws Error for data that are not the study's and for weights that
// are not the run's as recorded.
FinalWeights final_weights(Storage& storage, const std::filesystem::path& study, std::span<const RunRecord> runs,
                           const std::shared_ptr<const Dataset>& data, const CarryOutFlags& flags);

// Calls work(i) once for every i below `count`, on so many threads; any order. What the first i that failed threw, is
// thrown again.
void on_threads(int threads, std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace caviar

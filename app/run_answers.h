// What the networks of recorded runs answer on the test set.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "app/device_choice.h"
#include "engine/data/dataset.h"
#include "engine/predictions.h"
#include "engine/slot_state.h"
#include "tuner/storage/storage.h"

namespace caviar {

// Calls visit(i, weights) with the weights of run runs[i], for each of them: as they were kept in the study's
// directory, on as many threads as the devices have and in no order; where they were not, the runs are trained again on
// the devices, and visited one after the other. Returns how many were. Throws Error when weights are damaged, when a
// run comes out otherwise than recorded, and what visit() throws.
std::int64_t for_each_weights(Storage& storage, const std::filesystem::path& study, std::span<const std::int64_t> runs,
                              const std::shared_ptr<const Dataset>& data, const DeviceChoice& devices,
                              const std::function<void(std::size_t, const RunRecord&, const Weights&)>& visit);

// The answers of these complete runs to the test set, by their last weights or, `averaged`, by the averages of them.
struct TestAnswers {
  std::vector<std::uint8_t> labels;                // [examples]
  std::vector<std::vector<std::uint8_t>> answers;  // [runs][examples]
  std::int64_t trained_again = 0;
};
TestAnswers test_answers(Storage& storage, const std::filesystem::path& study, std::span<const std::int64_t> runs,
                         const std::shared_ptr<const Dataset>& data, const DeviceChoice& devices, bool averaged);

}  // namespace caviar

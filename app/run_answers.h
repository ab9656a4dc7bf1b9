// What the networks of recorded runs answer on the test set.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "app/carry_out.h"
#include "tuner/storage/storage.h"

namespace caviar {

// The answers of these complete runs to the test set, by their last weights or, `averaged`, by the averages of them.
// Weights come from final_weights() (app/final_weights.h), some runs at a time; networks are asked on as many threads
// as the flags say, and the order changes nothing.
struct TestAnswers {
  std::vector<std::uint8_t> labels;                // [examples]
  std::vector<std::vector<std::uint8_t>> answers;  // [runs][examples]
  std::int64_t trained_again = 0;                  // runs whose weights were not kept
};
TestAnswers test_answers(Storage& storage, const std::filesystem::path& study, std::span<const std::int64_t> runs,
                         const std::shared_ptr<const Dataset>& data, const CarryOutFlags& flags, bool averaged);

}  // namespace caviar

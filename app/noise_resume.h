// Going on with a study of `caviar noise`: what it was begun with, which is not said again or said alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tuner/spec/spec.h"
#include "tuner/storage/storage.h"

namespace caviar {

// The seeds that differ between the runs of a noise study, by the words of --vary in their order there.
struct RecordedNoise {
  SweepSpec spec;
  std::vector<std::string> sources;  // that move together, or are crossed
  std::int64_t levels = 0;           // seeds of each, where they are crossed
};

// Throws Error for a study of several configs, and for one of the other kind than `decompose` asks for.
RecordedNoise recorded_noise(const std::string& study, const StudyRecord& record, bool decompose);

// Throws Error where --vary or --levels, if said, say otherwise.
void require_as_recorded(const std::string& study, const RecordedNoise& recorded, const std::vector<std::string>& vary,
                         const std::optional<std::int64_t>& levels);

// The words in the order of seed_sources(). Throws Error for one that is there twice.
std::vector<std::string> each_source_once(const std::vector<std::string>& vary);

std::string joined(const std::vector<std::string>& words);  // "init, order"

}  // namespace caviar

// From a parsed sweep to a finished study: what `sweep` and `train` have in common.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "app/device_choice.h"
#include "app/search_flags.h"
#include "engine/data/dataset.h"
#include "tuner/registry.h"
#include "tuner/spec/spec.h"
#include "tuner/storage/storage.h"
#include "tuner/study.h"

namespace caviar {

// The window of a search of so many trials where nobody says: a tenth of them, so that a search that learns has
// something to learn from; at most 256, which keep any device busy.
std::int64_t default_window(std::optional<std::int64_t> trials);

// The data set of the flags, else of the file, else mnist. Throws Error when it cannot be had.
std::shared_ptr<const Dataset> load_data(const SweepSpec& spec, const CarryOutFlags& flags);

// What file, flags and machine together ask for.
struct Preparation {
  std::shared_ptr<const Dataset> data;
  DeviceChoice devices;
  StudySetup setup;
};

// Throws Error for a sweep that cannot be carried out on this machine; says on standard error when it will not be where
// it was asked for.
Preparation prepare(const SweepSpec& spec, const CarryOutFlags& flags, std::shared_ptr<const Dataset> data);

// What decides which trials there are.
struct Search {
  SearchScope scope;
  std::unique_ptr<Sampler> sampler;
  std::unique_ptr<Scheduler> scheduler;
};

// Sets setup.window. Throws Error for a search that has no end, no trial that can be trained, or two ways to vary
// seeds.
Search make_search(const SweepSpec& spec, StudySetup& setup);

// Carries the sweep out and leaves the study in `storage`, which show_end() then shows. Returns an ExitCode.
// With --count 0 nothing is trained and no directory is made.
int carry_out(SweepSpec spec, const CarryOutFlags& flags, void (*show_end)(Storage& storage));

}  // namespace caviar

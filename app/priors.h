// Earlier studies a search starts with: the flag --prior.
#pragma once

#include <string>
#include <vector>

#include "app/carry_out.h"
#include "tuner/sampler.h"
#include "tuner/spec/spec.h"
#include "tuner/storage/storage.h"

namespace caviar {

// What the studies of --prior observed, for a study that begins; says how much is taken, and warns of those that were
// measured on other data, on other examples or on another number of them: their values of the metric are no values of
// this study's. Throws Error for one that is not there, or is named twice.
std::vector<PriorRecord> load_priors(const SweepSpec& spec, const CarryOutFlags& flags, const StudySetup& setup,
                                     const Sampler& sampler);

// On resuming, --prior may be said again but not change: the study has recorded what it knew at its start. Throws Error
// where the flags give something else than `storage` has.
void require_recorded_priors(Storage& storage, const SweepSpec& spec, const CarryOutFlags& flags,
                             const std::string& metric);

}  // namespace caviar

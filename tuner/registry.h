// Which sampler a method means.
#pragma once

#include <cstdint>
#include <memory>

#include "tuner/sampler.h"
#include "tuner/space.h"
#include "tuner/spec.h"

namespace caviar {

// The sampler of spec.method over `space`. Throws Error for a method without one, or a space it cannot sample.
std::unique_ptr<Sampler> make_sampler(const SweepSpec& spec, const SearchSpace& space, std::uint64_t sweep_seed);

}  // namespace caviar

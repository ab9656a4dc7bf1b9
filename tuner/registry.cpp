#include "tuner/registry.h"

#include "kernels/base/error.h"
#include "tuner/samplers/grid.h"
#include "tuner/samplers/random.h"

namespace caviar {
namespace {

using Make = std::unique_ptr<Sampler> (*)(const SearchSpace& space, std::uint64_t sweep_seed);

struct Row {
  Method method;
  Make make;
};

constexpr Row kSamplers[] = {
    {Method::kGrid,
     [](const SearchSpace& space, std::uint64_t) -> std::unique_ptr<Sampler> {
       return std::make_unique<GridSampler>(space);
     }},
    {Method::kRandom,
     [](const SearchSpace& space, std::uint64_t sweep_seed) -> std::unique_ptr<Sampler> {
       return std::make_unique<RandomSampler>(space, sweep_seed);
     }},
};

}  // namespace

std::unique_ptr<Sampler> make_sampler(const SweepSpec& spec, const SearchSpace& space, std::uint64_t sweep_seed) {
  for (const Row& row : kSamplers) {
    if (row.method == spec.method) return row.make(space, sweep_seed);
  }
  require_runnable(spec);  // says which method it is and what to use instead
  fail(spec.filename, ": this method has no sampler; use method: random or method: grid");
}

}  // namespace caviar

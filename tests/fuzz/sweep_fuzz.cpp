// Any text given as a sweep file is parsed, sampled and bound, or refused by an Error that begins with the file's name:
// no crash, no hang, no undefined arithmetic in a distribution with odd numbers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "kernels/base/error.h"
#include "tuner/bind.h"
#include "tuner/registry.h"
#include "tuner/space.h"
#include "tuner/spec.h"

namespace {

constexpr int kTrials = 4;

// What a parsed file says may still be refused, then without a line: a space too large, a value a run cannot have.
void sample(const caviar::SweepSpec& spec) {
  try {
    caviar::require_runnable(spec);
    const caviar::SearchSpace space(spec);
    const auto sampler = caviar::make_sampler(spec, space, 1);
    for (int trial = 0; trial < kTrials; ++trial) {
      const std::optional<caviar::Config> config = sampler->suggest(trial);
      if (!config) break;
      if (*sampler->suggest(trial) != *config) std::abort();  // a pure function of the trial's number
      const caviar::BoundConfig bound = caviar::bind_config(*config, {}, {60000, 10000, "digest"});
      caviar::run_identity(caviar::canonical_run(bound, "digest", caviar::kNumericsFp32));
    }
  } catch (const caviar::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::optional<caviar::SweepSpec> spec;
  try {
    spec = caviar::parse_sweep(std::string(reinterpret_cast<const char*>(data), size), "fuzz.yaml");
  } catch (const caviar::Error& error) {
    if (std::string(error.what()).rfind("fuzz.yaml", 0) != 0) std::abort();
    return 0;
  }
  sample(*spec);
  return 0;
}

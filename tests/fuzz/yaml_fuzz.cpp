// Any bytes as a sweep file: an Error or a spec, never a crash; what parses can be checked, sampled and bound.
//
// Seeds: the files in examples/. Run with -max_len=4096 or so: larger files add time, not structure.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/base/error.h"
#include "tuner/bind.h"
#include "tuner/registry.h"

namespace {

using caviar::Error;

void use(const caviar::SweepSpec& spec) {
  try {
    caviar::check_parameters(spec);
  } catch (const Error&) {
  }
  const auto sampler = caviar::make_sampler(spec, caviar::SearchSpace(spec), {7, 1, {}});
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto config = sampler->suggest(i);
    if (!config) continue;
    const std::string json =
        caviar::Value(*config).dump();  // throws on text that is not UTF-8, which must not get here
    if (caviar::Value::parse(json) != caviar::Value(*config)) __builtin_trap();
    try {
      const auto bound = caviar::bind_config(*config, {}, {60000, 10000, "digest"});
      if (bound.hyper.total_steps < 1 || bound.rung_steps < 1 || bound.key.batch_size < 1) __builtin_trap();
      caviar::run_identity(caviar::canonical_run(bound, "digest", caviar::kNumericsFp32));
      caviar::unread_parameters(*config);
    } catch (const Error&) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    use(caviar::parse_sweep(std::string(reinterpret_cast<const char*>(data), size), "fuzz.yaml"));
  } catch (const Error&) {
  }
  return 0;
}

#include "tuner/samplers/random.h"

#include "kernels/math/philox.h"

namespace caviar {
namespace {

// FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv).
std::uint64_t name_hash(const std::string& name) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

double sampler_unit(std::uint64_t sweep_seed, std::int64_t trial, const std::string& parameter) {
  const std::uint64_t number = static_cast<std::uint64_t>(trial);
  const std::uint64_t hash = name_hash(parameter);
  const Philox4 draw =
      philox4x32(static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(number >> 32 ^ hash >> 32),
                 static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(Stream::kSampler), sweep_seed);
  return unit_double(draw.x, draw.y);
}

std::optional<Config> RandomSampler::suggest(std::int64_t number) {
  if (number < 0) return std::nullopt;
  Config config;
  for (const Parameter& parameter : space_.parameters()) {
    const double u = parameter.is_constant() ? 0 : sampler_unit(sweep_seed_, number, parameter.name());
    config.emplace_hint(config.end(), parameter.name(), parameter.at(u));
  }
  return config;
}

}  // namespace caviar

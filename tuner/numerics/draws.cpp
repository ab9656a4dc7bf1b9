#include "tuner/numerics/draws.h"

#include <algorithm>

#include "kernels/math/philox.h"
#include "tuner/numerics/distributions.h"

namespace caviar {
namespace {

// FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv).
std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

// Draw `index` of a sequence. The fourth word of the counter is the stream in its low byte and the index above it.
double draw(std::uint64_t seed, std::uint64_t trial, std::uint64_t hash, std::uint32_t index) {
  const Philox4 bits =
      philox4x32(static_cast<std::uint32_t>(trial), static_cast<std::uint32_t>(trial >> 32 ^ hash >> 32),
                 static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(Stream::kSampler) | index << 8, seed);
  return unit_double(bits.x, bits.y);
}

}  // namespace

double sampler_unit(std::uint64_t sweep_seed, std::int64_t trial, std::string_view purpose) {
  return draw(sweep_seed, static_cast<std::uint64_t>(trial), hash_of(purpose), 0);
}

Draws::Draws(std::uint64_t sweep_seed, std::int64_t trial, std::string_view purpose)
    : seed_(sweep_seed), trial_(static_cast<std::uint64_t>(trial)), hash_(hash_of(purpose)) {}

double Draws::unit() { return draw(seed_, trial_, hash_, drawn_++); }

double Draws::normal() { return normal_quantile(std::clamp(unit(), 0x1p-54, 1 - 0x1p-53)); }

std::int64_t Draws::below(std::int64_t n) {
  return std::min(n - 1, static_cast<std::int64_t>(unit() * static_cast<double>(n)));
}

}  // namespace caviar

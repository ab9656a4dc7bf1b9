// A 128-bit fingerprint of bytes: of data sets, of configs, of the weights and metrics a run ends with.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/run.h"

namespace caviar {

// MurmurHash3_x64_128 (Appleby 2011, public domain) with both halves starting from `seed`; high is the reference's
// first 64 bits. It finds differences that happen, not ones made by an adversary. Bytes are read as little-endian
// words, so an array of numbers has the same digest on every machine caviar runs on.
Digest hash128(const void* data, std::size_t size, std::uint64_t seed);

}  // namespace caviar

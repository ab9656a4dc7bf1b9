#include "engine/digest.h"

#include <bit>
#include <cstring>
#include <string>

namespace caviar {
namespace {

// Constants of the reference, chosen there by search for good mixing.
constexpr std::uint64_t kC1 = 0x87c37b91114253d5, kC2 = 0x4cf5ad432745937f;
constexpr std::uint64_t kM1 = 0xff51afd7ed558ccd, kM2 = 0xc4ceb9fe1a85ec53;

std::uint64_t scramble_low(std::uint64_t word) { return std::rotl(word * kC1, 31) * kC2; }
std::uint64_t scramble_high(std::uint64_t word) { return std::rotl(word * kC2, 33) * kC1; }

std::uint64_t avalanche(std::uint64_t word) {
  word = (word ^ (word >> 33)) * kM1;
  word = (word ^ (word >> 33)) * kM2;
  return word ^ (word >> 33);
}

// Up to eight bytes as a little-endian word, the missing ones 0.
std::uint64_t load(const unsigned char* bytes, std::size_t count) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  return word;
}

}  // namespace

Digest hash128(const void* data, std::size_t size, std::uint64_t seed) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::uint64_t first = seed, second = seed;
  std::size_t left = size;
  for (; left >= 16; bytes += 16, left -= 16) {
    first ^= scramble_low(load(bytes, 8));
    first = (std::rotl(first, 27) + second) * 5 + 0x52dce729;
    second ^= scramble_high(load(bytes + 8, 8));
    second = (std::rotl(second, 31) + first) * 5 + 0x38495ab5;
  }
  if (left > 8) second ^= scramble_high(load(bytes + 8, left - 8));
  if (left > 0) first ^= scramble_low(load(bytes, left < 8 ? left : 8));
  first ^= size;
  second ^= size;
  first += second;
  second += first;
  first = avalanche(first);
  second = avalanche(second);
  first += second;
  second += first;
  return {first, second};
}

std::string to_string(const Digest& digest) {
  std::string text;
  for (const std::uint64_t half : {digest.high, digest.low})
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[half >> shift & 15];
  return text;
}

}  // namespace caviar

// The one order of every sum that is not a matrix product: element i goes to partial i mod 256, in ascending order,
// then the partials are halved: p[j] += p[j + 128], p[j] += p[j + 64], ... p[0] += p[1]. A device with 256 threads and
// a loop over vectors of 8 give the same bits.
#pragma once

#include <cstdint>

namespace caviar {

inline constexpr int kPartials = 256;

template <class T>
struct Partials {
  T value[kPartials] = {};

  void add(std::int64_t i, T x) { value[i % kPartials] += x; }

  // The sum. Destroys the partials.
  T total() {
    for (int half = kPartials / 2; half > 0; half /= 2)
      for (int j = 0; j < half; ++j) value[j] += value[j + half];
    return value[0];
  }
};

}  // namespace caviar

// Sobol's points before scrambling.
//
// Source: Sobol 1967; direction numbers new-joe-kuo-6.21201 of Joe and Kuo 2008, "Constructing Sobol sequences with
// better two-dimensional projections", SIAM J. Sci. Comput. 30(5), the first 256 of their 21,201 dimensions
// (web.maths.unsw.edu.au/~fkuo/sobol; copyright 2008 Frances Y. Kuo and Stephen Joe, BSD licence), read from the table
// that SciPy 1.10.1 carries. Points come in the order of the Gray code (Antonov and Saleev 1979), as their program
// prints them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace caviar {

inline constexpr std::size_t kSobolDimensions = 256;
inline constexpr int kSobolDigits = 32;

// Coordinate `dimension`, below kSobolDimensions, of point `index`: the first 32 binary digits after the point, so the
// coordinate is the result / 2^32. Point 0 is the origin.
std::uint32_t sobol_digits(std::size_t dimension, std::uint32_t index);

}  // namespace caviar

// IDX files: the format of MNIST and its relatives (LeCun, 1998).
//
//   byte 0, 1   0
//   byte 2      type of a value; 0x08, unsigned byte, is the only one read here
//   byte 3      number of dimensions, k
//   4 k bytes   the sizes, big-endian, slowest dimension first
//   the rest    the values, rightmost dimension fastest
//
// A file may be gzip-compressed (several members in a row are one stream, as gzip has it); that is seen from its first
// two bytes, not from its name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace caviar {

struct IdxArray {
  std::vector<std::int64_t> sizes;   // of the dimensions, each >= 1
  std::vector<std::uint8_t> values;  // as many as the product of the sizes
};

// Reads the file at `path`, which must have `dimensions` dimensions. Throws Error, naming the file, the offset, the
// rule and the remedy, when it cannot be read, is not IDX of unsigned bytes, has other dimensions or a size of 0, is
// shorter or longer than its sizes say, or when its gzip stream is damaged.
IdxArray read_idx(const std::string& path, int dimensions);

// The same on the bytes of a file; `path` is only for messages. Memory beyond the file is at most twice what the file
// really holds, whatever its header promises.
IdxArray decode_idx(std::span<const std::uint8_t> file, const std::string& path, int dimensions);

}  // namespace caviar

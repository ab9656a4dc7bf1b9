// Small IDX files and data sets for tests.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <zlib.h>

#include "tests/support/temp_dir.h"

namespace caviar {

// The bytes of an IDX file; type 8 is the unsigned byte.
inline std::string idx_bytes(const std::vector<std::uint32_t>& sizes, const std::vector<std::uint8_t>& values,
                             int type = 8) {
  std::string bytes = {0, 0, static_cast<char>(type), static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes)
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift & 255);
  return bytes.append(values.begin(), values.end());
}

inline std::string gzip_bytes(const std::string& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2 failed");
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int status = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("deflate failed");
  return packed;
}

// What write_dataset() makes. Pixel j of example i of class c is a fixed scramble of (i, j) with a bright row c, so
// that a model can learn the class.
struct DatasetShape {
  std::uint32_t train = 60, test = 20, rows = 4, columns = 3, classes = 3;
};

// Writes the four files of a data set into `directory`, with ".gz" at the end when `gzip`.
inline void write_dataset(const TempDir& directory, const DatasetShape& shape = {}, bool gzip = false) {
  std::uint32_t scramble = 12345;
  for (const bool train : {true, false}) {
    const std::uint32_t count = train ? shape.train : shape.test;
    std::vector<std::uint8_t> pixels, labels;
    for (std::uint32_t i = 0; i < count; ++i) {
      labels.push_back(static_cast<std::uint8_t>(i % shape.classes));
      for (std::uint32_t row = 0; row < shape.rows; ++row)
        for (std::uint32_t column = 0; column < shape.columns; ++column) {
          scramble = scramble * 1664525u + 1013904223u;
          const bool bright = row == labels.back() % shape.rows;
          pixels.push_back(static_cast<std::uint8_t>((scramble >> 26) + (bright ? 160 : 0)));
        }
    }
    const std::string part = train ? "train" : "t10k", ending = gzip ? "-ubyte.gz" : "-ubyte";
    const std::string images = idx_bytes({count, shape.rows, shape.columns}, pixels),
                      names = idx_bytes({count}, labels);
    directory.write(part + "-images-idx3" + ending, gzip ? gzip_bytes(images) : images);
    directory.write(part + "-labels-idx1" + ending, gzip ? gzip_bytes(names) : names);
  }
}

}  // namespace caviar

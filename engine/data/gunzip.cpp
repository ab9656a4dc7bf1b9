#include "engine/data/gunzip.h"

#include <algorithm>

#include <zlib.h>

#include "kernels/base/error.h"

namespace caviar {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;  // zlib: a gzip header and trailer, nothing else

class Inflater {
 public:
  explicit Inflater(const std::string& path) {
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) fail(path, ": no memory to unpack it");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

// zlib counts in 32 bits; longer inputs and outputs are handed to it piece by piece.
uInt piece(std::size_t size) { return static_cast<uInt>(std::min<std::size_t>(size, 1u << 30)); }

}  // namespace

bool is_gzip(std::span<const std::uint8_t> file) { return file.size() >= 2 && file[0] == 0x1f && file[1] == 0x8b; }

std::vector<std::uint8_t> gunzip_prefix(std::span<const std::uint8_t> file, std::size_t limit,
                                        const std::string& path) {
  Inflater inflater(path);
  z_stream& stream = inflater.stream();
  std::vector<std::uint8_t> unpacked;
  std::size_t consumed = 0, produced = 0;
  while (produced < limit) {
    if (produced == unpacked.size()) unpacked.resize(std::min(limit, std::max<std::size_t>(1 << 16, 2 * produced)));
    const uInt in = piece(file.size() - consumed), out = piece(unpacked.size() - produced);
    stream.next_in = const_cast<Bytef*>(file.data() + consumed);  // zlib's own signature; it does not write here
    stream.avail_in = in;
    stream.next_out = unpacked.data() + produced;
    stream.avail_out = out;
    const int status = inflate(&stream, Z_NO_FLUSH);
    consumed += in - stream.avail_in;
    produced += out - stream.avail_out;
    if (status == Z_STREAM_END) {
      if (consumed == file.size()) break;
      if (!is_gzip(file.subspan(consumed)))
        fail(path, ": byte ", consumed, ": bytes after the end of the gzip stream; fetch or pack the file again");
      inflateReset(&stream);
    } else if (status == Z_BUF_ERROR || (status == Z_OK && consumed == file.size() && stream.avail_out > 0)) {
      fail(path, ": byte ", consumed, ": the gzip stream is cut off here; fetch the file again");
    } else if (status != Z_OK) {
      fail(path, ": byte ", consumed, ": the gzip stream is damaged here (",
           stream.msg ? stream.msg : "zlib gave no reason", "); fetch the file again");
    }
  }
  unpacked.resize(produced);
  return unpacked;
}

}  // namespace caviar

#include "engine/data/idx.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "engine/data/gunzip.h"
#include "kernels/base/error.h"

namespace caviar {
namespace {

constexpr std::size_t kMagicBytes = 4, kSizeBytes = 4;
constexpr int kUnsignedByte = 0x08;

const char* type_name(int type) {
  switch (type) {
    case 0x08:
      return "unsigned byte";
    case 0x09:
      return "signed byte";
    case 0x0b:
      return "16-bit integer";
    case 0x0c:
      return "32-bit integer";
    case 0x0d:
      return "32-bit float";
    case 0x0e:
      return "64-bit float";
    default:
      return "no type of IDX";
  }
}

std::int64_t big_endian(std::span<const std::uint8_t> bytes) {
  std::int64_t value = 0;
  for (const std::uint8_t byte : bytes.first(kSizeBytes)) value = value * 256 + byte;
  return value;
}

// The sizes in the header. `head` is the start of the unpacked file.
std::vector<std::int64_t> read_sizes(std::span<const std::uint8_t> head, const std::string& path, int dimensions) {
  if (head.size() < kMagicBytes)
    fail(path, ": byte ", head.size(), ": the file ends within the 4 bytes every IDX file starts with; fetch it again");
  if (head[0] != 0 || head[1] != 0)
    fail(path, ": byte 0: an IDX file starts with two bytes 0, this one with ", int{head[0]}, " ", int{head[1]},
         "; give the path of an IDX file (gzip or not)");
  if (head[2] != kUnsignedByte)
    fail(path, ": byte 2: type ", int{head[2]}, " (", type_name(head[2]),
         ") where caviar reads 8 (unsigned byte); convert the values to bytes");
  if (head[3] != dimensions)
    fail(path, ": byte 3: ", int{head[3]}, " dimensions where ", dimensions,
         " are needed; images have 3 (example, row, column), labels 1: are the two files exchanged?");
  std::vector<std::int64_t> sizes;
  for (std::size_t at = kMagicBytes; sizes.size() < static_cast<std::size_t>(dimensions); at += kSizeBytes) {
    if (head.size() < at + kSizeBytes)
      fail(path, ": byte ", head.size(), ": the file ends within its header; fetch it again");
    sizes.push_back(big_endian(head.subspan(at)));
    if (sizes.back() == 0)
      fail(path, ": byte ", at, ": dimension ", sizes.size(),
           " has size 0; a data set has at least one example of one value");
  }
  return sizes;
}

// The product of the sizes, when `room` values are enough for it.
std::size_t count_values(const std::vector<std::int64_t>& sizes, std::size_t room, const std::string& path) {
  std::size_t count = 1;
  for (const std::int64_t size : sizes) {
    if (static_cast<std::size_t>(size) > room / count)
      fail(path, ": byte ", kMagicBytes, ": the sizes in the header promise more values than the file can hold (", room,
           "); it is cut off or damaged: fetch it again");
    count *= static_cast<std::size_t>(size);
  }
  return count;
}

[[noreturn]] void fail_length(const std::string& path, std::size_t have, std::size_t need) {
  fail(path, ": byte ", std::min(have, need), ": ",
       have < need ? cat("the values end here, but the sizes in the header promise ", need - have, " more")
                   : std::string("there is more after the last value the sizes in the header promise"),
       "; fetch the file again");
}

std::vector<std::uint8_t> read_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error || !std::filesystem::exists(status)) fail(path, ": there is no such file that can be read");
  if (!std::filesystem::is_regular_file(status)) fail(path, ": is no regular file; give the path of an IDX file");
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(path, ": cannot be opened for reading; check its permissions");
  std::vector<std::uint8_t> bytes(std::filesystem::file_size(path, error));
  if (error || !in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
    fail(path, ": cannot be read to its end; check the disk");
  return bytes;
}

}  // namespace

IdxArray decode_idx(std::span<const std::uint8_t> file, const std::string& path, int dimensions) {
  const std::size_t header = kMagicBytes + kSizeBytes * static_cast<std::size_t>(dimensions);
  if (!is_gzip(file)) {
    IdxArray array{read_sizes(file.first(std::min(header, file.size())), path, dimensions), {}};
    const std::size_t count = count_values(array.sizes, file.size() - header, path);
    if (file.size() != header + count) fail_length(path, file.size(), header + count);
    array.values.assign(file.begin() + static_cast<std::ptrdiff_t>(header), file.end());
    return array;
  }
  IdxArray array{read_sizes(gunzip_prefix(file, header, path), path, dimensions), {}};
  const std::size_t count = count_values(array.sizes, file.size() * kMaxDeflateRatio, path);
  // One byte more than promised: where it does not come, the stream has ended and its checksum has been compared.
  array.values = gunzip_prefix(file, header + count + 1, path);
  if (array.values.size() != header + count) fail_length(path, array.values.size(), header + count);
  array.values.erase(array.values.begin(), array.values.begin() + static_cast<std::ptrdiff_t>(header));
  return array;
}

IdxArray read_idx(const std::string& path, int dimensions) { return decode_idx(read_file(path), path, dimensions); }

}  // namespace caviar

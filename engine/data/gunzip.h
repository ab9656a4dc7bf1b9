// Unpacking gzip streams in memory, no further than asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace caviar {

// deflate codes at most 258 bytes in two bits: what a file of n bytes can hold is below kMaxDeflateRatio * n.
inline constexpr std::size_t kMaxDeflateRatio = 1032;

// True when the file starts with gzip's two magic bytes.
bool is_gzip(std::span<const std::uint8_t> file);

// The first `limit` bytes of the unpacked stream, fewer when it ends before. When it does, its checksum was right and
// the file ends with it. Memory is at most twice what is returned. Throws Error when the stream is damaged or cut off;
// `path` is only for messages.
std::vector<std::uint8_t> gunzip_prefix(std::span<const std::uint8_t> file, std::size_t limit, const std::string& path);

}  // namespace caviar

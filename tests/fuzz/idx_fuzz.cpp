// Any bytes given as an IDX file, plain or gzip, give an array that fits its sizes or an Error: no crash, no leak, and
// no memory that the header merely promises (run with -rss_limit_mb and -malloc_limit_mb).
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/data/idx.h"
#include "kernels/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const int dimensions = data[0] % 2 ? 3 : 1;
  try {
    const caviar::IdxArray array = caviar::decode_idx({data + 1, size - 1}, "fuzz", dimensions);
    std::size_t count = 1;
    for (const std::int64_t length : array.sizes) count *= static_cast<std::size_t>(length);
    if (array.sizes.size() != static_cast<std::size_t>(dimensions) || array.values.size() != count) std::abort();
  } catch (const caviar::Error& error) {
    if (std::string(error.what()).rfind("fuzz: byte ", 0) != 0) std::abort();
  }
  return 0;
}

#include "engine/digest.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace caviar {
namespace {

// The verification value of the reference's own test program (SMHasher): keys {}, {0}, {0, 1}, ... with seeds 256,
// 255, ..., their hashes in a row hashed once more; the first 32 bits.
TEST(Digest, HasTheVerificationValueOfMurmurHash3) {
  std::vector<unsigned char> key, hashes;
  for (int length = 0; length < 256; ++length) {
    const Digest digest = hash128(key.data(), key.size(), static_cast<std::uint64_t>(256 - length));
    for (const std::uint64_t half : {digest.high, digest.low})
      for (int byte = 0; byte < 8; ++byte) hashes.push_back(static_cast<unsigned char>(half >> 8 * byte));
    key.push_back(static_cast<unsigned char>(length));
  }
  EXPECT_EQ(hash128(hashes.data(), hashes.size(), 0).high & 0xffffffff, 0x6384BA69u);
}

TEST(Digest, EveryBitOfTheInputCounts) {
  std::string text(41, '\0');
  std::set<Digest> seen = {hash128(text.data(), text.size(), 7)};
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(seen.insert(hash128(text.data(), text.size(), 7)).second) << "bit " << bit;
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
  }
}

TEST(Digest, IsPrintedAsThirtyTwoHexDigits) {
  EXPECT_EQ(to_string(Digest{0x0123456789abcdefu, 0xfu}), "0123456789abcdef000000000000000f");
}

}  // namespace
}  // namespace caviar

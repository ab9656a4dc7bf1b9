// The IDX reader: what it reads, and the one sentence each kind of damage gives.
#include <functional>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/data/gunzip.h"
#include "engine/data/idx.h"
#include "kernels/base/error.h"
#include "tests/support/idx_files.h"
#include "tests/support/temp_dir.h"

namespace caviar {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

IdxArray decode(const std::string& bytes, int dimensions) {
  return decode_idx({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "some/file", dimensions);
}

// The message of the Error that decoding gives, or a text that says there was none.
std::string error_of(const std::string& bytes, int dimensions) {
  try {
    decode(bytes, dimensions);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string small_file() { return idx_bytes({2, 1, 3}, {1, 2, 3, 4, 5, 255}); }

TEST(Idx, PlainBytesComeBack) {
  const IdxArray array = decode(small_file(), 3);
  EXPECT_THAT(array.sizes, ElementsAre(2, 1, 3));
  EXPECT_THAT(array.values, ElementsAre(1, 2, 3, 4, 5, 255));
}

TEST(Idx, GzipIsSeenFromTheContent) {
  const IdxArray array = decode(gzip_bytes(small_file()), 3);
  EXPECT_THAT(array.sizes, ElementsAre(2, 1, 3));
  EXPECT_THAT(array.values, ElementsAre(1, 2, 3, 4, 5, 255));
}

TEST(Idx, SeveralGzipMembersAreOneStream) {
  const std::string bytes = small_file();
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const IdxArray array = decode(gzip_bytes(bytes.substr(0, cut)) + gzip_bytes(bytes.substr(cut)), 3);
    ASSERT_THAT(array.values, ElementsAre(1, 2, 3, 4, 5, 255)) << "cut at " << cut;
  }
}

TEST(Idx, LargeGzipFilesComeBackWhole) {
  std::vector<std::uint8_t> values(3'000'000);
  std::uint32_t state = 1;
  for (auto& value : values) value = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  EXPECT_EQ(decode(gzip_bytes(idx_bytes({3000, 1000}, values)), 2).values, values);
  std::fill(values.begin(), values.end(), std::uint8_t{0});  // packs a thousandfold
  EXPECT_EQ(decode(gzip_bytes(idx_bytes({3000, 1000}, values)), 2).values, values);
}

TEST(Idx, EveryTruncationIsAnError) {
  for (const std::string& whole : {small_file(), gzip_bytes(small_file())})
    for (std::size_t length = 0; length < whole.size(); ++length)
      EXPECT_THAT(error_of(whole.substr(0, length), 3), AllOf(HasSubstr("some/file: byte "), HasSubstr("fetch")))
          << length << " of " << whole.size() << " bytes";
}

TEST(Idx, ATruncatedStreamInsideAWholeGzipFileIsAnError) {
  for (std::size_t length = 0; length < small_file().size(); ++length)
    EXPECT_THAT(error_of(gzip_bytes(small_file().substr(0, length)), 3), HasSubstr("some/file: byte ")) << length;
}

TEST(Idx, BytesAfterTheLastValueAreAnError) {
  EXPECT_THAT(error_of(small_file() + "x", 3), HasSubstr("some/file: byte 22: there is more after the last value"));
  EXPECT_THAT(error_of(gzip_bytes(small_file() + "x"), 3), HasSubstr("there is more after the last value"));
  EXPECT_THAT(error_of(gzip_bytes(small_file()) + "x", 3), HasSubstr("bytes after the end of the gzip stream"));
}

TEST(Idx, OtherTypesAreNamed) {
  EXPECT_THAT(error_of(idx_bytes({1}, {0, 0, 0, 0}, 0x0d), 1), HasSubstr("byte 2: type 13 (32-bit float)"));
  EXPECT_THAT(error_of(idx_bytes({1}, {0}, 0x77), 1), HasSubstr("byte 2: type 119 (no type of IDX)"));
}

TEST(Idx, ALabelFileForImagesIsAnError) {
  EXPECT_THAT(error_of(idx_bytes({3}, {0, 1, 2}), 3), HasSubstr("byte 3: 1 dimensions where 3 are needed"));
}

TEST(Idx, AnEmptyDimensionIsAnError) {
  EXPECT_THAT(error_of(idx_bytes({0, 2, 2}, {}), 3), HasSubstr("byte 4: dimension 1 has size 0"));
  EXPECT_THAT(error_of(gzip_bytes(idx_bytes({1, 2, 0}, {})), 3), HasSubstr("byte 12: dimension 3 has size 0"));
}

TEST(Idx, OtherFormatsAreAnError) {
  EXPECT_THAT(error_of("\x89PNG\r\n", 3),
              HasSubstr("byte 0: an IDX file starts with two bytes 0, this one with 137 80"));
}

TEST(Idx, AHugePromiseIsRefusedWithoutMemory) {
  // 2^96 bytes as they are, and in 40 bytes of gzip: both must be seen from the length of the file.
  const std::string promise = idx_bytes({0xffffffffu, 0xffffffffu, 0xffffffffu}, {1, 2, 3});
  EXPECT_THAT(error_of(promise, 3), HasSubstr("promise more values than the file can hold (3)"));
  EXPECT_THAT(error_of(gzip_bytes(promise), 3), HasSubstr("promise more values than the file can hold"));
}

TEST(Idx, DamageInAGzipFileIsNoticed) {
  std::vector<std::uint8_t> values(2000);
  std::iota(values.begin(), values.end(), std::uint8_t{0});
  const std::string whole = gzip_bytes(idx_bytes({2000}, values));
  // From the end of gzip's own header (time, flags and system are not checked) to the length at the end, which is.
  for (std::size_t at = 10; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_NE(error_of(damaged, 1), "no error") << "byte " << at;
  }
}

TEST(Gunzip, GivesNoMoreThanAsked) {
  const std::string packed = gzip_bytes(std::string(100'000, 'a'));
  const std::span<const std::uint8_t> file(reinterpret_cast<const std::uint8_t*>(packed.data()), packed.size());
  EXPECT_EQ(gunzip_prefix(file, 10, "f").size(), 10u);
  EXPECT_EQ(gunzip_prefix(file, 0, "f").size(), 0u);
  EXPECT_EQ(gunzip_prefix(file, 1'000'000, "f").size(), 100'000u);
}

TEST(Idx, FilesThatCannotBeReadAreNamed) {
  const TempDir directory;
  EXPECT_THROW(read_idx(directory.file("none"), 1), Error);
  EXPECT_THROW(read_idx(directory.path().string(), 1), Error);
  EXPECT_THROW(read_idx("/dev/null", 1), Error);
  EXPECT_THROW(read_idx(directory.write("empty", ""), 1), Error);
  EXPECT_THAT(read_idx(directory.write("good", idx_bytes({2}, {7, 8})), 1).values, ElementsAre(7, 8));
}

}  // namespace
}  // namespace caviar

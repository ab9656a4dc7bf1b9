// Text as people read it.
#include "app/text.h"

#include <gtest/gtest.h>

namespace caviar {
namespace {

TEST(Text, LinesAreBrokenAtBlanksAndIndentedFromTheSecondOn) {
  EXPECT_EQ(wrapped("one two three", "", 7), "one two\nthree");
  EXPECT_EQ(wrapped("one two three", "  ", 8), "one two\n  three");
  EXPECT_EQ(wrapped("one two three", "  ", 13), "one two three");
  EXPECT_EQ(wrapped("", "  ", 5), "");
}

TEST(Text, WordsStayWholeAndWidthIsThatOfTheTerminal) {
  EXPECT_EQ(wrapped("a incomprehensible b", "  ", 5), "a\n  incomprehensible\n  b");
  EXPECT_EQ(wrapped("± ± ±", "", 5), "± ± ±");
}

TEST(Text, LinesAndColumnsThatAreThereStay) {
  EXPECT_EQ(wrapped("pass  data   is there and is good", "       ", 20),
            "pass  data   is\n       there and is\n       good");
  EXPECT_EQ(wrapped("a b\n  c: d", "", 6), "a b\n  c: d");
}

}  // namespace
}  // namespace caviar

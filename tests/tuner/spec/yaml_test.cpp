// Scalars by PyYAML's rules (expected values read off PyYAML 6.0), structure, limits and refusals.
#include "tuner/spec/yaml.h"

#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

Value value_of(const std::string& text) { return parse_yaml(text, "x.yaml")->to_value(); }

std::string message_of(const std::string& text) {
  try {
    parse_yaml(text, "x.yaml");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

void expect_refused(const std::string& text, const std::string& start, const std::string& part) {
  const std::string message = message_of(text);
  EXPECT_TRUE(message.starts_with(start)) << message << " for " << text.substr(0, 100);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

struct Scalar {
  const char* text;
  const char* json;
};

TEST(Yaml, ScalarsMeanWhatTheyMeanToPyYaml) {
  const std::vector<Scalar> scalars = {
      {"1", "1"},
      {"-1", "-1"},
      {"+1", "1"},
      {"0", "0"},
      {"-0", "0"},
      {"010", "8"},
      {"-010", "-8"},
      {"0_7", "7"},
      {"0_", "0"},
      {"0b101", "5"},
      {"+0b1", "1"},
      {"0x1F", "31"},
      {"-0x_1f", "-31"},
      {"1_000", "1000"},
      {"1__0", "10"},
      {"1:30", "90"},
      {"-1:30", "-90"},
      {"1_:30", "90"},
      {"1:30:00", "5400"},
      {"1:30.5", "90.5"},
      {"1:5.5_0", "65.5"},
      {"0:30.", "30.0"},
      {"0.5", "0.5"},
      {".5", "0.5"},
      {"5.", "5.0"},
      {"1._", "1.0"},
      {"1_.5", "1.5"},
      {"0_8.5", "8.5"},
      {"1.0e-5", "1e-05"},
      {"1.0e+5", "1e+05"},
      {"-0.25", "-0.25"},
      {"yes", "true"},
      {"No", "false"},
      {"on", "true"},
      {"OFF", "false"},
      {"True", "true"},
      {"FALSE", "false"},
      {"~", "null"},
      {"null", "null"},
      {"NULL", "null"},
      {"None", "\"None\""},
      {"y", "\"y\""},
      {"n", "\"n\""},
      {"tRue", "\"tRue\""},
      {"08", "\"08\""},
      {"0o7", "\"0o7\""},
      {"1:60", "\"1:60\""},
      {"0:30", "\"0:30\""},
      {"_1", "\"_1\""},
      {"0xg", "\"0xg\""},
      {"+", "\"+\""},
      {"1.2.3", "\"1.2.3\""},
      {"1-2", "\"1-2\""},
      {"1e", "\"1e\""},
      {"e5", "\"e5\""},
      {"'1'", "\"1\""},
      {"\"yes\"", "\"yes\""},
      {"!!float 1e-5", "1e-05"},
      {"!!float 3", "3.0"},
      {"!!str 3", "\"3\""},
      {"!!int 3", "3"},
      {"!!bool yes", "true"},
      {"!!null ~", "null"},
      {"9223372036854775807", "9223372036854775807"},
      {"18446744073709551615", "18446744073709551615"},
      {"-9223372036854775808", "-9223372036854775808"},
  };
  for (const Scalar& scalar : scalars) {
    const Value expected = Value::parse(scalar.json);
    EXPECT_EQ(value_of(scalar.text), expected) << scalar.text;
    EXPECT_EQ(value_of(scalar.text).is_number_float(), expected.is_number_float()) << scalar.text;
  }
}

TEST(Yaml, WhatLooksLikeANumberIsOne) {
  EXPECT_EQ(value_of("1e-5"), Value(1e-5));
  EXPECT_EQ(value_of("1E-3"), Value(1e-3));
  EXPECT_EQ(value_of("1e5"), Value(1e5));
  EXPECT_EQ(value_of("1.0e5"), Value(1e5));
  EXPECT_EQ(value_of("-.5"), Value(-0.5));
  EXPECT_EQ(value_of("+.5e1"), Value(5.0));
  EXPECT_TRUE(value_of("1e5").is_number_float());
  EXPECT_TRUE(value_of("'1e5'").is_string());
}

TEST(Yaml, DatesStayStrings) { EXPECT_EQ(value_of("2020-01-30"), Value("2020-01-30")); }

TEST(Yaml, NumbersOutsideSixtyFourBitsAreRefused) {
  for (const char* text : {"18446744073709551616", "-9223372036854775809", "1e999", "-1.5e400"}) {
    expect_refused(text, "x.yaml:1: ", "does not fit 64 bits");
  }
  for (const char* text : {".inf", "-.INF", ".nan"}) expect_refused(text, "x.yaml:1: ", "not finite");
}

TEST(Yaml, NodesKnowTheirLines) {
  const auto root = parse_yaml("a: 1\n\n# note\nb:\n  - x\n  - y\n", "x.yaml");
  EXPECT_EQ(root->entries[0].line, 1);
  EXPECT_EQ(root->entries[1].line, 4);
  EXPECT_EQ(root->find("b")->items[1]->line, 6);
  EXPECT_EQ(root->find("c"), nullptr);
}

TEST(Yaml, ADuplicateKeyIsAnErrorWithBothLines) {
  expect_refused("a: 1\nb: 2\na: 3\n", "x.yaml:3: ", "first in line 1");
  expect_refused("a: {b: 1, c: 2, b: 3}", "x.yaml:1: ", "'b'");
}

TEST(Yaml, AliasesAndMergeKeysWork) {
  EXPECT_EQ(value_of("a: &x [1, 2]\nb: *x\n"), Value::parse(R"({"a":[1,2],"b":[1,2]})"));
  EXPECT_EQ(value_of("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n"),
            Value::parse(R"({"a":{"p":1,"q":2},"b":{"p":1,"q":3}})"));
  EXPECT_EQ(value_of("a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc: {<<: [*x, *y]}\n")["c"], Value::parse(R"({"p":1,"q":2})"));
  expect_refused("b: {<<: 3}", "x.yaml:1: ", "merges");
}

TEST(Yaml, AnAnchorMayNotHoldItself) {
  expect_refused("a: &x [1, *x]", "x.yaml:1: ", "cannot hold itself");
  expect_refused("a: *nowhere", "x.yaml:1: ", "not valid YAML");
}

TEST(Yaml, AliasBombsStopAtTheBudget) {
  std::ostringstream bomb;
  bomb << "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb << "a" << i << ": &a" << i << " [*a" << i - 1;
    for (int k = 1; k < 10; ++k) bomb << ", *a" << i - 1;
    bomb << "]\n";
  }
  expect_refused(bomb.str(), "x.yaml:", "nodes");
  // One long text, often referred to, is as much of a bomb.
  std::ostringstream long_text;
  long_text << "a: &a '" << std::string(1 << 20, 'x') << "'\nb: [*a";
  for (int i = 0; i < 1000; ++i) long_text << ", *a";
  long_text << "]\n";
  expect_refused(long_text.str(), "x.yaml:2: ", "nodes");
}

TEST(Yaml, TowersOfBracketsStopAtTheDepthLimit) {
  expect_refused(std::string(10000, '['), "x.yaml:1: ", "deep");
  std::ostringstream nested;
  for (std::size_t i = 0; i < 70; ++i) nested << std::string(i, ' ') << "a:\n";
  expect_refused(nested.str(), "x.yaml:65: ", "nested more than 64 deep");
}

TEST(Yaml, DamagedTextIsRefusedWithItsLine) {
  expect_refused("a: 1\nb: \xff\n", "x.yaml:2: ", "UTF-8");
  expect_refused("a: \xc3", "x.yaml:1: ", "UTF-8");
  expect_refused("a: \xed\xa0\x80", "x.yaml:1: ", "UTF-8");  // a surrogate
  expect_refused(std::string("a: \0b", 5), "x.yaml:1: ", "control character");
  expect_refused("a: [1, 2\nb: 3\n", "x.yaml:", "not valid YAML");
  expect_refused("a:\n\t- b\n", "x.yaml:2: ", "not valid YAML");
  expect_refused("a: 1\n---\nb: 2\n", "x.yaml:", "second document");
  expect_refused("[a, b]: 1\n", "x.yaml:1: ", "key");
  expect_refused("a: !python/tuple [1]\n", "x.yaml:1: ", "tag");
  expect_refused("a: !!int abc\n", "x.yaml:1: ", "tag");
  expect_refused(std::string(kYamlMaxBytes + 1, ' '), "x.yaml:1: ", "bytes");
}

TEST(Yaml, AQuoteThatIsNeverClosedIsRefused) {
  for (const char* text :
       {"a: 1\nb: 'x\n", "a: 1\nb: \"x", "a: 1\nb: &c \"x\\\"", "a: 1\nb: !!str 'it''s", "a: 1\n\"b"}) {
    expect_refused(text, "x.yaml:2: ", "");
  }
  for (const char* text : {"b: 'x'", "b: \"x\\\"\"", "b: &c 'it''s'", "b: |\n  it's", "b: \"a\n  b\"\n"}) {
    EXPECT_NO_THROW(parse_yaml(text, "x.yaml")) << text;
  }
}

TEST(Yaml, AnEmptyFileIsNull) {
  EXPECT_TRUE(value_of("").is_null());
  EXPECT_TRUE(value_of("# only a comment\n").is_null());
}

TEST(Value, Float32IsShownWithItsOwnDigits) {
  EXPECT_EQ(round_to_float32(0.1), 0.1);
  EXPECT_EQ(round_to_float32(0.1000000001), 0.1);
  EXPECT_EQ(round_to_float32(3e38 * 10), 3.4028235e38);
  EXPECT_EQ(round_to_float32(-1e300), -3.4028235e38);
  EXPECT_EQ(round_to_float32(0), 0);
  for (double x = 1e-38; x < 1e38; x *= 1.7) {
    EXPECT_EQ(static_cast<float>(round_to_float32(x)), static_cast<float>(x)) << x;
  }
}

TEST(Value, TextThatIsNoNumberIsNone) {
  for (const char* text : {"",    "abc", "1e",  "--1",   "1..2", ".",  "+.",   "_",    "1,000", "0x",
                           "0b2", "nan", "inf", "1e5e5", ":30",  "1:", "1::2", "1:2:", "._",    ".e5"}) {
    EXPECT_FALSE(parse_number(text)) << text;
  }
}

}  // namespace
}  // namespace caviar

// Settings of samplers and schedulers: what a file or a flag may say, and every refusal.
#include "tuner/spec/options.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace caviar {
namespace {

constexpr OptionHelp kTable[] = {
    {"gamma", OptionKind::kNumber, "0.25", 0, 1, "", "The share that counts as good."},
    {"startup", OptionKind::kWhole, "20", 1, 1000, "", "Trials before it learns."},
    {"fast", OptionKind::kFlag, "false", 0, 0, "", "Whether to hurry."},
    {"kernel", OptionKind::kWord, "matern", 0, 0, "matern, squared", "The kernel."},
    {"budget", OptionKind::kNumber, "", 0, 1e9, "", "Without a default."},
};

OptionSet set_of(const std::string& text) { return {"sampler test", kTable, parse_choice("--sampler", text)}; }

std::string said_of(const std::string& text) {
  try {
    set_of(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Choice, IsANameAndItsSettings) {
  EXPECT_EQ(parse_choice("--sampler", "tpe").name, "tpe");
  EXPECT_TRUE(parse_choice("--sampler", "tpe").settings.empty());
  const Choice choice = parse_choice("--sampler", "tpe,gamma=2e-1,startup=0x10,fast=true,kernel=a=b,budget=");
  EXPECT_EQ(choice.settings.size(), 5u);
  EXPECT_EQ(choice.settings.at("gamma").value, 0.2);
  EXPECT_EQ(choice.settings.at("startup").value, 16);
  EXPECT_EQ(choice.settings.at("fast").value, true);
  EXPECT_EQ(choice.settings.at("kernel").value, "a=b");
  EXPECT_EQ(choice.settings.at("budget").value, "");
}

TEST(Choice, OtherTextsAreRefused) {
  const auto said = [](const char* text) -> std::string {
    try {
      parse_choice("--sampler", text);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  for (const char* text : {"", ",gamma=1", "gamma=1"}) {
    EXPECT_NE(said(text).find("write a name, and its settings after commas"), std::string::npos) << said(text);
  }
  EXPECT_EQ(said("tpe,fast"), "--sampler: 'fast' is no setting; write key=value");
  EXPECT_EQ(said("tpe,"), "--sampler: '' is no setting; write key=value");
  EXPECT_EQ(said("tpe,=3"), "--sampler: '=3' is no setting; write key=value");
  EXPECT_EQ(said("tpe,a=1,a=2"), "--sampler: 'a' is given twice; keep one");
}

TEST(Options, DefaultsStandUntilGiven) {
  const OptionSet plain = set_of("test");
  EXPECT_EQ(plain.number("gamma"), 0.25);
  EXPECT_EQ(plain.whole("startup"), 20);
  EXPECT_EQ(plain.number("startup"), 20);
  EXPECT_FALSE(plain.flag("fast"));
  EXPECT_EQ(plain.word("kernel"), "matern");
  EXPECT_TRUE(plain.given("gamma"));
  EXPECT_FALSE(plain.given("budget"));
  EXPECT_THROW(plain.number("budget"), Error);
  const OptionSet given = set_of("test,gamma=1,startup=30.0,fast=true,kernel=squared,budget=7");
  EXPECT_EQ(given.number("gamma"), 1);
  EXPECT_EQ(given.whole("startup"), 30);
  EXPECT_TRUE(given.flag("fast"));
  EXPECT_EQ(given.word("kernel"), "squared");
  EXPECT_EQ(given.number("budget"), 7);
}

TEST(Options, WhatBreaksTheTableIsRefused) {
  EXPECT_EQ(said_of("test,gama=0.1"), "sampler test has no setting 'gama'; did you mean 'gamma'?");
  EXPECT_EQ(said_of("test,zzzzzzzz=0.1"),
            "sampler test has no setting 'zzzzzzzz'; it has gamma, startup, fast, kernel, budget");
  EXPECT_EQ(said_of("test,gamma=1.5"), "gamma of sampler test is 1.5; it must be a number in [0, 1]");
  EXPECT_EQ(said_of("test,gamma=-0.1"), "gamma of sampler test is -0.1; it must be a number in [0, 1]");
  EXPECT_EQ(said_of("test,gamma=high"), "gamma of sampler test is 'high'; it must be a number in [0, 1]");
  EXPECT_EQ(said_of("test,gamma=true"), "gamma of sampler test is true; it must be a number in [0, 1]");
  EXPECT_EQ(said_of("test,startup=2.5"), "startup of sampler test is 2.5; it must be a whole number in [1, 1000]");
  EXPECT_EQ(said_of("test,startup=0"), "startup of sampler test is 0; it must be a whole number in [1, 1000]");
  EXPECT_EQ(said_of("test,fast=1"), "fast of sampler test is 1; it must be true or false");
  EXPECT_EQ(said_of("test,kernel=rbf"), "kernel of sampler test is 'rbf'; it must be one of matern, squared");
  EXPECT_EQ(said_of("test,kernel=mat"), "kernel of sampler test is 'mat'; it must be one of matern, squared");
  EXPECT_THROW(OptionSet("sampler bare", {}, parse_choice("--sampler", "bare,a=1")), Error);
}

TEST(Options, RefusalsNameTheLineOfTheFile) {
  Choice choice;
  choice.name = "test";
  choice.settings["gamma"] = {Value(3), "sweep.yaml:7: "};
  try {
    OptionSet("sampler test", kTable, choice);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "sweep.yaml:7: gamma of sampler test is 3; it must be a number in [0, 1]");
  }
  choice.settings["gamma"].value = "1e-1";  // text to YAML 1.1
  const OptionSet options("sampler test", kTable, choice);
  EXPECT_EQ(options.number("gamma"), 0.1);
  EXPECT_EQ(options.where("gamma"), "sweep.yaml:7: ");
  EXPECT_EQ(options.where("startup"), "");
}

}  // namespace
}  // namespace caviar

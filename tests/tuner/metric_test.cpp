#include "tuner/metric.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tuner/spec/names.h"

namespace caviar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Metric, EveryWordThatMeansAMetricIsThatMetric) {
  for (const std::string_view name : known_metrics()) {
    EXPECT_EQ(metric_of_word(name), name);
    for (const std::string_view alias : metric_aliases(name)) EXPECT_EQ(metric_of_word(alias), name) << alias;
  }
  EXPECT_EQ(metric_of_word("accuracy"), "val_accuracy");
  EXPECT_EQ(metric_of_word("val_acc"), "val_accuracy");
  EXPECT_EQ(metric_of_word("Test-Loss"), "test_loss");
  EXPECT_EQ(metric_of_word("averaged_test_accuracy"), "averaged_test_accuracy");
}

TEST(Metric, WhatMeansNoneIsRefusedWithAllThereAre) {
  for (const char* word : {"val_acuracy", "", "val_accuracy_", "learning_rate"}) {
    try {
      metric_of_word(word);
      FAIL() << word;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("there is no metric named"), HasSubstr("test_accuracy"),
                                      HasSubstr("test_loss"), HasSubstr("averaged_val_loss")));
    }
  }
}

}  // namespace
}  // namespace caviar

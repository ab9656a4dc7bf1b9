// The table of hyperparameters agrees with the struct it describes.
#include "kernels/hyper.h"

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace caviar {
namespace {

double middle(const HyperField& field) {
  if (field.kind == FieldKind::kFloat) return field.high <= 1 ? 0.25 : 3.5;
  return field.kind == FieldKind::kInteger ? 12345678901 : field.high;
}

TEST(Hyper, DefaultsOfTheTableAreDefaultsOfTheStruct) {
  const Hyper hyper;
  for (const HyperField& field : hyper_fields()) {
    EXPECT_NEAR(get_hyper_field(hyper, field), field.fallback, 1e-7 * std::abs(field.fallback)) << field.name;
    if (field.fallback != 0 || field.low == 0) {  // step_size's 0 stands for one epoch and cannot be given
      Hyper other = hyper;
      set_hyper_field(other, field, field.fallback);
      EXPECT_EQ(get_hyper_field(other, field), get_hyper_field(hyper, field)) << field.name;
    }
  }
}

TEST(Hyper, EveryFieldIsSetAloneAndReadBack) {
  for (const HyperField& field : hyper_fields()) {
    Hyper hyper;
    set_hyper_field(hyper, field, middle(field));
    EXPECT_EQ(get_hyper_field(hyper, field), middle(field)) << field.name;
    const Hyper untouched;
    for (const HyperField& other : hyper_fields()) {
      if (other.offset == field.offset) continue;
      EXPECT_EQ(get_hyper_field(hyper, other), get_hyper_field(untouched, other))
          << field.name << " moved " << other.name;
    }
  }
}

TEST(Hyper, NamesAreUniqueAndExplained) {
  std::set<std::string> names;
  for (const HyperField& field : hyper_fields()) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    EXPECT_EQ(find_hyper_field(field.name), &field);
    const std::string meaning = field.meaning;
    EXPECT_GT(meaning.size(), 20u) << field.name;
    EXPECT_EQ(meaning.back(), '.') << field.name;
    EXPECT_EQ(field.kind == FieldKind::kChoice, !field.choices.empty()) << field.name;
  }
  EXPECT_EQ(find_hyper_field("learnin_rate"), nullptr);
}

TEST(Hyper, EveryMemberButTheLengthIsInTheTable) {
  std::set<std::size_t> offsets;
  for (const HyperField& field : hyper_fields()) offsets.insert(field.offset);
  // Does not compile when Hyper gets another member: count it below as well.
  [[maybe_unused]] const auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
                                m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, total_steps] = Hyper{};
  EXPECT_EQ(offsets.size(), 30u);
  EXPECT_EQ(offsets.count(offsetof(Hyper, total_steps)), 0u);  // it follows from epochs or max_steps
}

TEST(Hyper, AComplementAppearsUnderBothNames) {
  std::map<std::size_t, int> plain;
  for (const HyperField& field : hyper_fields()) plain[field.offset] += field.complement ? 0 : 1;
  for (const auto& [offset, count] : plain) EXPECT_EQ(count, 1) << offset;
  Hyper hyper;
  set_hyper_field(hyper, *find_hyper_field("beta2"), 0.999);
  EXPECT_EQ(hyper.one_minus_beta2, 0.001f);
  set_hyper_field(hyper, *find_hyper_field("one_minus_beta2"), 1e-9);
  EXPECT_EQ(hyper.one_minus_beta2, 1e-9f);
  set_hyper_field(hyper, *find_hyper_field("momentum"), 0.9);
  EXPECT_EQ(hyper.one_minus_momentum, 0.1f);
}

bool accepts(const HyperField& field, double value) {
  Hyper hyper;
  try {
    set_hyper_field(hyper, field, value);
  } catch (const Error&) {
    return false;
  }
  return true;
}

TEST(Hyper, EndsOfRangesAreHeld) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const HyperField& field : hyper_fields()) {
    EXPECT_EQ(accepts(field, field.low), !field.low_open) << field.name;
    EXPECT_EQ(accepts(field, field.high), !field.high_open) << field.name;
    for (const double value : {field.low - 1, std::nextafter(field.high, infinity) + 1e-9 * field.high, infinity,
                               -infinity, std::numeric_limits<double>::quiet_NaN()}) {
      EXPECT_FALSE(accepts(field, value)) << field.name << " " << value;
    }
    if (field.kind != FieldKind::kFloat && field.high > 1) {
      EXPECT_FALSE(accepts(field, field.low + 0.5)) << field.name;
    }
  }
}

TEST(Hyper, MessagesNameValueAndRange) {
  Hyper hyper;
  try {
    set_hyper_field(hyper, *find_hyper_field("dropout"), 1.5);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "dropout is 1.5; it must lie in [0, 1)");
  }
}

TEST(Hyper, AHugeLearningRateIsLegalAndStaysFinite) {
  Hyper hyper;
  set_hyper_field(hyper, *find_hyper_field("learning_rate"), 1e30);
  EXPECT_EQ(hyper.learning_rate, 1e30f);
  for (const HyperField& field : hyper_fields()) {
    if (field.kind != FieldKind::kFloat) continue;
    EXPECT_TRUE(std::isfinite(static_cast<float>(field.high))) << field.name;
  }
}

TEST(Hyper, StateArraysFollowTheOptimizer) {
  Hyper hyper;
  const auto arrays = [&](Optimizer optimizer, float one_minus_momentum) {
    hyper.optimizer = optimizer;
    hyper.one_minus_momentum = one_minus_momentum;
    return state_arrays(hyper);
  };
  EXPECT_EQ(arrays(Optimizer::kSgd, 1.0f), 0);
  EXPECT_EQ(arrays(Optimizer::kSgd, 0.1f), 1);
  EXPECT_EQ(arrays(Optimizer::kRmsprop, 1.0f), 1);
  EXPECT_EQ(arrays(Optimizer::kRmsprop, 0.1f), 2);
  for (const Optimizer optimizer : {Optimizer::kAdam, Optimizer::kAdamW, Optimizer::kNAdam}) {
    EXPECT_EQ(arrays(optimizer, 1.0f), 2);
    EXPECT_EQ(arrays(optimizer, 0.1f), 2);
  }
  hyper.hypergradient_rate = 1e-3f;
  EXPECT_EQ(arrays(Optimizer::kSgd, 1.0f), 1) << "the last gradient";
  EXPECT_EQ(arrays(Optimizer::kSgd, 0.1f), 1) << "the buffer is the last direction";
  EXPECT_EQ(arrays(Optimizer::kAdam, 1.0f), 2) << "the moments make it";
  EXPECT_EQ(arrays(Optimizer::kRmsprop, 1.0f), 1) << "does not adapt its rate";
  hyper.nesterov = 1;
  EXPECT_EQ(arrays(Optimizer::kSgd, 1.0f), 1);
  EXPECT_EQ(arrays(Optimizer::kSgd, 0.1f), 2) << "buffer and last direction";
}

}  // namespace
}  // namespace caviar

// The metrics a report carries, by the names that sweep files, the database and the output use.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/run.h"

namespace caviar {

// `<prefix>_loss` (mean cross-entropy) and `<prefix>_accuracy` (fraction in [0, 1]) are the metrics over one set of
// examples.
struct MetricSet {
  const char* prefix;
  Metrics Report::*member;
  const char* meaning;
};

// train, val, averaged_val, test, averaged_test.
std::span<const MetricSet> metric_sets();

// What a report carries beside them of a run whose rate adapts itself (kernels/math/hypergradient.h): the base rate, as
// it has become, before the schedule scales it. Nothing to rank by.
inline constexpr std::string_view kAdaptedRate = "learning_rate";

// The value of the metric of that name ("val_accuracy", or kAdaptedRate), NaN when it was not measured or the loss was
// not a number.
// Throws Error for a name that does not exist.
double metric_value(const Report& report, std::string_view name);

// The metric that a user's word means: the name of one that is measured, or an alias of names.h ("accuracy",
// "val_acc"), in any case. Throws Error for a word that means none.
std::string metric_of_word(std::string_view word);

// True when more of it is better: accuracies.
bool metric_is_maximized(std::string_view name);

}  // namespace caviar

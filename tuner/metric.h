// The metrics a report carries, by the names that sweep files, the database and the output use.
#pragma once

#include <span>
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

// The value of the metric of that name ("val_accuracy"), NaN when it was not measured or the loss was not a number.
// Throws Error for a name that does not exist.
double metric_value(const Report& report, std::string_view name);

// True when more of it is better: accuracies.
bool metric_is_maximized(std::string_view name);

}  // namespace caviar

#include "tuner/metric.h"

#include <limits>
#include <string_view>

#include "kernels/base/error.h"

namespace caviar {
namespace {

constexpr MetricSet kSets[] = {
    {"train", &Report::train, "over the examples trained on since the last report"},
    {"val", &Report::validation, "validation examples, raw weights"},
    {"averaged_val", &Report::averaged, "validation examples, Polyak averages of the weights"},
    {"test", &Report::test, "test examples, raw weights, at the end of a run"},
    {"averaged_test", &Report::averaged_test, "test examples, Polyak averages, at the end of a run"},
};

constexpr std::string_view kAccuracy = "_accuracy", kLoss = "_loss";

}  // namespace

std::span<const MetricSet> metric_sets() { return kSets; }

double metric_value(const Report& report, std::string_view name) {
  if (name == kAdaptedRate) return report.learning_rate;
  for (const MetricSet& set : kSets) {
    const std::string_view prefix(set.prefix);
    if (name.substr(0, prefix.size()) != prefix) continue;
    const std::string_view kind = name.substr(prefix.size());
    const Metrics& metrics = report.*set.member;
    if (kind != kAccuracy && kind != kLoss) continue;
    if (metrics.examples == 0) return std::numeric_limits<double>::quiet_NaN();
    return kind == kLoss ? metrics.loss : metrics.accuracy();
  }
  fail("there is no metric named '", name,
       "'; write val_accuracy, val_loss, train_accuracy, train_loss, or one of "
       "these behind averaged_");
}

bool metric_is_maximized(std::string_view name) { return name.ends_with(kAccuracy); }

}  // namespace caviar

#include "tuner/metric.h"

#include <limits>
#include <string_view>

#include "kernels/base/error.h"
#include "tuner/spec/names.h"

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

[[noreturn]] void refuse_metric(std::string_view name) {
  std::string all;
  for (const MetricSet& set : kSets)
    all += cat(all.empty() ? "" : ", ", set.prefix, kAccuracy, ", ", set.prefix, kLoss);
  fail("there is no metric named '", name, "'; there are ", all);
}

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
  refuse_metric(name);
}

std::string metric_of_word(std::string_view word) {
  std::string folded(word);
  for (char& letter : folded) {
    if (letter == '-' || letter == '/' || letter == '.') letter = '_';
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  for (const MetricSet& set : kSets) {
    if (folded == set.prefix + std::string(kAccuracy) || folded == set.prefix + std::string(kLoss)) return folded;
  }
  std::string meant = canonical_metric(word);
  if (meant.empty()) refuse_metric(word);
  return meant;
}

bool metric_is_maximized(std::string_view name) { return name.ends_with(kAccuracy); }

}  // namespace caviar

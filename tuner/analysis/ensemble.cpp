#include "tuner/analysis/ensemble.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/math/elementary.h"
#include "tuner/analysis/laws.h"
#include "tuner/analysis/sample.h"
#include "tuner/analysis/test_set.h"

namespace caviar {
namespace {

constexpr double kLeastProbability = 0x1p-126;  // the least normal float: a label that was given none still has a loss

double loss_of(double probability) { return -log_double(std::max(probability, kLeastProbability)); }

void require_table(std::size_t probabilities, std::size_t examples, int classes) {
  if (examples < 1 || classes < 1 || probabilities != examples * static_cast<std::size_t>(classes))
    fail("The probabilities are ", probabilities, " numbers for ", examples, " examples of ", classes,
         " classes; there must be one for each class of each example, and an example at least.");
}

void require_numbers(std::span<const float> probabilities) {
  if (!std::all_of(probabilities.begin(), probabilities.end(), [](float p) { return std::isfinite(p); }))
    fail("These probabilities are no numbers, as of a network that diverged; leave it out.");
}

}  // namespace

double ExampleScores::accuracy() const {
  const auto correct = std::count(right.begin(), right.end(), 1);
  return static_cast<double>(correct) / static_cast<double>(right.size());
}

double ExampleScores::loss() const { return mean_of(losses); }

ExampleScores example_scores(std::span<const float> probabilities, std::span<const std::uint8_t> answers,
                             std::span<const std::uint8_t> labels, int classes) {
  require_table(probabilities.size(), labels.size(), classes);
  require_numbers(probabilities);
  ExampleScores scores;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    scores.right.push_back(answers[i] == labels[i]);
    scores.losses.push_back(loss_of(probabilities[i * static_cast<std::size_t>(classes) + labels[i]]));
  }
  return scores;
}

ProbabilityMean::ProbabilityMean(std::span<const std::uint8_t> labels, int classes)
    : labels_(labels.begin(), labels.end()),
      classes_(static_cast<std::size_t>(classes)),
      sums_(labels.size() * classes_) {
  require_table(sums_.size(), labels_.size(), classes);
}

void ProbabilityMean::add(std::span<const float> probabilities) {
  require_table(probabilities.size(), labels_.size(), static_cast<int>(classes_));
  require_numbers(probabilities);
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += static_cast<double>(probabilities[i]);
  ++networks_;
}

ExampleScores ProbabilityMean::scores() const {
  if (networks_ == 0) fail("An ensemble of no network has no answer; add one.");
  ExampleScores scores;
  for (std::size_t i = 0; i < labels_.size(); ++i) {
    const auto first = sums_.begin() + static_cast<std::ptrdiff_t>(i * classes_);
    const auto answer = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes_)) - first;
    scores.right.push_back(answer == labels_[i]);
    scores.losses.push_back(loss_of(first[labels_[i]] / static_cast<double>(networks_)));
  }
  return scores;
}

PairedGain gain_over(const ExampleScores& one, const ExampleScores& other, double confidence) {
  const std::size_t examples = one.right.size();
  if (examples < 2 || other.right.size() != examples)
    fail("A gain is over the same examples, 2 at least; these are ", examples, " and ", other.right.size(), ".");
  PairedGain gain{};
  std::vector<double> differences(examples);
  for (std::size_t i = 0; i < examples; ++i) {
    gain.only_one += one.right[i] && !other.right[i];
    gain.only_other += !one.right[i] && other.right[i];
    differences[i] = one.losses[i] - other.losses[i];
  }
  const double n = static_cast<double>(examples);
  const double up = static_cast<double>(gain.only_one), down = static_cast<double>(gain.only_other);
  gain.accuracy = (up - down) / n;
  const double p = (up + 1) / (n + 2), q = (down + 1) / (n + 2), d = p - q;
  const double reach = laws::normal_quantile((1 + confidence) / 2) * std::sqrt((p + q - d * d) / (n + 2));
  gain.accuracy_interval = {std::max(-1.0, d - reach), std::min(1.0, d + reach)};
  gain.p = mcnemar_p(gain.only_one, gain.only_other);
  gain.loss = mean_of(differences);
  const double wide =
      laws::student_quantile((1 + confidence) / 2, n - 1) * std::sqrt(squares_about_mean(differences) / (n - 1) / n);
  gain.loss_interval = {gain.loss - wide, gain.loss + wide};
  return gain;
}

}  // namespace caviar

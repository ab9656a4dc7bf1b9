#include "tuner/analysis/crossed.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "kernels/base/error.h"
#include "tuner/analysis/laws.h"
#include "tuner/analysis/sample.h"

namespace caviar {
namespace {

constexpr std::uint32_t kPurpose = 0x11;  // of the order of strata, plus the effect, see resampled_index()

using Dims = std::array<std::size_t, 3>;

// scores[d0, d1, d2]; two factors have their replicates in d2.
struct Table {
  std::vector<double> scores;
  Dims dims;

  std::size_t at(std::size_t a, std::size_t b, std::size_t c) const { return (a * dims[1] + b) * dims[2] + c; }
};

// A line of the analysis of variance: the effects (subsets of dimensions) it sums over, and its component as
// sum over lines of sign * mean square / cells_averaged.
struct Line {
  unsigned factors;
  std::vector<unsigned> subsets;
  std::vector<double> signs;
  double cells_averaged;
};

struct Design {
  std::vector<Line> lines;  // the residual last
  std::size_t factors;
};

double count_of(const Dims& dims, unsigned subset) {
  double count = 1;
  for (unsigned f = 0; f < 3; ++f) count *= (subset >> f & 1) ? static_cast<double>(dims[f]) : 1;
  return count;
}

Design three_factors(const Dims& dims) {
  const double i = count_of(dims, 1), j = count_of(dims, 2), k = count_of(dims, 4);
  return {{{1, {1}, {1, 0, 0, -1, -1, 0, 1}, j * k},
           {2, {2}, {0, 1, 0, -1, 0, -1, 1}, i * k},
           {4, {4}, {0, 0, 1, 0, -1, -1, 1}, i * j},
           {3, {3}, {0, 0, 0, 1, 0, 0, -1}, k},
           {5, {5}, {0, 0, 0, 0, 1, 0, -1}, j},
           {6, {6}, {0, 0, 0, 0, 0, 1, -1}, i},
           {0, {7}, {0, 0, 0, 0, 0, 0, 1}, 1}},
          3};
}

Design two_factors(const Dims& dims) {
  const double i = count_of(dims, 1), j = count_of(dims, 2), r = count_of(dims, 4);
  if (dims[2] == 1) return {{{1, {1}, {1, 0, -1}, j}, {2, {2}, {0, 1, -1}, i}, {0, {3}, {0, 0, 1}, 1}}, 2};
  return {{{1, {1}, {1, 0, -1, 0}, j * r},
           {2, {2}, {0, 1, -1, 0}, i * r},
           {3, {3}, {0, 0, 1, -1}, r},
           {0, {4, 5, 6, 7}, {0, 0, 0, 1}, 1}},
          2};
}

double freedom_of(const Line& line, const Dims& dims) {
  double freedom = 0;
  for (const unsigned subset : line.subsets) {
    double product = 1;
    for (unsigned f = 0; f < 3; ++f) product *= (subset >> f & 1) ? static_cast<double>(dims[f] - 1) : 1;
    freedom += product;
  }
  return freedom;
}

// means[subset] is averaged over the dimensions not in the subset and indexed as the scores are, with 0 for those.
std::array<std::vector<double>, 8> means_of(const Table& table) {
  const auto [rows, columns, layers] = table.dims;
  std::array<std::vector<double>, 8> means;
  for (unsigned subset = 0; subset < 8; ++subset) {
    means[subset].resize(table.scores.size());
    const double averaged = count_of(table.dims, 7) / count_of(table.dims, subset);
    for (std::size_t a = 0; a < rows; ++a) {
      for (std::size_t b = 0; b < columns; ++b) {
        for (std::size_t c = 0; c < layers; ++c) {
          means[subset][table.at(subset & 1 ? a : 0, subset & 2 ? b : 0, subset & 4 ? c : 0)] +=
              (table.scores[table.at(a, b, c)] - table.scores[0]) / averaged;
        }
      }
    }
  }
  return means;
}

// Sums of squares of the effects of all subsets of dimensions: the effect of a subset in a cell is the sum over its own
// subsets of the mean there, with the sign of the difference of their sizes.
std::array<double, 8> sums_of_squares(const Table& table) {
  const auto means = means_of(table);
  std::array<double, 8> sums{};
  for (std::size_t a = 0; a < table.dims[0]; ++a) {
    for (std::size_t b = 0; b < table.dims[1]; ++b) {
      for (std::size_t c = 0; c < table.dims[2]; ++c) {
        for (unsigned subset = 1; subset < 8; ++subset) {
          double effect = 0;
          for (unsigned inner = 0; inner < 8; ++inner) {
            if (inner & ~subset) continue;
            const double mean = means[inner][table.at(inner & 1 ? a : 0, inner & 2 ? b : 0, inner & 4 ? c : 0)];
            effect += std::popcount(subset ^ inner) % 2 == 0 ? mean : -mean;
          }
          sums[subset] += effect * effect;
        }
      }
    }
  }
  return sums;
}

std::vector<double> mean_squares(const Table& table, const Design& design) {
  const std::array<double, 8> sums = sums_of_squares(table);
  std::vector<double> squares;
  for (const Line& line : design.lines) {
    double sum = 0;
    for (const unsigned subset : line.subsets) sum += sums[subset];
    squares.push_back(sum / freedom_of(line, table.dims));
  }
  return squares;
}

double component_of(const Line& line, std::span<const double> squares) {
  double sum = 0;
  for (std::size_t i = 0; i < squares.size(); ++i) sum += line.signs[i] * squares[i];
  return sum / line.cells_averaged;
}

Table without_level(const Table& table, unsigned factor, std::size_t level) {
  Table rest{{}, table.dims};
  --rest.dims[factor];
  std::array<std::size_t, 3> cell{};
  for (cell[0] = 0; cell[0] < table.dims[0]; ++cell[0]) {
    for (cell[1] = 0; cell[1] < table.dims[1]; ++cell[1]) {
      for (cell[2] = 0; cell[2] < table.dims[2]; ++cell[2]) {
        if (cell[factor] != level) rest.scores.push_back(table.scores[table.at(cell[0], cell[1], cell[2])]);
      }
    }
  }
  return rest;
}

std::optional<Interval> residual_interval(const Table& table, const Design& design, double residual,
                                          double confidence) {
  double variance = 0, freedom = 0;
  for (unsigned factor = 0; factor < design.factors; ++factor) {
    std::vector<double> logs;
    for (std::size_t level = 0; level < table.dims[factor]; ++level) {
      logs.push_back(std::log(mean_squares(without_level(table, factor, level), design).back()));
      if (!std::isfinite(logs.back())) return std::nullopt;
    }
    const auto levels = static_cast<double>(logs.size());
    variance += (levels - 1) / levels * squares_about_mean(logs) / static_cast<double>(design.factors);
    freedom += levels - 1;
  }
  const double half = laws::student_quantile((1 + confidence) / 2, freedom) * std::sqrt(variance);
  return Interval{residual * std::exp(-half), residual * std::exp(half)};
}

// d / X for X chi-square on d degrees, one value from each of `draws` strata of equal probability.
std::vector<double> inverse_chi_squares(double freedom, std::uint32_t draws) {
  std::vector<double> values(draws);
  for (std::uint32_t i = 0; i < draws; ++i) values[i] = freedom / laws::chi_square_quantile((i + 0.5) / draws, freedom);
  return values;
}

void shuffle(std::vector<double>& values, std::uint64_t seed, std::uint32_t effect) {
  for (auto i = static_cast<std::uint32_t>(values.size() - 1); i > 0; --i) {
    std::swap(values[i], values[resampled_index(seed, kPurpose, effect, i, i + 1)]);
  }
}

void add_effect_intervals(std::vector<VarianceComponent>& components, const Design& design, std::uint64_t seed,
                          double confidence, std::uint32_t draws) {
  std::map<double, std::vector<double>> strata;  // by degrees of freedom: factors often have as many levels
  std::vector<std::vector<double>> factors;
  for (std::size_t i = 0; i < components.size(); ++i) {
    std::vector<double>& values = strata[components[i].freedom];
    if (values.empty()) values = inverse_chi_squares(components[i].freedom, draws);
    factors.push_back(values);
    shuffle(factors.back(), seed, static_cast<std::uint32_t>(i));
  }
  std::vector<double> drawn(draws), squares(components.size());
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    for (std::uint32_t draw = 0; draw < draws; ++draw) {
      for (std::size_t j = 0; j < squares.size(); ++j) squares[j] = components[j].mean_square * factors[j][draw];
      drawn[draw] = component_of(design.lines[i], squares);
    }
    std::sort(drawn.begin(), drawn.end());
    components[i].interval = Interval{std::max(0.0, quantile_of_sorted(drawn, (1 - confidence) / 2)),
                                      std::max(0.0, quantile_of_sorted(drawn, (1 + confidence) / 2))};
  }
}

Decomposition decompose_table(const Table& table, const Design& design, std::uint64_t seed, double confidence,
                              std::uint32_t draws) {
  if (draws < 100) fail(draws, " draws were asked for; an interval takes at least 100");
  if (!(confidence > 0 && confidence < 1))
    fail("a confidence of ", confidence, " was asked for; it is between 0 and 1");
  const auto first = table.dims.begin(), last = first + static_cast<std::ptrdiff_t>(design.factors);
  const std::size_t fewest = *std::min_element(first, last);
  if (fewest < 2)
    fail("a source of randomness has ", fewest, " level; its variance takes two, its interval ", kFewestLevels);
  const auto cells = static_cast<std::size_t>(count_of(table.dims, 7));
  if (table.scores.size() != cells || cells == 0) {
    fail("there are ", table.scores.size(), " scores for a design of ", cells,
         "; every combination has to be there once");
  }
  const auto failed =
      std::count_if(table.scores.begin(), table.scores.end(), [](double score) { return !std::isfinite(score); });
  if (failed > 0) {
    fail(failed, " of ", cells,
         " crossed runs have no score; leave out the seeds they belong to or train them to an end, "
         "the variance cannot be taken apart without them");
  }
  Decomposition found{{}, 0, fewest, fewest >= kFewestLevels};
  const std::vector<double> squares = mean_squares(table, design);
  for (std::size_t i = 0; i < design.lines.size(); ++i) {
    const Line& line = design.lines[i];
    const double raw = component_of(line, squares);
    found.components.push_back(
        {line.factors, freedom_of(line, table.dims), squares[i], raw, std::max(0.0, raw), {}, {}});
    found.total += found.components.back().variance;
  }
  if (found.total == 0) return found;
  for (VarianceComponent& component : found.components) component.share = component.variance / found.total;
  if (!found.enough_levels) return found;
  add_effect_intervals(found.components, design, seed, confidence, draws);
  found.components.back().interval = residual_interval(table, design, squares.back(), confidence);
  return found;
}

}  // namespace

Decomposition decompose(std::span<const double> scores, const std::array<std::size_t, 3>& levels, std::uint64_t seed,
                        double confidence, std::uint32_t draws) {
  return decompose_table({{scores.begin(), scores.end()}, levels}, three_factors(levels), seed, confidence, draws);
}

Decomposition decompose_replicated(std::span<const double> scores, const std::array<std::size_t, 2>& levels,
                                   std::size_t replicates, std::uint64_t seed, double confidence, std::uint32_t draws) {
  if (replicates < 1) fail("a design with ", replicates, " runs a cell; it takes one");
  const Dims dims = {levels[0], levels[1], replicates};
  return decompose_table({{scores.begin(), scores.end()}, dims}, two_factors(dims), seed, confidence, draws);
}

}  // namespace caviar

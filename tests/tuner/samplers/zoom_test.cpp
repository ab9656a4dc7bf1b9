// Zooming: rounds wait for each other, regions follow the results, and the search gets there.
#include "tuner/samplers/zoom.h"

#include <algorithm>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "tests/tuner/sweep_text.h"
#include "tuner/registry.h"
#include "tuner/samplers/random.h"
#include "tuner/samplers/sobol.h"

namespace caviar {
namespace {

constexpr const char* kSquare = "method: random\nparameters: {x: {min: 0.0, max: 1.0}, y: {min: 0.0, max: 1.0}}\n";

SearchSpace square() { return SearchSpace(parse_sweep(kSquare, "sweep.yaml")); }

ZoomSampler::Settings settings(std::int64_t rounds, std::int64_t per_round) {
  ZoomSampler::Settings out;
  out.rounds = rounds;
  out.per_round = per_round;
  return out;
}

double bowl(const Config& config) {
  const double x = config.at("x").get<double>() - 0.7, y = config.at("y").get<double>() - 0.2;
  return x * x + y * y;
}

TrialResult result_of(std::int64_t number, const Config& config, double loss) {
  TrialResult result;
  result.number = number;
  result.config = config;
  result.loss = loss;
  return result;
}

// All trials with what needs() asks for; the least loss.
double best_of(Sampler& sampler, std::int64_t trials) {
  std::vector<TrialResult> results;
  std::int64_t told = 0;
  double best = std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < trials; ++i) {
    for (; told <= sampler.needs(i); ++told) sampler.tell(results[static_cast<std::size_t>(told)]);
    const Config config = sampler.suggest(i).value();
    results.push_back(result_of(i, config, bowl(config)));
    best = std::min(best, results.back().loss);
  }
  return best;
}

TEST(Zoom, ARoundNeedsTheRoundBefore) {
  const ZoomSampler zoom(square(), 1, settings(3, 10));
  EXPECT_EQ(zoom.needs(0), -1);
  EXPECT_EQ(zoom.needs(9), -1);
  EXPECT_EQ(zoom.needs(10), 9);
  EXPECT_EQ(zoom.needs(19), 9);
  EXPECT_EQ(zoom.needs(20), 19);
  EXPECT_EQ(zoom.needs(1000), 19);  // the last round has no end
}

TEST(Zoom, TheFirstRoundIsSobol) {
  ZoomSampler zoom(square(), 4, settings(3, 10));
  SobolSampler sobol(square(), 4);
  for (std::int64_t i = 0; i < 10; ++i) EXPECT_EQ(zoom.suggest(i), sobol.suggest(i));
}

TEST(Zoom, TrialsStayInTheRegionOfTheirRound) {
  ZoomSampler zoom(square(), 4, settings(3, 10));
  for (std::int64_t i = 0; i < 10; ++i) {
    const Config config = zoom.suggest(i).value();
    zoom.tell(result_of(i, config, bowl(config)));
  }
  const Region region = zoom.region(1);
  EXPECT_GT(region[0][0].low + 1 - region[0][0].high, 0);
  const SearchSpace space = square();
  for (std::int64_t i = 10; i < 20; ++i) {
    for (int attempt = 0; attempt < 3; ++attempt) {
      const Point point = space.point_of(zoom.suggest(i, attempt).value()).value();
      for (std::size_t d = 0; d < 2; ++d) {
        EXPECT_GE(point[d], region[d][0].low - 1e-6);
        EXPECT_LE(point[d], region[d][0].high + 1e-6);
      }
    }
  }
}

// Results of its own round, told early, change nothing for a trial.
TEST(Zoom, ASuggestionDependsOnEarlierRoundsAlone) {
  ZoomSampler early(square(), 4, settings(2, 5)), late(square(), 4, settings(2, 5));
  for (std::int64_t i = 0; i < 8; ++i) {
    const Config config{{"x", 0.1 * static_cast<double>(i)}, {"y", 0.5}};
    early.tell(result_of(i, config, bowl(config)));
    if (i < 5) late.tell(result_of(i, config, bowl(config)));
  }
  for (std::int64_t i = 5; i < 10; ++i) EXPECT_EQ(early.suggest(i), late.suggest(i));
}

TEST(Zoom, EarlierStudiesCountFromTheSecondRoundOn) {
  ZoomSampler zoom(square(), 4, settings(2, 5));
  zoom.tell(result_of(-1, {{"x", 0.9}, {"y", 0.9}}, -100));
  EXPECT_EQ(zoom.region(0)[0][0].low, 0);
  EXPECT_GT(zoom.region(1)[0][0].low, 0.49);
}

// With 60 trials on a bowl, over 11 seeds; measured: zoom 0.00025 in the median, random 0.0025.
TEST(Zoom, GetsCloserThanRandomSearch) {
  std::vector<double> zoomed, random;
  for (std::uint64_t seed = 0; seed < 11; ++seed) {
    ZoomSampler zoom(square(), seed, settings(4, 15));
    RandomSampler draws(square(), seed);
    zoomed.push_back(best_of(zoom, 60));
    random.push_back(best_of(draws, 60));
  }
  std::nth_element(zoomed.begin(), zoomed.begin() + 5, zoomed.end());
  std::nth_element(random.begin(), random.begin() + 5, random.end());
  EXPECT_LT(zoomed[5] * 4, random[5]) << zoomed[5] << " " << random[5];
}

// Of 400 studies of 30 trials, 4 rounds of 7: how many look at less than 0.7 of both parameters by their third round,
// and the median of their least losses.
struct SmallStudies {
  int closer = 0;
  double median = 0;
};

SmallStudies small_studies(std::int64_t keep) {
  SmallStudies out;
  std::vector<double> best;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    ZoomSampler::Settings small = settings(4, 7);
    small.zoom.keep = keep;
    ZoomSampler zoom(square(), seed, small);
    best.push_back(best_of(zoom, 30));
    const auto is_close = [&](std::int64_t round) {
      const Region region = zoom.region(round);
      return region[0][0].high - region[0][0].low < 0.7 && region[1][0].high - region[1][0].low < 0.7;
    };
    out.closer += is_close(1) || is_close(2);
  }
  std::nth_element(best.begin(), best.begin() + 200, best.end());
  out.median = best[200];
  return out;
}

// Measured: keeping 2 338 look closer and get to 0.00066, keeping 5 132 and 0.0024.
TEST(Zoom, SmallRoundsKeepFewerTrialsSoThatTheyLookCloser) {
  EXPECT_EQ(ZoomSampler::kept_of(1), 2);
  EXPECT_EQ(ZoomSampler::kept_of(7), 2);
  EXPECT_EQ(ZoomSampler::kept_of(15), 3);
  EXPECT_EQ(ZoomSampler::kept_of(25), 5);
  EXPECT_EQ(ZoomSampler::kept_of(1000), 5);
  const SmallStudies few = small_studies(ZoomSampler::kept_of(7)), many = small_studies(5);
  EXPECT_GE(few.closer, 300);
  EXPECT_LE(many.closer, 200);
  EXPECT_LT(2 * few.median, many.median);
}

TEST(Zoom, AStudyOfThirtyTrialsKeepsTwoByDefault) {
  SweepSpec spec = parse_sweep(kSquare, "sweep.yaml");
  spec.settings.sampler.name = "zoom";
  SearchScope scope;
  scope.sweep_seed = 4;
  scope.trials = 30;
  const auto sampler = make_sampler(spec, SearchSpace(spec), scope);
  ZoomSampler::Settings small = settings(4, 7);
  small.zoom.keep = 2;
  ZoomSampler zoom(square(), 4, small);
  best_of(*sampler, 14);
  best_of(zoom, 14);
  for (std::int64_t i = 7; i < 14; ++i) EXPECT_EQ(sampler->suggest(i), zoom.suggest(i));
}

TEST(Zoom, DivergedTrialsAloneLeaveTheSpaceWhole) {
  ZoomSampler zoom(square(), 4, settings(2, 5));
  for (std::int64_t i = 0; i < 5; ++i) {
    zoom.tell(result_of(i, zoom.suggest(i).value(), std::numeric_limits<double>::quiet_NaN()));
  }
  EXPECT_EQ(zoom.region(1)[0][0].low, 0);
  EXPECT_EQ(zoom.region(1)[0][0].high, 1);
  EXPECT_TRUE(zoom.suggest(5));
}

}  // namespace
}  // namespace caviar

// A part of a space: where a search looks next, and the same as text for a sweep file.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

// Places u of one parameter, low <= u < high.
struct UnitInterval {
  double low = 0, high = 1;
};

// For every parameter of a space, in its order, the places that belong to the region: ascending, without overlap, at
// least one. Categorical parameters have one interval for each value kept, others one in all.
using Region = std::vector<std::vector<UnitInterval>>;

Region whole_region(const SearchSpace& space);

// The places of the value that an ordered parameter has at u: found by bisection, about 100 evaluations of at().
UnitInterval level_at(const Parameter& parameter, double u);

// The point of the region that a point of the unit cube means: each coordinate runs through the parameter's intervals
// by their length, so uniform draws stay uniform inside the region.
Point point_in(const Region& region, const Point& point);

struct ZoomSettings {
  std::int64_t keep = 5;  // >= 1: trials the next region is drawn around
  double shrink = 0.5;    // in (0, 1]: an interval keeps at least shrink^round of the cube's width
};

// What zooming remembers of a trial.
struct Observation {
  Point point;
  double loss = 0;
};

// Nothing for a trial that diverged, or whose config the space does not have (one given by hand).
std::optional<Observation> observation_of(const SearchSpace& space, const TrialResult& result);

// The region around the best `keep` observations (less loss is better; of equals the one told first), for round 0, 1,
// ...; all of the space in round 0, or without an observation.
//
//   - Ordered and continuous parameters: the interval those trials span, longer at both ends by 1 / (m - 1) of itself,
//     m of them having the parameter. So much is the range of a uniform law longer than m draws from it show, at each
//     end: a parameter that does not matter keeps its range, on average, and one that does is narrowed as far as the
//     trials agree. Then widened evenly to shrink^round, if that is more: a few trials that agree by chance must not
//     end the search. Moved, not cut, where it would leave [0, 1]. Values with room for a part of their places only get
//     all of it.
//   - Categorical parameters: the values those trials have.
//   - A parameter that none of them has stays whole.
Region zoomed_region(const SearchSpace& space, std::span<const Observation> observations, std::int64_t round,
                     const ZoomSettings& settings);
Region zoomed_region(const SearchSpace& space, std::span<const TrialResult> results, std::int64_t round,
                     const ZoomSettings& settings);

// The region as the block `parameters:` of a sweep file, in W&B's format, ending in a new line; nested groups by dotted
// names. Laws with bounds keep their law and get new bounds; categories are listed, with their probabilities made to
// add up to 1 again; a parameter left with one value is that value. W&B has no truncated normal, log-normal or beta
// law: inside a part of one, the sweep file gets a uniform law (log-uniform for log-normal), quantised as before, and a
// comment that says so. A space with conditional parameters adds the block `caviar: choice:`.
//
// Values at the ends of a quantised law are drawn half as often from the file as the region means.
std::string region_yaml(const SearchSpace& space, const Region& region);

}  // namespace caviar

// What a sampler with a memory remembers: results as points of the space, and trials whose result is not told yet.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "tuner/sampler.h"
#include "tuner/space.h"

namespace caviar {

// Whether all coordinates are equal, or NaN in both.
bool same_point(const Point& a, const Point& b);

// Points with their losses, ranked. One costs 8 bytes a parameter and about 50 more. Adding one to n moves up to 4 n
// bytes.
class Observations {
 public:
  struct Observation {
    Point point;
    double loss = 0;
  };

  void add(Point point, double loss);

  std::size_t size() const { return all_.size(); }
  const Observation& operator[](std::size_t i) const { return all_[i]; }  // in the order they were added

  // Indices, best first: losses ascending, equal ones in the order they were added; NaN, a diverged trial, last.
  std::span<const std::uint32_t> ranking() const { return ranking_; }

  // How many did not diverge: the others are at the end of ranking().
  std::size_t trained() const { return trained_; }

  // Whether all losses are the same (or NaN): nothing tells a good point from a bad one.
  bool is_flat() const;

 private:
  std::vector<Observation> all_;
  std::vector<std::uint32_t> ranking_;
  std::size_t trained_ = 0;
};

// Trials that are started and not told, as points in order of number. Configs outside the space are left out.
class PendingTrials {
 public:
  void started(const SearchSpace& space, const Trial& trial);
  void told(std::int64_t number) { points_.erase(number); }

  std::size_t size() const { return points_.size(); }
  std::vector<const Point*> points() const;

 private:
  std::map<std::int64_t, Point> points_;
};

}  // namespace caviar

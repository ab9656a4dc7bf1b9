// Order among losses, and a set of them kept divided into its best and the rest.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace caviar {

// A trial's loss where trials are ranked. Less is better, NaN is behind every number, equals go by the lower trial.
struct RankedTrial {
  double loss = 0;
  std::int64_t trial = 0;
};

inline bool better(const RankedTrial& a, const RankedTrial& b) {
  if (std::isnan(a.loss) != std::isnan(b.loss)) return std::isnan(b.loss);
  if (!std::isnan(a.loss) && a.loss != b.loss) return a.loss < b.loss;
  return a.trial < b.trial;
}
inline bool better(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

// A growing multiset, divided so that the two values next to the cut are known at once: two heaps. An insertion costs
// O(log n) and the number of values that change sides.
template <class T>
class DividedSet {
 public:
  // Adds a value, then moves the cut so that the best part has `best_size` values, at most size().
  void insert(const T& value, std::size_t best_size) {
    if (!best_.empty() && better(value, best_.front())) {
      push_best(value);
    } else {
      push_rest(value);
    }
    best_size = std::min(best_size, size());
    while (best_.size() < best_size) {
      std::pop_heap(rest_.begin(), rest_.end(), kBestFirst);
      const T moved = rest_.back();
      rest_.pop_back();
      push_best(moved);
    }
    while (best_.size() > best_size) {
      std::pop_heap(best_.begin(), best_.end(), kWorstFirst);
      const T moved = best_.back();
      best_.pop_back();
      push_rest(moved);
    }
  }

  std::size_t size() const { return best_.size() + rest_.size(); }
  std::size_t best_size() const { return best_.size(); }
  const T& worst_of_best() const { return best_.front(); }  // best_size() > 0
  const T& best_of_rest() const { return rest_.front(); }   // best_size() < size()

 private:
  static constexpr auto kWorstFirst = [](const T& a, const T& b) { return better(a, b); };
  static constexpr auto kBestFirst = [](const T& a, const T& b) { return better(b, a); };

  void push_best(const T& value) {
    best_.push_back(value);
    std::push_heap(best_.begin(), best_.end(), kWorstFirst);
  }
  void push_rest(const T& value) {
    rest_.push_back(value);
    std::push_heap(rest_.begin(), rest_.end(), kBestFirst);
  }

  std::vector<T> best_, rest_;
};

}  // namespace caviar

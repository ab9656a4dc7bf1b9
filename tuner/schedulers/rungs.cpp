#include "tuner/schedulers/rungs.h"

namespace caviar {

std::vector<std::int64_t> geometric_rungs(std::int64_t min_iter, std::int64_t max_iter, double eta) {
  std::vector<std::int64_t> rungs;
  double exact = static_cast<double>(min_iter);
  while (exact < static_cast<double>(max_iter)) {
    const auto rung = static_cast<std::int64_t>(exact);
    if (rungs.empty() || rung > rungs.back()) rungs.push_back(rung);
    exact *= eta;
  }
  return rungs;
}

}  // namespace caviar

#include "kernels/clip.h"

#include <algorithm>

#include "kernels/base/reduce.h"
#include "kernels/math/elementary.h"

namespace caviar {

namespace {

float scale_of(const float* gradient, std::int64_t n, float clip_norm) {
  if (!(clip_norm > 0.0f)) return 1.0f;
  Partials<float> squares;
  for (std::int64_t i = 0; i < n; i += kPartials) {
    const std::int64_t end = std::min<std::int64_t>(kPartials, n - i);
    for (std::int64_t j = 0; j < end; ++j)
      squares.value[j] = fma_of(gradient[i + j], gradient[i + j], squares.value[j]);
  }
  return clip_scale_of(squares.total(), clip_norm);
}

}  // namespace

void clip(const Cpu&, const ClipArgs& a) {
  for (int s = a.window.s0; s < a.window.s1; ++s)
    if (a.rows[s].on && !a.rows[s].diverged)
      a.rows[s].clip_scale = scale_of(a.gradient[s], a.size, a.rows[s].hyper.clip_norm);
}

}  // namespace caviar

// Expected improvement of a normally distributed value, as a logarithm.
#pragma once

namespace caviar {

// ln E[max(best - Y, 0)] for Y normal with this mean and deviation > 0, and its derivatives by both: finite and with a
// slope where the improvement itself underflows (Ament, Daulton, Eriksson, Balandat, Bakshy 2023, arXiv 2310.20708,
// eqs. 6 to 9; for minimisation):
//
//   ln h(z) + ln deviation,  h(z) = pdf(z) + z cdf(z),  z = (best - mean) / deviation
//
// ln h is taken directly for z > -1; below as ln pdf(z) + ln(1 - |z| sqrt(pi / 2) erfcx(|z| / sqrt 2)), which is
// a series in 1 / z^2 for z < -100.
struct LogImprovement {
  double value = 0, by_mean = 0, by_deviation = 0;
};
LogImprovement log_expected_improvement(double mean, double deviation, double best);

}  // namespace caviar

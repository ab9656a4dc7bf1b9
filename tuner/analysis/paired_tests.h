// Whether one trial is worse than another, from their losses on the same seeds.
#pragma once

#include <span>

namespace caviar {

// Both look at d_i = loss of the one - loss of the other on seed i and give the probability, were there no difference,
// of differences at least as large: small is evidence that the one is worse. A difference may be infinite, not NaN.
// Schedulers decide by them, so they call nothing whose last bit differs between hosts.

// The signed-rank test (Wilcoxon 1945), one-sided: W is the sum of the ranks of |d_i| over the positive d_i. Zeros are
// dropped before ranking (Wilcoxon's own treatment, not Pratt's), equal |d_i| have the mean of their ranks. Up to 50
// non-zero differences the p-value is exact, P(W >= w) over all 2^n equally likely signs of the ranks as they are, ties
// included; beyond, the normal approximation with continuity correction 1/2 and variance n (n + 1) (2 n + 1) / 24 -
// sum (t^3 - t) / 48 over groups of t equal |d_i|. 1 when every difference is zero. The least p of n differences is
// 2^-n.
double signed_rank_p(std::span<const double> differences);

// The paired t test (Student 1908), one-sided: P(T > mean / (s / sqrt n)) for n - 1 degrees of freedom, s with n - 1.
// Where the differences do not vary s says nothing, and the sign test stands in: 2^-n when they are positive, else 1.
// n < 2 or an infinite difference: likewise the sign test, P(B >= positive ones) for B of n fair coins, zeros dropped.
double paired_t_p(std::span<const double> differences);

// Is the mean of the differences within -margin .. margin? Two one-sided paired t tests against both ends (Schuirmann
// 1987): the greater of paired_t_p(d + margin) and paired_t_p(margin - d). Small is evidence that the arms are
// equivalent. margin > 0.
double paired_equivalence_p(std::span<const double> differences, double margin);

}  // namespace caviar

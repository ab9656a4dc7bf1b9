// How likely it is that nothing but chance is behind a pattern among trials.
//
// The question is always the same: of n trials, m are special (the best, or those that diverged). Were any m of them as
// likely to be the special ones as any others, how often would they lie like this? Where the trials themselves lie does
// not matter, so the answers hold for every sampler, also for one that has already moved to where it found good trials.
#pragma once

#include <cstdint>

namespace caviar {

// Logarithm of the binomial coefficient, 0 <= k <= n.
double log_choose(std::int64_t n, std::int64_t k);

// P(X >= hits) when `drawn` of `population` trials are drawn blindly, of which `marked` are in some place and X of the
// drawn are: the upper tail of the hypergeometric distribution, which is the p-value of Fisher's exact test, one-sided.
// 1 for hits <= 0, 0 for what cannot be.
double chance_in_place(std::int64_t population, std::int64_t marked, std::int64_t drawn, std::int64_t hits);

// The chance that `drawn` >= 2 of `population` trials in a row, drawn blindly, lie within some `width` neighbours:
// sum over d = m - 1 .. w - 1 of (n - d) C(d - 1, m - 2), over C(n, m). The law of the range of ranks.
double chance_within(std::int64_t population, std::int64_t drawn, std::int64_t width);

}  // namespace caviar

"""Golden numbers of the statistics of one and two arms, by SciPy and statsmodels.

    python3 tests/golden/make_statistics_goldens.py

writes statistics.txt, in the format golden_file.py describes, with 17 significant digits: a double exactly.
"""

import pathlib

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import ttost_ind

HERE = pathlib.Path(__file__).parent


def student_reach(freedom):
    """The 0.975 quantile of Student's law. SciPy 1.10's t.ppf is off by 1e-10, its inverse of the beta law is not."""
    x = scipy.special.betaincinv(freedom / 2, 0.5, 0.05)
    return np.sqrt(freedom * (1 - x) / x)


def mean_interval(x):
    return np.mean(x) + student_reach(len(x) - 1) * stats.sem(x) * np.array([-1, 1])


class Lines:
    def __init__(self):
        self.lines = [
            "# Statistics of samples by SciPy and statsmodels; the script says by which function.",
            "# Made by `python3 tests/golden/make_statistics_goldens.py` with SciPy "
            f"{scipy.__version__} and statsmodels {statsmodels.__version__} (Debian's packages).",
        ]

    def case(self, name, kind):
        self.lines += ["", f"case {name}", f"kind = {kind}"]

    def put(self, name, values):
        values = np.asarray(values, dtype=float)
        assert np.isfinite(values).all(), name
        dims = "".join(f" {n}" for n in values.shape)
        self.lines.append(f"{name}{dims} : " + " ".join(f"{v:.17g}" for v in values.reshape(-1)))


def spread(out, name, x):
    out.case(name, "spread")
    out.put("x", x)
    n, s = len(x), np.std(x, ddof=1)
    out.put("mean", np.mean(x))
    out.put("sd", s)
    q = stats.chi2.ppf([0.975, 0.025], n - 1)
    out.put("sd_interval", s * np.sqrt((n - 1) / q))
    c4 = np.sqrt(2 / (n - 1)) * np.exp(scipy.special.gammaln(n / 2) - scipy.special.gammaln((n - 1) / 2))
    out.put("unbiased_sd", s / c4)
    out.put("mean_interval", mean_interval(x))
    out.put("quantiles", np.quantile(x, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]))
    out.put("robust_sd", stats.iqr(x) / 1.349)
    out.put("iqm", stats.trim_mean(x, 0.25))
    log_sd = lambda sample, axis: np.log(np.std(sample, ddof=1, axis=axis))
    with np.errstate(divide="ignore"):
        found = stats.bootstrap((x,), log_sd, n_resamples=400000, batch=20000, method="BCa",
                                random_state=np.random.default_rng(1))
    out.put("sd_bootstrap", np.exp([found.confidence_interval.low, found.confidence_interval.high]))


def arms(out, name, a, b, margin):
    out.case(name, "arms")
    out.put("a", a)
    out.put("b", b)
    t, p = stats.ttest_ind(a, b, equal_var=False)
    va, vb = np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)
    freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    reach = student_reach(freedom) * np.sqrt(va + vb)
    out.put("welch", [t, freedom, p])
    out.put("welch_interval", np.mean(a) - np.mean(b) + np.array([-reach, reach]))
    ties = len(set(a) | set(b)) < len(a) + len(b)
    method = "asymptotic" if ties or max(len(a), len(b)) > 20 else "exact"
    out.put("ranks", stats.mannwhitneyu(a, b, method=method))  # U and p
    out.put("margin", margin)
    out.put("equivalence", ttost_ind(a, b, -margin, margin, usevar="unequal")[0])


def pairs(out, name, a, b):
    out.case(name, "pairs")
    out.put("a", a)
    out.put("b", b)
    d = np.round(a - b, 12)
    out.put("paired", stats.ttest_rel(a, b))  # t and p
    out.put("paired_interval", mean_interval(d))
    ties = len(set(np.abs(d))) < len(d) or (d == 0).any()
    if not ties or len(d) > 50:
        method = "exact" if len(d) <= 50 else "approx"
        out.put("signed_rank", stats.wilcoxon(d, mode=method, correction=True).pvalue)
    out.put("correlation", stats.pearsonr(a, b)[0])


def multiple(out, name, p):
    out.case(name, "multiple")
    out.put("p", p)
    out.put("holm", multipletests(p, method="holm")[1])
    out.put("benjamini_hochberg", multipletests(p, method="fdr_bh")[1])


def failures(out, name, failed_a, runs_a, failed_b, runs_b):
    out.case(name, "failures")
    out.put("counts", [failed_a, runs_a, failed_b, runs_b])
    table = [[failed_a, runs_a - failed_a], [failed_b, runs_b - failed_b]]
    out.put("p", stats.fisher_exact(table)[1])


def wins(out, name, count, n):
    out.case(name, "wins")
    out.put("counts", [count, n])
    out.put("clopper_pearson", proportion_confint(count, n, method="beta"))
    out.put("wilson", proportion_confint(count, n, method="wilson"))


def main():
    out = Lines()
    rng = np.random.default_rng(20240)
    golden_a = np.array([0.981, 0.979, 0.983, 0.980, 0.978])  # the pair the design names
    golden_b = np.array([0.984, 0.986, 0.983, 0.985, 0.987])
    spread(out, "spread_5", golden_a)
    spread(out, "spread_normal_12", np.round(rng.normal(0.97, 0.003, 12), 6))
    spread(out, "spread_skewed_30", np.round(0.98 - 0.01 * rng.exponential(1, 30), 6))
    spread(out, "spread_210", np.round(rng.normal(0.975, 0.0022, 210), 4))
    arms(out, "design", golden_b, golden_a, 0.01)
    arms(out, "unequal_sizes", np.round(rng.normal(1, 2, 7), 5), np.round(rng.normal(0, 0.5, 16), 5), 1.5)
    arms(out, "twenty", np.round(rng.normal(0.3, 1, 20), 5), np.round(rng.normal(0, 1, 20), 5), 1)
    arms(out, "many", np.round(rng.normal(0.3, 1, 45), 5), np.round(rng.normal(0, 1, 38), 5), 0.5)
    arms(out, "ties", np.round(rng.normal(0.3, 1, 40), 1), np.round(rng.normal(0, 1, 31), 1), 0.75)
    pairs(out, "design_pairs", golden_b, golden_a)
    shared = rng.normal(0, 1, 24)
    noise_a, noise_b = rng.normal(0.3, 0.6, 24), rng.normal(0, 0.6, 24)
    pairs(out, "correlated", np.round(shared + noise_a, 5), np.round(shared + noise_b, 5))
    pairs(out, "many_tied", np.round(rng.normal(0.2, 1, 70), 1), np.round(rng.normal(0, 1, 70), 1))
    multiple(out, "multiple_6", [0.01, 0.04, 0.03, 0.005, 0.2, 0.9])
    multiple(out, "multiple_tied", [0.02, 0.02, 0.02, 0.5, 1.0, 0.0, 0.011])
    failures(out, "failures_small", 0, 5, 4, 5)
    failures(out, "failures_even", 3, 10, 3, 10)
    failures(out, "failures_unequal", 2, 40, 9, 31)
    failures(out, "failures_large", 30, 500, 61, 480)
    wins(out, "wins_all", 10, 10)
    wins(out, "wins_none", 0, 7)
    wins(out, "wins_some", 37, 50)
    (HERE / "statistics.txt").write_text("\n".join(out.lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()

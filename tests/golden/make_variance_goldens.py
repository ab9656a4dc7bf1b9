"""Golden numbers for spreads, config effects, crossed designs, seed plans and test sets, by SciPy, statsmodels and R.

    /usr/bin/python3 tests/golden/make_variance_goldens.py

writes variance.txt, in the format golden_file.py describes, its numbers the shortest that give a double back.
Needs Debian's python3-scipy, python3-statsmodels, r-base-core and r-cran-lme4.
"""

import itertools
import math
import pathlib
import subprocess

import numpy as np
import scipy
import statsmodels
from scipy import integrate, optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.power import TTestIndPower, TTestPower
from statsmodels.stats.proportion import proportion_confint

HERE = pathlib.Path(__file__).parent
A = [0.981, 0.979, 0.983, 0.980, 0.978]
B = [0.984, 0.986, 0.983, 0.985, 0.987]
lines = []


def case(name, **settings):
    lines.extend(["", f"case {name}"] + [f"{key} = {value}" for key, value in settings.items()])


def array(name, values):
    values = np.asarray(values, dtype=float)
    assert np.isfinite(values).all(), name
    dims = "".join(f" {n}" for n in values.shape)
    lines.append(f"{name}{dims} : " + " ".join(repr(float(v)).removesuffix(".0") for v in values.reshape(-1)))


def groups_case(name, groups):
    case(name)
    for i, group in enumerate(groups):
        array(f"group{i}", group)


def run_r(program, **data):
    """Runs an R program that prints numbers, with vectors defined before it; returns the numbers."""
    vectors = "".join(f"{k} <- c({','.join(f'{v:.17g}' for v in np.ravel(d))})\n" for k, d in data.items())
    done = subprocess.run(["Rscript", "--vanilla", "-"], input=vectors + program, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


R_SHOW = 'show <- function(...) cat(sprintf("%.17g", c(...)), sep = "\\n")\n'


def spreads(rng):
    samples = {
        "golden_pair": (A, B),
        "unequal_sizes": (rng.normal(0.97, 0.01, 9).round(5), rng.normal(0.97, 0.003, 21).round(5)),
        "two_each": ([1.0, 2.0], [5.0, 9.0]),
    }
    for name, (a, b) in samples.items():
        groups_case(f"ratio_{name}", [a, b])
        array("f_low_high_p", run_r(
            R_SHOW + "t <- var.test(a, b); show(t$statistic, t$conf.int[1], t$conf.int[2], t$p.value,"
            ' var.test(a, b, alternative = "greater")$p.value)', a=a, b=b))
    many = {
        "golden_pair": [A, B],
        "three": [rng.normal(0, s, n).round(4) for s, n in ((1, 7), (2, 8), (1.5, 12))],
        "ties": [(rng.binomial(40, p, n) / 40) for p, n in ((0.9, 10), (0.93, 11), (0.95, 9), (0.9, 10))],
    }
    for name, groups in many.items():
        groups_case(f"groups_{name}", groups)
        array("brown_forsythe", stats.levene(*groups, center="median"))
        array("kruskal_wallis", stats.kruskal(*groups))


def wald_end(groups, probability):
    """The variance ratio at which the generalised least squares F statistic is the F law's quantile."""
    y = np.concatenate(groups)
    z = np.concatenate([np.eye(len(groups))[[i] * len(g)] for i, g in enumerate(groups)])
    n, c = len(y), len(groups)
    within = sum(((g - np.mean(g)) ** 2).sum() for g in groups)

    def f(ratio):
        inverse = np.linalg.inv(np.eye(n) + ratio * z @ z.T)
        one = np.ones(n)
        total = y @ inverse @ y - (one @ inverse @ y) ** 2 / (one @ inverse @ one)
        return (total - within) / (c - 1) / (within / (n - c)) - stats.f.ppf(probability, c - 1, n - c)

    return 0.0 if f(0) <= 0 else optimize.brentq(f, 0, 1e6, xtol=1e-13, rtol=1e-13)


def config_effects(rng):
    def study(counts, config_sd, seed_sd):
        return [np.round(0.9 + config_sd * rng.normal() + rng.normal(0, seed_sd, n), 5) for n in counts]

    for name, groups in {"balanced": study([5] * 8, 0.02, 0.01), "unequal": study([2, 3, 5, 8, 4, 1, 6], 0.02, 0.01),
                         "no_effect": study([4] * 6, 0, 0.01)}.items():
        groups_case(f"effect_{name}", groups)
        y, g = np.concatenate(groups), np.concatenate([[i] * len(s) for i, s in enumerate(groups)])
        array("aov", run_r(R_SHOW + "s <- summary(aov(y ~ factor(g)))[[1]]; "
                           'show(s[["Mean Sq"]], s[["F value"]][1], s[["Pr(>F)"]][1])', y=y, g=g))
        array("ratio_interval", [wald_end(groups, 0.975), wald_end(groups, 0.025)])
        if name == "balanced":
            array("lme4", run_r("suppressMessages(library(lme4))\n" + R_SHOW + "v <- as.data.frame(VarCorr(lmer("
                                "y ~ 1 + (1 | g)))); show(v$vcov)", y=y, g=g))


CONTROL = 'lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 100000), calc.derivs = FALSE)'


def crossed(rng):
    lmer = "suppressMessages(library(lme4))\n" + R_SHOW + """
v <- as.data.frame(VarCorr(lmer(FORMULA, control = CONTROL)))
show(v$vcov[match(c(ORDER), v$grp)])
""".replace("CONTROL", CONTROL)

    def effect(sd, *shape):
        return sd * rng.normal(size=shape)

    i, j, k = 6, 5, 7
    y = (effect(2, i, 1, 1) + effect(1.5, 1, j, 1) + effect(1, 1, 1, k) + effect(1, i, j, 1) + effect(0.9, i, 1, k) +
         effect(0.8, 1, j, k) + effect(1, i, j, k)).round(4)
    a, b, c = np.indices(y.shape)
    case("crossed_three")
    array("scores", y)
    array("lme4", run_r(lmer.replace("FORMULA", "y ~ 1 + (1|a) + (1|b) + (1|c) + (1|a:b) + (1|a:c) + (1|b:c)").replace(
        "ORDER", '"a", "b", "c", "a:b", "a:c", "b:c", "Residual"'), y=y, a=a, b=b, c=c))
    i, j, r = 7, 6, 3
    y = (effect(1.2, i, 1, 1) + effect(0.8, 1, j, 1) + effect(0.9, i, j, 1) + effect(1, i, j, r)).round(4)
    a, b, _ = np.indices(y.shape)
    case("crossed_two_replicated")
    array("scores", y)
    array("lme4", run_r(lmer.replace("FORMULA", "y ~ 1 + (1|a) + (1|b) + (1|a:b)").replace(
        "ORDER", '"a", "b", "a:b", "Residual"'), y=y, a=a, b=b))
    y = y[:, :, 0]
    a, b = np.indices(y.shape)
    case("crossed_two")
    array("scores", y)
    array("lme4", run_r(lmer.replace("FORMULA", "y ~ 1 + (1|a) + (1|b)").replace("ORDER", '"a", "b", "Residual"'),
                        y=y, a=a, b=b))


SHIFTS = list(itertools.product((2, 3, 10, 57, 1000, 100000), (0.14, 0.755, 2.8, 6)))


def power_of(freedom, shift, alpha):
    """Of the two-sided t test, by quadrature over the standard deviation: SciPy's noncentral t is NaN here and there."""
    critical = stats.t.ppf(1 - alpha / 2, freedom)

    def density(s):
        return stats.chi.pdf(s * math.sqrt(freedom), freedom) * math.sqrt(freedom) * (
            stats.norm.sf(critical * s - shift) + stats.norm.cdf(-critical * s - shift))

    reach = 12 / math.sqrt(2 * freedom)
    return integrate.quad(density, max(0, 1 - reach), 1 + reach, epsabs=1e-15, epsrel=1e-13, limit=500)[0]


def plans():
    case("seeds_unpaired")
    rows = []
    for ratio, power in itertools.product((0.25, 0.5, 0.75, 1, 1.5, 2, 3), (0.8, 0.9, 0.95)):
        rows.append([ratio, power, math.ceil(TTestIndPower().solve_power(ratio, power=power, alpha=0.05))])
    array("plans", rows)
    array("powers", [[n, shift / math.sqrt(n / 2), power_of(2 * n - 2, shift, 0.05)] for n, shift in SHIFTS])
    case("seeds_paired")
    array("plans", [[ratio, power, math.ceil(TTestPower().solve_power(ratio, power=power, alpha=0.05))]
                    for ratio, power in itertools.product((0.25, 0.5, 1, 1.5), (0.8, 0.95))])
    array("powers", [[n, shift / math.sqrt(n), power_of(n - 1, shift, 0.05)] for n, shift in SHIFTS])


def test_sets(rng):
    case("wilson")
    array("rows", [[s, n, *proportion_confint(s, n, method="wilson")]
                   for s, n in ((0, 10), (1, 10), (9.5, 19), (200, 10000), (29, 29))])
    case("mcnemar")
    array("rows", [[b, c, mcnemar([[50, b], [c, 7]], exact=True).pvalue]
                   for b, c in ((0, 0), (1, 0), (5, 5), (3, 11), (40, 71), (0, 9))])
    case("errors")
    difficulty = rng.normal(-1, 2, 40)
    errors = (rng.random((12, 40)) < 1 / (1 + np.exp(-difficulty - rng.normal(0, 1.4, (12, 1))))).astype(float)
    n = errors.shape[1]
    total, noise = errors.mean(1).var(ddof=1), errors.var(0, ddof=1).sum() / n**2
    pairs = list(itertools.combinations(errors, 2))
    array("errors", errors)
    array("expected", [total, noise, n / (n - 1) * (total - noise), np.mean([(x != y).mean() for x, y in pairs])])

    # The interval from its definition: every run and every example really left out.
    def log_ratio(e):
        return np.log(e.mean(1).var(ddof=1) / (e.var(0, ddof=1).sum() / e.shape[1] ** 2))

    variance = 0
    for axis in (0, 1):
        left_out = np.array([log_ratio(np.delete(errors, i, axis)) for i in range(errors.shape[axis])])
        variance += (len(left_out) - 1) * left_out.var()
    half = stats.t.ppf(0.975, len(errors) - 1) * math.sqrt(variance)
    array("interval", [max(0, n / (n - 1) * noise * math.expm1(log_ratio(errors) + s * half)) for s in (-1, 1)])
    classes = rng.integers(0, 3, (6, 15))
    case("votes")
    array("votes", [[(classes[:, i] == k).sum() for k in range(3)] for i in range(15)])
    array("disagreement", np.mean([(x != y).mean() for x, y in itertools.combinations(classes, 2)]))


def winners(rng):
    def expected_max(n):
        def density(x):
            return n * x * stats.norm.pdf(x) * math.exp((n - 1) * stats.norm.logcdf(x))

        centre = stats.norm.ppf(1 - 1 / (n + 1))
        return integrate.quad(density, -9, 14, points=[centre], epsabs=1e-14, epsrel=1e-13, limit=500)[0]

    case("maximum")
    array("rows", [[n, expected_max(n), stats.norm.ppf((n - 0.375) / (n + 0.25))]
                   for n in (1, 2, 3, 10, 20, 50, 100, 210, 500, 1000, 10000, 100000)])
    scores = rng.normal(0, 1, 6).round(3)
    case("best_of")
    array("scores", scores)
    array("mean", [np.mean([max(t) for t in itertools.product(scores, repeat=k)]) for k in range(1, 8)])
    array("unbiased", [np.mean([max(t) for t in itertools.combinations(scores, k)]) for k in range(1, 7)])


def main():
    rng = np.random.default_rng(20261121)
    spreads(rng)
    config_effects(rng)
    crossed(rng)
    plans()
    test_sets(rng)
    winners(rng)
    r, lme4 = subprocess.run(["Rscript", "--vanilla", "-e", 'cat(as.character(getRversion()), "\\n", as.character('
                              'packageVersion("lme4")), sep = "")'], capture_output=True, text=True, check=True).stdout.split()
    header = [
        "# Spreads, config effects, crossed designs, seed plans, test sets and winners.",
        f"# Made by `/usr/bin/python3 tests/golden/make_variance_goldens.py` with SciPy {scipy.__version__}, statsmodels",
        f"# {statsmodels.__version__}, R {r} and lme4 {lme4} (Debian's). What is computed by which: see there.",
    ]
    (HERE / "variance.txt").write_text("\n".join(header + lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()

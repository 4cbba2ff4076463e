"""The page's own theorems, computed with the page's own functions: a broken function breaks its check."""

import math
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass

from genmodels import theorems
from genmodels.errors import UserError
from genmodels.theorems import Finding


@dataclass(frozen=True)
class Check:
    """A theorem in words and as TeX, and the function that puts it to the test."""

    name: str
    what: str
    formula: str
    compute: Callable[[], Finding]


@dataclass(frozen=True)
class Result:
    """A check that was run; `failure` says what kept it from an answer."""

    check: Check
    finding: Finding
    seconds: float
    failure: str = ""

    @property
    def holds(self) -> bool:
        expected, found, tolerance = self.finding
        return not self.failure and abs(found - expected) <= tolerance


def run(check: Check) -> Result:
    """Runs one check; an exception is a failure, not an end."""
    start = time.perf_counter()
    try:
        finding, failure = check.compute(), ""
    except Exception as error:
        finding, failure = Finding(math.nan, math.nan, math.nan), f"{type(error).__name__}: {error}"
    return Result(check, finding, time.perf_counter() - start, failure)


def selfcheck(arguments: Namespace) -> None:
    """Prints every check; UserError where one fails."""
    results = []
    for check in CHECKS:
        result = run(check)
        expected, found, tolerance = result.finding
        numbers = result.failure or f"expected {expected:.10g}, found {found:.10g}, within {tolerance:.1g}"
        print(f"{'ok  ' if result.holds else 'FAIL'} {check.what:70} {numbers} ({1000 * result.seconds:.0f} ms)")
        results.append(result)
    failed = [result.check.name for result in results if not result.holds]
    if failed:
        raise UserError(f"{len(failed)} of {len(results)} checks fail: {', '.join(failed)}.")
    print(f"All {len(results)} hold, in {sum(result.seconds for result in results):.1f} s.")


CHECKS = (
    Check(
        "gaussian-kl",
        "KL of two Gaussians, closed form against 200,000 samples",
        r"\mathrm{KL}(p\,\Vert\,q) = \mathbb{E}_p \log \frac{p}{q}",
        theorems.gaussian_kl,
    ),
    Check(
        "cross-entropy",
        "Cross-entropy is entropy and KL",
        r"H(p,q) = H(p) + \mathrm{KL}(p\,\Vert\,q)",
        theorems.cross_entropy,
    ),
    Check("mutual-information", "Mutual information two ways", r"I(X;Y) = H(X) - H(X|Y)", theorems.mutual_information),
    Check(
        "chain-rule",
        "Chain rule: greatest error of the product",
        r"p(x,y,z) = p(x)\,p(y|x)\,p(z|x,y)",
        theorems.chain_rule,
    ),
    Check("made", "MADE: probabilities of all 512 images of 9 pixels", r"\sum_x p(x) = 1", theorems.sums_to_one),
    Check("js-at-most", "JS is at most log 2: the greatest of 201", r"\mathrm{JS} \leq \log 2", theorems.js_at_most),
    Check(
        "js-entropies",
        "JS from entropies of the mixture",
        r"\mathrm{JS} = H(m) - \frac{1}{2}H(p) - \frac{1}{2}H(q)",
        theorems.js_by_entropies,
    ),
    Check(
        "discriminator",
        "The best discriminator's loss is JS",
        r"V(D^{\star}) = 2\,\mathrm{JS} - 2 \log 2",
        theorems.discriminator,
    ),
    Check(
        "segments",
        "Parallel segments at three distances: error of W1, JS, TV, KL",
        r"W_1 = |t|,\ \mathrm{JS} = \log 2,\ \mathrm{KL} = \infty",
        theorems.segments,
    ),
    Check("shift", "W1 of a shift by 1.7, 1,000 points", r"W_1(P + t, P) = |t|", theorems.shift),
    Check(
        "quantiles",
        "Quantile coupling against the linear programme",
        r"W_2^2 = \int_0^1 |F^{-1} - G^{-1}|^2",
        theorems.quantile_coupling,
    ),
    Check(
        "duality",
        "Kantorovich duality",
        r"\min_P \langle P, C \rangle = \max_{u+v\leq C} \langle u,a\rangle + \langle v,b\rangle",
        theorems.duality,
    ),
    Check(
        "sinkhorn",
        "Sinkhorn goes to the exact plan",
        r"\langle P_\varepsilon, C \rangle \rightarrow W_2^2,\ \varepsilon \rightarrow 0",
        theorems.sinkhorn,
    ),
    Check("brenier", "Monge's map of Gaussians costs W2 squared", r"\mathbb{E}|x - T(x)|^2 = W_2^2", theorems.brenier),
    Check(
        "penalty",
        "WGAN-GP: penalty of a linear critic",
        r"\lambda\,(\Vert w \Vert - 1)^2",
        theorems.penalty,
    ),
    Check(
        "elbo-tight",
        "VAE: with the exact posterior the ELBO is log p(x)",
        r"\mathrm{ELBO} = \log p(x)",
        theorems.bound_is_tight,
    ),
    Check(
        "elbo-below",
        "VAE: with another posterior it is below by their KL",
        r"\mathrm{ELBO} = \log p(x) - \mathrm{KL}(q\,\Vert\,p(z|x))",
        theorems.bound_is_below,
    ),
)

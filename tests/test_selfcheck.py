"""Every check holds, and fails as soon as a function it stands on is broken."""

import argparse
import math
import subprocess
import sys

import pytest
import torch

from genmodels import selfcheck, theorems
from genmodels.errors import UserError
from genmodels.models.made import MADE, MaskedLinear
from genmodels.models.vae import VAE
from genmodels.models.wgan_gp import WGANGP
from genmodels.selfcheck import CHECKS, Check, run
from genmodels.theorems import Finding
from genmodels.theory import divergence, information, transport


def check_of(name):
    return next(check for check in CHECKS if check.name == name)


def scaled(function):
    """The function, off by a tenth."""

    def broken(*arguments, **options):
        result = function(*arguments, **options)
        if isinstance(result, tuple):
            return (
                type(result)(*(1.1 * part for part in result))
                if hasattr(result, "_fields")
                else tuple(1.1 * part for part in result)
            )
        return 1.1 * result

    return broken


def silent(function):
    """The function, always zero: what a bound that is only looked at from one side does not notice."""

    def broken(*arguments, **options):
        result = function(*arguments, **options)
        if isinstance(result, tuple):
            return (
                type(result)(*(0 * part for part in result))
                if hasattr(result, "_fields")
                else tuple(torch.zeros_like(part) for part in result)
            )
        return torch.zeros_like(result)

    return broken


def test_names_are_unique_and_every_check_holds():
    assert len({check.name for check in CHECKS}) == len(CHECKS) >= 8
    for check in CHECKS:
        result = run(check)
        assert result.holds, (check.name, result)
        assert math.isfinite(result.finding.tolerance) and result.finding.tolerance < 0.1


# Which checks stand on which function.
STANDS_ON = [
    ("gaussian-kl", divergence, "kl_gaussian"),
    ("elbo-below", divergence, "kl_gaussian"),
    ("cross-entropy", information, "entropy"),
    ("cross-entropy", information, "kl"),
    ("cross-entropy", information, "cross_entropy"),
    ("mutual-information", information, "entropy"),
    ("mutual-information", information, "conditional_entropy"),
    ("mutual-information", information, "mutual_information"),
    ("chain-rule", information, "chain_rule"),
    ("made", MADE, "log_prob"),
    ("js-at-most", information, "js"),
    ("js-entropies", information, "js"),
    ("js-entropies", information, "entropy"),
    ("discriminator", information, "js"),
    ("discriminator", divergence, "js_bound"),
    ("segments", divergence, "segments"),
    ("shift", transport, "wasserstein_1d"),
    ("quantiles", transport, "wasserstein_1d"),
    ("quantiles", transport, "exact_plan"),
    ("duality", transport, "potentials"),
    ("duality", transport, "exact_plan"),
    ("sinkhorn", transport, "sinkhorn_plan"),
    ("sinkhorn", transport, "exact_plan"),
    ("brenier", transport, "monge_gaussian"),
    ("brenier", transport, "wasserstein_gaussian"),
    ("penalty", WGANGP, "gradient_penalty"),
    ("penalty", WGANGP, "squared_slopes"),
    ("elbo-tight", VAE, "bound"),
    ("elbo-tight", VAE, "log_likelihood"),
    ("elbo-below", VAE, "bound"),
    ("elbo-below", VAE, "log_weights"),
]


@pytest.mark.parametrize("defect", [scaled, silent])
@pytest.mark.parametrize(("name", "owner", "function"), STANDS_ON)
def test_a_broken_function_breaks_its_check(monkeypatch, name, owner, function, defect):
    monkeypatch.setattr(owner, function, defect(getattr(owner, function)))
    assert not run(check_of(name)).holds


def test_every_check_stands_on_something():
    assert {name for name, _, _ in STANDS_ON} == {check.name for check in CHECKS}


def test_a_mask_that_leaks_breaks_the_chain_of_made(monkeypatch):
    def leaking(self, x):
        return torch.nn.functional.linear(x, self.weight, self.bias)

    monkeypatch.setattr(MaskedLinear, "forward", leaking)
    assert not run(check_of("made")).holds


def test_an_exception_is_a_failure_with_its_words(monkeypatch):
    def gone(*arguments):
        raise RuntimeError("no such luck")

    monkeypatch.setattr(information, "js", gone)
    result = run(check_of("js-at-most"))
    assert not result.holds and "no such luck" in result.failure


@pytest.mark.parametrize("found", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_does_not_hold(found):
    assert not run(Check("odd", "Odd", "x", lambda: Finding(1.0, found, 1e-9))).holds
    assert not run(Check("odd", "Odd", "x", lambda: Finding(found, found, 1e-9))).holds


def test_the_command_says_so_and_fails_where_one_fails(monkeypatch, capsys):
    quick = tuple(check for check in CHECKS if check.name in ("shift", "js-at-most", "chain-rule"))
    monkeypatch.setattr(selfcheck, "CHECKS", quick)
    selfcheck.selfcheck(argparse.Namespace())
    printed = capsys.readouterr().out
    assert printed.count("ok  ") == 3 and "All 3 hold" in printed
    monkeypatch.setattr(information, "js", scaled(information.js))
    with pytest.raises(UserError, match="1 of 3 checks fail: js-at-most"):
        selfcheck.selfcheck(argparse.Namespace())
    assert "FAIL" in capsys.readouterr().out


@pytest.mark.slow
def test_the_process_exits_with_0():
    done = subprocess.run([sys.executable, "-m", "genmodels", "selfcheck"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert f"All {len(CHECKS)} hold" in done.stdout


def test_results_are_the_same_every_time():
    assert [theorems.gaussian_kl(), theorems.bound_is_below()] == [theorems.gaussian_kl(), theorems.bound_is_below()]

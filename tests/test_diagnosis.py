"""Verdicts, judged by sixty-four recorded runs: some broken on purpose, some healthy, some cut short."""

import copy
import json
import math
from dataclasses import replace

import pytest
from verdicts import FINE, TABLE, cases, histories, table

from genmodels.diagnosis import RULES, diagnose
from genmodels.evidence import History
from genmodels.history import Curves
from genmodels.looks import Look, Looker, thinned
from genmodels.models import MODELS
from genmodels.run import Run

RECORDED = histories()
CASES = {case.name: case for case in cases() if case.name in RECORDED}
HEALTHY = [name for name, case in CASES.items() if case.done.startswith("defaults")]
EMPTY = History("gan", {}, (), 0, 0, 0.0, {}, (), ())


def cut(history: History, images: float) -> History:
    """What was known after so many images."""
    curves = {}
    for term, curve in history.curves.items():
        points = [point for point in zip(*curve, strict=True) if point[0] <= images]
        curves[term] = tuple(zip(*points, strict=True)) if points else ((), ())
    looks = tuple(look for look in history.looks if look.images <= images)
    return replace(history, images=int(images), curves=curves, looks=looks)


def test_at_most_three_verdicts_are_wrong():
    rows = table()
    assert len(rows) == 64
    assert sum(not row["right"] for row in rows) <= 3
    assert json.loads(TABLE.read_text(encoding="utf-8"))["rows"] == rows


def test_verdicts_hold_on_runs_that_no_threshold_was_chosen_on():
    new = [row for row in table() if not row["thresholds chosen on it"]]
    assert len(new) >= 30
    assert sum(not row["right"] for row in new) <= 2


def test_every_model_is_among_the_healthy_runs():
    assert {CASES[name].model for name in HEALTHY} == set(MODELS)


@pytest.mark.parametrize("name", HEALTHY)
def test_no_alarm_on_a_healthy_default_at_any_moment(name):
    history = RECORDED[name]
    moments = [*range(0, min(history.images, 4000), 100), *(history.images * part / 30 for part in range(31))]
    verdicts = [diagnose(cut(history, images)) for images in moments]
    assert not [verdict for verdict in verdicts if verdict.alarm]
    assert {verdict.name for verdict in verdicts} <= set(FINE)


@pytest.mark.parametrize("name", [name for name in CASES if name not in HEALTHY])
def test_what_is_broken_alarms_with_figures(name):
    verdict = diagnose(RECORDED[name])
    assert verdict.alarm and verdict.sentence.endswith(".")
    assert any(figure.isdigit() for figure in "".join(verdict.evidence))


def test_the_opening_of_a_game_is_not_judged():
    name = "dcgan mnist learning rates x 100, as far as they go seed 0"
    assert not diagnose(cut(RECORDED[name], 2900)).alarm
    assert diagnose(cut(RECORDED[name], 3100)).alarm


def test_a_verdict_is_a_pure_function_of_the_history():
    for history in RECORDED.values():
        before = copy.deepcopy(history)
        assert diagnose(history) == diagnose(history) == diagnose(before)
        assert history == before
        again = History.read(json.loads(json.dumps(history.written())))
        assert diagnose(again).name == diagnose(history).name


@pytest.mark.parametrize("model", MODELS)
def test_nothing_little_and_what_is_no_number_is_coped_with(model):
    empty = replace(EMPTY, model=model)
    assert diagnose(empty).name == "too early to say"
    nothing = dict.fromkeys(MODELS[model].curves, ((), ()))
    assert diagnose(replace(empty, curves=nothing)).name == "too early to say"
    images = tuple(float(64 * k) for k in range(1, 41))
    for value in (0.0, -1.0, math.nan, math.inf, 1e38):
        for length in (1, 7, 8, 40):
            curves = dict.fromkeys(MODELS[model].curves, (images[:length], (value,) * length))
            terms = {"held_out": value}
            looks = (
                Look(64, 0.1, seen=terms, unseen=terms),
                Look(2560, 3.0, 256, (1.0,), value, value, 0, 1, terms, terms),
            )
            verdict = diagnose(replace(empty, curves=curves, looks=looks, images=2560, seconds=3.0, classes=("all",)))
            assert verdict.sentence


def steady(term: str, values: list[float], model: str, **facts: object) -> History:
    images = tuple(1000.0 * (k + 1) for k in range(len(values)))
    facts = {"model": model, "size": 60_000, "images": int(images[-1]), "seconds": 60.0} | facts
    return replace(EMPTY, curves={term: (images, tuple(values))}, **facts)


def test_a_curve_that_has_come_to_rest_has_converged_and_one_that_falls_has_not():
    assert diagnose(steady("held_out", [200.0, 150.0] + [100.0] * 20, "made")).name == "converged"
    assert diagnose(steady("held_out", [200.0 - 5 * k for k in range(22)], "made")).name == "learning"


def test_numbers_that_blew_up_late_are_told_and_old_ones_are_forgotten():
    falling = steady("held_out", [200.0 - 5 * k for k in range(22)], "made")
    text = "Numbers were no longer finite after 20,000 images: back here, learning rates halved"
    assert diagnose(replace(falling, marks=((20_000, text),))).name == "diverging"
    assert diagnose(replace(falling, marks=((2_000, text),))).name == "learning"


def test_mode_collapse_names_the_classes_that_are_gone():
    all_ten, two_gone = (0.1,) * 10, (0.125,) * 4 + (0.0,) + (0.125,) * 4 + (0.0,)
    looks = [Look(10, 0.1, 256, (0.0,) * 9 + (1.0,), 40.0, 0.1), Look(20_000, 10.0, 256, all_ten, 5.0, 0.9)]
    looks += [Look(30_000, 15.0, 256, two_gone, 6.0, 0.8), Look(40_000, 20.0, 256, two_gone, 6.0, 0.8)]
    history = replace(EMPTY, classes=tuple("0123456789"), size=60_000, images=40_000, looks=tuple(looks))
    verdict = diagnose(history)
    assert (verdict.name, verdict.alarm) == ("mode collapse", True)
    assert verdict.sentence == "The generator leaves out classes: 4, 9."
    assert diagnose(replace(history, looks=tuple(looks[:-1]))).name != "mode collapse"  # one look may err


def test_a_run_remembers_its_looks_and_is_not_changed_by_them():
    run = Run("vae", "mnist", {"width": 16}, rounds=12, device="cpu")
    last = run.run()
    assert last.looks[0].images == 128 and last.looks[-1].images == last.images == 12 * 128
    look = last.looks[-1]
    assert look.samples == 256 and math.isclose(sum(look.shares), 1) and look.codes == 20
    assert look.distance > 0 and look.variety > 0 and look.seen.keys() == look.unseen.keys() == {"held_out"}
    assert last.size == len(run.dataset.images) and last.classes == run.dataset.classes
    unseen = Run("vae", "mnist", {"width": 16}, rounds=12, device="cpu")
    unseen._record.examine = lambda seconds: None
    unseen.run()
    states = run.trainer.state(), unseen.trainer.state()
    assert all(states[0][name].equal(states[1][name]) for name in states[0] if name != "counters")


def test_looks_are_bounded_and_keep_the_last():
    looks = ()
    for images in range(1000):
        looks = thinned((*looks, Look(images, 0.0)), 100)
        assert len(looks) <= 100 and looks[-1].images == images


def test_data_without_a_judge_get_no_shares():
    run = Run("gan", "mnist", {"width": 16}, rounds=1, device="cpu")
    looker = Looker(replace(run.dataset, name="own"), 0)
    look = looker.look(run.trainer.view(), run.trainer.device, 0, 0.0)
    assert look.shares == () and look.distance is None and look.variety >= 0


def test_written_curves_are_short():
    curves = Curves()
    for images in range(400):
        curves.add(images, {"loss": math.pi * images})
    written = replace(EMPTY, curves=curves.view()).written()["curves"]["loss"]
    assert len(written[0]) <= 150 and written[0][-1] == 399 and written[1][-1] == 1253.5


def test_rules_are_asked_in_order_and_the_first_is_heard():
    history = next(history for name, history in RECORDED.items() if "beta 20" in name)
    heard = [verdict for rule in RULES if (verdict := rule(history))]
    assert heard and diagnose(history) == heard[0]

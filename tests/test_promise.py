"""What is promised of a run: by rows made up here, on machines slower and faster than theirs; and runs from weights."""

import math

import pytest
import torch

from genmodels import bench, checkpoint, data, promise, registry, weights
from genmodels.pictures import png, sheet, to_uint8
from genmodels.prepare import Interrupted
from genmodels.promise import Promise, expected
from genmodels.run import Run
from genmodels.ui import promise as page
from genmodels.ui.figures import bounds
from genmodels.ui.readings import plots

TABLE = {"processor": "Abacus", "cores": 2, "threads": 2, "accelerator": "cpu", "torch": "2"}
HERE = TABLE | {"processor": "Slide rule"}
PATH = [[1.0, 1000, 40.0], [10.0, 10_000, 10.0], [60.0, 60_000, 5.0]]


def row(model="dcgan", dataset="mnist", **more):
    """A model that sees 1,000 images a second and is recognisable after ten."""
    return bench.UNSAID | {
        "model": model,
        "dataset": dataset,
        "seconds": 60.0,
        "images": 60_000,
        "images_per_second": 1000.0,
        "recognisable_seconds": 10.0,
        "recognisable_distance": 10.0,
        "shown": "samples",
        "distance": 4.5,
        "floor": 0.15,
        "n": 2000,
        "failed": None,
        "machine": TABLE,
        **more,
    }


def asked(rows, rate=1000.0, seconds=60.0, settings=None, model="dcgan", dataset="mnist", here=HERE) -> Promise | None:
    return expected(rows, here, rate, model, dataset, settings or {}, seconds)


def test_on_the_tables_machine_the_row_is_the_promise():
    found = asked([row()])
    assert (found.speed, found.recognisable, found.after) == (1, 10, 60)
    assert (found.distance, found.floor, found.n, found.spread, found.usual) == (4.5, 0.15, 2000, None, False)


def test_half_the_speed_takes_twice_the_time_and_promises_no_more_than_was_measured():
    slow = asked([row()], rate=500.0)
    assert (slow.speed, slow.recognisable, slow.after, slow.distance) == (0.5, 20, 120, 4.5)
    assert asked([row()], rate=500.0, seconds=120).after == 120
    fast = asked([row()], rate=4000.0)
    assert (fast.recognisable, fast.after) == (2.5, 15)  # what comes later was not measured
    other = asked([row(), row("vae", images_per_second=8000.0, images=480_000)], rate=500.0, model="vae")
    assert (other.speed, other.recognisable, other.after) == (0.5, 20, 120)  # its own pace, by the yardstick's speed


def test_before_the_machine_is_measured_the_tables_times_stand_in():
    found = asked([row()], rate=None)
    assert found.speed is None and found.recognisable == 10 and found.after == 60


def test_nothing_is_promised_without_a_row_or_a_yardstick():
    assert asked([]) is None
    assert asked([row()], model="vae") is None
    assert asked([row()], dataset="cifar10") is None
    assert asked([row("vae")], model="vae") is None  # nobody knows how fast its machine was
    assert asked([row(), row("vae", machine=HERE)], model="vae") is None  # its speed cannot be compared


def test_rows_of_this_very_machine_come_first():
    rows = [row(), row(machine=HERE, images_per_second=500.0, images=30_000, recognisable_seconds=20.0)]
    found = asked(rows, rate=500.0)
    assert found.speed == 1 and found.machine == HERE
    assert (found.recognisable, found.seeds) == (20, 1)
    assert asked(rows[:1], rate=500.0).machine == TABLE


def test_other_settings_get_the_promise_of_the_defaults_and_their_own_where_it_was_measured():
    rows = [row(), row(settings={"mixed": True}, distance=30.0)]
    assert asked(rows, settings={"width": 8}).usual and asked(rows, settings={"width": 8}).distance == 4.5
    own = asked(rows, settings={"mixed": True})
    assert own.distance == 30 and not own.usual
    assert asked(rows).distance == 4.5


def test_a_path_tells_the_distance_in_between_with_its_own_floor_and_n():
    with_path = row(path=PATH, path_floor=0.6)
    found = asked([with_path], seconds=10)
    assert (found.after, found.distance, found.floor, found.n) == (10, 10, 0.6, 500)
    between = asked([with_path], seconds=math.sqrt(10))  # half way between two looks, in logarithms
    assert between.distance == pytest.approx(20)
    assert asked([with_path], seconds=10, rate=500.0).distance == pytest.approx(40 * 0.25 ** math.log10(5))
    early = asked([with_path], seconds=0.1)
    assert (early.after, early.distance) == (1, 40)  # the first look there is
    late = asked([with_path], seconds=60)
    assert (late.distance, late.n) == (4.5, 2000)  # the end has more images behind it
    assert asked([row()], seconds=10).after == 60  # without a path, only the end


def test_a_spread_needs_three_seeds():
    rows = [row(seed=seed, distance=distance) for seed, distance in enumerate((4.0, 5.0, 6.0))]
    assert (asked(rows).distance, asked(rows).spread, asked(rows).seeds) == (5, 1, 3)
    assert asked(rows[:2]).spread is None
    rows = [row(seed=seed, path=[[1, 1000, d], [60, 60_000, d]], path_floor=0.6) for seed, d in enumerate((8, 10, 12))]
    assert (asked(rows, seconds=5).distance, asked(rows, seconds=5).spread) == (pytest.approx(10), pytest.approx(2))


def test_failed_runs_are_counted_and_promise_no_distance():
    failed = {"failed": "The images are not finite.", "distance": None, "floor": None, "n": None}
    whole = asked([row(**failed, recognisable_seconds=None)])
    assert (whole.distance, whole.recognisable, whole.failed, whole.seeds) == (None, None, 1, 1)
    part = asked([row(), row(seed=1), row(seed=2, **failed, recognisable_seconds=None)])
    assert (part.distance, part.recognisable, part.failed, part.seeds) == (4.5, 10, 1, 3)
    assert "In 1 of 3 runs" in " ".join(page.sentences(part, "mnist", 60))
    assert "1 of 1" in " ".join(page.sentences(whole, "mnist", 60))


def test_a_machine_is_weak_where_the_first_picture_takes_longer_than_the_budget_or_than_anybody_waits():
    assert not asked([row()]).late(60)
    assert asked([row()], rate=100.0).late(60)  # 100 s
    assert not asked([row()], rate=100.0).late(110)
    assert asked([row()], rate=50.0).late(3600)  # 200 s
    assert asked([row(recognisable_seconds=None)]).late(60)


def test_promises_in_words():
    assert [page.about(s) for s in (0.3, 7.2, 99, 129, 599, 3600)] == ["1 s", "7 s", "99 s", "130 s", "600 s", "60 min"]
    said = " ".join(page.sentences(asked([row()], rate=900.0), "mnist", 60))
    assert "Digits can be recognised (feature distance below 10) after about 11 s." in said
    assert "Feature distance after 60 s: about 4.5 (floor 0.15, n 2,000)." in said
    assert "Measured on 2 cores (Abacus); this computer is 0.9 times as fast." in said
    assert "not measured yet" in " ".join(page.sentences(asked([row()], rate=None), "mnist", 60))
    assert "(floor 0.15, n 2,000); longer was not measured." in page.sentences(asked([row()]), "mnist", 300)[1]
    assert "shorter was not measured." in page.sentences(asked([row()], seconds=30), "mnist", 30)[1]
    assert "default settings" in " ".join(page.sentences(asked([row()], settings={"width": 8}), "mnist", 60))
    rows = [row(seed=seed, distance=distance) for seed, distance in enumerate((5.0, 6.0, 7.0))]
    assert "6 \N{PLUS-MINUS SIGN} 1 (floor 0.15, n 2,000, 3 seeds)" in " ".join(
        page.sentences(asked(rows), "mnist", 60)
    )
    rows = [row(seed=seed, distance=distance) for seed, distance in enumerate((33.1, 33.4, 33.7))]
    assert "33.4 \N{PLUS-MINUS SIGN} 0.3 (" in " ".join(page.sentences(asked(rows), "mnist", 60))
    never = asked([row(), row(dataset="cifar10", recognisable_seconds=None)], dataset="cifar10")
    assert "within the 60 s that were measured" in page.sentences(never, "cifar10", 60)[0]
    assert (
        page.brief(asked([row()]), "mnist") == "Expect digits after about 10 s, feature distance about 4.5 after 60 s."
    )
    assert page.brief(asked([row()], settings={"width": 8}), "mnist").startswith("With the default settings: digits")
    assert page.brief(never, "cifar10") == ""


def test_what_a_browser_asks_about_is_checked():
    good = {"model": "dcgan", "dataset": "mnist", "settings": {"batch": 32}, "seconds": 60}
    bad = [
        good | {"model": "x"},
        good | {"settings": {"batch": "nothing"}},
        good | {"seconds": 1e9},
        good | {"dataset": []},
    ]
    answer = page.expect({"setups": [good, *bad]})
    assert answer["promises"][0]["sentences"] and answer["promises"][0]["shipped"]
    assert not any(other["sentences"] for other in answer["promises"][1:])
    for nonsense in (None, "x", [1], [good] * 101):
        assert "error" in page.expect({"setups": nonsense})
    assert page.changed("dcgan", {"batch": "32", "width": 8}) == {"width": 8}


def test_rows_that_come_along_promise_something_for_every_model():
    rows = bench.read()
    for known in rows:
        found = asked(rows, rate=700.0, model=known["model"], dataset=known["dataset"], settings=known["settings"])
        assert found.speed < 1 and found.machine == rows[0]["machine"]
        assert page.sentences(found, known["dataset"], 60)


def test_the_machine_is_measured_once_when_nobody_trains(monkeypatch):
    waits, attempts = [], []
    busy = iter([True, True, False, False, False])

    def measure():
        attempts.append(1)
        if len(attempts) == 1:
            raise Interrupted
        return 123.0

    monkeypatch.setattr(promise, "_rate", None)
    monkeypatch.setattr(promise.registry, "busy", lambda: next(busy))
    monkeypatch.setattr(promise.time, "sleep", waits.append)
    monkeypatch.setattr(promise, "images_per_second", measure)
    promise.measure_rate()
    assert promise.rate() == 123 and len(waits) == 3  # twice somebody trained, once somebody began to
    promise.measure_rate()
    assert len(attempts) == 2


def test_the_measurement_gives_way_to_a_run(monkeypatch):
    monkeypatch.setattr(promise, "PIECE", 0.02)
    assert 1 < promise.images_per_second() < 1e7
    steps = []

    def busy():
        steps.append(1)
        return len(steps) > 3

    monkeypatch.setattr(promise.registry, "busy", busy)
    with pytest.raises(Interrupted):
        promise.images_per_second()
    assert len(steps) < 30


def test_busy_is_said_of_runs_that_train_or_wait_alone():
    assert not registry.busy()
    run = registry.create("gan", "mnist", {"width": 16}, rounds=10**9)
    try:
        assert registry.busy()
    finally:
        run.stop()
        run.join(20)
    assert not registry.busy()


@pytest.mark.parametrize("name", ["gan", "ae"])
def test_a_run_from_shipped_weights_begins_at_their_pictures_and_goes_on(name):
    saved = checkpoint.load(weights.path_of(name, "mnist"))
    run = Run(name, "mnist", {}, rounds=3, resume=saved, device="cpu")
    model, twin = run.trainer.view(), saved.model
    if name == "gan":
        z, labels = twin.latents(16, torch.Generator().manual_seed(5)), torch.zeros(16, dtype=torch.int64)
        assert torch.equal(model.sample(z, labels), twin.sample(z, labels))
        raw = run.trainer.model.eval()
        assert torch.equal(raw.sample(z, labels), twin.sample(z, labels))
        raw.train()
    snapshot = run.run()
    first = snapshot.pictures[0]
    assert first.images == saved.images and first.png == picture_of(twin, run.seed)
    assert snapshot.images > saved.images and snapshot.round == saved.rounds + 3
    assert snapshot.settings == saved.model.settings()
    (mark,) = snapshot.marks
    assert mark[0] == saved.images and "weights alone" in mark[1]
    assert snapshot.pictures[-1].png != first.png  # it learns
    for plot in plots(twin.curves, snapshot):  # the curves fill their axes
        assert bounds(plot)[0] == saved.images and bounds(plot)[1] < saved.images + 10_000


def picture_of(model, seed):
    """The picture that a run of this seed shows of a model."""
    test = data.load("mnist").test_images
    with torch.no_grad():
        if model.name == "gan":
            images = model.sample(model.latents(64, torch.Generator().manual_seed(seed)), torch.arange(64) % 10)
            return png(sheet(to_uint8(model.to_unit(images)), 8))
        originals = model.from_uint8(test[:32])
        pairs = (
            torch.stack([originals, model.reconstruct(originals)]).unflatten(1, (4, 8)).transpose(0, 1).flatten(0, 2)
        )
        return png(sheet(to_uint8(model.to_unit(pairs)), 8))


def test_shipped_weights_that_are_not_there_get_a_sentence():
    for asked_for in (
        {"model": "gan", "dataset": "fashion_mnist"},
        {"model": "../x"},
        {"model": "judge"},
        {"model": 3},
    ):
        assert "No weights" in page.shipped({"seconds": 5, "dataset": "mnist"} | asked_for)["error"]


def test_what_a_run_reached_is_judged_as_the_bench_judges_it():
    run = Run("gan", "mnist", {"width": 16}, rounds=2, device="cpu")
    run.run()
    found = promise.reached(run, 200)
    images = bench.shown(run.averaged(), run.dataset, 200)
    assert found == promise.metrics.feature_distance(images, "mnist") and found.count == 200

"""A run under way: steered from other threads, watched without being changed, bounded, and never lost."""

import io
import time

import pytest
import torch
from PIL import Image

from genmodels import checkpoint, registry
from genmodels import run as run_module
from genmodels.errors import UserError
from genmodels.history import PICTURES, POINTS, Album, Curves, Picture
from genmodels.limits import Limits
from genmodels.record import Budget
from genmodels.registry import Queue
from genmodels.run import ENDED, Run

SMALL = {"gan": {"width": 16}, "vae": {"width": 16}, "dae": {"width": 16}, "cgan": {"width": 16}}


def make(name="gan", **options):
    return Run(name, "mnist", SMALL[name], device="cpu", **options)


def until(condition, seconds=60.0):
    """Waits until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


@pytest.fixture
def going():
    """A run that trains until it is stopped."""
    run = make()
    run.start()
    until(lambda: run.snapshot().round > 2)
    yield run
    run.stop()
    assert run.join(10)


def test_a_run_ends_after_its_rounds_images_or_seconds():
    assert make(rounds=7).run().round == 7
    assert make(images=1000).run().images == 1024
    last = make(seconds=0.5).run()
    assert last.state == "done" and 0.5 <= last.seconds < 2
    assert last.rate > 0


def test_the_time_left_counts_down_to_the_nearest_limit():
    limits = Limits({"seconds": 5.0, "rounds": 10, "images": 100}, {"seconds": 60, "rounds": 50, "images": None})
    assert limits.left({"seconds": 5.0, "rounds": 10, "images": 100}, 0.0) == 60
    now = {"seconds": 15.0, "rounds": 30, "images": 300}  # ten images a round
    assert limits.left(now, 20.0) == 15 and not limits.reached(now)
    assert limits.reached(now | {"rounds": 60}) and limits.reached(now | {"seconds": 65.0})
    assert Limits(now, {"seconds": None, "rounds": None, "images": None}).left(now, 20.0) is None


def test_limits_out_of_bounds_get_a_sentence():
    for limit in ({"seconds": float("nan")}, {"rounds": 0}, {"images": -1}, {"seed": -1}, {"seed": "x"}):
        with pytest.raises(UserError):
            make(**limit)


def test_pause_stands_still_and_resume_goes_on(going):
    going.pause()
    until(lambda: going.snapshot().state == "paused")
    before = going.snapshot().round
    time.sleep(0.3)
    assert going.snapshot().round == before
    going.resume()
    until(lambda: going.snapshot().round > before)


def test_a_copy_of_the_model_stays_as_it_was_taken(going):
    model = going.averaged()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    round_ = going.snapshot().round
    until(lambda: going.snapshot().round > round_ + 3)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert any(not torch.equal(tensor, before[name]) for name, tensor in going.averaged().state_dict().items())
    assert not model.training


def test_one_round_is_one_round(going):
    going.pause()
    until(lambda: going.snapshot().state == "paused")
    before = going.snapshot().round
    going.step()
    until(lambda: going.snapshot().round == before + 1 and going.snapshot().state == "paused")
    going.step(5)
    until(lambda: going.snapshot().round == before + 6 and going.snapshot().state == "paused")


def test_only_one_player_learns(going):
    going.pause()
    until(lambda: going.snapshot().state == "paused")
    going.only("generator")
    weights = [p.clone() for p in going.trainer.model.discriminator.parameters()]
    moving = [p.clone() for p in going.trainer.model.generator.parameters()]
    before = going.snapshot().round
    going.step(3)
    until(lambda: going.snapshot().round == before + 3 and going.snapshot().state == "paused")
    assert going.snapshot().marks
    assert all(torch.equal(a, b) for a, b in zip(weights, going.trainer.model.discriminator.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(moving, going.trainer.model.generator.parameters(), strict=True))
    with pytest.raises(UserError, match="choose one of"):
        going.only("referee")


def test_settings_change_on_the_run_and_mark_the_curves(going):
    going.set("generator_lr", "0.05")
    until(lambda: going.snapshot().settings["generator_lr"] == 0.05)
    assert any("generator_lr = 0.05" in text for _, text in going.snapshot().marks)
    for name, value in [("generator_lr", "x"), ("generator_lr", float("nan")), ("width", 32), ("nonsense", 1)]:
        with pytest.raises(UserError):
            going.set(name, value)


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_stop_answers_in_under_a_second_at_any_moment(dataset):
    run = Run("dcgan", dataset, {"batch": 256}, device="cpu")  # a round of this takes seconds
    run.start()
    until(lambda: run.snapshot().state == "running")
    time.sleep(0.2)
    start = time.monotonic()
    run.stop()
    assert run.join(5)
    assert time.monotonic() - start < 1.5  # a second, and some for a busy machine
    assert run.snapshot().state == "stopped"


@pytest.mark.parametrize("name", SMALL)
def test_watching_changes_nothing(name):
    alone, watched = make(name, rounds=40), make(name, rounds=40)
    watched._record._drawing, watched._record._testing = Budget(1e9, 0.0), Budget(1e9, 0.0)  # after every round
    alone.run()
    watched.start()
    while not watched.join(0.01):
        watched.snapshot(viewer=True)
    a, b = alone.trainer.state(), watched.trainer.state()
    assert all(torch.equal(a[key], b[key]) for key in a if key != "counters")
    assert len(watched.snapshot().pictures) > len(alone.snapshot().pictures)
    assert len(watched.snapshot().curves["held_out" if name in ("vae", "dae") else "js_bound"][0]) > 5


@pytest.mark.parametrize(("name", "size"), [("gan", (8, 8)), ("cgan", (10, 8)), ("vae", (8, 8)), ("dae", (8, 12))])
def test_pictures_come_at_once_and_show_something(name, size):
    last = make(name, rounds=3).run()
    first = last.pictures[0]
    assert first.images == 0 and last.pictures[-1].images == last.images
    image = Image.open(io.BytesIO(first.png))
    assert image.size == (size[0] * 29 - 1, size[1] * 29 - 1)
    assert image.getextrema()[1] > image.getextrema()[0]
    assert first.png != last.pictures[-1].png


def test_curves_hold_every_term_and_held_out_ones():
    last = make("vae", seconds=1.5).run()
    assert {"loss", "reconstruction", "kl", "held_out"} <= set(last.curves)
    for images, values in last.curves.values():
        assert len(images) == len(values) >= 1 and list(images) == sorted(images)


def test_a_number_that_is_not_finite_rolls_back_halves_the_rates_and_the_second_ends_the_run(monkeypatch):
    monkeypatch.setattr(run_module, "GOOD_ROUNDS", 25)
    run = make(rounds=400)
    honest = run.trainer.round

    def poisoned(only=None):
        progress = honest(only)
        if progress.round in poison:
            poison.remove(progress.round)
            with torch.no_grad():
                next(run.trainer.model.parameters())[0, 0] = float("nan")
        return progress

    poison = [60]
    run.trainer.round = poisoned
    last = run.run()
    assert last.state == "done" and last.round == 400
    assert last.settings["generator_lr"] == 0.0005 and last.settings["discriminator_lr"] == 0.0005
    assert any("halved" in text for _, text in last.marks)
    assert run.trainer.finite()
    run = make(rounds=400)
    honest, poison = run.trainer.round, [60, 110]
    run.trainer.round = poisoned
    last = run.run()
    assert last.state == "failed" and "second time" in last.message
    assert run.trainer.finite()


def test_lack_of_memory_ends_the_run_not_the_process():
    run = make(rounds=5)

    def full(only=None):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    run.trainer.round = full
    last = run.run()
    assert last.state == "failed" and "not enough memory" in last.message


def test_an_unexpected_error_ends_the_run_in_words(caplog):
    run = make(rounds=5)
    run.trainer.round = lambda only=None: 1 / 0
    last = run.run()
    assert last.state == "failed" and "ZeroDivisionError" in last.message
    assert "ZeroDivisionError" in caplog.text


def test_a_run_can_be_saved_while_it_trains_and_afterwards(going, tmp_path):
    going.save(tmp_path / "on.safetensors")
    assert checkpoint.load(tmp_path / "on.safetensors").rounds > 0
    going.stop()
    going.join(10)
    going.save(tmp_path / "off.safetensors")
    saved = checkpoint.load(tmp_path / "off.safetensors")
    assert saved.rounds == going.snapshot().round
    with pytest.raises(UserError, match="cannot be written"):
        going.save("/proc/none/file.safetensors")


def test_a_saved_run_goes_on_where_it_was(tmp_path):
    whole, first = make(rounds=10), make(rounds=5)
    whole.run()
    first.run()
    first.save(tmp_path / "half.safetensors")
    second = make(rounds=5, resume=checkpoint.load(tmp_path / "half.safetensors"))
    assert second.run().round == 10
    a, b = whole.trainer.state(), second.trainer.state()
    assert all(torch.equal(a[key], b[key]) for key in a if key != "counters")


# History


def test_curves_stay_bounded_and_keep_the_first_point():
    curves = Curves()
    for images in range(0, 1_000_000, 10):
        if curves.due(images):
            curves.add(images, {"loss": float(images)})
    images, values = curves.view()["loss"]
    assert images[0] == 0 and images[-1] > 990_000
    assert POINTS / 3 < len(images) <= POINTS and images == values


def test_albums_stay_bounded_and_keep_the_first_and_the_latest():
    album = Album()
    for images in range(0, 100_000, 10):
        album.add(Picture(images, 0.0, b"", ""))
    kept = [picture.images for picture in album.pictures]
    assert len(kept) == PICTURES and kept[0] == 0 and kept[-1] == 99_990
    assert kept[1] < 2000  # the young run is kept closely


def test_a_budget_is_kept():
    budget, spent, seconds = Budget(0.05, 0.0), 0.0, 0.0
    while seconds < 2.0:
        if budget.due(seconds):
            start = time.perf_counter()
            with budget.spend(seconds):
                time.sleep(0.01)
            spent += time.perf_counter() - start
        seconds += 0.001
    assert 0.02 < spent / 2.0 < 0.07


def test_pictures_that_take_long_still_come_once_a_second_for_a_tenth_of_the_time():
    for cost, pause in ((0.002, 0.25), (0.015, 0.5), (0.05, 0.75), (0.2, 2.0)):
        budget = Budget(0.03, 0.25, 0.75)
        for _ in range(2):  # the first is free
            with budget.spend(100.0):
                end = time.perf_counter() + cost
                while time.perf_counter() < end:
                    pass
        assert budget.due(100.0 + 1.9 * pause) and not budget.due(100.0 + 0.99 * pause), cost


# Queue and registry


@pytest.fixture
def runs(monkeypatch):
    """An empty registry of one training at a time."""
    monkeypatch.setattr(registry, "_runs", {})
    monkeypatch.setattr(registry, "_queue", Queue(1))
    yield registry
    for run in list(registry._runs.values()):
        run.stop()
        run.join(10)


def test_one_trains_the_others_wait_in_order(runs):
    first, second, third = (registry.create("gan", "mnist", SMALL["gan"], device="cpu") for _ in range(3))
    until(lambda: first.snapshot().round > 0)
    until(lambda: (second.snapshot().place, third.snapshot().place) == (1, 2))
    assert second.snapshot().state == "waiting" and second.snapshot().round == 0
    assert len(second.snapshot().pictures) == 1  # the first picture never waits
    first.pause()
    until(lambda: second.snapshot().round > 0 and third.snapshot().place == 1)
    first.resume()  # it gave its place up and stands at the end
    until(lambda: first.snapshot().place == 2)
    second.stop()
    until(lambda: third.snapshot().round > 0 and first.snapshot().place == 1)


def test_who_comes_first_trains_first_even_if_slow_to_start(runs, monkeypatch):
    draw = Run._draw
    monkeypatch.setattr(Run, "_draw", lambda run: (time.sleep(0.5 if run.seed == 1 else 0), draw(run)))
    first, second = (registry.create("gan", "mnist", SMALL["gan"], device="cpu", seed=seed) for seed in (1, 2))
    until(lambda: second.snapshot().place == 1)
    until(lambda: first.snapshot().round > 0)
    assert second.snapshot().round == 0


def test_a_run_made_paused_plays_no_round(runs):
    run = registry.create("gan", "mnist", SMALL["gan"], device="cpu", paused="Look first.")
    until(lambda: run.snapshot().state == "paused")
    assert (run.snapshot().round, run.snapshot().message) == (0, "Look first.")
    run.resume()
    until(lambda: run.snapshot().round > 0)


def test_ids_cannot_be_guessed_and_find_only_their_run(runs):
    run = registry.create("gan", "mnist", SMALL["gan"], device="cpu", rounds=1)
    assert len(run.id) >= 20
    assert registry.find(run.id) is run
    for id in ("", "gan", None, 3, [run.id], run.id[:-1]):
        assert registry.find(id) is None


def test_a_run_whose_page_was_left_before_it_knew_of_it_makes_way(runs):
    lost, seen = (registry.create("gan", "mnist", SMALL["gan"], device="cpu") for _ in range(2))
    seen.snapshot()
    for run in (lost, seen):
        run.asked = time.monotonic() - registry.LOST_SECONDS - 1
    registry.tidy()
    assert registry.find(lost.id) is None and registry.find(seen.id) is seen
    until(lambda: lost.snapshot(viewer=False).state in ENDED)


def test_runs_nobody_looks_at_are_paused_then_dropped(runs, monkeypatch):
    run = registry.create("gan", "mnist", SMALL["gan"], device="cpu")
    until(lambda: run.snapshot().round > 0)
    registry.tidy()
    assert run.snapshot().state == "running"
    run.asked = time.monotonic() - registry.PAUSE_SECONDS - 1
    registry.tidy()
    until(lambda: run.snapshot(viewer=False).state == "paused")
    assert "nobody has looked" in run.snapshot(viewer=False).message
    run.asked = time.monotonic() - registry.DROP_SECONDS - 1
    registry.tidy()
    assert registry.find(run.id) is None
    until(lambda: run.snapshot(viewer=False).state in ENDED)


def test_only_so_many_runs_are_kept(runs, monkeypatch):
    monkeypatch.setattr(registry, "KEPT", 3)
    made = [registry.create("gan", "mnist", SMALL["gan"], device="cpu", rounds=1) for _ in range(3)]
    for run in made:
        assert run.join(20)
    registry.create("gan", "mnist", SMALL["gan"], device="cpu", rounds=1).join(20)
    assert registry.find(made[0].id) is None
    assert all(registry.find(run.id) for run in made[1:])

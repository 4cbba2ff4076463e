"""What a server that stays up for weeks may keep."""

import gc
import inspect
import sys
import threading
import time
import weakref

import pytest

from genmodels import history, registry
from genmodels.errors import UserError
from genmodels.history import Album, Curves, Picture
from genmodels.run import ENDED
from genmodels.training import Trainer
from genmodels.ui import page, sources  # noqa: F401  the page imports what is behind it

SMALL = {"width": 16}


@pytest.fixture
def runs(monkeypatch):
    monkeypatch.setattr(registry, "_runs", {})
    monkeypatch.setattr(registry, "_queue", registry.Queue(1))
    yield registry._runs
    for run in list(registry._runs.values()):
        run.stop()
        assert run.join(20)


def made(**changed):
    return registry.create("gan", "mnist", SMALL, device="cpu", **({"rounds": 3} | changed))


def test_the_pictures_of_a_run_are_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr(history, "PICTURE_BYTES", 100_000)
    album = Album()
    for images in range(1, 200):
        album.add(Picture(images, images, bytes(9_000), ""))
        assert sum(len(picture.png) for picture in album.pictures) <= 100_000
    assert len(album.pictures) == 11
    assert (album.pictures[0].images, album.pictures[-1].images) == (1, 199)


def test_the_curves_of_a_week_are_as_many_points_as_those_of_an_hour():
    curves = Curves()
    for images in range(0, 10**6, 10):
        if curves.due(images):
            curves.add(images, {"loss": 0.5})
    assert history.POINTS / 3 < len(curves.view()["loss"][0]) <= history.POINTS


def test_a_run_says_how_much_it_keeps(runs):
    run = made()
    assert run.join(60)
    weights = sum(tensor.nbytes for tensor in run.trainer.model.state_dict().values())
    assert 4 * weights <= run.nbytes <= 4.1 * weights + 10**6, "two models, and Adam's two moments"
    assert all(parameter.grad is None for parameter in run.trainer.model.parameters())


def test_others_ask_how_much_without_touching_what_trains(runs, monkeypatch):
    run, asked = made(rounds=None, seconds=60), []
    measure = Trainer.nbytes.fget
    monkeypatch.setattr(Trainer, "nbytes", property(lambda self: asked.append(threading.get_ident()) or measure(self)))
    until = time.monotonic() + 20
    while not asked and time.monotonic() < until:  # it is measured as the run goes on
        assert run.nbytes > 0
        registry.tidy()
    run.stop()
    assert run.join(20)
    assert asked and threading.get_ident() not in asked, "gradients may be let go while they are looked at"


def test_the_oldest_ended_run_goes_where_all_take_too_much(runs, monkeypatch):
    first, second = made(), made()
    assert first.join(60)
    assert second.join(60)
    monkeypatch.setattr(registry, "LARGEST", first.nbytes + second.nbytes - 1)
    registry.tidy()
    assert list(runs.values()) == [second]


def test_of_paused_runs_the_one_unseen_for_longest_goes(runs, monkeypatch):
    first, second, third = (made(paused="Look first.") for _ in range(3))
    for run in (first, second, third):
        while run.snapshot(viewer=False).state != "paused":
            time.sleep(0.01)
    second.asked = time.monotonic() - 100
    monkeypatch.setattr(registry, "LARGEST", 2.5 * first.nbytes)
    registry.tidy()
    assert list(runs.values()) == [first, third]
    assert second.join(20)


def test_runs_that_train_are_not_dropped_but_no_more_begin(runs, monkeypatch):
    run = made(rounds=10**9)
    monkeypatch.setattr(registry, "LARGEST", 1)
    registry.tidy()
    assert registry.find(run.id) is run
    with pytest.raises(UserError, match="There are 1 runs here already"):
        made()
    assert run.snapshot(viewer=False).state not in ENDED


def test_what_is_remembered_of_a_run_goes_with_it(runs):
    run = made()
    assert run.join(60)
    model = weakref.ref(sources.source(sources.MINE, run.id).model)
    assert model(), "asked again it is not copied again"
    runs.clear()
    del run
    gc.collect()
    assert model() is None


def caches():
    """Everything behind the page that remembers answers, by name."""
    for place, module in list(sys.modules.items()):
        if place.startswith("genmodels."):
            for name, value in vars(module).items():
                if hasattr(value, "cache_parameters") and value.__module__ == place:
                    yield f"{place}.{name}", value


def test_nothing_remembers_without_end():
    endless = {
        name
        for name, cache in caches()
        if cache.cache_parameters()["maxsize"] is None and inspect.signature(cache).parameters
    }
    assert endless <= {"genmodels.judge.load_judge"}, "which knows but a few names"


def test_what_remembers_models_is_cleared_with_runs():
    kinds = ("Model", "Adversarial", "Flow", "MADE", "Source")
    of_models = {
        name: cache
        for name, cache in caches()
        if any(
            str(getattr(p.annotation, "__name__", p.annotation)) in kinds
            for p in inspect.signature(cache).parameters.values()
        )
    }
    assert len(of_models) > 10
    assert [name for name, cache in of_models.items() if cache not in sources.REMEMBERED] == []


def test_gradio_keeps_few_sessions(monkeypatch):
    import app

    asked = {}

    class Page:
        def launch(self, **settings):
            asked.update(settings)
            raise KeyboardInterrupt

    monkeypatch.setattr(app.page, "build", Page)
    monkeypatch.setattr("sys.argv", ["app.py"])
    with pytest.raises(KeyboardInterrupt):
        app.main()
    assert asked["state_session_capacity"] <= 200

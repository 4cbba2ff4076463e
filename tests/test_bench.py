"""The bench: a row for each model, measured once, with every figure, and what it is held against."""

import json
import subprocess
import sys
from itertools import count

import pytest
import torch

from genmodels import bench, metrics
from genmodels.__main__ import main, parser
from genmodels.data import load
from genmodels.errors import UserError
from genmodels.models import MODELS, build

FIGURES = {
    "images_per_second": (1, 1e7),
    "rounds": (1, 1e6),
    "images": (1, 1e9),
    "distance": (0.01, 200),
    "floor": (0.01, 1),
    "n": (2000, 2000),
    "coverage": (0, 1),
    "coverage_real": (0.8, 1),
    "recognisable_distance": (1, 100),
}


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs the command here and returns its exit code and what it printed."""
    monkeypatch.setattr("signal.signal", lambda *given: None)

    def run(*words, out=tmp_path / "bench.json"):
        monkeypatch.setattr("sys.argv", ["genmodels", "bench", "--out", str(out), *map(str, words)])
        code = main()
        return code, capsys.readouterr()

    return run


def test_two_seconds_of_the_smallest_model_through_the_command_line(tmp_path):
    out = tmp_path / "bench.json"
    words = ["--models", "gan", "--datasets", "mnist", "--seconds", "2", "--out", str(out)]
    line = [sys.executable, "-m", "genmodels", "bench", *words]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["model"], row["dataset"], row["seconds"], row["shown"]) == ("gan", "mnist", 2, "samples")
    assert row["data"].startswith("MNIST, ")
    for key, (low, high) in FIGURES.items():
        assert low <= row[key] <= high, key
    assert row["images"] == row["rounds"] * 64  # the batch of this model
    assert row["images"] / 4 < row["images_per_second"] < row["images"] / 2 * 1.01
    assert row["recognisable_seconds"] is None or 0 < row["recognisable_seconds"] < 3
    assert row["failed"] is None and row["seed"] == 0 and row["settings"] == {}
    assert [images for _, images, _ in row["path"]] == sorted({images for _, images, _ in row["path"]})
    assert len(row["path"]) >= 3 and row["path"][-1][1] == row["images"] and 0.01 < row["path_floor"] < 2
    assert all(0 < seconds < 3 and 0.01 < distance < 200 for seconds, _, distance in row["path"])
    assert set(row["machine"]) == {"processor", "cores", "threads", "accelerator", "torch"}
    assert row["machine"]["torch"] == torch.__version__ and row["machine"]["processor"]
    assert len(row["date"].split("-")) == 3
    assert f"| gan | mnist | {row['images_per_second']:,.0f} |" in done.stdout
    assert f"| {row['distance']:.2f} | {row['floor']:.2f} | 2,000 |" in done.stdout
    before = out.read_bytes()
    done = subprocess.run([*line, "--json"], capture_output=True, text=True, timeout=120)  # measured: only printed
    assert json.loads(done.stdout) == {"rows": [row]} and out.read_bytes() == before


def made_up(model, dataset, seconds, seed=0, settings=None):
    """A row as `measure` gives it, with a number that is never the same."""
    return dict.fromkeys(FIGURES, 1.0) | {
        "model": model,
        "dataset": dataset,
        "seconds": seconds,
        "seed": seed,
        "settings": settings or {},
        "recognisable_seconds": None,
        "failed": None,
        "images_per_second": float(next(made_up.numbers)),
    }


made_up.numbers = count(1)


def test_a_row_is_measured_once_for_a_machine_and_kept_when_the_rest_is_cut_short(command, tmp_path, monkeypatch):
    measured = []

    def measure(model, dataset, seconds, seed, settings):
        measured.append((model, seconds))
        if model == "vae":
            raise KeyboardInterrupt
        return made_up(model, dataset, seconds, seed, settings)

    def rates():
        return [row["images_per_second"] for row in json.loads((tmp_path / "bench.json").read_text())["rows"]]

    monkeypatch.setattr(bench, "measure", measure)
    assert command("--models", "gan", "vae", "ae", "--datasets", "mnist")[0] == 1
    assert measured == [("gan", 60), ("vae", 60)]
    first = rates()
    assert len(first) == 1
    assert command("--models", "gan", "ae", "--datasets", "mnist")[0] == 0
    assert measured[2:] == [("ae", 60)]
    both = rates()
    assert both[:1] == first and len(both) == 2
    command("--models", "gan", "--datasets", "mnist", "--again")
    again = rates()
    assert measured[3:] == [("gan", 60)]
    assert len(again) == 2 and again[0] == both[1] and again[1] not in both
    command("--models", "gan", "--datasets", "mnist", "--seconds", 5)
    assert measured[4:] == [("gan", 5)] and len(rates()) == 3
    here = bench.machine()
    monkeypatch.setattr(bench, "machine", lambda: here | {"cores": 1000})
    _, printed = command("--models", "gan", "--datasets", "mnist")
    assert measured[5:] == [("gan", 60)] and len(rates()) == 4
    assert "1000 cores" in printed.out and f"| gan | mnist | {rates()[-1]:.0f} |" in printed.out


def test_seeds_and_settings_have_rows_of_their_own(command, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "measure", made_up)
    words = ("--models", "gan", "--datasets", "mnist")
    _, printed = command(*words, "--seeds", 0, 1, 2)
    assert "| gan | mnist |" in printed.out and len(printed.out.splitlines()) == 6  # one line for all three
    command(*words, "--set", "steps=10", "--set", "batch=64")  # the second is as it is
    rows = bench.read(tmp_path / "bench.json")
    assert [(row["seed"], row["settings"]) for row in rows] == [(0, {}), (1, {}), (2, {}), (0, {"steps": 10})]
    _, printed = command(*words, "--set", "steps=10")
    assert "| gan steps=10 | mnist |" in printed.out and bench.read(tmp_path / "bench.json") == rows
    old = [{key: value for key, value in row.items() if key not in bench.UNSAID} for row in rows[:1]]
    (tmp_path / "bench.json").write_text(json.dumps({"rows": old}))
    assert bench.read(tmp_path / "bench.json") == [bench.UNSAID | rows[0]]  # rows from before there were seeds


def test_a_table_says_the_spread_of_three_seeds_and_none_of_one():
    rows = [
        bench.UNSAID
        | made_up("gan", "mnist", 60, seed)
        | {"machine": bench.machine(), "distance": distance, "recognisable_seconds": 2.0 * seed + 1}
        for seed, distance in enumerate((4.0, 5.0, 6.0))
    ]
    assert "| 3.0 s | 5.00 \N{PLUS-MINUS SIGN} 1.00 | 1.00 |" in bench.table(rows)
    assert "| 1.0 s | 4.00 | 1.00 |" in bench.table(rows[:1])
    failed = {"failed": "The images are not finite.", "distance": None, "recognisable_seconds": None}
    assert "| not yet | not finite |" in bench.table([*rows[:2], rows[2] | failed])


def test_the_first_recognisable_picture_is_the_first_below_the_distance(monkeypatch):
    passed = count()
    distances = iter([50.0, 9.0, 50.0, *[8.0] * 100])
    monkeypatch.setattr(bench, "RECOGNISABLE", {"mnist": 10.0})
    monkeypatch.setattr(bench.time, "perf_counter", lambda: next(passed) / 100)
    monkeypatch.setattr(bench.metrics, "frechet_distance", lambda a, b: next(distances))
    monkeypatch.setattr(bench.metrics, "judge_samples", lambda images, name: {"feature_distance": 7.0})
    row = bench.measure("gan", "mnist", 3.0)
    assert 0.6 <= row["recognisable_seconds"] < 0.8  # the second look
    assert row["distance"] == 7
    assert [distance for _, _, distance in row["path"][:4]] == [50, 9, 50, 8]  # the path goes on
    gaps = [after[0] / before[0] for before, after in zip(row["path"], row["path"][1:], strict=False)]
    assert gaps[0] < 1.35 < min(gaps[1:-1])  # in longer steps: 1.2 and 1.5
    assert row["images_per_second"] == pytest.approx(row["images"] / 3, rel=0.1)


def test_what_cannot_sample_shows_reconstructions_and_infinite_images_are_a_failure(monkeypatch):
    data = load("mnist")
    model = build("ae", data.shape, 10, width=16).eval()
    found = bench.shown(model, data, 40)
    originals = metrics.some(data.images, 40)
    assert found.shape == originals.shape and found.dtype == torch.uint8
    expected = model.to_unit(model.reconstruct(model.from_uint8(originals))) * 255
    assert (found - expected).abs().max() <= 0.51
    broken = build("gan", data.shape, 10, width=16).eval()
    broken.sample = lambda z, labels: torch.full((len(z), 1, 28, 28), torch.nan)
    with pytest.raises(UserError, match="not finite"):
        bench.shown(broken, data, 40)
    show = bench.shown
    monkeypatch.setattr(bench, "shown", lambda model, images, count: show(broken, images, count))
    row = bench.measure("gan", "mnist", 0.05)
    assert "not finite" in row["failed"] and row["distance"] is None and row["images"] > 0
    row["machine"] = bench.machine()
    assert "not finite" in bench.table([row])


def test_defaults_are_every_model_on_the_sets_that_have_a_judge():
    chosen = parser().parse_args(["bench"])
    assert chosen.models == [*MODELS] and chosen.datasets == ["mnist", "cifar10"]
    assert (chosen.seconds, chosen.out, chosen.again, chosen.json) == (60, bench.PLACE, False, False)
    assert set(bench.RECOGNISABLE) == set(bench.DATASETS)


def test_mistakes_get_one_sentence(command, tmp_path):
    def sentence(*words, **options):
        code, printed = command(*words, **options)
        assert code == 1 and printed.out == "" and len(printed.err.splitlines()) == 1
        return printed.err

    assert "choose among" in sentence("--models", "stylegan")
    assert "choose one of" in sentence("--datasets", "imagenet")
    assert "seconds" in sentence("--models", "gan", "--seconds", "nan")
    assert "seconds" in sentence("--models", "gan", "--seconds", 0)
    assert "seeds" in sentence("--models", "gan", "--seeds", -1)
    assert "no setting 'colour'" in sentence("--models", "gan", "--set", "colour=3")
    assert "steps must be" in sentence("--models", "gan", "--set", "steps=many")
    for text in ("[", "[]", '{"rows": 3}', '{"rows": [3]}'):
        (tmp_path / "other").write_text(text)
        words = ("--models", "gan", "--datasets", "mnist")
        assert "does not hold what bench writes" in sentence(*words, out=tmp_path / "other")
    assert "is a folder" in sentence("--models", "gan", "--datasets", "mnist", out=tmp_path)

"""The command line, run as a person would: as a process."""

import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image
from safetensors.torch import load_file

from genmodels import checkpoint, weights
from genmodels.__main__ import main
from genmodels.models import MODELS

COMMAND = [sys.executable, "-m", "genmodels"]
SMALL = {"gan": ["--set", "width=16"], "vae": ["--set", "width=16"]}


def run(*arguments, code=0, **options):
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    return done


def here(*arguments, code=0):
    """The same in this process, to spare the start of one for each; what it says on stderr."""
    errors, handlers = io.StringIO(), {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with patch("sys.argv", ["genmodels", *map(str, arguments)]), redirect_stderr(errors):
            assert main() == code, errors.getvalue()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return errors.getvalue()


def sentence(*arguments):
    """The one sentence on stderr of a command that fails."""
    lines = here(*arguments, code=1).strip().splitlines()
    assert len(lines) == 1 and lines[0].endswith("."), lines
    return lines[0]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, settings in SMALL.items():
        here("train", name, "mnist", "--rounds", 5, "--quiet", "--out", folder / f"{name}.safetensors", *settings)
    return folder


def test_list_names_every_model():
    listed = json.loads(run("list", "--json").stdout)
    assert set(listed) == set(MODELS)
    assert listed["vae"]["settings"]["latent"] == 20
    words = run("list").stdout
    assert all(name in words for name in MODELS)


def test_train_says_what_it_does_and_saves_where_it_always_does(tmp_path):
    here = os.environ | {"PYTHONPATH": str(Path.cwd())}
    done = run("train", "gan", "mnist", "--rounds", 3, "--seed", 7, *SMALL["gan"], cwd=tmp_path, env=here)
    assert "MNIST, 60,000 of 60,000: bundled" in done.stdout
    assert "generator_loss" in done.stdout and "Go on with: python -m genmodels train" in done.stdout
    file = tmp_path / "runs" / "gan-mnist-7.safetensors"
    assert file.is_file()
    before = file.read_bytes()
    run("train", "gan", "mnist", "--rounds", 1, "--resume", file, cwd=tmp_path, env=here)
    assert file.read_bytes() != before  # it goes on under its own seed's name


def test_the_same_command_gives_the_same_file_and_resuming_goes_on_exactly(tmp_path):
    settings = SMALL["vae"]
    for name, rounds in [("a", 6), ("b", 6), ("c", 3)]:
        run("train", "vae", "mnist", "--rounds", rounds, "--quiet", "--out", tmp_path / name, *settings)
    again = ["--resume", tmp_path / "c", "--out", tmp_path / "d", "--set", "width=16"]  # the same is no change
    run("train", "vae", "mnist", "--rounds", 3, "--quiet", *again)
    a, b, d = (load_file(tmp_path / name) for name in "abd")
    for key in a:
        if key != "counters":  # they hold seconds
            assert a[key].equal(b[key]), key
            assert a[key].equal(d[key]), key


def test_the_command_of_a_run_whose_settings_were_changed_on_the_way_gives_it_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    half, whole = tmp_path / "half", tmp_path / "whole"
    here("train", "gan", "mnist", "--rounds", 4, "--seed", 3, "--quiet", "--out", half, *SMALL["gan"])
    slower = ["--set", "generator_lr=0.0001"]
    here("train", "gan", "mnist", "--rounds", 3, "--seed", 3, "--quiet", "--resume", half, "--out", whole, *slower)
    for command in weights.command_of(checkpoint.load(half), checkpoint.load(whole)).split(" && "):
        here(*shlex.split(command)[3:], "--quiet")
    again = load_file(tmp_path / "runs" / "gan-mnist-3.safetensors")
    for key, tensor in load_file(whole).items():
        assert key == "counters" or tensor.equal(again[key]), key


def test_an_interrupted_training_is_saved(tmp_path):
    out = tmp_path / "gan.safetensors"
    command = [*COMMAND, "train", "gan", "mnist", "--seconds", "100", "--out", str(out), *SMALL["gan"]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "MNIST" in process.stdout.readline()
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert "Stopped and saved" in output and "--resume" in output
    assert json.loads(run("info", out, "--json").stdout)["images"] > 0


def test_sample_writes_pictures_and_tensors(files, tmp_path):
    run("sample", files / "gan.safetensors", "--count", 20, "--out", tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").size == (8 * 29 - 1, 3 * 29 - 1)
    for name in "bc":
        run("sample", files / "gan.safetensors", "--count", 20, "--seed", 5, "--out", tmp_path / f"{name}.safetensors")
    b, c = load_file(tmp_path / "b.safetensors"), load_file(tmp_path / "c.safetensors")
    assert b["images"].shape == (20, 1, 28, 28) and str(b["images"].dtype) == "torch.uint8"
    assert b["images"].equal(c["images"])
    assert b["images"].float().std() > 0


def test_conditional_samples_carry_their_labels(tmp_path):
    here("train", "cgan", "mnist", "--rounds", 2, "--quiet", "--out", tmp_path / "c", "--set", "width=16")
    here("sample", tmp_path / "c", "--count", 6, "--labels", "3,1", "--out", tmp_path / "s.safetensors")
    assert load_file(tmp_path / "s.safetensors")["labels"].tolist() == [3, 1, 3, 1, 3, 1]
    assert "from 0 to 9" in sentence("sample", tmp_path / "c", "--labels", "10")
    assert "from 0 to 9" in sentence("sample", tmp_path / "c", "--labels", "one")


def test_reconstruct_and_interpolate(files, tmp_path):
    here("reconstruct", files / "vae.safetensors", "--count", 16, "--out", tmp_path / "r.png")
    assert Image.open(tmp_path / "r.png").size == (8 * 29 - 1, 4 * 29 - 1)
    here("interpolate", files / "vae.safetensors", 0, 5, "--steps", 7, "--path", "lerp", "--out", tmp_path / "w.png")
    assert Image.open(tmp_path / "w.png").size == (7 * 29 - 1, 28)
    here("interpolate", files / "gan.safetensors", 0, 5, "--steps", 7, "--out", tmp_path / "w.gif")
    assert Image.open(tmp_path / "w.gif").n_frames > 5


def test_info_says_what_a_file_holds(files):
    facts = json.loads(run("info", files / "gan.safetensors", "--json").stdout)
    assert (facts["model"], facts["dataset"], facts["rounds"], facts["seed"]) == ("gan", "mnist", 5, 0)
    assert facts["settings"]["width"] == 16
    assert "gan" in run("info", files / "gan.safetensors").stdout


def test_mistakes_get_one_sentence(files, tmp_path):
    assert "choose one of" in sentence("train", "stylegan", "mnist")
    assert "imagenet" in sentence("train", "gan", "imagenet")
    assert "has no setting" in sentence("train", "gan", "mnist", "--set", "momentum=1")
    assert "has no setting" in sentence("train", "gan", "mnist", "--set", "seed=5")
    assert "NAME=VALUE" in sentence("train", "gan", "mnist", "--set", "width")
    assert "from 16 to 2048" in sentence("train", "gan", "mnist", "--set", "width=4")
    assert "seconds" in sentence("train", "gan", "mnist", "--seconds", "nan")
    assert "rounds" in sentence("train", "gan", "mnist", "--rounds", "-4")
    assert "seed" in sentence("train", "gan", "mnist", "--seed", "-1")
    assert "device" in sentence("train", "gan", "mnist", "--device", "abacus")
    assert "folder" in sentence("train", "gan", "mnist", "--out", tmp_path)
    began = time.monotonic()
    assert "cannot be written" in sentence("train", "gan", "mnist", "--out", files / "gan.safetensors" / "below")
    assert time.monotonic() - began < 30  # before the training, which takes 60 s
    assert "cannot be read" in sentence("train", "gan", "mnist", "--resume", tmp_path / "none")
    assert "holds gan" in sentence("train", "vae", "mnist", "--resume", files / "gan.safetensors")
    assert "cannot be read" in sentence("sample", tmp_path / "none")
    assert "must end in" in sentence("sample", files / "gan.safetensors", "--out", tmp_path / "a.bmp")
    assert "knows no labels" in sentence("sample", files / "gan.safetensors", "--labels", "1")
    assert "does not truncate" in sentence("sample", files / "gan.safetensors", "--truncation", "0.5")
    assert "--count" in sentence("sample", files / "gan.safetensors", "--count", "0")
    assert "cannot reconstruct" in sentence("reconstruct", files / "gan.safetensors")
    assert "FROM and TO" in sentence("interpolate", files / "vae.safetensors", "0", "10000000")
    assert "cannot be written" in sentence("sample", files / "gan.safetensors", "--out", "/proc/none/a.png")


def test_a_failing_process_says_one_sentence_and_exits_with_one(tmp_path):
    for arguments in (["train", "stylegan", "mnist"], ["info", tmp_path / "none"]):
        done = run(*arguments, code=1)
        assert done.stdout == "" and len(done.stderr.strip().splitlines()) == 1


def test_wrong_usage_exits_with_two():
    assert "usage" in run("train", code=2).stderr
    for arguments in (["fly"], ["train", "gan", "mnist", "--seconds", "1", "--rounds", "1"]):
        with pytest.raises(SystemExit, match="2"):
            here(*arguments)

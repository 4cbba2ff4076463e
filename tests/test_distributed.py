"""Two processes train one model: gradients averaged, everything identical, the batches different, one end for both."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from genmodels import commands
from genmodels.errors import UserError
from tests import ranks

LAUNCHER = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
HERE = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
CAPTURED = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": HERE}


def torchrun(*command):
    done = subprocess.run([*LAUNCHER, *map(str, command)], **CAPTURED, timeout=200)
    assert done.returncode == 0, done.stderr[:4000]  # what comes first is the cause
    return done


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What each of two processes had after each deed: (tensors, facts) of the first, and of the second."""
    folder = tmp_path_factory.mktemp("ranks")
    torchrun("-m", "tests.ranks", folder)

    def of(deed):
        paths = [folder / f"{deed}-{rank}" for rank in (0, 1)]
        return [(load_file(f"{path}.safetensors"), json.loads(Path(f"{path}.json").read_text())) for path in paths]

    return of


def the_same(first, second):
    assert first.keys() == second.keys()
    return all(first[key].equal(second[key]) for key in first)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dcgan", "vae"])
def test_ranks_agree_to_the_last_bit_on_different_batches(both, name):
    (first, _), (second, _) = both(f"trained-{name}")
    assert not first.pop("drawn").equal(second.pop("drawn"))
    assert first["images"] == 3 * 16 * 2
    assert the_same(first, second)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ranks.PLAIN])
def test_two_processes_are_one_with_twice_the_batch(both, name):
    """In double precision, on the same images with the same noise, without batch norm."""
    (together, _), _ = both(f"whole-{name}")
    alone = ranks.whole_batch(name, 0, 1)
    assert together.keys() == alone.keys()
    for key, value in together.items():
        torch.testing.assert_close(value, alone[key], rtol=1e-7, atol=1e-9, msg=key)


@pytest.mark.slow
def test_the_first_whose_time_is_up_ends_both(both):
    (first, ended), (second, also) = both("hurried")
    assert ended == also and ended["state"] == "done" and ended["round"] > 1
    assert the_same(first, second)


@pytest.mark.slow
def test_a_stop_of_one_stops_both_in_the_same_round(both):
    (first, ended), (second, also) = both("interrupted")
    assert ended == also and ended["state"] == "stopped" and ended["round"] > 1
    assert the_same(first, second)


@pytest.mark.slow
def test_a_number_that_is_not_finite_in_one_sends_both_back(both):
    (first, ended), (second, also) = both("poisoned")
    assert ended == also and ended["state"] == "done" and ended["round"] == 60
    assert ended["generator_lr"] == 0.0005
    assert the_same(first, second) and all(value.isfinite().all() for value in first.values())


@pytest.mark.slow
def test_both_go_on_from_what_the_first_saved_on_different_batches(both):
    (first, ended), (second, also) = both("resumed")
    assert not first.pop("drawn").equal(second.pop("drawn"))
    assert ended == also and ended["round"] == 20 and ended["images"] == 20 * 2 * 64
    assert the_same(first, second)


@pytest.mark.slow
def test_the_images_of_both_are_counted_in_a_measurement(both):
    first, second = (facts["images_per_second"] for _, facts in both("measured"))
    assert first == pytest.approx(second, rel=0.3) and first > 100


@pytest.mark.slow
def test_the_command_line_goes_on_from_one_process_with_two_and_ctrl_c_saves_what_they_learned(tmp_path):
    out = tmp_path / "run.safetensors"
    alone = ranks.run(rounds=3)
    alone.run()
    alone.save(out)
    train = ["-m", "genmodels", "train", "gan", "mnist", "--resume", str(out), "--out", str(out), "--seconds", "100"]
    process = subprocess.Popen([*LAUNCHER, *train], **CAPTURED)
    output = ""
    while "/s" not in output:  # it trains
        output += (line := process.stdout.readline())
        assert line, process.stderr.read()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert (output + rest).count("MNIST, 60,000 of 60,000") == (output + rest).count("Stopped and saved") == 1, errors
    rounds, images, _ = load_file(out)["counters"].tolist()
    assert rounds > 3 and images == 3 * 64 + (rounds - 3) * 2 * 64


@pytest.fixture
def joining(monkeypatch):
    """Two processes that a launcher is said to have started here, this the second, on a computer with so many cards."""
    told = []

    def computer(cards, device):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cards > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
        return (*commands._join_others(device), *told)

    for name, value in {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "set_device", told.append)
    monkeypatch.setattr(commands.distributed, "init_process_group", told.append)
    monkeypatch.setattr(commands.distributed, "get_rank", lambda: 1)
    return computer


def test_each_process_has_a_card_of_its_own_or_all_have_the_processor(joining):
    assert joining(2, None) == (False, None, 1, "nccl")
    with pytest.raises(UserError, match="--nproc-per-node 1"):
        joining(1, "cuda")
    with pytest.raises(UserError, match="leave --device out"):
        joining(2, "cuda:0")


@pytest.mark.parametrize(("cards", "device"), [(2, "cpu"), (0, None), (0, "cpu")])
def test_processes_on_the_processor(joining, cards, device):
    assert joining(cards, device) == (False, "cpu", "gloo")

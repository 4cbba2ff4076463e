"""What goes wrong around the program: kills, full disks, damage, clocks that jump, clients that leave, a stop."""

import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from fastapi import FastAPI
from fastapi.testclient import TestClient

from genmodels import bench, checkpoint, judge, registry, rescue, weights, writing
from genmodels.errors import UserError
from genmodels.run import Run
from genmodels.ui import files, live, sources
from genmodels.ui import promise as promise_tab
from tests.test_command_line import here, sentence

ROOT = Path(__file__).parents[1]
SMALL = {"width": 16}
DAMAGES = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[: len(content) // 2],
    "random": lambda content: bytes(torch.randint(256, (4096,), generator=torch.Generator().manual_seed(0)).tolist()),
    "of something else": lambda content: content.replace(b'"gan"', b'"vae"').replace(b'"shape"', b'"shade"'),
}


@pytest.fixture(scope="module")
def learned():
    run = Run("gan", "mnist", SMALL, rounds=2)
    run.run()
    return run


def mounted(folder, options):
    """A small file system of its own, where this may be had."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    return folder


@pytest.fixture
def full(tmp_path):
    """A folder on a disk with 64 KiB."""
    folder = mounted(tmp_path / "full", "size=64k")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


# Kills


def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new():
    command = [sys.executable, "-m", "tests.kill", "--times", "3", "--only", "checkpoint.save"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "killed 3 times" in done.stdout, done.stdout + done.stderr


def test_what_a_killed_writer_left_is_cleared_away_and_nothing_else(tmp_path):
    place = tmp_path / "a[1].safetensors"
    left, busy, other = (tmp_path / f".{name}.x{writing.ENDING}" for name in (place.name, f"{place.name}.b", "c"))
    long_ago = time.time() - 10 * writing.LEFT_SECONDS
    for path in (left, other):
        path.write_bytes(b"half")
        os.utime(path, (long_ago, long_ago))
    busy.write_bytes(b"half")  # by somebody who still writes
    writing.write(place, b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {place.name, busy.name, other.name}


def test_all_files_go_through_the_one_writer():
    """But for those that live in a folder of their own until they are whole."""
    ways = r"write_bytes|write_text|savez|save_file|torch\.save\([^)]*, [a-z_]*(path|state)\)|open\([^)]*\"[wax]b?\""
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "genmodels").rglob("*.py")
        if re.search(ways, path.read_text(encoding="utf-8"))
    }
    scratch = {"genmodels/data.py", "genmodels/ui/files.py"}
    bundling, told = {"genmodels/formats.py"}, {"genmodels/ui/repeat.py"}
    assert found <= scratch | bundling | told | {"genmodels/writing.py", "genmodels/export/__init__.py"}


# Disks


def test_a_device_is_never_replaced_by_a_file():
    with pytest.raises(UserError, match="not a file"):
        writing.write(Path(os.devnull), b"x")


def test_a_file_too_large_for_the_system_leaves_the_old_one(learned, tmp_path):
    place, limits = tmp_path / "a", resource.getrlimit(resource.RLIMIT_FSIZE)
    place.write_bytes(b"old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(UserError, match="too large"):
            learned.save(place)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert place.read_bytes() == b"old" and [*tmp_path.iterdir()] == [place]


def test_a_run_whose_disk_is_full_is_saved_elsewhere(learned, full, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.safetensors").write_bytes(b"another")
    with pytest.raises(UserError) as caught:
        rescue.save(learned, full / "a.safetensors")
    place = tmp_path / "a-2.safetensors"
    assert re.search(r"No space left on device\): the run is in .*a-2\.safetensors instead\.$", str(caught.value))
    assert checkpoint.load(place).rounds == 2 and not [*full.iterdir()]
    assert (tmp_path / "a.safetensors").read_bytes() == b"another"


def test_a_person_at_a_terminal_is_asked_where_else(learned, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    answers = iter(["/proc/none/b", str(tmp_path / "b")])
    monkeypatch.setattr("builtins.input", lambda words: next(answers))
    assert rescue.save(learned, Path("/proc/none/a")) == tmp_path / "b"
    assert checkpoint.load(tmp_path / "b").rounds == 2


def test_a_disk_too_small_is_told_before_the_training(full):
    began = time.monotonic()
    words = sentence("train", "gan", "mnist", "--seconds", "1000", "--out", full / "a.safetensors")
    assert "MB free" in words and time.monotonic() - began < 60


def test_nothing_is_lost_when_who_watches_goes_away(tmp_path):
    command = [sys.executable, "-m", "genmodels", "train", "gan", "mnist", "--set", "width=16", "--seconds", "1"]
    process = subprocess.Popen(
        [*command, "--out", tmp_path / "a"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert b"MNIST" in process.stdout.readline()
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (0, b"")
    assert checkpoint.load(tmp_path / "a").seconds >= 1


def test_output_that_cannot_be_written_gets_a_sentence():
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with Path("/dev/full").open("w") as nowhere:
        command = [sys.executable, "-m", "genmodels", "list"]
        done = subprocess.run(command, cwd=ROOT, stdout=nowhere, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "What there is to say cannot be written (No space left on device).\n")


def test_a_folder_that_may_not_be_written_gets_a_sentence_and_a_cache_is_done_without(tmp_path, monkeypatch, learned):
    folder = mounted(tmp_path / "closed", "ro,size=64k")
    try:
        learned.save(tmp_path / "a.safetensors")
        for command in (["train", "gan", "mnist"], ["sample", tmp_path / "a.safetensors"]):
            assert "Read-only file system" in sentence(*command, "--out", folder / "below" / "a.png")
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
        run = Run("gan", "mnist", SMALL, rounds=1)
        assert run.run().state == "done"
    finally:
        subprocess.run(["umount", str(folder)], check=True)


# The page


@pytest.fixture
def client(monkeypatch):
    """The addresses of files, and a run that somebody has paused."""
    app = FastAPI()
    files.add_routes(app)
    run = registry.find(
        live.start({"model": "gan", "dataset": "mnist", "settings": SMALL, "seed": 0, "seconds": 1})["run"]
    )
    run.stop()
    assert run.join(60)
    return TestClient(app), run


def test_a_page_whose_server_has_a_full_disk_still_gives_the_model_and_says_what_cannot_be(client, full, monkeypatch):
    browser, run = client
    monkeypatch.setattr(tempfile, "tempdir", str(full))
    assert browser.get(f"/train/{run.id}/model.safetensors").status_code == 200
    answer = browser.get(f"/train/{run.id}/run.zip")
    assert (answer.status_code, answer.text) == (507, files.NO_ROOM)
    for address in ("load", "own"):
        assert browser.post(f"/train/{address}?seconds=60", content=bytes(2**20)).json() == {"error": files.NO_ROOM}
    assert not [*full.iterdir()]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_weights_get_a_sentence(damage, learned, tmp_path, monkeypatch):
    learned.save(path := tmp_path / "gan-mnist.safetensors")
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    sources._shipped.cache_clear()
    for ask in (lambda: sources.source("gan-mnist", "", "sample"), lambda: checkpoint.load(path)):
        with pytest.raises(UserError, match=r"^gan-mnist\.safetensors .*\.$"):
            ask()
    with suppress(UserError):
        assert weights.figures_of(path) == {}
    assert "gan-mnist.safetensors" in sentence("sample", path)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_judge_gets_a_sentence(damage, tmp_path, monkeypatch):
    judge.save(judge.Judge((1, 28, 28), 10), path := tmp_path / "judge-mnist.safetensors", {"shape": "[1, 28, 28]"})
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    monkeypatch.setattr(judge, "WEIGHTS", tmp_path)
    monkeypatch.setattr(judge, "load_judge", judge.load_judge.__wrapped__)
    with pytest.raises(UserError, match=r"judge-mnist\.safetensors is damaged: .*\.$"):
        judge.load_judge("mnist")
    path.unlink()
    with pytest.raises(UserError, match="has no judge yet"):
        judge.load_judge("mnist")


@pytest.mark.parametrize("content", ["", "{", '{"rows": 3}', '{"rows": [{"model": 1}]}', "[]"])
def test_a_damaged_table_promises_nothing_and_stops_nothing(content, tmp_path, monkeypatch):
    path = tmp_path / "bench.json"
    path.write_text(content)
    real = bench.read
    monkeypatch.setattr(bench, "read", lambda: real(path))
    promise_tab._rows.cache_clear()
    setup = {"model": "gan", "dataset": "mnist", "settings": {}, "seconds": 60}
    try:
        assert promise_tab.expect({"setups": [setup]})["promises"][0]["sentences"] == []
    finally:
        promise_tab._rows.cache_clear()


# Clocks


def test_nothing_measures_with_a_clock_that_can_be_set():
    for path in [ROOT / "app.py", *(ROOT / "genmodels").rglob("*.py")]:
        assert not re.search(r"time\.time\(|datetime\.(now|utcnow|today)", path.read_text(encoding="utf-8")), path


def test_a_run_heeds_no_clock_that_jumps(monkeypatch):
    real, jumps = time.time, iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: real() + 86_400 * (-1) ** next(jumps))
    run = Run("gan", "mnist", SMALL, seconds=0.5)
    began, last = time.monotonic(), run.run()
    assert last.state == "done" and 0.5 <= last.seconds < time.monotonic() - began
    assert all(0 <= picture.seconds <= last.seconds for picture in last.pictures)


def test_an_hour_asleep_is_not_counted_as_training(monkeypatch):
    run = Run("gan", "mnist", SMALL, seconds=100, rounds=6)
    real, play, offset = time.perf_counter, run.trainer.round, 0.0

    def drowsy(*only):
        nonlocal offset
        progress = play(*only)
        offset += 3600.0 if progress.round == 3 else 0.0
        return progress

    monkeypatch.setattr(time, "perf_counter", lambda: real() + offset)
    monkeypatch.setattr(run.trainer, "round", drowsy)
    last = run.run()
    assert (last.state, last.round) == ("done", 6) and last.seconds < 100
    run = Run("gan", "mnist", SMALL, seconds=1)  # but a round that takes long each time counts
    monkeypatch.setattr(run.trainer, "round", lambda *only: drowsy_always(run))

    def drowsy_always(run):
        nonlocal offset
        offset += 20.0
        return play(*())

    assert run.run().round <= 8


def test_a_server_that_slept_forgets_no_run(client, monkeypatch):
    _, run = client
    now, naps = time.monotonic(), iter([2 * registry.DROP_SECONDS])

    def sleep(seconds):
        nonlocal now
        now += next(naps)  # StopIteration ends the watch

    monkeypatch.setattr(registry, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    with pytest.raises(StopIteration):
        registry._watch()
    assert registry.find(run.id) is run


def test_a_page_that_wakes_after_an_hour_is_told_what_became_of_its_run_and_how_to_go_on(client):
    _, run = client
    run.asked -= registry.DROP_SECONDS + 1
    registry.tidy()
    assert live.look({"run": run.id}) == {"error": live.GONE, "gone": True} and "Press Start" in live.GONE


# A server with clients that leave, stopped in the end


RUNNER = """
import sys
import app
from genmodels.ui import live
for seed in range(2):
    start = {"model": "gan", "dataset": "mnist", "settings": {"width": 512}, "seed": seed, "seconds": 3600}
    print("run", live.start(start)["run"], flush=True)
sys.argv = ["app.py", "--port", sys.argv[1]]
app.main()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server's process, its port, its folder, and two runs that train."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "temporary").mkdir()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    own = {"GENMODELS_RUNS": "2", "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "temporary"), "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", RUNNER, str(port)], cwd=folder, env=os.environ | own, stdout=log, stderr=log
        )
    until = time.monotonic() + 120
    while "page is at" not in (text := (folder / "log").read_text()):
        assert process.poll() is None and time.monotonic() < until, text
        time.sleep(0.1)
    yield process, port, folder, re.findall(r"^run (\S+)", text, re.MULTILINE)
    process.kill()
    process.wait()


def threads(process):
    return int(re.search(r"Threads:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1])


def test_clients_that_leave_in_the_middle_leave_nothing_behind(server):
    process, port, folder, runs = server
    if not Path("/proc/self/status").exists():
        pytest.skip("there is no /proc here")

    def put_aside():
        return [*(folder / "temporary").glob("tmp*")]

    def leave(request, patience=0.0):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(request.encode())
            if patience:
                client.recv(1000)

    head = "HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    for _ in range(5):
        leave(f"GET /train/{runs[0]}/model.safetensors {head}\r\n", patience=1)  # a download
        for address in ("load", "own"):
            leave(f"POST /train/{address}?seconds=9 {head}Content-Length: 1000000\r\n\r\n" + "x" * 5000)
        leave(f"GET / {head}\r\n", patience=1)
    leave(f"GET /train/{runs[0]}/run.zip {head}\r\n")
    before, until = threads(process), time.monotonic() + 60
    while put_aside() and time.monotonic() < until:
        time.sleep(0.1)
    assert not put_aside()
    for _ in range(5):
        leave(f"GET /train/{runs[0]}/model.safetensors {head}\r\n", patience=1)
    other = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    other.request("GET", f"/train/{runs[1]}/curves.json")
    assert json.loads(other.getresponse().read())
    assert threads(process) <= before + 2
    assert "Traceback" not in (folder / "log").read_text(), (folder / "log").read_text()


def test_a_server_told_to_stop_saves_its_runs_and_is_gone_within_five_seconds(server):
    process, port, folder, _ = server
    with socket.create_connection(("127.0.0.1", port)) as open_browser:
        open_browser.sendall(b"GET /gradio_api/heartbeat/none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    took, log = time.monotonic() - began, (folder / "log").read_text()
    assert took < 5, took
    assert "Traceback" not in log
    commands = re.findall(r"saved\. Go on with: python -m genmodels (.*)", log)
    assert len(commands) == 2, log
    for seed, command in enumerate(sorted(commands)):
        saved = checkpoint.load(folder / "runs" / "left" / f"gan-mnist-{seed}.safetensors")
        assert saved.seed == seed and saved.can_resume and saved.rounds > 0
        assert command == f"train gan mnist --resume runs/left/gan-mnist-{seed}.safetensors"
    here("train", "gan", "mnist", "--resume", folder / "runs" / "left" / "gan-mnist-0.safetensors", "--rounds", "1",
         "--quiet", "--out", folder / "on")  # fmt: skip
    assert checkpoint.load(folder / "on").rounds > 1


def test_runs_left_behind_are_bounded_and_own_pictures_are_not_among_them(learned, tmp_path, monkeypatch):
    monkeypatch.setattr(rescue, "KEPT", 2)
    for number in range(3):
        lines = rescue.keep([learned], 10, tmp_path)
        assert len(lines) == 1 and "saved. Go on with" in lines[0], number
    assert len([*tmp_path.iterdir()]) == 2
    own = SimpleNamespace(
        snapshot=lambda viewer: SimpleNamespace(round=1), asked=0, stop=lambda: None,
        dataset=SimpleNamespace(name="own"),
    )  # fmt: skip
    assert rescue.keep([own], 10, tmp_path)[0].startswith("Not saved: 1 on pictures")

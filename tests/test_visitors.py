"""Two visitors on one server, each with a run, a pair of runs, a game and pictures of one's own: whatever the one asks,
with ids of his own in every place, the other's things stay as they are and nobody hears of them."""

import io
import json
import time

import numpy as np
import pytest

from tests.fuzz import PAIR, TRAIN
from tests.served import call, functions, sent, server

KEYS = ("run", "runs", "id", "own", "replaces")  # where a page names what is its own
GAME = {"law": "ring", "seed": 0, "settings": {}}


@pytest.fixture(scope="module")
def site():
    with server() as (port, log):
        yield port, functions(port)
        assert "Traceback" not in log(), log()


def ask(site, name, request):
    port, parts = site
    status, answer = call(port, parts[name][0], name.split(".")[1], request)
    assert status == 200
    return answer


def visit(site, seed):
    """What a visitor has: the ids of a run, a pair, a game and a set of pictures. The runs stand still."""
    run = ask(site, "live.start", TRAIN | {"seed": seed, "seconds": 600})["run"]
    ask(site, "live.command", {"run": run, "action": "pause"})
    runs = ask(site, "side_by_side.start", PAIR | {"seed": seed, "seconds": 600})["runs"]
    ask(site, "side_by_side.command", {"runs": runs, "action": "pause"})
    game = ask(site, "game.begin", GAME | {"seed": seed})["id"]
    pictures = io.BytesIO()
    np.save(pictures, np.random.default_rng(seed).integers(0, 256, (16, 28, 28), np.uint8))
    own = json.loads(sent(site[0], "POST", "/train/own?name=a.npy", pictures.getvalue())[1])["own"]
    return {"run": run, "runs": runs, "id": game, "own": own}


def things(site, ids):
    """How a visitor's things stand."""
    run = ask(site, "live.look", {"run": ids["run"], "revision": -1})
    pair = ask(site, "side_by_side.look", {"runs": ids["runs"], "revision": ""})
    game = ask(site, "game.advance", {"id": ids["id"], "rounds": 0})
    pictures = ask(site, "live.preview", {"dataset": "own", "own": ids["own"]})
    return run["state"], pair["state"], pair["setup"], game["rounds"], game["fakes"], pictures["png"]


def wrong(ids):
    """Ids that are nearly another's, and parts of a pair."""
    first, second = ids["runs"].split(",")
    pairs = [f"{second},{first}", f"{first},{first}", f"{first},", f",{second}", f"{first},{ids['run']}"]
    return pairs + [near for id in ids.values() for near in (id[:-1], id + "A", id.swapcase(), f"{id} ", id[:8])]


def test_nothing_of_another_is_reached_or_told(site):
    others = visit(site, 0)
    until = time.monotonic() + 30
    while (before := things(site, others))[:2] != ("paused", "paused"):
        assert time.monotonic() < until
        time.sleep(0.2)
    mine = visit(site, 1)
    secrets = [*others.values(), *others["runs"].split(","), before[-1]]
    requests = {"live.start": TRAIN, "side_by_side.start": PAIR, "game.begin": GAME}
    asked = [dict.fromkeys(KEYS, id) for id in [*mine.values(), *mine["runs"].split(","), *wrong(others)]]
    for name in site[1]:
        for keys in asked:
            # What begins things is asked once, or runs would make room for each other.
            if name in requests and keys is not asked[0]:
                continue
            actions = {"action": "stop", "rounds": 5, "dataset": "own"}
            answer = json.dumps(ask(site, name, actions | requests.get(name, {}) | keys))
            assert not any(secret in answer for secret in secrets), name
    for id in (keys["run"] for keys in asked):
        if id.isascii() and " " not in id:
            for file in ("model.safetensors", "curves.png", "run.zip"):
                content = sent(site[0], "GET", f"/train/{id}/{file}")[1]
                assert not any(secret.encode() in content for secret in secrets)
    sent(site[0], "POST", f"/train/own?name=a.npy&replaces={others['own'][:-1]}", b"damaged")
    assert things(site, others) == before

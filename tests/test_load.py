"""Ten visitors for eight seconds: nobody meets an error, everybody sees pictures, and the training goes on."""

from tests.load.crowd import measure
from tests.load.report import Found, quantile, rates, table, verdicts
from tests.load.visitor import Tally

SMALL = {"width": 8, "latent": 16}


def test_ten_visitors_meet_no_error_and_see_a_training_that_goes_on():
    found = measure(visitors=10, seconds=8, alone=0.5, turn=300, queued=2, settings=SMALL)
    assert not found.tally.errors
    assert found.under > 1  # rounds a second
    assert len(rates(found.tally)) == 8  # the other two have runs of their own, which wait
    assert min(rates(found.tally)) > 0.2
    assert {"page", "look", "tab"} <= set(found.tally.seconds)
    assert "errors: 0" in table(found)


def test_targets_are_missed_one_by_one():
    seconds = {"slider": [0.1] * 90 + [0.9] * 10}
    seen = [(0.5 * number, True) for number in range(20)]
    good = Found(Tally(seconds, [], [seen]), 10, 20.0, 15.0, 20.0, 0.1, 1.0, ())
    assert [passed for _, passed in verdicts(good)] == [True] * 5
    missed = [
        Found(Tally({"slider": [0.3] * 100}, [], [seen]), 10, 20.0, 15.0, 20.0, 0.1, 1.0, ()),
        Found(Tally({"slider": [0.1] * 90 + [1.1] * 10}, [], [seen]), 10, 20.0, 15.0, 20.0, 0.1, 1.0, ()),
        Found(Tally(seconds, ["slider: lost"], [seen]), 10, 20.0, 15.0, 20.0, 0.1, 1.0, ()),
        Found(Tally(seconds, [], [seen, seen[::4]]), 10, 20.0, 15.0, 20.0, 0.1, 1.0, ()),
        Found(Tally(seconds, [], [seen]), 10, 20.0, 13.0, 20.0, 0.1, 1.0, ()),
    ]
    for number, found in enumerate(missed):
        assert [passed for _, passed in verdicts(found)] == [place != number for place in range(5)]
    assert quantile([3, 1, 2], 0.95) == 3

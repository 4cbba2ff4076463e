"""Nonsense gets a sentence, soon; `python -m tests.fuzz` sends thirty times as much."""

from tests import fuzz, fuzz_files, served


def test_functions_answer_nonsense_in_words():
    found = fuzz.ask(300, seed=1)
    assert not found.faults
    assert found.requests == 300 and found.slowest < 2 * fuzz.LONGEST, found.slowest_of
    assert found.grown < fuzz.LARGEST


def test_a_server_answers_nonsense_and_its_log_stays_clean():
    with served.server() as (port, log):
        assert not fuzz.over_http(port, 80, seed=1)
        assert "Traceback" not in log(), log()


def test_readers_refuse_damaged_files_in_words():
    found = fuzz_files.hand_in(130, seed=1)
    assert not found.faults
    assert found.slowest < 2 * fuzz_files.LONGEST, found.slowest_of
    assert found.largest < fuzz_files.LARGEST, found.largest_of
    assert 0 < found.read.total() < found.files.total() == 130

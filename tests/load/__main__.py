"""A class opens the page: how fast it answers, what its watchers see, and what all of them cost the training.

    python -m tests.load [--visitors 40] [--seconds 600] [--turn 300] [--queued 5] [--browsers 0]

One run trains, others wait in the queue, everybody watches one of them and now and then moves a slider, decodes a place
in the plane of codes or draws 64 samples. Rounds a second are those of all runs together, for they are alike.
"""

import argparse
import sys

from tests.load.crowd import measure
from tests.load.report import table, verdicts


def main() -> int:
    """Prints the table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--alone", type=float, default=30, help="seconds without visitors, before and after")
    parser.add_argument("--turn", type=int, default=300, help="seconds of a turn in the queue")
    parser.add_argument("--queued", type=int, default=5, help="runs that wait")
    parser.add_argument("--browsers", type=int, default=0, help="real ones, which watch beside the others")
    chosen = parser.parse_args()
    found = measure(**vars(chosen))
    print(table(found))
    results = verdicts(found)
    print("\n".join(f"{'PASS' if passed else 'FAIL'}  {words}" for words, passed in results))
    return 0 if all(passed for _, passed in results) else 1


if __name__ == "__main__":
    sys.exit(main())

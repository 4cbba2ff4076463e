"""The text as a guided tour: its sections in order, each with an experiment and a question whose answer is measured."""

from genmodels.tour import advice, autoencoders, further, games, information, transport
from genmodels.tour.stop import MINUTES, Stop

STOPS: dict[str, Stop] = {
    stop.name: stop for part in (information, transport, autoencoders, games, advice, further) for stop in part.STOPS
}


def stops_of(minutes: int) -> list[Stop]:
    """The stops of the tour of this length, in the order of the text; the longer contain the shorter."""
    if minutes not in MINUTES:
        raise ValueError(f"A tour takes one of {', '.join(map(str, MINUTES))} minutes, not {minutes}.")
    return [stop for stop in STOPS.values() if stop.minutes <= minutes]

"""Is it a digit at all? log p(x) of test digits, of other pictures, and of the one looked at."""

import math
from collections import Counter

from genmodels.classify import QUANTILE, Reference
from genmodels.ui.drawing import Canvas, figure, number

KINDS = {"digits": ("test digits", 0), "photographs": ("grey photographs of CIFAR-10", 1), "noise": ("noise", 3)}
BINS = 60


def outliers(value: float, known: Reference, samples: int, width: int) -> str:
    """Histograms of -log p(x) on a logarithmic axis, the threshold, and where the picture lies."""
    at = known.samples.index(samples)
    places = {kind: [math.log10(-one) for one in rows[at]] for kind, rows in known.evidence.items()}
    limit, here = known.threshold(samples), math.log10(-value)
    start, end = min(*map(min, places.values()), here), max(*map(max, places.values()), here)
    size = (end - start) / BINS
    bins = {kind: Counter(min(BINS - 1, int((one - start) / size)) for one in found) for kind, found in places.items()}
    top = 1.15 * max(max(counts.values()) / len(places[kind]) for kind, counts in bins.items())
    canvas = Canvas((start - size, end + size), (0, top), min(width, 560), 210)
    for kind, counts in bins.items():
        for i, count in counts.items():
            span = start + i * size, start + (i + 1) * size
            canvas.box(span, (0, count / len(places[kind])), KINDS[kind][1], 0.75)
    canvas.mark(math.log10(-limit), "threshold")
    canvas.arrows([(here, 0.87 * top)], [(here, 0.01 * top)])
    canvas.text(
        here, 0.9 * top, "this one", "middle" if start + 6 * size < here < end - 6 * size else "start", "var(--ink)"
    )
    verdict = "It could be a digit" if value >= limit else "This is not a digit"
    counts = ", ".join(f"{len(found):,} {KINDS[kind][0]}" for kind, found in places.items())
    return figure(
        verdict,
        canvas.svg(f"log p(x) of this picture is {number(value)} nats, the threshold {number(limit)}"),
        f"Shares of {counts}, all as black and white draws, K = {samples}. Dotted: the threshold, log p(x) = "
        f"{number(round(limit, 1))} nats, below which {QUANTILE:.0%} of the test digits lie. A classifier without p(x) "
        "has to name a digit whatever it sees.",
        entries=[
            *((name, color, "") for name, color in KINDS.values()),
            ("log p(x) of this picture", "var(--ink)", f"{number(round(value, 1))} nats"),
        ],
        x_label="log10 of -log p(x) in nats; the further right, the less likely",
    )

"""Two distributions slide apart: what each divergence says, and whether it says where to go."""

import math
from functools import lru_cache

import torch

from genmodels.models.base import Choice, Real, Whole
from genmodels.theory import divergence
from genmodels.theory.divergence import FAMILIES, Distances
from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.formula import equations
from genmodels.ui.tool import WIDTH, Preset, Tool

REACH = 6.0  # of the slider, to both sides
SWEPT = 241  # values of t on the curves
STRETCHED = ("gaussians", "uniforms")
P, Q = 0, 1
NAMES = {
    "kl": "KL(p \N{PARALLEL TO} q)",
    "reverse_kl": "KL(q \N{PARALLEL TO} p)",
    "js": "Jensen-Shannon",
    "tv": "total variation",
    "w1": "Wasserstein W\N{SUBSCRIPT ONE}",
    "w2": "Wasserstein W\N{SUBSCRIPT TWO}",
}
COLORS = {"kl": 3, "reverse_kl": 4, "js": 1, "tv": 2, "w1": 0, "w2": "var(--ink)"}


def slide(
    *,
    family: Choice(tuple(FAMILIES), "distributions") = "gaussians",
    t: Real(-REACH, REACH, "distance") = 3.0,
    scale: Real(0.3, 3, "width of q; Gaussians and uniforms") = 1.0,
    samples: Whole(20, 2000, "samples for the estimates") = 200,
    seed: Whole(0, 9999, "seed of the samples") = 0,
    width: WIDTH = 600,
) -> dict[str, str]:
    """Both densities, the six curves with their slopes, the numbers of the moment, and estimates from samples."""
    scale = scale if family in STRETCHED else 1.0
    now, change = divergence.slopes(FAMILIES[family], torch.tensor([t]), **_options(family, scale))
    one = width if width < 760 else (width - 30) // 2
    return {
        "densities": _densities(family, t, scale, width),
        "values": _curves(family, scale, t, now, one),
        "slopes": _curves(family, scale, t, change, one, slopes=True),
        "formulas": _formulas(now),
        "estimates": _estimates(family, t, scale, samples, seed, now),
    }


@lru_cache(maxsize=64)
def _sweep(family: str, scale: float) -> tuple[Distances, Distances]:
    grid = torch.linspace(-REACH, REACH, SWEPT, dtype=torch.float64)
    return divergence.slopes(FAMILIES[family], grid, **_options(family, scale))


def _options(family: str, scale: float) -> dict[str, float]:
    return {"scale": scale} if family in STRETCHED else {}


def _densities(family: str, t: float, scale: float, width: int) -> str:
    alt = f"p at 0 and q at {number(t)}"
    if family == "segments":
        canvas = Canvas((-REACH - 1, REACH + 1), (-0.15, 1.15), width, 170)
        for x, color in ((0.0, P), (t, Q)):
            canvas.box((x - 0.04, x + 0.04), (0, 1), color)
        unit, says = "y over x", "Two parallel segments of length 1 in the plane, the mass spread evenly along each."
    elif family == "points":
        canvas = Canvas((-REACH - 1, REACH + 1), (0, 1.15), width, 170)
        for x, color in ((0.0, P), (t, Q)):
            canvas.arrows([(x, 0)], [(x, 1)], color)
        unit, says = "mass", "All mass of p in one point, all mass of q in another."
    else:
        x = torch.linspace(-REACH - 3, REACH + 3, 601, dtype=torch.float64)
        p, q = divergence.densities(family, x, t, scale)
        canvas = Canvas((-REACH - 3, REACH + 3), (0, 1.1 * max(p.max().item(), q.max().item())), width, 170)
        for values, color in ((p, P), (q, Q)):
            canvas.area(x.tolist(), values.tolist(), color)
            canvas.line(x.tolist(), values.tolist(), color, read=False)
        unit = "density, per unit of x"
        says = "p stands still, q is moved by t" + (" and stretched." if scale != 1 else ".")
    entries = [("p", P, "at 0"), ("q", Q, f"at {number(t)}")]
    return figure("Two distributions", canvas.svg(alt), f"{says} Exact: no samples.", unit=unit, entries=entries)


@lru_cache(maxsize=64)
def _swept(family: str, scale: float, width: int, slopes: bool) -> Canvas:
    """The six curves, the same wherever the slider stands; infinite stretches are left out."""
    grid = torch.linspace(-REACH, REACH, SWEPT).tolist()
    canvas = Canvas((-REACH, REACH), (-1.6, 1.6) if slopes else (0, 4.2), width, 230)
    for name, values in _sweep(family, scale)[slopes]._asdict().items():
        canvas.line(grid, values.tolist(), COLORS[name], dashed=name in ("reverse_kl", "w2"))
    if not slopes:
        canvas.level(math.log(2), "log 2")
    return canvas


def _curves(family: str, scale: float, t: float, now: Distances, width: int, *, slopes: bool = False) -> str:
    """The curves with the place of the slider, and what they are there."""
    canvas = _swept(family, scale, width, slopes).copy()
    canvas.mark(t, "here")
    values = {name: value.item() for name, value in now._asdict().items()}
    entries = [
        (NAMES[name], COLORS[name], number(value) if not math.isnan(value) else "none")
        for name, value in values.items()
    ]
    title, unit, says = (
        (
            "Where each of them says to go",
            "slope by t",
            "Slopes by t, exact. A generator learns by following them: where one is 0 or none, it hears nothing.",
        )
        if slopes
        else (
            "What each of them says",
            "nats; W in units of x",
            "Exact, or by quadrature to nine digits. Cut off above the frame; what is infinite is not drawn.",
        )
    )
    alt = "; ".join(f"{name} {value}" for name, _, value in entries)
    return figure(title, canvas.svg(alt), says, unit=unit, entries=entries, x_label="t, distance of q")


def _formulas(now: Distances) -> str:
    log2 = f"\N{LESS-THAN OR EQUAL TO} log 2 = {math.log(2):.4f}"
    return equations(
        (r"\mathrm{KL}(p\,\Vert\,q)=\int p\,\log\frac{p}{q}\,dx", f"= {number(now.kl.item())} nats"),
        (
            r"\mathrm{JS}=\frac{1}{2}\mathrm{KL}(p\,\Vert\,m)+\frac{1}{2}\mathrm{KL}(q\,\Vert\,m)",
            f"= {number(now.js.item())} nats {log2}",
        ),
        (r"W_1=\int |F_p-F_q|\,dx", f"= {number(now.w1.item())}"),
    )


@lru_cache(maxsize=256)
def _floor(family: str, samples: int, seed: int) -> Distances:
    return divergence.floor(lambda g: divergence.draw(family, samples, 0.0, 1.0, g), seed=seed + 1)


def _estimates(family: str, t: float, scale: float, samples: int, seed: int, exact: Distances) -> str:
    if family == "segments":
        return ""
    generator = torch.Generator().manual_seed(seed)
    p = divergence.draw(family, samples, 0.0, 1.0, generator)
    found = divergence.from_samples(p, divergence.draw(family, samples, t, scale, generator))
    floor = _floor(family, samples, seed)
    rows = ""
    for name, *values in zip(NAMES.values(), exact, found, floor, strict=True):
        cells = "".join(f"<td>{number(value.item())}</td>" for value in values)
        rows += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    return (
        '<figure><table><thead><tr><td></td><th scope="col">exact</th><th scope="col">estimate</th>'
        f'<th scope="col">floor</th></tr></thead><tbody>{rows}</tbody></table>'
        f"<figcaption>Estimates from {samples:,} samples of each: histograms for the first four, the samples "
        "themselves for W. The floor is what the same estimate finds between two samples of p (mean of 20)."
        "</figcaption></figure>"
    )


SLIDE = Tool(
    name="slide",
    title="Two distributions slide apart",
    lead="Move the distance. Where p and q no longer overlap, KL is infinite and Jensen-Shannon stands still at log 2: "
    "neither says where to go. Wasserstein grows by what the mass has to travel, everywhere.",
    answer=slide,
    slots=("densities", "values", "slopes", "formulas", "estimates"),
    presets=(
        Preset(
            "The parallel lines of the WGAN paper",
            "KL and JS cannot measure distributions that do not overlap; Wasserstein can.",
            {"family": "segments", "t": 0.8},
        ),
        Preset(
            "Uniforms just apart",
            "The slope of JS drops to 0 the moment the overlap ends.",
            {"family": "uniforms", "t": 1.2},
        ),
        Preset(
            "A valley that is none",
            "JS has a second minimum where one mode covers the other's place; Wasserstein has one only.",
            {"family": "mixtures", "t": 4.0},
        ),
        Preset(
            "A wide q",
            "KL(p \N{PARALLEL TO} q) forgives a q that covers too much; KL(q \N{PARALLEL TO} p) does not.",
            {"t": 2.0, "scale": 3.0},
        ),
    ),
    folded=("samples", "seed"),
)

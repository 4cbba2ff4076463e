"""The Attack tab: the smallest change of a digit that a classifier answers with another label."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softmax

from genmodels import attacked, classify
from genmodels.attacked import FGSM, L2, LINF, PGD
from genmodels.errors import UserError
from genmodels.models.base import Choice, Real, Whole
from genmodels.pictures import to_uint8
from genmodels.ui import tool
from genmodels.ui.digits import DRAWING, FIRST, LOOK, MODELS, NUMBER, TEST, Digit, digit, generative, paired
from genmodels.ui.drawing import Canvas, figure, number
from genmodels.ui.mosaic import mosaic
from genmodels.ui.notation import equation, equations
from genmodels.ui.tool import RUN, WIDTH, Preset, Tool

NETWORK, BAYES = VICTIMS = ("network", "Bayes")
COLORS = {NETWORK: 1, BAYES: 0}
ANY = "any other"
BEFORE, AFTER = 4, 3  # colours
RULES = {
    FGSM: r"x' = x + \varepsilon\,\mathrm{sign}\,\nabla_x L(x, y)",
    PGD: r"x_{t+1} = \Pi_{\varepsilon}\left(x_t + \alpha\,\mathrm{sign}\,\nabla_x L(x_t, y)\right)",
}
STRAIGHT = {
    FGSM: r"x' = x + \varepsilon\,\nabla_x L\,/\,\|\nabla_x L\|_2",
    PGD: r"x_{t+1} = \Pi_{\varepsilon}\left(x_t + \alpha\,\nabla_x L\,/\,\|\nabla_x L\|_2\right)",
}


class Views(NamedTuple):
    """p(y|x), (10,), of one classifier before and after."""

    before: Tensor
    after: Tensor


def attack(
    *,
    look: LOOK = TEST,
    number: NUMBER = 0,
    drawing: DRAWING = "",
    victim: Choice(VICTIMS, "computed against", front=True) = NETWORK,
    kind: Choice((FGSM, PGD), "attack", front=True) = PGD,
    norm: Choice((LINF, L2), "norm of the change", front=True) = LINF,
    eps: Real(0, 0.5, "eps: most that a pixel in [0, 1] may change", front=True) = 0.15,
    length: Real(0, 6, "eps: length of the whole change, pixels in [0, 1]", front=True) = 2.0,
    target: Choice((ANY, *map(str, range(10))), "answer wanted") = ANY,
    steps: Whole(1, 50, "steps of PGD") = 10,
    restarts: Whole(1, 4, "starts of PGD") = 1,
    model: MODELS = FIRST,
    run: RUN = "",
    width: WIDTH = 600,
) -> dict[str, str]:
    """The picture, the change and the sum of both; what both classifiers say before and after."""
    seen, asked = digit(look, number, drawing), generative(model, run)
    classifiers = {NETWORK: attacked.network(), BAYES: attacked.bayes(asked.model, attacked.SAMPLES, 0)}
    x = seen.image[None].float() / 127.5 - 1
    y = _aim(classifiers[victim], x, seen, target)
    size = eps if norm == LINF else length
    more = {"steps": steps, "restarts": restarts, "targeted": target != ANY}
    changed = attacked.attack(classifiers[victim], x, y, kind, norm, size, **more)
    views = {name: _views(logits, x, changed) for name, logits in classifiers.items()}
    return {
        "pictures": _pictures(seen, x, changed, victim, views, width),
        **{name: _answers(name, view, asked.origin, width) for name, view in views.items()},
        "curve": _curve(kind, norm, size, width) + _formulas(kind, norm, size, steps),
    }


def _aim(logits: attacked.Logits, x: Tensor, seen: Digit, target: str) -> Tensor:
    """The label to flee or to reach; a drawing is what the classifier takes it for."""
    with torch.no_grad():
        own = seen.label if seen.label is not None else int(logits(x).argmax())
    if target == ANY:
        return torch.tensor([own])
    if int(target) == own:
        raise UserError(f"This already is a {own}: choose another answer to reach.")
    return torch.tensor([int(target)])


@torch.no_grad()
def _views(logits: attacked.Logits, x: Tensor, changed: Tensor) -> Views:
    return Views(*softmax(logits(torch.cat([x, changed])).double(), 1))


def _pictures(seen: Digit, x: Tensor, changed: Tensor, victim: str, views: dict[str, Views], width: int) -> str:
    """Clean, the change, attacked; a title that says what happened to the victim."""
    change = (changed - x) / 2  # pixels in [0, 1]
    largest = change.abs().max().item()
    times = 0.5 / largest if largest > 0 else 1.0
    shown = torch.cat([(x + 1) / 2, 0.5 + times * change, (changed + 1) / 2])
    said, says = (int(view.argmax()) for view in views[victim])
    name = "The network" if victim == NETWORK else "Bayes"
    title = f"{name} saw a {said} and now sees a {says}" if said != says else f"{name} still sees a {says}"
    return figure(
        title,
        mosaic(to_uint8(shown), 3, min(width, 540), f"A digit, the change, and both together. {title}", largest=6),
        f"Left {seen.words}; in the middle what is added, {number(round(times, 2))} times as large and grey where "
        f"nothing is; right the sum. No pixel changes by more than {number(round(largest, 4))} of the way from black "
        f"to white; the change is {number(round(change.norm().item(), 3))} long. Computed against "
        f"{'the network' if victim == NETWORK else 'the Bayes classifier'} with full knowledge of it; the other one "
        "only sees the result.",
    )


def _answers(name: str, view: Views, origin: str, width: int) -> str:
    """p(y|x) before and after of one classifier."""
    known = classify.Reference(**classify.shipped()["reference"])
    canvas = paired(view.before, view.after, (BEFORE, AFTER), min(width, 400), 170)
    said = [f"{int(p.argmax())}: {p.max():.3f}" for p in view]
    how = (
        f"p(y|x) by Bayes' rule from {origin}: K = {attacked.SAMPLES} samples, fixed noise. Each grey counts as the "
        "share of white draws, for no gradient passes through a draw."
        if name == BAYES
        else f"p(y|x) of a convolutional network that names {known.judge:.1%} of {known.digits:,} clean test digits."
    )
    return figure(
        "Bayes" if name == BAYES else "Network",
        canvas.svg(f"{name}: before {said[0]}, after {said[1]}"),
        how,
        entries=[("before", BEFORE, said[0]), ("after", AFTER, said[1])],
        x_label="label y",
    )


def _formulas(kind: str, norm: str, size: float, steps: int) -> str:
    """The rule of the attack, and its numbers."""
    numbers = [r"\varepsilon\;=\;", size]
    if kind == PGD:
        numbers += [r"\quad\alpha = 2.5\,\varepsilon\,/\,T\;=\;", 2.5 * size / steps, r"\quad T\;=\;", float(steps)]
    return equations([equation((RULES if norm == LINF else STRAIGHT)[kind]), equation(*numbers)])


def _curve(kind: str, norm: str, size: float, width: int) -> str:
    """Accuracy against eps of both, measured beforehand."""
    known = attacked.shipped()
    eps = attacked.EPS[norm]
    canvas = Canvas((0, eps[-1]), (0, 1.02), min(width, 560), 220)
    for name in VICTIMS:
        values = known["curves"][f"{name} {kind} {norm}"]
        canvas.line(eps, values, COLORS[name])
    canvas.mark(min(size, eps[-1]), "the eps above")
    moves = f"PGD takes {known['steps']} steps from one start." if kind == PGD else "One step."
    return figure(
        f"Right answers under {kind}",
        canvas.svg(f"Accuracy of both classifiers under {kind}, {norm}, eps from 0 to {eps[-1]:g}"),
        f"Share of {known['count']} test digits (standard error up to 0.05), each classifier attacked with full "
        f"knowledge of itself, the CVAE that comes along with K = {known['samples']}; a digit lost at one eps "
        f"stays lost at larger ones. {moves}",
        entries=[("network", COLORS[NETWORK], ""), ("Bayes", COLORS[BAYES], "")],
        x_label=f"eps, {norm}, pixels in [0, 1]",
    )


ATTACK = Tool(
    "attack",
    "A change that hardly shows, and another answer",
    "The gradient says which way each pixel must move to confuse a classifier. Move eps: how little is enough for the "
    "network, and how little for the Bayes classifier? Draw your own digit and turn it into another.",
    attack,
    ("pictures", *VICTIMS, "curve"),
    (
        Preset("One step", "FGSM follows the sign of the gradient once: often enough.", {"kind": FGSM, "eps": 0.3}),
        Preset("Make the seven a three", "A chosen answer needs more than any other one.", {"target": "3", "eps": 0.2}),
        Preset(
            "Against Bayes",
            "Knowing p(x|y) does not protect by itself: the encoder is a network, too, and is led astray sooner.",
            {"victim": BAYES, "eps": 0.05},
        ),
    ),
    folded=("target", "steps", "restarts", "model"),
)

TOOLS = (ATTACK,)


def build() -> None:
    """Places the tools inside the Blocks being built."""
    tool.place("attack", TOOLS, scripts=("sketch.js", "attack.js"))

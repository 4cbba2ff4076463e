"""Advice on training: what may stand in one batch, how good D may be, how large the networks have to be."""

from statistics import median

from genmodels import critic
from genmodels.run import Snapshot
from genmodels.tour.games import reading
from genmodels.tour.stop import Found, Stop, latest, said

PART = "Advice on training"
NEVER_WRONG, GUESSING = 0.2, 1.2  # nats of D's loss, which is 2 log 2 = 1.386 where it guesses
ERRS = ("near 0: D is never wrong", "in between: D is right more often than not", "near 2 log 2 = 1.39: D guesses")
START = "This question is about a run of yours: press Start on that page, wait some seconds, then answer."


def sure_of_batches(snapshot: Snapshot | None, *, model: str, data: str, mixed: bool) -> Found:
    readings = latest(snapshot, "discriminator_loss")
    if not readings:
        return Found(None, START)
    loss = median(readings)
    answer = ERRS[0] if loss < NEVER_WRONG else ERRS[1] if loss < GUESSING else ERRS[2]
    return Found(answer, f"After {snapshot.images:,} images D's loss in your run is {said(loss)} nats.")


def bound_now(snapshot: Snapshot | None, *, model: str, data: str, loss: str, steps: int) -> Found:
    readings = latest(snapshot, "js_bound")
    if not readings:
        return Found(None, START)
    low, high = min(readings), max(readings)
    says = f"After {snapshot.images:,} images the bound in your run is {said(readings[-1])} of at most 0.6931 nats."
    return Found((low + high) / 2, says, (high - low) / 2)


def deepest(*, family: str, t: float, constraint: str, weight: float, steps: int) -> Found:
    shares = []
    for layers in range(4):
        read = reading(critic.Task(family, t, constraint=constraint, limit=weight, layers=layers), steps)
        shares.append(read.bound / read.primal)
    values = ", ".join(said(share) for share in shares)
    best = str(shares.index(max(shares)))
    return Found(best, f"With 0, 1, 2 and 3 hidden layers the bound is this share of W\N{SUBSCRIPT ONE}: {values}.")


STOPS = (
    Stop(
        name="batches",
        part=PART,
        title="Real and fake in separate batches",
        text="Batch norm subtracts the mean of the batch and divides by its spread, so every answer depends on the "
        "whole batch. If real and fake pictures share a batch, D can read off its statistics what the others are; G, "
        "which learns on batches of fakes alone, meets another D. So: batches of only real or only fake pictures, or a "
        "norm that looks at one picture at a time, as instance norm does.",
        formula=r"\hat{h} = \frac{h - \mathrm{mean}_{batch}(h)}{\sqrt{\mathrm{var}_{batch}(h) + \epsilon}}",
        claim="Give D batches of only real or only generated pictures; where that cannot be, use instance norm.",
        minutes=90,
        tab="train",
        tool="",
        values={"model": "dcgan", "data": "mnist", "mixed": True},
        act="Here real and fake share a batch on purpose. Press Start and watch D's loss and the pictures for half a "
        "minute.",
        question="Where is D's loss in your run now?",
        measure=sure_of_batches,
        why="A D that is never wrong has learned the batches, not the pictures: G gets no useful slopes.",
        options=ERRS,
        watched=True,
    ),
    Stop(
        name="too_good",
        part=PART,
        title="When D is too good",
        text="Ten steps of D for each of G, and the minimax loss: D soon tells nearly all pictures apart, the bound on "
        "JS stands near log 2, and G's loss is flat just where its fakes are. The text asks whether a better D makes a "
        "worse G: under the minimax loss it does. A Wasserstein critic may be trained to the end, for its slope stays "
        "1.",
        formula=r"\mathrm{JS} \geq \log 2 + \frac{V}{2} \rightarrow \log 2, \qquad "
        r"\nabla_\theta\, \log(1-D(G_\theta(z))) \rightarrow 0",
        claim="The better the discriminator, the worse the gradients that the generator gets.",
        minutes=90,
        tab="train",
        tool="",
        values={"model": "gan", "data": "mnist", "loss": "minimax", "steps": 10},
        act="Press Start, wait half a minute, and point at the curve of the bound on JS.",
        question="What does the bound on JS of your run say now, in nats?",
        measure=bound_now,
        why="At log 2 = 0.693 D is always right. Near that, minimax leaves G hardly any slope to climb.",
        unit="nats",
        tolerance=0.03,
        watched=True,
    ),
    Stop(
        name="settings",
        part=PART,
        title="How many layers, how many units?",
        text="No theorem says how large G and D have to be, and no rule holds for all data. What can be said is how to "
        "find out: change one setting, keep the seed, and compare a figure that means something, such as a distance "
        "beside its floor, never a generator's loss. Here is a small case in which the truth is known: a critic has to "
        "measure how far a bell was moved.",
        formula=r"\frac{1}{K}\,(\mathrm{E}_p f - \mathrm{E}_q f) \leq W_1, \qquad K = \max |f'|",
        claim="How to set the layers and hidden units of generator and discriminator is left open.",
        minutes=90,
        tab="distances",
        tool="dual",
        values={"family": "gaussians", "t": 3.0, "constraint": "gradient penalty", "weight": 10.0, "steps": 200},
        act="Under More settings choose 0, 1, 2 and 3 hidden layers, and read each time the estimate scaled to slope "
        "1, which is at most W\N{SUBSCRIPT ONE}.",
        question="With how many hidden layers does it come nearest to W\N{SUBSCRIPT ONE}?",
        measure=deepest,
        why="A straight line would do, but to the penalty slope \N{MINUS SIGN}1 is as good as 1: from the wrong side "
        "it cannot get away. Two layers turn round, a third is harder to hold. Nobody knows beforehand: measure.",
        options=("0", "1", "2", "3"),
    ),
)

"""What a run's curves mean: a verdict in plain words with its evidence, from nothing but what the run remembers.

Every rule is a pure function of a history: it answers with a verdict in the units of the run's own objective, or
with None where it has nothing to say. The first that answers is heard.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from genmodels.evidence import (
    DISTANCE,
    SETTLED,
    History,
    distances,
    early,
    gaps,
    generators,
    measure,
    nearness,
    recent,
)

OPENING = 3000  # images: before, a discriminator is far ahead or far behind in healthy games, too
GROWN_UP = 80_000  # images: by then samples of healthy games are of more than half of the classes
CERTAIN = 0.85  # of the way from guessing to never erring: D is wrong in one case of twenty or fewer
WORSE_THAN_GUESSING = 2.0  # times the loss of a discriminator that answers "perhaps" to everything
LEAP = 3.0  # times the loss before training: a healthy loss never rises above its start by so much
WILD = 0.05  # share of rounds with such a loss; healthy runs have none
REVERSED = (0.15, 0.85)  # share of rounds in which a critic scores generated images above real ones: no side holds
MISSING = 0.01  # share of samples below which a class is missing; by chance one of ten comes below in 10^-9 of looks
EXPECTED = 0.04  # share that a class must have by rights before its absence is noticed in 256 samples
SILENT = 0.1  # of a code's units: so few in use, and images differ by little else than chance
PAID = 0.5  # nats of KL below which a code says less than the toss of a coin
BY_HEART = 1.25  # times the error on seen images that unseen ones may cost
NO_NEARER = 0.7  # of the distance before training: samples that far off are not on their way
GROWN = 0.5  # of the distance before training: samples that near show classes, not noise
NEARLY_ALL = 0.8  # share of one class among samples
ALIKE = 0.1  # variety of samples that are one picture; a slow healthy run may still be at twice that
GAINED = 0.02  # of the start: less may be chance
ENOUGH = 6  # measurements to tell a halt from a rest
FLAT = 0.01  # of a held-out term while the images seen double: not worth waiting for
FLAT_DISTANCE = 0.05  # the same of a distance of 256 samples, which varies by a twentieth by itself


@dataclass(frozen=True)
class Verdict:
    """What is going on, in a word, in a sentence, and by which figures."""

    name: str
    sentence: str
    evidence: tuple[str, ...]
    alarm: bool = False  # whether something is wrong


def diagnose(history: History) -> Verdict:
    """The first verdict whose rule applies."""
    for rule in RULES:
        verdict = rule(history)
        if verdict:
            return verdict
    return Verdict("too early to say", "There is too little to go by yet.", (f"{history.images:,} images seen",))


def diverging(history: History) -> Verdict | None:
    """Numbers that were no longer finite; a loss worse than before training; a discriminator that errs with certainty;
    a critic's gap that grows while samples get no better."""
    name = "diverging"
    for images, text in reversed(history.marks):
        if "no longer finite" in text and images > history.images / 2:
            return Verdict(name, "The numbers blew up: choose lower learning rates.", (text,), alarm=True)
    if loss := recent(history, "loss"):
        images, losses = history.curves["loss"]
        start, now, worst = losses[0], median(loss), max(losses)
        evidence = f"training loss: {start:.4g} at the start, {worst:.4g} at its worst, {now:.4g} now"
        if now > start:
            return Verdict(name, "The loss is worse than before training: the steps are too long.", (evidence,), True)
        changed = max((at for at, _ in history.marks), default=0)
        if worst > LEAP * start > 0 and images[losses.index(worst)] > changed:
            return Verdict(name, "The loss leapt up: the steps are too long.", (evidence,), True)
    loss = recent(history, "discriminator_loss")
    guessing = 2 * math.log(2)
    wild = sum(value > WORSE_THAN_GUESSING * guessing for value in loss) / len(loss) if loss else 0.0
    if "js_bound" in history.curves and wild > WILD and history.images >= OPENING:
        evidence = f"discriminator's loss: above {WORSE_THAN_GUESSING * guessing:.2f} nats in {wild:.0%} of the rounds "
        evidence += f"of late, where guessing costs {guessing:.2f}"
        sentence = "The discriminator errs with certainty, worse than by guessing: its steps are too long."
        return Verdict(name, sentence, (evidence, *generators(history)), True)
    gap, far = gaps(history), distances(history)
    if gap and len(far) > 1 and far[-1] > NO_NEARER * far[0]:
        third = len(gap) // 3
        before, now = median(gap[:third]), median(gap[-third:])
        if now > before:
            sentence = "The critic's gap grows while the samples get no better: the game runs away."
            evidence = f"critic's gap: {before:.3g} score units at first, {now:.3g} now, in units of this critic alone"
            return Verdict(name, sentence, (evidence, *nearness(history)), True)
    return None


def too_strong(history: History) -> Verdict | None:
    """Opponents whose loss has a worst value: how far they are from guessing."""
    loss = recent(history, "discriminator_loss")
    if not loss or history.images < OPENING:
        return None
    now = median(loss)
    if "js_bound" in history.curves:
        evidence = f"bound on the Jensen-Shannon divergence, of late: {math.log(2) - now / 2:.2f} of at most 0.69 nats"
        certainty = 1 - now / (2 * math.log(2))
    elif history.model == "r3gan":  # its loss has penalties within
        pairs = recent(history, "held_out")
        certainty = 1 - median(pairs) / math.log(2) if pairs else 0.0
        evidence = f"pairing loss: {(1 - certainty) * math.log(2):.2f} nats, where guessing costs 0.69"
    else:
        certainty = 1 - now / 2
        evidence = f"hinge loss of the discriminator: {now:.2f}, where guessing costs 2"
    if certainty < CERTAIN:
        return None
    far = distances(history)
    taught = far and far[-1] < GROWN * far[0]
    sentence = (
        "The discriminator tells samples from data almost always. The samples do get better, but fewer of its steps, "
        "or shorter ones, would teach the generator sooner."
        if taught
        else "The discriminator tells samples from data almost always, so that little is left of what the generator "
        "could learn from. The generator's loss means nothing by itself."
    )
    return Verdict("discriminator too strong", sentence, (evidence, *generators(history), *nearness(history)), True)


def oscillating(history: History) -> Verdict | None:
    """A critic that scores now the data above the samples, now the samples above the data."""
    gap = gaps(history)
    late = gap[-len(gap) // 3 :]
    share = sum(value < 0 for value in late) / len(late) if late else 0.0
    if not REVERSED[0] < share < REVERSED[1]:
        return None
    sentence = "The critic swings: in many rounds it scores generated images above real ones. Its steps are too long."
    evidence = f"gap reversed in {share:.0%} of the rounds of late; it is {median(map(abs, late)):.3g} score units wide"
    return Verdict("oscillating", sentence, (evidence, *nearness(history)), True)


def mode_collapse(history: History) -> Verdict | None:
    """Classes that no sample shows, although the run has had the time, or which earlier samples did show."""
    looks = [look for look in history.looks if len(look.shares) > 1 and look.distance is not None]
    if len(looks) < 3 or looks[-1].images < SETTLED:
        return None
    now, before, start = looks[-1], looks[-2], looks[0].distance
    grown = [look for look in looks[:-2] if look.distance < GROWN * start]
    gone = [k for k, share in enumerate(now.shares) if max(share, before.shares[k]) < MISSING]
    lost = [k for k in gone if any(look.shares[k] > EXPECTED for look in grown)]
    few = 2 * len(gone) >= len(now.shares) and now.images >= GROWN_UP
    if not (lost or few or (max(now.shares) > NEARLY_ALL and now.variety < ALIKE)):
        return None
    missing = [history.classes[k] for k, share in enumerate(now.shares) if share < MISSING]
    most = max(range(len(now.shares)), key=now.shares.__getitem__)
    sentence = f"The generator leaves out classes: {', '.join(missing)}."
    evidence = (
        f"{len(missing)} of {len(now.shares)} classes in less than 1 % of {now.samples} samples, by the judge",
        f"most often: {history.classes[most]}, {now.shares[most]:.0%} of the samples",
        f"variety of the samples: {now.variety:.2f}, where test images have 1",
    )
    return Verdict("mode collapse", sentence, evidence, True)


def posterior_collapse(history: History) -> Verdict | None:
    """A code that hardly depends on the image."""
    looks = [look for look in history.looks if look.codes]
    if not looks or early(history) or looks[-1].images < SETTLED:
        return None
    look, kl = looks[-1], recent(history, "kl")
    if look.active > SILENT * look.codes and not (kl and median(kl) < PAID):
        return None
    sentence = (
        "The code says next to nothing about the image: the decoder answers without it. A smaller beta, or one that "
        "grows slowly, lets it speak."
    )
    evidence = (f"units of the code in use: {look.active} of {look.codes}",)
    if kl:
        evidence += (f"KL to the prior: {median(kl):.2g} nats an image",)
    return Verdict("posterior collapse", sentence, evidence, True)


def memorising(history: History) -> Verdict | None:
    """Held-out images cost far more than training images."""
    looks = [look for look in history.looks if "held_out" in look.seen and "held_out" in look.unseen]
    if not looks or len(history.curves.get("discriminator_loss", ((), ()))[0]) or early(history):
        return None
    seen, unseen = looks[-1].seen["held_out"], looks[-1].unseen["held_out"]
    best = min(look.unseen["held_out"] for look in looks)
    if not unseen > BY_HEART * seen > 0:
        return None
    passes = history.images / history.size
    sentence = "The model learns its training images by heart: images it has not seen cost it far more."
    evidence = (
        f"{seen:.4g} for training images, {unseen:.4g} for held-out ones, whose best was {best:.4g}",
        f"each of {history.size:,} images seen {passes:,.0f} times",
    )
    return Verdict("memorising", sentence, evidence, True)


def converged(history: History) -> Verdict | None:
    """Hardly anything gained while the images seen doubled."""
    series, what, unit = measure(history)
    if len(series) < ENOUGH:
        return None
    last = series[-1][0]
    early, late = ([v for x, v in series if low * last < x <= high * last] for low, high in ((0.35, 0.65), (0.8, 1)))
    if min(len(early), len(late)) < 2:
        return None
    then, now = median(early), median(late)
    flat = FLAT if what != DISTANCE else FLAT_DISTANCE
    if abs(then - now) > flat * abs(now) or series[0][1] - now < abs(series[0][1]) * GAINED:
        return None
    sentence = "Nothing more to gain: while the images seen doubled, it hardly moved. You may stop now."
    return Verdict("converged", sentence, (f"{what}: {then:.4g} at half of the images, {now:.4g} now{unit}",))


def learning(history: History) -> Verdict | None:
    """The measure of this model gets better."""
    series, what, unit = measure(history)
    if len(series) < 2 or early(history):
        return None
    start, now = series[0][1], series[-1][1]
    if start - now < GAINED * abs(start):
        return None
    sentence = "It is learning: its measure has become better, and there may be more to come."
    played = {"discriminator_loss", "critic_loss"} & history.curves.keys()
    game = ("The players' losses are a balance and need not fall.",) if played else ()
    return Verdict("learning", sentence, (f"{what}: {start:.4g} at first, {now:.4g} now{unit}", *game))


RULES: tuple[Callable[[History], Verdict | None], ...] = (
    diverging,
    too_strong,
    oscillating,
    posterior_collapse,
    mode_collapse,
    memorising,
    converged,
    learning,
)

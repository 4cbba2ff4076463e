"""Information theory: surprise, what variables share, and how laws differ."""

import math

import torch

from genmodels.theory import divergence, information, tables
from genmodels.tour.stop import Found, Stop, said

PART = "Information theory"
SKEWED = [0.6, 0.2, 0.1, 0.1]
HALF = [0.5, 0.5, 0.0, 0.0]
EVEN = [0.25, 0.25, 0.25, 0.25]


def _law(weights: list[float]) -> torch.Tensor:
    return tables.normalised(torch.tensor(weights, dtype=torch.float64))


def _in(unit: str, nats: torch.Tensor) -> float:
    return nats.item() / math.log(2) if unit == "bits" else nats.item()


def mean_surprise(*, unit: str, p: list[float], q: list[float]) -> Found:
    entropy = _in(unit, information.entropy(_law(p)))
    rarest = _in(unit, information.self_information(_law(p)).max())
    return Found(entropy, f"H(p) is {said(entropy)} {unit}; the rarest symbol alone takes {said(rarest)}.")


def left_open(*, law: str, size: str, noise: float, unit: str) -> Found:
    table = tables.channel(int(size), noise)
    both, left = (_in(unit, part(table)) for part in (information.joint_entropy, information.conditional_entropy))
    return Found(left, f"H(X,Y) is {said(both)} {unit}, and of it H(X|Y) is {said(left)}.")


def shared_by_both(*, law: str, noise: float, unit: str) -> Found:
    bits = tables.xor(noise)
    pair = _in(unit, information.mutual_information(bits.flatten(0, 1)))
    alone = _in(unit, information.mutual_information(bits.sum(1)))
    return Found(pair, f"I(X,Y;Z) is {said(pair)} {unit}; I(X;Z) alone is {said(round(alone, 9))}.")


def wasted(*, unit: str, p: list[float], q: list[float]) -> Found:
    waste, back = (_in(unit, information.kl(_law(a), _law(b))) for a, b in ((p, q), (q, p)))
    says = f"In {unit} a symbol KL(p \N{PARALLEL TO} q) is {said(waste)}; the other way round it is {said(back)}."
    return Found(waste, says)


def change(*, family: str, t: float, further: float) -> Found:
    near, far = divergence.FAMILIES[family](torch.tensor([t, further], dtype=torch.float64)).js.tolist()
    moved = round(abs(far - near), 9)
    return Found(moved, f"JS is {said(near)} nats at t = {t:g} and {said(far)} nats at t = {further:g}.")


STOPS = (
    Stop(
        name="entropy",
        part=PART,
        title="Surprise, and its mean",
        text="An outcome of probability p carries log 1/p of information: the less likely, the more surprising, and "
        "the surprises of independent outcomes add up. The mean surprise of a distribution is its entropy. It is also "
        "a length: no code spends fewer bits a symbol on average, and a code whose words are log 1/p long spends just "
        "so many.",
        formula=r"I(x) = -\log p(x), \qquad H(p) = \mathrm{E}_p\, I(x) = -\sum_x p(x) \log p(x)",
        claim="Self-information measures how surprising an outcome is; entropy is its expectation.",
        minutes=20,
        tab="information",
        tool="codes",
        values={"unit": "bits", "p": SKEWED, "q": SKEWED},
        act="The code is the right one for p = (0.6, 0.2, 0.1, 0.1): every column is as high as its code word is long. "
        "Read H(p) under the figures.",
        question="What is the entropy H(p), in bits?",
        measure=mean_surprise,
        why="The rare symbols are long but seldom: the mean weighs each length with its probability.",
        unit="bits",
        tolerance=0.02,
    ),
    Stop(
        name="conditional",
        part=PART,
        title="Two variables at once",
        text="Two variables have a joint entropy H(X,Y), the mean surprise of the pair. Once Y is known, what is left "
        "to ask about X is the conditional entropy H(X|Y): the joint entropy less that of Y. It is 0 where Y gives X "
        "away, and H(X) where Y says nothing of X.",
        formula=r"H(X|Y) = H(X,Y) - H(Y)",
        claim="The information of a pair is that of one plus what the other still adds to it.",
        minutes=90,
        tab="information",
        tool="joint",
        values={"law": "noisy channel", "size": "4", "noise": 0.1, "unit": "bits"},
        act="One of four letters X is sent, and one time in ten another one, Y, arrives. The strips show what is known "
        "and what is not.",
        question="When Y has arrived, how many bits of X are still open: what is H(X|Y)?",
        measure=left_open,
        why="Two bits were sent; Y is right nine times in ten, and so leaves less than one of them open.",
        unit="bits",
        tolerance=0.02,
    ),
    Stop(
        name="mutual",
        part=PART,
        title="What one says about the other",
        text="Mutual information is what knowing Y saves of the questions about X. It is symmetric, never negative, "
        "and 0 only for independent variables: it is the KL divergence of p(x,y) from p(x)p(y). Three variables can "
        "hide more: no two of them need know of each other, and still two together give the third away.",
        formula=r"I(X;Y) = H(X) - H(X|Y) = \mathrm{KL}(p(x,y)\,\Vert\,p(x)\,p(y))",
        claim="Mutual information measures how much of one variable is contained in another.",
        minutes=90,
        tab="information",
        tool="joint",
        values={"law": "XOR", "noise": 0.05, "unit": "bits"},
        act="X and Y are coins; Z says whether they differ, and lies five times in a hundred. Rows are pairs (x, y), "
        "columns are z.",
        question="How many bits do X and Y together say about Z: what is I(X,Y;Z)?",
        measure=shared_by_both,
        why="Alone neither coin says anything of Z; together they say all but what the noise destroys.",
        unit="bits",
        tolerance=0.02,
    ),
    Stop(
        name="kl",
        part=PART,
        title="The price of the wrong model",
        text="Use the code made for q on symbols that come from p, and you pay the cross-entropy H(p,q). What goes "
        "beyond H(p) is waste: the Kullback-Leibler divergence. Maximising likelihood is making this waste small. It "
        "is no distance: it is not symmetric, and it is infinite as soon as q rules out what p allows.",
        formula=r"\mathrm{KL}(p\,\Vert\,q) = \sum_x p(x) \log\frac{p(x)}{q(x)} = H(p,q) - H(p)",
        claim="KL divergence measures how one distribution differs from another, and is not symmetric.",
        minutes=20,
        tab="information",
        tool="codes",
        values={"unit": "bits", "p": HALF, "q": EVEN},
        act="Only two symbols ever come, a and b, but the code was made for four that are equally likely. Orange is "
        "waste.",
        question="How many bits a symbol are wasted: what is KL(p \N{PARALLEL TO} q)?",
        measure=wasted,
        why="Every word is two bits long where one would do. The other way round, two of four symbols would have no "
        "word.",
        unit="bits",
        tolerance=0.02,
    ),
    Stop(
        name="js",
        part=PART,
        title="A divergence that falls silent",
        text="Jensen-Shannon compares p and q with their mixture m, half of each. It is symmetric and never above log "
        "2 = 0.693 nats, which it is whenever p and q do not overlap, however far apart they are. There its slope is "
        "0: a generator that follows JS is not told which way to go.",
        formula=r"\mathrm{JS}(p,q) = \frac{1}{2}\mathrm{KL}(p\,\Vert\,m) + \frac{1}{2}\mathrm{KL}(q\,\Vert\,m), "
        r"\quad m = \frac{p+q}{2}",
        claim="KL and JS cannot measure how far apart distributions are that do not overlap.",
        minutes=5,
        tab="distances",
        tool="slide",
        values={"family": "uniforms", "t": 1.2},
        act="Two uniform distributions of width 1 stand 1.2 apart. Read Jensen-Shannon, then move the distance to 4.",
        question="By how much does JS change as t goes from 1.2 to 4?",
        measure=change,
        why="Without overlap JS is log 2 wherever q is, and a constant has no slope to follow.",
        unit="nats",
        tolerance=0.01,
        given={"further": 4.0},
    ),
)

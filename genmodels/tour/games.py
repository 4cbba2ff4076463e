"""Games: GAN, its two losses, labels, the Wasserstein critics, and convolutions."""

from functools import lru_cache
from statistics import median
from typing import Any

import torch

from genmodels import critic, drawn, scrutiny
from genmodels.playground.losses import LOSSES
from genmodels.run import Snapshot
from genmodels.theory import divergence, lipschitz
from genmodels.tour.stop import Found, Stop, latest, recorded, said, shipped

PART = "Generative adversarial networks"
SURE, LOST = 0.6, 0.1  # nats of the bound on JS, of at most 0.693
DRAWS = 200
TELLS = ("near 0: D can no longer tell", "in between: D keeps a lead", "near log 2: D is nearly always right")
READS = (
    "clearly less than W\N{SUBSCRIPT ONE}",
    "W\N{SUBSCRIPT ONE}, to within a tenth",
    "clearly more than W\N{SUBSCRIPT ONE}",
)


@lru_cache(maxsize=4)
def bound_of_shipped(model: str, data: str) -> float:
    """The bound on JS by the trained model that came along, nats."""
    network, pictures = shipped(f"{model}-{data}")
    labels = torch.arange(DRAWS) % network.classes
    opinion = scrutiny.opinion(network, drawn.draw(network, 0, labels).images, labels, pictures)
    return divergence.js_bound(opinion.real.double(), opinion.scores.double()).item()


def told_apart(snapshot: Snapshot | None, *, model: str, data: str) -> Found:
    """Of the visitor's run, else of the model that came along."""
    readings = latest(snapshot, "js_bound")
    bound = median(readings) if readings else bound_of_shipped(model, data)
    whose = f"your run, after {snapshot.images:,} images," if readings else f"the {model} that came along"
    answer = TELLS[0] if bound < LOST else TELLS[1] if bound < SURE else TELLS[2]
    return Found(answer, f"For {whose} the bound on JS is {said(bound)} of at most 0.6931 nats.")


def pull(*, law: str, probability: float, **settings: Any) -> Found:
    score = torch.tensor([probability], dtype=torch.float64).logit().requires_grad_()
    losses = settings["play.loss"], "non-saturating"
    weak, strong = (torch.autograd.grad(LOSSES[loss].generator(score), score)[0].abs().item() for loss in losses)
    return Found(
        strong / weak,
        f"The slopes by D's score are {said(weak)} under {losses[0]} and {said(strong)} under {losses[1]}.",
    )


def obeyed(*, model: str) -> Found:
    figures = recorded(model)
    percent = 100 * figures["label_agreement"]
    return Found(
        percent, f"Of {figures['samples']:,} samples of {model} the judge reads {percent:.1f} % as the label asked for."
    )


def reading(task: critic.Task, steps: int) -> critic.Reading:
    return critic.read(task, critic.learned(task, steps)[0])


def clipped(*, family: str, t: float, constraint: str, clip: float, steps: int, units: int) -> Found:
    read = reading(critic.Task(family, t, constraint=constraint, limit=clip, units=units), steps)
    share = read.estimate / read.primal
    answer = READS[0] if share < 0.9 else READS[1] if share <= 1.1 else READS[2]
    return Found(
        answer,
        f"The critic reads {said(read.estimate)} where W\N{SUBSCRIPT ONE} is {said(read.primal)}; at its steepest it "
        f"has slope {said(read.steepest)}.",
    )


def overshot(*, family: str, t: float, constraint: str, weight: float, steps: int) -> Found:
    best, _ = lipschitz.penalised(abs(t), weight)
    read = reading(critic.Task(family, t, constraint=constraint, limit=weight), steps)
    return Found(best, f"The best critic has slope {said(best)}; the one trained here reaches {said(read.steepest)}.")


def closer(*, model: str, other: str) -> Found:
    distances = {name: recorded(name)["feature_distance"] for name in (model, other)}
    values = " and ".join(f"{said(value)} for {name}" for name, value in distances.items())
    floor = said(recorded(model)["feature_distance_floor"])
    return Found(
        min(distances, key=distances.get), f"The feature distance to real digits is {values}; real ones have {floor}."
    )


STOPS = (
    Stop(
        name="gan",
        part=PART,
        title="Two networks play",
        text="A generator G turns noise into pictures; a discriminator D says how surely a picture is real. D "
        "maximises V, G minimises it. At its best D is p / (p + q), and V is then 2 JS(p, q) less 2 log 2: so the "
        "value of any D, on pictures it has not seen, is a lower bound on how far G's samples are from the data. The "
        "losses themselves do not fall: they are a balance.",
        formula=r"V = \mathrm{E}_x \log D(x) + \mathrm{E}_z \log(1 - D(G(z))), \qquad "
        r"\mathrm{JS}(p,q) \geq \log 2 + \frac{V}{2}",
        claim="Generator and discriminator learn from each other until nobody can tell real from generated.",
        minutes=5,
        tab="train",
        tool="",
        values={"model": "dcgan", "data": "mnist"},
        act="Press Start and watch for half a minute. The curve of the lower bound on JS says how well D still tells "
        "them apart. Without a run of yours the answer is that of the trained model that came along.",
        question="Where is the bound on JS now?",
        measure=told_apart,
        why="At log 2 D never errs, at 0 it can only guess; G has something to learn from as long as D keeps a lead.",
        options=TELLS,
        watched=True,
    ),
    Stop(
        name="minimax",
        part=PART,
        title="The same goal, a stronger pull",
        text="In the minimax game G minimises log(1 \N{MINUS SIGN} D(G(z))). Early on D is sure of the fakes, D(G(z)) "
        "is nearly 0, and there this loss is flat: its slope by D's score s is only D itself. Goodfellow's remedy is "
        "to maximise log D(G(z)) instead, whose slope is 1 \N{MINUS SIGN} D. The fixed point is the same, the pull is "
        "not.",
        formula=r"\left|\frac{\partial}{\partial s} \log(1-\sigma(s))\right| = \sigma(s), \qquad "
        r"\left|\frac{\partial}{\partial s} \log \sigma(s)\right| = 1-\sigma(s)",
        claim="Early in training the minimax loss saturates; maximising log D gives stronger gradients.",
        minutes=20,
        tab="playground",
        tool="",
        values={"law": "ring", "play.loss": "minimax", "play.discriminator_steps": 20},
        act="Press Play: the arrows are G's pull on its fakes, and under minimax they fade. Then choose the "
        "non-saturating loss while it plays.",
        question="D gives a fake the probability 0.01 of being real. How many times as strong is the non-saturating "
        "pull as the minimax one?",
        measure=pull,
        why="The slopes are 0.99 and 0.01: just where G is worst, minimax teaches it least.",
        tolerance=1.0,
        given={"probability": 0.01},
    ),
    Stop(
        name="cgan",
        part=PART,
        title="Asked for a class",
        text="A conditional GAN gives the label to both: G is asked for a class, and D judges whether picture and "
        "label belong together. A beautiful digit of the wrong class is then a fake like any other. Whether labels are "
        "obeyed can be counted: a classifier reads the samples.",
        formula=r"\min_G \max_D\; \mathrm{E}_{x,y} \log D(x|y) + \mathrm{E}_{z,y} \log(1 - D(G(z|y)\,|\,y))",
        claim="With a condition on both networks one decides what is generated.",
        minutes=90,
        tab="samples",
        tool="draw",
        values={"model": "cgan-mnist"},
        act="Ten columns, ten labels. The table beside the samples says how many obey theirs.",
        question="How many samples in a hundred does the judge read as the label they were asked for?",
        measure=obeyed,
        why="D learns pairs, so that G gains nothing from a good digit under the wrong label.",
        unit="%",
        tolerance=0.6,
    ),
    Stop(
        name="wgan",
        part=PART,
        title="A critic that measures",
        text="The distance that the mover pays is also the best that a critic of slope at most 1 can read: the mean of "
        "f over the data less that over the fakes. A Wasserstein GAN trains such an f. Its first means was crude: clip "
        "every weight to [-c, c]. That bounds the slope, by some K that nobody knows, so what is read is at most K "
        "times W\N{SUBSCRIPT ONE}.",
        formula=r"W_1(p,q) = \max_{\Vert f \Vert_L \leq 1}\; \mathrm{E}_p f - \mathrm{E}_q f, \qquad |w| \leq c",
        claim="The critic does not classify: it measures how close the features of real and generated data are.",
        minutes=20,
        tab="distances",
        tool="dual",
        values={
            "family": "gaussians",
            "t": 3.0,
            "constraint": "weight clipping",
            "clip": 0.1,
            "steps": 200,
            "units": 16,
        },
        act="A critic is trained on the spot with its weights clipped to 0.1. Compare what it reads with "
        "W\N{SUBSCRIPT ONE}.",
        question="What does the clipped critic read?",
        measure=clipped,
        why="So narrow a clip leaves no slope near 1; a wider one would leave too much. K is a matter of luck.",
        options=READS,
    ),
    Stop(
        name="wgan_gp",
        part=PART,
        title="Slopes held near 1",
        text="WGAN-GP differs from WGAN in three ways: instead of clipping, the critic pays for every slope other than "
        "1, measured between real and generated pictures; the critic has no batch norm, for the penalty is about "
        "single pictures; and Adam takes the place of RMSProp. The best critic under the penalty is a little too "
        "steep: between two points r apart its slope is 1 + r / (2 lambda).",
        formula=r"\mathrm{E}_p f - \mathrm{E}_q f - \lambda\, \mathrm{E}_{\hat{x}} (\Vert \nabla f(\hat{x}) \Vert - "
        r"1)^2, \quad \hat{x} = u\,x + (1-u)\,G(z)",
        claim="A penalty on the gradient keeps the critic near slope 1 and trains more stably than clipping.",
        minutes=90,
        tab="distances",
        tool="dual",
        values={"family": "points", "t": 2.0, "constraint": "gradient penalty", "weight": 2.0, "steps": 300},
        act="Two points 2 apart, a light penalty of weight 2. Read K, the steepest slope.",
        question="How steep is the best critic between them?",
        measure=overshot,
        why="A little more slope earns more than the penalty costs: 1 + 2 / (2 \N{MULTIPLICATION SIGN} 2). With lambda "
        "= 10 it would be 1.1.",
        tolerance=0.08,
    ),
    Stop(
        name="dcgan",
        part=PART,
        title="Convolutions, and five rules",
        text="DCGAN made the game work with convolutional networks by five rules: strided convolutions in place of "
        "pooling; batch norm in both networks, but not where pictures come out or go in; no hidden fully connected "
        "layer; ReLU in G with tanh at its end; leaky ReLU in D. They made training reliable; they do not make it "
        "cheap. On small grey digits, and on a processor without help, a fully connected GAN sees far more pictures in "
        "the same minutes.",
        formula=r"7 \rightarrow 14 \rightarrow 28\ \mathrm{pixels\ wide}: \quad "
        r"\mathrm{convolution},\ \mathrm{norm},\ \mathrm{ReLU}",
        claim="Five changes to the architecture make convolutional GANs train stably.",
        minutes=90,
        tab="samples",
        tool="pair",
        values={"model": "dcgan-mnist", "other": "gan-mnist"},
        act="Samples of both from the same noise. The captions say how many images each has seen, and its feature "
        "distance: less is better.",
        question="Whose samples are nearer to real digits?",
        measure=closer,
        why="A rule of thumb holds where it was found: here the small network had the time to see many more images.",
        options=("dcgan-mnist", "gan-mnist"),
    ),
)

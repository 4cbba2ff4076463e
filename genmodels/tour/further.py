"""Further: attention, truncation, attacks, classifiers by Bayes' rule, and models that need no opponent."""

import torch

from genmodels import attacked, classify, data
from genmodels import drawn as samples
from genmodels.theory import tables
from genmodels.theory.sinkhorn import entropic
from genmodels.tour.stop import Found, Stop, recorded, said, shipped

LARGE = "Attention and scale"
ATTACKS = "Adversarial attacks"
CLASSIFIERS = "Generative and discriminative models"
OTHERS = "Ways without an opponent"
VARIETY = ("it falls", "nothing that could be measured", "it grows")
EQUAL = 0.05  # share by which spreads must differ to be called different
SAMPLES = 60
TIMES = "\N{MULTIPLICATION SIGN}"


def gathered(*, model: str, row: int, column: int, seed: int, label: str, count: int) -> Found:
    network, _ = shipped(model)
    weights = samples.gathered(network, seed, samples.labels_of(network, label, count), row, column).weights[0]
    peak, positions = weights.max().item() * weights.numel(), weights.numel()
    return Found(peak, f"The largest weight of the first sample is {peak:.1f} times the even share 1/{positions}.")


def spread(*, model: str, threshold: float, label: str) -> Found:
    """Square root of the summed variance of the pixels, over samples of one class."""
    network, _ = shipped(model)
    labels = samples.labels_of(network, label, SAMPLES)
    z = samples.noise(network, SAMPLES, 0)
    short = network.truncate(z, threshold, torch.Generator().manual_seed(0))
    pictures = {
        "whole": samples.sampled(network, z, labels),
        "anew": samples.draw(network, 0, labels, threshold=threshold).images,
        "left": samples.sampled(network, short, labels),
    }
    found = {name: (images.flatten(1) / 255).var(0).sum().sqrt().item() for name, images in pictures.items()}
    share = found["anew"] / found["whole"]
    answer = VARIETY[0] if share < 1 - EQUAL else VARIETY[1] if share <= 1 + EQUAL else VARIETY[2]
    return Found(
        answer,
        f"Over {SAMPLES} samples of the {label} the spread goes from {said(found['whole'])} to {said(found['anew'])}; "
        f"with the batch statistics left as they were, to {said(found['left'])}.",
    )


def fooled(*, number: int, victim: str, kind: str, norm: str, eps: float, steps: int) -> Found:
    mnist, network = data.load("mnist"), attacked.network()
    x, y = mnist.test_images[number : number + 1].float() / 127.5 - 1, mnist.test_labels[number : number + 1]
    changed = attacked.attack(network, x, y, kind, norm, eps, steps=steps)
    with torch.no_grad():
        before, after = network(torch.cat([x, changed])).argmax(1).tolist()
    return Found(float(after), f"The network saw a {before}; with eps = {eps:g} it sees a {after}.")


def behind(*, look: str, number: int, samples: str) -> Found:
    network, mnist = shipped("cvae-mnist")
    found = classify.ask(network, mnist.test_images[number], int(samples), 0).log_likelihood
    first, second = found.topk(2).values.tolist()
    best, next_ = found.topk(2).indices.tolist()
    gap, label = first - second, int(mnist.test_labels[number])
    says = f"A {best} explains it with {said(first)} nats, a {next_} with {said(second)}, {said(gap)} behind."
    return Found(gap, f"{says} It was written as a {label}.")


def exact(*, model: str, other: str) -> Found:
    nats, bound = recorded(model)["nll_nats"], recorded(other)["iwae_nats"]
    return Found(nats, f"{model} needs {nats:.2f} nats an image, exactly; {other} needs at most {bound:.2f}.")


def nearest(*, model: str, others: list[str]) -> Found:
    distances = {name: recorded(name)["feature_distance"] for name in (*others, model)}
    values = ", ".join(f"{said(value)} for {name}" for name, value in distances.items())
    return Found(min(distances, key=distances.get), f"The feature distances to real digits are {values}.")


def energy(*, cost: str, blur: float, p: list[float], q: list[float]) -> Found:
    """Half the MMD under the kernel -|x - y|: what is left of transport where entropy is all."""
    a, b = (tables.normalised(torch.tensor(heap, dtype=torch.float64)) for heap in (p, q))
    place = torch.arange(len(p), dtype=torch.float64)
    costs = (place[:, None] - place).abs() ** {"distance": 1, "squared distance": 2}[cost]
    between, own_a, own_b = (entropic(u, v, costs, torch.inf).value.item() for u, v in ((a, b), (a, a), (b, b)))
    half = between - own_a / 2 - own_b / 2
    return Found(
        half, f"S is {said(between)} \N{MINUS SIGN} {said(own_a / 2)} \N{MINUS SIGN} {said(own_b / 2)} = {said(half)}."
    )


STOPS = (
    Stop(
        name="attention",
        part=LARGE,
        title="A pixel asks the others",
        text="A convolution sees only its surroundings. Self-attention lets every position gather from all: it asks "
        "with a query, the others answer with keys, a softmax turns agreement into weights that add up to 1, and what "
        "is gathered is added with a factor gamma, which starts at 0. So distant parts of a picture can agree.",
        formula=r"\beta_{ij} = \mathrm{softmax}_j\,(q_i \cdot k_j), \qquad y_i = x_i + \gamma \sum_j \beta_{ij}\, v_j",
        claim="Self-attention models dependencies between distant regions that convolutions reach only through many "
        "layers.",
        minutes=90,
        tab="samples",
        tool="attention",
        values={"model": "sagan-mnist", "row": 10, "column": 14, "seed": 0, "label": "all", "count": 10},
        act="A pixel is marked; below is where it gathers from. The number under each map is its largest weight over "
        "the even share.",
        question="What is that number under the first sample?",
        measure=gathered,
        why="An even average would have 1.0: the position prefers some others, and ignores most.",
        unit=TIMES,
        tolerance=0.15,
    ),
    Stop(
        name="truncation",
        part=LARGE,
        title="Variety traded for quality",
        text="BigGAN showed what scale does: large batches, many channels, one embedding of the class for all layers. "
        "And a trick for afterwards: draw again every entry of z beyond a threshold. Noise near the middle is what G "
        "has seen most, so its pictures are better there; but there are fewer kinds of them.",
        formula=r"z_i \sim \mathcal{N}(0, 1)\ \mathrm{given}\ |z_i| \leq t",
        claim="The truncation trick trades the variety of samples for their quality.",
        minutes=90,
        tab="samples",
        tool="draw",
        values={"model": "biggan-mnist", "threshold": 0.5, "label": "3"},
        act="Threes from truncated noise. Then move the truncation to 4, which leaves z whole, and compare.",
        question="What does truncation at 0.5 do to the variety of these threes?",
        measure=spread,
        why="The batch statistics are estimated anew for such noise, and the first norm scales it up again: in so "
        "small a model little is left of the trick.",
        options=VARIETY,
    ),
    Stop(
        name="attack",
        part=ATTACKS,
        title="A computed mistake",
        text="The slope of a classifier's loss by the pixels says which way each pixel has to move to confuse it. FGSM "
        "takes one step along the signs of these slopes; PGD takes several small ones and stays within eps of the "
        "picture. People hardly see the change, the network sees another digit.",
        formula=r"x_{t+1} = \Pi_{\varepsilon}\left(x_t + \alpha\,\mathrm{sign}\,\nabla_x L(x_t, y)\right)",
        claim="A classifier can be fooled by samples that were computed for the purpose.",
        minutes=5,
        tab="attack",
        tool="attack",
        values={"number": 0, "victim": "network", "kind": "PGD", "norm": "linf", "eps": 0.15, "steps": 10},
        act="A seven, what is added, and the sum: no pixel moves by more than 0.15 of the way from black to white.",
        question="Which digit does the network see now?",
        measure=fooled,
        why="Each pixel moves little, but all of them in the direction that costs the network most.",
        tolerance=0.0,
    ),
    Stop(
        name="bayes",
        part=CLASSIFIERS,
        title="A model of pictures names them",
        text="A discriminative model learns p(y|x) and nothing else. A generative one learns p(x|y), how each digit is "
        "written; Bayes' rule turns that into p(y|x), and p(x) comes along, which says whether it is a digit at all. "
        "The other way round there is no way: p(y|x) does not tell what an x looks like.",
        formula=r"p(y|x) = \frac{p(x|y)\,p(y)}{\sum_{y'} p(x|y')\,p(y')}",
        claim="From a generative model follows a discriminative one, but not the other way round.",
        minutes=20,
        tab="classifier",
        tool="bayes",
        values={"look": "test picture", "number": 445, "samples": "10"},
        act="A badly written digit. The figure of how much worse each label explains it has the nats.",
        question="How many nats is the second best label behind the best?",
        measure=behind,
        why="2.3 nats are a factor of ten in p(y|x): this is a close call, a clear digit is twenty nats ahead.",
        unit="nats",
        tolerance=0.15,
    ),
    Stop(
        name="made",
        part=OTHERS,
        title="A likelihood, exactly",
        text="By the chain rule any distribution is a product: each pixel given those before it. MADE is a network "
        "whose masks see to it that no output depends on its own or later pixels, so that one pass gives all factors "
        "and with them log p(x), exactly. The price: samples come pixel by pixel. A VAE has only a bound.",
        formula=r"\log p(x) = \sum_i \log p(x_i\,|\,x_1, \ldots, x_{i-1})",
        claim="Explicit densities restrict what the network may look like.",
        minutes=90,
        tab="samples",
        tool="draw",
        values={"model": "made-mnist"},
        act="Samples, drawn pixel by pixel, and the table: read the negative log likelihood of test digits.",
        question="How many nats does MADE need for an image?",
        measure=exact,
        why="Fewer nats are better; the vae's figure is only known from above, for a bound is all it has.",
        unit="nats",
        tolerance=0.1,
        given={"other": "vae-mnist"},
    ),
    Stop(
        name="mmd",
        part=OTHERS,
        title="Matching moments",
        text="Must there be an opponent? Maximum mean discrepancy compares two sets by a kernel alone: how alike are "
        "samples and data among each other, and how alike to one another? It is 0 only for equal laws and needs no "
        "critic. Blur transport with entropy to the end, and what is left is half such a discrepancy, with the "
        "negative distance as kernel.",
        formula=r"\frac{1}{2}\mathrm{MMD}^2 = \mathrm{E}|x-y| - \frac{1}{2}\mathrm{E}|x-x'| - "
        r"\frac{1}{2}\mathrm{E}|y-y'|",
        claim="Is there a way of comparing distributions other than training an adversary?",
        minutes=90,
        tab="distances",
        tool="earth",
        values={
            "cost": "distance",
            "blur": 1.0,
            "p": [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            "q": [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0],
        },
        act="Everything goes everywhere: no plan is left. Read S under the figures.",
        question="What is S, half the squared discrepancy of the two heaps?",
        measure=energy,
        why="It is less than W\N{SUBSCRIPT ONE} = 5 and has no plan; but it needs neither an opponent nor a linear "
        "programme.",
        tolerance=0.02,
    ),
    Stop(
        name="flow",
        part=OTHERS,
        title="Carried from noise to picture",
        text="A flow learns a velocity: for a point on the straight way from noise to a picture, which way does it go "
        "in the mean? Then it carries fresh noise along that field in a few steps. There is no opponent and no "
        "collapse, only a regression; the price is several passes of the network for one picture.",
        formula=r"\min\; \mathrm{E}\,\Vert v(x_t, t) - (x - e) \Vert^2, \quad x_t = (1-t)\,e + t\,x",
        claim="Are there ways of learning to generate other than the adversarial one?",
        minutes=90,
        tab="samples",
        tool="draw",
        values={"model": "flow-mnist"},
        act="Look at the table beside the samples, then choose gan-mnist, vae-mnist and gmmn-mnist in turn.",
        question="Which of the four has the smallest feature distance to real digits?",
        measure=nearest,
        why="A regression has nobody to lose against; the price is paid when pictures are drawn, in passes of the "
        "network.",
        options=("gan-mnist", "vae-mnist", "gmmn-mnist", "flow-mnist"),
        given={"others": ["gan-mnist", "vae-mnist", "gmmn-mnist"]},
    ),
)

"""Autoencoders: codes without a law, codes that stand noise, and codes one can draw."""

import torch

from genmodels import latent, mixture
from genmodels.metrics import feature_distance
from genmodels.tour.stop import Found, Stop, said, shipped

PART = "Autoencoders"


def share_of_two(*, model: str, axes: str) -> Found:
    network, data = shipped(model)
    percent = 100 * sum(latent.plane(network, data).shares)
    even = 200 / latent.codes(network, data)[0].shape[1]
    return Found(
        percent, f"The first two directions hold {percent:.1f} % of the variance; of N(0, I) any two hold {even:.1f} %."
    )


def removed(*, model: str, kind: str, level: float, start: int, seed: int, count: int) -> Found:
    network, data = shipped(model)
    images = data.test_images[start : start + count]
    before, after = (part.mean().item() for part in latent.denoised(network, images, kind, level, seed)[2:])
    return Found(
        before / after, f"The mean squared error falls from {before:.4f} to {after:.4f}: {before / after:.1f} times."
    )


def nearer(*, model: str, other: str) -> Found:
    found = {}
    for name in (model, other):
        network, data = shipped(name)
        size = (mixture.DRAWS, latent.codes(network, data)[0].shape[1])
        z = torch.randn(size, generator=torch.Generator().manual_seed(0))
        pictures = latent.decoded(network, z, torch.arange(len(z)) % network.classes)
        found[name] = feature_distance(pictures, data.name)
    best = min(found, key=lambda name: found[name].distance)
    values = " and ".join(f"{said(one.distance)} for {name}" for name, one in found.items())
    floor = said(found[best].floor)
    return Found(best, f"From N(0, I) the feature distance to real digits is {values}; real ones have {floor}.")


def drawn(*, model: str, picture: int, seed: int, first: int) -> Found:
    network, data = shipped(model)
    draw = latent.draw(network, *latent.picture(data, picture), seed)
    mu, sigma, eps, z = (part[first - 1].item() for part in (draw.mu, draw.sigma, draw.eps, draw.z))
    return Found(z, f"z{first} = {said(mu)} + {said(sigma)} \N{MULTIPLICATION SIGN} ({said(eps)}) = {said(z)}.")


def cheaper(*, model: str, other: str) -> Found:
    nats = {name: latent.mean_kl(*shipped(name)).sum().item() for name in (model, other)}
    values = " and ".join(f"{said(value)} nats for {name}" for name, value in nats.items())
    return Found(min(nats, key=nats.get), f"In the mean over {latent.SUBSET:,} test pictures a code costs {values}.")


STOPS = (
    Stop(
        name="ae",
        part=PART,
        title="A picture in a few numbers",
        text="An autoencoder squeezes a picture through a narrow code and rebuilds it. To do so with little error it "
        "has to find what pictures have in common; with linear layers it finds the space of the principal components. "
        "Nothing says where the codes lie, though: they come out as large and as oddly placed as it happens.",
        formula=r"\min\; \mathrm{E}\,\Vert x - g(f(x)) \Vert^2, \quad z = f(x) \in \mathbf{R}^{32}",
        claim="An autoencoder learns a compact code, but it is no generative model: its codes follow no known law.",
        minutes=90,
        tab="latent",
        tool="plane",
        values={"model": "ae-mnist", "axes": "principal components"},
        act="The codes of a thousand test pictures from above. Each axis says what share of their variance lies along "
        "it.",
        question="What percentage of the variance of the codes do the two axes have together?",
        measure=share_of_two,
        why="Draws from N(0, I) would be spread evenly over all 32 directions: they do not fall where the codes are.",
        unit="%",
        tolerance=1.5,
    ),
    Stop(
        name="dae",
        part=PART,
        title="Taught by damage",
        text="A wide code could simply copy. A denoising autoencoder is shown a spoiled picture and asked for the "
        "clean one, so that copying does not help: it has to know what pictures look like. With Gaussian noise of "
        "variance sigma squared, the best answer moves the input along the slope of the log density of noisy pictures.",
        formula=r"r(\tilde{x}) = \tilde{x} + \sigma^2\, \nabla \log p_\sigma(\tilde{x})",
        claim="Rebuilding pictures from corrupted ones makes the code robust and keeps it from copying.",
        minutes=90,
        tab="latent",
        tool="denoise",
        values={"model": "dae-mnist", "kind": "gaussian", "level": 0.5, "start": 0, "seed": 0},
        act="Eight test pictures, spoiled and rebuilt. The caption has the mean squared error of both.",
        question="By what factor does the mean squared error of these eight fall?",
        measure=removed,
        why="The noise fills every pixel, the digits only few ways of filling them: what is no digit goes.",
        tolerance=0.4,
        given={"count": 8},
    ),
    Stop(
        name="vae",
        part=PART,
        title="Codes that one can draw",
        text="A variational autoencoder answers a picture with a distribution q(z|x) and pays for every nat by which "
        "it strays from the prior N(0, I). What it maximises is a lower bound of log p(x). The price draws the codes "
        "of all pictures together towards the prior, so that a draw from the prior decodes to a picture.",
        formula=r"\log p(x) \geq \mathrm{E}_{q(z|x)} \log p(x|z) - \mathrm{KL}(q(z|x)\,\Vert\,p(z))",
        claim="An autoencoder cannot generate; a VAE can.",
        minutes=5,
        tab="latent",
        tool="generate",
        values={"model": "ae-mnist", "other": "vae-mnist"},
        act="Both decoders get noise of the same law, N(0, I). Compare the pictures; distances can be had below, they "
        "take seconds.",
        question="Whose pictures from N(0, I) are nearer to real digits?",
        measure=nearer,
        why="The VAE was trained to fill N(0, I) with codes; the autoencoder's codes lie elsewhere.",
        options=("ae-mnist", "vae-mnist"),
    ),
    Stop(
        name="reparameterisation",
        part=PART,
        title="A draw that lets slopes through",
        text="The code is drawn from N(mu, sigma squared), and a draw has no derivative by what it is drawn from. The "
        "way out: draw noise eps from N(0, 1) that depends on nothing, then stretch and move it. z has the law it "
        "should have, and slopes by mu and by sigma, along which the encoder learns.",
        formula=r"z = \mu + \sigma \odot \varepsilon, \quad \varepsilon \sim \mathcal{N}(0, I), \qquad "
        r"\frac{\partial z}{\partial \mu} = 1, \quad \frac{\partial z}{\partial \sigma} = \varepsilon",
        claim="Sampling is not differentiable; after reparameterisation it is.",
        minutes=20,
        tab="latent",
        tool="reparameterisation",
        values={"model": "vae-mnist", "picture": 0, "seed": 7, "first": 1},
        act="The posterior of a seven. The formulas below have its mu and sigma, this throw's eps, and z.",
        question="What is z1 in this throw?",
        measure=drawn,
        why="Throw again: mu and sigma stay, for they belong to the picture; eps alone is chance.",
        tolerance=0.02,
    ),
    Stop(
        name="cvae",
        part=PART,
        title="Told the class",
        text="A conditional VAE hears the label in the encoder and in the decoder. The code need not say any more "
        "which digit it is, only how it is written; and one can ask for a class. Turned round by Bayes' rule, p(x|y) "
        "also makes a classifier, as a later stop shows.",
        formula=r"\log p(x|y) \geq \mathrm{E}_{q(z|x,y)} \log p(x|z,y) - \mathrm{KL}(q(z|x,y)\,\Vert\,p(z))",
        claim="With a condition the model generates what one asks for.",
        minutes=90,
        tab="latent",
        tool="reparameterisation",
        values={"model": "cvae-mnist"},
        act="The caption under the bars has the mean KL of all dimensions. Then choose vae-mnist and compare.",
        question="Whose codes cost fewer nats in the mean?",
        measure=cheaper,
        why="The class comes for nothing, and what comes for nothing need not be paid for in the code.",
        options=("vae-mnist", "cvae-mnist"),
        given={"other": "vae-mnist"},
    ),
)

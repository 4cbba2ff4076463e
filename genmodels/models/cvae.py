"""Conditional variational autoencoder (Kingma et al. 2014, model M2; Sohn et al. 2015).

    log p(x|y) >= E_q log p(x|z, y) - beta KL(q(z|x, y) || p(z))

The label enters the encoder and the decoder; z is left with what the label does not say: the style.
"""

from genmodels.models.base import Card, Curve
from genmodels.models.vae import VAE


class CVAE(VAE):
    card = Card(
        title="Conditional variational autoencoder",
        authors="Kingma, Rezende, Mohamed, Welling; Sohn, Lee, Yan",
        year=2015,
        link="https://arxiv.org/abs/1406.5298",
        idea="A VAE that is told the class. The code no longer needs to say which digit it is, only how it is "
        "written. By Bayes' rule it is a classifier, too.",
        objective=r"\max \; \mathbb{E}_{q(z|x,y)} \log p(x|z,y) - \beta \, \mathrm{KL}(q(z|x,y) \,\|\, p(z))",
        watch="The KL ends below that of a VAE: the label is not paid for twice.",
        passage="CVAE",
    )
    curves = VAE.curves | {"kl": Curve("KL(q(z|x, y) || p(z))", "nats per image")}
    conditional = True  # which is all it takes: see VAE.networks and VAE.condition

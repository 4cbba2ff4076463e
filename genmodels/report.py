"""The command that prints what can be measured of a file: lines for people or one JSON object."""

import json
import sys
from argparse import Namespace

from genmodels import checkpoint, evaluation, own_data
from genmodels.data import OWN
from genmodels.metrics import FEWEST
from genmodels.models import can
from genmodels.models.base import Whole

COUNT = Whole(FEWEST, 100_000, "samples")

# A measure's name, and what stands beside it.
LINES = {
    "feature_distance": ("feature distance", "floor {feature_distance_floor:.3g}, n = {count:,} on both sides"),
    "precision": ("precision", "{precision_real:.3g} if real, n = {count:,} on both sides"),
    "recall": ("recall", "{recall_real:.3g} if real, n = {count:,} on both sides"),
    "density": ("density", "{density_real:.3g} if real, n = {count:,} on both sides"),
    "coverage": ("coverage", "{coverage_real:.3g} if real, n = {count:,} on both sides"),
    "class_histogram": ("classes seen", "KL to the test labels {class_kl:.3g} nats"),
    "modes": ("modes", "classes at least a tenth as frequent as they should be"),
    "elbo_nats": ("-ELBO", "nats per image, n = {elbo_n:,}"),
    "iwae_nats": ("-bound", "nats per image, K = {iwae_k:,}, n = {iwae_n:,}, give or take {iwae_error:.2g}"),
    "nll_nats": ("-log p", "nats per image, exact, n = {nll_n:,}"),
    "bits_per_dim": ("bits per dimension", "at most; 8 if every byte were as likely"),
    "reconstruction_mse": ("squared error", "per image, n = {reconstruction_n:,}; {pca_mse:.4g} by PCA, {codes} codes"),
    "bayes_accuracy": ("Bayes' accuracy", "K = {bayes_k}, n = {bayes_n:,}; by K: {bayes_accuracy_by_k}"),
    "nearest_ratio": ("nearest ratio", "n = {nearest_n:,}. {nearest_verdict}"),
    "label_agreement": ("label agreement", "the judge sees the class asked for, n = {samples:,}"),
    "taught_accuracy": ("taught by samples", "accuracy on test images; {taught_accuracy_real:.4g} if by real images"),
    "out_of_range": ("out of range", "share of pixels, n = {samples:,} samples"),
}


def evaluate(arguments: Namespace) -> None:
    """Measures a file and prints the result: one JSON object, or lines for people."""
    count = COUNT.check("--count", arguments.count)
    saved = checkpoint.load(arguments.file)
    data = own_data.of(saved, arguments.data)
    terminal = sys.stderr.isatty()

    def say(text: str) -> None:
        if terminal:
            print(f"\r\x1b[K{text} ...", end="", file=sys.stderr, flush=True)

    found = evaluation.evaluate(saved, count, arguments.full, say, data)
    if terminal:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{saved.model.card.title} after {saved.images:,} images of {data.describe()}")
    words = {key: _words(value) if isinstance(value, dict) else value for key, value in found.items()}
    for key, (name, beside) in LINES.items():
        if found.get(key) is not None:
            print(f"{name:18} {_words(found[key]):>8}  {beside.format(**words)}")
    if can(saved.model, "sample") and not evaluation.has_judge(data):
        what = "There is no judge of one's own pictures" if data.name == OWN else f"{data.title} has no judge yet"
        print(f"{what}: feature distance, precision, recall and classes are left out.")


def _words(value: float | int | list[float] | dict[str, float]) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {share:.3f}" for key, share in value.items())
    if isinstance(value, list):
        return " ".join(f"{share:.3f}" for share in value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"

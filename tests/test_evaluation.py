"""The measures of a whole model: what applies, what is null, and what each is held against."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from genmodels import checkpoint, evaluation, memorisation, metrics
from genmodels.__main__ import main
from genmodels.data import Dataset, load
from genmodels.errors import UserError
from genmodels.models import MODELS, build, can
from genmodels.models.base import settings_of
from genmodels.training import Trainer

STABLE = [
    "feature_distance",
    "feature_distance_floor",
    "precision",
    "recall",
    "density",
    "coverage",
    "class_histogram",
    "modes",
    "elbo_nats",
    "iwae_nats",
    "iwae_k",
    "nll_nats",
    "bits_per_dim",
    "reconstruction_mse",
    "bayes_accuracy",
    "nearest_ratio",
]
JUDGED = STABLE[:8]


def toy(shape=(1, 8, 8), count=600):
    """Dark and light noise of two classes; no judge knows it."""
    labels = torch.arange(count) % 2
    noise = torch.randint(0, 60, (count, *shape), generator=torch.Generator().manual_seed(0))
    images = (noise + 150 * labels.view(-1, 1, 1, 1)).byte()
    half = count // 2
    parts = (images[:half], labels[:half], images[half:], labels[half:])
    return Dataset("toy", "Toy", *parts, classes=("dark", "light"), whole=half, source="made up")


def small(name, data):
    narrow = {key: value for key, value in {"width": 16, "channels": 8}.items() if key in settings_of(MODELS[name])}
    return build(name, data.shape, len(data.classes), **narrow).eval().requires_grad_(False)


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    monkeypatch.setattr(evaluation, "SOME", 50)
    monkeypatch.setattr(evaluation, "NEAREST", 200)
    monkeypatch.setattr(evaluation, "WORK", 2e8)
    monkeypatch.setattr(metrics, "LESSONS", 150)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8)], ids=["grey", "colour"])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_measured_by_what_it_can_do_and_the_rest_is_null(name, shape):
    data = toy(shape)
    found = evaluation.measure(small(name, data), data, 100)
    assert list(found)[: len(STABLE)] == STABLE
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    there = {key for key in STABLE if found[key] is not None}
    expected = {
        "nearest_ratio": can(MODELS[name], "sample"),
        "elbo_nats": (bounded := can(MODELS[name], "bound")),
        "iwae_nats": bounded,
        "iwae_k": bounded,
        "bits_per_dim": bounded and shape[0] == 3,
        "bayes_accuracy": bounded and MODELS[name].conditional,
        "nll_nats": can(MODELS[name], "log_prob"),
        "reconstruction_mse": can(MODELS[name], "reconstruct"),
    }
    assert there == {key for key, applies in expected.items() if applies}


def test_measuring_is_repeatable_and_leaves_the_model_alone():
    data = toy()
    model = small("cvae", data)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    first = evaluation.measure(model, data, 100)
    torch.rand(3)
    assert evaluation.measure(model, data, 100) == first
    assert all(value.equal(before[key]) for key, value in model.state_dict().items())


def test_the_tight_bound_of_some_images_stands_for_all():
    data = toy(count=2000)
    trainer = Trainer(build("vae", data.shape, 2, width=64, latent=4), data.images, data.labels, device="cpu")
    for _ in range(200):
        trainer.round()
    model = trainer.view()
    some = evaluation.measure(model, data, 100)
    whole = evaluation.measure(model, data, 100, full=True)
    assert (some["iwae_n"], whole["iwae_n"], some["elbo_n"]) == (50, 1000, 1000)
    assert some["iwae_k"] == whole["iwae_k"] > 5
    assert some["elbo_nats"] == whole["elbo_nats"] > whole["iwae_nats"]
    assert some["elbo_nats"] > some["iwae_nats"]
    assert whole["iwae_error"] == 0
    assert abs(some["iwae_nats"] - whole["iwae_nats"]) < 4 * some["iwae_error"] < 2


def test_a_classifier_by_bayes_rule_tells_dark_from_light():
    data = toy()
    trainer = Trainer(build("cvae", data.shape, 2, width=64, latent=4), data.images, data.labels, device="cpu")
    for _ in range(100):
        trainer.round()
    found = evaluation.measure(trainer.view(), data, 100)
    assert found["bayes_accuracy"] > 0.95
    assert found["bayes_accuracy"] == found["bayes_accuracy_by_k"][str(found["bayes_k"])]
    assert "label_agreement" not in found  # no judge


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_samples_are_judged_beside_their_floor(dataset):
    data = load(dataset)
    found = evaluation.measure(small("cgan", data), data, 200)
    assert all(found[key] is not None for key in JUDGED)
    assert found["feature_distance"] > 10 * found["feature_distance_floor"] > 0
    assert found["count"] == found["samples"] == found["nearest_n"] == 200
    assert 0 <= found["label_agreement"] <= 1


class Player(torch.nn.Module):
    """Plays back what it has learned by heart."""

    to_unit = MODELS["gan"].to_unit
    conditional, low, shape, classes = True, 0.0, (1, 8, 8), 2

    def __init__(self, images, labels):
        super().__init__()
        self.images = [images[labels == label].float() / 255 for label in range(2)]

    def latents(self, count, generator):
        return torch.randint(150, (count,), generator=generator)

    def sample(self, z, labels=None):
        return torch.stack([self.images[label][i] for i, label in zip(z, labels, strict=True)])


def test_a_model_that_plays_back_its_training_images_is_found_out(monkeypatch):
    data = toy()
    monkeypatch.setattr(metrics, "load", lambda name: data)
    found = evaluation.measure(Player(data.images, data.labels), data, 200, full=True)
    assert found["nearest_ratio"] == 0 and "is memorising" in found["nearest_verdict"]
    assert found["taught_accuracy"] == found["taught_accuracy_real"] == 1
    swapped = evaluation.measure(Player(data.images, 1 - data.labels), data, 200, full=True)
    assert swapped["taught_accuracy"] == 0
    fresh = evaluation.measure(Player(data.test_images, data.test_labels), data, 200)
    assert 0.9 < fresh["nearest_ratio"] < 1.1 and "no sign" in fresh["nearest_verdict"]


# Parts of metrics


def test_pixels_out_of_range_are_counted():
    images = torch.tensor([-1.01, -1.0, -0.5, 0.0, 1.0, 1.5, 2.0, 0.1])
    assert metrics.out_of_range(images, -1.0) == 3 / 8
    assert metrics.out_of_range(images, 0.0) == 5 / 8


def test_reconstruction_error_is_summed_over_pixels_in_unit_range():
    class Grey:
        low = -1.0
        from_uint8, to_unit = MODELS["gan"].from_uint8, MODELS["gan"].to_unit

        def reconstruct(self, images, labels):
            return torch.full_like(images, 0.2)  # 0.6 in [0, 1]

    images = torch.zeros(2300, 3, 8, 8, dtype=torch.uint8)
    assert metrics.reconstruction_mse(Grey(), images, torch.zeros(2300)) == pytest.approx(3 * 8 * 8 * 0.36, rel=1e-5)


def test_pca_row_agrees_with_the_singular_values():
    training, test = load("mnist").images[:3000, :, ::2, ::2], load("mnist").test_images[:500, :, ::2, ::2]
    x = training.flatten(1).double().numpy() / 255
    y = test.flatten(1).double().numpy() / 255 - x.mean(0)
    directions = np.linalg.svd(x - x.mean(0), full_matrices=False)[2]
    for codes in (1, 20, 100):
        rest = y - y @ directions[:codes].T @ directions[:codes]
        assert metrics.pca_mse(training, test, codes) == pytest.approx((rest**2).sum() / 500, rel=1e-4)
    assert metrics.pca_mse(training, test, 196) == metrics.pca_mse(training, test, 5000) == 0


def test_a_classifier_learns_digits_from_labels_and_nothing_from_mixed_up_ones():
    data = load("mnist")
    assert metrics.taught_accuracy(data.images[:5000], data.labels[:5000], "mnist") > 0.9
    mixed = data.labels[torch.randperm(5000, generator=torch.Generator().manual_seed(0))]
    assert metrics.taught_accuracy(data.images[:5000], mixed, "mnist") < 0.3


# The command


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    data = load("mnist")
    folder = tmp_path_factory.mktemp("files")
    for name in ("vae", "gan"):
        trainer = Trainer(build(name, data.shape, 10, width=16), data.images[:100], data.labels[:100], device="cpu")
        trainer.round()
        checkpoint.save(folder / name, trainer, "mnist", 0, 1.0)
    return folder


def test_the_command_prints_one_json_object(files):
    command = [sys.executable, "-m", "genmodels", "evaluate", str(files / "gan"), "--count", "100", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert list(found)[: len(STABLE)] == STABLE
    assert (found["model"], found["dataset"], found["count"]) == ("gan", "mnist", 100)


def run(capsys, monkeypatch, *arguments, code=0):
    monkeypatch.setattr("sys.argv", ["genmodels", "evaluate", *map(str, arguments)])
    monkeypatch.setattr("signal.signal", lambda *given: None)
    assert main() == code
    return capsys.readouterr()


def test_people_read_lines_with_n_beside_each(files, capsys, monkeypatch):
    monkeypatch.setattr(metrics, "pca_mse", lambda training, images, codes: 12.345)
    lines = run(capsys, monkeypatch, files / "vae", "--count", 100).out.splitlines()
    assert lines[0].startswith("Variational autoencoder after 128 images of MNIST, 60,000 of 60,000")
    text = "\n".join(lines)
    for part in (
        "floor ",
        "if real, n = 100 on both",
        "-ELBO",
        "K = 5",
        "n = 10,000; 12.35 by PCA, 20 codes",
        "no sign of",
    ):
        assert part in text, part
    assert "None" not in text and "bits" not in text and "Bayes" not in text


def test_a_model_of_photographs_gets_its_distance_beside_the_floor(tmp_path, capsys, monkeypatch):
    data = load("cifar10")
    trainer = Trainer(build("gan", data.shape, 10, width=16), data.images[:100], data.labels[:100], device="cpu")
    trainer.round()
    checkpoint.save(tmp_path / "gan", trainer, "cifar10", 0, 1.0)
    found = json.loads(run(capsys, monkeypatch, tmp_path / "gan", "--count", 100, "--json").out)
    assert (found["dataset"], found["count"]) == ("cifar10", 100)
    assert found["feature_distance"] > 5 * found["feature_distance_floor"] > 0
    text = run(capsys, monkeypatch, tmp_path / "gan", "--count", 100).out
    assert f"{found['feature_distance']:.4g}  floor {found['feature_distance_floor']:.3g}, n = 100 on both" in text
    assert f"{found['coverage_real']:.3g} if real" in text and "no judge" not in text


def test_a_set_without_a_judge_gets_a_sentence(files, capsys, monkeypatch):
    def none(name):
        raise UserError("no judge")

    monkeypatch.setattr(evaluation, "load_judge", none)
    lines = run(capsys, monkeypatch, files / "gan", "--count", 100).out.splitlines()
    assert lines[-1].startswith("MNIST has no judge yet")
    found = json.loads(run(capsys, monkeypatch, files / "gan", "--count", 100, "--json").out)
    assert all(found[key] is None for key in JUDGED) and found["nearest_ratio"] > memorisation.COPYING


def test_mistakes_get_one_sentence(files, tmp_path, capsys, monkeypatch):
    def sentence(*arguments):
        shown = run(capsys, monkeypatch, *arguments, code=1)
        assert shown.out == "" and len(shown.err.splitlines()) == 1
        return shown.err

    assert "cannot be read" in sentence(tmp_path / "none")
    (tmp_path / "text").write_text("hello")
    assert "not a sound safetensors file" in sentence(tmp_path / "text")
    for count in (0, 99, -1, 10**9):
        assert "--count must be a whole number from 100" in sentence(files / "gan", "--count", count)
    with safe_open(files / "gan", "pt") as file:
        metadata = file.metadata()
    weights = load_file(files / "gan")
    save_file(weights, tmp_path / "other", metadata | {"dataset": "cifar10"})
    assert "not made for CIFAR-10" in sentence(tmp_path / "other")
    for key, value in weights.items():
        if key.startswith("average.generator") and value.is_floating_point():
            value.fill_(3e38)
    save_file(weights, tmp_path / "huge", metadata)
    assert "not finite" in sentence(tmp_path / "huge", "--count", 100)
    with pytest.raises(SystemExit, match="2"):
        run(capsys, monkeypatch, files / "gan", "--count", "many")

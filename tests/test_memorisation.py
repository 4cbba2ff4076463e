"""Nearest training images, against brute force and against models that have learned by heart."""

import pytest
import torch

from genmodels import memorisation, metrics
from genmodels.data import load
from genmodels.memorisation import compare, nearest


@pytest.mark.parametrize("count", [1, 4, 40])
@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 4, 4), (64,)])
def test_nearest_agree_with_brute_force(shape, count, monkeypatch):
    monkeypatch.setattr(memorisation, "QUERIES", 13)  # several uneven pieces
    monkeypatch.setattr(memorisation, "REFERENCES", 31)
    generator = torch.Generator().manual_seed(0)
    queries, references = (torch.randn(many, *shape, generator=generator) for many in (50, 111))
    apart = torch.cdist(queries.flatten(1).double(), references.flatten(1).double()).topk(count, largest=False)
    distances, indices = nearest(queries, references, count)
    assert indices.equal(apart.indices)
    assert distances.double().allclose(apart.values, rtol=1e-5)


def test_bytes_are_taken_as_units_and_a_copy_is_at_distance_zero():
    images = load("mnist").images[:6000]
    distances, indices = nearest(images[5500:5600], images)
    assert distances.eq(0).all() and indices[:, 0].equal(torch.arange(5500, 5600))
    black, white = torch.zeros(1, 1, 28, 28, dtype=torch.uint8), torch.full((1, 1, 28, 28), 255, dtype=torch.uint8)
    assert nearest(black, white)[0].item() == pytest.approx(28)


@pytest.fixture(scope="module")
def digits():
    data = load("mnist")
    return metrics.some(data.images, 20_000), metrics.some(data.test_images, 2000)


def test_a_model_that_repeats_its_training_images_is_found_out(digits):
    training, test = digits
    found = compare(training[:500], training, test[:500])
    assert found.ratio == 0
    assert found.verdict.endswith("the model is memorising.")
    noise = torch.randint(0, 20, (500, 1, 28, 28), generator=torch.Generator().manual_seed(0)).byte()
    retouched = compare(torch.maximum(training[:500], noise), training, test[:500])
    assert 0 < retouched.ratio < memorisation.COPYING
    assert retouched.verdict.endswith("the model is memorising.")
    assert retouched.indices.equal(torch.arange(500))


def test_blurred_samples_lie_near_everything_and_are_no_copies():
    # Pictures of many contrasts: a grey sheet is close to the faintest of them, seen or unseen.
    generator = torch.Generator().manual_seed(0)
    contrast = 0.2 + 0.8 * torch.rand(6000, 1, 1, 1, generator=generator)
    images = 0.5 + contrast * torch.randn(6000, 1, 8, 8, generator=generator) / 8
    found = compare(torch.full((500, 1, 8, 8), 0.5), images[:5000], images[5000:])
    assert found.ratio < memorisation.COPYING
    assert found.verdict.endswith("no sign of memorising.")


def test_unseen_images_lie_as_far_away_as_unseen_images(digits):
    training, test = digits
    found = compare(test[:1000], training, test[1000:])
    assert found.ratio == pytest.approx(1, abs=0.05)
    assert found.verdict.endswith("no sign of memorising.")
    assert found.verdict.startswith(f"Samples lie {found.ratio:.2f} times as far")


def test_features_will_do_as_well_as_pixels():
    generator = torch.Generator().manual_seed(0)
    training, test = torch.randn(3000, 64, generator=generator), torch.randn(1000, 64, generator=generator)
    assert compare(training[:300], training, test).ratio == 0
    assert compare(test[:500], training, test[500:]).ratio == pytest.approx(1, abs=0.05)

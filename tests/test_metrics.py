"""The judge and the metrics, against SciPy, torchmetrics, closed forms and brute force."""

import copy
import hashlib
import json

import pytest
import scipy.linalg
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics.image.fid import FrechetInceptionDistance

from genmodels import judge, lessons, metrics
from genmodels.data import load
from genmodels.errors import UserError

COUNT = 2000  # images in the tests that need not be exact


@pytest.fixture(scope="module")
def real() -> Tensor:
    """Training images of MNIST, spread over the whole."""
    return metrics.some(load("mnist").images, 10_000)


def gaussian(count: int, size: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return torch.randn(count, size, generator=generator, dtype=torch.float64) @ mixing + seed


@pytest.mark.parametrize("size", [2, 16, 64])
def test_frechet_distance_agrees_with_scipy_and_torchmetrics(size: int) -> None:
    a, b = gaussian(500, size, 1), gaussian(400, size, 2)
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)
    root = torch.from_numpy(scipy.linalg.sqrtm(cov_a.numpy() @ cov_b.numpy()).real)
    expected = (a.mean(0) - b.mean(0)).square().sum() + torch.trace(cov_a + cov_b - 2 * root)
    found = metrics.frechet_distance(a, b)
    assert found == pytest.approx(expected.item(), rel=1e-8)
    pixels = nn.Flatten()  # torchmetrics on the points themselves: no network in between
    pixels.num_features = size
    oracle = FrechetInceptionDistance(pixels, input_img_size=(1, 2, size // 2)).set_dtype(torch.float64)
    oracle.update(a.view(-1, 1, 2, size // 2), real=True)
    oracle.update(b.view(-1, 1, 2, size // 2), real=False)
    assert found == pytest.approx(oracle.compute().item(), rel=1e-6)


def test_frechet_distance_closed_forms() -> None:
    a = gaussian(300, 8, 3)
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet_distance(a, a + 2) == pytest.approx(8 * 4, rel=1e-9)
    centred = a - a.mean(0)
    assert metrics.frechet_distance(centred, 3 * centred) == pytest.approx(4 * torch.cov(a.T).trace().item(), rel=1e-9)
    b = gaussian(300, 8, 4)
    assert metrics.frechet_distance(a, b) == pytest.approx(metrics.frechet_distance(b, a), rel=1e-9)
    flat = a.clone()
    flat[:, 3:] = 0  # singular covariance
    assert metrics.frechet_distance(flat, flat + 1) == pytest.approx(8, rel=1e-9)


def brute_force(real: Tensor, fake: Tensor) -> tuple[float, float, float, float]:
    def reach(points: Tensor) -> list[float]:
        return [sorted((p - q).norm().item() for q in points)[metrics.NEIGHBOURS] for p in points]

    real_reach, fake_reach = reach(real), reach(fake)
    apart = [[(f - r).norm().item() for r in real] for f in fake]
    rows, columns = range(len(fake)), range(len(real))
    hit = [[apart[i][j] <= real_reach[j] for j in columns] for i in rows]
    return (
        sum(any(hit[i]) for i in rows) / len(fake),
        sum(any(apart[i][j] <= fake_reach[i] for i in rows) for j in columns) / len(real),
        sum(map(sum, hit)) / metrics.NEIGHBOURS / len(fake),
        sum(any(hit[i][j] for i in rows) for j in columns) / len(real),
    )


@pytest.mark.parametrize("shift", [0.0, 1.0, 20.0])
def test_closeness_agrees_with_brute_force(shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "CHUNK", 7)  # several uneven chunks
    generator = torch.Generator().manual_seed(0)
    real = torch.randn(60, 3, generator=generator)
    fake = torch.randn(45, 3, generator=generator) * 0.7 + shift
    assert tuple(metrics.closeness(real, fake)) == pytest.approx(brute_force(real.double(), fake.double()))


def test_a_set_with_itself_is_perfect() -> None:
    points = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
    found = metrics.closeness(points, points)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
    # each ball holds its five neighbours and its centre; rounding decides over the one on its edge
    assert found.density == pytest.approx(1.2, abs=0.05)


def test_histogram_divergence_and_modes() -> None:
    even = torch.full((10,), 0.1, dtype=torch.float64)
    collapsed = metrics.histogram(torch.full((50,), 1), 10)
    assert collapsed.tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert metrics.divergence(even, even) == 0
    assert metrics.divergence(collapsed, even) == pytest.approx(torch.tensor(10.0).log().item())
    assert metrics.divergence(even, collapsed) == float("inf")
    assert metrics.modes(even, even) == 10
    assert metrics.modes(collapsed, even) == 1
    assert metrics.modes(torch.tensor([0.011, 0.009, 0.98]), torch.tensor([0.1, 0.1, 0.8])) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("dataset", "least", "images"), [("mnist", 0.993, 60_000), ("cifar10", 0.85, 49_000)])
def test_the_judge_knows_the_classes(dataset: str, least: float, images: int) -> None:
    data = load(dataset)
    found = judge.accuracy(judge.load_judge(dataset), data.test_images, data.test_labels)
    assert found >= least
    path = judge.WEIGHTS / f"judge-{dataset}.safetensors"
    assert path.stat().st_size < 2e6
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    # That stands there of all 10,000 test images, of which a part may be at hand: three standard errors.
    error = (found * (1 - found) * (1 / len(data.test_images) - 1 / 10_000)) ** 0.5
    assert float(metadata["accuracy"]) == pytest.approx(found, abs=5e-4 + 3 * error)
    assert metadata["command"].startswith(f"python -m genmodels.judge {dataset}")
    assert metadata["seed"] == "0"
    assert int(metadata["images"]) >= images
    if "digest" in metadata and len(data.images) == int(metadata["images"]):
        assert metadata["digest"] == judge.digest(data)


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_features_are_the_same_for_bytes_and_floats_and_for_any_company(dataset: str) -> None:
    real, expert = load(dataset).images[:200], judge.load_judge(dataset)
    found = expert.features(real)
    assert found.shape == (200, 64)
    assert torch.allclose(found, expert.features(real.float() / 255), atol=1e-5)
    assert torch.allclose(found[50:60], expert.features(real[50:60]), atol=1e-4)
    assert torch.equal(expert.head(found), expert.logits(real))


@pytest.mark.slow
def test_dust_no_eye_sees_changes_little(real: Tensor) -> None:
    clean = metrics.feature_distance(real, "mnist")
    wiped = metrics.feature_distance(torch.where(real < 32, 0, real), "mnist")
    assert clean.count == 10_000
    assert clean.distance == pytest.approx(clean.floor)  # the floor is drawn from the same images
    assert wiped.distance < 1.3 * clean.floor
    dust = torch.randint(0, 32, real.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert metrics.feature_distance(torch.maximum(real, dust), "mnist").distance < 2 * clean.floor
    assert metrics.feature_distance(real.float() / 255 * 0.7, "mnist").distance > 10 * clean.floor  # seen


def test_photographs_may_be_faintly_grained_but_neither_blurred_nor_coarse() -> None:
    photographs = metrics.some(load("cifar10").images, 500)
    grain = torch.randint(-8, 9, photographs.shape, generator=torch.Generator().manual_seed(0))
    clean = metrics.feature_distance(photographs, "cifar10")
    assert clean.count == 500
    assert clean.distance == pytest.approx(clean.floor)
    grained = metrics.feature_distance((photographs + grain).clamp(0, 255).byte(), "cifar10")
    assert grained.distance < 1.5 * clean.floor
    pixels = photographs.float() / 255
    blurred, coarse = (
        functional.interpolate(functional.avg_pool2d(pixels, size), scale_factor=size, mode="bilinear")
        for size in (2, 4)
    )
    found = metrics.feature_distance(blurred, "cifar10").distance
    assert 10 * clean.floor < found < metrics.feature_distance(coarse, "cifar10").distance


@pytest.mark.slow
def test_repeated_digits_fool_the_distance_but_not_coverage_and_recall(real: Tensor) -> None:
    honest = metrics.judge_samples(real, "mnist")
    repeated = metrics.judge_samples(real[:1000].repeat(10, 1, 1, 1), "mnist")
    assert honest["feature_distance"] == pytest.approx(honest["feature_distance_floor"])
    assert repeated["feature_distance"] < 12 * honest["feature_distance_floor"]
    assert honest["coverage"] > 0.9
    assert repeated["coverage"] < 0.5
    assert repeated["recall"] < 0.01
    assert honest["recall"] > 0.9
    assert repeated["modes"] == honest["modes"] == 10


def test_judge_samples_says_everything_in_json(real: Tensor) -> None:
    labels = metrics.some(load("mnist").labels, 10_000)[:COUNT]
    found = metrics.judge_samples(real[:COUNT], "mnist", labels)
    assert list(found) == [
        "feature_distance",
        "feature_distance_floor",
        "count",
        "precision",
        "recall",
        "density",
        "coverage",
        "precision_real",
        "recall_real",
        "density_real",
        "coverage_real",
        "class_histogram",
        "class_kl",
        "modes",
        "label_agreement",
    ]
    assert json.loads(json.dumps(found)) == found
    assert found["count"] == COUNT
    assert found["label_agreement"] > 0.99
    assert found["label_agreement"] == metrics.label_agreement(real[:COUNT], labels, "mnist")
    distance = metrics.feature_distance(real[:COUNT], "mnist")
    assert distance == (found["feature_distance"], found["feature_distance_floor"], COUNT)
    assert sum(found["class_histogram"]) == pytest.approx(1)
    assert "label_agreement" not in metrics.judge_samples(real[:COUNT], "mnist")


def test_what_real_images_reach_stands_beside_and_is_measured_once(
    real: Tensor, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "cache_folder", lambda: tmp_path)
    measured, judged = [], metrics.judged
    monkeypatch.setattr(metrics, "judged", lambda images, name: measured.append(len(images)) or judged(images, name))

    def scores(count: int = 300) -> dict[str, float]:
        """As a new process would, with so many judgements of images: samples, test images, training images."""
        metrics.reference.cache_clear()
        metrics.real_scores.cache_clear()
        measured.clear()
        return metrics.judge_samples(real[:count], "mnist")

    names = ("precision", "recall", "density", "coverage")
    first = scores()
    assert len(measured) == 3
    # These are the very images that stand for all real ones.
    assert [first[name] for name in names] == pytest.approx([first[f"{name}_real"] for name in names])
    assert first["feature_distance"] == pytest.approx(first["feature_distance_floor"])
    assert all(0.6 < first[f"{name}_real"] < 1.2 for name in names)
    assert scores() == first and len(measured) == 2  # from the file
    assert scores(200)["recall_real"] != first["recall_real"] and len(measured) == 3
    assert scores() == first and len(measured) == 2  # both are kept
    with monkeypatch.context() as patch:
        other = copy.deepcopy(judge.load_judge("mnist"))
        other.head.bias.add_(1)
        patch.setattr(metrics, "load_judge", lambda name: other)
        scores()
    assert len(measured) == 3
    (tmp_path / "floors.json").write_text("[")
    assert scores() == first and len(measured) == 3
    metrics.reference.cache_clear()
    metrics.real_scores.cache_clear()


@pytest.mark.parametrize(("dataset", "some"), [("mnist", COUNT), ("cifar10", 500)])
def test_noise_and_a_single_class_are_seen_through(dataset: str, some: int) -> None:
    data = load(dataset)
    noise = torch.randint(0, 256, (some, *data.shape), generator=torch.Generator().manual_seed(0)).byte()
    found = metrics.judge_samples(noise, dataset)
    assert found["feature_distance"] > 50 * found["feature_distance_floor"]
    assert found["coverage"] < 0.1
    assert min(found[f"{name}_real"] for name in ("precision", "recall", "density", "coverage")) > 0.8
    ones = data.images[data.labels == 1][:some]
    found = metrics.judge_samples(ones, dataset)
    assert found["modes"] == 1
    assert found["class_kl"] > 1.9


def test_mistakes_get_a_sentence(real: Tensor) -> None:
    with pytest.raises(UserError, match="too few"):
        metrics.judge_samples(real[:99], "mnist")
    with pytest.raises(UserError, match="Give the judge images"):
        metrics.judge_samples(torch.zeros(100, 3, 32, 32, dtype=torch.uint8), "mnist")
    with pytest.raises(UserError, match="finite"):
        metrics.judge_samples(torch.full((100, 1, 28, 28), float("nan")), "mnist")
    with pytest.raises(UserError, match="no judge"):
        judge.load_judge("nothing")


@pytest.mark.parametrize(("shape", "epochs"), [((1, 28, 28), 4), pytest.param((3, 32, 32), 16, marks=pytest.mark.slow)])
def test_a_judge_learns_augmented_images_and_comes_back_from_disk(
    shape: tuple[int, int, int], epochs: int, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(256) % 2
    images = (torch.rand(256, *shape, generator=generator) * 60).byte()
    images[:, :, : shape[1] // 2] += (150 * labels).byte().view(-1, 1, 1, 1)
    part = (images, labels)
    fields = dict(zip(("images", "labels", "test_images", "test_labels"), part + part, strict=True))
    data = type("Data", (), {"shape": shape, "classes": ("dark", "light"), **fields})
    monkeypatch.setattr(judge, "load", lambda name: data)
    monkeypatch.setattr("sys.argv", ["judge", "cifar10", "--epochs", str(epochs), "--out", str(tmp_path / "judge")])
    judge.main()
    assert [path.name for path in tmp_path.iterdir()] == ["judge"]  # nothing of the training is left
    first = judge.read(tmp_path / "judge")
    assert judge.accuracy(first, images, labels) > 0.95
    with safe_open(tmp_path / "judge", "pt") as file:
        facts = file.metadata()
    assert facts["command"] == f"python -m genmodels.judge cifar10 --epochs {epochs}"
    assert facts["digest"] == hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
    # The same seed gives the same judge, though it be cut short on its way.
    write, saves = judge.write, []

    def cut_short(path, content) -> None:
        write(path, content)
        saves.append(path)
        if len(saves) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(judge, "write", cut_short)
    with pytest.raises(KeyboardInterrupt):
        judge.main()
    judge.main()
    assert len(saves) < 2 + epochs  # it went on
    assert torch.equal(first.features(images[:100]), judge.read(tmp_path / "judge").features(images[:100]))


def test_what_a_judge_is_taught_with_stays_an_image() -> None:
    generator = torch.Generator().manual_seed(0)
    digits = judge.unit(load("mnist").images[:50])
    changed = lessons.dusted(lessons.moved(digits, generator), generator)
    assert changed.shape == digits.shape
    assert 0 <= changed.min() <= changed.max() <= 1
    photographs = judge.unit(load("cifar10").images[:50])
    slid = lessons.slid(photographs, generator)
    pixels = {tuple(pixel) for pixel in photographs[7].flatten(1).T.tolist()}
    assert {tuple(pixel) for pixel in slid[7].flatten(1).T.tolist()} <= pixels  # sharp: nothing between two pixels
    inner = photographs[:, :, 8:24, 8:24]
    found = [
        any(
            torch.equal(inner[i], view[i, :, 8 + y : 24 + y, 8 + x : 24 + x])
            for view in (slid, slid.flip(3))
            for y in range(-4, 5)
            for x in range(-4, 5)
        )
        for i in range(50)
    ]
    assert all(found)  # moved by at most four, mirrored or not
    grained = lessons.grained(photographs, generator)
    same = (grained == photographs).flatten(1).all(1).sum()
    assert 10 < same < 40
    assert 0 <= grained.min() <= grained.max() <= 1
    assert (grained - photographs).abs().max() <= lessons.DUST / 2

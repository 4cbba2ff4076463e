"""Identities of the flow: for Gaussian data the best velocity is known in closed form, and where it leads as well."""

import pytest
import torch

from genmodels.errors import UserError
from genmodels.models import build
from genmodels.models.base import Batch
from genmodels.models.unet import UNet

SHAPE = (1, 2, 2)


def batch_of(images, labels, seed=0):
    return Batch(images, labels, torch.Generator().manual_seed(seed))


class Gaussian:
    """Data N(m, S) of four pixels, and E[x - e | x_t] for them."""

    def __init__(self):
        generator = torch.Generator().manual_seed(4)
        mixing = torch.randn(4, 4, generator=generator).double() * torch.tensor([1.5, 0.8, 0.4, 0.2]).double()
        self.mean = torch.tensor([0.5, -1.0, 2.0, 0.0]).double()
        self.covariance = mixing @ mixing.T
        values, vectors = torch.linalg.eigh(self.covariance)
        self.root = vectors * values.sqrt() @ vectors.T

    def draw(self, count):
        z = torch.randn(count, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        return (self.mean + z @ self.root).view(-1, *SHAPE)

    def slopes(self, time):
        """Cov(x - e, x_t) Cov(x_t)^-1 and Cov(x - e | x_t) at times (N,), each (N, 4, 4)."""
        t, one = time[:, None, None], torch.eye(4, dtype=torch.float64)
        across = t * self.covariance - (1 - t) * one
        slope = across @ torch.linalg.inv((1 - t) ** 2 * one + t**2 * self.covariance)
        return slope, self.covariance + one - slope @ across

    def velocity(self, x, time, labels=None):
        away = x.flatten(1) - time[:, None] * self.mean
        return (self.mean + torch.einsum("nij,nj->ni", self.slopes(time)[0], away)).view_as(x)


def gaussian_flow(**values):
    model, law = build("flow", SHAPE, 10, width=8, guidance=1, **values), Gaussian()
    model.velocity = law.velocity
    return model, law


def test_for_gaussian_data_the_loss_is_least_at_the_conditional_mean():
    model, law = gaussian_flow()
    x = law.draw(100_000)
    labels = torch.zeros(len(x), dtype=torch.int64)

    def loss():
        return model.loss(batch_of(x, labels))["loss"].item()

    least = loss()
    time = (torch.arange(1000).double() + 0.5) / 1000
    unforeseen = law.slopes(time)[1].diagonal(dim1=1, dim2=2).sum(1).mean().item()
    assert least == pytest.approx(unforeseen, rel=0.02)
    # Any other velocity costs its squared distance from the best one, in mean; small steps show the slope at 0.
    for other in (torch.ones_like, torch.sin, lambda y: y, lambda y: y.flip(3)):
        costs = {}
        for size in (-0.2, 0.2):
            distances = []

            def velocity(y, t, labels, size=size, other=other, distances=distances):
                distances.append((size * other(y)).square().flatten(1).sum(1).mean().item())
                return law.velocity(y, t) + size * other(y)

            model.velocity = velocity
            costs[size] = loss() - least
            assert costs[size] > 0
            assert costs[size] == pytest.approx(distances[0], rel=0.25)
        slope = (costs[0.2] - costs[-0.2]) / 0.4
        assert abs(slope) < 0.05


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_the_best_velocity_carries_noise_to_the_data_and_the_error_falls_with_the_steps(solver, order):
    model, law = gaussian_flow(solver=solver)
    z = torch.randn(200, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # All matrices commute with S, so the exact end of z is known: not only its law.
    exact = (law.mean + z @ law.root).view(-1, *SHAPE)
    errors = []
    for steps in (12, 24, 48, 96):
        model.change("steps", steps)
        errors.append((model.sample(z, torch.zeros(200, dtype=torch.int64)) - exact).square().mean().sqrt().item())
    ratios = [before / after for before, after in zip(errors[:-1], errors[1:], strict=True)]
    assert ratios[-1] == pytest.approx(2**order, rel=0.1)
    assert errors[-1] < 0.03


def test_with_one_step_the_flow_of_a_gaussian_ends_at_its_mean():
    # At t = 0 nothing of x is known: E[x - e | e] = m - e.
    model, law = gaussian_flow(steps=1)
    z = torch.randn(5, 4, dtype=torch.float64)
    assert torch.allclose(model.sample(z, torch.zeros(5, dtype=torch.int64)).flatten(1), law.mean.expand(5, 4))


def test_guidance_goes_from_the_hidden_label_past_the_label():
    model = build("flow", (1, 28, 28), 10, width=8)
    with torch.no_grad():
        torch.nn.init.normal_(model.network.outlet.weight, generator=torch.Generator().manual_seed(0))
    x, labels = torch.randn(3, 1, 28, 28), torch.tensor([0, 4, 9])
    with torch.no_grad():
        time = torch.full((3,), 0.3)
        told, untold = model.velocity(x, time, labels), model.velocity(x, time, torch.full((3,), 10))
        assert not torch.allclose(told, untold)
        for weight in (0.0, 0.5, 1.0, 3.0):
            model.change("guidance", weight)
            assert torch.allclose(model.guided(x, 0.3, labels), (1 - weight) * untold + weight * told, atol=1e-4)
            assert torch.equal(model.guided(x, 0.3, None), untold)


def test_without_guidance_the_hidden_label_costs_nothing():
    model = build("flow", SHAPE, 10, width=8, guidance=1)
    calls = []
    model.velocity = lambda x, time, labels: calls.append(labels) or x
    model.sample(torch.zeros(2, 4), torch.tensor([3, 4]))
    assert len(calls) == model.steps and all(torch.equal(labels, torch.tensor([3, 4])) for labels in calls)


def seen_by_the_network(seed, count=20_000):
    """Times and labels of one batch."""
    model, seen = build("flow", SHAPE, 10, width=8), []
    model.velocity = lambda x, time, labels: seen.extend([time, labels]) or x
    model.loss(batch_of(torch.zeros(count, *SHAPE), torch.arange(count) % 10, seed))
    return seen


def test_one_label_in_ten_is_hidden_by_the_batch_s_own_generator():
    before = torch.get_rng_state()
    _, labels = seen_by_the_network(0)
    hidden = labels == 10
    assert hidden.double().mean().item() == pytest.approx(0.1, abs=0.01)
    assert torch.equal(labels[~hidden], (torch.arange(20_000) % 10)[~hidden])
    assert torch.equal(labels, seen_by_the_network(0)[1])
    assert not torch.equal(labels, seen_by_the_network(1)[1])
    assert torch.equal(before, torch.get_rng_state())


def test_times_are_spread_evenly_and_no_two_batches_have_the_same():
    times, _ = seen_by_the_network(0, 64)
    assert torch.equal((times * 64).long(), torch.arange(64))
    assert not torch.equal(times, seen_by_the_network(1, 64)[0])
    many = torch.stack([seen_by_the_network(seed, 4)[0] for seed in range(300)]).flatten()
    assert many.mean().item() == pytest.approx(0.5, abs=0.02)
    assert many.var().item() == pytest.approx(1 / 12, abs=0.005)


def test_the_loss_starts_at_the_square_of_the_straight_line():
    # The network starts at v = 0; E|x - e|^2 = |x|^2 + number of pixels.
    model = build("flow", (3, 32, 32), 10, width=8)
    x = torch.full((32, 3, 32, 32), 0.5)
    with torch.no_grad():
        loss = model.loss(batch_of(x, torch.zeros(32, dtype=torch.int64)))["loss"]
    assert loss.item() == pytest.approx(3072 * 1.25, rel=0.02)


@pytest.mark.parametrize("solver", ["euler", "heun"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_the_way_leads_from_the_noise_to_the_sample_the_same_each_time(shape, solver):
    model = build("flow", shape, 10, width=8, steps=3, solver=solver).eval()
    torch.nn.init.normal_(model.network.outlet.weight, generator=torch.Generator().manual_seed(0))
    z, labels = model.latents(4, torch.Generator().manual_seed(0)), torch.arange(4)
    with torch.no_grad():
        path = model.path(z, labels)
        assert path.shape == (4, 4, *shape)
        assert torch.equal(path[0].flatten(1), z)
        assert torch.equal(path[-1], model.sample(z, labels))
        assert torch.equal(path[-1], model.sample(z.clone(), labels))
        assert not torch.equal(path[1], path[2])


def test_the_network_hears_time_label_and_the_whole_picture():
    network = UNet(1, 8, 11).eval()
    torch.nn.init.normal_(network.outlet.weight, generator=torch.Generator().manual_seed(0))
    x = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(1)).requires_grad_()
    time, label = torch.tensor([0.4]), torch.tensor([2])
    output = network(x, time, label)
    assert output.shape == x.shape
    assert not torch.allclose(output, network(x, time + 0.01, label), atol=1e-4)
    assert not torch.allclose(output, network(x, time, label + 1), atol=1e-4)
    (reach,) = torch.autograd.grad(output[0, 0, 14, 14], x)
    assert (reach != 0).all()


def test_odd_sides_get_a_sentence():
    with pytest.raises(UserError, match="even sides"):
        build("flow", (1, 27, 27), 10)

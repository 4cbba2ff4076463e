"""The loop: what a round does, its average, and how it goes on after a pause."""

import copy

import pytest
import torch
from torch import nn

from genmodels import precision
from genmodels.errors import UserError
from genmodels.models import build
from genmodels.precision import PLAIN, Plan
from genmodels.training import DECAY, Trainer

SMALL = {"dcgan": {"width": 8, "batch": 16}, "vae": {"width": 32, "batch": 16}, "wgan_gp": {"width": 32, "batch": 16}}
each = pytest.mark.parametrize("name", SMALL)
PLANS = [PLAIN, Plan(channels_last=True), Plan(bfloat16=True, channels_last=True)]


def start(name, seed=0, plan=PLAIN, **values):
    images = torch.randint(0, 256, (100, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    model = build(name, (1, 28, 28), 10, seed, **(SMALL[name] | values))
    trainer = Trainer(model, images, torch.arange(100) % 10, seed, "cpu")
    trainer.use(plan)
    return trainer


def weights(trainer):
    return [*trainer.model.state_dict().values(), *trainer.average.state_dict().values()]


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(weights(a), weights(b), strict=True))


def test_rounds_count_rounds_images_and_seconds():
    trainer = start("wgan_gp", steps=3)
    first, second = trainer.round(), trainer.round()
    assert (first.round, second.round) == (1, 2)
    assert (first.images, second.images) == (3 * 16, 6 * 16)
    assert 0 < first.seconds < second.seconds
    assert {"critic_loss", "generator_loss", "penalty"} <= set(second.terms)


@each
@pytest.mark.parametrize("plan", PLANS)
def test_a_restored_training_goes_on_as_if_nothing_had_happened(name, plan):
    whole, first = start(name, plan=plan), start(name, plan=plan)
    for _ in range(6):
        whole.round()
    for _ in range(3):
        first.round()
    second = start(name, seed=7, plan=plan)
    second.restore(first.state())
    assert second.round_number == 3 and second.seen == first.seen
    for _ in range(3):
        second.round()
    assert equal(whole, second)


def test_a_restored_state_may_come_before_the_plan():
    whole, second = start("dcgan", plan=PLANS[1]), start("dcgan", seed=7)
    for _ in range(2):
        whole.round()
    second.restore(whole.state())
    second.use(PLANS[1])
    for _ in range(2):
        whole.round()
        second.round()
    assert equal(whole, second)


@each
def test_a_state_is_a_copy(name):
    trainer = start(name)
    trainer.round()
    state = trainer.state()
    kept = {key: value.clone() for key, value in state.items()}
    trainer.round()
    assert all(torch.equal(state[key], kept[key]) for key in kept)
    trainer.restore(state)
    assert all(torch.equal(value, kept[key]) for key, value in trainer.state().items())


def test_a_state_of_another_model_gets_a_sentence():
    state = start("vae").state()
    with pytest.raises(UserError, match="does not hold a training state"):
        start("dcgan").restore(state)
    with pytest.raises(UserError, match="does not hold a training state"):
        start("vae", width=16).restore(state)
    with pytest.raises(UserError, match="does not hold a training state"):
        start("vae").restore({})


def test_the_average_follows_the_weights_with_a_ramp():
    trainer = start("vae")
    expected = [p.detach().clone() for p in trainer.average.parameters()]
    for n in range(4):
        trainer.round()
        decay = min(DECAY, (1 + n) / (10 + n))
        for slow, fast in zip(expected, trainer.model.parameters(), strict=True):
            slow.lerp_(fast.detach(), 1 - decay)
    for slow, average in zip(expected, trainer.view().parameters(), strict=True):
        assert torch.allclose(slow, average, atol=1e-6)


def test_the_average_has_its_own_batch_norm_statistics_and_the_latest_discriminator():
    trainer = start("dcgan")
    for _ in range(3):
        trainer.round()
    view = trainer.view()
    norm = next(m for m in view.generator.modules() if isinstance(m, nn.BatchNorm2d))
    live = next(m for m in trainer.model.generator.modules() if isinstance(m, nn.BatchNorm2d))
    assert not torch.equal(norm.running_mean, live.running_mean)
    assert norm.running_mean.abs().sum() > 0
    for ours, theirs in zip(view.discriminator.parameters(), trainer.model.discriminator.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert not any(m.training for m in view.modules())


def test_only_one_player_moves():
    trainer = start("dcgan")
    before = copy.deepcopy(trainer.model)
    trainer.round(only="generator")
    pairs = zip(before.discriminator.parameters(), trainer.model.discriminator.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_finite_notices_a_single_bad_weight():
    trainer = start("vae")
    assert trainer.finite()
    with torch.no_grad():
        next(trainer.model.parameters())[0, 0] = float("nan")
    assert not trainer.finite()


def test_batches_are_drawn_from_the_whole_set_with_their_labels():
    trainer = start("vae")
    trainer.images = torch.arange(100, dtype=torch.uint8).view(100, 1, 1, 1).expand(-1, -1, 28, 28)
    trainer.labels = torch.arange(100)
    drawn = [trainer.batch() for _ in range(60)]
    for batch in drawn[:3]:
        assert torch.equal((batch.images[:, 0, 0, 0] * 255).round().long(), batch.labels)
    assert len(torch.cat([batch.labels for batch in drawn]).unique()) == 100


def test_the_chosen_plan_is_kept_so_that_a_run_repeats(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = build("dcgan", (1, 28, 28), 10, **SMALL["dcgan"])
    plan = precision.choose(model, torch.device("cpu"))
    monkeypatch.setattr(precision, "_measure", lambda model, device: pytest.fail("measured twice"))
    assert precision.choose(model, torch.device("cpu")) == plan
    (tmp_path / "genmodels" / "precision.json").write_text("{nonsense")
    monkeypatch.setattr(precision, "_measure", lambda model, device: PLAIN)
    assert precision.choose(model, torch.device("cpu")) == PLAIN


def test_a_plan_with_wrong_gradients_is_never_chosen(monkeypatch):
    model = build("vae", (1, 28, 28), 10, **SMALL["vae"])
    right = precision._trial(model, PLAIN, torch.device("cpu"))[1]
    results = {PLAIN: (1.0, right), Plan(bfloat16=True): (0.1, [-g for g in right])}
    monkeypatch.setattr(precision, "_trial", lambda model, plan, device, most=0: results[plan])
    monkeypatch.setattr(precision, "THREADS", 1)
    assert precision._measure(model, torch.device("cpu")) == PLAIN
    results[Plan(bfloat16=True)] = (0.1, [g * 1.001 for g in right])
    assert precision._measure(model, torch.device("cpu")) == Plan(bfloat16=True)
    results[Plan(bfloat16=True)] = (0.95, right)
    assert precision._measure(model, torch.device("cpu")) == PLAIN


def test_more_threads_must_be_worth_it(monkeypatch):
    model = build("vae", (1, 28, 28), 10, **SMALL["vae"])
    right = precision._trial(model, PLAIN, torch.device("cpu"))[1]
    seconds = {Plan(): 1.0, Plan(bfloat16=True): 0.5, Plan(bfloat16=True, one_thread=True): 0.6}
    monkeypatch.setattr(precision, "_trial", lambda model, plan, device, most=0: (seconds[plan], right))
    monkeypatch.setattr(precision, "THREADS", 2)
    assert precision._measure(model, torch.device("cpu")) == Plan(bfloat16=True, one_thread=True)
    seconds[Plan(bfloat16=True, one_thread=True)] = 0.9
    assert precision._measure(model, torch.device("cpu")) == Plan(bfloat16=True)


def test_a_plan_says_in_how_many_threads_its_training_computes(monkeypatch):
    monkeypatch.setattr(precision, "THREADS", 2)
    before = torch.get_num_threads()
    try:
        start("vae", plan=Plan(one_thread=True)).round()
        assert torch.get_num_threads() == 1
        start("vae", plan=PLAIN).round()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

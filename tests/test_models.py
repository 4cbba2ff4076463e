"""The contract every model keeps, whoever wrote it."""

import copy
import math

import pytest
import torch

from genmodels.errors import UserError
from genmodels.models import MODELS, build, can
from genmodels.models.base import Batch, Choice, Flag, Player, Real, Whole, settings_of
from genmodels.training import Trainer

SHAPES = [(1, 28, 28), (3, 32, 32)]
every_model = pytest.mark.parametrize("name", MODELS)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=["grey", "colour"])


def small(name, shape=(1, 28, 28), seed=0, **values):
    """A model of narrow layers, so that a round costs little."""
    narrow = {"width": 16, "channels": 8, "batch": 16}
    known = settings_of(MODELS[name])
    return build(name, shape, 10, seed, **{k: v for k, v in narrow.items() if k in known} | values)


def pictures(shape=(1, 28, 28), count=64):
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=generator)
    return images, torch.arange(count) % 10


def trainer(name, shape=(1, 28, 28), seed=0, **values):
    return Trainer(small(name, shape, seed, **values), *pictures(shape), seed=seed, device="cpu")


def variants(name):
    """The settings under which a model has other networks."""
    kinds = settings_of(MODELS[name])
    choices = [(key, option) for key, (kind, _) in kinds.items() if isinstance(kind, Choice) for option in kind.options]
    return [{}] + [{key: option} for key, option in choices if kinds[key][1] != option]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_all_nine_are_found():
    assert {"ae", "dae", "vae", "cvae", "gan", "cgan", "dcgan", "wgan", "wgan_gp"} <= set(MODELS)


@every_model
@every_shape
def test_a_round_of_every_variant_is_finite_and_moves_every_parameter(name, shape):
    for values in variants(name):
        run = trainer(name, shape, **values)
        before = copy.deepcopy(run.model)
        for _ in range(2):
            progress = run.round()
        assert all(math.isfinite(term.item()) for term in progress.terms.values()), values
        assert set(progress.terms) <= set(run.model.curves), values
        assert run.finite()
        for (key, old), new in zip(before.named_parameters(), run.model.parameters(), strict=True):
            if run.model.players()[0].name == "critic" and key.startswith("discriminator") and old.numel() == 1:
                continue  # a constant added to a critic cancels
            assert not torch.equal(old, new), f"{key} never moves under {values}"


@every_model
def test_same_seed_same_run_to_the_last_bit_whether_watched_or_not(name):
    alone, watched = trainer(name), trainer(name)
    for _ in range(4):
        alone.round()
        watched.round()
        view = watched.view()
        look(view, torch.Generator().manual_seed(9))
    assert same(alone.model, watched.model)
    assert same(alone.view(), watched.view())
    assert watched.model.training and not watched.average.training
    other = trainer(name, seed=1)
    other.round()
    assert not same(alone.model, other.model)


def look(view, generator):
    """Everything a visitor may ask of a model under way."""
    images, labels = pictures(view.shape, 8)
    images, labels = view.from_uint8(images), labels[:8]
    shown = []
    with torch.no_grad():
        if can(view, "held_out"):
            terms = view.held_out(Batch(images, labels, generator))
            assert set(terms) <= set(view.curves)
            assert all(math.isfinite(term.item()) for term in terms.values())
        if can(view, "sample"):
            shown.append(view.sample(view.latents(8, generator), labels))
        if can(view, "reconstruct"):
            shown.append(view.reconstruct(images, labels))
        if can(view, "bound"):
            assert view.bound(images, labels, 3, generator).shape == (8,)
        if can(view, "critic"):
            assert view.critic(images, labels).shape == (8,)
    for batch in shown:
        assert batch.shape == images.shape
        unit = view.to_unit(batch)
        assert unit.min() >= 0 and unit.max() <= 1


@every_model
@every_shape
def test_a_sample_does_not_depend_on_its_neighbours(name, shape):
    run = trainer(name, shape)
    run.round()
    view = run.view()
    if not can(view, "sample"):
        pytest.skip("does not generate")
    z, labels = view.latents(6, torch.Generator().manual_seed(2)), torch.arange(6)
    with torch.no_grad():
        together = view.sample(z, labels)
        alone = torch.cat([view.sample(z[i : i + 1], labels[i : i + 1]) for i in range(6)])
    assert torch.allclose(together, alone, atol=1e-5)
    if view.conditional:
        with torch.no_grad():
            assert not torch.equal(together, view.sample(z, labels + 1))


@every_model
def test_bytes_survive_the_way_into_the_model_and_back(name):
    model = small(name)
    images = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    inside = model.from_uint8(images)
    assert inside.min() == model.low and inside.max() == 1
    assert torch.equal((model.to_unit(inside) * 255).round().byte(), images)


@every_model
def test_playing_one_player_leaves_the_others_alone(name):
    run = trainer(name)
    players = run.model.players()
    for player in players:
        before = {p.name: [q.clone() for q in p.parameters] for p in players}
        run.round(only=player.name)
        for other in players:
            moved = any(not torch.equal(a, b) for a, b in zip(before[other.name], other.parameters, strict=True))
            assert moved == (other.name == player.name)


@every_model
def test_players_share_no_parameter_and_leave_none_out(name):
    model = small(name)
    own = [id(parameter) for player in model.players() for parameter in player.parameters]
    assert sorted(own) == sorted(map(id, model.parameters()))


@every_model
def test_live_settings_take_effect_and_others_are_refused(name):
    run = trainer(name)
    rates = [key for key in run.model.settings() if key.endswith("lr")]
    assert rates
    for rate in rates:
        run.model.change(rate, 0.05)
    run.round()
    assert {group["lr"] for o in run.optimizers.values() for group in o.param_groups} == {0.05}
    with pytest.raises(UserError, match="cannot be changed"):
        run.model.change("batch", 32)
    with pytest.raises(UserError, match="cannot be changed"):
        run.model.change("__class__", 32)


@every_model
def test_card_says_what_the_page_needs(name):
    card = MODELS[name].card
    assert all([card.title, card.authors, card.idea, card.objective, card.watch, card.passage])
    assert card.link.startswith("https://")
    assert 1950 < card.year < 2027


@every_model
@pytest.mark.parametrize("value", [math.nan, math.inf, "nan", "", "many", None, True, [1], 10**400, -1e9, {}])
def test_nonsense_settings_get_a_sentence(name, value):
    for key, (kind, _) in settings_of(MODELS[name]).items():
        if isinstance(kind, Whole | Real | Choice):
            with pytest.raises(UserError, match=key):
                build(name, (1, 28, 28), 10, **{key: value})


def test_settings_from_the_command_line_are_text():
    assert Whole(1, 9, "").check("n", "3") == 3
    assert Real(0, 1, "").check("x", "1e-3") == 1e-3
    assert Flag("").check("f", "true") is True
    assert Flag("").check("f", "off") is False
    for kind, value in [(Whole(1, 9, ""), "3.5"), (Whole(1, 9, ""), 10), (Flag(""), "perhaps"), (Real(0, 1, ""), 1.01)]:
        with pytest.raises(UserError):
            kind.check("x", value)


def test_unknown_names_get_a_sentence():
    with pytest.raises(UserError, match="choose one of"):
        build("stylegan", (1, 28, 28), 10)
    with pytest.raises(UserError, match="has no setting"):
        build("gan", (1, 28, 28), 10, momentum=0.9)


def test_building_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build("gan", (1, 28, 28), 10, seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_player_defaults():
    player = Player("model", [], lambda batch: {}, torch.optim.Adam, 1e-3)
    assert player.steps == 1 and player.after_step is None

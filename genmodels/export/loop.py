"""The training loop of one model, its players' steps written out."""

import textwrap
from functools import partial

from genmodels.models.base import Model, Player

TRAIN = '''def train(images: Tensor, labels: Tensor) -> {kind}:
    """So many rounds of training; the model with averaged weights, for sampling."""
    torch.set_num_threads({threads})
    torch.manual_seed(SEED)
    model = {kind}(tuple(images.shape[1:]), {classes}).train(){layout}
    average = copy.deepcopy(model).eval().requires_grad_(False)
    order = torch.Generator().manual_seed(SEED)
    noise = torch.Generator().manual_seed(~SEED & 0x7FFFFFFF)
{optimizers}
    for number in range(ROUNDS):
{steps}

        decay = min(0.999, (1 + number) / (10 + number))  # of the average of weights: its start is soon forgotten
        slow, fast = {slow}.state_dict(), {fast}.state_dict()
        for name in slow:
            if slow[name].is_floating_point():
                slow[name].lerp_(fast[name], 1 - decay)
        if number % 100 == 99:
            print(f"{{number + 1}} rounds, {last} loss {{loss.item():.4f}}")
    return average
'''
STEP = """index = torch.randint(len(images), (BATCH,), generator=order)
batch = Batch(images[index].float() * {scale}, labels[index], noise, number * {seen})
{loss}
{name}.zero_grad()
loss.backward()
{name}.step()
"""


def training(model: Model, facts: dict[str, str]) -> str:
    """The function `train`; `facts` fill what is not the players' in it."""
    players = model.players()
    seen = max(player.steps for player in players)
    facts = facts | {"seen": "BATCH" if seen == 1 else f"{seen} * BATCH"}
    facts["scale"] = "(1 / 255)" if model.low == 0 else "(2 / 255) - 1"
    names = {player.name: "optimizer" if len(players) == 1 else player.name for player in players}
    optimizers, steps = [], []
    for player in players:
        name, owned = names[player.name], _parameters(model, player)
        kind, options = optimizer(player)
        optimizers.append(f"    {name} = {kind}({owned}, lr={player.lr}{options})\n")
        loss = f'loss = model.{player.loss.__name__}(batch)["loss"]'
        if facts["half"]:
            loss = f'with torch.autocast("cpu", torch.bfloat16):  # as the run found fastest\n    {loss}'
        step = STEP.format(**facts, loss=loss, name=name)
        if player.after_step:
            step += f"model.{player.after_step.__name__}()\n"
        if player.steps > 1:
            step = f"for _ in range({player.steps}):\n{textwrap.indent(step, '    ')}"
        if len(players) > 1:
            turn = [f"# The {player.name}'s turn: the others stand still.", "model.requires_grad_(False)"]
            step = "\n".join([*turn, *(f"{part}.requires_grad_()" for part in _parts(model, player)), step])
        steps.append(step)
    facts["optimizers"] = "".join(optimizers).rstrip("\n")
    facts["steps"] = textwrap.indent("\n".join(steps).rstrip("\n"), " " * 8)
    (module,) = model.averaged()
    part = next(name for name, inner in model.named_modules() if inner is module)
    facts |= {"slow": f"average.{part}".rstrip("."), "fast": f"model.{part}".rstrip("."), "last": players[-1].name}
    return TRAIN.format(**facts)


def optimizer(player: Player) -> tuple[str, str]:
    """An optimiser's name and what it is told beside the rate."""
    kind, options = player.optimizer, {}
    if isinstance(kind, partial):
        kind, options = kind.func, kind.keywords
    return kind.__name__, "".join(f", {name}={value!r}" for name, value in options.items())


def _parameters(model: Model, player: Player) -> str:
    """How a player's parameters are called."""
    parts = [f"{part}.parameters()" for part in _parts(model, player)]
    return parts[0] if len(parts) == 1 else f"[{', '.join('*' + part for part in parts)}]"


def _parts(model: Model, player: Player) -> list[str]:
    """The networks that a player owns."""
    own = set(map(id, player.parameters))
    if own == {*map(id, model.parameters())}:
        return ["model"]
    owned = {name: {*map(id, module.parameters())} for name, module in model.named_children()}
    return [f"model.{name}" for name, parameters in owned.items() if parameters and parameters <= own]


def roots(model: Model) -> list[str]:
    """The methods that the loop calls."""
    calls = [call for player in model.players() for call in (player.loss, player.after_step) if call]
    return [call.__name__ for call in calls]

"""The one loop that trains every model, from autoencoder to GAN."""

import copy
import time
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from genmodels import precision
from genmodels.errors import UserError
from genmodels.models.base import Batch, Model, Player
from genmodels.precision import PLAIN, Plan

DECAY = 0.999  # of the average of weights, reached by a ramp


@dataclass(frozen=True)
class Progress:
    """Where a training stands after a round; terms are 0-d tensors, read only when somebody looks."""

    round: int
    images: int
    seconds: float
    terms: dict[str, Tensor]


def best_device() -> torch.device:
    """CUDA, then MPS, then CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


class Trainer:
    """Plays a model's game on a data set that lies as bytes (N, C, H, W) on the device.

    All randomness comes from the trainer's own generators: the same seed gives the same run, whoever else
    computes in the process. `average` is the model with its averaged weights, in eval mode, for sampling.
    Under torch.distributed gradients are averaged per player; each rank draws its own batches.
    """

    def __init__(
        self,
        model: Model,
        images: Tensor,
        labels: Tensor,
        seed: int = 0,
        device: str | None = None,
    ) -> None:
        self.device, self.plan = torch.device(device) if device else best_device(), PLAIN
        self.model = model.to(self.device).train()
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.images, self.labels = images.to(self.device), labels.to(self.device)
        self.world = distributed.get_world_size() if distributed.is_initialized() else 1
        rank = distributed.get_rank() if self.world > 1 else 0
        self.order = torch.Generator(self.device).manual_seed(seed + 1_000_003 * rank)
        self.noise = torch.Generator(self.device).manual_seed(~seed & 0x7FFFFFFF ^ 1_000_003 * rank)
        self.optimizers = {player.name: player.optimizer(player.parameters, lr=player.lr) for player in model.players()}
        pairs = zip(self.average.averaged(), self.model.averaged(), strict=True)
        self._pairs = [(_floats(slow), _floats(fast)) for slow, fast in pairs]
        self.round_number, self.seen, self.seconds = 0, 0, 0.0

    def use(self, plan: Plan) -> None:
        """Computes from now on in the precision and memory layout of a plan."""
        self.plan = plan
        for model in (self.model, self.average):
            precision.apply(model, plan)
        for optimizer in self.optimizers.values():
            for parameter, slots in optimizer.state.items():
                slots |= {key: _laid_out_like(parameter, value) for key, value in slots.items()}

    def round(self, only: str | None = None) -> Progress:
        """Every player's steps once, or those of the one named player."""
        start = time.perf_counter()
        terms, seen = {}, 0
        players = self.model.players()
        for player in players:
            if only in (None, player.name):
                for _ in range(player.steps):
                    latest = self._step(player)
                own = "loss" if len(players) == 1 else f"{player.name}_loss"
                terms |= {own if name == "loss" else name: term.detach() for name, term in latest.items()}
                seen = max(seen, player.steps * self.model.batch)
        if self.world > 1:  # batch-norm statistics differ per rank
            _average_across_ranks([b for b in self.model.buffers() if b.is_floating_point()])
        self._update_average()
        self.round_number += 1
        self.seen += seen * self.world
        self.seconds += time.perf_counter() - start
        return Progress(self.round_number, self.seen, self.seconds, terms)

    def _step(self, player: Player) -> dict[str, Tensor]:
        own = set(map(id, player.parameters))
        for parameter in self.model.parameters():  # the other players stand still, and cost no gradient
            parameter.requires_grad_(id(parameter) in own)
        optimizer = self.optimizers[player.name]
        for group in optimizer.param_groups:
            group["lr"] = player.lr
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.plan.bfloat16):
            terms = player.loss(self.batch())
        optimizer.zero_grad()
        terms["loss"].backward()
        if self.world > 1:
            _average_across_ranks([p.grad for p in player.parameters if p.grad is not None])
        optimizer.step()
        if player.after_step:
            player.after_step()
        return terms

    def batch(self) -> Batch:
        """A minibatch drawn on the device."""
        index = torch.randint(len(self.images), (self.model.batch,), generator=self.order, device=self.device)
        images = self.model.from_uint8(self.images[index])
        return Batch(images, self.labels[index], self.noise, self.seen)

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential average of weights and of batch-norm statistics. The ramp forgets the start quickly."""
        decay = min(DECAY, (1 + self.round_number) / (10 + self.round_number))
        for slow, fast in self._pairs:
            torch._foreach_lerp_(slow, fast, 1 - decay)

    def finite(self) -> bool:
        """Whether every parameter is a finite number."""
        norms = torch._foreach_norm(list(self.model.parameters()))
        return bool(torch.stack(norms).isfinite().all())

    @torch.no_grad()
    def view(self) -> Model:
        """The averaged model with its other parts (a discriminator, say) brought up to date."""
        smooth = {id(t) for slow, _ in self._pairs for t in slow}
        for slow, fast in zip(_tensors(self.average), _tensors(self.model), strict=True):
            if id(slow) not in smooth:
                slow.copy_(fast)
        for name in self.model.settings():
            setattr(self.average, name, getattr(self.model, name))
        return self.average

    @property
    def nbytes(self) -> int:
        """Bytes of both models, the gradients and what the optimisers know. Asked by the thread that trains alone: to
        look at a gradient while it is let go brings the process down."""
        tensors = [*_tensors(self.model), *_tensors(self.average)]
        tensors += [parameter.grad for parameter in self.model.parameters()]
        slots = [slots for optimizer in self.optimizers.values() for slots in optimizer.state.values()]
        tensors += [value for known in slots for value in known.values()]
        return sum(tensor.nbytes for tensor in tensors if isinstance(tensor, Tensor))

    def rest(self) -> None:
        """Lets go of what only a next round would need."""
        self.model.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Everything needed to go on exactly here, as named tensors (copies)."""
        state = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        state |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            for index, slots in optimizer.state_dict()["state"].items():
                state |= {f"optimizer.{name}.{index}.{key}": torch.as_tensor(v) for key, v in slots.items()}
        state["random.order"], state["random.noise"] = self.order.get_state(), self.noise.get_state()
        state["counters"] = torch.tensor([self.round_number, self.seen, self.seconds], dtype=torch.float64)
        return {key: value.detach().clone().contiguous() for key, value in state.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Goes back, or on, to a `state`; UserError where it does not fit the model."""
        try:
            parts = {part: _under(state, part) for part in ("model", "average", "optimizer", "random")}
            self.model.load_state_dict(parts["model"])
            self.average.load_state_dict(parts["average"])
            for name, optimizer in self.optimizers.items():
                parameters = optimizer.param_groups[0]["params"]
                slots: dict[int, dict[str, Tensor]] = {}
                for key, value in _under(parts["optimizer"], name).items():
                    index, slot = key.split(".")
                    slots.setdefault(int(index), {})[slot] = _laid_out_like(parameters[int(index)], value)
                whole = optimizer.state_dict()
                optimizer.load_state_dict({"state": slots, "param_groups": whole["param_groups"]})
            self.order.set_state(parts["random"]["order"].cpu())
            self.noise.set_state(parts["random"]["noise"].cpu())
            rounds, seen, self.seconds = state["counters"].tolist()
            self.round_number, self.seen = int(rounds), int(seen)
        except (KeyError, IndexError, RuntimeError, ValueError, TypeError) as error:
            raise UserError("This file does not hold a training state that fits the model.") from error


def _under(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix + "."): v for key, v in state.items() if key.startswith(prefix + ".")}


def _laid_out_like(parameter: Tensor, value: Tensor) -> Tensor:
    """A copy of an optimiser's tensor in its parameter's memory layout, which fused kernels rely on."""
    if value.shape != parameter.shape:
        return value.clone()
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)


def _tensors(module: nn.Module) -> Iterable[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def _floats(module: nn.Module) -> list[Tensor]:
    return [tensor for tensor in _tensors(module) if tensor.is_floating_point()]


def _average_across_ranks(tensors: list[Tensor]) -> None:
    for tensor in tensors:
        distributed.all_reduce(tensor)
        tensor /= distributed.get_world_size()

"""Train runs that differ in their seeds alone as one: the seed is a batch dimension.

In small networks the time goes into calls, not into arithmetic. ``BatchedTrainer`` stacks the
weights of S trainers, so that each call serves S runs. Every run keeps its own trainer: its weights
and optimizer states are views of the stacked ones, it draws from its own random streams, and its
logs get its own losses. So evaluating, recording and saving a run works as usual, a run saved in a
batch can resume alone and the other way round, and the numbers are those of single runs up to
rounding.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gan_zoo.config.schedules import INSTANCE_NOISE
from gan_zoo.data.batches import BatchStream
from gan_zoo.data.devices import synchronize
from gan_zoo.models import mlp
from gan_zoo.training.profiler import PARTS
from gan_zoo.training.stacked import (
    PENALTIES,
    Discriminators,
    Generators,
    Stack,
    StackedStep,
    backward,
    expand,
    norms,
    share_state,
    stack_optimizers,
)
from gan_zoo.training.steps import Steps
from gan_zoo.training.trainer import Trainer
from gan_zoo.types import AdversarialLoss, Batch

T = TypeVar("T")
ELEMENTWISE = (torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.SGD)


class BatchedTrainer(Trainer):
    """Update S trainers that differ in their seeds alone.

    Args:
        members: trainers with equally many updates and without an ``obstacle``. Each has the same
            state after ``step`` as if it had been stepped itself.
    """

    def __init__(self, members: Sequence[Trainer]):
        first = members[0]
        self.members = tuple(members)
        self.objective, self.settings, self.device = first.objective, first.settings, first.device
        self.execution, self.captured = first.execution, None
        self.planned_updates, self.schedules = first.planned_updates, first.schedules
        self.generators = Generators([m.generator for m in members])
        self.discriminators = Discriminators([m.discriminator for m in members])
        self.generator, self.discriminator = self.generators, self.discriminators
        self.critic = cast(Any, self.discriminators)
        self.ema = None
        if first.ema is not None:
            self.ema = Generators([cast(nn.Module, m.ema) for m in members])
        self.discriminator_optimizer = stack_optimizers(
            [m.discriminator_optimizer for m in members], self.discriminators
        )
        self.generator_optimizer = stack_optimizers(
            [m.generator_optimizer for m in members], self.generators
        )
        self._optimizers = self.discriminator_optimizer, self.generator_optimizer
        groups = [group for optimizer in self._optimizers for group in optimizer.param_groups]
        initial = [rate for _, rate in first.rates]
        self.rates = list(zip(groups, initial, strict=True))
        self.discriminator_updates = first.discriminator_updates
        self.generator_updates = first.generator_updates
        self.discriminator_batches = _stack_batches([m.discriminator_batches for m in members])
        self.generator_batches = _stack_batches([m.generator_batches for m in members])
        self.discriminator_loss = torch.vmap(self.objective.loss.discriminator)
        self.generator_loss = torch.vmap(self.objective.loss.generator)
        self.penalty = PENALTIES[type(self.objective.regularizer)]
        self._shared: set[str] = set()  # networks whose optimizer states the members share

    def step(self) -> None:
        """Make one update of every D and, every ``n_critic``-th time, one of every G."""
        if self.schedules:  # the evaluation of a member uses its own options
            for member in self.members:
                member._follow_schedules()
        super().step()
        for member in self.members:
            member.discriminator_updates = self.discriminator_updates
            member.generator_updates = self.generator_updates

    def discriminator_backward(self, real: Batch) -> None:
        """Compute the gradients of every D's loss on its own batch."""
        objective, aux = self.objective, self.objective.aux
        count = real.labels.shape[1]
        z, fake_labels = self._draw(count, [m.discriminator_rng for m in self.members])
        with torch.no_grad():
            fakes = self.generators(z)
        images = real.images
        if objective.regularizer.needs_image_gradients:
            images.requires_grad_()
            fakes.requires_grad_()
        output = self.discriminators(
            torch.cat([images, fakes], 1), trains_class_head=aux.weight_d > 0
        )
        real_scores, fake_scores = output.scores[:, :count], output.scores[:, count:]
        adversarial = self.discriminator_loss(real_scores, fake_scores)
        auxiliary = _class_losses(output.class_logits[:, :count], real.labels)
        if aux.on_fake:
            auxiliary = auxiliary + _class_losses(output.class_logits[:, count:], fake_labels)
        rngs = [m.penalty_rng for m in self.members]
        penalty = self.penalty(
            objective.regularizer,
            StackedStep(self._scores, images, fakes, real_scores, fake_scores, rngs),
        )
        loss = adversarial + aux.weight_d * auxiliary + penalty
        backward(loss, self.discriminators)
        norm = self._clip(self.discriminators)
        self._log_losses(
            "discriminator", norm, loss=loss, generation=adversarial, auxiliary=auxiliary,
            penalty=penalty,
        )  # fmt: skip
        self._log_scores(real_scores, fake_scores)

    def generator_backward(self) -> None:
        """Compute the gradients of every G's loss on its own latents."""
        aux, count = self.objective.aux, self.settings.generator_batch_size
        z, labels = self._draw(count, [m.generator_rng for m in self.members])
        on_real: tuple[Tensor, ...] = ()
        if self.objective.loss.needs_real_in_generator_step:
            with torch.no_grad():
                on_real = (self._scores(self.generator_batches.batch().images),)
        output = self.discriminators(self.generators(z), trains_class_head=aux.weight_g > 0)
        adversarial = self.generator_loss(output.scores, *on_real)
        auxiliary = _class_losses(output.class_logits, labels)
        loss = adversarial + aux.weight_g * auxiliary
        backward(loss, self.generators)
        norm = self._clip(self.generators)
        self._log_losses("generator", norm, loss=loss, generation=adversarial, auxiliary=auxiliary)

    def _scores(self, images: Tensor) -> Tensor:
        scores: Tensor = self.discriminators(images, trains_class_head=False).scores
        return scores

    def _draw(self, count: int, rngs: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
        """Return latents (S, count, latent_dim) and labels (S, count) from each run's stream."""
        drawn = [m.draw(count, rng) for m, rng in zip(self.members, rngs, strict=True)]
        z, labels = zip(*drawn, strict=True)
        return torch.stack(z), torch.stack(labels)

    def _log(self, **quantities: Tensor) -> None:
        """Log one value of each (S,) quantity in each member."""
        for name, values in quantities.items():
            for member, value in zip(self.members, values.detach().unbind(), strict=True):
                member.logs[name].append(value)

    def _clip(self, network: nn.Module) -> Tensor:
        """Clip each run's gradient if the settings ask for it; return the norms (S,) before."""
        gradients = [cast(Tensor, p.grad) for p in network.parameters()]
        norm = self._norm(gradients)
        if self.settings.gradient_clip is not None:
            factor = (self.settings.gradient_clip / (norm + 1e-6)).clamp(max=1.0)  # as torch's
            for gradient in gradients:
                gradient.mul_(expand(factor, gradient))
        return norm.float()

    def _norm(self, tensors: list[Tensor]) -> Tensor:
        return norms(tensors)

    @contextmanager
    def _watched(self, generator_turn: bool) -> Iterator[None]:
        """Log as ``Trainer`` does; after the first update, share the optimizers' states."""
        with super()._watched(generator_turn):
            yield
        for name in ("discriminator", *["generator"] * generator_turn):
            if name not in self._shared:
                self._shared.add(name)
                attribute = f"{name}_optimizer"
                share_state(
                    getattr(self, attribute),
                    [getattr(member, attribute) for member in self.members],
                    cast(Stack, getattr(self, name)),
                )


def obstacle(trainer: Trainer) -> str | None:
    """Return why runs like this one cannot be trained as a batch, None if they can."""
    networks = {"generator": trainer.generator, "discriminator": trainer.discriminator}
    for (name, network), kind in zip(
        networks.items(), (mlp.Generator, mlp.Discriminator), strict=True
    ):
        if type(network) is not kind:
            return f"the {name} is {type(network).__name__}, not that of model=mlp"
        if any(hasattr(module, "parametrizations") for module in network.modules()):
            return f"the {name}'s weights are normalized"
    for name in ("discriminator", "generator"):
        optimizer = getattr(trainer, f"{name}_optimizer")
        if type(optimizer) not in ELEMENTWISE or len(optimizer.param_groups) != 1:
            return f"the {name}'s optimizer is {type(optimizer).__name__}"
    noisy = any(schedule.path == INSTANCE_NOISE for schedule in trainer.schedules)
    if noisy or cast(mlp.Discriminator, trainer.discriminator).instance_noise:
        return "the discriminator's instance noise is drawn from the global stream"
    if type(trainer.objective.regularizer) not in PENALTIES:
        return f"the regularizer is {type(trainer.objective.regularizer).__name__}"
    return _obstacle_of_settings(trainer) or _obstacle_of_loss(trainer.objective.loss)


def _obstacle_of_settings(trainer: Trainer) -> str | None:
    if trainer.execution.precision != "fp32":
        return f"trainer.precision is {trainer.execution.precision}"
    if trainer.settings.on_divergence == "rollback":
        return "trainer.on_divergence=rollback repeats epochs of single runs"
    if PARTS[0] in vars(trainer):  # ``profiled`` has wrapped it, and a batch has parts of its own
        return "profile measures the updates of one run"
    return None


def _obstacle_of_loss(loss: AdversarialLoss) -> str | None:
    if hasattr(loss, "state_dict"):
        return "the loss has a state"
    scores = torch.linspace(-1, 1, 8).reshape(2, 4)
    try:
        torch.vmap(loss.discriminator)(scores, scores)
        torch.vmap(loss.generator)(scores, scores)
    except RuntimeError:
        return "torch.vmap does not support the loss"
    return None


def finish_together(runs: Sequence[Steps[T]], trainers: Sequence[Trainer]) -> list[T | None]:
    """Make the updates that runs yield, those of all runs with equally many updates at once.

    Args:
        runs: started.
        trainers: the one that each run yielded last.

    Returns:
        The runs' outcomes; None for one that raised.

    Raises:
        BaseException: the first that a run raised, after all have ended.
    """
    waiting = dict(enumerate(trainers))
    outcomes: dict[int, T] = {}
    errors: list[BaseException] = []
    batch: tuple[tuple[int, ...], BatchedTrainer] | None = None
    threads = torch.get_num_threads()  # of the runs; one that ends restores its caller's
    while waiting:
        least = min(trainer.discriminator_updates for trainer in waiting.values())
        behind = tuple(n for n, t in waiting.items() if t.discriminator_updates == least)
        failure: BaseException | None = None
        began = time.perf_counter()
        try:
            if batch is None or batch[0] != behind:
                batch = behind, BatchedTrainer([waiting[number] for number in behind])
            batch[1].step()
            synchronize(batch[1].device)  # or the first run that waits would count all the time
        except BaseException as error:
            failure = error
        share = (time.perf_counter() - began) / len(behind)
        for number in behind:
            run = runs[number]
            try:
                waiting[number] = run.send(share) if failure is None else run.throw(failure)
            except StopIteration as end:
                outcomes[number] = end.value
                del waiting[number]
            except BaseException as error:
                errors.append(error)
                del waiting[number]
        torch.set_num_threads(threads)
    if errors:
        raise errors[0]
    return [outcomes.get(number) for number in range(len(runs))]


class _StackedBatches:
    """The present batch of each run's stream, stacked."""

    def __init__(self, streams: Sequence[BatchStream]):
        self.streams = streams

    def advance(self) -> None:
        for stream in self.streams:
            stream.advance()

    def batch(self) -> Batch:
        images, labels = zip(*(stream.batch() for stream in self.streams), strict=True)
        return Batch(torch.stack(images), torch.stack(labels))


def _stack_batches(streams: Sequence[BatchStream]) -> BatchStream:
    return cast(BatchStream, _StackedBatches(streams))


def _class_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each run: (S, N, K), (S, N) -> (S,)."""
    each = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return each.view_as(labels).mean(1)

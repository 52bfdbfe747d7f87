"""The training step, the same for every objective, and the state that a resume needs."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_zoo.config.schedules import OptionSchedule, apply, apply_to_optimizer
from gan_zoo.config.schema import TrainerSettings
from gan_zoo.data.batches import BatchStream
from gan_zoo.data.devices import (
    float32_products,
    get_global_streams,
    seed_global_streams,
    set_global_streams,
)
from gan_zoo.data.random_streams import stream, stream_seed
from gan_zoo.training.objective import Objective, frozen, split
from gan_zoo.training.optimizers import load_optimizer, set_rate, update_average
from gan_zoo.training.precision import Execution
from gan_zoo.types import (
    Batch,
    ConfigurationError,
    CriticStep,
    Discriminator,
    DivergenceError,
    Generator,
    Sampler,
)

if TYPE_CHECKING:
    from gan_zoo.training.captured import Captured

# Quantities logged at each update of D and of G; their means are columns of history.csv.
DISCRIMINATOR_LOG = (
    "discriminator_train_loss", "discriminator_train_generation", "discriminator_train_auxiliary",
    "discriminator_train_penalty", "discriminator_accuracy_real", "discriminator_accuracy_fake",
    "score_real", "score_fake", "gradient_norm_discriminator",
)  # fmt: skip
GENERATOR_LOG = (
    "generator_train_loss", "generator_train_generation", "generator_train_auxiliary",
    "gradient_norm_generator",
)  # fmt: skip
UPDATE_RATIOS = ("update_ratio_generator", "update_ratio_discriminator")
WATCHED = 25  # updates of a network between two measurements of its update ratio


class Trainer:
    """Update a generator and a discriminator in turn.

    Every random stream depends on (seed, purpose) alone, and D's latents, G's latents and the data
    order are different purposes: two runs that differ only in the loss draw the same numbers.

    Args:
        generator: (z, labels) -> images; has ``latent_dim``.
        discriminator: images -> CriticOutput.
        objective: adversarial loss, regularizer, class loss.
        optimizers: of D and of G.
        latents, labels: samplers.
        batches: real batches for D's updates, and for G's (used by relativistic losses only).
        num_classes: number of labels.
        updates: planned updates of D, over which the learning rates decay.
        settings: of the trainer.
        seed: of all streams.
        device: of networks, data and streams.
        execution: precision and memory format of the networks.
        schedules: of options that change over the run; those of the loss, the regularizer, the
            settings and the optimizers are changed in place.
    """

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: Objective,
        optimizers: tuple[Optimizer, Optimizer],
        latents: Sampler,
        labels: Sampler,
        batches: tuple[BatchStream, BatchStream],
        num_classes: int,
        updates: int,
        settings: TrainerSettings,
        seed: int,
        device: torch.device,
        execution: Execution,
        schedules: Sequence[OptionSchedule] = (),
    ):
        self.generator, self.discriminator = generator, discriminator
        self.critic = cast(Discriminator, discriminator)  # the same, as regularizers see it
        self.latent_dim = cast(Generator, generator).latent_dim
        self.objective, self.settings, self.device = objective, settings, device
        self.discriminator_optimizer, self.generator_optimizer = optimizers
        self.latents, self.labels, self.num_classes = latents, labels, num_classes
        self.discriminator_batches, self.generator_batches = batches
        purposes = ("latents of D's steps", "latents of G's steps", "penalty")
        self.streams = {purpose: stream(seed, purpose, device) for purpose in purposes}
        self.discriminator_rng, self.generator_rng, self.penalty_rng = self.streams.values()
        self.seed, self.planned_updates, self.execution = seed, updates, execution
        self.schedules = schedules
        self.captured: Captured | None = None  # makes the updates instead of ``update``
        self._networks = {"generator": generator, "discriminator": discriminator}
        self.ema = None if settings.ema_decay is None else copy.deepcopy(generator)
        if self.ema is not None:
            self.ema.requires_grad_(False)
            self._networks["ema"] = self.ema
        self._optimizers, self._batches = optimizers, batches
        self.rates = [
            (group, group["lr"]) for optimizer in optimizers for group in optimizer.param_groups
        ]
        self.discriminator_updates = self.generator_updates = 0
        self.logs: dict[str, list[Tensor]] = {
            name: [] for name in (*DISCRIMINATOR_LOG, *GENERATOR_LOG, *UPDATE_RATIOS)
        }

    def step(self) -> None:
        """Make one update of D and, every ``n_critic``-th time, one of G."""
        self._follow_schedules()
        self._decay_rates()
        generator_turn = (self.discriminator_updates + 1) % self.settings.n_critic == 0
        self.discriminator_batches.advance()
        if generator_turn and self.objective.loss.needs_real_in_generator_step:
            self.generator_batches.advance()
        with self._arithmetic(), self._watched(generator_turn):
            (self.captured or self.update)(generator_turn)
        self.discriminator_updates += 1
        if generator_turn:
            self.generator_updates += 1
            self._average()

    def update(self, generator_turn: bool) -> None:
        """Update D on the present batch, then G: the part of a step that a graph can hold.

        It reads whatever changes from step to step from tensors whose memory stays in place.
        """
        self.discriminator_backward(self.discriminator_batches.batch())
        if not self.settings.simultaneous:
            self.discriminator_update()
        if generator_turn:
            self.generator_backward()
            self.generator_update()
        if self.settings.simultaneous:
            self.discriminator_update()

    def discriminator_update(self) -> None:
        """Step D's optimizer, then apply the regularizer's constraint."""
        self.discriminator_optimizer.step()
        self.objective.regularizer.constrain(self.critic)

    def generator_update(self) -> None:
        """Step G's optimizer."""
        self.generator_optimizer.step()

    def _average(self) -> None:
        """Update the moving average of G's weights, if there is one."""
        if self.ema is not None and self.settings.ema_decay is not None:
            # A small decay at first, so that the initial weights lose their influence soon.
            warm_up = (1 + self.generator_updates) / (10 + self.generator_updates)
            update_average(self.ema, self.generator, min(self.settings.ema_decay, warm_up))

    def discriminator_backward(self, real: Batch) -> None:
        """Compute the gradients of D's loss on one mixed batch of real and fake samples."""
        objective = self.objective
        fake = self.fakes(len(real.labels), self.discriminator_rng)
        if objective.regularizer.needs_image_gradients:
            real.images.requires_grad_()
            fake.images.requires_grad_()
        output = self.discriminator(torch.cat([real.images, fake.images]))
        on_real, on_fake = split(output, len(real.labels))
        adversarial, auxiliary = objective.discriminator(on_real, on_fake, real.labels, fake.labels)
        penalty = objective.regularizer.penalty(
            self.critic,
            CriticStep(real, fake, on_real.scores, on_fake.scores, self.penalty_rng),
        )
        loss = adversarial + objective.aux.weight_d * auxiliary + penalty
        self.discriminator_optimizer.zero_grad()
        loss.backward()
        norm = self._clip(self.discriminator)
        self._log_losses(
            "discriminator", norm, loss=loss, generation=adversarial, auxiliary=auxiliary,
            penalty=penalty,
        )  # fmt: skip
        self._log_scores(on_real.scores, on_fake.scores)

    def generator_backward(self) -> None:
        """Compute the gradients of G's loss on new latents; D's weights get none."""
        objective, count = self.objective, self.settings.generator_batch_size
        z, labels = self.draw(count, self.generator_rng)
        with frozen(self.discriminator):
            on_real = None
            if objective.loss.needs_real_in_generator_step:
                with torch.no_grad():
                    on_real = self.discriminator(self.generator_batches.batch().images)
            on_fake = self.discriminator(self.generator(z, labels))
            adversarial, auxiliary = objective.generator(on_fake, on_real, labels)
            loss = adversarial + objective.aux.weight_g * auxiliary
            self.generator_optimizer.zero_grad()
            loss.backward()
        norm = self._clip(self.generator)
        self._log_losses("generator", norm, loss=loss, generation=adversarial, auxiliary=auxiliary)

    def fakes(self, count: int, rng: torch.Generator) -> Batch:
        """Return new samples without a graph back to G."""
        z, labels = self.draw(count, rng)
        with torch.no_grad():
            return Batch(self.generator(z, labels), labels)

    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return latents and labels for ``count`` samples."""
        z = self.latents(count, self.latent_dim, rng)
        return z, self.labels(count, self.num_classes, rng)

    def collect(self) -> dict[str, float]:
        """Return the means of the logged quantities since the last call, and clear the logs.

        A quantity that was not logged since then is NaN.

        Raises:
            DivergenceError: a loss, gradient norm or weight is not finite; it names the first such
                update.
        """
        means: dict[str, float] = {}
        for names, stride in ((DISCRIMINATOR_LOG, 1), (GENERATOR_LOG, self.settings.n_critic)):
            columns = [self.logs[name] for name in names]
            rows = torch.stack([torch.stack(c) for c in columns], 1).tolist() if columns[0] else []
            first = self.discriminator_updates - (len(rows) - 1) * stride
            for number, row in enumerate(rows):
                for name, value in zip(names, row, strict=True):
                    if not math.isfinite(value):
                        raise DivergenceError(first + number * stride, name, value)
            for place, name in enumerate(names):
                means[name] = sum(row[place] for row in rows) / len(rows) if rows else math.nan
        self.check_weights()
        means["score_gap"] = means["score_real"] - means["score_fake"]
        for name in UPDATE_RATIOS:
            ratios = self.logs[name]
            means[name] = torch.stack(ratios).mean().item() if ratios else math.nan
        for log in self.logs.values():
            log.clear()
        return means

    def check_weights(self) -> None:
        """Check that all weights, and buffers such as batch norm's, are finite.

        Raises:
            DivergenceError: those of a network are not.
        """
        for name in ("discriminator", "generator"):
            tensors = getattr(self, name).state_dict().values()
            floating = [tensor.detach() for tensor in tensors if tensor.is_floating_point()]
            largest = nn.utils.get_total_norm(floating, math.inf).item()
            if not math.isfinite(largest):
                raise DivergenceError(self.discriminator_updates, f"weights_{name}", largest)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next updates depend on, as tensors and plain values.

        Weights, buffers, moving average, optimizers, random streams, counters and logs. A loss or
        regularizer with a state of its own provides ``state_dict`` and ``load_state_dict``.
        """
        return {
            "device": self.device.type,
            "networks": {name: each.state_dict() for name, each in self._networks.items()},
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "streams": {name: rng.get_state() for name, rng in self.streams.items()},
            "batches": [dict(batches.state_dict()) for batches in self._batches],
            "global": get_global_streams(self.device),
            "objective": {
                name: part.state_dict()
                for name, part in vars(self.objective).items()
                if hasattr(part, "state_dict")
            },
            "updates": [self.discriminator_updates, self.generator_updates],
            "logs": {name: list(log) for name, log in self.logs.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state of a trainer of the same configuration; the next updates are the same.

        Raises:
            ConfigurationError: it is of another kind of device, whose random streams differ.
        """
        if state["device"] != self.device.type:
            raise ConfigurationError(
                f"the run was trained on {state['device']}, this is {self.device.type}, whose"
                f" random numbers differ: resume with device={state['device']}, or start over with"
                " resume=never"
            )
        for name, network in self._networks.items():
            network.load_state_dict(state["networks"][name])
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            load_optimizer(optimizer, saved)
        if self.captured is not None:
            self.captured.restart()  # other tensors hold the state now
        # Loading replaces the groups; the rates that decay starts from are the configuration's.
        groups = [group for optimizer in self._optimizers for group in optimizer.param_groups]
        self.rates = [(group, rate) for group, (_, rate) in zip(groups, self.rates, strict=True)]
        for name, rng in self.streams.items():
            rng.set_state(state["streams"][name])
        for batches, saved in zip(self._batches, state["batches"], strict=True):
            batches.load_state_dict(saved)
        set_global_streams(state["global"], self.device)
        for name, saved in state["objective"].items():
            getattr(self.objective, name).load_state_dict(saved)
        self.discriminator_updates, self.generator_updates = state["updates"]
        for name, log in state["logs"].items():
            self.logs[name] = [value.to(self.device) for value in log]

    def reseed(self, rollback: int) -> None:
        """Seed every stream for the ``rollback``-th rollback, with numbers no step has seen."""
        for name, rng in self.streams.items():
            rng.manual_seed(stream_seed(self.seed, f"{name}, rollback {rollback}"))
        for name, batches in zip(("D", "G"), self._batches, strict=True):
            purpose = f"data order of {name}'s steps, rollback {rollback}"
            batches.restart(stream_seed(self.seed, purpose))
        seed_global_streams(stream_seed(self.seed, f"dropout, rollback {rollback}"), self.device)

    def _arithmetic(self) -> AbstractContextManager[None]:
        """Return a context with the execution's float32 products; only CUDA has a choice."""
        if self.device.type != "cuda":
            return nullcontext()
        return float32_products("tf32" if self.execution.precision == "tf32" else "ieee")

    def _log_losses(self, name: str, gradient_norm: Tensor, **terms: Tensor) -> None:
        """Log the loss of a network's update, the loss's terms, and the norm of its gradient."""
        self._log(**{f"{name}_train_{term}": value for term, value in terms.items()})
        self._log(**{f"gradient_norm_{name}": gradient_norm})

    def _log_scores(self, real: Tensor, fake: Tensor) -> None:
        """Log means of (..., N) scores, and the shares that D puts on the right side."""
        threshold = self.objective.loss.real_threshold
        self._log(
            discriminator_accuracy_real=(real > threshold).float().mean(-1),
            discriminator_accuracy_fake=(fake <= threshold).float().mean(-1),
            score_real=real.detach().float().mean(-1),
            score_fake=fake.detach().float().mean(-1),
        )

    def _log(self, **quantities: Tensor) -> None:
        for name, value in quantities.items():
            self.logs[name].append(value.detach())

    @contextmanager
    def _watched(self, generator_turn: bool) -> Iterator[None]:
        """Log ||change|| / ||weights|| of a network at every ``WATCHED``-th update."""
        updates = {"discriminator": self.discriminator_updates}
        if generator_turn:
            updates["generator"] = self.generator_updates
        before = {
            name: [p.detach().clone() for p in getattr(self, name).parameters()]
            for name, count in updates.items()
            if count % WATCHED == 0
        }
        yield
        for name, old in before.items():
            parameters = [p.detach() for p in getattr(self, name).parameters()]
            change = self._norm([*torch._foreach_sub(parameters, old)])
            self._log(**{f"update_ratio_{name}": change / self._norm(old)})

    def _norm(self, tensors: list[Tensor]) -> Tensor:
        """Return the Euclidean norm of all tensors as one."""
        return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))

    def _follow_schedules(self) -> None:
        """Set every option that has a schedule to its value at this update."""
        share = self.discriminator_updates / self.planned_updates
        parts = {**vars(self.objective), "trainer": self.settings, "model": self}
        for schedule in self.schedules:
            group, *path = schedule.path
            if group != "optimizer":
                apply(parts[group], schedule, path, share)
                continue
            optimizer = self._optimizers[("discriminator", "generator").index(path[0])]
            apply_to_optimizer(optimizer, schedule, share)
            if path[1] == "lr":  # the rates that decay starts from
                own = {id(group) for group in optimizer.param_groups}
                self.rates = [
                    (known, known["lr"] if id(known) in own else rate) for known, rate in self.rates
                ]

    def _decay_rates(self) -> None:
        """Decay the learning rates linearly to 0 over the last ``lr_decay`` of the updates."""
        share = self.settings.lr_decay
        left = max(0.0, 1 - self.discriminator_updates / self.planned_updates)
        if left < share:
            for group, rate in self.rates:
                set_rate(group, rate * left / share)

    def _clip(self, network: nn.Module) -> Tensor:
        """Clip a network's gradient if the settings ask for it; return its norm before clipping."""
        parameters = [p for p in network.parameters() if p.grad is not None]
        norm = self._norm([cast(Tensor, p.grad) for p in parameters])
        if self.settings.gradient_clip is not None:
            nn.utils.clip_grads_with_norm_(parameters, self.settings.gradient_clip, norm)
        return norm.detach().float()

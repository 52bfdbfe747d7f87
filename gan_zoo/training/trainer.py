"""One trainer for every objective: ``Trainer.step`` reads like the algorithm in the papers."""

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from gan_zoo.config.schedules import OptionSchedule, apply, apply_to_optimizer
from gan_zoo.config.schema import AuxiliarySettings, TrainerSettings
from gan_zoo.data.batches import BatchStream
from gan_zoo.data.random_streams import stream
from gan_zoo.training.precision import Execution
from gan_zoo.types import (
    AdversarialLoss,
    Batch,
    CriticOutput,
    CriticStep,
    Discriminator,
    DivergenceError,
    Generator,
    Regularizer,
    Sampler,
)

DISCRIMINATOR_QUANTITIES = (
    "discriminator_train_loss",
    "discriminator_train_generation",
    "discriminator_train_auxiliary",
    "discriminator_train_penalty",
    "discriminator_accuracy_real",
    "discriminator_accuracy_fake",
    "score_real",
    "score_fake",
    "gradient_norm_discriminator",
)
GENERATOR_QUANTITIES = (
    "generator_train_loss",
    "generator_train_generation",
    "generator_train_auxiliary",
    "gradient_norm_generator",
)

WATCHED = 25  # of so many updates of a network, one is compared with the size of its weights


@dataclass
class Objective:
    """What a variant is made of, beside its optimizers."""

    loss: AdversarialLoss
    regularizer: Regularizer
    aux: AuxiliarySettings

    def discriminator(
        self, real: CriticOutput, fake: CriticOutput, real_labels: Tensor, fake_labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """D's adversarial and class loss; the latter is CE(real), plus CE(fake) if ``on_fake``."""
        auxiliary = cross_entropy(real.class_logits.float(), real_labels)
        if self.aux.on_fake:
            auxiliary = auxiliary + cross_entropy(fake.class_logits.float(), fake_labels)
        return self.loss.discriminator(real.scores.float(), fake.scores.float()), auxiliary

    def generator(
        self, fake: CriticOutput, real: CriticOutput | None, fake_labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """G's adversarial and class loss."""
        real_scores = None if real is None else real.scores.float()
        adversarial = self.loss.generator(fake.scores.float(), real_scores)
        return adversarial, cross_entropy(fake.class_logits.float(), fake_labels)


class Trainer:
    """Updates a generator and a discriminator in turn; everything random has its own stream.

    The streams depend on (seed, purpose) alone, and D's latents, G's latents and the data order are
    different purposes: two runs that differ only in the loss see the same of each.

    Args:
        generator: (z, labels) -> images; has ``latent_dim``.
        discriminator: images -> CriticOutput.
        objective: adversarial loss, regularizer, class loss.
        optimizers: of D and of G.
        latents, labels: samplers.
        batches: real batches for D's updates, and for G's (used by relativistic losses only).
        num_classes: number of labels.
        updates: planned updates of D, which a decay of the learning rates is spread over.
        settings: rhythm.
        seed: of all streams.
        device: where everything lives.
        execution: how the networks were prepared.
        schedules: of options that change over the run; the loss, the regularizer and the settings
            that they name are changed in place.
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
        self.discriminator_rng = stream(seed, "latents of D's steps", device)
        self.generator_rng = stream(seed, "latents of G's steps", device)
        self.penalty_rng = stream(seed, "penalty", device)
        self.planned_updates, self.execution = updates, execution
        self.schedules = schedules
        self.ema = None if settings.ema_decay is None else copy.deepcopy(generator)
        if self.ema is not None:
            self.ema.requires_grad_(False)
        self.rates = [
            (group, group["lr"]) for optimizer in optimizers for group in optimizer.param_groups
        ]
        self.discriminator_updates = 0
        self.generator_updates = 0
        self.discriminator_log: list[Tensor] = []
        self.generator_log: list[Tensor] = []
        self.update_ratios: dict[str, list[Tensor]] = {"generator": [], "discriminator": []}

    def step(self) -> None:
        """One discriminator update and, every ``n_critic``-th time, one generator update."""
        self._follow_schedules()
        self._decay_rates()
        generator_turn = (self.discriminator_updates + 1) % self.settings.n_critic == 0
        self.discriminator_backward(self.discriminator_batches.next())
        if not self.settings.simultaneous:
            self.discriminator_update()
        if generator_turn:
            self.generator_backward()
            self.generator_update()
        if self.settings.simultaneous:
            self.discriminator_update()

    def discriminator_update(self) -> None:
        """D's optimizer step, and what constrains D after it."""
        with self._watched("discriminator", self.discriminator, self.discriminator_updates):
            self.discriminator_optimizer.step()
            self.objective.regularizer.constrain(self.critic)
        self.discriminator_updates += 1

    def generator_update(self) -> None:
        """G's optimizer step, and the moving average of its weights if there is one."""
        with self._watched("generator", self.generator, self.generator_updates):
            self.generator_optimizer.step()
        self.generator_updates += 1
        if self.ema is not None and self.settings.ema_decay is not None:
            # A short memory at first, so that the initial weights are forgotten soon.
            warm_up = (1 + self.generator_updates) / (10 + self.generator_updates)
            update_average(self.ema, self.generator, min(self.settings.ema_decay, warm_up))

    def discriminator_backward(self, real: Batch) -> None:
        """Gradients of D's loss on one mixed batch of real and fake samples."""
        objective = self.objective
        fake = self.fakes(len(real.labels), self.discriminator_rng)
        if objective.regularizer.needs_image_gradients:
            real.images.requires_grad_()
            fake.images.requires_grad_()
        output = self.discriminator(torch.cat([real.images, fake.images]))
        on_real, on_fake = _split(output, len(real.labels))
        adversarial, auxiliary = objective.discriminator(on_real, on_fake, real.labels, fake.labels)
        penalty = objective.regularizer.penalty(
            self.critic,
            CriticStep(real, fake, on_real.scores, on_fake.scores, self.penalty_rng),
        )
        loss = adversarial + objective.aux.weight_d * auxiliary + penalty
        self.discriminator_optimizer.zero_grad()
        loss.backward()
        norm = self._clip(self.discriminator)
        threshold = objective.loss.real_threshold
        self.discriminator_log.append(
            torch.stack([
                loss.detach(), adversarial.detach(), auxiliary.detach(), penalty.detach(),
                (on_real.scores > threshold).float().mean(),
                (on_fake.scores <= threshold).float().mean(),
                on_real.scores.detach().float().mean(),
                on_fake.scores.detach().float().mean(),
                norm,
            ])
        )  # fmt: skip

    def generator_backward(self) -> None:
        """Gradients of G's loss on fresh latents; D's weights take none."""
        objective, count = self.objective, self.settings.generator_batch_size
        z, labels = self.draw(count, self.generator_rng)
        with _frozen(self.discriminator):
            on_real = None
            if objective.loss.needs_real_in_generator_step:
                with torch.no_grad():
                    on_real = self.discriminator(self.generator_batches.next().images)
            on_fake = self.discriminator(self.generator(z, labels))
            adversarial, auxiliary = objective.generator(on_fake, on_real, labels)
            loss = adversarial + objective.aux.weight_g * auxiliary
            self.generator_optimizer.zero_grad()
            loss.backward()
        norm = self._clip(self.generator)
        self.generator_log.append(
            torch.stack([loss.detach(), adversarial.detach(), auxiliary.detach(), norm])
        )

    def fakes(self, count: int, rng: torch.Generator) -> Batch:
        """Fresh samples without a graph back to G."""
        z, labels = self.draw(count, rng)
        with torch.no_grad():
            return Batch(self.generator(z, labels), labels)

    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents and labels for ``count`` samples."""
        z = self.latents(count, self.latent_dim, rng)
        return z, self.labels(count, self.num_classes, rng)

    def collect(self) -> dict[str, float]:
        """Means of the logged quantities since the last call; one transfer from the device.

        Raises:
            DivergenceError: a loss, gradient norm or weight is not finite; it names the first such
                update.
        """
        means: dict[str, float] = {}
        done = self.discriminator_updates
        for names, log, stride in (
            (DISCRIMINATOR_QUANTITIES, self.discriminator_log, 1),
            (GENERATOR_QUANTITIES, self.generator_log, self.settings.n_critic),
        ):
            values = torch.stack(log).cpu().tolist() if log else []
            first = done - len(values) * stride + stride
            for number, row in enumerate(values):
                for name, value in zip(names, row, strict=True):
                    if not math.isfinite(value):
                        raise DivergenceError(first + number * stride, name, value)
            columns = zip(*values, strict=True) if values else ([] for _ in names)
            for name, column in zip(names, columns, strict=True):
                means[name] = sum(column) / len(column) if column else math.nan
            log.clear()
        self.check_weights()
        means["score_gap"] = means["score_real"] - means["score_fake"]
        for name, ratios in self.update_ratios.items():
            mean = torch.stack(ratios).mean().item() if ratios else math.nan
            means[f"update_ratio_{name}"] = mean
            ratios.clear()
        return means

    def check_weights(self) -> None:
        """Look whether all weights, and buffers such as batch norm's, are finite.

        Raises:
            DivergenceError: those of a network are not.
        """
        for name, network in (
            ("discriminator", self.discriminator),
            ("generator", self.generator),
        ):
            held = [t.detach() for t in network.state_dict().values() if t.is_floating_point()]
            largest = nn.utils.get_total_norm(held, math.inf).item()
            if not math.isfinite(largest):
                raise DivergenceError(self.discriminator_updates, f"weights_{name}", largest)

    @contextmanager
    def _watched(self, name: str, network: nn.Module, updates: int) -> Iterator[None]:
        """Of every ``WATCHED``-th update, ||change|| / ||weights|| over all of a network's."""
        parameters = [p.detach() for p in network.parameters()]
        before = [p.clone() for p in parameters] if updates % WATCHED == 0 else []
        yield
        if before:
            change = nn.utils.get_total_norm(torch._foreach_sub(parameters, before))
            self.update_ratios[name].append(change / nn.utils.get_total_norm(before))

    def _follow_schedules(self) -> None:
        """Set every option that has a schedule to its value at this update."""
        share = self.discriminator_updates / self.planned_updates
        optimizers = {
            "discriminator": self.discriminator_optimizer, "generator": self.generator_optimizer,
        }  # fmt: skip
        parts = {**vars(self.objective), "trainer": self.settings, "model": self}
        for schedule in self.schedules:
            group, *path = schedule.path
            if group != "optimizer":
                apply(parts[group], schedule, path, share)
                continue
            optimizer = optimizers[path[0]]
            apply_to_optimizer(optimizer, schedule, share)
            if path[1] == "lr":  # what a decay starts from
                self.rates = [
                    (
                        known,
                        known["lr"] if any(known is g for g in optimizer.param_groups) else rate,
                    )
                    for known, rate in self.rates
                ]

    def _decay_rates(self) -> None:
        """Learning rates: constant, then linear, the update after the last would have 0."""
        share = self.settings.lr_decay
        left = max(0.0, 1 - self.discriminator_updates / self.planned_updates)
        if left < share:
            for group, rate in self.rates:
                group["lr"] = rate * left / share

    def _clip(self, network: nn.Module) -> Tensor:
        """Norm of the gradient before clipping; clips it if the settings say so."""
        parameters = [p for p in network.parameters() if p.grad is not None]
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if self.settings.gradient_clip is not None:
            nn.utils.clip_grads_with_norm_(parameters, self.settings.gradient_clip, norm)
        return norm.detach().float()


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move averaged weights toward a network's: ``average = decay * average + (1 - decay) * w``.

    Floating-point buffers, such as batch norm's running statistics, are averaged like weights;
    integer buffers are copied. FID of the default network on 10,000 validation images after 3,000
    generator updates, with averaged statistics: 9.5 (bce), 23.2 (wgan); copied from G: 10.0, 23.3;
    recomputed from 200 batches: 9.3, 23.3. So recomputing them is not worth its time.
    """
    averaged = [*average.parameters(), *average.buffers()]
    current = [*network.parameters(), *network.buffers()]
    floating = [tensor.is_floating_point() for tensor in averaged]
    torch._foreach_lerp_(
        [tensor for tensor, is_float in zip(averaged, floating, strict=True) if is_float],
        [tensor for tensor, is_float in zip(current, floating, strict=True) if is_float],
        1 - decay,
    )
    for target, source, is_float in zip(averaged, current, floating, strict=True):
        if not is_float:
            target.copy_(source)


def _split(output: CriticOutput, count: int) -> tuple[CriticOutput, CriticOutput]:
    first = CriticOutput(output.scores[:count], output.class_logits[:count])
    return first, CriticOutput(output.scores[count:], output.class_logits[count:])


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    parameters = [p for p in network.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)

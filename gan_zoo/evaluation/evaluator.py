"""All measurements of one run, on banks of latents that are the same for all runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gan_zoo.data.batches import normalise
from gan_zoo.evaluation.collapse import Collapse, collapses
from gan_zoo.evaluation.diagnostics import critic_lipschitz
from gan_zoo.evaluation.features.for_dataset import unmeasurable
from gan_zoo.evaluation.fixed_latents import CHUNK, Bank, measuring
from gan_zoo.evaluation.interpolations import (
    NEIGHBOURS,
    ROWS,
    STEPS,
    class_walk,
    interpolation,
    nearest_training_images,
)
from gan_zoo.evaluation.reference import Reference, named
from gan_zoo.evaluation.reference_scores import Floors, floors
from gan_zoo.evaluation.registry import ON_REQUEST, Judgement, applicable, chosen, reason, smallest
from gan_zoo.evaluation.toy_points import PointReference, reference_of
from gan_zoo.types import CriticOutput, Dataset, Sampler, Split

if TYPE_CHECKING:
    from gan_zoo.config.schema import EvaluationSettings
    from gan_zoo.training.objective import Objective

GRID_COLUMNS = 10
POINTS = 2000  # in a picture of toy points


class Evaluator:
    """All measurements of one run, on banks of latents that are the same for all runs.

    Args:
        dataset: on the device.
        settings: what is measured, how often and on how many samples.
        latents: the run's latent sampler.
        latent_dim: size of z.
        reference: what samples are held against; None if there is no measure of them.
        device: where everything lives.

    Raises:
        ValueError: a metric that does not apply here, too few samples for one, or a feature network
            that does not take these images.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: EvaluationSettings,
        *,
        latents: Sampler,
        latent_dim: int,
        reference: Reference | PointReference | None,
        device: torch.device,
    ):
        self.dataset, self.settings, self.reference = dataset, settings, reference
        self.validation_metrics: list[str] = []
        self.final_metrics: list[str] = []
        # measure -> why it has no value, as far as the data tell before any training
        self.unavailable: dict[str, str] = {}
        if reference is not None:
            validation, final = _chosen_metrics(settings, reference)
            self.validation_metrics = self._servable(validation, "validation", settings.samples)
            self.final_metrics = self._servable(final, "test", settings.final_samples)
            reference.seen(normalise(dataset.validation.images[:2]), None)  # or raises
        elif settings.extractor == "auto" and (why := unmeasurable(dataset)) is not None:
            self.unavailable["all metrics"] = why
        _enough("samples", settings.samples, self.validation_metrics, dataset.num_classes)
        _enough("final_samples", settings.final_samples, self.final_metrics, dataset.num_classes)

        def bank(count: int, name: str) -> Bank:
            classes = dataset.num_classes
            return Bank(
                count, latents=latents, dim=latent_dim, classes=classes, name=name, device=device
            )

        images = len(dataset.sample_shape) == 3
        columns = GRID_COLUMNS if images else -(-POINTS // dataset.num_classes)
        self.grid_bank = bank(dataset.num_classes * columns, "grid")
        self.grid_bank.labels = self.grid_bank.labels.sort().values  # row = class
        self.validation_bank = bank(settings.samples, "validation")
        self.final_bank = bank(settings.final_samples, "final")
        self.loss_bank = bank(settings.loss_samples, "loss")

    @property
    def criterion(self) -> str | None:
        """The validation number whose smallest value marks the best checkpoint, if there is one."""
        reference, metrics = self.reference, self.validation_metrics
        if reference is None or reference.cheap[0] not in metrics:
            return None
        protocol = reference.protocol("validation", self.settings.samples)
        return f"{reference.criterion}_{protocol}"

    def losses(
        self, generator: nn.Module, discriminator: nn.Module, objective: Objective
    ) -> dict[str, float]:
        """The held-out rows of the loss table and what the critic's scores tell beside them."""
        split = self._split(self.settings.loss_split)
        count = min(self.settings.loss_samples, len(split.labels))
        images, labels = normalise(split.images[:count]), split.labels[:count]
        fakes, fake_labels = self.loss_bank.images(generator)[:count], self.loss_bank.labels[:count]
        with measuring(discriminator):
            real, fake = _critic(discriminator, images), _critic(discriminator, fakes)
            d_generation, d_auxiliary = objective.discriminator(real, fake, labels, fake_labels)
            g_generation, g_auxiliary = objective.generator(fake, real, fake_labels)
        aux = objective.aux
        found = {
            "generator_test_loss": float(g_generation + aux.weight_g * g_auxiliary),
            "generator_test_generation": float(g_generation),
            "generator_test_auxiliary": float(g_auxiliary),
            "discriminator_test_loss": float(d_generation + aux.weight_d * d_auxiliary),
            "discriminator_test_generation": float(d_generation),
            "discriminator_test_auxiliary": float(d_auxiliary),
            "critic_lipschitz": critic_lipschitz(discriminator, images, fakes),
        }
        if objective.loss.divergence_range is not None:
            found["estimated_divergence"] = -found["discriminator_test_generation"]
        return found

    def grid(self, generator: nn.Module) -> Tensor:
        """Samples for the picture, class by class: ten images of each, or some 2,000 points."""
        return self.grid_bank.images(generator)

    def collapses(self, samples: Tensor) -> list[Collapse]:
        """Whether the samples of ``grid`` are all alike, or all of one class."""
        real = normalise(self.dataset.test.images[:POINTS])
        predicted = None
        if isinstance(self.reference, Reference) and self.dataset.num_classes > 1:
            predicted = self.reference.seen(samples, None).features.logits.argmax(1)
        return collapses(samples, real, predicted)

    def validation(self, generator: nn.Module) -> Judgement:
        """The cheap metrics, against the validation split."""
        bank, metrics = self.validation_bank, self.validation_metrics
        return self._judged(generator, bank, "validation", metrics)

    def final(self, generator: nn.Module) -> Judgement:
        """The final numbers, against the test split."""
        return self._judged(generator, self.final_bank, "test", self.final_metrics)

    def floors(self) -> Floors:
        """What real data and weak baselines reach in the final metrics."""
        if self.reference is None or not self.settings.floors:
            return Floors()
        return floors(self.reference, self.settings.final_samples, self.final_metrics)

    def walks(self, generator: nn.Module) -> dict[str, tuple[Tensor, int]]:
        """Pictures of the generator's space by name: images and how many to a row."""
        bank, classes = self.grid_bank, self.dataset.num_classes
        if len(self.dataset.sample_shape) != 3:  # points
            return {}
        found = {"interpolation": (interpolation(generator, bank, classes), STEPS)}
        if classes > 1:
            found["class_walk"] = (class_walk(generator, bank, classes), min(classes, ROWS))
        return found

    def neighbours(self, generator: nn.Module) -> tuple[Tensor, int] | None:
        """Samples beside their nearest training images, and how many to a row.

        None where images are not measured.
        """
        if not isinstance(self.reference, Reference):
            return None
        bank, classes = self.grid_bank, self.dataset.num_classes
        return nearest_training_images(generator, bank, classes, self.reference), NEIGHBOURS + 2

    def _servable(self, metrics: list[str], split: str, count: int) -> list[str]:
        """The metrics that the split can serve; the others go into ``unavailable``."""
        assert self.reference is not None
        found = self.reference.unservable(split, metrics)
        protocol = self.reference.protocol(split, count)
        self.unavailable |= {f"{name}_{protocol}": why for name, why in found.items()}
        return [name for name in metrics if name not in found]

    def _judged(
        self, generator: nn.Module, bank: Bank, split: str, metrics: list[str]
    ) -> Judgement:
        if self.reference is None:
            return Judgement()
        protocol = self.reference.protocol(split, len(bank.labels))
        images = bank.images(generator)
        try:
            fake = self.reference.seen(images, bank.labels)
            judgement = self.reference.judge(fake, split, metrics)
        except Exception as error:  # of the feature network, which may be the user's
            judgement = Judgement(unavailable=dict.fromkeys(metrics, reason(error)))
        return named(judgement, protocol)

    def _split(self, name: str) -> Split:
        return self.dataset.validation if name == "validation" else self.dataset.test


def check_metrics(settings: EvaluationSettings, dataset: Dataset, *, measured: bool) -> None:
    """Check the names of metrics before a feature network is at hand.

    Args:
        settings: with the names.
        dataset: to be measured.
        measured: whether there will be a feature network, as far as the configuration tells.

    Raises:
        ValueError: a name that is unknown or does not apply, or names where nothing is measured.
    """
    names = [*(settings.metrics or []), *(settings.validation_metrics or [])]
    points = reference_of(dataset, None, "")
    if points is not None:
        chosen(names, points.applicable(), [])
    elif names and not (measured and len(dataset.sample_shape) == 3):
        raise ValueError(
            f"evaluation.metrics and validation_metrics name {', '.join(names)}, but without images"
            " and a feature network there is nothing to measure: leave them null"
        )
    elif names:
        chosen(names, applicable(dataset.sample_shape, dataset.num_classes), [])


def _chosen_metrics(
    settings: EvaluationSettings, reference: Reference | PointReference
) -> tuple[list[str], list[str]]:
    """The measures of the validation and of the final numbers."""
    allowed = reference.applicable()
    usual = [name for name in allowed if name not in ON_REQUEST]
    return (
        chosen(settings.validation_metrics, allowed, list(reference.cheap)),
        chosen(settings.metrics, allowed, usual),
    )


def _critic(discriminator: Callable[[Tensor], CriticOutput], images: Tensor) -> CriticOutput:
    outputs = [discriminator(chunk) for chunk in images.split(CHUNK)]
    scores, logits = zip(*outputs, strict=True)
    return CriticOutput(torch.cat(scores), torch.cat(logits))


def _enough(key: str, count: int, metrics: list[str], num_classes: int) -> None:
    least = smallest(metrics, num_classes)
    if count < least:
        raise ValueError(
            f"evaluation.{key} is {count}; allowed: {least} or more, which {', '.join(metrics)}"
            f" need with {num_classes} classes. Measure more samples or choose fewer metrics"
        )

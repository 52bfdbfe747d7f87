"""All measurements of one run, on fixed latents that are the same for all runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gan_zoo.data.batches import normalise
from gan_zoo.evaluation.features.train import no_extractor_reason
from gan_zoo.evaluation.fixed_latents import CHUNK, FixedLatents, evaluating
from gan_zoo.evaluation.health import Collapse, collapses, critic_lipschitz
from gan_zoo.evaluation.interpolations import (
    NEIGHBOURS,
    ROWS,
    STEPS,
    interpolate,
    nearest_training_images,
    vary_class,
)
from gan_zoo.evaluation.measurement import Measurement, reason
from gan_zoo.evaluation.metrics.registry import applicable, choose, min_samples, without_requested
from gan_zoo.evaluation.reference import Reference
from gan_zoo.evaluation.reference_scores import ReferenceScores, reference_scores
from gan_zoo.evaluation.toy_points import PointReference, reference_of
from gan_zoo.types import CriticOutput, Dataset, Sampler

if TYPE_CHECKING:
    from gan_zoo.config.schema import EvaluationSettings
    from gan_zoo.training.objective import Objective

GRID_COLUMNS = 10
POINTS = 2000  # in a picture of toy points


class Evaluator:
    """All measurements of one run, on fixed latents that are the same for all runs.

    Args:
        dataset: where samples are measured, ``measuring_device(device)``.
        settings: what is measured, how often and on how many samples.
        latents: the run's latent sampler.
        latent_dim: size of z.
        reference: what samples are compared with; None if they cannot be measured.
        device: of the networks.

    Raises:
        ValueError: If a metric does not apply here, there are too few samples for one, or the
            feature network does not take these images.
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
        self.device = device
        self.validation_metrics: list[str] = []
        self.final_metrics: list[str] = []
        # metric -> why it has no value, as far as it is known before training
        self.unavailable: dict[str, str] = {}
        if reference is not None:
            validation, final = _chosen_metrics(settings, reference)
            self.validation_metrics = self._measurable(validation, "validation", settings.samples)
            self.final_metrics = self._measurable(final, "test", settings.final_samples)
            reference.embed(normalise(dataset.validation.images[:2]), None)  # or raises
        elif settings.extractor == "auto" and (why := no_extractor_reason(dataset)) is not None:
            self.unavailable["all metrics"] = why
        _check_count("samples", settings.samples, self.validation_metrics, dataset)
        _check_count("final_samples", settings.final_samples, self.final_metrics, dataset)

        def fixed(count: int, name: str) -> FixedLatents:
            classes = dataset.num_classes
            return FixedLatents(
                count, latents=latents, dim=latent_dim, classes=classes, name=name, device=device
            )

        images = len(dataset.sample_shape) == 3
        columns = GRID_COLUMNS if images else -(-POINTS // dataset.num_classes)
        self.grid_latents = fixed(dataset.num_classes * columns, "grid")
        self.grid_latents.labels = self.grid_latents.labels.sort().values  # row = class
        self.validation_latents = fixed(settings.samples, "validation")
        self.final_latents = fixed(settings.final_samples, "final")
        self.loss_latents = fixed(settings.loss_samples, "loss")

    @property
    def criterion(self) -> str | None:
        """Name of the validation metric whose minimum marks the best checkpoint, if measured."""
        if self.reference is None:
            return None
        metric, quantity = self.reference.criterion
        if metric not in self.validation_metrics:
            return None
        return self.reference.full_name(quantity, "validation", self.settings.samples)

    def losses(
        self, generator: nn.Module, discriminator: nn.Module, objective: Objective
    ) -> dict[str, float]:
        """Return the held-out rows of the loss table and what the critic's scores say."""
        held_out = self.settings.loss_split == "validation"
        split = self.dataset.validation if held_out else self.dataset.test
        count = min(self.settings.loss_samples, len(split.labels))
        images = normalise(split.images[:count]).to(self.device)
        labels = split.labels[:count].to(self.device)
        fakes = self.loss_latents.images(generator)[:count].to(self.device)
        fake_labels = self.loss_latents.labels[:count]
        with evaluating(discriminator):
            real, fake = _score(discriminator, images), _score(discriminator, fakes)
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
        """Return samples for the picture, sorted by class: ten images each, or 2,000 points."""
        return self.grid_latents.images(generator)

    def collapses(self, samples: Tensor) -> list[Collapse]:
        """Return the signs of collapse in the samples of ``grid``."""
        real = normalise(self.dataset.test.images[:POINTS])
        predicted = None
        if isinstance(self.reference, Reference) and self.dataset.num_classes > 1:
            predicted = self.reference.embed(samples, None).features.logits.argmax(1)
        return collapses(samples, real, predicted)

    def validation(self, generator: nn.Module) -> Measurement:
        """Measure the cheap metrics against the validation split."""
        latents, metrics = self.validation_latents, self.validation_metrics
        return self._measure(generator, latents, "validation", metrics)

    def final(self, generator: nn.Module) -> Measurement:
        """Measure the final metrics against the test split."""
        return self._measure(generator, self.final_latents, "test", self.final_metrics)

    def reference_scores(self) -> ReferenceScores:
        """Return the final metrics of real data and of weak samplers."""
        if self.reference is None or not self.settings.reference_scores:
            return ReferenceScores()
        return reference_scores(self.reference, self.settings.final_samples, self.final_metrics)

    def interpolations(self, generator: nn.Module) -> dict[str, tuple[Tensor, int]]:
        """Return pictures of the latent space by name: images, and their number per row."""
        latents, classes = self.grid_latents, self.dataset.num_classes
        if len(self.dataset.sample_shape) != 3:  # points
            return {}
        found = {"interpolation": (interpolate(generator, latents, classes), STEPS)}
        if classes > 1:
            found["class_walk"] = (vary_class(generator, latents, classes), min(classes, ROWS))
        return found

    def neighbours(self, generator: nn.Module) -> tuple[Tensor, int] | None:
        """Return samples beside their nearest training images, and the number per row.

        None where no images are measured.
        """
        if not isinstance(self.reference, Reference):
            return None
        latents, classes = self.grid_latents, self.dataset.num_classes
        return nearest_training_images(generator, latents, classes, self.reference), NEIGHBOURS + 2

    def _measurable(self, metrics: list[str], split: str, count: int) -> list[str]:
        """Return the metrics that the split allows; add the others to ``unavailable``."""
        assert self.reference is not None
        found = self.reference.unmeasurable(split, metrics)
        for name, why in found.items():
            self.unavailable[self.reference.full_name(name, split, count)] = why
        return [name for name in metrics if name not in found]

    def _measure(
        self, generator: nn.Module, latents: FixedLatents, split: str, metrics: list[str]
    ) -> Measurement:
        reference = self.reference
        if reference is None:
            return Measurement()
        images = latents.images(generator)
        try:
            fake = reference.embed(images, latents.labels.to(images.device))
            measurement = reference.measure(fake, split, metrics)
        except Exception as error:  # of the feature network, which may be the user's
            measurement = Measurement(unavailable=dict.fromkeys(metrics, reason(error)))
        return measurement.renamed(
            lambda name: reference.full_name(name, split, len(latents.labels))
        )


def check_metrics(settings: EvaluationSettings, dataset: Dataset, *, measured: bool) -> None:
    """Check the names of metrics before the feature network is loaded or trained.

    Args:
        settings: with the names.
        dataset: to be measured.
        measured: whether there will be a feature network, according to the configuration.

    Raises:
        ValueError: If a name is unknown or does not apply, or names are given where nothing is
            measured.
    """
    names = [*(settings.metrics or []), *(settings.validation_metrics or [])]
    points = reference_of(dataset, None, "")
    if points is not None:
        choose(names, points.applicable(), [])
    elif names and not (measured and len(dataset.sample_shape) == 3):
        raise ValueError(
            f"evaluation.metrics and validation_metrics name {', '.join(names)}, but without images"
            " and a feature network there is nothing to measure: leave them null"
        )
    elif names:
        choose(names, applicable(dataset.sample_shape, dataset.num_classes), [])


def _chosen_metrics(
    settings: EvaluationSettings, reference: Reference | PointReference
) -> tuple[list[str], list[str]]:
    """Return the metrics during training and at the end."""
    allowed = reference.applicable()
    return (
        choose(settings.validation_metrics, allowed, reference.cheap()),
        choose(settings.metrics, allowed, without_requested(allowed)),
    )


def _score(discriminator: Callable[[Tensor], CriticOutput], images: Tensor) -> CriticOutput:
    outputs = [discriminator(chunk) for chunk in images.split(CHUNK)]
    scores, logits = zip(*outputs, strict=True)
    return CriticOutput(torch.cat(scores), torch.cat(logits))


def _check_count(key: str, count: int, metrics: list[str], dataset: Dataset) -> None:
    least = min_samples(metrics, dataset.num_classes)
    if count < least:
        raise ValueError(
            f"evaluation.{key} must be at least {least} for {', '.join(metrics)} with"
            f" {dataset.num_classes} classes, got {count}: measure more samples or fewer metrics"
        )

"""Measuring a generator and a discriminator without moving any training stream."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gan_zoo.data.batches import normalise
from gan_zoo.data.toys import Modes, grid_modes, ring_modes
from gan_zoo.features.cnn import Features
from gan_zoo.features.extractor import FeatureNetwork
from gan_zoo.interfaces import CriticOutput, Dataset, Split
from gan_zoo.metrics.fid import fid
from gan_zoo.metrics.label_accuracy import label_accuracy
from gan_zoo.metrics.modes import point_modes
from gan_zoo.seeding import stream
from gan_zoo.settings import EvaluationSettings
from gan_zoo.trainer import Objective, Sampler

CHUNK = 500  # samples a forward pass
GRID_COLUMNS = 10
# Data sets whose modes are known: on them, coverage is what is measured.
MODES = {"ring": ring_modes, "grid": grid_modes}


@contextmanager
def measuring(*networks: nn.Module) -> Iterator[None]:
    """Evaluation mode, no gradients, and the global random stream put back afterwards."""
    training = [network.training for network in networks]
    with torch.random.fork_rng(), torch.no_grad():
        for network in networks:
            network.eval()
        try:
            yield
        finally:
            for network, mode in zip(networks, training, strict=True):
                network.train(mode)


class Bank:
    """Latents and labels drawn once: every epoch, loss and seed is shown the same."""

    def __init__(
        self,
        count: int,
        *,
        latents: Sampler,
        dim: int,
        classes: int,
        name: str,
        device: torch.device,
    ):
        self.z = latents(count, dim, stream(0, f"{name} bank", device))
        self.labels = torch.arange(count, device=device) % classes

    def images(self, generator: nn.Module) -> Tensor:
        """What the generator makes of the bank; call inside ``measuring``."""
        pairs = zip(self.z.split(CHUNK), self.labels.split(CHUNK), strict=True)
        return torch.cat([generator(z, labels) for z, labels in pairs])


class Evaluator:
    """All measurements of one run, on banks of latents that are the same for all runs.

    Args:
        dataset: on the device.
        settings: how often and on how many samples.
        latents: the run's latent sampler.
        latent_dim: size of z.
        extractor: the feature network for this data set, None if there is none.
        device: where everything lives.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: EvaluationSettings,
        *,
        latents: Sampler,
        latent_dim: int,
        extractor: FeatureNetwork | None,
        device: torch.device,
    ):
        self.dataset, self.settings, self.extractor = dataset, settings, extractor
        self._features: dict[str, Features] = {}
        known = MODES.get(dataset.name)
        self.modes = None if known is None else _mode_tensors(known(), device)

        def bank(count: int, name: str) -> Bank:
            classes = dataset.num_classes
            return Bank(
                count, latents=latents, dim=latent_dim, classes=classes, name=name, device=device
            )

        self.grid_bank = bank(dataset.num_classes * GRID_COLUMNS, "grid")
        self.grid_bank.labels = self.grid_bank.labels.sort().values  # row = class
        self.validation_bank = bank(settings.samples, "validation")
        self.final_bank = bank(settings.final_samples, "final")
        self.loss_bank = bank(settings.loss_samples, "loss")

    def losses(
        self, generator: nn.Module, discriminator: nn.Module, objective: Objective
    ) -> dict[str, float]:
        """The held-out rows of the loss table: both networks' losses on images not trained on."""
        split = self._split(self.settings.loss_split)
        with measuring(generator, discriminator):
            count = min(self.settings.loss_samples, len(split.labels))
            images, labels = normalise(split.images[:count]), split.labels[:count]
            fake_labels = self.loss_bank.labels[:count]
            real = _critic(discriminator, images)
            fake = _critic(discriminator, self.loss_bank.images(generator)[:count])
            d_generation, d_auxiliary = objective.discriminator(real, fake, labels, fake_labels)
            g_generation, g_auxiliary = objective.generator(fake, real, fake_labels)
        aux = objective.aux
        return {
            "generator_test_loss": float(g_generation + aux.weight_g * g_auxiliary),
            "generator_test_generation": float(g_generation),
            "generator_test_auxiliary": float(g_auxiliary),
            "discriminator_test_loss": float(d_generation + aux.weight_d * d_auxiliary),
            "discriminator_test_generation": float(d_generation),
            "discriminator_test_auxiliary": float(d_auxiliary),
        }

    def grid(self, generator: nn.Module) -> Tensor:
        """Samples for the picture: ten of each class, class by class."""
        with measuring(generator):
            return self.grid_bank.images(generator)

    def validation(self, generator: nn.Module) -> dict[str, float]:
        """The cheap metrics, against the validation split."""
        return self._metrics(generator, self.validation_bank, "validation", self.settings.samples)

    def final(self, generator: nn.Module) -> dict[str, float]:
        """The final numbers, against the test split."""
        return self._metrics(generator, self.final_bank, "test", self.settings.final_samples)

    def _metrics(
        self, generator: nn.Module, bank: Bank, split: str, count: int
    ) -> dict[str, float]:
        if self.modes is not None:
            with measuring(generator):
                found = point_modes(bank.images(generator), *self.modes)
            protocol = f"{self.dataset.name}_{_short(count)}"
            return {
                f"modes_covered_{protocol}": found.covered,
                f"high_quality_{protocol}": found.high_quality,
                f"reverse_kl_modes_{protocol}": found.reverse_kl,
            }
        if self.extractor is None:
            return {}
        with measuring(generator):
            fake = self.extractor.extract(bank.images(generator))
        real = self._real_features(split)
        protocol = f"{self.extractor.name}_{split}_{_short(count)}"
        return {
            f"label_accuracy_{protocol}": label_accuracy(fake.logits.argmax(1), bank.labels),
            f"fid_{protocol}": fid(real.features, fake.features),
        }

    def _real_features(self, split: str) -> Features:
        if split not in self._features:
            assert self.extractor is not None
            images = normalise(self._split(split).images)
            self._features[split] = self.extractor.extract(images)
        return self._features[split]

    def _split(self, name: str) -> Split:
        return self.dataset.validation if name == "validation" else self.dataset.test


def _critic(discriminator: Callable[[Tensor], CriticOutput], images: Tensor) -> CriticOutput:
    outputs = [discriminator(chunk) for chunk in images.split(CHUNK)]
    scores, logits = zip(*outputs, strict=True)
    return CriticOutput(torch.cat(scores), torch.cat(logits))


def _mode_tensors(modes: Modes, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Means, standard deviations and weights, in the order of ``point_modes``."""
    return modes.means.to(device), modes.stds.to(device), modes.weights.to(device)


def _short(count: int) -> str:
    """10000 -> 10k: how a metric's name tells its number of samples."""
    return f"{count // 1000}k" if count % 1000 == 0 else str(count)

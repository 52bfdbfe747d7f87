"""From a composed configuration to the objects of a run: the one place that instantiates.

Importing this module needs no torch, so that a command line answers at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import hydra.conf
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.core.utils import JobRuntime
from hydra.errors import InstantiationException
from hydra.version import VersionBase
from omegaconf import MISSING, DictConfig, OmegaConf

from gan_zoo.config.schema import MAX_SEED, AuxiliarySettings, EvaluationSettings, TrainerSettings
from gan_zoo.config.validate import check_numbers, check_targets, one_line
from gan_zoo.types import ConfigurationError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from gan_zoo.evaluation.features.extractor import FeatureNetwork
    from gan_zoo.types import AdversarialLoss, Dataset, Regularizer, Sampler, Tracker

    MakeOptimizer = Callable[[Iterable[Tensor]], Optimizer]

_OF_AN_APPLICATION = (GlobalHydra, JobRuntime, VersionBase)
UNTRACKED = "gan_zoo.training.trackers.none.Untracked"
_CHEAP = ("model", "latents", "labels", "loss", "regularizer", "optimizer")  # to build


@dataclass
class Pair:
    """Something that each of the two networks has."""

    # first, since G's options often repeat D's: a mistake is told where it was made
    discriminator: dict[str, Any] = field(default_factory=dict)
    generator: dict[str, Any] = field(default_factory=dict)


@dataclass
class Config:
    """Every key there is at the top; an unknown one, in a file too, is an error."""

    seed: int = MISSING
    device: str = MISSING
    data: dict[str, Any] = MISSING
    model: Pair = field(default_factory=Pair)
    latents: dict[str, Any] = MISSING
    labels: dict[str, Any] = MISSING
    loss: dict[str, Any] = MISSING
    regularizer: dict[str, Any] = MISSING
    optimizer: Pair = field(default_factory=Pair)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)
    aux: AuxiliarySettings = field(default_factory=AuxiliarySettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    tracker: dict[str, Any] = field(default_factory=lambda: {"_target_": UNTRACKED})
    after_sweep: str | None = None
    resume: str = "auto"
    sweep_name: str | None = None


ConfigStore.instance().store("base_schema", Config)  # what conf/config.yaml is checked against


@dataclass(frozen=True)
class RunComponents:
    """What a configuration builds: everything that a run needs."""

    dataset: "Dataset"
    generator: "Callable[..., nn.Module]"  # (image_shape=, num_classes=)
    discriminator: "Callable[..., nn.Module]"  # (image_shape=, num_classes=)
    loss: "AdversarialLoss"
    regularizer: "Regularizer"
    optimizers: "tuple[MakeOptimizer, MakeOptimizer]"  # of D and of G
    latents: "Sampler"
    labels: "Sampler"
    extractor: "FeatureNetwork | None"
    trainer: TrainerSettings
    aux: AuxiliarySettings
    evaluation: EvaluationSettings
    seed: int
    device: "torch.device"
    tracker: "Tracker"


def config_folder() -> Path:
    """The configuration folder: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def compose_config(words: Sequence[str], *, with_hydra: bool = False) -> DictConfig:
    """Return the shipped configuration with overrides.

    A Hydra application that calls this keeps its own Hydra.

    Args:
        words: overrides, as on a command line.
        with_hydra: whether Hydra's own node is included; ``build`` does not take it.

    Raises:
        HydraException: an override that does not compose.
        OmegaConfBaseException: a value that cannot be set.
    """
    instances = Singleton._instances
    before: dict[type, Singleton] = {
        kind: instances.pop(kind) for kind in _OF_AN_APPLICATION if kind in instances
    }
    try:
        with initialize_config_dir(str(config_folder().absolute()), version_base="1.3"):
            return compose("config", overrides=list(words), return_hydra_config=with_hydra)
    finally:
        for kind in _OF_AN_APPLICATION:
            instances.pop(kind, None)
        instances.update(before)


def refuse_shadowed(folder: Path) -> None:
    """Refuse a user's file with the name of a shipped one, which Hydra would take instead.

    A loss of that name is known by its published recipe in every report; so it is not replaced.

    Raises:
        ConfigurationError: naming the files; one of the same content is not among them.
    """
    found = []
    for shipped in (config_folder(), Path(hydra.conf.__file__).parent):
        for path in sorted(shipped.rglob("*.yaml")):
            own = folder / path.relative_to(shipped)
            if own.is_file() and own.read_bytes() != path.read_bytes():
                found.append(own)
    if found:
        new = found[0].with_name(f"my_{found[0].name}")
        raise ConfigurationError(
            f"{', '.join(map(str, found[:5]))}{' ...' if found[5:] else ''}: the configuration of"
            f" that name that comes with gan_zoo would be taken instead. Rename yours, as"
            f" {new.name}, and choose it by that name"
        )


def plain(config: DictConfig) -> dict[str, Any]:
    """The configuration as dicts and lists, every interpolation resolved."""
    content = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def pick_device(name: str) -> "torch.device":
    """Return the device of that name; ``auto`` is cuda, else mps, else cpu.

    Raises:
        ValueError: the name is no device, or the device is not there.
    """
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    kind, _, index = name.partition(":")
    present = available.get(kind, False) and (
        not index or (kind == "cuda" and index.isdigit() and int(index) < torch.cuda.device_count())
    )
    if not present:
        here = ", ".join(kind for kind, there in available.items() if there)
        raise ValueError(f"device is {name!r}; here there is: {here} (or auto)")
    return torch.device(name)


def build(config: DictConfig) -> "RunComponents":
    """Everything a run needs; what costs nothing is checked before data are read.

    Raises:
        ConfigurationError: an unknown key, a value out of its range, or parts that do not fit.
    """
    content = _checked(config)
    if config.after_sweep is not None:
        check_targets({"_target_": config.after_sweep}, "after_sweep")
    with _mistakes_told():
        # onto the schema once more: rejects what `+` slipped in, and checks the ranges
        strict = cast(Config, OmegaConf.to_object(OmegaConf.merge(Config(), content)))
        return _built(config, strict)


def build_generator(
    config: DictConfig, shape: tuple[int, ...], num_classes: int
) -> "tuple[nn.Module, Sampler]":
    """A generator with fresh weights on the CPU, and its latents; no data are read.

    Raises:
        ConfigurationError: as ``build``.
    """
    import torch
    from hydra.utils import instantiate

    from gan_zoo.config.preflight import check_network, check_sampler, checked_network

    _checked(config)
    with _mistakes_told():
        key, make = "model.generator", instantiate(config.model.generator, _convert_="all")
        latents = instantiate(config.latents, _convert_="all")
        check_sampler("latents", latents, 3)
        check_network(key, make, shape, num_classes, torch.device("cpu"))
        made = checked_network(key, make, ["latent_dim"])
        return made(image_shape=shape, num_classes=num_classes), latents


def _checked(config: DictConfig) -> dict[str, Any]:
    content = plain(config)
    check_numbers(content)
    check_targets(content)
    return content


@contextmanager
def _mistakes_told() -> Iterator[None]:
    """What goes wrong while objects are made is a mistake in what they were made from."""
    try:
        yield
    except InstantiationException as error:
        cause = error.__cause__ or error
        _, named, key = str(error).rpartition("full_key: ")
        where = f"{key.splitlines()[0]}: " if named else ""  # without, the cause says it
        raise ConfigurationError(f"{where}{one_line(cause)}") from error
    except ConfigurationError:
        raise
    except (ValueError, OSError) as error:
        raise ConfigurationError(one_line(error)) from error


def _built(config: DictConfig, strict: Config) -> "RunComponents":
    from hydra.utils import instantiate

    from gan_zoo.config.preflight import (
        check_objective,
        check_optimizer,
        check_role,
        check_sampler,
        check_sizes,
        checked_network,
    )
    from gan_zoo.data.dataset import check_dataset
    from gan_zoo.evaluation.evaluator import check_metrics
    from gan_zoo.evaluation.features.extractor import Extractor
    from gan_zoo.types import Dataset, Tracker

    if not 0 <= strict.seed <= MAX_SEED:
        raise ConfigurationError(f"seed is {strict.seed}; allowed: from 0 to {MAX_SEED}")
    device = pick_device(config.device)
    made = {key: instantiate(config[key], _convert_="all") for key in _CHEAP}
    tracker = instantiate(strict.tracker, _convert_="all")
    check_role("tracker", tracker, Tracker)
    check_objective(made["loss"], made["regularizer"])
    for key in ("latents", "labels"):
        check_sampler(key, made[key], 3)
    optimizers = [made["optimizer"][name] for name in ("discriminator", "generator")]
    for name, optimizer in zip(("discriminator", "generator"), optimizers, strict=True):
        check_optimizer(f"optimizer.{name}", optimizer)
    dataset = instantiate(config.data, _convert_="all")
    if not isinstance(dataset, Dataset):
        raise ConfigurationError(
            f"data._target_ gives {type(dataset).__name__}; allowed: a gan_zoo.types.Dataset"
        )
    check_dataset(dataset)
    networks = {f"model.{name}": made["model"][name] for name in ("generator", "discriminator")}
    check_sizes(dataset, networks, strict.trainer, strict.evaluation, device)
    chosen = strict.evaluation.extractor
    check_metrics(strict.evaluation, dataset, measured=chosen != "none")
    own = instantiate(chosen, _convert_="all") if isinstance(chosen, dict) else None
    if own is not None:
        check_role("evaluation.extractor", own, Extractor)
    return RunComponents(
        dataset=dataset,
        generator=checked_network("model.generator", made["model"]["generator"], ["latent_dim"]),
        discriminator=checked_network(
            "model.discriminator", made["model"]["discriminator"], ["adversarial_parameters"]
        ),
        loss=made["loss"],
        regularizer=made["regularizer"],
        optimizers=(optimizers[0], optimizers[1]),
        latents=made["latents"],
        labels=made["labels"],
        extractor=own or _extractor(str(chosen), dataset, device),
        trainer=strict.trainer,
        aux=strict.aux,
        evaluation=strict.evaluation,
        seed=config.seed,
        device=device,
        tracker=tracker,
    )


def _extractor(choice: str, dataset: "Dataset", device: Any) -> "FeatureNetwork | None":
    from gan_zoo.evaluation.features.train import extractor_for

    if choice not in ("auto", "none"):
        raise ValueError(
            f"evaluation.extractor is {choice!r}; allowed: auto, none, or the _target_ of a"
            " network of your own"
        )
    return extractor_for(dataset, device) if choice == "auto" else None

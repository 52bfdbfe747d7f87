"""From a composed configuration to the objects of a run: the one place that instantiates.

Importing this module needs no torch, so that a command line answers at once.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf

from gan_zoo.config.compose import plain
from gan_zoo.config.schedules import (
    INSTANCE_NOISE,
    OptionSchedule,
    at,
    check_optimizer_schedule,
    check_readable,
    read_schedules,
)
from gan_zoo.config.schema import (
    AuxiliarySettings,
    Config,
    EvaluationSettings,
    TrainerSettings,
    check_ranges,
)
from gan_zoo.config.validate import check_numbers, check_targets, one_line
from gan_zoo.types import ConfigurationError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from gan_zoo.evaluation.features.extractor import FeatureNetwork
    from gan_zoo.types import AdversarialLoss, Dataset, Regularizer, Sampler, Tracker

    MakeOptimizer = Callable[[Iterable[Tensor]], Optimizer]

_CHEAP = ("model", "latents", "labels", "loss", "regularizer", "optimizer")  # to build


@dataclass(frozen=True)
class RunComponents:
    """Everything that a run needs, built from its configuration."""

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
    schedules: tuple[OptionSchedule, ...] = ()
    deterministic: bool = True  # algorithms of a GPU
    profile: int | None = None  # updates to profile
    capture: str = "auto"  # whether a GPU's updates are graphs


def instantiate(node: Any) -> Any:
    """Build what a node of a checked configuration names with ``_target_``.

    Hydra 1.4 takes the targets that are trusted: those that the node names, since
    ``check_targets`` has read them. Hydra 1.3 has no such option.
    """
    from hydra import utils

    trusted = {}
    if "_execution_whitelist_" in inspect.signature(utils.instantiate).parameters:
        content = OmegaConf.to_container(node) if OmegaConf.is_config(node) else node
        trusted = {"_execution_whitelist_": _targets(content)}
    return utils.instantiate(node, _convert_="all", **trusted)


def _targets(node: Any) -> list[str]:
    """Return every ``_target_`` in a tree of dicts and lists."""
    if isinstance(node, dict):
        own = [node["_target_"]] if isinstance(node.get("_target_"), str) else []
        return own + [target for value in node.values() for target in _targets(value)]
    return (
        [target for value in node for target in _targets(value)] if isinstance(node, list) else []
    )


def pick_device(name: str) -> "torch.device":
    """Return the device of that name; ``auto`` is cuda, else cpu. MPS is used on request alone.

    Raises:
        ConfigurationError: no such device, or not on this machine.
    """
    import torch

    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return torch.device("cuda" if available["cuda"] else "cpu")
    kind, _, index = name.partition(":")
    present = available.get(kind, False) and (
        not index or (kind == "cuda" and index.isdigit() and int(index) < torch.cuda.device_count())
    )
    if not present:
        here = ", ".join(kind for kind, there in available.items() if there)
        raise ConfigurationError(
            f"device must be auto or one of {here} (on this machine), got {name!r}"
        )
    return torch.device(name)


def build(config: DictConfig) -> RunComponents:
    """Return everything a run needs; what costs nothing is checked before data are read.

    Raises:
        ConfigurationError: an unknown key, a value out of its range, or parts that do not fit.
    """
    content = _checked(config)
    if config.after_sweep is not None:
        check_targets({"_target_": config.after_sweep}, "after_sweep")
    with _configuration_errors():
        # merged onto the schema again: rejects what `+` added, and checks the ranges
        strict = cast(Config, OmegaConf.to_object(OmegaConf.merge(Config(), content)))
        check_ranges(strict)
        return _built(config, strict, read_schedules(content))


def build_generator(
    config: DictConfig, shape: tuple[int, ...], num_classes: int
) -> "tuple[nn.Module, Sampler]":
    """Return a generator with fresh weights on the CPU, and its latents; no data are read.

    Raises:
        ConfigurationError: as ``build``.
    """
    import torch

    from gan_zoo.config.preflight import check_network, check_sampler, checked_network

    _checked(config)
    with _configuration_errors():
        key, make = "model.generator", instantiate(config.model.generator)
        latents = instantiate(config.latents)
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
def _configuration_errors() -> Iterator[None]:
    """Raise what fails while objects are made as an error of the configuration."""
    try:
        yield
    except InstantiationException as error:
        cause = error.__cause__ or error
        _, named, key = str(error).rpartition("full_key: ")
        where = f"{key.splitlines()[0]}: " if named else ""  # without, the cause names it
        raise ConfigurationError(f"{where}{one_line(cause)}") from error
    except ConfigurationError:
        raise
    except (ValueError, OSError) as error:
        raise ConfigurationError(one_line(error)) from error


def _check_schedules(
    schedules: Sequence[OptionSchedule], config: DictConfig, strict: Config, made: Mapping[str, Any]
) -> None:
    """Check that steps would see the options change, and that all their values are allowed.

    Raises:
        ConfigurationError: naming the schedule, or the value that is not allowed.
    """
    import torch

    from gan_zoo.config.preflight import check_optimizer
    from gan_zoo.models.discriminator import check_instance_noise

    for schedule in schedules:
        group, *path = schedule.path
        if group == "optimizer":
            weight = torch.zeros(1, requires_grad=True)
            check_optimizer_schedule(schedule, made[group][path[0]]([weight]))
        elif schedule.path == INSTANCE_NOISE:
            for share in (0.0, 1.0):
                check_instance_noise(schedule.value(share))
        else:
            part = made[group] if group in made else getattr(strict, group)
            check_readable(part, schedule, path)
    for share in (0.0, 0.4, 1.0):  # on the way, a whole number is none
        there = at(plain(config), schedules, share)
        check_numbers(there)
        check_targets(there)
        composed = OmegaConf.create(there)
        OmegaConf.to_object(OmegaConf.merge(Config(), composed))
        for key in ("loss", "regularizer"):
            instantiate(composed[key])
        for name in ("discriminator", "generator"):
            optimizer = instantiate(composed.optimizer[name])
            check_optimizer(f"optimizer.{name}", optimizer)


def _built(
    config: DictConfig, strict: Config, schedules: tuple[OptionSchedule, ...]
) -> RunComponents:
    from gan_zoo.config import preflight
    from gan_zoo.data.dataset import check_dataset
    from gan_zoo.data.devices import measuring_device
    from gan_zoo.evaluation.evaluator import check_metrics
    from gan_zoo.evaluation.features.extractor import Extractor
    from gan_zoo.types import AdversarialLoss, Dataset, Regularizer, Tracker

    device = pick_device(config.device)
    made = {key: instantiate(config[key]) for key in _CHEAP}
    tracker = instantiate(strict.tracker)
    preflight.check_role("tracker", tracker, Tracker)
    preflight.check_role("loss", made["loss"], AdversarialLoss)
    preflight.check_role("regularizer", made["regularizer"], Regularizer)
    for key in ("latents", "labels"):
        preflight.check_sampler(key, made[key], 3)
    for name in ("discriminator", "generator"):
        preflight.check_optimizer(f"optimizer.{name}", made["optimizer"][name])
    if schedules:
        _check_schedules(schedules, config, strict, made)
    dataset = instantiate(config.data)
    if not isinstance(dataset, Dataset):
        raise ConfigurationError(
            f"data._target_ must return a gan_zoo.types.Dataset, got a {type(dataset).__name__}"
        )
    check_dataset(dataset)
    networks = {f"model.{name}": made["model"][name] for name in ("generator", "discriminator")}
    preflight.check_sizes(dataset, networks, strict.trainer, strict.evaluation, device)
    preflight.check_motion(dataset, strict.trainer, strict.evaluation)
    chosen = strict.evaluation.extractor
    check_metrics(strict.evaluation, dataset, measured=chosen != "none")
    own = instantiate(chosen) if isinstance(chosen, dict) else None
    if own is not None:
        preflight.check_role("evaluation.extractor", own, Extractor)
    needs = {"model.generator": ["latent_dim"], "model.discriminator": ["adversarial_parameters"]}
    checked = {key: preflight.checked_network(key, networks[key], needs[key]) for key in needs}
    return RunComponents(
        dataset=dataset,
        generator=checked["model.generator"],
        discriminator=checked["model.discriminator"],
        loss=made["loss"],
        regularizer=made["regularizer"],
        optimizers=(made["optimizer"]["discriminator"], made["optimizer"]["generator"]),
        latents=made["latents"],
        labels=made["labels"],
        extractor=own or _extractor(str(chosen), dataset, measuring_device(device)),
        trainer=strict.trainer,
        aux=strict.aux,
        evaluation=strict.evaluation,
        seed=config.seed,
        device=device,
        deterministic=strict.deterministic,
        profile=strict.profile,
        capture=strict.capture,
        tracker=tracker,
        schedules=schedules,
    )


def _extractor(choice: str, dataset: "Dataset", device: Any) -> "FeatureNetwork | None":
    from gan_zoo.evaluation.features.train import extractor_for

    if choice not in ("auto", "none"):
        raise ConfigurationError(
            "evaluation.extractor must be auto, none, or the _target_ of a network of your own,"
            f" got {choice!r}"
        )
    return extractor_for(dataset, device) if choice == "auto" else None

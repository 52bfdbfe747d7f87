"""Load a trained generator from the folder of a run, whose record is validated first."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_zoo.config.build import build_generator
from gan_zoo.config.explain import explain
from gan_zoo.config.validate import refuse_foreign
from gan_zoo.runs.record import RECORD_NAME, RunRecord, artifact_path, read_record
from gan_zoo.runs.weights import load_weights, weight_path

if TYPE_CHECKING:
    from torch import nn

    from gan_zoo.types import Sampler

MAX_CLASSES = 100_000
_PENALTIES = (
    "gradient_penalty", "lipschitz_penalty", "zero_centered_penalty", "wgan_div", "dragan", "r1",
    "r2", "r1_r2",
)  # fmt: skip
_RELATIVISTIC = ("rsgan", "rasgan", "ralsgan", "rahinge")
# Module paths in records of version 0.1, and today's.
_MOVED = {
    "gan_zoo.features.": "gan_zoo.evaluation.features.",
    "gan_zoo.testbeds.": "gan_zoo.experiments.",
    "gan_zoo.losses.alpha_divergence.": "gan_zoo.losses.divergences.",
    **{f"gan_zoo.losses.{old}.": "gan_zoo.losses.relativistic." for old in _RELATIVISTIC},
    **{
        f"gan_zoo.regularizers.{old}.": "gan_zoo.regularizers.gradient_penalties."
        for old in _PENALTIES
    },
}


class Trained(NamedTuple):
    """A generator in evaluation mode on the CPU, and its inputs."""

    record: RunRecord
    name: str  # of the network: generator or generator_ema
    network: "nn.Module"
    latents: "Sampler"
    num_classes: int
    sample_shape: tuple[int, ...]
    weights: Path


def trained_generator(folder: Path, network: str, checkpoint: str, allow: str) -> Trained:
    """Return the generator of a run; print a message if the run did not finish.

    Args:
        folder: of the run.
        network: generator | generator_ema | auto (the averaged one where there is one).
        checkpoint: last | best | an epoch's number.
        allow: packages, joined by commas, whose objects the record may name beside ours.

    Raises:
        ValueError: there is no run, its record or weights cannot be used, or an object is foreign.
    """
    from gan_zoo.data.random_streams import global_stream

    if not (folder / RECORD_NAME).exists():
        raise ValueError(f"{folder} is not the folder of a run: it has no {RECORD_NAME}")
    record = read_record(folder)
    for name in ("dataset", "artifacts"):
        if not isinstance(getattr(record, name), dict):
            raise ValueError(f"the record's {name} is {getattr(record, name)!r}, not an object")
    name = network_of(record, network)
    path = weights_of(folder, record, name, checkpoint)
    shape, classes = _sample_shape(record)
    try:
        with global_stream(0, "weights to be replaced"):
            made, latents = build_generator(configuration_of(record, allow), shape, classes)
    except (HydraException, OmegaConfBaseException) as error:
        raise ValueError(explain(error)) from error
    load_weights(path, made)
    if record.status != "finished":
        why = f" ({record.error.get('message')})" if isinstance(record.error, dict) else ""
        print(f"gan_zoo: {_status(record)}{why}; loading the weights in {path}", file=sys.stderr)
    return Trained(record, name, made.eval(), latents, classes, shape, path)


def configuration_of(record: RunRecord, allow: str) -> DictConfig:
    """Return the run's configuration, whose objects are ours or those the user allows.

    Raises:
        ValueError: it is not a configuration, or names other objects.
    """
    if allow and "" not in sys.path:
        sys.path.append("")  # a user's own networks in the current folder
    if not isinstance(record.config, dict):
        raise ValueError(f"the record's config holds {type(record.config).__name__}, not an object")
    config = {**_moved(record.config), "after_sweep": None, "device": "auto"}
    refuse_foreign(config, tuple(name for name in allow.split(",") if name))
    return OmegaConf.create(config)


def network_of(record: RunRecord, choice: str) -> str:
    """Return the network chosen; ``auto`` is the averaged generator where the run has one."""
    return record.headline if choice == "auto" else choice


def weights_of(folder: Path, record: RunRecord, network: str, checkpoint: str) -> Path:
    """Return the path of a run's weights.

    Raises:
        ValueError: the run has none yet, or not those.
    """
    if checkpoint.isdecimal():
        path = weight_path(folder, network, int(checkpoint))
        if not path.exists():
            kept = path.parent.glob(f"params_{network}_epoch_*")
            epochs = ", ".join(sorted(p.stem.rpartition("_")[2] for p in kept)) or "none"
            raise ValueError(f"{path} does not exist; epochs of {network} that do: {epochs}")
        return path
    if "generator" not in record.artifacts:
        raise ValueError(f"{folder} has no weights: {_status(record)} before its first epoch ended")
    return artifact_path(folder, record, f"{network}{'_best' if checkpoint == 'best' else ''}")


def _moved(node: Any) -> Any:
    """Return a configuration with the ``_target_``s of version 0.1 replaced by today's."""
    if isinstance(node, dict):
        return {
            key: _current(value) if key == "_target_" and isinstance(value, str) else _moved(value)
            for key, value in node.items()
        }
    return [_moved(each) for each in node] if isinstance(node, list) else node


def _current(target: str) -> str:
    for old, new in _MOVED.items():
        if target.startswith(old):
            return new + target.removeprefix(old)
    return target


def _sample_shape(record: RunRecord) -> tuple[tuple[int, ...], int]:
    """Return the shape of a sample and the number of classes in the record."""
    shape, classes = record.dataset.get("sample_shape"), record.dataset.get("num_classes")
    sides = shape if isinstance(shape, list) else []
    if not (sides and all(isinstance(side, int) and side > 0 for side in sides)):
        raise ValueError(f"the record's dataset.sample_shape is {shape!r}; allowed: whole numbers")
    if not (isinstance(classes, int) and 1 <= classes <= MAX_CLASSES):
        raise ValueError(
            f"the record's dataset.num_classes is {classes!r}; allowed: 1 to {MAX_CLASSES}"
        )
    return tuple(sides), classes


def _status(record: RunRecord) -> str:
    words = {"running": "is still running or was killed", "interrupted": "was interrupted"}
    return f"the run {words.get(record.status, record.status)}"

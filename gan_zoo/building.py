"""From a composed configuration to the objects of a run: the one place that instantiates.

Importing this module needs no torch, so that a command line answers at once.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.config_store import ConfigStore
from hydra.errors import InstantiationException
from omegaconf import MISSING, DictConfig, OmegaConf

from gan_zoo.configuration import check_targets
from gan_zoo.settings import (
    AuxiliarySettings,
    ConfigurationError,
    EvaluationSettings,
    TrainerSettings,
)

if TYPE_CHECKING:
    from gan_zoo.experiment import Parts
    from gan_zoo.features.extractor import FeatureNetwork
    from gan_zoo.interfaces import Dataset

_BUILT = ("data", "model", "latents", "labels", "loss", "regularizer", "optimizer")


@dataclass
class Pair:
    """Something that each of the two networks has."""

    generator: dict[str, Any] = field(default_factory=dict)
    discriminator: dict[str, Any] = field(default_factory=dict)


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
    after_sweep: str | None = None
    resume: str = "auto"
    sweep_name: str | None = None


ConfigStore.instance().store("base_schema", Config)  # what conf/config.yaml is checked against


def config_folder() -> Path:
    """The configuration folder: inside an installed package, beside it in a checkout."""
    here = Path(__file__).parent
    inside = here / "conf"
    return inside if inside.is_dir() else here.parent / "conf"


def plain(config: DictConfig) -> dict[str, Any]:
    """The configuration as dicts and lists, every interpolation resolved."""
    content = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def build(config: DictConfig) -> "Parts":
    """Everything a run needs.

    Raises:
        ConfigurationError: an unknown key, or a value out of its range.
    """
    from hydra.utils import instantiate

    from gan_zoo.environment import pick_device
    from gan_zoo.experiment import Parts

    content = plain(config)
    check_targets(content)
    if config.after_sweep is not None:
        check_targets({"_target_": config.after_sweep}, "after_sweep")
    try:
        # onto the schema once more: rejects what `+` slipped in, and checks the ranges
        strict = cast(Config, OmegaConf.to_object(OmegaConf.merge(Config(), content)))
        device = pick_device(config.device)
        made = {key: instantiate(config[key], _convert_="all") for key in _BUILT}
        dataset = made["data"]
        chosen = strict.evaluation.extractor
        own = instantiate(chosen, _convert_="all") if isinstance(chosen, dict) else None
        return Parts(
            dataset=dataset,
            generator=made["model"]["generator"],
            discriminator=made["model"]["discriminator"],
            loss=made["loss"],
            regularizer=made["regularizer"],
            optimizers=(made["optimizer"]["discriminator"], made["optimizer"]["generator"]),
            latents=made["latents"],
            labels=made["labels"],
            extractor=own or _extractor(str(chosen), dataset, device),
            trainer=strict.trainer,
            aux=strict.aux,
            evaluation=strict.evaluation,
            seed=config.seed,
            device=device,
        )
    except InstantiationException as error:
        cause = error.__cause__ or error
        key = str(error).rpartition("full_key: ")[2].splitlines()[0]
        raise ConfigurationError(f"{key}: {cause}") from error
    except (ValueError, OSError) as error:
        raise ConfigurationError(str(error)) from error


def _extractor(choice: str, dataset: "Dataset", device: Any) -> "FeatureNetwork | None":
    from gan_zoo.extractors import extractor_for

    if choice not in ("auto", "none"):
        raise ValueError(
            f"evaluation.extractor is {choice!r}; allowed: auto, none, or the _target_ of a"
            " network of your own"
        )
    return extractor_for(dataset, device) if choice == "auto" else None

"""Composition: from overrides and YAML files to one configuration. Importing it needs no torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra.conf
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.singleton import Singleton
from hydra.core.utils import JobRuntime
from hydra.version import VersionBase
from omegaconf import DictConfig, OmegaConf

from gan_zoo.config.schema import Config
from gan_zoo.config.validate import nearest
from gan_zoo.types import ConfigurationError

# Hydra 1.3 warns if it is not given the version whose behaviour to have, Hydra 1.4 if it is.
OLD_HYDRA = tuple(map(int, hydra.__version__.split(".")[:2])) < (1, 4)
VERSION_BASE: dict[str, Any] = {"version_base": None} if OLD_HYDRA else {}

_OF_AN_APPLICATION = (GlobalHydra, JobRuntime, VersionBase)

ConfigStore.instance().store("base_schema", Config)  # what conf/config.yaml is checked against


def config_folder() -> Path:
    """Return the folder conf/: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def current_words(words: Sequence[str]) -> list[str]:
    """Return overrides with ``+experiment=``, the form of earlier versions, replaced.

    >>> current_words(["+experiment=dirac", "seed=1"])
    ['experiment=dirac', 'seed=1']
    """
    return [word.removeprefix("+") if word.startswith("+experiment=") else word for word in words]


def words_of_a_sweep(words: Sequence[str]) -> list[str]:
    """Return overrides as a sweep gives them to its runs, so that records of both agree.

    >>> words_of_a_sweep(["a=true", "b=1e-3", "c=1", "c=2", "d=${c}"])
    ['a=True', 'b=0.001', 'c=2', 'd=${c}']
    """
    parsed = OverridesParser.create().parse_overrides(list(words))
    last = {override.get_key_element(): override for override in parsed}
    return [
        word
        if override.is_delete() or "${" in word
        else f"{key}={override.get_value_element_as_str()}"
        for key, override in last.items()
        for word in [str(override.input_line)]
    ]


def compose_config(words: Sequence[str], *, with_hydra: bool = False) -> DictConfig:
    """Return the shipped configuration with overrides.

    A Hydra application that calls this keeps its own Hydra.

    Args:
        words: overrides, as on a command line.
        with_hydra: whether to include Hydra's own node, which ``build`` does not take.

    Raises:
        HydraException: an override that does not compose.
        OmegaConfBaseException: a value that cannot be set.
    """
    instances = Singleton._instances
    before: dict[type, Singleton] = {
        kind: instances.pop(kind) for kind in _OF_AN_APPLICATION if kind in instances
    }
    try:
        with initialize_config_dir(str(config_folder().absolute()), **VERSION_BASE):
            return compose("config", current_words(words), return_hydra_config=with_hydra)
    finally:
        for kind in _OF_AN_APPLICATION:
            instances.pop(kind, None)
        instances.update(before)


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a configuration as dicts and lists, with every interpolation resolved."""
    content = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(content, dict)
    # an empty `schedules` is left out, so that it does not change a run's identity
    return {str(k): v for k, v in content.items() if not (k == "schedules" and not v)}


def refuse_shadowed(folder: Path) -> None:
    """Refuse a user's file that has the name of a shipped one, which Hydra would load instead.

    Every report knows a loss of that name by its published recipe; so it is not replaced.

    Raises:
        ConfigurationError: naming the files; identical copies are allowed.
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
            f"{', '.join(map(str, found[:5]))}{' ...' if found[5:] else ''}: gan_zoo ships a"
            f" configuration of that name, which would be used instead. Rename yours, as"
            f" {new.name}, and choose it by that name"
        )


def check_choices(hydra_config: Any) -> None:
    """Refuse choices of groups that Hydra ignores without a word.

    Raises:
        ConfigurationError: an option of ``tuned`` or ``local`` on the command line that does not
            exist; ``debug=overfit_batch`` with all of a data set.
    """
    data = hydra_config.runtime.choices.get("data")
    if hydra_config.runtime.choices.get("debug") == "overfit_batch" and data != "one_batch":
        raise ConfigurationError(
            f"debug=overfit_batch trains on one batch, but data={data} is the whole data set:"
            f" choose it as data@data.of={data} instead, and its options as data.of.<option>=…"
        )
    for group in ("tuned", "local"):
        folders = [Path(source.path) / group for source in hydra_config.runtime.config_sources]
        names = {path.stem for folder in folders for path in folder.glob("*.yaml")}
        name = str(hydra_config.runtime.choices.get(group))
        given = any(word.startswith(f"{group}=") for word in hydra_config.overrides.task)
        if given and name not in names:
            raise ConfigurationError(
                f"there is no '{name}' in the group '{group}'.{nearest(name, names)}"
            )

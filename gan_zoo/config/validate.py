"""Strictness: an unknown key is an error that names the nearest valid one."""

import difflib
import importlib
import inspect
import io
import math
import re
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import (
    InterpolationKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
)

from gan_zoo.config.annotations import fits, hints, told
from gan_zoo.types import ConfigurationError

# Nothing in these does anything but build objects and read data.
OURS = (
    "gan_zoo.data.", "gan_zoo.evaluation.features.", "gan_zoo.losses.", "gan_zoo.models.",
    "gan_zoo.regularizers.", "torch.optim.",
)  # fmt: skip
_NOT_COMPOSED = "the configuration cannot be composed"
_RESOLVING = "raised while resolving interpolation: "
SCRIPT = "gan_zoo.evaluation.features.train."  # in one of ours, but it writes files
LARGEST = 3.4e38
RENAMED = {"floors": "reference_scores"}  # old key -> new key
_INSTANTIATE_KEYS = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?`` if there is a similar or renamed key, and the valid ones."""
    valid = sorted(valid)
    renamed = [RENAMED[name]] if RENAMED.get(name) in valid else []
    close = renamed or difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"{hint} Valid: {', '.join(valid)}"


def check_targets(node: Any, where: str = "") -> None:
    """Check every ``_target_`` below a resolved plain configuration against its signature.

    Raises:
        ConfigurationError: a target that cannot be imported, a key that it does not take, or a
            value of another type than it says.
    """
    if isinstance(node, list):
        for number, child in enumerate(node):
            check_targets(child, f"{where}[{number}]")
    if not isinstance(node, Mapping):
        return
    if "_target_" in node:
        _check_target(node, where)
    for key, child in node.items():
        check_targets(child, f"{where}.{key}" if where else str(key))


def check_numbers(node: Any, where: str = "") -> None:
    """Check that every number of a plain configuration is one that float32 and JSON can hold.

    Raises:
        ConfigurationError: one that is not.
    """
    if isinstance(node, Mapping):
        for key, child in node.items():
            check_numbers(child, f"{where}.{key}" if where else str(key))
    elif isinstance(node, list):
        for number, child in enumerate(node):
            check_numbers(child, f"{where}[{number}]")
    elif isinstance(node, int | float) and not abs(node) <= LARGEST:
        raise ConfigurationError(
            f"{where} is {node!r}; allowed: finite numbers up to {LARGEST:.2g}, float32's largest"
        )


def recordable(node: Any) -> Any:
    """The same with numbers that JSON has no word for as texts, for the record of a failed run."""
    if isinstance(node, Mapping):
        return {str(key): recordable(child) for key, child in node.items()}
    if isinstance(node, list):
        return [recordable(child) for child in node]
    return repr(node) if isinstance(node, float) and not math.isfinite(node) else node


def refuse_foreign(node: Any, allowed: tuple[str, ...]) -> None:
    """Check that a configuration from a file names no object but networks, data and losses of ours.

    A record may come from a stranger, naming an object is calling it, and an interpolation may read
    the environment.

    Args:
        node: a plain configuration.
        allowed: packages or modules that the user trusts beside ours.

    Raises:
        ConfigurationError: another target, or an interpolation, which no record has.
    """
    if isinstance(node, Mapping) and "_target_" in node:
        _refuse_foreign_target(str(node["_target_"]), allowed)
    if isinstance(node, Mapping | list):
        children = [*node, *node.values()] if isinstance(node, Mapping) else node
        for child in children:
            refuse_foreign(child, allowed)
    elif isinstance(node, str) and "${" in node:
        raise ConfigurationError(
            f"the record holds the interpolation {node!r}; a run records resolved values alone"
        )


def _refuse_foreign_target(target: str, allowed: tuple[str, ...]) -> None:
    """Refuse what is not defined in a trusted package, by whatever path it is named."""
    trusted = (*OURS, *(f"{name}." for name in allowed))
    home = ""
    if target.startswith(trusted) and not any(part.startswith("_") for part in target.split(".")):
        # a trusted module's imports lead anywhere: gan_zoo.data.idx.gzip.open
        found = _locate(target, "the record")
        home = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
    script = home.startswith(SCRIPT)
    if script or not home.startswith(trusted):
        raise ConfigurationError(
            f"the record names {target!r}, which is not gan_zoo's and would be called. If"
            f" you trust it: allow={target.split('.')[0]}"
        )


def _check_target(node: Mapping[str, Any], where: str) -> None:
    target = _locate(str(node["_target_"]), where)
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{where}._target_ is {node['_target_']!r}: it cannot be called"
        ) from error
    known = hints(target)
    for key, value in node.items():
        if key in known and key in parameters and not fits(value, known[key]):
            raise ConfigurationError(
                f"{where}.{key} is {value!r}; allowed: {told(known[key])}, which"
                f" {node['_target_']} takes"
            )
    named = {n for n, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for key in node:
        if key not in named | _INSTANTIATE_KEYS:
            raise ConfigurationError(
                f"unknown key '{where}.{key}': {node['_target_']} does not take it."
                + nearest(str(key), named)
            )


def _locate(target: str, where: str) -> Any:
    """The object at a dotted path: the longest importable module, then attributes."""
    names = target.split(".")
    for end in range(len(names) - 1, 0, -1):
        module = ".".join(names[:end])
        try:
            found: Any = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name and (module == error.name or module.startswith(error.name + ".")):
                continue  # this module is not there; a shorter one may be
            raise ConfigurationError(f"{where}._target_ is {target!r}: {error}") from error
        except Exception as error:  # a module runs when it is imported: anything can go wrong
            raise ConfigurationError(
                f"{where}._target_ is {target!r}: {module} cannot be imported:"
                f" {type(error).__name__}: {one_line(error)}"
            ) from error
        for name in names[end:]:
            if not hasattr(found, name):
                public = [n for n in vars(found) if not n.startswith("_")]
                raise ConfigurationError(
                    f"{where}._target_ is {target!r}: there is no '{name}' in {module}."
                    + nearest(name, public)
                )
            found = getattr(found, name)
        return found
    raise ConfigurationError(
        f"{where}._target_ is {target!r}: no such module. For a module of your own, run from the"
        " folder that holds it or install it"
    )


def explain(error: BaseException) -> str:
    """One readable message for an error of composing a configuration."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InterpolationResolutionError) and _RESOLVING in str(cause):
            return str(cause).partition(_RESOLVING)[2].splitlines()[0]  # a resolver of ours
        if isinstance(cause, ConfigurationError):
            return str(cause)  # of a part that Hydra itself makes, such as a launcher
        if isinstance(cause, yaml.YAMLError | UnicodeDecodeError):
            return _explain_file(cause)
        if isinstance(cause, OmegaConfBaseException) and cause.full_key is not None:
            return _explain_key(cause)
        cause = cause.__cause__
    if isinstance(error, HydraException):
        return _explain_hydra(error)
    if isinstance(error, ValueError) and not _is_theirs(error):
        return one_line(error)
    return f"{_NOT_COMPOSED}: {one_line(error)}"


def _is_theirs(error: BaseException) -> bool:
    """Whether an error was raised by Hydra or OmegaConf."""
    frames = list(traceback.walk_tb(error.__traceback__))
    module = str(frames[-1][0].f_globals.get("__name__")) if frames else ""
    return module.partition(".")[0] in ("hydra", "omegaconf")


def _explain_hydra(error: HydraException) -> str:
    options, missing = getattr(error, "options", None), getattr(error, "missing_cfg_file", None)
    if options and isinstance(missing, str):
        group, _, name = missing.rpartition("/")
        return f"there is no '{name}' in the group '{group}'." + nearest(name, options)
    told = one_line(error)
    if isinstance(error, OverrideParseException):
        _, named, reason = told.partition(" See http")[0].partition(f"{error.override!r} ")
        why = f" ({reason})" if named else ""
        return (
            f"{error.override!r} cannot be read{why}. Allowed: key=value; a value with spaces,"
            " commas, brackets or quotes is quoted twice, for the shell and for Hydra, as"
            """ 'key="a b"'"""
        )
    several = re.match(r"Ambiguous value for argument '(.*?)' 1\. ", told)
    if several is not None:
        key, _, values = several[1].partition("=")
        return (
            f"{several[1]!r} has several values, but this is one run. Add -m for a sweep over"
            f""" them; a list is written {key}=[{values}], a text with commas '{key}="{values}"'"""
        )
    return f"{_NOT_COMPOSED}: {told}"


def _explain_file(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """Which file of a user's cannot be read, where, and why."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    name = getattr(mark, "name", None) or _file_in_work(error) or "a configuration file"
    if isinstance(error, UnicodeDecodeError):
        return f"{name}: it is not UTF-8 (byte {error.start}: {error.reason}); save it as UTF-8"
    where = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    hint = "; indent by spaces, not tabs" if "'\\t'" in str(problem) else ""
    return f"{name}: it is not valid YAML: {where}{problem or one_line(error)}{hint}"


def _file_in_work(error: BaseException) -> str | None:
    """The file that was open where an error was raised."""
    names = [
        str(value.name)
        for frame, _ in traceback.walk_tb(error.__traceback__)
        for value in frame.f_locals.values()
        if isinstance(value, io.TextIOWrapper) and str(value.name).endswith(".yaml")
    ]
    return names[-1] if names else None


def one_line(error: BaseException) -> str:
    """An error's message without its line breaks; its kind if it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def _explain_key(error: OmegaConfBaseException) -> str:
    key = error.full_key or str(error.key)
    parent = None if isinstance(error, InterpolationKeyError) else error.parent_node
    known = [str(k) for k in parent] if isinstance(parent, DictConfig) else []
    name = key.rpartition(".")[2]
    if known and name not in known:
        return f"unknown key '{key}'." + nearest(name, known)
    what = str(error.msg or error).splitlines()[0]
    return f"{key}: {what}"

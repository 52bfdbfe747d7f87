"""Errors of composing a configuration, explained in one line."""

import io
import re
import traceback

import yaml
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import (
    InterpolationKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
)

from gan_zoo.config.validate import nearest, one_line
from gan_zoo.types import ConfigurationError

# Errors that a wrong command line, file or value causes.
MISTAKES = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError)
LEAKS = (TypeError, OverflowError, AssertionError)  # Hydra and OmegaConf let these through
_NOT_COMPOSED = "the configuration cannot be composed"
_RESOLVING = "raised while resolving interpolation: "


def explain(error: BaseException) -> str:
    """Return one readable line for an error of composing a configuration."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InterpolationResolutionError) and _RESOLVING in str(cause):
            return str(cause).partition(_RESOLVING)[2].splitlines()[0]  # one of our resolvers
        if isinstance(cause, ConfigurationError):
            return str(cause)  # of an object that Hydra makes, such as a launcher
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
    """Return whether Hydra or OmegaConf raised an error."""
    frames = list(traceback.walk_tb(error.__traceback__))
    module = str(frames[-1][0].f_globals.get("__name__")) if frames else ""
    return module.partition(".")[0] in ("hydra", "omegaconf")


def _explain_hydra(error: HydraException) -> str:
    options, missing = getattr(error, "options", None), getattr(error, "missing_cfg_file", None)
    if options and isinstance(missing, str):
        group, _, name = missing.rpartition("/")
        return f"there is no '{name}' in the group '{group}'." + nearest(name, options)
    message = one_line(error)
    if isinstance(error, OverrideParseException):
        _, named, reason = message.partition(" See http")[0].partition(f"{error.override!r} ")
        why = f" ({reason})" if named else ""
        return (
            f"{error.override!r} cannot be read{why}. Allowed: key=value; a value with spaces,"
            " commas, brackets, quotes or letters such as ü is quoted twice, for the shell and for"
            " Hydra, as"
            """ 'key="a b"'"""
        )
    several = re.match(r"Ambiguous value for argument '(.*?)' 1\. ", message)
    if several is not None:
        key, _, values = several[1].partition("=")
        return (
            f"{several[1]!r} has several values, but this is one run. Add -m for a sweep over them;"
            f""" write a list as {key}=[{values}], a string with commas as '{key}="{values}"'"""
        )
    return f"{_NOT_COMPOSED}: {message}"


def _explain_file(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """Name the file of a user that cannot be read, the place, and the reason."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    name = getattr(mark, "name", None) or _file_in_work(error) or "a configuration file"
    if isinstance(error, UnicodeDecodeError):
        return f"{name}: not UTF-8 (byte {error.start}: {error.reason}); save it as UTF-8"
    where = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    hint = "; indent by spaces, not tabs" if "'\\t'" in str(problem) else ""
    return f"{name}: not valid YAML: {where}{problem or one_line(error)}{hint}"


def _file_in_work(error: BaseException) -> str | None:
    """Return the YAML file that was open where an error was raised."""
    names = [
        str(value.name)
        for frame, _ in traceback.walk_tb(error.__traceback__)
        for value in frame.f_locals.values()
        if isinstance(value, io.TextIOWrapper) and str(value.name).endswith(".yaml")
    ]
    return names[-1] if names else None


def _explain_key(error: OmegaConfBaseException) -> str:
    key = error.full_key or str(error.key)
    parent = None if isinstance(error, InterpolationKeyError) else error.parent_node
    known = [str(k) for k in parent] if isinstance(parent, DictConfig) else []
    name = key.rpartition(".")[2]
    if known and name not in known:
        return f"unknown key '{key}'." + nearest(name, known)
    what = str(error.msg or error).splitlines()[0]
    return f"{key}: {what}"

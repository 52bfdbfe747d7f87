"""Validation of a resolved configuration: known keys, types, finite numbers, trusted targets."""

import difflib
import importlib
import inspect
import math
import types
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from gan_zoo.types import ConfigurationError

# Packages whose objects a record may name: they build objects and read data, nothing else.
OURS = (
    "gan_zoo.data.", "gan_zoo.evaluation.features.", "gan_zoo.losses.", "gan_zoo.models.",
    "gan_zoo.training.optimizers.", "gan_zoo.regularizers.", "torch.optim.",
)  # fmt: skip
SCRIPT = "gan_zoo.evaluation.features.train."  # among them, but it writes files
LARGEST = 3.4e38  # of float32
RENAMED = {"floors": "reference_scores"}  # old key -> new key
_INSTANTIATE_KEYS = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}
_PLAIN = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?`` if there is a similar or renamed key, and the valid ones."""
    valid = sorted(valid)
    renamed = [RENAMED[name]] if RENAMED.get(name) in valid else []
    close = renamed or difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"{hint} Valid: {', '.join(valid)}"


def one_line(error: BaseException) -> str:
    """Return an error's message without line breaks, or its type if it has no message."""
    return " ".join(str(error).split()) or type(error).__name__


def require_extra(what: str, extra: str, *modules: str) -> None:
    """Check that the modules of an optional extra of this package are installed.

    Args:
        what: the option or command that needs them.
        extra: the extra that installs them.
        modules: as they are imported.

    Raises:
        ConfigurationError: naming the missing modules and the command that installs them.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"{what} needs {', '.join(missing)}, not installed here: pip install 'gan-zoo[{extra}]'"
        )


def check_numbers(node: Any, where: str = "") -> None:
    """Check that float32 and JSON can hold every number of a plain configuration.

    Raises:
        ConfigurationError: one that is not finite or too large.
    """
    for key, child in _children(node, where):
        check_numbers(child, key)
    if isinstance(node, int | float) and not abs(node) <= LARGEST:
        raise ConfigurationError(
            f"{where} must be finite and at most {LARGEST:.2g} (float32's largest), got {node!r}"
        )


def check_targets(node: Any, where: str = "") -> None:
    """Check every ``_target_`` of a plain configuration against the signature of its object.

    Raises:
        ConfigurationError: a target that cannot be imported, an unknown key, or a value of another
            type than the signature has.
    """
    if isinstance(node, Mapping) and "_target_" in node:
        _check_target(node, where)
    for key, child in _children(node, where):
        check_targets(child, key)


def _children(node: Any, where: str) -> list[tuple[str, Any]]:
    """Return the entries of a mapping or list with their dotted keys."""
    if isinstance(node, Mapping):
        return [(f"{where}.{key}" if where else str(key), child) for key, child in node.items()]
    if isinstance(node, list):
        return [(f"{where}[{number}]", child) for number, child in enumerate(node)]
    return []


def _check_target(node: Mapping[str, Any], where: str) -> None:
    target = locate(str(node["_target_"]), where)
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{where}._target_ is {node['_target_']!r}, which cannot be called"
        ) from error
    known = annotations_of(target)
    for key, value in node.items():
        if key in known and key in parameters and not fits(value, known[key]):
            raise ConfigurationError(
                f"{where}.{key} must be {describe_type(known[key])}, got {value!r} (an argument of"
                f" {node['_target_']})"
            )
    named = {n for n, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for key in node:
        if key not in named | _INSTANTIATE_KEYS:
            raise ConfigurationError(
                f"unknown key '{where}.{key}': {node['_target_']} has no such argument."
                + nearest(str(key), named)
            )


def locate(target: str, where: str) -> Any:
    """Return the object at a dotted path: the longest importable module, then attributes.

    Args:
        target: the dotted path.
        where: the configuration key that holds it, for messages.

    Raises:
        ConfigurationError: it cannot be imported, or has no such attribute.
    """
    names = target.split(".")
    for end in range(len(names) - 1, 0, -1):
        module = ".".join(names[:end])
        try:
            found: Any = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name and (module == error.name or module.startswith(error.name + ".")):
                continue  # this module does not exist; a shorter one may
            raise ConfigurationError(f"{where}._target_ is {target!r}: {error}") from error
        except Exception as error:  # importing a user's module runs it: anything can go wrong
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


def annotations_of(target: Any) -> dict[str, Any]:
    """Return the annotations of a callable's parameters; none if they cannot be resolved."""
    function = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
    try:
        return get_type_hints(function)
    except (NameError, TypeError, AttributeError):  # imported for type checkers alone, or no hints
        return {}


def fits(value: Any, annotation: Any) -> bool:
    """Return whether a plain value fits an annotation; other objects are not checked.

    >>> fits(1, float), fits(True, float), fits([1, 2], list[int]), fits("x", int | None)
    (True, False, True, False)
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return fits(value, inner[0])
    if origin in (Union, types.UnionType):
        if isinstance(value, str) and not {int, float}.isdisjoint(inner):
            return str in inner  # a string in place of a number is not the path of an object
        return any(fits(value, part) for part in inner)
    if annotation in _PLAIN:
        if isinstance(value, bool):  # a subclass of int
            return annotation is bool
        return isinstance(value, (int, float) if annotation is float else annotation)
    if annotation in (None, types.NoneType):
        return value is None
    if origin is Literal:
        return value in inner
    if origin is tuple and Ellipsis not in inner:
        return _is_sequence(value) and len(value) == len(inner) and all(map(fits, value, inner))
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _is_sequence(value) and all(fits(entry, inner[0]) for entry in value)
    # an object: null and a plain number are wrong, a string may be the path of one
    return not isinstance(annotation, type) or isinstance(value, Mapping | list | str)


def describe_type(annotation: Any) -> str:
    """Return an annotation in words.

    >>> describe_type(float | None), describe_type(list[int])
    ('a number or null', 'a list, each an integer')
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return describe_type(inner[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(describe_type(part) for part in inner))
    if annotation in (None, types.NoneType):
        return "null"
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin is tuple and Ellipsis not in inner:
        kinds = " and ".join(dict.fromkeys(map(describe_type, inner)))
        return f"a list of {len(inner)}, {kinds}"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return f"a list, each {describe_type(inner[0])}"
    return _PLAIN.get(annotation, f"an object ({getattr(annotation, '__name__', annotation)})")


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def recordable(node: Any) -> Any:
    """Return a configuration with NaN and infinity, which JSON has not, replaced by strings."""
    if isinstance(node, Mapping):
        return {str(key): recordable(child) for key, child in node.items()}
    if isinstance(node, list):
        return [recordable(child) for child in node]
    return repr(node) if isinstance(node, float) and not math.isfinite(node) else node


def refuse_foreign(node: Any, allowed: tuple[str, ...]) -> None:
    """Check that a configuration from a file names only trusted objects.

    A record may come from a stranger: a ``_target_`` is called, and an interpolation may read the
    environment.

    Args:
        node: a plain configuration.
        allowed: packages or modules that the user trusts beside this one's.

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
    """Refuse an object that is defined outside the trusted packages, by whatever path."""
    trusted = (*OURS, *(f"{name}." for name in allowed))
    home = ""
    if target.startswith(trusted) and not any(part.startswith("_") for part in target.split(".")):
        # a trusted module's imports lead anywhere: gan_zoo.data.idx.gzip.open
        found = locate(target, "the record")
        home = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
    if home.startswith(SCRIPT) or not home.startswith(trusted):
        raise ConfigurationError(
            f"the record names {target!r}, which is not gan_zoo's and would be called. If"
            f" you trust it: allow={target.split('.')[0]}"
        )

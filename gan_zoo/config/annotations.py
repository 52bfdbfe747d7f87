"""Whether a plain value of a configuration fits the annotation of its parameter."""

import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def hints(target: Any) -> dict[str, Any]:
    """Parameter -> annotation of what calling ``target`` takes; none if they cannot be resolved."""
    function = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
    try:
        return get_type_hints(function)
    except (NameError, TypeError, AttributeError):  # imported for type checkers alone, or no hints
        return {}


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is what the annotation asks for; what is not plain data is taken on trust.

    >>> fits(1, float), fits(True, float), fits([1, 2], list[int]), fits("x", int | None)
    (True, False, True, False)
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        if isinstance(value, str) and not {int, float}.isdisjoint(inner):
            return str in inner  # where a number may stand, a text is no object's path
        return any(fits(value, part) for part in inner)
    if annotation in _PLAIN:
        if isinstance(value, bool):  # which Python takes for a number
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
    # an object; null and a plain number stand for none, a text may (a path)
    return not isinstance(annotation, type) or isinstance(value, Mapping | list | str)


def told(annotation: Any) -> str:
    """The annotation in words.

    >>> told(float | None), told(list[int])
    ('a number or null', 'a list, each a whole number')
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(told(part) for part in inner))
    if annotation in (None, types.NoneType):
        return "null"
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin is tuple and Ellipsis not in inner:
        return f"a list of {len(inner)}, {' and '.join(dict.fromkeys(map(told, inner)))}"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return f"a list, each {told(inner[0])}"
    return _PLAIN.get(annotation, f"an object ({getattr(annotation, '__name__', annotation)})")


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)

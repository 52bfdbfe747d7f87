"""Numeric options that change over a run, from one value to another by cosine or linearly.

A schedule belongs to an option that a training step reads: one of the loss, the regularizer, an
optimizer, ``aux``, ``trainer.ema_decay``, ``trainer.gradient_clip`` or the noise on what D sees.
The value is a function of the share of updates that have been made, so that no saved state has it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from gan_zoo.types import ConfigurationError

SHAPES = ("cosine", "linear")
_GROUPS = ("loss", "regularizer", "optimizer", "aux")
INSTANCE_NOISE = ("model", "discriminator", "instance_noise")
_SINGLE = (("trainer", "ema_decay"), ("trainer", "gradient_clip"), INSTANCE_NOISE)
_KEYS = ("start", "end", "shape", "until")

Value = float | list[float]


@dataclass(frozen=True)
class OptionSchedule:
    """One option's way from ``start``, its configured value by default, to ``end``.

    value(t) = start + w (end - start), where w = t' (linear) or (1 - cos(pi t')) / 2 (cosine) and
    t' = min(1, t / until) for the share t of the run.

    Args:
        path: of the option, as the configuration has it.
        configured: the option's value in the configuration; a number, or several as Adam's betas.
        start: the first value, as many numbers.
        end: the last value, as many numbers.
        shape: ``cosine`` or ``linear``.
        until: share of the run at which the end is reached.

    Raises:
        ConfigurationError: a value out of its range.
    """

    path: tuple[str, ...]
    configured: Value
    start: Value
    end: Value
    shape: str = "cosine"
    until: float = 1.0

    def __post_init__(self) -> None:
        where = f"schedules.{'.'.join(self.path)}"
        for name, value in (("start", self.start), ("end", self.end)):
            if not _numeric(value) or _length(value) != _length(self.configured):
                raise ConfigurationError(
                    f"{where}.{name} is {value!r}; allowed: {_length(self.configured) or 'a'}"
                    f" number{'s' if _length(self.configured) else ''}, as the option's own"
                    f" {self.configured!r}"
                )
        if self.shape not in SHAPES:
            raise ConfigurationError(
                f"{where}.shape is {self.shape!r}; allowed: {' or '.join(SHAPES)}"
            )
        if not (_numeric(self.until) and 0 < float(self.until) <= 1):
            raise ConfigurationError(
                f"{where}.until is {self.until!r}; allowed: above 0 to 1, a share of the run"
            )

    def value(self, share: float) -> Value:
        """Return the option's value after a share of the run, from 0 to 1."""
        passed = min(1.0, share / self.until)
        weight = passed if self.shape == "linear" else (1 - math.cos(math.pi * passed)) / 2
        if isinstance(self.start, list) and isinstance(self.end, list):
            return [a + weight * (b - a) for a, b in zip(self.start, self.end, strict=True)]
        assert not isinstance(self.start, list)
        assert not isinstance(self.end, list)
        return self.start + weight * (self.end - self.start)


def read_schedules(content: Mapping[str, Any]) -> tuple[OptionSchedule, ...]:
    """Return the schedules of a plain configuration.

    Raises:
        ConfigurationError: a schedule of what is not there, not a number, or not read by a step.
    """
    return tuple(
        _read(path, node, content) for path, node in _leaves(content.get("schedules") or {}, ())
    )


def at(
    content: Mapping[str, Any], schedules: Sequence[OptionSchedule], share: float
) -> dict[str, Any]:
    """Return a plain configuration with the values that options have after a share of the run."""
    changed = deepcopy(dict(content))
    for schedule in schedules:
        *above, name = schedule.path
        _child(changed, above)[name] = schedule.value(share)
    return changed


def apply(part: Any, schedule: OptionSchedule, path: Sequence[str], share: float) -> None:
    """Set the option of a loss, a regularizer or settings to its value after a share of the run.

    Args:
        part: that has the option as an attribute, or further parts that do.
        schedule: of the option.
        path: from the part to the option.
        share: of the run.
    """
    *above, name = path
    for key in above:
        part = part[int(key)] if isinstance(part, Sequence) else getattr(part, key)
    object.__setattr__(part, name, schedule.value(share))  # losses are frozen for everyone else


def check_readable(part: Any, schedule: OptionSchedule, path: Sequence[str]) -> None:
    """Check that a step would see the option change.

    Raises:
        ConfigurationError: the part has no such attribute with the configured value.
    """
    *above, name = path
    for key in above:
        part = part[int(key)] if isinstance(part, Sequence) else getattr(part, key, None)
    if getattr(part, name, None) != schedule.configured:
        raise ConfigurationError(
            f"schedules.{'.'.join(schedule.path)}: {type(part).__name__} does not keep this option"
            f" as its attribute {name}, so that a step would not see it change: remove the schedule"
        )


def check_optimizer_schedule(schedule: OptionSchedule, optimizer: Any) -> None:
    """Check that the option is one of an optimizer's parameter groups.

    Raises:
        ConfigurationError: it is not.
    """
    known = optimizer.param_groups[0]
    if len(schedule.path) != 3 or schedule.path[2] not in known:
        raise ConfigurationError(
            f"schedules.{'.'.join(schedule.path)}: {type(optimizer).__name__} does not read this"
            f" at each step; allowed: {', '.join(sorted(set(known) - {'params'}))} as a whole"
        )


def apply_to_optimizer(optimizer: Any, schedule: OptionSchedule, share: float) -> None:
    """Set the option of all parameter groups to its value after a share of the run."""
    value = schedule.value(share)
    for group in optimizer.param_groups:
        group[schedule.path[2]] = tuple(value) if isinstance(value, list) else value


def _leaves(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    if not isinstance(node, Mapping):
        raise ConfigurationError(
            f"schedules.{'.'.join(path)} is {node!r}; allowed: {{end: …}}, with shape"
            f" ({' or '.join(SHAPES)}) and until (share of the run)"
        )
    if "end" in node:
        yield path, dict(node)
        return
    if path and not node:
        raise ConfigurationError(f"schedules.{'.'.join(path)} is empty: give it an end")
    for key, child in node.items():
        yield from _leaves(child, (*path, str(key)))


def _read(
    path: tuple[str, ...], node: dict[str, Any], content: Mapping[str, Any]
) -> OptionSchedule:
    name = ".".join(path)
    unknown = sorted(set(node) - set(_KEYS))
    if unknown:
        raise ConfigurationError(
            f"schedules.{name} has {', '.join(unknown)}; allowed: {', '.join(_KEYS)}"
        )
    if path[0] not in _GROUPS and path not in _SINGLE:
        raise ConfigurationError(
            f"schedules.{name}: no training step reads {name}; allowed: options of loss,"
            f" regularizer, optimizer and aux, {', '.join('.'.join(single) for single in _SINGLE)}"
        )
    try:
        configured = _child(content, path)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"schedules.{name}: the configuration has no {name}; remove the schedule, or choose"
            f" what has this option"
        ) from error
    if not _numeric(configured):
        raise ConfigurationError(
            f"schedules.{name}: {name} is {configured!r}; allowed: an option that is a number or a"
            " list of numbers"
        )
    return OptionSchedule(path, configured, **{"start": configured, **node})


def _child(node: Any, path: Sequence[str]) -> Any:
    for key in path:
        node = node[int(key)] if isinstance(node, list) else node[key]
    return node


def _numeric(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_numeric(entry) for entry in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0

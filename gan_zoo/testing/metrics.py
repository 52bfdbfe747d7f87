"""The contracts of a metric: the functions of ``CONTRACTS``."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gan_zoo.testing.contracts import GlobalStreamWatch, check, name_of, require, value_error_of


def check_metric(metric: Callable[..., Any], inputs: Mapping[str, Tensor] | None = None) -> None:
    """Check what the metrics of ``gan_zoo.evaluation.metrics`` have in common.

    Finite numbers, the same each time and for any order of the samples; float32 computed in
    float64; the inputs and torch's global random stream unchanged; an error that names the input
    for NaN or infinity, so that a broken generator never wins a comparison; an error for features
    that are not matrices, or of different widths.

    Args:
        metric: called with the inputs by name; returns a number, or a sequence of numbers.
            Bind other arguments with ``functools.partial``.
        inputs: name -> (N, d) floats, or (N,) integers; those of equal length are reordered
            together, as features and their labels are. None: ``real`` (60, 6) and ``fake`` (40, 6).

    Raises:
        AssertionError: names the broken contract.
    """
    measured = Measured(metric, two_samples() if inputs is None else inputs)
    check(name_of(metric), measured, CONTRACTS)


@dataclass(frozen=True)
class Measured:
    """A metric and its inputs."""

    metric: Callable[..., Any]
    inputs: Mapping[str, Tensor]

    def values(self, **changed: Tensor) -> list[float]:
        """Return the metric's numbers, with some inputs replaced."""
        return list(_numbers(self.metric(**{**self.inputs, **changed})))

    def floats(self) -> dict[str, Tensor]:
        """Return the inputs that are not labels."""
        return {name: x for name, x in self.inputs.items() if x.is_floating_point()}


def two_samples() -> dict[str, Tensor]:
    """Return six features of 60 real and of 40 fake samples."""
    rng = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(n, 6, generator=rng, dtype=torch.float64) for n in (60, 40))
    return {"real": real, "fake": 1.5 * fake + 0.3}


def gives_finite_numbers(of: Measured) -> None:
    """Check for plain floats, alone, in a tuple or a list."""
    values = of.values()
    require(bool(values), "it must return a number, got none")
    require(all(map(math.isfinite, values)), f"it must return finite numbers, got {values}")


def gives_the_same_each_time(of: Measured) -> None:
    """Check for equal numbers without draws from torch's global random stream."""
    watch = GlobalStreamWatch()
    first, second = of.values(), of.values()
    require(watch.unchanged(), "it draws from torch's global random stream: pass a torch.Generator")
    require(first == second, f"the same samples give {first} and then {second}")


def does_not_change_its_inputs(of: Measured) -> None:
    """Check that nothing is sorted or centred in place."""
    copies = {name: x.clone() for name, x in of.inputs.items()}
    of.values()
    for name, copy in copies.items():
        require(torch.equal(copy, of.inputs[name]), f"it changes {name} in place")


def needs_no_graph(of: Measured) -> None:
    """Check that it accepts features that require a gradient."""
    of.values(**{name: x.clone().requires_grad_() for name, x in of.floats().items()})


def takes_samples_in_any_order(of: Measured) -> None:
    """Check that the order of samples, which is rarely random in files, does not matter."""
    moved = {
        name: x[torch.randperm(len(x), generator=torch.Generator().manual_seed(1))]
        for name, x in of.inputs.items()
    }
    first, second = of.values(), of.values(**moved)
    close = len(first) == len(second) and all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(first, second, strict=True)
    )
    require(close, f"the same samples in another order give {second} instead of {first}")


def computes_float32_in_float64(of: Measured) -> None:
    """Check that sums over thousands of samples do not lose half of float32's digits."""
    single = {name: x.float() for name, x in of.floats().items()}
    if single:
        found, exact = of.values(**single), of.values(**{n: x.double() for n, x in single.items()})
        require(found == exact, f"float32 inputs give {found}, the same numbers in float64 {exact}")


def refuses_what_is_not_finite(of: Measured) -> None:
    """Check for a ``ValueError`` that names the input, as of ``checks.finite_double``."""
    for name, x in of.floats().items():
        for value in (math.nan, math.inf, -math.inf):
            broken = x.clone()
            broken[len(x) // 2] = value
            message = value_error_of(lambda: of.values(**{name: broken}))  # noqa: B023
            require(
                name in (message or ""),
                f"{name} with {value} must raise a ValueError that names it, got"
                f" {'a number' if message is None else repr(message)}",
            )


def refuses_shapes_that_do_not_fit(of: Measured) -> None:
    """Check for a ``ValueError`` for features without samples, or of wrong shape or width."""
    features = {name: x for name, x in of.floats().items() if x.ndim == 2}
    for name, x in features.items():
        wrong = [x[..., None], x[:0]]
        if len(features) > 1:
            wrong.append(x[:, 1:])
        for each in wrong:
            message = value_error_of(lambda: of.values(**{name: each}))  # noqa: B023
            require(
                message is not None,
                f"{name} of shape {tuple(each.shape)} instead of {tuple(x.shape)} must raise a"
                " ValueError",
            )


def _numbers(found: Any) -> Iterator[float]:
    """Yield the numbers of a metric's result, flat."""
    if isinstance(found, tuple | list):
        for part in found:
            yield from _numbers(part)
    elif isinstance(found, float | int):
        yield float(found)
    else:
        raise AssertionError(f"it must return floats, alone, in a tuple or a list, got {found!r}")


CONTRACTS = (
    gives_finite_numbers,
    does_not_change_its_inputs,
    gives_the_same_each_time,
    needs_no_graph,
    takes_samples_in_any_order,
    computes_float32_in_float64,
    refuses_what_is_not_finite,
    refuses_shapes_that_do_not_fit,
)

"""What every metric has to fulfil; the functions of ``CONTRACTS`` tell it one by one."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gan_zoo.testing.contracts import UntouchedStream, hold, refuses, require


def check_metric(metric: Callable[..., Any], inputs: Mapping[str, Tensor] | None = None) -> None:
    """Hold a metric to what the metrics of ``gan_zoo.evaluation.metrics`` have in common.

    Finite numbers, the same each time, in whatever order the samples come; float32 computed in
    float64; the inputs and torch's global random stream left as they are; NaN or infinity refused
    by the name of the input, so that a broken generator never wins a comparison; sets of features
    that are no matrices, or of different widths, refused.

    Args:
        metric: to be called with the inputs by name; gives a number, or a sequence of numbers.
            Other arguments are bound with ``functools.partial``.
        inputs: name -> (N, d) floats, or (N,) integers; those of equal length are reordered
            together, as features and their labels are. None: ``real`` (60, 6) and ``fake`` (40, 6).

    Raises:
        AssertionError: naming the broken contract.
    """
    function = getattr(metric, "func", metric)
    name = getattr(function, "__name__", type(function).__name__)
    hold(name, Measured(metric, two_samples() if inputs is None else inputs), CONTRACTS)


@dataclass(frozen=True)
class Measured:
    """A metric and what it is tried on."""

    metric: Callable[..., Any]
    inputs: Mapping[str, Tensor]

    def values(self, **changed: Tensor) -> list[float]:
        """Its numbers, of the inputs with some replaced."""
        return list(_numbers(self.metric(**{**self.inputs, **changed})))

    def floats(self) -> dict[str, Tensor]:
        """The inputs that are no labels."""
        return {name: x for name, x in self.inputs.items() if x.is_floating_point()}


def two_samples() -> dict[str, Tensor]:
    """Features of 60 real and 40 fake samples, six each."""
    rng = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(n, 6, generator=rng, dtype=torch.float64) for n in (60, 40))
    return {"real": real, "fake": 1.5 * fake + 0.3}


def gives_finite_numbers(of: Measured) -> None:
    """Plain floats, alone, in a tuple or a list."""
    values = of.values()
    require(bool(values), "it gives no number")
    require(all(map(math.isfinite, values)), f"it gives {values}; allowed: finite numbers")


def gives_the_same_each_time(of: Measured) -> None:
    """And draws nothing from torch's global random stream."""
    stream = UntouchedStream()
    first, again = of.values(), of.values()
    require(stream.holds(), "it draws from torch's global random stream: pass a torch.Generator")
    require(first == again, f"it gives {first} and then {again} of the same samples")


def leaves_its_inputs_alone(of: Measured) -> None:
    """No sorting or centring in place."""
    copies = {name: x.clone() for name, x in of.inputs.items()}
    of.values()
    for name, copy in copies.items():
        require(torch.equal(copy, of.inputs[name]), f"it changes {name} in place")


def needs_no_graph(of: Measured) -> None:
    """Features that require a gradient are taken as numbers."""
    of.values(**{name: x.clone().requires_grad_() for name, x in of.floats().items()})


def takes_samples_in_any_order(of: Measured) -> None:
    """Files are not in random order, and a generator's batches neither."""
    moved = {
        name: x[torch.randperm(len(x), generator=torch.Generator().manual_seed(1))]
        for name, x in of.inputs.items()
    }
    told = "other numbers for the same samples in another order"
    _close(of.values(), of.values(**moved), told)


def computes_float32_in_float64(of: Measured) -> None:
    """Sums over thousands of samples lose half of float32's digits."""
    single = {name: x.float() for name, x in of.floats().items()}
    if single:
        found, exact = of.values(**single), of.values(**{n: x.double() for n, x in single.items()})
        require(found == exact, f"float32 inputs give {found}, the same in float64 {exact}")


def refuses_what_is_not_finite(of: Measured) -> None:
    """A ``ValueError`` that names the input, as ``metrics.checks.finite_double`` raises it."""
    for name, x in of.floats().items():
        for value in (math.nan, math.inf, -math.inf):
            broken = x.clone()
            broken[len(x) // 2] = value
            told = refuses(lambda: of.values(**{name: broken}))  # noqa: B023
            require(
                name in (told or ""),
                f"{name} with {value} is no ValueError that names it, but"
                f" {'a number' if told is None else repr(told)}",
            )


def refuses_shapes_that_do_not_fit(of: Measured) -> None:
    """Features of another width than the other set's, no matrix, no samples at all."""
    features = {name: x for name, x in of.floats().items() if x.ndim == 2}
    for name, x in features.items():
        wrong = {"no matrix": x[..., None], "no samples": x[:0]}
        if len(features) > 1:
            wrong["another width than the rest"] = x[:, 1:]
        for what, shape in wrong.items():
            told = refuses(lambda: of.values(**{name: shape}))  # noqa: B023
            require(told is not None, f"{name} of {what}, {tuple(shape.shape)}, is no ValueError")


def _numbers(found: Any) -> Iterator[float]:
    """The numbers of what a metric gives, flat."""
    if isinstance(found, Tensor):
        raise AssertionError(
            f"it gives a tensor of shape {tuple(found.shape)}; allowed: floats, in a tuple or list"
        )
    if isinstance(found, tuple | list):
        for part in found:
            yield from _numbers(part)
    elif isinstance(found, float | int):
        yield float(found)
    else:
        raise AssertionError(f"it gives {found!r}; allowed: floats, in a tuple or list")


def _close(first: list[float], second: list[float], told: str) -> None:
    close = len(first) == len(second) and all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(first, second, strict=True)
    )
    require(close, f"it gives {told}: {first} and {second}")


CONTRACTS = (
    gives_finite_numbers,
    leaves_its_inputs_alone,
    gives_the_same_each_time,
    needs_no_graph,
    takes_samples_in_any_order,
    computes_float32_in_float64,
    refuses_what_is_not_finite,
    refuses_shapes_that_do_not_fit,
)

"""How contracts are checked: an error names the first one that is broken."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch

Subject = TypeVar("Subject")


def check(name: str, subject: Subject, contracts: Iterable[Callable[[Subject], None]]) -> None:
    """Check a subject against contracts, one after the other.

    Args:
        name: of the subject, for the error.
        subject: the argument of every contract.
        contracts: functions that raise an error if the subject breaks them.

    Raises:
        AssertionError: names the first broken contract and why.
    """
    for contract in contracts:
        try:
            contract(subject)
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            title = contract.__name__.replace("_", " ")
            raise AssertionError(f"{name} breaks the contract '{title}': {kind}{error}") from error


def require(condition: bool, message: str) -> None:
    """Raise an error unless a condition holds; unlike a bare assert, under ``python -O`` too.

    Raises:
        AssertionError: it does not hold.
    """
    if not condition:
        raise AssertionError(message)


def value_error_of(call: Callable[[], object]) -> str | None:
    """Return the message of the ``ValueError`` that a call raises; None if it raises none."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return None


def name_of(make: Any) -> str:
    """Return the name of a function or class, or of the one that a partial wraps."""
    made = getattr(make, "func", make)
    return str(getattr(made, "__name__", type(made).__name__))


class GlobalStreamWatch:
    """Detects draws from torch's global random stream, or a new seed of it."""

    def __init__(self) -> None:
        self._before = torch.get_rng_state()

    def unchanged(self) -> bool:
        """Return whether the stream is in the same state as when this was made."""
        return torch.equal(self._before, torch.get_rng_state())

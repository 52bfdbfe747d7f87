"""How contracts are held: the first that is broken is told by its name."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch

Subject = TypeVar("Subject")


def hold(name: str, subject: Subject, contracts: Iterable[Callable[[Subject], None]]) -> None:
    """Hold a subject to contracts, one after the other.

    Args:
        name: of the subject, as it is told.
        subject: what every contract is called with.
        contracts: functions that raise what is wrong.

    Raises:
        AssertionError: naming the first broken contract and what is wrong.
    """
    for contract in contracts:
        try:
            contract(subject)
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            title = contract.__name__.replace("_", " ")
            raise AssertionError(f"{name} breaks the contract '{title}': {kind}{error}") from error


def require(holds: bool, told: str) -> None:
    """Raise what is told unless it holds; unlike a bare assert, under ``python -O`` too.

    Raises:
        AssertionError: it does not hold.
    """
    if not holds:
        raise AssertionError(told)


def refuses(call: Callable[[], object]) -> str | None:
    """The message of the ``ValueError`` that a call raises; None if it returns."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return None


class UntouchedStream:
    """Whether torch's global random stream stands where it stood when this was made."""

    def __init__(self) -> None:
        self._before = torch.get_rng_state()

    def holds(self) -> bool:
        """Nothing was drawn from it, and nobody has seeded it."""
        return torch.equal(self._before, torch.get_rng_state())

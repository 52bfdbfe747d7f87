"""Running out of memory: what was asked for, what there is, what to change."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GIB = 2**30
_ASKED = re.compile(r"to allocate ([\d.]+) ?(bytes|[KMGT]i?B)", re.IGNORECASE)
_SIGNS = ("can't allocate memory", "out of memory", "std::bad_alloc")
SMALLER = (
    "Choose smaller trainer.batch_size, trainer.generator_batch_size, widths of the model or"
    " evaluation.samples, or fewer runs at a time"
)


class OutOfMemory(RuntimeError):
    """Neither this process nor its device had as much memory as was asked for."""


@contextmanager
def shortage_explained(remedy: str = SMALLER) -> Iterator[None]:
    """Raise ``OutOfMemory`` in place of what torch, NumPy and Python raise then."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, OutOfMemory) or not _is_shortage(error):
            raise
        asked = _ASKED.search(str(error))
        amount = "" if asked is None else f": {asked[1]} {asked[2]} more were asked for"
        raise OutOfMemory(f"out of memory{amount}; {_there(error)}. {remedy}") from error


def _is_shortage(error: BaseException) -> bool:
    told = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in told for sign in _SIGNS)


def _there(error: BaseException) -> str:
    """What there is, on the device that ran short."""
    if type(error).__name__ == "OutOfMemoryError":  # torch's, which says it of its GPU
        found = re.search(r"GPU .*? is free", str(error), re.DOTALL)
        return "the GPU is full" if found is None else found[0]
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    parts = [f"this machine has {total / GIB:.1f} GiB"]
    with suppress(OSError, ValueError, IndexError):
        free = re.findall(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
        parts.append(f"{int(free[0]) / 2**20:.1f} GiB of them free")
    limit = _limit()
    if limit is not None and limit < total:
        parts.append(f"of which this process may use {limit / GIB:.1f} GiB")
    return ", ".join(parts)


def _limit() -> int | None:
    """The least that ``ulimit -v`` or the container allows, in bytes; None: no limit."""
    limits = []
    with suppress(ImportError):  # not everywhere
        import resource

        soft = resource.getrlimit(resource.RLIMIT_AS)[0]
        limits += [] if soft == resource.RLIM_INFINITY else [soft]
    with suppress(OSError, ValueError):
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits, default=None)

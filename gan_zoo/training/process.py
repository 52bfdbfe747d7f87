"""The process of a run: what it runs on, its memory allocator, and running out of memory.

Importing this module needs no torch.
"""

import ctypes
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import gan_zoo

if TYPE_CHECKING:
    import torch

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # of glibc's <malloc.h>
GIB = 2**30
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
_REQUESTED = re.compile(r"to allocate ([\d.]+) ?(bytes|[KMGT]i?B)", re.IGNORECASE)
_SIGNS = ("can't allocate memory", "out of memory", "std::bad_alloc")
SMALLER = (
    "Choose smaller trainer.batch_size, trainer.generator_batch_size, widths of the model or"
    " evaluation.samples, or fewer runs at a time"
)


class OutOfMemory(RuntimeError):
    """Raised when this process or its device has less memory than was requested."""


def describe(device: "torch.device") -> dict[str, object]:
    """Return versions, machine and code for the record; the commit is None outside a checkout."""
    import numpy
    import torch

    return {
        "gan_zoo": gan_zoo.__version__,
        "commit": commit(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": str(device),
        **_describe_gpu(device),
    }


def _describe_gpu(device: "torch.device") -> dict[str, object]:
    """Return the GPU's model and what its numbers depend on; None each on another device."""
    import torch

    names = ("device_name", "capability", "driver", "cuda", "cudnn", "deterministic")
    if device.type != "cuda":
        return dict.fromkeys(names)
    found = (
        torch.cuda.get_device_name(device),
        ".".join(map(str, torch.cuda.get_device_capability(device))),
        _driver(),
        torch.version.cuda,
        torch.backends.cudnn.version(),
        torch.backends.cudnn.deterministic,
    )
    return dict(zip(names, found, strict=True))


def _driver() -> str | None:
    """Return the version of NVIDIA's driver; None where Linux does not list it."""
    if not NVIDIA_DRIVER.exists():
        return None
    version = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)\s", NVIDIA_DRIVER.read_text())
    return version and version[1]


def cpu_name() -> str:
    """Return the processor's model name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def keep_freed_memory() -> bool:
    """Keep freed memory in the process, since each step allocates it again; return success.

    By default glibc maps and unmaps every tensor above 32 MB at most, and the kernel zeroes each of
    its pages on first touch: millions of page faults in a training run. Has no effect with other C
    libraries and systems.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 64 * 2**20))
    return all([libc.mallopt(*each) == 1 for each in settings])  # noqa: C419 (set every one)


@contextmanager
def shortage_explained(remedy: str = SMALLER) -> Iterator[None]:
    """Raise ``OutOfMemory`` in place of the errors of torch, NumPy and Python."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        message = str(error).lower()
        shortage = isinstance(error, MemoryError) or any(sign in message for sign in _SIGNS)
        if isinstance(error, OutOfMemory) or not shortage:
            raise
        requested = _REQUESTED.search(str(error))
        amount = f": {requested[1]} {requested[2]} more were requested" if requested else ""
        raise OutOfMemory(f"out of memory{amount}; {_available(error)}. {remedy}") from error


def _available(error: BaseException) -> str:
    """Describe the memory of the device that ran out of it."""
    if type(error).__name__ == "OutOfMemoryError":  # torch's, which describes its GPU
        found = re.search(r"GPU .*? is free", str(error), re.DOTALL)
        return "the GPU is full" if found is None else found[0]
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    parts = [f"this machine has {total / GIB:.1f} GiB"]
    with suppress(OSError, ValueError, IndexError):
        free = re.findall(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
        parts.append(f"{int(free[0]) / 2**20:.1f} GiB of it free")
    limit = _limit()
    if limit is not None and limit < total:
        parts.append(f"of which this process may use {limit / GIB:.1f} GiB")
    return ", ".join(parts)


def _limit() -> int | None:
    """Return the smaller limit of ``ulimit -v`` and the container, in bytes; None without one."""
    limits = []
    with suppress(ImportError):  # not on every system
        import resource

        soft = resource.getrlimit(resource.RLIMIT_AS)[0]
        limits += [] if soft == resource.RLIM_INFINITY else [soft]
    with suppress(OSError, ValueError):
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits, default=None)


def commit() -> str | None:
    """Return the commit of this checkout; None outside one."""
    folder = Path(__file__).parents[2]
    if not (folder / ".git").exists():
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None  # git is not installed, or the folder is not its repository

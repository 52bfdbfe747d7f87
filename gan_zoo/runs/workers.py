"""How the cores and GPUs of this machine are shared out among the workers of a sweep."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence

from gan_zoo.types import ConfigurationError


def workers_of(n_jobs: int, cores: int | None = None) -> int:
    """How many work at once: ``n_jobs``, or by joblib's rule as many as cores if it is -1.

    Raises:
        ConfigurationError: ``n_jobs`` is 0 or no whole number.

    >>> [workers_of(n_jobs, cores=8) for n_jobs in (3, -1, -2)]
    [3, 8, 7]
    """
    if type(n_jobs) is not int or n_jobs == 0:
        raise ConfigurationError(
            f"hydra.launcher.n_jobs is {n_jobs!r}; allowed: 1 or more, or -1: as many as cores,"
            " -2: one fewer, and so on"
        )
    return n_jobs if n_jobs > 0 else max(1, (cores or cores_here()) + 1 + n_jobs)


def threads_of_a_worker(n_jobs: int, cores: int | None = None) -> int:
    """Its share of the cores: threads beyond them wait for each other, ten times as long.

    Args:
        n_jobs: how many run at once; -1: as many as cores, -2: one fewer, and so on.
        cores: of the machine; None: those that this process may use.

    Raises:
        ConfigurationError: ``n_jobs`` is 0 or no whole number.
    """
    cores = cores or cores_here()
    return max(1, cores // workers_of(n_jobs, cores))


def cores_here() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """Return the GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them.

    They are those of that variable or, without it, of ``nvidia-smi -L``: a GPU that is divided by
    MIG counts as its parts. No torch is imported and no GPU started.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip() not in ("", "-1")]
    try:
        listing = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    found: list[str] = []
    for whole in re.split(r"^(?=GPU )", listing, flags=re.MULTILINE):
        parts = re.findall(r"UUID: (MIG-[^)\s]+)", whole)
        found += parts or re.findall(r"UUID: (GPU-[^)\s]+)", whole)
    return found


def takes_any_gpu(words: Sequence[str], device: str) -> bool:
    """Return whether a job takes whichever GPU it gets, as ``device=auto`` and ``cuda`` do.

    Args:
        words: its overrides.
        device: of the configuration.

    >>> takes_any_gpu(["device=cpu"], "auto"), takes_any_gpu(["seed=1"], "auto")
    (False, True)
    """
    given = [word.partition("=")[2] for word in words if word.startswith("device=")]
    return [device, *given][-1] in ("auto", "cuda")


def report_idle(gpus: int, busy: int, remedy: str) -> None:
    """Print how many GPUs a sweep leaves idle, and what to do, if it leaves any."""
    if gpus > busy:
        print(f"gan_zoo: {gpus - busy} of {gpus} GPUs stay idle: {remedy}", file=sys.stderr)

"""Devices: torch's global random streams, the arithmetic of products, and where to measure.

No other module sets these process-wide switches, so that a caller finds them as they were.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

WITHOUT_FLOAT64 = {"mps"}  # kinds of device; metrics are computed in float64


def measuring_device(device: torch.device) -> torch.device:
    """Return where samples of networks on ``device`` are measured: there, or on the CPU."""
    return torch.device("cpu") if device.type in WITHOUT_FLOAT64 else device


def synchronize(device: torch.device) -> None:
    """Wait until a device has done what it was given: what a clock read must follow."""
    if device.type != "cpu":
        torch.get_device_module(device).synchronize()


def get_global_streams(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's own random streams, on the CPU and on ``device``, by kind."""
    found = {"cpu": torch.get_rng_state()}
    if device.type == "mps":  # its functions take no device
        found["mps"] = torch.mps.get_rng_state()
    elif device.type != "cpu":
        found[device.type] = torch.get_device_module(device).get_rng_state(device)
    return found


def set_global_streams(state: dict[str, Tensor], device: torch.device) -> None:
    """Restore what ``get_global_streams`` returned."""
    torch.set_rng_state(state["cpu"])
    if device.type == "mps":
        torch.mps.set_rng_state(state["mps"])
    elif device.type != "cpu":
        torch.get_device_module(device).set_rng_state(state[device.type], device)


def seed_global_streams(seed: int, device: torch.device) -> None:
    """Seed torch's own random streams on the CPU and on ``device``, but on no other device."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type != "cpu":
        module = torch.get_device_module(device)
        getattr(module, "manual_seed", module.manual_seed_all)(seed)


@contextmanager
def kept_global_streams(device: torch.device | str = "cpu") -> Iterator[None]:
    """Restore torch's own random streams, on the CPU and on ``device``, after the block.

    ``torch.random.fork_rng`` without devices starts every GPU of the machine, and warns of it.
    """
    device = torch.device(device)
    state = get_global_streams(device)
    try:
        yield
    finally:
        set_global_streams(state, device)


@contextmanager
def float32_products(arithmetic: str, *, cpu: bool = False) -> Iterator[None]:
    """Set how CUDA multiplies float32 matrices and images, and restore it after the block.

    Args:
        arithmetic: ``ieee``, or ``tf32``, which rounds the factors to 11 significant bits. torch's
            own default is TF32 in convolutions and IEEE in matrix products.
        cpu: whether to set the CPU's arithmetic too.
    """
    backends: Any = torch.backends
    value: str | bool = arithmetic
    if hasattr(backends.cuda.matmul, "fp32_precision"):
        name = "fp32_precision"
        kinds = [backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn]
        kinds += [backends.mkldnn.matmul, backends.mkldnn.conv] if cpu else []
    else:  # torch before 2.9; the two interfaces must not be mixed
        name, value = "allow_tf32", arithmetic == "tf32"
        kinds = [backends.cuda.matmul, backends.cudnn]
    before = [getattr(kind, name) for kind in kinds]
    try:
        for kind in kinds:
            setattr(kind, name, value)
        yield
    finally:
        for kind, old in zip(kinds, before, strict=True):
            setattr(kind, name, old)


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Compute as every measurement does: IEEE float32 by cuDNN's deterministic algorithms.

    The ten fraction bits of TF32 would move FID in its third digit.
    """
    cudnn: Any = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    try:
        cudnn.deterministic, cudnn.benchmark = True, False
        with float32_products("ieee", cpu=True):
            yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


@contextmanager
def in_use(device: torch.device, *, deterministic: bool) -> Iterator[None]:
    """Compute a run on ``device``; restore torch's settings and random streams after the block.

    Args:
        device: becomes the current one if it is a GPU.
        deterministic: whether a GPU takes algorithms whose results do not depend on the order in
            which its threads finish; torch warns of operations that have none. A CPU is
            deterministic for a number of threads.
    """
    if device.type != "cuda":
        with kept_global_streams(device):
            yield
        return
    if deterministic:  # read when cuBLAS starts
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    cudnn: Any = torch.backends.cudnn
    memory: Any = torch.utils.deterministic
    before = cudnn.deterministic, cudnn.benchmark, memory.fill_uninitialized_memory
    mode = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    with torch.cuda.device(device), kept_global_streams(device):
        try:
            cudnn.deterministic, cudnn.benchmark = deterministic, False
            memory.fill_uninitialized_memory = False  # a kernel for every torch.empty
            torch.use_deterministic_algorithms(deterministic, warn_only=True)
            yield
        finally:
            torch.use_deterministic_algorithms(mode, warn_only=warn_only)
            cudnn.deterministic, cudnn.benchmark, memory.fill_uninitialized_memory = before

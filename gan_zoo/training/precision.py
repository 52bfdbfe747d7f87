"""Precision and memory format of the networks."""

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from gan_zoo.config.schema import TrainerSettings
from gan_zoo.data.devices import float32_products, kept_global_streams
from gan_zoo.runs.cache import cache_path, entry, keep, read_entry
from gan_zoo.training.process import cpu_name
from gan_zoo.types import ConfigurationError, Generator

# With fewer parameters in both networks, calls take most of the time, and bf16 adds some.
SMALL = 100_000
PROBE_SECONDS = 0.5
WORTHWHILE = 1.05  # bf16 rounds, so it must be faster by more than the noise of the measurement

CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Execution:
    """Precision and memory format; they change nothing but rounding."""

    precision: str  # fp32 (IEEE) | tf32 | bf16
    memory_format: str  # channels_last | contiguous

    def record(self) -> dict[str, object]:
        """Return the fields for the run's environment."""
        return asdict(self)


def choose(
    settings: TrainerSettings,
    device: torch.device,
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    twice_differentiated: bool = False,
) -> Execution:
    """Return what the settings ask for, or what is fastest on this device; fixed for a machine.

    ``precision=auto`` is fp32 unless the device multiplies bf16 natively (AVX512-BF16 or AMX, CUDA
    from Ampere on, which has TF32 too), both networks together have ``SMALL`` parameters or more,
    and a probe of the two finds bf16 or TF32 faster. The result is kept in the cache folder, and a
    resumed run keeps the precision it started with.
    ``memory_format=auto`` is channels_last on a CPU, torch's default elsewhere.

    Args:
        settings: of the trainer.
        device: where the networks live.
        generator, discriminator: the networks; not changed, nor are random streams.
        twice_differentiated: whether D's gradient is penalised.

    Raises:
        ConfigurationError: ``precision=tf32`` on another device than a GPU with TF32 units.
    """
    precision, memory_format = settings.precision, settings.memory_format
    if memory_format == "auto":
        memory_format = "channels_last" if device.type == "cpu" else "contiguous"
    if precision == "tf32" and not (device.type == "cuda" and multiplies_bf16(device)):
        raise ConfigurationError(
            f"trainer.precision=tf32 needs a CUDA GPU from Ampere on, but device is {device}:"
            " choose fp32 or auto"
        )
    if precision == "auto":
        networks = (generator, discriminator)
        parameters = sum(p.numel() for network in networks for p in network.parameters())
        precision = "fp32"
        if parameters >= SMALL and multiplies_bf16(device):
            precision = _probed(
                networks, settings.generator_batch_size, device, memory_format, twice_differentiated
            )
    return Execution(precision, memory_format)


def _probed(
    networks: tuple[nn.Module, nn.Module],
    count: int,
    device: torch.device,
    memory_format: str,
    twice_differentiated: bool,
) -> str:
    """Return the cached precision for such networks on such a machine, or measure it now.

    If another process has written a result meanwhile, use that: all runs of a sweep agree.
    """
    name = cpu_name() if device.type == "cpu" else torch.cuda.get_device_name(device)
    situation = {
        "device": name, "threads": torch.get_num_threads(), "torch": torch.__version__,
        "networks": [repr(network) for network in networks], "batch": count,
        "memory_format": memory_format, "twice_differentiated": twice_differentiated,
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(situation).encode()).hexdigest()[:16]
    path = cache_path("precision", f"{digest}.json")
    known = read_entry(path)
    if known is None:
        speedups = _speedups(networks, count, device, memory_format, twice_differentiated)
        known = read_entry(path)
    if known is None:
        fastest = max(speedups, key=lambda name: speedups[name])
        precision = fastest if speedups[fastest] > WORTHWHILE else "fp32"
        rounded = {name: round(speedup, 3) for name, speedup in speedups.items()}
        known = {"precision": precision, "speedups": rounded, **situation}
        keep(path, entry(known), "every run will measure again which precision is fastest")
    return str(known["precision"])


def _speedups(
    networks: tuple[nn.Module, nn.Module],
    count: int,
    device: torch.device,
    memory_format: str,
    twice_differentiated: bool,
) -> dict[str, float]:
    """Return how much faster others are than fp32: both passes of both networks, best of turns."""
    steps: dict[str, Callable[[], None]] = {}
    rng = torch.Generator(device).manual_seed(0)
    latent_dim = cast(Generator, networks[0]).latent_dim
    z = torch.randn(count, latent_dim, generator=rng, device=device)
    labels = torch.zeros(count, dtype=torch.int64, device=device)
    for precision in ("fp32", "bf16") if device.type == "cpu" else ("fp32", "tf32", "bf16"):
        generator, discriminator = copy.deepcopy(networks)
        execution = Execution(precision, memory_format)
        prepare(generator, execution, twice_differentiated=False)
        prepare(discriminator, execution, twice_differentiated=twice_differentiated)
        arithmetic = "tf32" if precision == "tf32" else "ieee"
        steps[precision] = partial(_both_passes, generator, discriminator, z, labels, arithmetic)
    best = dict.fromkeys(steps, math.inf)
    with kept_global_streams(device):  # for dropout
        for step in steps.values():
            step()  # to be warm
        end = time.perf_counter() + PROBE_SECONDS
        while math.inf in best.values() or time.perf_counter() < end:
            for precision, step in steps.items():
                start = time.perf_counter()
                step()
                best[precision] = min(best[precision], time.perf_counter() - start)
    return {name: best["fp32"] / time for name, time in best.items() if name != "fp32"}


def _both_passes(
    generator: nn.Module, discriminator: nn.Module, z: Tensor, labels: Tensor, arithmetic: str
) -> None:
    with float32_products(arithmetic):
        output = discriminator(generator(z, labels))
        (output.scores.sum() + output.class_logits.sum()).backward()
    output.scores.sum().item()  # waits for a device that computes on its own


def prepare(network: nn.Module, execution: Execution, *, twice_differentiated: bool) -> None:
    """Set a network's memory format and precision in place; its parameters stay in float32.

    In evaluation mode a network computes in float32, so that metrics depend on its weights alone.
    A critic whose gradient is penalised stays in float32: the penalty's gradient is a second
    derivative, which bf16 loses.
    """
    if execution.memory_format == "channels_last":
        network.to(memory_format=torch.channels_last)
    if execution.precision == "bf16" and not twice_differentiated:
        network.forward = partial(_in_bf16, network, network.forward)


def multiplies_bf16(device: torch.device) -> bool:
    """Return whether the device multiplies bf16 natively; others are slower than with fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and not _cpu_flags().isdisjoint({"avx512_bf16", "amx_bf16"})


def _cpu_flags() -> set[str]:
    if not CPU_INFO.exists():  # not Linux
        return set()
    lines = CPU_INFO.read_text().splitlines()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def _in_bf16(network: nn.Module, forward: Callable[..., Any], *inputs: Tensor) -> Any:
    """Compute products in bf16, the rest as autocast does; return outputs in float32."""
    if not network.training:
        return forward(*inputs)
    with torch.autocast(inputs[0].device.type, torch.bfloat16):
        output = forward(*inputs)
    if isinstance(output, Tensor):
        return output.float()
    return type(output)(*(tensor.float() for tensor in output))

"""How the networks' arithmetic is carried out: precision and memory format."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gan_zoo.settings import TrainerSettings

# From here on a network's time goes into multiplications, which 16-bit units halve; below, into
# passes over memory and calls, to which conversions only add.
WIDE = 1_000_000  # parameters of both networks

CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Execution:
    """What ``auto`` came to; none of it changes what is computed but for rounding."""

    precision: str  # fp32 | bf16
    memory_format: str  # channels_last | contiguous

    def record(self) -> dict[str, object]:
        """For the run's environment."""
        return asdict(self)


def choose(settings: TrainerSettings, device: torch.device, parameters: int) -> Execution:
    """Turn the settings into what this device does best; the same each time on a machine.

    ``precision=auto`` is bf16 where the device multiplies bf16 natively (AVX512-BF16 or AMX, CUDA
    from Ampere on) and both networks together have a million parameters or more, else fp32.
    ``memory_format=auto`` is channels_last on a CPU, torch's default elsewhere.

    Args:
        settings: what the user wants.
        device: where the networks live.
        parameters: how many both networks have.
    """
    precision, memory_format = settings.precision, settings.memory_format
    if precision == "auto":
        fast = parameters >= WIDE and multiplies_bf16(device)
        precision = "bf16" if fast else "fp32"
    if memory_format == "auto":
        memory_format = "channels_last" if device.type == "cpu" else "contiguous"
    return Execution(precision, memory_format)


def prepare(network: nn.Module, execution: Execution, *, twice_differentiated: bool) -> None:
    """Set a network up in place; its parameters, their names and the optimizer stay in float32.

    Only training is affected: in evaluation mode a network computes in float32, so that what is
    measured depends on its weights alone.  A critic whose gradient is penalised stays in float32:
    the penalty's gradient is a second derivative, which bf16 loses.
    """
    if execution.memory_format == "channels_last":
        network.to(memory_format=torch.channels_last)
    if execution.precision == "bf16" and not twice_differentiated:
        network.forward = partial(_in_bf16, network, network.forward)


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the device has units for bf16 products; others are slower with it than with fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and not _cpu_flags().isdisjoint({"avx512_bf16", "amx_bf16"})


def _cpu_flags() -> set[str]:
    if not CPU_INFO.exists():  # elsewhere than on Linux: none known
        return set()
    lines = CPU_INFO.read_text().splitlines()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def _in_bf16(network: nn.Module, forward: Callable[..., Any], *inputs: Tensor) -> Any:
    """Products in bf16, sums and what autocast calls sensitive in float32; outputs in float32."""
    if not network.training:
        return forward(*inputs)
    with torch.autocast(inputs[0].device.type, torch.bfloat16):
        output = forward(*inputs)
    if isinstance(output, Tensor):
        return output.float()
    return type(output)(*(tensor.float() for tensor in output))

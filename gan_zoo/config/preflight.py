"""Whether what a configuration builds can be trained here, found out before it is tried in earnest.

Networks are built on torch's meta device, which has shapes and no memory.
"""

import math
import os
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_zoo.config.schema import EvaluationSettings, TrainerSettings
from gan_zoo.types import AdversarialLoss, ConfigurationError, Dataset, Regularizer

COPIES = 4  # of each weight: itself, its gradient, and an optimizer's two moments
# Of torch's optimizers, from and to below; others say themselves what they need.
OPTIMIZER_RANGES = {
    "lr": (0.0, math.inf), "weight_decay": (0.0, math.inf), "eps": (0.0, math.inf),
    "betas": (0.0, 1.0), "momentum": (0.0, 1.0), "alpha": (0.0, 1.0),
}  # fmt: skip
_OURS = "gan_zoo."


def check_role(key: str, made: Any, role: type) -> None:
    """Check that an object has what a contract of ``interfaces`` asks for.

    Raises:
        ConfigurationError: naming what it lacks.
    """
    names = [name for name in vars(role) if not name.startswith("_")]
    missing = [name for name in names if not hasattr(made, name)]
    if missing:
        raise ConfigurationError(
            f"{key}._target_ makes a {type(made).__name__}, which has no {', '.join(missing)};"
            f" allowed: what gan_zoo.types.{role.__name__} describes"
        )


def check_objective(loss: AdversarialLoss, regularizer: Regularizer) -> None:
    """``check_role`` of both."""
    check_role("loss", loss, AdversarialLoss)
    check_role("regularizer", regularizer, Regularizer)


def check_sampler(key: str, sampler: Any, bound: int) -> None:
    """Draw two samples of latents or labels.

    Args:
        key: of the configuration.
        sampler: to be called with a count, ``bound`` and a generator.
        bound: size of z, or number of labels.

    Raises:
        ConfigurationError: it cannot be called so, or gives something else than tensors of two.
    """
    try:
        drawn = sampler(2, bound, torch.Generator().manual_seed(0))
    except Exception as error:
        raise refusal(key, error) from error
    if not isinstance(drawn, Tensor) or len(drawn) != 2:
        raise ConfigurationError(f"{key}._target_ gives {type(drawn).__name__}, not two samples")


def check_optimizer(key: str, make: Any) -> None:
    """Check an optimizer's options, and let it take a step on a weight of its own.

    Raises:
        ConfigurationError: an option out of its range, it cannot be made so, or it cannot take a
            step.
    """
    for name, value in getattr(make, "keywords", {}).items():
        least, below = OPTIMIZER_RANGES.get(name, (-math.inf, math.inf))
        for number in value if isinstance(value, list | tuple) else (value,):
            if isinstance(number, int | float) and not least <= number < below:
                upper = "or more" if below == math.inf else f"to below {below:g}"
                raise ConfigurationError(
                    f"{key}.{name} is {value!r}; allowed: {least:g} {upper}, which"
                    f" {getattr(make.func, '__name__', make.func)} needs"
                )
    weight = torch.zeros(2, 2, requires_grad=True)
    weight.grad = torch.zeros(2, 2)
    try:
        optimizer = make([weight])
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is no torch.optim.Optimizer")
        optimizer.step()
    except Exception as error:
        raise refusal(key, error) from error


def checked_network(
    key: str, make: Callable[..., nn.Module], needs: Iterable[str]
) -> Callable[..., nn.Module]:
    """The same factory of a network; what fails in it is told as a mistake at ``key``.

    Args:
        key: of the configuration.
        make: (image_shape=, num_classes=) -> network.
        needs: names that the network must have.
    """

    def checked(*, image_shape: tuple[int, ...], num_classes: int) -> nn.Module:
        try:
            network = make(image_shape=image_shape, num_classes=num_classes)
            missing = [name for name in needs if not hasattr(network, name)]
            if not isinstance(network, nn.Module) or missing:
                lack = f" without {', '.join(missing)}" if missing else ", which is no nn.Module"
                raise TypeError(f"it makes a {type(network).__name__}{lack}")
        except Exception as error:
            raise refusal(key, error) from error
        return network

    return checked


def check_sizes(
    dataset: Dataset,
    networks: dict[str, Any],
    trainer: TrainerSettings,
    evaluation: EvaluationSettings,
    device: torch.device,
) -> None:
    """Refuse batches larger than the data, and networks and banks larger than the memory.

    Only our networks are sized: those of others may need real numbers to be built. What a batch
    takes while it is in work is not counted: this is a lower bound.

    Raises:
        ConfigurationError: what is too large, how large, and how much there is.
    """
    most = len(dataset.train.labels)
    for name in ("batch_size", "generator_batch_size"):
        if getattr(trainer, name) > most:
            raise ConfigurationError(
                f"trainer.{name} is {getattr(trainer, name)}; allowed: 1 to {most}, the number of"
                " training images. Choose a smaller one or a larger data set"
            )
    shape = tuple(dataset.sample_shape)
    latent_dim = 1
    for key, make in networks.items():
        found = check_network(key, make, shape, dataset.num_classes, device)
        latent_dim = max(latent_dim, found)
    for name in ("samples", "final_samples", "loss_samples"):
        count = getattr(evaluation, name)
        needed = 4 * count * (latent_dim + math.prod(shape))
        _fits(f"evaluation.{name} is {count}", needed, device)


def check_network(
    key: str, make: Any, shape: tuple[int, ...], num_classes: int, device: torch.device
) -> int:
    """Refuse a network of ours that is larger than the memory; its latent_dim, 1 if it has none.

    Raises:
        ConfigurationError: how large it is, and how much there is.
    """
    if not _module_of(make).startswith(_OURS):
        return 1
    with torch.device("meta"):
        network = checked_network(key, make, ())(image_shape=shape, num_classes=num_classes)
    weights = sum(parameter.numel() for parameter in network.parameters())
    _fits(f"{key} has {weights} weights", COPIES * 4 * weights, device)
    return int(getattr(network, "latent_dim", 1))


def refusal(key: str, error: Exception) -> ConfigurationError:
    """An error of something that was built at ``key``, as one line about the configuration."""
    message = " ".join(str(error).split()) or "no reason given"
    kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
    return ConfigurationError(f"{key}: {kind}{message}")


def _fits(what: str, needed: int, device: torch.device) -> None:
    there = memory(device)
    if needed > there:
        raise ConfigurationError(
            f"{what}, which takes {needed / 1e9:.3g} GB at least; there are {there / 1e9:.3g} GB on"
            f" {device}: choose smaller ones"
        )


def memory(device: torch.device) -> int:
    """Bytes that the device has in all."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _module_of(make: Any) -> str:
    return str(getattr(getattr(make, "func", make), "__module__", ""))

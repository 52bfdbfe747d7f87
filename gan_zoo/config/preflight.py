"""Checks of what a configuration builds: contracts, memory, and combinations that cannot work.

Networks are built on PyTorch's meta device, which has shapes and no memory.
"""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import is_parametrized
from torch.optim import Optimizer
from torch.overrides import TorchFunctionMode

from gan_zoo.config.schema import EvaluationSettings, Range, TrainerSettings
from gan_zoo.models.discriminator import packing_of
from gan_zoo.types import AdversarialLoss, ConfigurationError, Dataset, Regularizer

COPIES = 4  # of each weight: itself, its gradient, and an optimizer's two moments
# Options of PyTorch's optimizers; others check theirs themselves.
OPTIMIZER_RANGES = {
    "lr": Range(0), "weight_decay": Range(0), "eps": Range(0), "betas": Range(0, 1, below=True),
    "momentum": Range(0, 1, below=True), "alpha": Range(0, 1, below=True),
}  # fmt: skip


def check_role(key: str, made: Any, role: type) -> None:
    """Check that an object has the attributes of a contract in ``gan_zoo.types``.

    Raises:
        ConfigurationError: naming what it lacks.
    """
    names = [name for name in vars(role) if not name.startswith("_")]
    missing = [name for name in names if not hasattr(made, name)]
    if missing:
        raise ConfigurationError(
            f"{key}._target_ must make a gan_zoo.types.{role.__name__}, got a"
            f" {type(made).__name__} without {', '.join(missing)}"
        )


def check_sampler(key: str, sampler: Any, bound: int) -> None:
    """Draw two samples of latents or labels.

    Args:
        key: of the configuration.
        sampler: called with a count, ``bound`` and a generator.
        bound: size of z, or number of labels.

    Raises:
        ConfigurationError: it cannot be called so, or does not return a tensor of two.
    """
    try:
        drawn = sampler(2, bound, torch.Generator().manual_seed(0))
    except Exception as error:
        raise refusal(key, error) from error
    if not isinstance(drawn, Tensor) or len(drawn) != 2:
        raise ConfigurationError(
            f"{key}._target_ must return a tensor of two samples, got {type(drawn).__name__}"
        )


def check_optimizer(key: str, make: Any) -> None:
    """Check an optimizer's options, and let it take a step on a weight.

    Raises:
        ConfigurationError: an option out of its range, or an optimizer that cannot be made or
            cannot take a step.
    """
    for name, value in getattr(make, "keywords", {}).items():
        rule = OPTIMIZER_RANGES.get(name)
        for number in value if isinstance(value, list | tuple) else (value,):
            if rule is not None and isinstance(number, int | float) and not rule.allows(number):
                raise ConfigurationError(f"{key}.{name} must be {rule}, got {value!r}")
    weight = torch.zeros(2, 2, requires_grad=True)
    weight.grad = torch.zeros(2, 2)
    try:
        optimizer = make([weight])
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"must be a torch.optim.Optimizer, got {type(optimizer).__name__}")
        optimizer.step()
    except Exception as error:
        raise refusal(key, error) from error


def checked_network(
    key: str, make: Callable[..., nn.Module], needs: Iterable[str]
) -> Callable[..., nn.Module]:
    """Return the same factory of a network; what fails in it is raised as an error at ``key``.

    Args:
        key: of the configuration.
        make: (image_shape=, num_classes=) -> network.
        needs: attributes that the network must have.
    """

    def checked(*, image_shape: tuple[int, ...], num_classes: int) -> nn.Module:
        try:
            network = make(image_shape=image_shape, num_classes=num_classes)
            missing = [name for name in needs if not hasattr(network, name)]
            if not isinstance(network, nn.Module) or missing:
                lack = f" without {', '.join(missing)}" if missing else ", not an nn.Module"
                raise TypeError(f"makes a {type(network).__name__}{lack}")
        except Exception as error:
            raise refusal(key, error) from error
        return network

    return checked


def refusal(key: str, error: Exception) -> ConfigurationError:
    """Return an error of something built at ``key`` as one line about the configuration."""
    kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
    return ConfigurationError(f"{key}: {kind}{' '.join(str(error).split()) or 'no reason given'}")


def check_sizes(
    dataset: Dataset,
    networks: dict[str, Any],
    trainer: TrainerSettings,
    evaluation: EvaluationSettings,
    device: torch.device,
) -> None:
    """Refuse batches larger than the data, and networks and samples larger than the memory.

    Only our networks are measured: others may need real numbers to be built. Activations are not
    counted, so this is a lower bound.

    Raises:
        ConfigurationError: what is too large, its size, and the memory available.
    """
    most = len(dataset.train.labels)
    for name in ("batch_size", "generator_batch_size"):
        size = getattr(trainer, name)
        if size > most:
            raise ConfigurationError(
                f"trainer.{name} must be from 1 to {most}, the number of training images, got"
                f" {size}: choose a smaller one or a larger data set"
            )
    shape = tuple(dataset.sample_shape)
    latent_dim = 1
    for key, make in networks.items():
        found = check_network(key, make, shape, dataset.num_classes, device)
        latent_dim = max(latent_dim, found)
    for name in ("samples", "final_samples", "loss_samples"):
        count = getattr(evaluation, name)
        needed = 4 * count * (latent_dim + math.prod(shape))
        _check_memory(f"evaluation.{name} is {count}", needed, device)


class _Unfilled(TorchFunctionMode):
    """Leave weights without values: torch would import its compiler, which takes a second."""

    def __torch_function__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call any function but those that draw values."""
        if function.__name__ in ("normal_", "uniform_"):
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def check_network(
    key: str, make: Any, shape: tuple[int, ...], num_classes: int, device: torch.device
) -> int:
    """Refuse a network of ours that exceeds the memory; return its latent_dim, 1 without one.

    Raises:
        ConfigurationError: its size, and the memory available.
    """
    if not str(getattr(getattr(make, "func", make), "__module__", "")).startswith("gan_zoo."):
        return 1
    with torch.device("meta"), _Unfilled():
        network = checked_network(key, make, ())(image_shape=shape, num_classes=num_classes)
    weights = sum(parameter.numel() for parameter in network.parameters())
    _check_memory(f"{key} has {weights} weights", COPIES * 4 * weights, device)
    return int(getattr(network, "latent_dim", 1))


def _check_memory(what: str, needed: int, device: torch.device) -> None:
    available = memory(device)
    if needed > available:
        raise ConfigurationError(
            f"{what} and needs at least {needed / 1e9:.3g} GB, but {device} has"
            f" {available / 1e9:.3g} GB: choose a smaller value"
        )


def memory(device: torch.device) -> int:
    """Return a GPU's free memory, which others may share, or the machine's total, in bytes."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def check_motion(
    dataset: Dataset, settings: TrainerSettings, evaluation: EvaluationSettings
) -> None:
    """Refuse an animation of what cannot be drawn, or of weights that are not kept.

    Raises:
        ValueError: samples that are not points in one or two dimensions; weights that are removed.
    """
    if not evaluation.motion:
        return
    shape = tuple(dataset.sample_shape)
    if shape not in ((1,), (2,)):
        raise ValueError(
            f"evaluation.motion draws points in one or two dimensions, but samples of"
            f" {dataset.name} have shape {shape}: use evaluation.motion=false"
        )
    if settings.keep_checkpoints is not None:
        raise ValueError(
            "evaluation.motion needs the weights of all epochs, but trainer.keep_checkpoints is"
            f" {settings.keep_checkpoints}: use trainer.keep_checkpoints=null"
        )


def incompatibilities(
    loss: AdversarialLoss, regularizer: Regularizer, discriminator: nn.Module
) -> list[str]:
    """Return a warning for each combination that does not do what its name promises.

    All of these train, so they are not errors: it must be possible to show why a method needs its
    parts by leaving one out.
    """
    spectral = _has_spectral_norm(discriminator)
    penalised, clipped = regularizer.penalises_gradients, regularizer.constrains_weights
    found = []
    if loss.needs_lipschitz and not (penalised or clipped or spectral):
        found.append(
            "this loss has no lower bound unless something bounds the critic's slope, and nothing"
            " does: scores will grow without end. Use regularizer=weight_clip,"
            " regularizer=gradient_penalty or model.discriminator.norm=spectral"
        )
    if penalised and clipped:
        found.append(
            "weight clipping and a gradient penalty work against each other: inside the box of"
            " clipped weights the penalty's target slope may be out of reach. Use one of them"
        )
    if clipped and spectral:
        found.append(
            "spectral normalisation divides the scale of each weight out again, so that clipping"
            " bounds nothing. Use regularizer=none or model.discriminator.norm=none"
        )
    return found


def refuse_batch_norm(regularizer: Regularizer, discriminator: nn.Module) -> None:
    """Refuse a gradient penalty on a discriminator with batch norm.

    The penalty bounds the gradient of each score with respect to its own sample; batch norm makes
    every score depend on the whole batch (Gulrajani et al. 2017, arXiv 1704.00028, section 4).

    Raises:
        ConfigurationError: naming the batch norm layers.
    """
    names = [name for name, layer in discriminator.named_modules() if isinstance(layer, _BatchNorm)]
    if regularizer.penalises_gradients and names:
        raise ConfigurationError(
            "a gradient penalty needs each score to depend on its own sample alone, but batch norm"
            f" ({', '.join(names)}) mixes the samples of a batch: use"
            " model.discriminator.norm=layer, none or spectral, or regularizer=none"
        )


def refuse_randomness(regularizer: Regularizer, discriminator: nn.Module) -> None:
    """Refuse a penalty of finite differences on a discriminator with dropout or instance noise.

    Both passes draw masks or noise of their own, of which the difference of their scores would be.

    Raises:
        ValueError: naming the dropout layers, or the noise.
    """
    names = [
        name
        for name, module in discriminator.named_modules()
        if "Dropout" in type(module).__name__ and getattr(module, "p", 0) > 0
    ]
    parts: Sequence[Regularizer] = getattr(regularizer, "parts", [regularizer])
    differences = any(p.penalises_gradients and not p.differentiates_twice for p in parts)
    if differences and getattr(discriminator, "instance_noise", 0) > 0:
        raise ValueError(
            "a penalty of finite differences needs D to be the same function in both passes, but"
            " instance noise is drawn for each: use model.discriminator.instance_noise=0, or a"
            " penalty of exact gradients such as regularizer=r1"
        )
    if differences and names:
        raise ValueError(
            "a penalty of finite differences needs D to be the same function in both passes, but"
            f" dropout ({', '.join(names)}) draws other masks: use model.discriminator.dropout=0,"
            " or a penalty of exact gradients such as regularizer=r1"
        )


def check_packing(
    settings: TrainerSettings, regularizer: Regularizer, discriminator: nn.Module
) -> None:
    """Refuse what does not work with a discriminator that scores several samples together.

    Raises:
        ValueError: a batch that does not consist of whole packs, which would mix real and fake
            samples; or a penalty of exact gradients, whose per-sample norm is not that of a pack.
    """
    packing = packing_of(discriminator)
    for name in ("batch_size", "generator_batch_size"):
        size = getattr(settings, name)
        if size % packing:
            raise ValueError(
                f"trainer.{name} is {size}; allowed: a multiple of model.discriminator.packing ="
                f" {packing}, so that no pack has both real and fake samples"
            )
    if packing > 1 and regularizer.differentiates_twice:
        raise ValueError(
            "a gradient penalty needs each score to depend on its own sample alone, but"
            f" model.discriminator.packing = {packing} scores samples together: use"
            " model.discriminator.packing=1, regularizer=none, or a penalty of finite differences"
            " such as regularizer=approx_r1, which is then that of packs"
        )


def too_short(settings: TrainerSettings, updates: int) -> list[str]:
    """Return a warning if the run ends before the first update of G.

    Args:
        settings: of the trainer.
        updates: planned updates of D in all.
    """
    if settings.n_critic <= updates:
        return []
    return [
        f"the generator is never trained: trainer.n_critic is {settings.n_critic}, so its first"
        f" update follows {settings.n_critic} of the discriminator, and this run has {updates}."
        f" Use trainer.n_critic={updates} or less, more trainer.epochs, or a larger"
        " trainer.max_steps"
    ]


def _has_spectral_norm(network: nn.Module) -> bool:
    """Return whether any weight is divided by its largest singular value, by any library."""
    return any(
        type(part).__name__.endswith("SpectralNorm")
        for module in network.modules()
        if is_parametrized(module)
        for part in module.modules()
    )

"""Combinations that defeat a method, told before training: what, why, and what to do."""

from collections.abc import Sequence

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import is_parametrized

from gan_zoo.config.schema import TrainerSettings
from gan_zoo.models.packing import packing_of
from gan_zoo.types import AdversarialLoss, Regularizer


def incompatibilities(
    loss: AdversarialLoss, regularizer: Regularizer, discriminator: nn.Module
) -> list[str]:
    """One sentence for each combination that does not do what its name promises; often none.

    All of these train, so they are warnings: whoever wants to show why a method needs its parts
    must be able to leave one out.
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
        ValueError: naming the batch norm layers.
    """
    names = _batch_norms(discriminator)
    if regularizer.penalises_gradients and names:
        raise ValueError(
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
        updates: of D that are planned in all.
    """
    if settings.n_critic <= updates:
        return []
    return [
        f"the generator is never trained: trainer.n_critic is {settings.n_critic}, so its first"
        f" update follows {settings.n_critic} of the discriminator, and this run has {updates}."
        f" Use trainer.n_critic={updates} or less, more trainer.epochs, or a larger"
        " trainer.max_steps"
    ]


def _batch_norms(network: nn.Module) -> list[str]:
    return [name for name, module in network.named_modules() if isinstance(module, _BatchNorm)]


def _has_spectral_norm(network: nn.Module) -> bool:
    """Whether any weight is divided by its largest singular value, torch's way or another's."""
    return any(
        type(part).__name__.endswith("SpectralNorm")
        for module in network.modules()
        if is_parametrized(module)
        for part in module.modules()
    )

"""gan_zoo: one AC-GAN, every adversarial objective, one trainer, an honest comparison."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan_zoo.cli.api import Run, make_trainer, train
    from gan_zoo.training.trainer import Trainer

__version__ = "0.2.0"
__all__ = ["Run", "Trainer", "__version__", "make_trainer", "train"]

_HOMES = {
    "Run": "gan_zoo.cli.api", "make_trainer": "gan_zoo.cli.api", "train": "gan_zoo.cli.api",
    "Trainer": "gan_zoo.training.trainer",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what ``__all__`` names on first use, so that ``import gan_zoo`` needs no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gan_zoo' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

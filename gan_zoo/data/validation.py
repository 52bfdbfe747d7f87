"""What a data set of anyone's must be, told before any training."""

import torch
from torch import Tensor

from gan_zoo.types import Dataset, Split


def check_dataset(dataset: Dataset) -> None:
    """Check types, shapes and labels of all three parts.

    Raises:
        ValueError: what is wrong with which part, and what is allowed.
    """
    if dataset.num_classes < 1:
        raise ValueError(f"data: num_classes is {dataset.num_classes}; allowed: 1 or more")
    for name in ("train", "validation", "test"):
        split: Split = getattr(dataset, name)
        _check_images(f"data: the images of {name}", split.images)
        if split.images.shape[1:] != dataset.sample_shape or (
            split.images.dtype != dataset.train.images.dtype
        ):
            raise ValueError(
                f"data: the images of {name} have shape {tuple(split.images.shape[1:])} and type"
                f" {split.images.dtype}; allowed: {tuple(dataset.sample_shape)} and"
                f" {dataset.train.images.dtype}, those of train"
            )
        _check_labels(f"data: the labels of {name}", split, dataset.num_classes)


def _check_images(what: str, images: Tensor) -> None:
    kind = (images.ndim, images.dtype)
    if kind not in ((4, torch.uint8), (2, torch.float32)):
        raise ValueError(
            f"{what} have shape {tuple(images.shape)} and type {images.dtype}; allowed: bytes"
            " (N, C, H, W) from 0 to 255 as torch.uint8, or points (N, D) as torch.float32"
        )
    if images.numel() == 0:
        raise ValueError(f"{what} have shape {tuple(images.shape)}; allowed: one sample or more")
    if images.dtype == torch.uint8 and int(images.max()) == 1:
        raise ValueError(
            f"{what} are bytes of 0 and 1 alone, which would be black; allowed: bytes from 0 to"
            " 255. Multiply them by 255"
        )
    if images.dtype == torch.float32 and not bool(images.isfinite().all()):
        raise ValueError(f"{what} hold NaN or infinity; allowed: finite points")


def _check_labels(what: str, split: Split, num_classes: int) -> None:
    labels = split.labels
    if labels.dtype != torch.int64 or labels.shape != split.images.shape[:1]:
        raise ValueError(
            f"{what} have shape {tuple(labels.shape)} and type {labels.dtype}; allowed:"
            f" ({len(split.images)},), one for each image, and torch.int64"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"{what} go from {low} to {high}; allowed: 0 to {num_classes - 1}, as there are"
            f" {num_classes} classes"
        )

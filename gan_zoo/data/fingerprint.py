"""What a record says of the data it was trained on."""

import hashlib

from torch import Tensor

from gan_zoo.types import Dataset


def dataset_fingerprint(dataset: Dataset) -> dict[str, str | int | list[int]]:
    """Name, classes, sample shape, sizes, and a sha256 over types, shapes and bytes of all parts.

    The order of samples counts. About 0.1 s for MNIST's 55 MB.
    """
    digest = hashlib.sha256()
    for split in (dataset.train, dataset.validation, dataset.test):
        _update(digest, split.images)
        _update(digest, split.labels)
    return {
        "name": dataset.name,
        "num_classes": dataset.num_classes,
        "sample_shape": list(dataset.sample_shape),
        "train": len(dataset.train.labels),
        "validation": len(dataset.validation.labels),
        "test": len(dataset.test.labels),
        "sha256": digest.hexdigest(),
    }


def _update(digest: "hashlib._Hash", tensor: Tensor) -> None:
    digest.update(f"{tensor.dtype} {tuple(tensor.shape)};".encode())
    digest.update(tensor.cpu().contiguous().numpy().data)

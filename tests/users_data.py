"""Data sets as users bring them: small parts of MNIST with one property that asks for care."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from gan_zoo.data.mnist import load_mnist
from gan_zoo.types import Dataset, Split


def mine(kind: str) -> Dataset:
    """Return 200 training, 50 validation and 100 test digits, balanced but for what ``kind`` says.

    The name of the data set is not a shipped one's, so that a feature network is trained for it.
    """
    source = load_mnist()
    train, validation = _balanced(source.train, 200, 0), _balanced(source.train, 50, 200)
    test = _balanced(source.test, 100, 0)
    return _KINDS[kind](Dataset("mine", 10, train, validation, test))


def config_dir(folder: Path, kind: str) -> Path:
    """Return a folder of configurations in which ``data=mine`` is ``mine(kind)``."""
    (folder / "data").mkdir(parents=True)
    text = f"_target_: tests.users_data.mine\nkind: {kind}\n"
    (folder / "data/mine.yaml").write_text(text)
    return folder


def _balanced(split: Split, count: int, first: int) -> Split:
    """So many samples, class after class in turn, from the given one on."""
    start, each = first // 10, count // 10
    places = [(split.labels == k).nonzero().flatten()[start : start + each] for k in range(10)]
    chosen = torch.stack(places, 1).flatten()
    return Split(split.images[chosen], split.labels[chosen])


def _where(split: Split, mask: Tensor) -> Split:
    return Split(split.images[mask], split.labels[mask])


def _first(split: Split, count: int) -> Split:
    return Split(split.images[:count], split.labels[:count])


def _one_of_class_3(split: Split) -> Split:
    kept = split.labels != 3
    kept[int((~kept).nonzero()[0])] = True
    return _where(split, kept)


def _half_in(test: Split, train: Split) -> Split:
    return Split(*(torch.cat([a[:50], b[50:100]]) for a, b in zip(test, train, strict=True)))


def _images(data: Dataset, change: Callable[[Tensor], Tensor]) -> Dataset:
    def changed(split: Split) -> Split:
        return Split(change(split.images), split.labels)

    return data._replace(
        train=changed(data.train), validation=changed(data.validation), test=changed(data.test)
    )


def _one_class(data: Dataset) -> Dataset:
    parts = (Split(part.images, part.labels * 0) for part in data[2:])
    return Dataset(data.name, 1, *parts)


def _padded(images: Tensor) -> Tensor:
    return torch.nn.functional.pad(images, (2, 2, 2, 2))


_KINDS: dict[str, Callable[[Dataset], Dataset]] = {
    "ordinary": lambda d: d,
    "class absent from test": lambda d: d._replace(test=_where(d.test, d.test.labels != 3)),
    "class absent from training": lambda d: d._replace(train=_where(d.train, d.train.labels != 3)),
    "one test image in a class": lambda d: d._replace(test=_one_of_class_3(d.test)),
    "five test images": lambda d: d._replace(test=_first(d.test, 5)),
    "one test image": lambda d: d._replace(test=_first(d.test, 1)),
    "half of test in training": lambda d: d._replace(test=_half_in(d.test, d.train)),
    "two channels": lambda d: _images(d, lambda images: images.repeat(1, 2, 1, 1)),
    "four channels": lambda d: _images(d, lambda images: images.repeat(1, 4, 1, 1)),
    "not square": lambda d: _images(d, lambda images: images[..., 2:26].contiguous()),
    "one class": _one_class,
    "sixty training images": lambda d: d._replace(train=_first(d.train, 60)),
    "other images named mnist": lambda d: _images(d, _padded)._replace(name="mnist"),
}

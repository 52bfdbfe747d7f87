"""Anyone's samples: every layout means the same images, and what is wrong is told."""

import numpy as np
import pytest
import torch
from PIL import Image

from gan_zoo.evaluation.files import read_samples

BYTES = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])
EXPECTED = torch.from_numpy(BYTES / 127.5 - 1).float()[:, None]


@pytest.mark.parametrize(
    "images",
    [
        BYTES, BYTES[:, None], BYTES[..., None], BYTES / 255, BYTES / 127.5 - 1,
        (BYTES / 255).astype(np.float32)[:, None],
    ],
    ids=["bytes", "first", "last", "unit", "signed", "float32"],
)  # fmt: skip
def test_every_layout_and_range_is_understood(tmp_path, images):
    np.savez(tmp_path / "a.npz", images=images, labels=LABELS)
    found, labels = read_samples(tmp_path / "a.npz")
    torch.testing.assert_close(found, EXPECTED, atol=1e-6, rtol=0)
    assert labels.tolist() == LABELS.tolist()


def test_labels_may_be_missing(tmp_path):
    np.savez(tmp_path / "a.npz", images=BYTES)
    assert read_samples(tmp_path / "a.npz")[1] is None


def test_pngs_in_a_folder_and_in_folders_of_classes(tmp_path):
    for number, (image, label) in enumerate(zip(BYTES, LABELS, strict=True)):
        for folder in (tmp_path / "flat", tmp_path / "classes" / str(label)):
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{number}.png")
    found, labels = read_samples(tmp_path / "flat")
    assert labels is None
    torch.testing.assert_close(found, EXPECTED, atol=1e-6, rtol=0)
    found, labels = read_samples(tmp_path / "classes")
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    torch.testing.assert_close(found, EXPECTED[[0, 3, 1, 4, 2, 5]], atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"pictures": BYTES}, "no array 'images'"),
        ({"images": BYTES, "labels": LABELS[:3]}, "labels have shape"),
        ({"images": BYTES, "labels": LABELS / 2}, "labels have shape"),
        ({"images": BYTES[0]}, "have shape"),
        ({"images": BYTES.astype(np.float64)}, r"\[0, 1\] or"),
        ({"images": np.full((2, 28, 28), np.nan)}, "finite floats"),
        ({"images": np.array([{}], dtype=object)}, "cannot be read"),
    ],
)
def test_what_cannot_be_measured_is_refused(tmp_path, arrays, told):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=told):
        read_samples(tmp_path / "a.npz")


def test_damaged_and_missing_files_are_told(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 half")
    with pytest.raises(ValueError, match="cannot be read"):
        read_samples(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"allowed: a .npz file"):
        read_samples(tmp_path / "nothing")
    with pytest.raises(ValueError, match="holds no PNG"):
        read_samples(tmp_path)

"""Anyone's samples: every layout means the same images, and what is wrong is reported."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.utils import save_image

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
        ({"images": BYTES, "labels": LABELS[:3]}, "labels must be one whole number"),
        ({"images": BYTES, "labels": LABELS / 2}, "labels must be one whole number"),
        ({"images": BYTES[0]}, "images must have shape"),
        ({"images": BYTES.astype(np.float64)}, r"\[0, 1\] or \[-1, 1\], got float64 from 0 to 255"),
        ({"images": BYTES[:0]}, "at least one image"),
        ({"images": BYTES > 99}, "got bool.*convert"),
        ({"images": BYTES // 128}, "got only 0 and 1.*multiply them by 255"),
        ({"images": np.full((2, 28, 28), np.nan)}, "finite floats"),
        ({"images": np.array([{}], dtype=object)}, "cannot read"),
    ],
)
def test_what_cannot_be_measured_is_refused(tmp_path, arrays, told):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=told):
        read_samples(tmp_path / "a.npz")


def test_damaged_and_missing_files_are_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 half")
    with pytest.raises(ValueError, match="cannot read"):
        read_samples(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="no such file or folder"):
        read_samples(tmp_path / "nothing")
    with pytest.raises(ValueError, match="must hold PNGs"):
        read_samples(tmp_path)


def test_black_images_are_black(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros_like(BYTES))
    assert (read_samples(tmp_path / "a.npz")[0] == -1).all()


GREY = Image.fromarray(BYTES[0])
PALETTE = GREY.convert("P")


@pytest.mark.parametrize(
    "picture",
    [
        GREY, GREY.convert("RGB"), GREY.convert("RGBA"), GREY.convert("LA"), PALETTE,
        Image.fromarray(BYTES[0].astype(np.uint16) * 257),
    ],
    ids=["L", "RGB", "RGBA", "LA", "P", "16 bits"],
)  # fmt: skip
def test_grey_is_read_from_every_kind_of_png(tmp_path, picture):
    picture.save(tmp_path / "0.png")
    GREY.save(tmp_path / "1.png")  # kinds may be mixed
    found, _ = read_samples(tmp_path)
    torch.testing.assert_close(found, EXPECTED[[0, 0]], atol=1e-6, rtol=0)


def test_torchvision_s_grey_files_are_grey(tmp_path):
    for number, image in enumerate(EXPECTED):
        save_image(image.add(1).div(2), tmp_path / f"{number}.png")
    torch.testing.assert_close(read_samples(tmp_path)[0], EXPECTED, atol=1e-6, rtol=0)


def test_one_bit_is_black_and_white_and_colours_stay(tmp_path):
    (tmp_path / "bits").mkdir()
    GREY.convert("1", dither=Image.Dither.NONE).save(tmp_path / "bits/0.png")
    found, _ = read_samples(tmp_path / "bits")
    torch.testing.assert_close(found[0, 0], torch.from_numpy((BYTES[0] > 127) * 2.0 - 1).float())
    colours = np.stack([BYTES[0], BYTES[1], BYTES[2]], -1)
    (tmp_path / "colours").mkdir()
    Image.fromarray(colours).save(tmp_path / "colours/0.png")
    found, _ = read_samples(tmp_path / "colours")
    torch.testing.assert_close(found, EXPECTED[:3].reshape(1, 3, 28, 28), atol=1e-6, rtol=0)


def test_transparent_pixels_and_other_sizes_are_refused_with_a_remedy(tmp_path):
    see_through = GREY.convert("RGBA")
    see_through.putalpha(7)
    see_through.save(tmp_path / "0.png")
    with pytest.raises(ValueError, match=r"0.png: .*transparent pixels.*save it without"):
        read_samples(tmp_path)
    GREY.save(tmp_path / "0.png")
    GREY.resize((32, 30)).save(tmp_path / "1.png")
    with pytest.raises(ValueError, match=r"got .*\(28, 28\) and \(30, 32\): resize"):
        read_samples(tmp_path)


@pytest.mark.parametrize("folders", [("cat", "dog"), ("0", "dog"), ("0", "")])
def test_labels_that_cannot_be_read_cause_a_warning(tmp_path, capsys, folders):
    for number, folder in enumerate(folders):
        (tmp_path / folder).mkdir(exist_ok=True)
        GREY.save(tmp_path / folder / f"{number}.png")
    assert read_samples(tmp_path)[1] is None
    told = capsys.readouterr().err
    assert "has no labels, so metrics that need them are left out" in told
    assert "name the subfolder of each class by its number" in told

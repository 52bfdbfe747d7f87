"""Images and points that users bring as files, from the default command line on."""

import json
import pickle
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gan_zoo
from gan_zoo.data.dataset import dataset_fingerprint
from gan_zoo.data.folder import load_folder
from gan_zoo.data.npz import load_medmnist, load_npz
from gan_zoo.data.points_csv import load_csv
from gan_zoo.testing import check_data
from gan_zoo.training.checkpoint import load_state
from gan_zoo.types import ConfigurationError

LABELS = np.arange(42) % 3


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "cache"))


def bytes_of(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_image(path, array):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def write_folder(root, classes=("a", "b"), count=7, shape=(8, 8, 3)):
    """Images whose first pixel is the number of their class."""
    for number, name in enumerate(classes):
        for place in range(count):
            pixels = bytes_of(*shape, seed=100 * number + place)
            pixels[0, 0] = number
            write_image(Path(root, name, f"{place}.png"), pixels)


def first_pixels(split):
    return split.images[:, 0, 0, 0].tolist()


def sizes(dataset):
    return [len(part.labels) for part in (dataset.train, dataset.validation, dataset.test)]


def test_a_folder_is_split_class_by_class_whatever_the_order_of_files(capsys):
    names = ("9", "10", "Ω", "é")  # sorted by code points, as any locale has them
    write_folder("mine", names)
    write_image("mine/.ipynb_checkpoints/x.png", bytes_of(3, 3))
    Path("mine/Thumbs.db").touch()
    found = load_folder("mine")
    assert sizes(found) == [20, 4, 4]
    assert (found.name, found.num_classes, tuple(found.sample_shape)) == (
        "folder_mine",
        4,
        (3, 8, 8),
    )
    order = [sorted(names).index(name) for name in names]
    for part in (found.train, found.validation, found.test):
        assert [order[pixel] for pixel in first_pixels(part)] == part.labels.tolist()
        assert set(part.labels.tolist()) == {0, 1, 2, 3}
    assert found.train.labels.tolist() != sorted(found.train.labels.tolist())
    every = torch.cat([found.train.images, found.validation.images, found.test.images])
    assert len(every.unique(dim=0)) == 28
    assert "number of classes: 4 (0 = 10, 1 = 9, 2 = é, 3 = Ω)" in capsys.readouterr().err
    check_data(lambda: load_folder("mine"))


def test_the_parts_of_a_folder_are_kept():
    write_folder("mine/train", count=6)
    write_folder("mine/Test", count=2)
    assert sizes(load_folder("mine")) == [10, 2, 4]
    write_folder("mine/val", count=3)
    assert sizes(load_folder("mine")) == [12, 6, 4]
    write_folder("vehicles", ("train", "car"))
    assert sizes(load_folder("vehicles")) == [10, 2, 2]


def test_images_are_resized_greyed_padded_and_put_on_a_background():
    write_folder("odd", shape=(10, 6, 3))
    assert tuple(load_folder("odd").sample_shape) == (3, 10, 6)
    padded = load_folder("odd", pad=True)
    assert tuple(padded.sample_shape) == (3, 12, 8)
    assert torch.equal(padded.train.images[:, :, 0, 1:7], padded.train.images[:, :, 1, 1:7])
    write_image("odd/b/wide.png", np.full((10, 30, 3), (255, 0, 0), np.uint8))
    small = load_folder("odd", size=4, grey=True)
    assert tuple(small.sample_shape) == (1, 4, 4)
    # red is 0.299 of white; the image of one colour stays one
    assert any((image == 76).all() for part in small[2:5] for image in part.images)
    write_folder("clear", ("a",), shape=(8, 8))
    Image.new("RGBA", (8, 8), (9, 9, 9, 0)).save("clear/a/alpha.png")
    Image.fromarray(np.full((8, 8), 0x8080, np.uint16)).save("clear/a/wide.png")
    Image.new("P", (8, 8)).save("clear/a/palette.gif")
    found = load_folder("clear", background="white")
    assert tuple(found.sample_shape) == (1, 8, 8)  # all channels are equal
    flat = [int(i.max()) for part in found[2:5] for i in part.images if i.max() == i.min()]
    assert sorted(flat) == [0, 0x80, 255]
    with pytest.raises(ValueError, match=r"alpha\.png .*add data\.background=white"):
        load_folder("clear")


def _no_image():
    write_folder("mine")
    Path("mine/a/x.png").write_text("hello")


def _cut_off():
    write_folder("mine")
    path = Path("mine/a/0.png")
    path.write_bytes(path.read_bytes()[:90])


def _sizes():
    write_folder("mine")
    write_image("mine/b/z.png", bytes_of(9, 7))


def _real_numbers():
    write_folder("mine")
    Image.fromarray(np.ones((8, 8), np.float32)).save("mine/a/x.tif")


def _empty_class():
    write_folder("mine")
    Path("mine/c").mkdir()


def _beside():
    write_folder("mine")
    write_image("mine/x.png", bytes_of(8, 8))


BAD_FOLDERS = [
    (_no_image, r"cannot read mine/a/x\.png as an image .*Replace or remove the file"),
    (_cut_off, r"cannot read mine/a/0\.png as an image"),
    (
        _sizes,
        r"got 8x8 \(mine/a/0\.png\) and 9x7 \(mine/b/z\.png\) pixels: resize .* data\.size=32",
    ),
    (_real_numbers, r"x\.tif .*save it with 8 bits"),
    (_empty_class, r"mine/c has no image .*: add some, or remove the folder"),
    (_beside, r"both folders of classes .* and images .*: move each image"),
    (lambda: write_folder("mine", count=2), r"at least 3 training samples.*'a' has 2, 'b' has 2"),
    (lambda: write_folder("mine/test"), "one of each of train, validation .*, got test: rename"),
    (lambda: [write_folder(f"mine/{n}") for n in ("train", "test", "x")], "move the others away"),
    (
        lambda: [write_folder("mine/train"), write_folder("mine/test", ("a", "c"))],
        "'c' has 0: add some, or remove the class from the other parts",
    ),
    (lambda: Path("mine").mkdir(), r"mine has no folder of images: give as data\.root"),
    (lambda: Path("mine").touch(), r"data\.root must be a folder, got the file mine"),
    (lambda: None, r"there is no /.*/mine"),
]


@pytest.mark.parametrize(("make", "message"), BAD_FOLDERS)
def test_a_folder_that_cannot_be_used_is_refused_with_the_remedy(make, message):
    make()
    with pytest.raises(ValueError, match=message):
        load_folder("mine")


@pytest.mark.parametrize(
    "names",
    [("train_images", "train_labels"), ("x_train", "y_train"), ("images", "labels"), ("X", "y")],
)
def test_arrays_of_a_npz_are_found_by_the_usual_names(names):
    images = bytes_of(42, 8, 8, 3)
    np.savez("mine.npz", **dict(zip(names, (images, LABELS[:, None] + 1), strict=True)))
    found = load_npz("mine.npz")
    assert sizes(found) == [30, 6, 6]
    assert (found.name, found.num_classes, tuple(found.sample_shape)) == ("npz_mine", 3, (3, 8, 8))
    of = {image.tobytes(): label for image, label in zip(images, LABELS, strict=True)}
    for part in found[2:5]:
        for image, label in zip(part.images, part.labels, strict=True):
            assert of[image.permute(1, 2, 0).contiguous().numpy().tobytes()] == label


def test_parts_of_a_npz_are_kept():
    parts = {f"{p}_images": bytes_of(42, 8, 8) for p in ("train", "val", "test")}
    labels = {f"{p}_labels": LABELS for p in ("train", "val", "test")}
    np.savez("mine.npz", **parts, **labels)
    assert sizes(load_npz("mine.npz")) == [42, 42, 42]


@pytest.mark.parametrize("change", [
    lambda i: i / 255, lambda i: i / np.float32(127.5) - 1, lambda i: i.astype(np.int64),
    lambda i: i.astype(float),
])  # fmt: skip
def test_numbers_of_any_usual_range_become_the_same_bytes(change):
    images = bytes_of(42, 8, 8)
    np.savez("mine.npz", images=images, labels=LABELS)
    expected = dataset_fingerprint(load_npz("mine.npz"))
    np.savez("mine.npz", images=change(images), labels=LABELS)
    assert dataset_fingerprint(load_npz("mine.npz")) == expected


IMAGES = bytes_of(42, 8, 8)
BAD_ARRAYS = [
    ({"images": IMAGES * 4.0, "labels": LABELS}, r"got numbers from 0 to 1020: rescale"),
    ({"images": np.where(IMAGES > 9, np.nan, 1), "labels": LABELS}, "got numbers from nan"),
    ({"images": IMAGES * 1j}, "got complex128: convert"),
    ({"images": IMAGES, "labels": LABELS - 1}, r"labels must be whole numbers from 0, got -1 to 1"),
    ({"images": IMAGES, "labels": LABELS / 4}, r"whole numbers from 0, got 0 to 0\.5"),
    ({"images": IMAGES, "labels": np.eye(3)[LABELS]}, r"got \(42, 3\): .*argmax\(1\) of one-hot"),
    ({"images": IMAGES, "labels": np.arange(42)}, "'9' has 1 and 32 more: .*labels are classes"),
    ({"images": IMAGES, "labels": LABELS[:9]}, r"one label for each of 42 images.*got \(9,\)"),
    ({"images": IMAGES.reshape(42, 64)}, "transpose or reshape"),
    ({"images": IMAGES[:0]}, "at least one image"),
    ({"pictures": IMAGES}, r"named train_images, x_train, images, x, .* are pictures: rename"),
    ({"images": IMAGES, "labels": np.array(["a", 1] * 21, object)}, "numbers, as numpy.savez"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS)
def test_arrays_that_cannot_be_used_are_refused_with_the_remedy(arrays, message):
    np.savez("mine.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_npz("mine.npz")


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("unpickled"),)


def test_a_pickle_in_a_npz_is_not_loaded_and_a_large_one_not_read(monkeypatch):
    Path("a.npz").write_bytes(pickle.dumps(Evil()))
    with zipfile.ZipFile("b.npz", "w") as archive:
        archive.writestr("images.npy", pickle.dumps(Evil()))
    for path in ("a.npz", "b.npz"):
        with pytest.raises(ValueError, match="plain array"):
            load_npz(path)
    assert not Path("unpickled").exists()
    np.savez_compressed("zeros.npz", images=np.zeros((42, 99, 99), np.uint8))
    monkeypatch.setattr("gan_zoo.data.npz.MAX_BYTES", 2**16)
    with pytest.raises(ValueError, match="it may hold at most 65536 bytes"):
        load_npz("zeros.npz")


def test_medmnist_s_files_need_no_package_and_missing_ones_are_downloaded_by_it(monkeypatch):
    monkeypatch.setenv("HOME", str(Path.cwd()))
    monkeypatch.setitem(sys.modules, "medmnist", None)
    with pytest.raises(
        ValueError, match=r"bloodmnist\.npz from medmnist\.com .*gan-zoo\[medmnist\]"
    ):
        load_medmnist("bloodmnist")

    def download(split, download, root):
        np.savez(f"{root}/bloodmnist.npz", train_images=IMAGES, train_labels=LABELS)

    package = types.ModuleType("medmnist")
    package.INFO, package.BloodMNIST = {"bloodmnist": {"python_class": "BloodMNIST"}}, download
    monkeypatch.setitem(sys.modules, "medmnist", package)
    with pytest.raises(ValueError, match=r"must be one of bloodmnist, got 'boodmnist'"):
        load_medmnist("boodmnist")
    assert load_medmnist("bloodmnist").name == "npz_bloodmnist"
    monkeypatch.setitem(sys.modules, "medmnist", None)
    assert sizes(load_medmnist("bloodmnist")) == [30, 6, 6]


ROWS = "".join(f"{n / 10},{-n},{'ab'[n % 2]}\n" for n in range(14))


@pytest.mark.parametrize(
    "text", [ROWS, "x,y,label\n" + ROWS, "\ufeffx, y, label\r\n\r\n" + ROWS.replace("\n", "\r\n")]
)
def test_points_are_read_with_their_labels(text):
    Path("mine.csv").write_bytes(text.encode())
    found = load_csv("mine.csv")
    assert (found.name, found.num_classes, sizes(found)) == ("csv_mine", 2, [10, 2, 2])
    for part in found[2:5]:
        assert ((-part.images[:, 1]).long() % 2).tolist() == part.labels.tolist()
        torch.testing.assert_close(part.images[:, 0] * -10, part.images[:, 1])


def test_points_far_from_zero_are_pointed_out_and_standardised(capsys):
    Path("mine.csv").write_text("".join(f"{1000 + n},7\n" for n in range(14)))
    assert load_csv("mine.csv").num_classes == 1
    assert "use data.standardise=true" in capsys.readouterr().err
    found = load_csv("mine.csv", standardise=True)
    x, y = torch.cat([part.images for part in found[2:5]]).double().unbind(1)
    assert (abs(float(x.mean())), float(x.std(correction=0))) == pytest.approx((0, 1), abs=1e-6)
    assert y.tolist() == [0] * 14
    assert "standardise" not in capsys.readouterr().err


@pytest.mark.parametrize(("text", "message"), [
    (ROWS + "nan,1,a\n", r"line 15: the first two columns must be finite numbers.* got 'nan'"),
    (ROWS + "1,inf,a\n", "got 'inf': correct or remove"),
    (ROWS + "1,,a\n", "line 15: .*got ''"),
    (ROWS + "1,2,\n", "the label is empty: add it"),
    (ROWS + "1,2,-1\n", "a word or a whole number from 0, got '-1': number the classes"),
    (ROWS + "1,2\n", "line 15: every line must have the same columns"),
    (ROWS.replace(",", ";"), "separated by commas"),
    ("1,2,3,4\n" * 9, "got 4 columns"),
    ("x,y\n", "has no points"),
    ("é,y\n".encode("latin1") + ROWS.encode(), "it must be a CSV file in UTF-8"),
])  # fmt: skip
def test_a_csv_that_cannot_be_used_is_refused_with_line_and_remedy(text, message):
    Path("mine.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message):
        load_csv("mine.csv")


def test_what_is_not_given_is_named_before_anything_is_trained():
    for words, message in (
        (["data=folder"], r"data\.root must be .* not given: add data\.root=PATH"),
        (["data=npz"], r"add data\.path=PATH"),
        (["data=csv", "data.path=no.csv"], r"there is no /.*/no\.csv"),
        (["data=medmnist"], "such as bloodmnist, got None"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            gan_zoo.train(words, folder="run")


TINY = [
    "trainer.epochs=2", "trainer.max_steps=2", "trainer.batch_size=8", "evaluation.samples=20",
    "trainer.generator_batch_size=8", "evaluation.final_samples=30", "evaluation.loss_samples=20",
    "evaluation.reference_scores=false", "evaluation.metrics=[fid]", "device=cpu",
    "trainer.lr_decay=0",  # so that epochs can be added
]  # fmt: skip


def test_the_default_recipe_trains_on_a_folder_and_resumes_only_on_the_same_data(
    monkeypatch, capfd
):
    monkeypatch.setattr("gan_zoo.evaluation.features.train.EPOCHS", 1)
    write_folder("mine", count=21, shape=(18, 18, 3))
    words = ["data=folder", "data.root=mine", *TINY]
    with pytest.raises(
        ConfigurationError, match=r"multiples of 4, got .*\(3, 18, 18\).*data\.pad=true"
    ):
        gan_zoo.train(words, folder="run")
    done = gan_zoo.train([*words, "data.pad=true"], folder="run")
    assert done.record.status == "finished"
    assert "fid_folder_minecnn_test_30" in done.record.metrics
    assert done.record.dataset == dataset_fingerprint(load_folder("mine", pad=True))
    more = [*words, "data.pad=true", "trainer.epochs=3"]
    write_image("mine/a/new.png", bytes_of(18, 18, 3, seed=5))
    with pytest.raises(ConfigurationError, match=r"folder_mine has changed since .* resume=never"):
        gan_zoo.train(more, folder="run")
    assert "not resumed: " in Path("run/run.log").read_text().splitlines()[-1]
    assert json.loads(Path("run/record.json").read_text())["status"] == "finished"
    assert load_state(Path("run")) is not None
    from gan_zoo.cli.evaluate import main as evaluate

    capfd.readouterr()
    evaluate(["run", "samples=20", "metrics=fid", "reference_scores=false"])
    assert "folder_mine has changed since the run was trained" in capfd.readouterr().err
    Path("mine/a/new.png").unlink()
    assert gan_zoo.train(more, folder="run").record.progress["epochs"] == 3

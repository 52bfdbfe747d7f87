"""Samples are the generator's, reproducible by seed; no record is trusted, no file overwritten."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from gan_zoo.cli.sample import main, parse_labels
from gan_zoo.models.acgan import Generator
from gan_zoo.models.affine import AffineGenerator
from gan_zoo.models.mlp import Generator as Mlp
from gan_zoo.runs.record import RunRecord, read_record, write_record
from gan_zoo.runs.weights import save_weights, weight_path

ACGAN = partial(Generator, latent_dim=10, width=0.03)
FILES = ["grid.png", "interpolation.png", "samples.npz"]


def make_run(folder, factory=ACGAN, shape=(1, 8, 8), classes=3, status="finished", **more):
    """A run's folder as sampling needs it, with fresh weights; the generator."""
    torch.manual_seed(0)
    generator = factory(image_shape=shape, num_classes=classes).eval()
    save_weights(folder, "generator", generator, 2)
    function = factory.func if isinstance(factory, partial) else factory
    options = factory.keywords if isinstance(factory, partial) else {}
    target = {"_target_": f"{function.__module__}.{function.__name__}", "_partial_": True}
    record = RunRecord(
        "abc", "bce", 0, status,
        config={"model": {"generator": {**target, **options}},
                "latents": {"_target_": "gan_zoo.models.latents.Uniform"}},
        dataset={"num_classes": classes, "sample_shape": list(shape)},
        artifacts={"generator": weight_path(folder, "generator", 2).relative_to(folder).as_posix()},
        **more,
    )  # fmt: skip
    write_record(folder, record)
    return generator


def drawn(folder):
    with np.load(folder / "samples.npz") as archive:
        return {name: archive[name] for name in archive.files}


def pixels(path):
    return np.asarray(Image.open(path)).astype(float)


@pytest.fixture
def folder(tmp_path):
    make_run(tmp_path / "run")
    return tmp_path / "run"


def test_the_npz_holds_what_the_generator_makes_of_its_latents(tmp_path):
    generator = make_run(tmp_path)
    main([str(tmp_path), "labels=2,0", "n=4", f"out={tmp_path}/out"])
    found = drawn(tmp_path / "out")
    assert found["labels"].tolist() == [2] * 4 + [0] * 4
    assert found["latents"].shape == (8, 10)
    with torch.no_grad():
        made = generator(torch.from_numpy(found["latents"]), torch.from_numpy(found["labels"]))
    assert np.array_equal(found["images"], made.numpy())
    assert np.abs(found["latents"]).max() < 1  # of the run's own distribution, U(-1, 1)
    assert np.unique(found["latents"]).size == 80


def test_the_grid_shows_those_images_row_by_label(folder):
    main([str(folder), "labels=0,2", "n=5", f"out={folder}/out"])
    images = drawn(folder / "out")["images"].reshape(2, 5, 8, 8)
    grid = pixels(folder / "out/grid.png")
    assert grid.shape == (16, 40)
    for row in range(2):
        for column in range(5):
            tile = grid[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            assert np.abs(tile - (images[row, column] + 1) * 127.5).max() <= 0.5001


def test_the_interpolation_is_a_straight_line_between_latents(tmp_path):
    """G(z) = mu + sigma z, so that its pixels are on a line when its latents are."""
    factory = partial(AffineGenerator, mu=0.1, sigma=0.5)
    make_run(tmp_path, factory)
    main([str(tmp_path), f"out={tmp_path}/out"])
    strip = pixels(tmp_path / "out/interpolation.png").reshape(3, 8, 10, 8)
    steps = np.diff(strip, axis=2)
    whole = strip[:, :, -1:] - strip[:, :, :1]
    assert np.abs(whole).max() > 30
    assert np.abs(steps - whole / 9).max() <= 1.1  # rounding to whole grey levels, twice


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(folder):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        main([str(folder), f"seed={seed}", f"out={folder}/{name}"])
    for name in FILES:
        contents = [(folder / where / name).read_bytes() for where in "abc"]
        assert contents[0] == contents[1] != contents[2]


def test_a_label_has_its_own_latents_whatever_else_is_drawn(folder):
    main([str(folder), "labels=0-2", f"out={folder}/all"])
    main([str(folder), "labels=2", f"out={folder}/one"])
    everything, one = drawn(folder / "all"), drawn(folder / "one")
    assert np.array_equal(everything["latents"][20:], one["latents"])
    assert np.allclose(everything["images"][20:], one["images"], atol=1e-6)


def test_points_are_scattered(tmp_path):
    make_run(tmp_path, partial(Mlp, latent_dim=2, hidden=[4]), shape=(2,), classes=1)
    main([str(tmp_path), "n=30", f"out={tmp_path}/out"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"grid.png", "samples.npz"}
    assert drawn(tmp_path / "out")["images"].shape == (30, 2)
    assert pixels(tmp_path / "out/grid.png").shape[0] > 400


def test_files_are_overwritten_only_on_request(folder, capsys):
    main([str(folder)])
    message = capsys.readouterr().out.splitlines()
    assert message == [f"gan_zoo: written: {folder}/sampled/seed-0/{name}" for name in FILES]
    before = (folder / "sampled/seed-0/grid.png").read_bytes()
    with pytest.raises(SystemExit, match=r"seed-0/grid.png already exists: .*overwrite=true"):
        main([str(folder), "n=4"])
    assert (folder / "sampled/seed-0/grid.png").read_bytes() == before
    main([str(folder), "n=4", "overwrite=true"])
    assert (folder / "sampled/seed-0/grid.png").read_bytes() != before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["labels=3"], r"labels must be numbers from 0 to 2 and ranges.* got '3'"),
        (["labels=2-1"], "got '2-1'"),
        (["labels=1,,2"], "got ''"),
        (["labels=-1"], "got '-1'"),
        (["labels=two"], "got 'two'"),
        (["labels=0-2,1"], r"must name each label once, got 1 twice"),
        (["n=0"], r"n must be at least 1, got 0"),
        (["n=50000"], r"n must be at most 33333 for 3 labels \(100000 samples in all\), got 50000"),
        (["seed=-1"], r"seed must be from 0 to .*, got -1"),
        (["sed=1"], r"Did you mean seed=…\?"),
        (
            ["checkpoint=7"],
            r"epoch_007.safetensors does not exist; epochs of generator that do: 002",
        ),
        (["checkpoint=best"], r"has no generator_best"),
        (
            ["network=discriminator"],
            r"network must be auto, generator or generator_ema, got 'discriminator'",
        ),
    ],
)
def test_a_mistake_is_reported_and_nothing_written(folder, words, message):
    with pytest.raises(SystemExit, match=message):
        main([str(folder), *words])
    assert not (folder / "sampled").exists()


def test_labels_keep_their_order():
    assert parse_labels("5, 1-3", 6) == [5, 1, 2, 3]


def test_a_folder_without_a_run_is_reported(tmp_path):
    with pytest.raises(SystemExit, match=r"is not the folder of a run: it has no record\.json"):
        main([str(tmp_path)])


def test_a_diverged_run_is_reported_and_sampled(tmp_path, capsys):
    error = {"kind": "DivergenceError", "message": "step 9: score_real is nan"}
    make_run(tmp_path, status="diverged", error=error)
    main([str(tmp_path)])
    message = capsys.readouterr().err
    assert "the run diverged (step 9: score_real is nan); loading the weights in" in message
    assert "params_generator_epoch_002.safetensors" in message


def test_a_run_without_weights_is_reported(tmp_path):
    make_run(tmp_path, status="diverged")
    record = read_record(tmp_path)
    record.artifacts = {}
    write_record(tmp_path, record)
    with pytest.raises(SystemExit, match="has no weights: the run diverged before its first epoch"):
        main([str(tmp_path)])


def test_damaged_weights_are_reported(folder):
    (path,) = (folder / "checkpoints").glob("*.safetensors")
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(SystemExit, match="is damaged"):
        main([str(folder)])


def test_weights_that_make_nan_are_reported(tmp_path):
    generator = make_run(tmp_path)
    with torch.no_grad():
        generator.conv3.bias.fill_(torch.nan)
    save_weights(tmp_path, "generator", generator, 2)
    with pytest.raises(SystemExit, match="samples contain NaN"):
        main([str(tmp_path)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"model": {"generator": {"_target_": "os.system"}}}}, "is not gan_zoo's"),
        ({"config": []}, "config holds list, not an object"),
        ({"config": {}}, "model"),
        ({"artifacts": {"generator": "../../elsewhere"}}, "lies outside the run's folder"),
        ({"artifacts": 3}, "artifacts is 3, not an object"),
        ({"dataset": {"num_classes": 3}}, "sample_shape is None"),
        ({"dataset": {"num_classes": 0, "sample_shape": [1, 8, 8]}}, "num_classes is 0"),
        ({"dataset": {"num_classes": 4, "sample_shape": [1, 8, 8]}}, "weights of another network"),
        (
            {"dataset": {"num_classes": 3, "sample_shape": [1, 10**6, 10**6]}},
            "weights and needs at least .* GB",
        ),
    ],
)
def test_a_record_is_not_trusted(folder, change, message):
    record = read_record(folder)
    for name, value in change.items():
        setattr(record, name, value)
    if isinstance(record.artifacts, dict):
        write_record(folder, record)
    else:  # such a one this version does not write
        record.artifacts, kept = {}, record.artifacts
        write_record(folder, record)
        content = json.loads((folder / "record.json").read_text())
        content["artifacts"], content["schema_version"] = kept, 1
        content.pop("seal")
        (folder / "record.json").write_text(json.dumps(content))
    with pytest.raises(SystemExit, match=message):
        main([str(folder)])
    assert not (folder / "sampled").exists()

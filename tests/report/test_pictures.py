import base64
import io

import numpy as np
import pytest
from PIL import Image

from gan_zoo.report import pictures
from gan_zoo.report.classes import confusions, per_class
from gan_zoo.report.pictures import animation_name, sample_strips


@pytest.mark.parametrize(
    "path", ["../../secret.png", "/etc/passwd", "missing.png", "a\0b", ".", "x" * 5000, "link.png"]
)
def test_artifacts_outside_the_run_are_not_read(tmp_path, write_run, compared, path):
    (tmp_path / "secret.png").write_bytes(b"not for the page")
    folder = write_run(tmp_path / "s" / "0", artifacts={"grid": path})
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (run,) = compared(tmp_path / "s").collection.runs
    assert pictures.artifact_path(run, "grid") is None


def test_an_artifact_inside_is(tmp_path, write_run, compared, grey):
    folder = write_run(tmp_path / "0", grids={1: grey})
    (run,) = compared(tmp_path).collection.runs
    assert pictures.artifact_path(run, "grid") == folder / "samples/plot_epoch_001_generated.png"


@pytest.mark.parametrize(
    "content", [b"", b"<svg onload='alert(1)'/>", b"\x89PNG\r\n\x1a\n" + b"\0" * 50]
)
def test_files_that_are_not_pictures_are_left_out(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    assert pictures.read_picture(tmp_path / "x.png") is None


def test_half_a_picture_is_left_out(tmp_path, grey):
    Image.fromarray(grey).save(tmp_path / "x.png")
    (tmp_path / "x.png").write_bytes((tmp_path / "x.png").read_bytes()[:-400])
    assert pictures.read_picture(tmp_path / "x.png") is None


def test_enormous_pictures_are_left_out_undecoded(tmp_path):
    Image.new("1", (8000, 8000)).save(tmp_path / "x.png")
    assert pictures.read_picture(tmp_path / "x.png") is None


def test_epochs_are_spread_with_both_ends(tmp_path, write_run, compared, grey):
    write_run(tmp_path / "0", grids=dict.fromkeys(range(1, 31), grey[:8, :8]))
    (run,) = compared(tmp_path).collection.runs
    found = [epoch for epoch, _ in pictures.epoch_grids(run, 5)]
    assert found[0] == 1
    assert found[-1] == 30
    assert len(found) == 5
    assert set(np.diff(found)) <= {7, 8}  # 29 epochs in four steps


def test_frames_of_the_first_finished_run(tmp_path, write_run, compared, grey):
    grids = {1: grey, 2: 255 - grey, 3: grey.T}
    write_run(tmp_path / "0", seed=0, status="diverged", grids={1: grey})
    write_run(tmp_path / "1", seed=1, grids=grids)
    write_run(tmp_path / "2", seed=2, grids=grids)
    found = sample_strips(compared(tmp_path).variants)
    assert [(s.seed, s.epochs) for s in found.strips] == [(0, (1,)), (1, (1, 2, 3)), (2, (3,))]
    assert sorted(found.animations) == ["00_bce_seed1.webp", "00_bce_seed2.webp"]
    with Image.open(io.BytesIO(found.animations["00_bce_seed1.webp"])) as moving:
        assert moving.n_frames == 3


def test_damaged_grids_are_left_out(tmp_path, write_run, compared, grey):
    folder = write_run(tmp_path / "0", grids={1: grey, 2: grey.T})
    (folder / "samples" / "plot_epoch_002_generated.png").write_bytes(b"no")
    (strip,) = sample_strips(compared(tmp_path).variants).strips
    assert strip.epochs == (1,)


def test_file_names_of_animations_are_safe(tmp_path, write_run, compared, hostile):
    write_run(tmp_path / "0", f"../{hostile}", 7)
    (variant,) = compared(tmp_path).variants
    name = animation_name(variant, variant.runs[0])
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.=-")
    assert "/" not in name
    assert name.startswith("00_")
    assert name.endswith("_seed7.webp")


def test_per_class_numbers_are_means_over_seeds(tmp_path, write_run, compared):
    for seed in range(2):
        folder = write_run(tmp_path / str(seed), seed=seed, artifacts={"per_class": "c.csv"})
        (folder / "c.csv").write_text(
            f"class,fid_m_test_1k,recall_m_test_1k\n0,{seed},{seed}\n1,1{seed},\n"
        )
    found = per_class(compared(tmp_path).variants)
    assert found == {
        "fid_m_test_1k": {0: {"0": 0.5, "1": 10.5}},
        "recall_m_test_1k": {0: {"0": 0.5}},
    }


def test_confusion_is_a_mean_of_shares(tmp_path, write_run, compared):
    for seed, text in enumerate(("label,0,1\n0,3,1\n1,0,4\n", "label,0,1\n0,1,1\n1,2,2\n")):
        folder = write_run(tmp_path / str(seed), seed=seed, artifacts={"confusion_matrix": "m.csv"})
        (folder / "m.csv").write_text(text)
    (found,) = confusions(compared(tmp_path).variants)
    np.testing.assert_allclose(found.shares, [[0.625, 0.375], [0.25, 0.75]])
    assert found.seeds == 2


@pytest.mark.parametrize("text", ["", "a,b\nx,y\n", "0,1\n0,0\n1,1\n", "0,1\n-1,2\n", "\0\0"])
def test_odd_confusion_files_are_left_out(tmp_path, write_run, compared, text):
    folder = write_run(tmp_path / "0", artifacts={"confusion_matrix": "m.csv"})
    (folder / "m.csv").write_text(text)
    assert confusions(compared(tmp_path).variants) == []


def test_an_animation_stays_one_unless_it_is_large(tmp_path, write_run, compared, monkeypatch):
    artifacts = {"motion": "motion.webp", "motion_strip": "motion_strip.webp"}
    folder = write_run(tmp_path / "0", artifacts=artifacts)
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "motion.webp", save_all=True, append_images=frames[1:], duration=100)
    frames[0].save(folder / "motion_strip.webp")

    def shown():
        (pictures_,) = pictures.gallery(compared(tmp_path).variants)["Training in motion"]
        return base64.b64decode(pictures_.image.removeprefix("data:image/webp;base64,"))

    assert set(pictures.gallery(compared(tmp_path).variants)) == {"Training in motion"}
    assert shown() == (folder / "motion.webp").read_bytes()
    monkeypatch.setattr(pictures, "MAX_ANIMATION", 10)
    with Image.open(io.BytesIO(shown())) as first:
        assert getattr(first, "n_frames", 1) == 1
        assert first.size == (8, 6)

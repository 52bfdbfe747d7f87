"""What real data and weak samplers reach: right order, measured once, survives a bad cache."""

import json

import pytest

from gan_zoo.data.batches import normalise
from gan_zoo.evaluation import reference_scores as module
from gan_zoo.evaluation.reference import Reference
from gan_zoo.evaluation.reference_scores import floors

NAMES = ["fid", "label_accuracy", "memorisation", "diversity"]


def test_real_data_beat_the_weak_samplers(reference):
    found = floors(reference, 40, NAMES).values
    assert set(found) == {f"{name}_brightness_test_40" for name in (*NAMES, "near_training_share")}
    fid = found["fid_brightness_test_40"]
    assert fid["real"] < fid["class_means"]
    assert found["diversity_brightness_test_40"]["class_means"] == pytest.approx(0, abs=1e-6)


def test_where_training_images_were_seen_held_out_ones_stand_for_real(reference, dataset):
    found = floors(reference, 40, NAMES).values
    held_out = reference.seen(normalise(dataset.validation.images), dataset.validation.labels)
    expected = reference.judge(held_out, "test", ["memorisation"]).values["memorisation"]
    assert found["memorisation_brightness_test_40"]["real"] == expected > 0


def test_measured_once_and_then_read(reference, monkeypatch):
    first = floors(reference, 40, ["fid"]).values

    def never(*_):
        raise AssertionError("measured again")

    monkeypatch.setattr(module, "_measure", never)
    assert floors(reference, 40, ["fid"]).values == first
    other = Reference(reference.dataset, reference.extractor, "e" * 64)
    with pytest.raises(AssertionError, match="again"):
        floors(other, 40, ["fid"])  # another data set
    with pytest.raises(AssertionError, match="again"):
        floors(reference, 38, ["fid"])  # another number of samples


def test_a_damaged_cache_is_measured_anew(reference, tmp_path):
    first = floors(reference, 40, ["fid"]).values
    (path,) = (tmp_path / "cache/floors").iterdir()
    path.write_text(path.read_text()[:20])
    assert floors(reference, 40, ["fid"]).values == first
    assert json.loads(path.read_text())["values"]["fid"]


def test_a_cache_that_cannot_be_written_is_told_and_survived(
    reference, monkeypatch, tmp_path, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "file"))
    assert floors(reference, 40, ["fid"]).values
    assert "cannot be written" in capsys.readouterr().err


def test_more_samples_than_real_ones_have_no_real_floor(reference):
    found = floors(reference, 400, ["fid"]).values["fid_brightness_test_400"]
    assert set(found) == {"kernel_density", "class_means"}

"""Measuring runs and files again gives the same numbers, and trusts no record."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_zoo.cli import export, sample
from gan_zoo.cli.evaluate import main
from gan_zoo.data.mnist import load_mnist
from gan_zoo.evaluation.reference import Reference
from gan_zoo.runs.record import read_record, write_record
from tests.cli.test_train import TINY, command  # the same tiny run

METRICS = "metrics=fid,label_accuracy"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A finished run of two epochs, with an average, of the smallest width."""
    where = tmp_path_factory.mktemp("runs")
    more = ["trainer.epochs=2", "trainer.ema_decay=0.5", "hydra.run.dir=run"]
    done = command("run.py", *TINY[1:], *more, cwd=where)
    assert done.returncode == 0, done.stderr
    return where / "run"


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path):
    monkeypatch.setenv("GAN_ZOO_CACHE", str(tmp_path / "cache"))


def measured(folder: Path, *words: str) -> dict:
    before = set((folder / "evaluations").glob("*.json"))
    main([str(folder), "samples=20", "reference_scores=false", METRICS, *words])
    (path,) = set((folder / "evaluations").glob("*.json")) - before
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("words", "prefix"),
    [((), "ema_"), (("network=generator",), ""), (("network=generator_ema",), "ema_"),
     (("checkpoint=best",), "best_ema_")],
)  # fmt: skip
def test_gives_the_numbers_of_the_run_itself(folder, words, prefix):
    record = read_record(folder)
    found = measured(folder, *words)["metrics"]
    assert set(found) == {f"{name}_mnistcnn_test_20" for name in ("fid", "label_accuracy")}
    for name, value in found.items():
        assert value == pytest.approx(record.metrics[f"{prefix}{name}"], rel=1e-4)


def test_the_record_holds_the_best_epoch(folder):
    record = read_record(folder)
    assert set(record.best) == {"generator_ema"}  # the headline's alone
    assert not [name for name in record.metrics if name.startswith("best_fid")]
    rows = (folder / "history.csv").read_text().splitlines()
    columns = {name: i for i, name in enumerate(rows[0].split(","))}
    best = record.best["generator_ema"]
    values = [float(row.split(",")[columns[f"ema_{best['metric']}"]]) for row in rows[1:]]
    assert best["value"] == min(values)
    assert best["epoch"] == 1 + values.index(min(values))


def test_an_epoch_can_be_chosen(folder):
    found = [measured(folder, f"checkpoint={epoch}")["metrics"] for epoch in (1, 2)]
    assert found[1] == measured(folder)["metrics"]
    assert found[0] != found[1]


def test_real_images_from_a_file_have_the_classifier_s_accuracy(tmp_path, capsys):
    test = load_mnist().test
    np.savez(tmp_path / "real.npz", images=test.images[:500], labels=test.labels[:500])
    out = tmp_path / "out.json"
    main([str(tmp_path / "real.npz"), METRICS, "reference_scores=false", f"out={out}"])
    content = json.loads(out.read_text())
    assert content["metrics"]["label_accuracy_mnistcnn_test_500"] > 0.98
    shown = capsys.readouterr().out
    assert re.search(r"label accuracy .* 0\.9\d+ .* to ", shown)
    assert "MNIST classifier features, test split, 500 samples" in " ".join(shown.split())
    assert "mnistcnn" not in shown
    with pytest.raises(SystemExit, match="exists: give another"):
        main([str(tmp_path / "real.npz"), METRICS, "reference_scores=false", f"out={out}"])


def test_a_class_without_samples_has_no_number(tmp_path):
    test = load_mnist().test
    threes = test.labels == 3
    np.savez(tmp_path / "threes.npz", images=test.images[threes], labels=test.labels[threes])
    out = tmp_path / "out.json"
    main([str(tmp_path / "threes.npz"), METRICS, "reference_scores=false", f"out={out}"])
    (accuracies,) = json.loads(out.read_text())["per_class"].values()
    assert accuracies[3] > 0.98
    assert accuracies[:3] + accuracies[4:] == [None] * 9


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["checkpoint=7"], "epoch_007"),
        (["checkpoint=first"], "must be last, best or an epoch's number"),
        (["metrics=fidd"], "'fidd' is unknown; allowed here: fid"),
        (["samples=1"], "samples must be from 2 to"),
        (["samples=5", "metrics=ms_ssim"], "at least 20 samples"),
        (["epocs=3"], "unknown option"),
        (["data=fashion_mnist"], "data=fashion_mnist does not apply to a run, only to files"),
    ],
)
def test_a_mistake_is_reported(folder, words, message):
    with pytest.raises(SystemExit, match=message):
        main([str(folder), *words])


@pytest.mark.parametrize("words", [(), ("checkpoint=best", "network=generator_ema")])
def test_a_run_s_generators_can_be_drawn_from_and_exported(folder, tmp_path, words):
    sample.main([str(folder), "n=2", f"out={tmp_path}", *words])
    with np.load(tmp_path / "samples.npz") as drawn:
        images, z, labels = (drawn[name] for name in ("images", "latents", "labels"))
    export.main([str(folder), "format=torch_export", f"out={tmp_path}/generator.pt2", *words])
    generator = torch.export.load(tmp_path / "generator.pt2").module()
    made = generator(torch.from_numpy(z), torch.from_numpy(labels))
    assert np.allclose(images, made.detach(), atol=1e-5)
    assert images.shape == (20, 1, 28, 28)


@pytest.mark.parametrize(
    "target", ["os.system", "gan_zoo.runs.record.write_text", "torch.hub.load", "builtins.exec"]
)
def test_a_record_cannot_call_what_is_not_ours(folder, tmp_path, target):
    record = read_record(folder)
    record.config["latents"] = {"_target_": target, "command": "touch hacked"}
    write_record(tmp_path, record)
    with pytest.raises(SystemExit, match="which is not gan_zoo's and would be called"):
        main([str(tmp_path)])


@pytest.mark.parametrize(
    ("artifact", "words"),
    [
        ("generator", ["network=generator"]),
        ("generator_ema", []),
        ("generator_ema_best", ["checkpoint=best"]),
    ],
)
def test_a_record_cannot_point_outside_its_folder(folder, tmp_path, artifact, words):
    record = read_record(folder)
    record.artifacts[artifact] = "../elsewhere.safetensors"
    write_record(tmp_path, record)
    with pytest.raises(SystemExit, match="lies outside the run's folder"):
        main([str(tmp_path), *words])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["checkpoint=best"], "checkpoint=best does not apply to files, only to runs"),
        (["network=generator_ema"], "network=generator_ema does not apply to files"),
        (["samples=20"], "samples=20 does not apply to files"),
        (["allow=torch"], "allow=torch does not apply to files"),
        (["out={}/there.json"], "there.json exists: give another"),
        (["metrics=fidd"], "'fidd' is unknown"),
        ([], r"labels must be from 0 to 9, the classes of mnist, got 0 to 10"),
        (["data=stacked_mnist"], r"shape \(3, 28, 28\), .* got \(1, 28, 28\).*data=…"),
    ],
)
def test_what_does_not_fit_files_is_refused_before_measuring(tmp_path, monkeypatch, words, message):
    def measured(*_):
        raise AssertionError("measured before it was checked")

    monkeypatch.setattr(Reference, "embed", measured)
    images = load_mnist().test.images[:11]
    np.savez(tmp_path / "a.npz", images=images, labels=torch.arange(11) % (11 if not words else 10))
    (tmp_path / "there.json").write_text("{}")
    with pytest.raises(SystemExit, match=message):
        main([str(tmp_path / "a.npz"), *(word.format(tmp_path) for word in words)])


def test_files_are_compared_with_the_data_of_a_run(folder, tmp_path, capsys):
    """As own data must be, which no option of the command describes."""
    np.savez(tmp_path / "a.npz", images=load_mnist().test.images[:50])
    found = []
    for data in ("mnist", folder):
        out = tmp_path / f"{len(found)}.json"
        main([str(tmp_path / "a.npz"), "metrics=fid", f"data={data}", f"out={out}"])
        found.append(json.loads(out.read_text()))
    assert found[0]["metrics"] == found[1]["metrics"]
    assert found[0]["dataset"] == found[1]["dataset"]
    with pytest.raises(SystemExit, match=r"data.root must be .*give its folder as data=RUN"):
        main([str(tmp_path / "a.npz"), "data=folder"])


def test_a_missing_folder_and_omitted_measurements_are_reported(tmp_path, capsys):
    with pytest.raises(SystemExit, match="no such file or folder; give the folder of"):
        main([str(tmp_path / "runs/today")])
    np.savez(tmp_path / "a.npz", images=load_mnist().test.images[:11])
    main([str(tmp_path / "a.npz"), "metrics=fid"])
    assert "reference scores are left out: they exist only for labelled" in capsys.readouterr().err

"""Summaries of ring and grid: a row for every run, finished or not, and the landscapes."""

import csv

import numpy as np
import pytest
from PIL import Image

from gan_zoo.experiments.modes import by_loss, landscapes, summarise
from gan_zoo.runs.record import RunRecord, read_record, write_record

METRICS = {"modes_covered_ring_10k": 7.0, "high_quality_ring_10k": 0.91,
           "reverse_kl_modes_ring_10k": 0.02}  # fmt: skip


def leave(folder, loss, status, started, *, picture=None, **metrics):
    record = RunRecord(run_id=loss, loss=loss, seed=3, status=status, started=started)
    record.progress = {"seconds": 12.5}
    record.dataset = {"name": "ring", "num_classes": 8}
    if status == "finished":
        changed = {f"{name}_ring_10k": value for name, value in metrics.items()}
        record.metrics = METRICS | changed
    if picture is not None:
        folder.joinpath(loss).mkdir(parents=True)
        Image.new("RGB", (60, 50), picture).save(folder / loss / "landscape.png")
        record.artifacts = {"landscape": "landscape.png"}
    write_record(folder / loss, record)


def test_lists_finished_and_diverged_runs_in_order_of_their_start(tmp_path):
    leave(tmp_path, "later", "finished", "2026-01-02", picture="red")
    leave(tmp_path, "first", "diverged", "2026-01-01")
    text = summarise(tmp_path)
    assert text.index("first") < text.index("later")
    rows = list(csv.DictReader((tmp_path / "modes.csv").read_text().splitlines()))
    assert [(row["loss"], row["status"], row["modes_covered"]) for row in rows] == [
        ("first", "diverged", "-"), ("later", "finished", "7.0"),
    ]  # fmt: skip
    assert rows[1]["high_quality"] == "0.91"
    assert rows[1]["reverse_kl_modes"] == "0.02"
    assert rows[1]["seconds"] == "12.5"


def test_shows_every_landscape_under_its_numbers(tmp_path, monkeypatch):
    shown = {}
    monkeypatch.setattr(
        "gan_zoo.experiments.modes.side_by_side", lambda pictures: shown.update(pictures) or b"x"
    )
    leave(tmp_path, "a", "finished", "2026-01-01", picture="red")
    leave(tmp_path, "b", "finished", "2026-01-02", picture="blue")
    summarise(tmp_path)
    assert list(shown) == ["a, seed 3: 7.0 modes, 91.0%", "b, seed 3: 7.0 modes, 91.0%"]
    assert shown["b, seed 3: 7.0 modes, 91.0%"] == (tmp_path / "b/landscape.png").read_bytes()


def test_draws_pictures_of_equal_size_four_in_a_row(tmp_path):
    for name in "abcde":
        leave(tmp_path, name, "finished", f"2026-01-0{ord(name) - 96}", picture="red")
    summarise(tmp_path)
    with Image.open(tmp_path / "modes.png") as picture:
        assert picture.width > 1.5 * picture.height
        reds = (np.asarray(picture.convert("RGB")) == (255, 0, 0)).all(2).mean()
    assert reds > 1 / 4


def test_counts_who_finds_all_modes_with_nine_in_ten_good_points(tmp_path):
    leave(tmp_path, "all", "finished", "2026-01-01", modes_covered=8, high_quality=0.9)
    leave(tmp_path, "vague", "finished", "2026-01-02", modes_covered=8, high_quality=0.8999)
    leave(tmp_path, "seven", "finished", "2026-01-03", modes_covered=7, high_quality=0.98)
    leave(tmp_path, "gone", "diverged", "2026-01-04")
    assert summarise(tmp_path).endswith("share of at least 0.9: 1 of 4 runs (all).")


def test_a_folder_without_runs_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="has no run"):
        summarise(tmp_path)


def test_landscapes_show_every_finished_run_in_order(tmp_path):
    leave(tmp_path, "a", "finished", "2026-01-01", picture=(255, 0, 0))
    leave(tmp_path, "b", "finished", "2026-01-02", picture=(0, 0, 255))
    path = tmp_path / "landscapes.png"
    assert landscapes(tmp_path).endswith(str(path))
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    columns = [np.nonzero((pixels == colour).all(2))[1] for colour in ((255, 0, 0), (0, 0, 255))]
    assert len(columns[0]) > 0.2 * pixels.shape[0] * pixels.shape[1]
    assert columns[0].max() < columns[1].min()


def test_landscapes_leave_out_what_did_not_finish(tmp_path):
    leave(tmp_path, "a", "diverged", "2026-01-01", picture="red")
    with pytest.raises(ValueError, match="has no finished run"):
        landscapes(tmp_path)


def of_seed(seed, modes, quality, status="finished", loss="bce"):
    record = RunRecord(run_id=f"{loss}{seed}", loss=loss, seed=seed, status=status)
    record.dataset = {"num_classes": 8}
    record.metrics = {"modes_covered_ring_10k": modes, "high_quality_ring_10k": quality}
    return record


def test_seeds_are_summarised_by_loss():
    """Clopper-Pearson interval of the share, Student's of the mean; a diverged run is a miss."""
    runs = [
        of_seed(0, 8, 0.9),
        of_seed(1, 8, 0.92),
        of_seed(2, 7, 0.94),
        of_seed(3, 8, 0.1, "diverged"),
    ]
    failed = [of_seed(4, 8, 1.0, "failed"), of_seed(0, 8, 0.5, loss="lsgan")]
    rows = by_loss(runs + failed)
    assert rows == [
        {"loss": "bce", "runs": 4, "all modes": "2 (7% to 93%)",
         "high quality": "0.920 (0.870 to 0.970)"},
        {"loss": "lsgan", "runs": 1, "all modes": "1 (2% to 100%)", "high quality": "0.500"},
    ]  # fmt: skip


def test_one_landscape_per_loss_is_drawn(tmp_path, monkeypatch):
    shown = {}
    monkeypatch.setattr(
        "gan_zoo.experiments.modes.side_by_side", lambda pictures: shown.update(pictures) or b"x"
    )
    for seed in (3, 4):
        leave(tmp_path / f"{seed}", "a", "finished", f"2026-01-0{seed}", picture="red")
        record = read_record(tmp_path / f"{seed}/a")
        record.seed = seed
        write_record(tmp_path / f"{seed}/a", record)
    assert "Over seeds, with 95% intervals:" in summarise(tmp_path)
    assert list(shown) == ["a, seed 3: 7.0 modes, 91.0%"]
    assert (tmp_path / "modes_by_loss.csv").exists()

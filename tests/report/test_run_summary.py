"""Summaries on the terminal: headline metrics beside the references."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from gan_zoo.report import run_summary as module
from gan_zoo.report.run_summary import run_summary, sweep_summary
from gan_zoo.runs.record import RunRecord, write_record

NAMES = ("fid", "label_accuracy", "recall", "kid")
REACHED = zip(NAMES, (3.01, 0.993, 0.74, 0.1), (95.6, 0.995, 0.42, 3.0), strict=True)
FLOORS = {
    f"{name}_mnistcnn_test_10k": {"real": real, "kernel_density": weak, "class_means": 9.0}
    for name, real, weak in REACHED
}


def record(loss="bce", seed=0, status="finished", values=(18.25, 0.9912, 0.61, 1.5), *, ema=True):
    """A run's record: raw weights are twice as far off as averaged ones."""
    metrics = {f"{n}_mnistcnn_test_10k": 2 * v for n, v in zip(NAMES, values, strict=True)}
    if ema:
        metrics |= {f"ema_{name}": value / 2 for name, value in metrics.items()}
    return RunRecord(
        f"{loss}{seed}", loss, seed, status, metrics=metrics, reference_scores=FLOORS,
        progress={"seconds": 61.4, "generator_updates": 4000},
        artifacts={"grid": "samples/plot_epoch_006_generated.png"},
    )  # fmt: skip


def write(folder, *records):
    for number, found in enumerate(records):
        (folder / str(number)).mkdir()
        write_record(folder / str(number), found)
    return folder


def cells(line):
    return re.split(r" {2,}", line)


def test_a_run_ends_with_its_averaged_numbers_beside_the_references(tmp_path):
    lines = run_summary(tmp_path, record()).splitlines()
    assert cells(lines[0]) == ["", "averaged weights (EMA)", "real", "kernel density"]
    assert cells(lines[1]) == ["FID", "18.25", "3.010", "95.60"]
    assert cells(lines[2]) == ["label accuracy", "0.9912", "0.9930", "0.9950"]
    assert cells(lines[3]) == ["recall", "0.6100", "0.7400", "0.4200"]
    assert lines[4:] == [
        "MNIST classifier features, test split, 10k samples",
        "training: 61 s for 4,000 generator updates",
        f"samples: {tmp_path}/samples/plot_epoch_006_generated.png",
        f"run folder: {tmp_path}",
    ]


def test_without_an_average_the_last_weights_are_named(tmp_path):
    text = run_summary(tmp_path, record(ema=False))
    assert "last weights" in text
    assert cells(text.splitlines()[1]) == ["FID", "36.50", "3.010", "95.60"]


def test_epoch_of_a_diverged_run_and_missing_metrics_are_stated(tmp_path):
    diverged = replace(record(status="diverged"), measured_epoch=3)
    assert "measured at the last finite state, after epoch 3" in run_summary(tmp_path, diverged)
    bare = replace(record(), metrics={}, reference_scores={}, artifacts={}, progress={})
    assert run_summary(tmp_path, bare).splitlines() == [
        "no metrics were measured", f"run folder: {tmp_path}",
    ]  # fmt: skip


def test_points_have_their_own_metrics(tmp_path):
    values = {"modes_covered_ring_10k": 8.0, "high_quality_ring_10k": 0.97,
              "reverse_kl_modes_ring_10k": 0.01}  # fmt: skip
    ring = replace(
        record(), metrics=values, reference_scores={"high_quality_ring_10k": {"real": 0.989}}
    )
    lines = run_summary(tmp_path, ring).splitlines()
    assert [line.split("  ")[0] for line in lines[1:4]] == [
        "modes covered", "high-quality share", "reverse KL over modes",
    ]  # fmt: skip


def test_other_metrics_are_shown_if_the_usual_ones_are_missing(tmp_path):
    text = run_summary(tmp_path, replace(record(), metrics={"kid_mnistcnn_test_10k": 1.5}))
    assert cells(text.splitlines()[1]) == ["KID", "1.500", "0.1000", "3.000"]


def test_a_sweep_of_one_seed_ends_with_a_row_for_each_loss(tmp_path):
    write(tmp_path, record(), record("wgan", values=(70.0, 0.96, 0.4, 9.0)))
    *table, last = sweep_summary(tmp_path).splitlines()
    assert [cells(line) for line in table] == [
        ["loss", "FID", "label accuracy", "recall", "training time"],
        ["bce", "18.25", "0.9912", "0.6100", "1 min 1 s"],
        ["wgan", "70.00", "0.9600", "0.4000", "1 min 1 s"],
        ["(real)", "3.010", "0.9930", "0.7400"],
        ["(kernel density)", "95.60", "0.9950", "0.4200"],
    ]
    ends = ("FID", "18.25", "70.00", "3.010", "95.60")
    assert len({line.index(e) + len(e) for line, e in zip(table, ends, strict=True)}) == 1
    assert last == "averaged weights (EMA); MNIST classifier features, test split, 10k samples"


def test_seeds_are_averaged_and_lost_runs_counted(tmp_path):
    write(
        tmp_path, record(), record(seed=1, values=(20.25, 0.9912, 0.61, 1.5)),
        record(seed=2, status="diverged"), record("wgan", status="failed"),
    )  # fmt: skip
    lines = sweep_summary(tmp_path).splitlines()
    assert cells(lines[0])[:3] == ["loss", "finished", "FID"]
    assert cells(lines[1])[:3] == ["bce", "2 of 3", "19.25 ± 1.4"]
    assert cells(lines[2])[:3] == ["wgan", "0 of 1", "–"]


def test_where_one_run_has_no_average_last_weights_are_compared(tmp_path):
    text = sweep_summary(write(tmp_path, record(), record("wgan", ema=False)))
    assert "36.50" in text
    assert "last weights; " in text


def test_columns_of_two_data_sets_are_told_apart(tmp_path):
    other = {
        name.replace("mnistcnn", "folder_sqcnn"): value for name, value in record().metrics.items()
    }
    lines = sweep_summary(write(tmp_path, record(), replace(record("wgan"), metrics=other)))
    title, *rows = map(cells, lines.splitlines())
    assert title[1:4] == [
        "FID (folder_sqcnn, test split, 10k samples)",
        "FID (MNIST classifier features, test split, 10k samples)",
        "label accuracy (folder_sqcnn, test split, 10k samples)",
    ]
    assert [row[1:3] for row in rows[:2]] == [["–", "18.25"], ["18.25", "–"]]


def test_runs_without_metrics_have_their_times(tmp_path):
    text = sweep_summary(write(tmp_path, replace(record(), metrics={}, reference_scores={})))
    assert text.splitlines() == [
        "loss  training time", "bce       1 min 1 s", "no metrics were measured",
    ]  # fmt: skip


@pytest.mark.parametrize(("columns", "folded"), [(40, True), (200, False)])
def test_a_narrow_terminal_gets_a_line_for_each_number(tmp_path, monkeypatch, columns, folded):
    write(tmp_path, record())
    monkeypatch.setattr(module.sys, "stdout", type("Terminal", (), {"isatty": lambda _: True})())
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = sweep_summary(tmp_path).splitlines()
    assert ("  FID: 18.25" in lines) == folded
    assert all(len(line) <= columns for line in lines[:-1])


def test_needs_no_torch():
    code = (
        "import sys, gan_zoo.report.run_summary; assert not {'torch', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

import csv
import json
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from gan_zoo.cli.compare import main
from gan_zoo.report.build import build_report
from gan_zoo.report.load import ReportError


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.relative_to(folder).parts[0].isdigit()
    }


def test_everything_is_written(four_variants):
    page = build_report([four_variants])
    written = {str(path) for path in contents(four_variants)}
    assert page == four_variants / "report.html"
    names = (
        "validation_over_epoch", "validation_over_seconds", "losses_and_diagnostics",
        "gradient_vanishing", "distributions", "probability_of_improvement", "ranks",
        "precision_recall", "samples", "profiles",
    )  # fmt: skip
    expected = {f"report/figures/{name}.{kind}" for name in names for kind in ("png", "svg")}
    expected |= {"summary.csv", "runs.csv", "report.json"}
    expected |= {
        f"report/{name}"
        for name in ("summary.md", "summary.tex", "comparisons.csv", "loss_quality.csv")
    }
    expected |= {"report/animations/01_wgan_seed2.webp"}
    assert expected <= written
    with Image.open(four_variants / "report/animations/01_wgan_seed2.webp") as moving:
        assert moving.n_frames == 2
    content = json.loads((four_variants / "report.json").read_text())
    assert {name for name in written if "report/" in name} <= set(content["files"])


def test_same_records_same_bytes_in_another_process_without_torch(small, tmp_path):
    build_report([small])
    first = contents(small)
    build_report([small])
    assert contents(small) == first
    small.rename(tmp_path / "elsewhere")  # another place, another process
    (tmp_path / "elsewhere").rename(small)
    code = (
        "import sys; from pathlib import Path; from gan_zoo.report.build import build_report; "
        f"build_report([Path({str(small)!r})]); "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('torch', 'hydra')))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert contents(small) == first
    assert len(first) > 10
    assert done.stdout.strip() == "[]"  # neither torch nor Hydra is imported


def test_files_go_to_the_first_folder_or_to_the_one_asked_for(small, tmp_path, write_run):
    write_run(tmp_path / "other" / "0", "hinge", history=[])
    found = build_report([small, tmp_path / "other"], tmp_path / "out")
    assert found == tmp_path / "out" / "report.html"
    assert [row["variant"] for row in table(tmp_path / "out" / "summary.csv")] == [
        "bce", "wgan", "hinge",
    ]  # fmt: skip
    assert not (small / "report.html").exists()


def test_files_of_an_earlier_report_go_and_those_of_people_stay(small):
    build_report([small])
    (small / "report" / "notes.txt").write_text("mine")
    content = json.loads((small / "report.json").read_text())
    content["files"] += ["../outside.txt", "report/../3/record.json", "summary.csv"]
    (small / "report.json").write_text(json.dumps(content))
    (small.parent / "outside.txt").write_text("not ours")
    gone = small / "report" / "animations" / "01_wgan_seed1.webp"
    assert gone.exists()
    for path in (small / "3" / "samples").iterdir():
        path.unlink()
    build_report([small])
    assert not gone.exists()
    assert (small / "report" / "notes.txt").exists()
    assert (small.parent / "outside.txt").exists()
    assert (small / "3" / "record.json").exists()


def test_machine_readable_numbers_by_hand(small):
    build_report([small])
    content = json.loads((small / "report.json").read_text(encoding="utf-8"))
    bce, wgan = content["variants"]
    assert bce["values"]["fid_m_test_1k"] == {"0": 3.0, "1": 4.0}
    assert wgan["estimates"]["fid_m_test_1k"]["mean"] == 4.5
    (pair,) = content["pairs"]["fid_m_test_1k"]
    assert pair["theta"] == 0.875  # 3 < 4, 3 < 5, 4 = 4, 4 < 5
    assert pair["shift"] == -1.0


def test_drawing_leaves_the_global_style_alone(small):
    before = dict(mpl.rcParams)
    build_report([small])
    assert dict(mpl.rcParams) == before


def test_nothing_is_written_when_there_is_nothing_to_report(tmp_path):
    with pytest.raises(ReportError):
        build_report([tmp_path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_command(small, capsys):
    main([str(small)])
    assert capsys.readouterr().out.strip() == str(small / "report.html")


def test_command_on_an_empty_folder(tmp_path):
    with pytest.raises(SystemExit, match=r"no record\.json below"):
        main([str(tmp_path)])
    assert list(tmp_path.iterdir()) == []


def test_every_figure_survives_hostile_names(tmp_path, write_run, hostile):
    rng = np.random.default_rng(0)
    for seed in range(2):
        for loss in (hostile, "x$y", "_hidden", "日本", "\\$", "a" * 300):
            metrics = {f"precision_{hostile}": rng.random(), f"recall_{hostile}": rng.random()}
            metrics[hostile] = rng.random()
            metrics[f"fid_class_1_{hostile}"] = rng.random()
            folder = f"{len(list(tmp_path.iterdir()))}"
            history = [{"epoch": e, hostile: e, "seconds": e} for e in (1, 2)]
            write_run(tmp_path / folder, loss, seed, metrics=metrics, history=history)
    assert build_report([tmp_path]).exists()

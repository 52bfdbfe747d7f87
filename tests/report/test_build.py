import csv
import json
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from gan_zoo.report import ReportError, build_report
from gan_zoo.report.cli import main


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Tags(HTMLParser):
    """All start tags with attributes, and the text outside of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self._inside = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data):
        if not self._inside:
            self.text += data


def page(folder):
    return Tags(build_report([folder]).read_text(encoding="utf-8"))


def test_files_go_to_the_first_folder(four_variants, tmp_path, write_run):
    write_run(tmp_path / "other" / "0", "hinge")
    found = build_report([four_variants, tmp_path / "other"])
    assert found == four_variants / "report.html"
    assert [row["variant"] for row in table(four_variants / "summary.csv")] == [
        "bce", "wgan", "lsgan", "fgan_kl", "hinge",
    ]  # fmt: skip


def test_or_to_the_folder_asked_for(four_variants, tmp_path):
    assert build_report([four_variants], tmp_path / "out") == tmp_path / "out" / "report.html"
    assert not (four_variants / "report.html").exists()


def test_summary_numbers_by_hand(four_variants):
    build_report([four_variants])
    bce, wgan, _, kl = table(four_variants / "summary.csv")
    assert float(bce["fid_mnistcnn_test_10k_mean"]) == 11.0
    assert float(wgan["label_accuracy_mnistcnn_test_10k_median"]) == pytest.approx(0.93)
    assert float(wgan["discriminator_updates"]) == 5 * float(wgan["generator_updates"]) == 2000
    assert (kl["runs"], kl["finished"], kl["diverged"]) == ("3", "2", "1")
    assert float(kl["fid_mnistcnn_test_10k_mean"]) == 25.5  # of seeds 0 and 1
    assert kl["fid_mnistcnn_test_10k_n"] == "2"


def test_a_diverged_run_is_on_the_page_with_its_reason(four_variants):
    text = page(four_variants).text
    assert "1 diverged" in text
    assert "Diverged: generator loss is nan (step 321)" in text


def test_the_page_loads_nothing(four_variants):
    for tag, attributes in page(four_variants).tags:
        for name in ("src", "href", "srcset", "poster", "action"):
            value = attributes.get(name) or ""
            assert not value or value.startswith(("data:", "#")), (tag, name, value[:80])


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}$x^$"


def test_hostile_names_are_text(tmp_path, write_run, grey):
    folder = tmp_path / "sweep"
    write_run(
        folder / "0",
        loss=HOSTILE,
        status="failed",
        overrides=[HOSTILE],
        metrics={HOSTILE: 1.0},
        grids={1: grey},
        config={HOSTILE: HOSTILE},
        dataset={"name": HOSTILE},
        error={"kind": HOSTILE, "message": HOSTILE, "step": HOSTILE},
    )
    write_run(folder / "1", loss="bce", seed=1)
    found = page(folder)
    assert HOSTILE in found.text
    assert sum(tag == "script" for tag, _ in found.tags) == page_scripts(tmp_path, write_run)
    assert all(not name.startswith("on") for _, attributes in found.tags for name in attributes)


def page_scripts(tmp_path, write_run):
    write_run(tmp_path / "plain" / "0")
    return sum(tag == "script" for tag, _ in page(tmp_path / "plain").tags)


def test_missing_and_non_finite_metrics_are_not_numbers(tmp_path, write_run):
    for seed, value in enumerate((0.5, None, float("nan"), 0.7)):
        write_run(
            tmp_path / "s" / str(seed), seed=seed, metrics={"label_accuracy_x_test_1k": value}
        )
    build_report([tmp_path / "s"])
    (row,) = table(tmp_path / "s" / "summary.csv")
    assert row["finished"] == "4"
    assert row["label_accuracy_x_test_1k_n"] == "2"
    assert float(row["label_accuracy_x_test_1k_mean"]) == pytest.approx(0.6)


def test_one_seed_claims_no_interval(tmp_path, write_run):
    write_run(tmp_path / "s" / "0", metrics={"fid_x_test_1k": 3.0})
    text = page(tmp_path / "s").text
    (row,) = table(tmp_path / "s" / "summary.csv")
    assert row["fid_x_test_1k_t95_low"] == ""
    assert "one seed" in text


def test_a_damaged_record_is_listed_and_the_rest_is_shown(four_variants):
    (four_variants / "0" / "record.json").write_text('{"schema_version": 1, "loss"')
    text = page(four_variants).text
    assert "1 more cannot be read" in text
    assert "sweep/0" in text
    assert len(table(four_variants / "summary.csv")) == 4


def test_no_finished_run(tmp_path, write_run):
    write_run(tmp_path / "s" / "0", status="running", epochs=0, history=[])
    write_run(tmp_path / "s" / "1", seed=1, status="interrupted")
    text = page(tmp_path / "s").text
    assert "1 running, 1 interrupted" in text


def test_only_damaged_records(tmp_path):
    (tmp_path / "s" / "0").mkdir(parents=True)
    (tmp_path / "s" / "0" / "record.json").write_text("?")
    assert "1 more cannot be read" in page(tmp_path / "s").text


def test_older_and_richer_records(tmp_path, write_run):
    folder = write_run(tmp_path / "s" / "0")
    content = json.loads((folder / "record.json").read_text())
    for key in ("environment", "dataset", "parameters", "progress", "artifacts", "started"):
        del content[key]
    content |= {"schema_version": 0, "a_key_of_tomorrow": 1}
    (folder / "record.json").write_text(json.dumps(content))
    assert "1 finished" in page(tmp_path / "s").text


@pytest.mark.parametrize("path", ["../../secret.png", "/etc/passwd", "missing.png", "a\0b", "."])
def test_artifacts_outside_the_run_are_not_read(tmp_path, write_run, path):
    (tmp_path / "secret.png").write_bytes(b"not for the page")
    write_run(tmp_path / "s" / "0", artifacts={"grid": path})
    assert not any("data-enlarge" in attributes for _, attributes in page(tmp_path / "s").tags)


def test_command(four_variants, capsys):
    assert main([str(four_variants)]) == 0
    assert capsys.readouterr().out.strip() == str(four_variants / "report.html")


def test_command_on_an_empty_folder(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "no record.json below" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_when_there_is_nothing_to_report(tmp_path):
    with pytest.raises(ReportError):
        build_report([tmp_path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_torch(four_variants):
    code = (
        "import sys; from pathlib import Path; from gan_zoo.report import build_report; "
        f"build_report([Path({str(four_variants)!r})]); "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('torch', 'hydra')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_same_records_same_bytes(four_variants):
    build_report([four_variants])
    first = {path: path.read_bytes() for path in four_variants.glob("*.*")}
    build_report([four_variants])
    assert first == {path: path.read_bytes() for path in four_variants.glob("*.*")}
    assert len(first) >= 2

import csv
import io

import pytest

from gan_zoo.report import export
from gan_zoo.report.formatting import count, duration, short


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_summary_by_hand(four_variants, compared):
    text = export.to_csv(export.summary_table(compared(four_variants)))
    bce, wgan, _, kl = rows(text)
    assert float(bce["fid_mnistcnn_test_10k_mean"]) == 11.0
    assert float(wgan["label_accuracy_mnistcnn_test_10k_median"]) == pytest.approx(0.93)
    assert float(wgan["discriminator_updates"]) == 5 * float(wgan["generator_updates"]) == 2000
    assert (kl["runs"], kl["finished"], kl["diverged"]) == ("3", "2", "1")
    assert float(kl["fid_mnistcnn_test_10k_mean"]) == 25.5  # of seeds 0 and 1
    assert kl["fid_mnistcnn_test_10k_n"] == "2"


def test_all_digits_survive(tmp_path, write_run, compared):
    value = 0.1 + 0.2
    write_run(tmp_path / "0", metrics={"fid_m_test_1k": value})
    (row,) = rows(export.to_csv(export.summary_table(compared(tmp_path))))
    assert float(row["fid_m_test_1k_mean"]) == value
    assert row["fid_m_test_1k_t95_low"] == ""


def test_long_format_has_every_run(four_variants, compared):
    found = rows(export.to_csv(export.run_table(compared(four_variants))))
    assert len({row["run"] for row in found}) == 12
    (wanted,) = [
        row for row in found
        if (row["variant"], row["seed"], row["quantity"]) == ("wgan", "1", "fid_mnistcnn_test_10k")
    ]  # fmt: skip
    assert (wanted["kind"], wanted["value"], wanted["status"]) == ("metric", "16.0", "finished")


def test_pairs_as_csv(four_variants, compared):
    found = rows(export.to_csv(export.pair_table(compared(four_variants))))
    first = found[0]
    assert (first["first"], first["second"]) == ("bce", "wgan")
    assert float(first["probability_of_improvement"]) == 1.0  # 10..12 against 15..17
    assert float(first["p_mann_whitney"]) == pytest.approx(0.1)


def test_markdown_cells_cannot_break_out(tmp_path, write_run, compared):
    write_run(tmp_path / "0", "a|b\n*c* <i>_x_", metrics={"fid_m_test_1k": 3.0})
    table = export.to_markdown(compared(tmp_path)).splitlines()
    assert table[1].startswith("| :-- | :-- |")
    assert table[2].startswith(r"| a\|b \*c\* \<i\>\_x\_ | 0 | 1 of 1 | 3.000 |")


def test_latex_is_escaped(tmp_path, write_run, compared):
    write_run(tmp_path / "0", r"a_b & 50% \input{x} $y$ #~^", metrics={"fid_m_test_1k": 3.0})
    text = export.to_latex(compared(tmp_path))
    expected = (
        r"a\_b \& 50\% \textbackslash{}input\{x\} \$y\$ \#\textasciitilde{}\textasciicircum{}"
    )
    assert expected in text
    assert text.count(r"\\") == 2
    assert r"Fr\'echet distance (FID) $\downarrow$" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("inf"), "–"), (12.3456, "12.35"), (1e-7, "1e-07"), (-0.5, "-0.5000")],
)
def test_short_numbers(value, text):
    assert short(value) == text


def test_counts_and_durations():
    assert count(None) == "–"
    assert count(1234.4) == "1,234"
    assert [duration(s) for s in (None, 3.21, 60, 3600, 3700)] == [
        "–", "3.2 s", "1 min", "1 h", "1 h 1 min",
    ]  # fmt: skip

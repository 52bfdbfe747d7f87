import pytest

from gan_zoo.report.summary import headlines, standing, summary


def sweep(tmp_path, write_run, values, name="fid_m_test_1k"):
    """One loss per row of values, one seed per value; None diverged."""
    for v, row in enumerate(values):
        for seed, value in enumerate(row):
            write_run(
                tmp_path / f"{v}_{seed}", f"loss{v}", seed,
                "diverged" if value is None else "finished",
                {} if value is None else {name: value}, history=[],
            )  # fmt: skip
    return tmp_path


def said(compared, folder):
    found = summary(compared(folder))
    return {statement.topic: f"{statement.text} {statement.detail}" for statement in found}


FID = "Fréchet distance (FID), lower is better"


def test_an_established_difference(tmp_path, write_run, compared):
    sweep(tmp_path, write_run, [[5, 6, 7, 5.5, 6.5], [15, 16, 17, 15.5, 16.5]])
    text = said(compared, tmp_path)[FID]
    # five of five separated: p = 2/252, one pair; interval of the probability [0.56, 1]
    assert text.startswith("loss0 ranks first: mean 6.00 [")
    assert "Established against the other variant, after Holm's correction." in text
    assert "loss0 beats loss1 with probability 1.00 [0.56, 1.00]; n = 5." in text


def test_the_same_numbers_in_a_large_family_establish_nothing(tmp_path, write_run, compared):
    sweep(tmp_path, write_run, [[10 * v + s for s in range(5)] for v in range(6)])
    found = said(compared, tmp_path)
    assert "None of the differences is established" in found[FID]
    assert "Established" not in found[FID]
    assert "15 pairs no difference can be established" in found["Sample size"]


def test_three_seeds_cannot_conclude(tmp_path, write_run, compared):
    sweep(tmp_path, write_run, [[1, 2, 3], [100, 101, 102]])
    found = said(compared, tmp_path)
    assert "The difference is not established" in found[FID]
    assert "With 3 seeds no rank test can reach p < 0.05" in found["Sample size"]
    assert "possible p: 0.1)" in found["Sample size"]


def test_four_seeds_can(tmp_path, write_run, compared):
    sweep(tmp_path, write_run, [[1, 2, 3, 4], [100, 101, 102, 103]])
    found = said(compared, tmp_path)
    assert "fewer than 5 seeds" in found["Sample size"]


def test_one_seed_tells_no_certainty(tmp_path, write_run, compared):
    sweep(tmp_path, write_run, [[3], [2]])
    found = said(compared, tmp_path)
    assert found[FID].startswith("loss1 has the best value: 2")
    assert "certainty of this order is unknown" in found[FID]
    assert "probability" not in found[FID]


def test_one_variant_has_nothing_to_beat(tmp_path, write_run, compared):
    sweep(tmp_path, write_run, [[3, 4]])
    assert "nothing to compare it with" in said(compared, tmp_path)[FID]


def test_higher_is_better_for_accuracy(tmp_path, write_run, compared):
    sweep(tmp_path, write_run, [[0.9, 0.91], [0.95, 0.96]], "label_accuracy_m_test_1k")
    assert said(compared, tmp_path)["Label accuracy, higher is better"].startswith("loss1 ranks")


def test_losing_runs_costs_the_first_place(tmp_path, write_run, compared):
    # loss0 is a little better when it survives, which it does once in three runs
    sweep(tmp_path, write_run, [[9.0, None, None], [10, 11, 12]])
    comparison = compared(tmp_path)
    (metric,) = headlines(comparison)
    assert [variant.name for variant in standing(comparison, metric)] == ["loss1", "loss0"]
    assert "loss0: 2 diverged of 3 runs" in said(compared, tmp_path)["Runs lost"]


def test_equal_variants_share_the_first_rank(tmp_path, write_run, compared):
    sweep(tmp_path, write_run, [[5, 6, 7], [30, 31, 32], [5, 6, 7]])
    text = said(compared, tmp_path)[FID]
    assert text.startswith("loss0 shares the first rank with loss2: mean 6.00")


def test_equal_values_of_one_seed_are_no_order(tmp_path, write_run, compared):
    sweep(tmp_path, write_run, [[8], [8], [9], [8], [8], [8]])
    assert said(compared, tmp_path)[FID].startswith("loss0 shares the best value with 4 others: 8")


def test_a_best_variant_all_of_whose_runs_diverged_is_not_called_best(
    tmp_path, write_run, compared
):
    sweep(tmp_path, write_run, [[None, None], [10, 11]])
    assert said(compared, tmp_path)[FID].startswith("loss1 ranks first")


@pytest.mark.parametrize("values", [[[None], [None]], []])
def test_nothing_measured(tmp_path, write_run, compared, values):
    sweep(tmp_path, write_run, [*values, [None]])
    assert "No numbers" in said(compared, tmp_path)


def test_only_two_kinds_of_metric_are_spoken_of(tmp_path, write_run, compared):
    names = ("fid_m_test_1k", "fid_m_validation_1k", "recall_m_test_1k", "kid_m_test_1k", "zzz")
    write_run(tmp_path / "0", metrics=dict.fromkeys(names, 1.0))
    found = [metric.name for metric in headlines(compared(tmp_path))]
    assert found == ["fid_m_test_1k", "recall_m_test_1k"]

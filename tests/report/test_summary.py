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


def statements(compared, folder):
    found = summary(compared(folder))
    return {statement.topic: f"{statement.text} {statement.detail}" for statement in found}


FID = "Fréchet distance (FID), lower is better"


FAR = [[10 * v + s for s in range(5)] for v in range(6)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # five of five separated: p = 2/252, one pair; interval of the probability [0.56, 1]
        (
            [[5, 6, 7, 5.5, 6.5], [15, 16, 17, 15.5, 16.5]],
            {
                FID: (
                    "loss0 ranks first: mean 6.00 [",
                    "Established against the other variant, after Holm's correction.",
                    "loss0 beats loss1 with probability 1.00 [0.56, 1.00]; n = 5.",
                )
            },
        ),
        (
            FAR,  # the same numbers in a large family
            {
                FID: ("None of the differences is established",),
                "Sample size": ("15 pairs no difference can be established",),
            },
        ),
        (
            [[1, 2, 3], [100, 101, 102]],
            {
                FID: ("The difference is not established",),
                "Sample size": (
                    "With 3 seeds no rank test can reach p < 0.05",
                    "possible p: 0.1)",
                ),
            },
        ),
        ([[1, 2, 3, 4], [100, 101, 102, 103]], {"Sample size": ("fewer than 5 seeds",)}),
        ([[3], [2]], {FID: ("loss1 has the best value: 2", "certainty of this order is unknown")}),
        ([[3, 4]], {FID: ("nothing to compare it with",)}),
        (
            [[5, 6, 7], [30, 31, 32], [5, 6, 7]],
            {FID: ("loss0 shares the first rank with loss2: mean 6.00",)},
        ),
        (
            [[8], [8], [9], [8], [8], [8]],
            {FID: ("loss0 shares the best value with 4 others: 8",)},
        ),
        ([[None, None], [10, 11]], {FID: ("loss1 ranks first",)}),
        ([[None]], {"No numbers": ("nothing can be said",)}),
        ([[None], [None], [None]], {"No numbers": ("nothing can be said",)}),
    ],
)
def test_the_summary_claims_what_the_seeds_support(tmp_path, write_run, compared, values, expected):
    sweep(tmp_path, write_run, values)
    found = statements(compared, tmp_path)
    for topic, texts in expected.items():
        assert all(text in found[topic] for text in texts), found[topic]


def test_one_seed_claims_no_probability(tmp_path, write_run, compared):
    sweep(tmp_path, write_run, [[3], [2]])
    assert "probability" not in statements(compared, tmp_path)[FID]


def test_higher_is_better_for_accuracy(tmp_path, write_run, compared):
    sweep(tmp_path, write_run, [[0.9, 0.91], [0.95, 0.96]], "label_accuracy_m_test_1k")
    found = statements(compared, tmp_path)["Label accuracy, higher is better"]
    assert found.startswith("loss1 ranks")


def test_lost_runs_cost_the_first_place(tmp_path, write_run, compared):
    # loss0 is a little better when it finishes, once in three runs
    sweep(tmp_path, write_run, [[9.0, None, None], [10, 11, 12]])
    comparison = compared(tmp_path)
    (metric,) = headlines(comparison)
    assert [variant.name for variant in standing(comparison, metric)] == ["loss1", "loss0"]
    assert "loss0: 2 diverged of 3 runs" in statements(compared, tmp_path)["Runs lost"]


def test_the_summary_covers_two_kinds_of_metric(tmp_path, write_run, compared):
    names = ("fid_m_test_1k", "fid_m_validation_1k", "recall_m_test_1k", "kid_m_test_1k", "zzz")
    write_run(tmp_path / "0", metrics=dict.fromkeys(names, 1.0))
    found = [metric.name for metric in headlines(compared(tmp_path))]
    assert found == ["fid_m_test_1k", "recall_m_test_1k"]

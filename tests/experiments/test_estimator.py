"""A critic trained between two Gaussians comes near the exact divergence, from below."""

import math

import pytest

from gan_zoo.experiments import estimator
from gan_zoo.experiments.estimator import CASES, trained_bound
from gan_zoo.experiments.truth import DIVERGENCES, divergence, log_gaussian

P, Q = (0.0, 1.0), (0.7, 1.0)


def test_every_divergence_takes_part():
    assert {case.name for case in CASES} == set(DIVERGENCES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_bound_is_reached_from_below(case):
    exact = divergence(case.name, log_gaussian(*P), log_gaussian(*Q), case.parameter)
    bound = trained_bound(case.bound, P, Q, steps=300, batch_size=512)
    assert exact - 0.1 * abs(exact) < bound < exact


def test_closed_forms_of_the_pair():
    """Gaussians of equal variance, d = 0.7 apart: what the bounds above are held against."""
    d2 = 0.49
    erf = math.erf(0.7 / (2 * math.sqrt(2)))
    for name, parameter, expected in (
        ("kl", None, d2 / 2),
        ("reverse_kl", None, d2 / 2),
        ("jeffrey", None, d2),
        ("pearson", None, math.expm1(d2)),
        ("neyman", None, math.expm1(d2)),
        ("squared_hellinger", None, 2 - 2 * math.exp(-d2 / 8)),
        ("alpha", -0.5, (math.exp(0.75 * d2 / 2) - 1) / 0.75),
        ("total_variation", None, erf),
    ):
        found = divergence(name, log_gaussian(*P), log_gaussian(*Q), parameter)
        assert found == pytest.approx(expected, abs=1e-5), name


def test_the_bench_has_a_row_for_each_pair_and_finite_divergence(monkeypatch):
    monkeypatch.setattr(estimator, "trained_bound", lambda of, p, q, *, steps: -3.0)
    rows = estimator.rows()
    for p, q in estimator.PAIRS:
        here = [row for row in rows if row["P"] == f"N({p[0]}, {p[1]}^2)"
                and row["Q"] == f"N({q[0]}, {q[1]}^2)"]  # fmt: skip
        assert [row["divergence"] for row in here] == [str(case) for case in CASES]
        for row in here:
            assert row["bound"] == pytest.approx(
                row["exact"] - row["below %"] / 100 * abs(row["exact"])
            )

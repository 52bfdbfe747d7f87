import pytest

from gan_zoo.report.fairness import cautions


def texts(comparison, topic):
    return [caution.text for caution in cautions(comparison) if caution.topic == topic]


def two(tmp_path, write_run, first, second):
    for number, (loss, record) in enumerate((("bce", first), ("wgan", second))):
        write_run(tmp_path / str(number), loss, 0, **record)


def test_equal_runs_have_no_cautions(tmp_path, write_run, compared):
    two(tmp_path, write_run, {}, {})
    assert cautions(compared(tmp_path)) == []


def test_critic_steps_are_a_difference_in_budget(tmp_path, write_run, compared):
    two(tmp_path, write_run, {}, {"critic_steps": 5})
    found = texts(compared(tmp_path), "Budget")
    assert found == [
        "Discriminator updates differ: 400 (bce); 2,000 (wgan).",
        "Real images seen differ: 40,000 (bce); 200,000 (wgan).",
    ]


@pytest.mark.parametrize(
    ("section", "key", "topic"),
    [
        ("environment", "commit", "Code"),
        ("environment", "torch", "Code"),
        ("environment", "cpu", "Hardware"),
        ("environment", "threads", "Hardware"),
        ("dataset", "sha256", "Data"),
        ("dataset", "name", "Data"),
    ],
)
def test_facts_that_differ(tmp_path, write_run, compared, section, key, topic):
    two(tmp_path, write_run, {section: {key: "this"}}, {section: {key: "that"}})
    (text,) = texts(compared(tmp_path), topic)
    assert "this (bce); that (wgan)" in text
    assert ("Seconds are not comparable" in text) == (topic == "Hardware")


def test_missing_facts_are_not_a_difference(tmp_path, write_run, compared):
    two(tmp_path, write_run, {"environment": {"commit": None}}, {"environment": {}})
    assert cautions(compared(tmp_path)) == []


def test_evaluator_settings_and_metrics(tmp_path, write_run, compared):
    config = {"evaluation": {"samples": 1000}}, {"evaluation": {"samples": 5000}}
    two(
        tmp_path, write_run,
        {"config": config[0], "metrics": {"fid_m_test_1k": 1.0}},
        {"config": config[1], "metrics": {"fid_m_test_5k": 1.0}},
    )  # fmt: skip
    found = texts(compared(tmp_path), "Evaluator")
    assert "fid_m_test_1k (bce); fid_m_test_5k (wgan)" in found[0]
    assert "evaluation.samples differs: 1000 (bce); 5000 (wgan)" in found[1]


def test_seeds_that_differ(tmp_path, write_run, compared):
    write_run(tmp_path / "0", "bce", 0)
    write_run(tmp_path / "1", "bce", 1)
    write_run(tmp_path / "2", "wgan", 0)
    assert "0–1 (bce); 0 (wgan)" in texts(compared(tmp_path), "Seeds")[0]


def test_a_variant_of_two_configurations(tmp_path, write_run, compared):
    write_run(tmp_path / "0", "bce", 0, config={"trainer": {"epochs": 3}, "seed": 0})
    write_run(tmp_path / "1", "bce", 1, config={"trainer": {"epochs": 9}, "seed": 1})
    assert texts(compared(tmp_path), "Configuration") == [
        "Runs of bce differ in more than the seed: trainer.epochs."
    ]


def test_unfinished_and_repeated_runs(tmp_path, write_run, compared):
    write_run(tmp_path / "0", "bce", 0)
    write_run(tmp_path / "1", "bce", 0, started="2026-11-25")
    write_run(tmp_path / "2", "bce", 1, status="running")
    write_run(tmp_path / "3", "bce", 2, status="failed")
    comparison = compared(tmp_path)
    found = texts(comparison, "Progress")
    assert found[0].startswith("1 run not finished yet (bce)")
    assert found[1].startswith("1 run failed or interrupted (bce)")
    assert any("repeat a variant and seed" in text for text in texts(comparison, "Seeds"))


def test_many_names_are_counted_not_listed(tmp_path, write_run, compared):
    for number in range(9):
        environment = {"commit": "old" if number < 8 else "new"}
        write_run(tmp_path / str(number), f"v{number}", environment=environment, history=[])
    (text,) = texts(compared(tmp_path), "Code")
    assert "old (v0, v1, v2, v3 and 4 more); new (v8)" in text


def test_a_warning_of_several_runs_is_listed_once(tmp_path, write_run, compared):
    warned = {"wgan": ["weights are not clipped"], "bce": []}
    for loss, warnings in warned.items():
        for seed in range(2):
            write_run(tmp_path / f"{loss}{seed}", loss, seed, warnings=warnings)
    found = [c.text for c in cautions(compared(tmp_path)) if c.topic == "Recipe"]
    assert found == ["wgan: weights are not clipped"]

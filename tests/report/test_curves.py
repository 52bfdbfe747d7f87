import numpy as np

from gan_zoo.report.curves import curve
from gan_zoo.report.data import page_data, to_script
from gan_zoo.report.sample_strips import Evolution


def test_median_and_extremes_by_hand(tmp_path, write_run, compared):
    rows = {0: [1.0, 5.0, ""], 1: [2.0, 7.0, 2.0], 2: [9.0]}  # the last diverged after an epoch
    for seed, values in rows.items():
        history = [
            {"epoch": e, "a": v, "generator_updates": 10 * e} for e, v in enumerate(values, 1)
        ]
        status = "diverged" if seed == 2 else "finished"
        write_run(tmp_path / str(seed), seed=seed, status=status, history=history)
    (variant,) = compared(tmp_path).variants
    found = curve(variant, "a", "epoch")
    np.testing.assert_array_equal(found.x, [1, 2, 3])
    np.testing.assert_array_equal(found.median, [2, 6, 2])
    np.testing.assert_array_equal(found.low, [1, 5, 2])
    np.testing.assert_array_equal(found.high, [9, 7, 2])
    np.testing.assert_array_equal(found.seeds, [3, 2, 1])
    np.testing.assert_array_equal(curve(variant, "a", "generator_updates").x, [10, 20, 30])


def test_seconds_are_the_median_over_seeds(tmp_path, write_run, compared):
    for seed in range(3):
        folder = write_run(tmp_path / str(seed), seed=seed, history=[{"epoch": 1, "a": 1.0}])
        (folder / "timing.csv").write_text(f"epoch,seconds\n1,{(seed + 1) ** 2}\n")
    (variant,) = compared(tmp_path).variants
    np.testing.assert_array_equal(curve(variant, "a", "seconds").x, [4])


def test_a_column_that_nobody_has(tmp_path, write_run, compared):
    write_run(tmp_path / "0", history=[{"epoch": 1, "a": ""}])
    (variant,) = compared(tmp_path).variants
    assert curve(variant, "a") is None
    assert curve(variant, "b") is None
    assert curve(variant, "a", "seconds") is None


def test_long_histories_are_thinned_on_the_page(tmp_path, write_run, compared):
    history = [{"epoch": e, "a": e} for e in range(1, 1002)]
    write_run(tmp_path / "0", history=history)
    data = page_data(compared(tmp_path), Evolution((), {}, {}), {})
    epochs = data["runs"][0]["curves"]["epoch"]
    assert len(epochs) <= 201
    assert epochs[-1] == 1001


def test_embedded_data_cannot_end_the_script():
    text = to_script({"</script>": ["<!--", "&", "\u2028", float("nan"), 1.23456789e-9, 2.0]})
    assert not set("<>&\u2028") & set(text)
    assert text.endswith("null,1.23457e-09,2]}")

"""The soak in small; ``python -m benchmarks.soak`` is the whole of it."""

from benchmarks.soak import Options, different, outcome, soak


def test_killed_workers_and_damaged_files_change_no_number(tmp_path, capsys):
    assert soak(Options(runs=2, kills=2), tmp_path)
    told = capsys.readouterr().out
    assert "2 kills" in told
    assert "0 lost, 0 there twice, 0 different" in told
    ((one, *_), (two, *_), *_) = outcome(tmp_path / "disturbed").values()
    assert different(one, two)  # of two losses: so the comparison can tell

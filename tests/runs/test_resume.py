"""Which run resumes, starts over or is refused in a folder."""

import pytest

from gan_zoo.runs.record import (
    AlreadyFinished,
    DamagedRecord,
    RunRecord,
    read_record,
    write_record,
    write_text,
)
from gan_zoo.runs.resume import (
    PreviousRunFailed,
    differences,
    run_folder,
    should_resume,
    sweep_folder,
)
from gan_zoo.types import ConfigurationError


def record(status="running", run_id="abc", epochs=2, lr_decay=0.0, every=1, **more):
    config = {
        "loss": {"smoothing": 0.1},
        "trainer": {"epochs": epochs, "lr_decay": lr_decay},
        "evaluation": {"every": every},
        "device": "cpu",
        **more,
    }
    error = {"kind": "MemoryError", "message": ""} if status == "failed" else None
    return RunRecord(run_id, "bce", 0, status, config=config, error=error)


def left(folder, old, *, state=True):
    write_record(folder, old)
    if state:
        write_text(folder / "checkpoints/state.pt", "")


def ask(folder, new=None, choice="auto", *, retry=False):
    return should_resume(folder, new or record(), choice, retry=retry)


@pytest.mark.parametrize("status", ["running", "interrupted"])
def test_an_interrupted_run_resumes_unless_asked_not_to(tmp_path, status):
    assert not ask(tmp_path)  # nothing there
    left(tmp_path, record(status), state=False)
    assert not ask(tmp_path)  # nothing to go on from
    left(tmp_path, record(status))
    assert ask(tmp_path)
    assert ask(tmp_path, choice="retry")
    assert not ask(tmp_path, choice="never")


@pytest.mark.parametrize("choice", ["auto", "never", "retry"])
def test_a_finished_run_is_never_repeated(tmp_path, choice):
    left(tmp_path, record("finished"))
    with pytest.raises(AlreadyFinished):
        ask(tmp_path, choice=choice, retry=True)


def test_with_retry_a_diverged_run_starts_over_and_a_failed_one_resumes(tmp_path):
    left(tmp_path, record("diverged"))
    with pytest.raises(AlreadyFinished):
        ask(tmp_path, retry=True)
    assert not ask(tmp_path, choice="retry", retry=True)
    assert not (tmp_path / "record.json").exists()
    assert (tmp_path / "record.json.diverged").exists()
    left(tmp_path, record("failed"))
    with pytest.raises(PreviousRunFailed, match=r"failed \(MemoryError\); resume=retry"):
        ask(tmp_path)
    assert ask(tmp_path, choice="retry", retry=True)


def test_another_configuration_is_an_error_that_names_the_differences(tmp_path):
    left(tmp_path, record("interrupted"))
    other = record(run_id="other", loss={"smoothing": 0.2}, device="cuda")
    with pytest.raises(ConfigurationError, match=r"loss\.smoothing: there 0\.1, here 0\.2") as told:
        ask(tmp_path, other)
    assert "device" not in str(told.value)
    assert "never overwritten" in str(told.value)
    with pytest.raises(ConfigurationError, match="gan_zoo's version"):
        ask(tmp_path, record(run_id="other"))


def test_a_corrected_mistake_is_not_another_configuration(tmp_path):
    left(tmp_path, record("failed"), state=False)
    assert not ask(tmp_path, record(run_id="other", loss={}))


def test_epochs_may_grow_if_the_shorter_run_is_the_beginning_of_the_longer(tmp_path):
    left(tmp_path, record("finished"))
    assert ask(tmp_path, record(run_id="other", epochs=3))
    with pytest.raises(ConfigurationError, match=r"trainer\.epochs: there 2, here 1"):
        ask(tmp_path, record(run_id="other", epochs=1))
    left(tmp_path, record("finished", lr_decay=0.5))
    with pytest.raises(ConfigurationError, match="lr_decay is more than 0"):
        ask(tmp_path, record(run_id="other", epochs=3, lr_decay=0.5))
    left(tmp_path, record("finished", every=3))
    with pytest.raises(ConfigurationError, match=r"evaluation\.every is 3"):
        ask(tmp_path, record(run_id="other", epochs=3, every=3))
    left(tmp_path, record("finished"))
    (tmp_path / "checkpoints/state.pt").unlink()
    with pytest.raises(ConfigurationError, match="no state that more epochs could start from"):
        ask(tmp_path, record(run_id="other", epochs=3))


def test_a_state_of_the_old_format_is_reported_and_the_run_starts_over(tmp_path, capsys):
    left(tmp_path, record("interrupted"), state=False)
    write_text(tmp_path / "checkpoints/state.safetensors", "")
    assert not ask(tmp_path)
    assert "written by an older version and cannot be read" in capsys.readouterr().err


def test_a_damaged_record_is_renamed_and_the_state_decides(tmp_path, capsys):
    left(tmp_path, record("interrupted"))
    (tmp_path / "record.json").write_text("{")
    with pytest.raises(DamagedRecord):
        ask(tmp_path, choice="never")
    assert ask(tmp_path)
    assert (tmp_path / "record.json.damaged").read_text() == "{"
    assert "kept as record.json.damaged" in capsys.readouterr().err
    with pytest.raises(Exception, match="cannot be read"):
        read_record(tmp_path)


def test_differences_are_of_leaves_and_of_keys_that_one_side_lacks():
    old = {"a": {"b": [1, 2], "c": {}}, "x": 1, "resume": "auto"}
    new = {"a": {"b": [1, 3]}, "x": 1, "y": None, "z": 0}
    assert differences(old, new) == {"a.b": ([1, 2], [1, 3]), "a.c": ({}, None), "z": (None, 0)}


def test_resume_and_sweep_name_choose_the_folder(tmp_path):
    assert run_folder("auto", "usual") == "usual"
    with pytest.raises(ValueError, match="resume is 'atuo'; allowed: auto, never, retry"):
        run_folder("atuo", "usual")
    write_record(tmp_path, record())
    assert run_folder(str(tmp_path), "usual") == str(tmp_path)
    with pytest.raises(ValueError, match="but this is a sweep"):
        sweep_folder(str(tmp_path), None, "usual")
    assert sweep_folder("retry", None, "usual") == "usual"
    assert sweep_folder("auto", "wide-2", "usual") == "multirun/wide-2"
    for name in ("../up", "a/b", "", ".."):
        with pytest.raises(ValueError, match="sweep_name is"):
            sweep_folder("auto", name, "usual")

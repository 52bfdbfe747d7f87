"""One process holds a folder at a time, tested with real processes."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from gan_zoo.runs import lock
from gan_zoo.runs.lock import LOCK_NAME, Owner, RunLock, RunLockedError, alive, owner

HOLD = """
import sys, time
from pathlib import Path
from gan_zoo.runs.lock import RunLockedError, RunLock
try:
    with RunLock(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
except RunLockedError as error:
    print("busy", error, flush=True)
"""


def holder(folder):
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def said(process):
    return process.stdout.readline().split()[0]


def end(process):
    process.stdin.close()
    process.wait()
    process.stdout.close()


def test_a_folder_has_one_owner_and_then_another(tmp_path):
    assert owner(tmp_path) is None
    with RunLock(tmp_path):
        assert owner(tmp_path).pid == os.getpid()
        assert alive(tmp_path)
        other = holder(tmp_path)
        assert f"being trained by process {os.getpid()} on" in other.stdout.read()
        end(other)
    assert owner(tmp_path) is None
    assert not alive(tmp_path)
    other = holder(tmp_path)
    assert said(other) == "held"
    assert alive(tmp_path)
    with pytest.raises(RunLockedError, match=f"process {other.pid}"), RunLock(tmp_path):
        pass
    end(other)


def test_one_of_many_processes_acquires_the_lock_of_a_dead_owner(tmp_path):
    first = holder(tmp_path)
    assert said(first) == "held"
    first.kill()
    first.wait()
    end(first)
    assert owner(tmp_path).pid == first.pid  # he could not say that he went
    assert not alive(tmp_path)
    others = [holder(tmp_path) for _ in range(6)]
    assert sorted(said(other) for other in others) == ["busy"] * 5 + ["held"]
    for other in others:
        end(other)


def write_owner(folder, who, age=0.0):
    (folder / LOCK_NAME).write_text(json.dumps(asdict(who)))
    then = time.time() - age
    os.utime(folder / LOCK_NAME, (then, then))


def test_a_reused_process_id_is_not_the_owner(tmp_path):
    with RunLock(tmp_path):
        me = owner(tmp_path)
    write_owner(tmp_path, me)
    assert alive(tmp_path)
    write_owner(tmp_path, replace(me, born="1"))
    assert not alive(tmp_path)


def test_an_owner_elsewhere_is_alive_while_it_refreshes_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "SETTLE", 0.0)
    elsewhere = Owner("other", "other machine", os.getpid(), "1")
    write_owner(tmp_path, elsewhere, age=lock.STALE - 60)
    assert alive(tmp_path)
    with pytest.raises(RunLockedError, match="which was alive"), RunLock(tmp_path):
        pass
    write_owner(tmp_path, elsewhere, age=lock.STALE + 60)
    assert not alive(tmp_path)
    with RunLock(tmp_path):
        assert owner(tmp_path).pid == os.getpid()


def test_of_two_machines_that_acquire_at_once_the_last_to_write_has_the_lock(tmp_path, monkeypatch):
    other = Owner("third", "third machine", 1, "1")
    write_owner(tmp_path, Owner("other", "other machine", 1, "1"), age=lock.STALE + 60)
    monkeypatch.setattr(lock.time, "sleep", lambda _: write_owner(tmp_path, other))
    with (
        pytest.raises(RunLockedError, match="just acquired by process 1 on third"),
        RunLock(tmp_path),
    ):
        pass


def test_an_owner_refreshes_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.01)
    with RunLock(tmp_path):
        os.utime(tmp_path / LOCK_NAME, (0, 0))
        until = time.monotonic() + 10
        while (tmp_path / LOCK_NAME).stat().st_mtime == 0:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_truncated_lock_file_has_no_owner(tmp_path):
    (tmp_path / LOCK_NAME).write_text('{"host": "a"')
    assert owner(tmp_path) is None
    with RunLock(tmp_path):
        assert alive(tmp_path)

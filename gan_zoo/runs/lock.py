"""A lock on a run's folder: one process trains a run at a time, and ``run.lock`` says which.

The kernel's lock on that file (``flock``) excludes others and ends with the process, so a lock is
never stale on one machine. The file's content names the owner, for people and ``gan-zoo status``
(which the package filelock does not record). Where a network file system does not share locks
between machines, the file's modification time shows that an owner elsewhere is alive: it is
refreshed every ``BEAT`` seconds, and the owner counts as dead after ``STALE`` seconds.
"""

import fcntl
import json
import os
import platform
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

LOCK_NAME = "run.lock"
BEAT = 30.0  # seconds between two refreshes
STALE = 600.0  # seconds without one after which an owner on another machine counts as dead
SETTLE = 2.0  # seconds in which two machines that acquire the lock at once see each other


class RunLockedError(RuntimeError):
    """Raised when another process is training a run; names the process."""


@dataclass(frozen=True)
class Owner:
    """The process that holds a lock; its id alone may since belong to another process."""

    host: str
    machine: str  # this boot of the machine, and the namespace of its process ids
    pid: int
    born: str  # when the process started, in ticks since boot

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class RunLock:
    """Hold the lock on a run's folder while the ``with`` block lasts.

    Raises:
        RunLockedError: on entry, if another living process holds it.
    """

    def __init__(self, folder: Path):
        self.path = folder / LOCK_NAME
        self._done = threading.Event()

    def __enter__(self) -> "RunLock":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._acquire()
        except BaseException:
            os.close(self._handle)
            raise
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()
        os.ftruncate(self._handle, 0)  # no owner; removing the file would be a race
        os.close(self._handle)

    def _acquire(self) -> None:
        folder = self.path.parent
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunLockedError(
                f"{folder} is being trained by {owner(folder) or 'another process'}"
            ) from error
        before, pid = owner(folder), os.getpid()
        mine = Owner(platform.node(), _machine(), pid, _born(pid) or "")
        elsewhere = before is not None and before.machine != mine.machine
        if elsewhere and _age(self.path) < STALE:
            raise RunLockedError(
                f"{folder} is being trained by {before}, which was alive {_age(self.path):.0f} s"
                f" ago; it counts as dead after {STALE:.0f} s"
            )
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, json.dumps(asdict(mine)).encode(), 0)
        os.fsync(self._handle)
        if elsewhere:
            time.sleep(SETTLE)
            now = owner(folder)
            if now != mine:
                raise RunLockedError(f"{folder} was just acquired by {now or 'another process'}")

    def _beat(self) -> None:
        while not self._done.wait(BEAT):
            os.utime(self._handle)


def owner(folder: Path) -> Owner | None:
    """Return the process that holds the lock on a folder, or held it when it died; else None."""
    try:
        content = json.loads((folder / LOCK_NAME).read_text())
        return Owner(
            str(content["host"]), str(content["machine"]), int(content["pid"]), str(content["born"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # there is no such file, or it is empty or cut off


def alive(folder: Path) -> bool:
    """Return whether a living process holds the lock on a folder."""
    held_by = owner(folder)
    if held_by is None:
        return False
    if held_by.machine != _machine():
        return _age(folder / LOCK_NAME) < STALE
    return _born(held_by.pid) == held_by.born


def _machine() -> str:
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    known = boot.read_text().strip() if boot.exists() else ""
    return f"{platform.node()} {known} {os.readlink(space) if space.is_symlink() else ''}".strip()


def _born(pid: int) -> str | None:
    """Return when a process started, None if it does not exist; without /proc, "" if it does."""
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the name before may contain anything
        return None if fields[0] == "Z" else fields[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # it exists, but is another user's
    return ""


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime

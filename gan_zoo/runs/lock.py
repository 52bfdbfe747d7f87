"""One process trains a run at a time: ``run.lock`` in its folder says which one.

The kernel's lock on that file (``flock``) is what excludes: it ends with the process, however that
ends, so nothing on one machine is ever stale, and taking over cannot be a race. The file's content
says who holds it, for people and for ``gan-zoo status``, and its time of change, refreshed every
``BEAT`` seconds, is what tells a living owner on another machine where a network file system does
not carry locks across: such an owner counts as dead after ``STALE`` seconds.
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
BEAT = 30.0  # seconds between two signs of life
STALE = 600.0  # seconds without one after which an owner elsewhere counts as dead
SETTLE = 2.0  # seconds for two machines that take over at once to see each other


class RunLockedError(RuntimeError):
    """Another process trains this run: which."""


@dataclass(frozen=True)
class Owner:
    """Who holds a lock; a process id alone may be another process's by now."""

    host: str
    machine: str  # this boot of the machine, and the namespace its process ids belong to
    pid: int
    born: str  # when the process started, in ticks since boot

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class RunLock:
    """Holds a run's folder for this process while the ``with`` block lasts.

    Raises:
        RunLockedError: on entry, if another process that is alive holds it.
    """

    def __init__(self, folder: Path):
        self.path = folder / LOCK_NAME
        self._done = threading.Event()

    def __enter__(self) -> "RunLock":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._take()
        except BaseException:
            os.close(self._handle)
            raise
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()
        os.ftruncate(self._handle, 0)  # nobody's; the file stays, as removing it would be a race
        os.close(self._handle)

    def _take(self) -> None:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunLockedError(
                f"{self.path.parent} is being trained by {_told(self.path)}"
            ) from error
        before = owner(self.path.parent)
        mine = _me()
        elsewhere = before is not None and before.machine != mine.machine
        if elsewhere and _age(self.path) < STALE:
            raise RunLockedError(
                f"{self.path.parent} is being trained by {before}, which gave a sign of life"
                f" {_age(self.path):.0f} s ago; it counts as dead after {STALE:.0f} s"
            )
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, json.dumps(asdict(mine)).encode(), 0)
        os.fsync(self._handle)
        if elsewhere:
            time.sleep(SETTLE)
            if owner(self.path.parent) != mine:
                raise RunLockedError(
                    f"{self.path.parent} was taken over by {_told(self.path)} just now"
                )

    def _beat(self) -> None:
        while not self._done.wait(BEAT):
            os.utime(self._handle)


def owner(folder: Path) -> Owner | None:
    """Who holds or held a run's folder when he died; None: nobody."""
    try:
        content = json.loads((folder / LOCK_NAME).read_text())
        return Owner(
            str(content["host"]), str(content["machine"]), int(content["pid"]), str(content["born"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no such file, empty, or cut off when its writer died


def alive(folder: Path) -> bool:
    """Whether a living process holds a run's folder."""
    held_by = owner(folder)
    if held_by is None:
        return False
    if held_by.machine != _machine():
        return _age(folder / LOCK_NAME) < STALE
    return _born(held_by.pid) == held_by.born


def _me() -> Owner:
    return Owner(platform.node(), _machine(), os.getpid(), _born(os.getpid()) or "")


def _machine() -> str:
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    known = boot.read_text().strip() if boot.exists() else ""
    return f"{platform.node()} {known} {os.readlink(space) if space.is_symlink() else ''}".strip()


def _born(pid: int) -> str | None:
    """When a process started; None if there is none such; without /proc, only that it is there."""
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the name before may hold anything
        return None if fields[0] == "Z" else fields[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # there, but another user's
    return ""


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _told(path: Path) -> str:
    return str(owner(path.parent) or "another process")

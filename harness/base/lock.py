"""One measurement at a time on each machine, whichever checkout, folder or user it is of.

The lock is the kernel's (``flock``) on one file that all of them know: it ends with the process
that holds it, however that ends. What stands in the file is for people alone.
"""

import contextlib
import fcntl
import json
import os
import stat
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Iterator, Optional

import psutil

from nutsbench.base.errors import UserError

#: Names another file than the machine's: for tests, and for containers that share a folder.
FILE = "NUTSBENCH_LOCK"
#: The process that holds the lock, and of which file; what it starts is part of its measurement.
OWNER = "NUTSBENCH_LOCK_OWNER"
#: Folders that every user can make a file in, best first; TMPDIR and XDG_RUNTIME_DIR are a user's own.
_SHARED = (Path("/run/lock"), Path("/tmp"))
_NAME = "nutsbench.base.lock"
_POLL_S = 0.25

Say = Callable[[str], None]


@dataclass(frozen=True)
class Holder:
    """Who measures.

    Parameters
    ----------
    pid : int
        Its process; 0 if it does not say.
    command : str
        What it was started as.
    since : str
        UTC, ISO 8601.
    """

    pid: int = 0
    command: str = ""
    since: str = ""

    def __str__(self) -> str:
        if not self.pid:
            return "another process"
        return f"process {self.pid} ({self.command}), since {self.since}"


@dataclass
class _Held:
    handle: int = -1
    depth: int = 0


_held = _Held()


def path() -> Path:
    """Return the file that is locked: ``NUTSBENCH_LOCK``, else one that all users of the machine share."""
    given = os.environ.get(FILE)
    if given:
        return Path(given).absolute()
    return next(filter(_is_shared, _SHARED), _SHARED[-1]) / _NAME


def _is_shared(folder: Path) -> bool:
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    # Sticky: nobody can put another file in its place.
    shared = stat.S_ISDIR(mode) and bool(mode & stat.S_IWOTH) and bool(mode & stat.S_ISVTX)
    return shared and os.access(folder, os.W_OK | os.X_OK)


@contextlib.contextmanager
def machine(command: str, say: Say, wait: bool = True) -> Iterator[None]:
    """Have the machine to oneself while the context lasts.

    Nested use, in this process or in one that a holder has started, is part of the holder's. What was
    known before may have been measured meanwhile: look again.

    Parameters
    ----------
    command : str
        What goes on, for those who wait.
    say : callable
        Told for whom this process waits.
    wait : bool
        Whether to wait; else it is an error that somebody else measures.

    Raises
    ------
    UserError
        If somebody else measures and ``wait`` is false.
    """
    _acquire(command, say, wait)
    try:
        yield
    finally:
        _release()


def keep(command: str, say: Say) -> None:
    """Have the machine to oneself for as long as this process lives; see :func:`machine`."""
    if not _held.depth:
        _acquire(command, say, wait=True)


def _acquire(command: str, say: Say, wait: bool) -> None:
    where = path()
    if _held.depth:
        _held.depth += 1
        return
    told: Optional[Holder] = None
    while True:
        try:
            handle = _locked(where)
        except OSError as error:
            say(f"Warning: whether others measure cannot be told ({error.strerror or error}: {where}).")
            return
        if handle is not None:
            _take(handle, where, command)
            return
        if _is_owned_by_ancestor(where):
            return
        other = _holder(where)
        if not wait:
            raise UserError(
                f"Something is measured on this machine by {other}: wait for its end, or leave out --no-wait."
            )
        if other != told:
            say(f"Waiting for {other}: it measures on this machine ...")
            told = other
        time.sleep(_POLL_S)


def _take(handle: int, where: Path, command: str) -> None:
    _held.handle, _held.depth = handle, 1
    os.environ[OWNER] = f"{os.getpid()} {where}"
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    text = json.dumps(asdict(Holder(os.getpid(), command, since))) + "\n"
    # Another user's file may be for reading alone: the lock holds all the same.
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)


def _release() -> None:
    if not _held.depth:
        return
    _held.depth -= 1
    if _held.depth:
        return
    os.environ.pop(OWNER, None)
    with contextlib.suppress(OSError):
        os.ftruncate(_held.handle, 0)
    os.close(_held.handle)
    _held.handle = -1


def _locked(where: Path) -> Optional[int]:
    """Return a handle that holds the lock, ``None`` if another process does.

    Raises
    ------
    OSError
        If there can be no such file.
    """
    handle = _open(where)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A file that was cleaned away meanwhile is nobody's lock.
        if os.path.samestat(os.fstat(handle), os.lstat(where)):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(handle)
    return None


def _open(where: Path) -> int:
    # Not through a link, which may lead to somebody's file, and never waiting for a pipe's other end.
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = -1
    for _ in range(3):
        # Opened before it is made: a kernel may refuse O_CREAT on another user's file.
        try:
            handle = os.open(where, flags)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                handle = os.open(where, flags | os.O_CREAT | os.O_EXCL, 0o666)
                # Whatever the umask: other users have to lock it, and say who they are.
                os.fchmod(handle, 0o666)
        except PermissionError:
            handle = os.open(where, (flags & ~os.O_RDWR) | os.O_RDONLY)
        if handle >= 0:
            break
    else:
        raise FileNotFoundError(2, "comes and goes", str(where))
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(handle)
        raise OSError(0, "is not a file of its own", str(where))
    return handle


def _holder(where: Path) -> Holder:
    """Return who says that it holds the lock."""
    try:
        handle = _open(where)
        try:
            values = json.loads(os.pread(handle, 4096, 0))
        finally:
            os.close(handle)
        found = Holder(int(values["pid"]), _plain(values["command"]), _plain(values["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()
    return found if psutil.pid_exists(found.pid) else Holder()


def _plain(text: object) -> str:
    """Return what another user has written without what would move a terminal's cursor."""
    return "".join(letter for letter in str(text) if letter.isprintable())[:200]


def _is_owned_by_ancestor(where: Path) -> bool:
    pid, _, of = os.environ.get(OWNER, "").partition(" ")
    if of != str(where) or not pid.isdigit():
        return False
    try:
        return int(pid) in {one.pid for one in psutil.Process().parents()}
    except psutil.Error:
        return False


def _forget_in_child() -> None:
    """Let go of the file in a fork: the lock has to end with the process that took it."""
    if _held.handle >= 0:
        os.close(_held.handle)
    _held.handle, _held.depth = -1, 0


os.register_at_fork(after_in_child=_forget_in_child)

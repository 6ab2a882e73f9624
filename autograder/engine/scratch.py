"""What lies in the folders that student code may write to, kept in memory, so that a test's files go with the test.

Only the reaper calls this, and only while no student code runs. Links are kept as links and never followed. A write
through a shared mapping of a file that was there before is not noticed: in a tmpfs it leaves the times as they were.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path

UNSETTLED_NS = 50_000_000  # the kernel's clock for files ticks every few milliseconds


@dataclass(frozen=True)
class Entry:
    """A file, link or folder. `identity` changes with every write; a fresh one is no proof, for the clock is coarse."""

    mode: int
    owner: int
    identity: tuple
    is_fresh: bool
    content: bytes | str | None


Saved = dict[str, Entry]


def save(roots: tuple[str, ...], before: Saved) -> Saved:
    """Everything below the folders; what has not changed since `before` is not read again."""
    saved: Saved = {}
    for path, status in _below(roots):
        known = before.get(path)
        if known is not None and known.identity == _identity(status) and not known.is_fresh:
            saved[path] = known
        else:
            saved[path] = _entry(path, status)
    return saved


def restore(roots: tuple[str, ...], saved: Saved) -> Saved:
    """Make everything as it was; returns what is there now, which differs from `saved` in identities alone."""
    now: Saved = {}
    for path, status in list(_below(roots)):
        known = saved.get(path)
        if known is None or stat.S_IFMT(known.mode) != stat.S_IFMT(status.st_mode):
            _remove(path)
        elif known.identity == _identity(status) and not known.is_fresh:
            now[path] = known
        elif stat.S_ISDIR(known.mode) or _entry(path, status).content == known.content:
            if status.st_mode != known.mode:
                os.chmod(path, stat.S_IMODE(known.mode), follow_symlinks=False)
            now[path] = _entry(path, os.lstat(path), known.content)
    for path, known in saved.items():
        if path not in now:
            _make(path, known)
            now[path] = _entry(path, os.lstat(path), known.content)
    return now


def _below(roots: tuple[str, ...]):
    """Paths and their status, parents first; links are not followed."""
    for root in roots:
        folders = [root]
        while folders:
            with contextlib.suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):  # it went with the folder it was in
                        yield entry.path, entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)


def _identity(status: os.stat_result) -> tuple:
    return status.st_dev, status.st_ino, status.st_size, status.st_mode, status.st_mtime_ns, status.st_ctime_ns


def _entry(path: str, status: os.stat_result, content: bytes | str | None = None) -> Entry:
    if content is None and stat.S_ISREG(status.st_mode):
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            content = file.read()
    elif content is None and stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    is_fresh = time.time_ns() - status.st_ctime_ns < UNSETTLED_NS
    return Entry(status.st_mode, status.st_uid, _identity(status), is_fresh, content)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        Path(path).unlink(missing_ok=True)


def _make(path: str, known: Entry) -> None:
    """Make a file, link or folder as it was; a file that is there is written anew in place, since it may be open."""
    if stat.S_ISDIR(known.mode):
        os.mkdir(path)
    elif stat.S_ISLNK(known.mode):
        _remove(path)
        os.symlink(known.content, path)
    elif stat.S_ISREG(known.mode):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(known.content)
    else:
        os.mkfifo(path)  # a pipe or a socket; nothing else can be made without privileges
    if not stat.S_ISLNK(known.mode):
        os.chmod(path, stat.S_IMODE(known.mode))
    if known.owner != os.lstat(path).st_uid:
        os.chown(path, known.owner, known.owner, follow_symlinks=False)

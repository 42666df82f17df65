"""Compiled modules that Theano takes over from no process, kept by what they were compiled from.

Some of Theano's operations have no version, so that each process compiles them anew: two seconds of g++ in
every worker. Here a module is kept under a digest of its C source, the compiler, its flags, Python, numpy and
Theano's headers, and another process that asks for the very same one gets a copy. Stacks and checkouts share
the folder. It is used where compiling is not what is measured: benchmarks of it go without, and a record says
how many modules came from it.
"""

import contextlib
import hashlib
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from nutsbench.inside import precompiled

#: Where they are kept; nothing is, without it.
VARIABLE = "NUTSBENCH_MODULES_STORE"
#: What is used least recently leaves where all of it is larger.
LIMIT_BYTES = 512 * 2**20
_DIGEST_BYTES = 32


class Store:
    """Files under a digest, whole or not there.

    Parameters
    ----------
    folder : Path
        Its folder; made when something is kept.
    limit_bytes : int
        How large all files may be together.
    """

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    def get(self, key: str) -> Optional[bytes]:
        """Return what is kept under a key; None if nothing is, or what is there was damaged."""
        path = self._folder / key
        try:
            content = path.read_bytes()
        except OSError:
            return None
        digest, kept = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        with contextlib.suppress(OSError):
            if hashlib.sha256(kept).digest() == digest:
                os.utime(path)
                return kept
            path.unlink()
        return None

    def put(self, key: str, content: bytes) -> None:
        """Keep a file's content under a key; where that cannot be, it is not kept."""
        part = self._folder / f".{key}.{os.getpid()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(hashlib.sha256(content).digest() + content)
            os.replace(part, self._folder / key)
            self._trim()
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()

    def size_bytes(self) -> int:
        """Return how large all files are together."""
        return sum(size for _, size, _ in self._files())

    def _files(self) -> List[Tuple[float, int, Path]]:
        """Return when each file was last used, and its size in bytes."""
        found = []
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                with contextlib.suppress(OSError):
                    seen = path.stat()
                    found.append((seen.st_mtime, seen.st_size, path))
        return found

    def _trim(self) -> None:
        files = sorted(self._files())
        size = sum(one for _, one, _ in files)
        for _, one, path in files:
            if size <= self._limit_bytes:
                break
            path.unlink()
            size -= one


def store() -> Optional[Store]:
    """Return the store that this process was told of, if any."""
    folder = os.environ.get(VARIABLE)
    return Store(Path(folder)) if folder else None


@contextlib.contextmanager
def taken_over() -> Iterator[List[Path]]:
    """Let Theano's compilations be taken from the store while the context lasts, and be kept there.

    Yields
    ------
    list of Path
        Files of the modules that were taken from it, as far as it has come.
    """
    taken: List[Path] = []
    kept, cmodule = store(), precompiled.cmodule()
    if kept is None:
        yield taken
        return
    plain = cmodule.output_subprocess_Popen

    def run(command: Any, **options: Any) -> Any:
        named = parts(command)
        if named is None:
            return plain(command, **options)
        source, target, words = named
        key = key_of(source, words)
        content = kept.get(key)
        if content is not None:
            target.write_bytes(content)
            taken.append(target)
            return b"", b"", 0
        done = plain(command, **options)
        if done[2] == 0:
            kept.put(key, target.read_bytes())
        return done

    cmodule.output_subprocess_Popen = run
    try:
        yield taken
    finally:
        cmodule.output_subprocess_Popen = plain


@contextlib.contextmanager
def noted() -> Iterator[List[Path]]:
    """Note what this process compiles, or takes from the store, while the context lasts.

    What other processes add to Theano's cache at the same time is not among it. Enter it after
    :func:`taken_over`, whose modules it sees then as well.

    Yields
    ------
    list of Path
        Files of the modules, as far as it has come.
    """
    targets: List[Path] = []
    cmodule = precompiled.cmodule()
    plain = cmodule.output_subprocess_Popen

    def run(command: Any, **options: Any) -> Any:
        named = parts(command)
        if named is not None:
            targets.append(named[1])
        return plain(command, **options)

    cmodule.output_subprocess_Popen = run
    try:
        yield targets
    finally:
        cmodule.output_subprocess_Popen = plain


def parts(command: Any) -> Optional[Tuple[Path, Path, List[str]]]:
    """Return source, target and what else counts of a command that compiles a module; None of another."""
    if not isinstance(command, list) or "-o" not in command[:-1] or "-shared" not in command:
        return None
    sources = [word for word in command if word.endswith("mod.cpp")]
    if len(sources) != 1:
        return None
    target = command[command.index("-o") + 1]
    words = list(command)
    # The precompiled header changes no instruction, and lies elsewhere for each stack.
    while "-include" in words[:-1]:
        place = words.index("-include")
        del words[place : place + 2]
    return Path(sources[0]), Path(target), [word for word in words if word not in (sources[0], target)]


def key_of(source: Path, words: Sequence[str]) -> str:
    """Return what a module is kept under: of its source, and of what :func:`parts` says that counts."""
    folders = tuple(word[2:] for word in words if word.startswith("-I"))
    others = [word for word in words[1:] if not word.startswith("-I")]
    known = [precompiled.version(words[0]), sys.version, _headers(folders), *others]
    digest = hashlib.sha256("\0".join(known).encode())
    digest.update(b"\0" + source.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=None)
def _headers(folders: Sequence[str]) -> str:
    """Return what the headers of these folders are: numpy's by their version, Theano's by their text."""
    import numpy

    found = [numpy.__version__]
    for folder in folders:
        if "theano" in folder.lower():
            texts = [path.read_bytes() for path in sorted(Path(folder).glob("*.h"))]
            found.append(hashlib.sha256(b"\0".join(texts)).hexdigest())
        elif "site-packages" not in folder:
            found.append(folder)
    return "\0".join(found)

"""Writes the dashboard: pages from templates, each anew only where what it shows has changed."""

import functools
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

from nutsbench.inside.whole import whole
from nutsbench.judge.metrics import METRICS
from nutsbench.report import words
from nutsbench.report.data import Source
from nutsbench.report.verdicts import VERDICTS

HERE = Path(__file__).resolve().parent
#: What may be removed again.
_OWN = re.compile(r"(models/[\w-]+\.html|cells/\d+\.js)")
SIGNS = {
    "good": "✓", "holds": "✓", "same": "=", "faster": "▲", "slower": "▼", "too few draws": "…",
    "treedepth limited": "◔", "divergent": "!", "inaccurate": "✗", "not converged": "✗", "stuck": "✗",
    "failed": "✗", "does not hold": "✗", "unknown": "?", "inconclusive": "?", "undecided": "?",
}  # fmt: skip
#: Fewer pages than that are written by this process alone.
_FEW = 4
#: What was written, and from what: a name that no other program's folder has.
_MANIFEST = ".nutsbench-report.json"
#: What each metric is; ``z`` is of a record's accuracy, which is none.
DEFINITIONS = {
    **{name: one.definition for name, one in METRICS.items()},
    "z": "By how many MCSE (Monte Carlo standard errors) the limiting mean, sd or tail of any scalar differs"
    " from the reference posterior: accurate up to a limit that grows with the number of statistics compared,"
    " inaccurate beyond it. Of too few effective draws it is inconclusive, however small; of chains that have"
    " not mixed it is not judged.",
    "ess_400_s": "Expected seconds until the smaller of bulk and tail ESS is 400: build + compile + tune +"
    " 400 x draw / ESS.",
    "verdict": f"{'. '.join(f'{name}: {words.meaning(name)}' for name in VERDICTS)}.",
}


@dataclass(frozen=True)
class Page:
    """One page to be written.

    Parameters
    ----------
    path : str
        Where, in the output folder.
    template : str
        Which template; empty for a script, whose ``text`` is all there is.
    inputs : object
        All that it shows, ready for JSON: it is written again when its digest changes.
    make : callable
        Returns the template's variables.
    link : str
        What the link to it at the head of every page says; empty for none.
    """

    path: str
    template: str
    inputs: Any
    make: Callable[[], Dict[str, Any]]
    link: str = ""


def build(source: Source, output: Path, pages: Sequence[Page], tell: Callable[[str], None]) -> int:
    """Write the pages whose contents have changed, and return how many those were.

    Parameters
    ----------
    source : Source
        What is shown.
    output : Path
        Folder of the site.
    pages : sequence of Page
        All pages.
    tell : callable
        Is told the path of each page when it is done.
    """
    output.mkdir(parents=True, exist_ok=True)
    known = _manifest(output)
    code = _code_digest()
    _static(output, code != known.get("code"))
    links = [(page.path, page.link) for page in pages if page.link]
    made = {page.path: _digest([code, page.inputs, links, source.problems]) for page in pages}
    stale = [
        number
        for number, page in enumerate(pages)
        if known.get(page.path) != made[page.path] or not (output / page.path).is_file()
    ]
    for path in set(known) - set(made) - {"code"}:
        # Of a model whose records are gone.
        if _OWN.fullmatch(path):
            (output / path).unlink(missing_ok=True)
    done = {page.path: made[page.path] for number, page in enumerate(pages) if number not in set(stale)}
    for path in done:
        tell(path)
    try:
        for number in _written(_Work(source, output, pages), stale):
            path = pages[number].path
            done[path] = made[path]
            tell(path)
    finally:
        # Who is stopped does not begin again.
        _write(output / _MANIFEST, json.dumps({**done, "code": code}, indent=1))
    return len(stale)


@dataclass(frozen=True)
class _Work:
    """What a process that writes pages has to know.

    Parameters
    ----------
    source, output, pages
        As in :func:`build`.
    """

    source: Source
    output: Path
    pages: Sequence[Page]

    def write(self, number: int) -> int:
        """Write a page, and return its number."""
        page = self.pages[number]
        _write(self.output / page.path, self._text(page))
        return number

    def _text(self, page: Page) -> str:
        if not page.template:
            return str(page.make()["text"])
        template = _environment().get_template(page.template)
        common = {
            "root": "../" * page.path.count("/"),
            "here": page.path,
            "pages": [{"path": one.path, "name": one.link} for one in self.pages if one.link],
            "made": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "problems": self.source.problems,
        }
        return str(template.render({**common, **page.make()}))


#: Of a process that writes pages: what a page is made by cannot be sent there, and is there since the fork.
_work: Optional[_Work] = None


def _written(work: _Work, numbers: Sequence[int]) -> Iterator[int]:
    """Write some pages, and yield the number of each: one process for each processor, if there are many."""
    processors = len(os.sched_getaffinity(0))
    if processors == 1 or len(numbers) < _FEW:
        yield from map(work.write, numbers)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processors, context, _begin, (work,)) as pool:
        tasks = [pool.submit(_write_there, number) for number in numbers]
        try:
            for task in as_completed(tasks):
                yield task.result()
        except Exception:
            # What nobody has begun is not waited for.
            for task in tasks:
                task.cancel()
            raise
        except KeyboardInterrupt:
            # Nor is what somebody has: a page is moved into its place when it is whole. Who was sent the
            # signal, this process alone or the terminal's whole group, makes no difference.
            for child in multiprocessing.active_children():
                child.kill()
            raise


def _begin(work: _Work) -> None:
    from threadpoolctl import threadpool_limits

    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The processes share the processors already; threads of BLAS would only wait for each other.
    threadpool_limits(1)


def _write_there(number: int) -> int:
    assert _work is not None
    return _work.write(number)


@functools.lru_cache(maxsize=None)
def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(HERE / "templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json"] = script_json
    environment.filters["slug"] = slug
    environment.globals.update(definitions=DEFINITIONS, signs=SIGNS)
    return environment


def script_json(value: Any) -> Any:
    """Return JSON that may stand inside a script element, whatever its strings hold."""
    import markupsafe

    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return markupsafe.Markup(text)


def _static(output: Path, changed: bool) -> None:
    target = output / "static"
    if changed or not target.is_dir():
        target.mkdir(exist_ok=True)
        for path in (HERE / "static").iterdir():
            shutil.copyfile(path, target / path.name)
    plotly = target / "plotly.js"
    if changed or not plotly.is_file():
        from plotly.offline import get_plotlyjs

        _write(plotly, get_plotlyjs())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_text(text)


def _manifest(output: Path) -> Dict[str, str]:
    try:
        return {
            str(path): str(digest) for path, digest in json.loads((output / _MANIFEST).read_text()).items()
        }
    except (OSError, ValueError, AttributeError):
        return {}


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _code_digest() -> str:
    import plotly

    digest = hashlib.sha256(plotly.__version__.encode())
    # Verdicts, definitions, steps and intervals come from beside the pages' own code, and from whatever that
    # imports: a list of them would miss one.
    for path in sorted(_files(HERE.parent)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in (".py", ".html", ".js", ".css"))


def slug(name: str) -> str:
    """Return a name that a file or an element can have: the same, if it is made of word characters."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    # Two names that differ only in what was replaced are still two.
    return safe if safe == name else f"{safe[:40]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def ids(records: Sequence[Mapping[str, Any]]) -> List[str]:
    """Return what identifies records: two lists that are equal show the same."""
    return [str(record["id"]) for record in records]

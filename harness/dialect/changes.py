"""What is to be changed in a file of PyMC3 models, line by line: by itself where it is safe, else by hand."""

import ast
import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from nutsbench.dialect import names, table
from nutsbench.dialect.names import Names, Parameters
from nutsbench.dialect.source import PACKAGES, Edit, Source, scopes

#: Keywords of ``pm.sample`` that have another name.
_OF_SAMPLE = {"njobs": "cores", "nuts_kwargs": "nuts", "step_kwargs": "nuts"}
#: A keyword is added at its end, where that of what is observed would be taken away.
_FACTORS = "LKJCholeskyCov"
#: What models and variables had, and have not.
_OF_OBJECTS = {
    "test_point": "initial_point(), a method of the model",
    "test_value": "initval= of the variable, or its eval()",
    "logpt": "logp(), a method of the model",
}


@dataclass(frozen=True)
class Change:
    """One thing to be changed.

    Parameters
    ----------
    line : int
        From 1.
    before : str
        What is there.
    after : str
        What to write; of what is left to a person what to look at, empty where nothing took its place.
    why : str
        A clause.
    by_hand : bool
        Whether it is left to a person.
    """

    line: int
    before: str
    after: str
    why: str
    by_hand: bool = False

    def to_dict(self) -> Dict[str, Any]:
        """Return it, ready for JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class Checked:
    """A file that was looked through.

    Parameters
    ----------
    path : Path
        The file.
    changes : list of Change
        In the order of its lines.
    before, after : str
        Its text, and with all changes made that are not left to a person.
    """

    path: Path
    changes: List[Change]
    before: str
    after: str

    def diff(self) -> str:
        """Return the changes as a unified diff, for ``patch -p1`` or ``git apply``."""
        lines = [text.splitlines(keepends=True) for text in (self.before, self.after)]
        return "".join(difflib.unified_diff(lines[0], lines[1], f"a/{self.path}", f"b/{self.path}"))


def check(path: Path, target: Names, text: Optional[bytes] = None) -> Checked:
    """Look through a file of models that are written for PyMC3.

    Parameters
    ----------
    path : Path
        The file.
    target : Names
        The PyMC to move to.
    text : bytes, optional
        What is in it, where that has been read already.

    Raises
    ------
    DialectError
        If it cannot be read, or is no Python.
    """
    finder = _Finder(Source(path, text), target)
    finder.look()
    source = finder.source
    changes = sorted(dict.fromkeys(finder.changes), key=lambda one: one.line)
    return Checked(path, changes, source.bytes.decode(), finder.text())


class _Finder:
    """Goes through a file once, and gathers changes and the edits that make them."""

    def __init__(self, source: Source, target: Names) -> None:
        self.source, self.target = source, target
        self._before = names.load(names.BEFORE)
        self.changes: List[Change] = []
        self.edits: List[Edit] = []
        #: Where the text of an edited part is to be put once all edits are known: place, before, part, after.
        self._moved: List[Tuple[int, str, Tuple[int, int], str]] = []
        self._scopes = scopes(source.tree)
        self._statements = {id(n.value) for n in ast.walk(source.tree) if isinstance(n, ast.Expr)}

    def look(self) -> None:
        """Find everything."""
        inner = {id(n.value) for n in ast.walk(self.source.tree) if isinstance(n, ast.Attribute)}
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Import):
                self._import(node)
            elif isinstance(node, ast.ImportFrom):
                self._import_from(node)
            elif isinstance(node, ast.Call):
                self._call(node)
            if isinstance(node, (ast.Attribute, ast.Name)) and id(node) not in inner:
                self._path(node)

    def text(self) -> str:
        """Return the file's text with the edits made."""
        late = [
            Edit(place, place, f"{before}{self.source.within(*part, self.edits)}{after}")
            for place, before, part, after in self._moved
        ]
        return self.source.edited([*self.edits, *late])

    def _new(self, path: str) -> str:
        """Return a dotted path as the packages are called since."""
        root, dot, rest = path.partition(".")
        return {"pymc3": self.target.pymc, "theano": self.target.tensors}[root] + dot + rest

    def _renamed(self, path: str) -> str:
        """Return another name that a path has since, empty where it has none or still has the old one."""
        new = self.target.now(table.RENAMED.get(self.target.was(path), ""))
        return "" if self.target.has(new) is False and not self._gone(path) else new

    def _tell(self, node: ast.AST, before: str, after: str, why: str, by_hand: bool = False) -> None:
        # Of keywords Python 3.8 does not say it, but where their values are.
        line = getattr(node.value if isinstance(node, ast.keyword) else node, "lineno", 0)
        self.changes.append(Change(line, before, after, why, by_hand))

    def _edit(self, node: ast.AST, begins: int, ends: int, text: str, why: str) -> None:
        before = self.source.bytes[begins:ends].decode()
        self.edits.append(Edit(begins, ends, text))
        self._tell(node, before, text, why)

    def _import(self, node: ast.Import) -> None:
        for one, begins in self.source.imports(node):
            if one.name.partition(".")[0] in PACKAGES:
                new = self._new(one.name)
                self._edit(node, begins, begins + len(one.name), new, "the package's name")
                if self._gone(new):
                    self._hand(node, one.name, new)

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if module.partition(".")[0] not in PACKAGES:
            return
        begins, ends = self.source.span(node)
        found = re.search(rb"from\s+" + re.escape(module.encode()), self.source.bytes[begins:ends])
        assert found is not None
        place = begins + found.end()
        self._edit(node, place - len(module), place, self._new(module), "the package's name")
        for one, start in self.source.imports(node):
            path = self._new(f"{module}.{one.name}")
            renamed = self._renamed(path)
            if renamed and renamed.rpartition(".")[0] == self._new(module):
                last = renamed.rpartition(".")[2]
                text = last if one.asname else f"{last} as {one.name}"
                self._edit(node, start, start + len(one.name), text, "its name since")
            elif renamed:
                above, _, last = renamed.rpartition(".")
                self._tell(node, one.name, f"from {above} import {last}", "it lies elsewhere", by_hand=True)
            elif self.target.was(path) in table.BY_HAND or self._gone(path):
                self._hand(node, one.name, path)

    def _path(self, node: ast.AST) -> None:
        """Look at what a name or a chain of attributes leads to."""
        path = self.source.dotted(node)
        if not path:
            if isinstance(node, ast.Attribute):
                self._of_objects(node)
            return
        base = node
        while isinstance(base, ast.Attribute):
            base = base.value
        assert isinstance(base, ast.Name)
        alias, new = self.source.aliases[base.id], self._new(path)
        if base.id == alias and "." not in alias:  # `import pymc3`, without another name.
            begins, ends = self.source.span(base)
            self.edits.append(Edit(begins, ends, self._new(alias)))
        if isinstance(node, ast.Name):
            return  # What was imported is told where it is.
        prefixes = [new.rsplit(".", count)[0] for count in range(new.count("."))]
        for prefix in prefixes:
            renamed = self._renamed(prefix)
            if renamed:
                self._rename(node, base, prefix, renamed)
                return
            if self.target.was(prefix) in table.BY_HAND:
                self._hand(node, self.source.text(node), prefix)
                return
        for prefix in reversed(prefixes):
            if self._gone(prefix):
                self._hand(node, self.source.text(node), prefix)
                return

    def _rename(self, node: ast.AST, base: ast.Name, old: str, new: str) -> None:
        known = self._new(self.source.aliases[base.id])
        _, end_of_base = self.source.span(base)
        # As much of the chain as has another name: it is as long as what follows the alias.
        part: ast.AST = node
        while isinstance(part, ast.Attribute) and self._new(self.source.dotted(part)) != old:
            part = part.value
        _, ends = self.source.span(part)
        if not new.startswith(f"{known}."):
            self._tell(node, self.source.text(part), new, "it lies elsewhere", by_hand=True)
            return
        before = self.source.text(part)
        text = new[len(known) :]
        self.edits.append(Edit(end_of_base, ends, text))
        shown = known if base.id in PACKAGES else base.id
        self._tell(node, before, f"{shown}{text}", "its name since")

    def _gone(self, path: str) -> bool:
        # What begins with an underscore was read of neither.
        return not path.rpartition(".")[2].startswith("_") and self.target.has(path) is False

    def _hand(self, node: ast.AST, before: str, path: str) -> None:
        last = path.rpartition(".")[2]
        gone = f"PyMC {self.target.version} has no {path}"
        by_hand = table.BY_HAND.get(self.target.was(path))
        if by_hand is not None:
            self._tell(node, before, by_hand, gone if self._gone(path) else "another meaning", True)
        elif path == f"{self.target.pymc}.{last}" and (last in table.ARVIZ or last.startswith("plot_")):
            self._tell(node, before, f"arviz.{table.ARVIZ.get(last, last)}", gone, by_hand=True)
        else:
            self._tell(node, before, "", gone, by_hand=True)

    def _of_objects(self, node: ast.Attribute) -> None:
        if node.attr in _OF_OBJECTS and self.source.aliases:
            self._tell(node, f".{node.attr}", _OF_OBJECTS[node.attr], "models have none", by_hand=True)

    def _call(self, node: ast.Call) -> None:
        path = self.source.dotted(node.func)
        parts = path.split(".")
        if parts[0] != "pymc3" or len(parts) < 2:
            return
        if path == "pymc3.sample":
            self._sample(node)
            return
        apart = parts[2:] == ["dist"]
        if len(parts) > 2 and not apart:
            return
        written = parts[1]
        renamed = self._renamed(f"{self.target.pymc}.{written}").rpartition(".")[2] or written
        known = self.target.parameters.get(renamed)
        if known is None:
            return
        self._keywords(node, written, known)
        self._positions(node, written, known, 0 if apart else 1)
        if written == _FACTORS and not any(one.arg in ("compute_corr", None) for one in node.keywords):
            self._add(node, "compute_corr=False", "it returns the factor, correlations and sds otherwise")
        if written in table.DEFAULTS and not {one.arg for one in node.keywords} & {"init", None}:
            after, why = table.DEFAULTS[written]
            self._tell(node, f"{self.source.text(node.func)}(...)", after, why, by_hand=True)
        if not apart:
            self._observed(node)

    def _add(self, node: ast.Call, text: str, why: str) -> None:
        """Add a keyword at the end of a call."""
        _, ends = self.source.span(node)
        last = max((self.source.span(one)[1] for one in (*node.args, *node.keywords)), default=ends - 1)
        self.edits.append(Edit(last, last, f", {text}" if node.args or node.keywords else text))
        self._tell(node, f"{self.source.text(node.func)}(...)", f"add {text}", why)

    def _keywords(self, node: ast.Call, written: str, known: Parameters) -> None:
        for one in node.keywords:
            if one.arg is None:
                continue
            new = table.keyword(written, one.arg)
            begins, _ = self.source.span(one)
            if new != one.arg:
                self._edit(one, begins, begins + len(one.arg), new, f"the keyword of {written}")
            elif not known.takes(new):
                choices = ", ".join(known.positional) or "its documentation says which"
                self._tell(one, f"{one.arg}=", choices, f"{written} takes no {one.arg}", by_hand=True)

    def _positions(self, node: ast.Call, written: str, known: Parameters, first: int) -> None:
        """Name arguments that are given by their place, from the first on whose place has changed."""
        before = self._before.parameters.get(written)
        if before is None:
            return
        given = node.args[first:]
        # What they were called by their place; a * hides how many there are.
        written_names = [table.keyword(written, name) for name in before.positional[: len(given)]]
        kept = 0
        while kept < len(given) and known.positional[kept : kept + 1] == tuple(
            written_names[kept : kept + 1]
        ):
            kept += 1
        moved = list(zip(given[kept:], written_names[kept:]))
        if not moved or any(isinstance(one, ast.Starred) for one in given):
            return
        why = f"the order of what {written} takes has changed"
        if len(moved) < len(given) - kept or not all(known.takes(new) for _, new in moved):
            text = ", ".join(self.source.text(one) for one in given)
            self._tell(node, f"{written}(..., {text})", ", ".join(known.positional), why, by_hand=True)
            return
        for one, new in moved:
            begins, _ = self.source.span(one)
            self.edits.append(Edit(begins, begins, f"{new}="))
            text = self.source.text(one)
            self._tell(one, text, f"{new}={text}", why)

    def _observed(self, node: ast.Call) -> None:
        """Write a density of what depends on random variables as a potential."""
        given = next((one for one in node.keywords if one.arg == "observed"), None)
        if given is None or not self.source.is_random(given.value, self._scopes[id(node)]):
            return
        why = "what is observed cannot depend on random variables"
        written = self.source.text(given)
        plain = isinstance(node.func, ast.Attribute) and node.func.attr != _FACTORS and bool(node.args)
        if id(node) not in self._statements or not plain:
            self._tell(
                given, written, "pm.Potential(name, pm.logp(pm.Normal.dist(...), ...))", why, by_hand=True
            )
            return
        assert isinstance(node.func, ast.Attribute)
        module = self.source.text(node.func.value)
        module = self._new(module) if module in PACKAGES else module
        begins, ends = self.source.span(node)
        _, end_of_function = self.source.span(node.func)
        name, rest = node.args[0], [*node.args[1:], *(one for one in node.keywords if one is not given)]
        first = self.source.span(rest[0])[0] if rest else self.source.span(given)[0]
        self._moved.append((begins, f"{module}.Potential(", self.source.span(name), f", {module}.logp("))
        self.edits += [
            Edit(end_of_function, end_of_function, ".dist"),
            self._taken_out(self.source.span(name)[0], first, name),
            self._without(given, node),
        ]
        # Its value, with what else is to be changed in it.
        self._moved.append((ends, ", ", self.source.span(given.value), "))"))
        density = f"{module}.logp({module}.{node.func.attr}.dist(...), ...)"
        told = f"{module}.Potential({self.source.text(name)}, {density})"
        self._tell(given, written, told, why)

    def _without(self, given: ast.keyword, node: ast.Call) -> Edit:
        """Return the edit that takes a keyword out of a call, with the comma before it."""
        begins, ends = self.source.span(given)
        before = [
            self.source.span(one)[1]
            for one in (*node.args, *node.keywords)
            if self.source.span(one)[1] <= begins
        ]
        after = [self.source.span(one)[0] for one in node.keywords if self.source.span(one)[0] >= ends]
        if len(before) > 1:
            return self._taken_out(max(before), ends, given.value)
        return self._taken_out(begins, min(after, default=ends), given.value)

    def _taken_out(self, begins: int, ends: int, moved: ast.AST) -> Edit:
        """Return the edit that takes a part out, of which something is put elsewhere: no line moves by it."""
        lines = self.source.bytes[begins:ends].count(b"\n") - self.source.text(moved).count("\n")
        return Edit(begins, ends, "\n" * lines)

    def _sample(self, node: ast.Call) -> None:
        known = {one.arg for one in node.keywords}
        for one in node.keywords:
            if one.arg in _OF_SAMPLE:
                begins, _ = self.source.span(one)
                self._edit(
                    one, begins, begins + len(one.arg), _OF_SAMPLE[one.arg], "the keyword of pm.sample"
                )
        if not known & {"return_inferencedata", None}:
            why = "it returns InferenceData, whose draws are trace.posterior, otherwise"
            self._add(node, "return_inferencedata=False", why)

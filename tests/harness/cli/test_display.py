"""A run is shown as it goes: live on a terminal, in plain lines elsewhere."""

import io
from typing import Any, Callable, List, Tuple, Union

from rich.console import Console

from nutsbench.cli.display import RunDisplay
from nutsbench.inside.clock import Progress
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.grid import Cell
from nutsbench.records.record import Record
from nutsbench.run.plan import Job
from nutsbench.stacks import stack


def jobs(*names: Any) -> List[Any]:
    one = stack.named(stack.DEFAULT)
    return [Job(Cell(name, SamplerSettings(), 1), one, "d", "s") for name in names]


def shown(
    terminal: bool, make_record: Callable[..., Record], known: Union[List[Any], Tuple[Any, ...]] = ()
) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120, legacy_windows=False)
    todo = jobs("addition", "fork")
    with RunDisplay(console, todo, list(known), share=False) as display:
        display.progress(todo[0], Progress("draw", 700, 2000, 3))
        if display._bars is not None:
            display._bars.refresh()
        display.done(make_record().to_dict())
    return stream.getvalue()


def test_a_terminal_shows_cell_phase_draws_divergences_and_time_left(
    make_record: Callable[..., Record],
) -> None:
    known = [make_record().to_dict(), make_record(model="fork").to_dict()]
    text = shown(True, make_record, known)
    assert "[1/2] addition  draw" in text
    assert "700/2000 draws" in text
    assert "3 divergences" in text
    assert "left" in text


def test_time_left_is_not_guessed_without_records(make_record: Callable[..., Record]) -> None:
    assert "left" not in shown(True, make_record)


def test_without_a_terminal_there_is_one_plain_line_a_cell(make_record: Callable[..., Record]) -> None:
    text = shown(False, make_record)
    assert text == "[1/2] addition  good, R-hat 1.001, ESS/s 100, 5.0 s, accurate\n"

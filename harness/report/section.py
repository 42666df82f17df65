"""What a page of charts is made of: sections, each with words, charts and a table."""

from dataclasses import dataclass
from typing import Any, Dict, NamedTuple, Optional, Sequence, Union

from nutsbench.report.site import slug


class Link(NamedTuple):
    """A text of a table that leads to its evidence."""

    text: str
    href: str


@dataclass(frozen=True)
class Table:
    """A table of texts; the first of a row names it.

    Parameters
    ----------
    header : sequence of str
        Of each column.
    rows : sequence of sequence of str or Link
        As many texts each.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Union[str, Link]]]


@dataclass(frozen=True)
class Chart:
    """A chart that is explored.

    Parameters
    ----------
    id : str
        Of its element, one of its kind in the page.
    label : str
        Its caption.
    figure : dict
        ``data`` and ``layout`` of plotly.
    choice : str
        What the list calls it, if one chart of several is shown.
    table : Table, optional
        Its figures, folded below it.
    """

    id: str
    label: str
    figure: Dict[str, Any]
    choice: str = ""
    table: Optional[Table] = None


@dataclass(frozen=True)
class Section:
    """A part of a page under a title of its own.

    Parameters
    ----------
    name : str
        Tells it from the page's others.
    title : str
        Its heading.
    answer : sequence of str
        What is to be remembered of it: sentences that stand out.
    lines : sequence of str
        Other sentences.
    charts : sequence of Chart
        All are shown, or, where they have names to choose by, one of them.
    table : Table, optional
        Below the charts.
    folded : bool
        Whether all but the title is hidden until it is asked for.
    """

    name: str
    title: str
    answer: Sequence[str] = ()
    lines: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    table: Optional[Table] = None
    folded: bool = False

    @property
    def id(self) -> str:
        """What its element is called."""
        return slug(self.name)

    @property
    def switched(self) -> bool:
        """Whether one of its charts is shown, and a list chooses which."""
        return any(chart.choice for chart in self.charts)

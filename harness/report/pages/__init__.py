"""What each page shows, as variables of its template: a module a page."""

from pathlib import Path
from typing import List, Optional

from nutsbench.report.data import Source
from nutsbench.report.pages import cells, compare, history, model, overview, settings
from nutsbench.report.site import Page


def all_pages(source: Source, output: Optional[Path] = None) -> List[Page]:
    """Return every page of the site, and the scripts that hold the cells.

    Parameters
    ----------
    source : Source
        Everything.
    output : Path, optional
        Where the pages will lie, for links to what lies elsewhere; in the results folder if not given.
    """
    target = output or source.folder / "report"
    return [
        overview.page(source),
        settings.page(source),
        history.page(source, target),
        compare.page(source),
        *cells.pages(source, target),
        *(model.page(source, name) for name in source.names()),
    ]

"""What each page shows, as variables of its template: a file a page, and nothing else names it.

A file of a page has ``PLACE``, where among the links of all pages its own stands, and ``pages``, which makes
it, with what else it needs, from the source and the output's folder.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import List, Optional

from nutsbench.report.data import Source
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
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    modules.sort(key=lambda module: int(module.PLACE))
    return [page for module in modules for page in module.pages(source, target)]

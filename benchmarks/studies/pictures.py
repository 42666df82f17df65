"""Pictures of the dashboard as readers see it: ``python -m benchmarks.studies.pictures folder``.

Every page of this project's results, and two models', at the width of a desk and of a phone, light
and dark, whole pages. ``--readme`` makes the one that the README shows. Needs chromium and its driver.
"""

import argparse
import base64
import shutil
import time
from pathlib import Path
from typing import Any

from nutsbench.base import paths
from nutsbench.report import data, pages, site

_PAGES = ("index", "settings", "history", "compare", "cells", "models/pipe_confound", "models/categorical")
_WIDTHS = (1600, 390)
_THEMES = ("light", "dark")
#: What chromium can make a picture of.
_TALLEST = 16000
_README = (1600, 1300)


def _browser() -> Any:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def picture(browser: Any, page: Path, width: int, theme: str, height: int = 0) -> bytes:
    """Return a page as PNG.

    Parameters
    ----------
    browser : selenium.webdriver.Chrome
        The browser.
    page : Path
        The page.
    width, height : int
        Pixels of the window; the page's own height if not given.
    theme : str
        ``light`` or ``dark``.
    """
    _size(browser, width, height or 1000)
    browser.get(page.as_uri())
    if browser.execute_script("return document.documentElement.dataset.theme") != theme:
        browser.find_element("id", "theme").click()
    # Charts are drawn when they come into view, and may change how tall the page is.
    for _ in range(2):
        whole = int(browser.execute_script("return document.documentElement.scrollHeight"))
        _size(browser, width, height or min(whole, _TALLEST))
        time.sleep(1.5)
    found = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    return base64.b64decode(found["data"])


def _size(browser: Any, width: int, height: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
    )


def main() -> None:
    """Build the pages of this project's results, and take their pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--readme", action="store_true", help="only dashboard.png, for the README")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    source, output = data.load(paths.results_dir()), paths.results_dir() / "report"
    site.build(source, output, pages.all_pages(source, output), lambda _: None)
    browser = _browser()
    try:
        if options.readme:
            width, height = _README
            found = picture(browser, output / "index.html", width, "light", height)
            (options.folder / "dashboard.png").write_bytes(found)
            return
        for page in _PAGES:
            for width in _WIDTHS:
                for theme in _THEMES:
                    name = f"{Path(page).name}-{width}-{theme}.png"
                    found = picture(browser, output / f"{page}.html", width, theme)
                    (options.folder / name).write_bytes(found)
                    print(options.folder / name, flush=True)
    finally:
        browser.quit()


if __name__ == "__main__":
    main()

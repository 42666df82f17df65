"""How long the dashboard takes to build and to open.

``python -m benchmarks.studies.dashboard --records 100000``

Without ``--records`` it is built of this project's results. Generated records are the published
ones with other seeds, settings and times. One JSON line is printed a figure: seconds to build, to
build again with nothing new and with one record more, sizes of pages, and, where chromium and its
driver are installed, seconds until pages can be used and until a filter has worked.
"""

import argparse
import hashlib
import json
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterator

from nutsbench.base import paths
from nutsbench.report import data, pages, site

#: In a browser: brings the first chart into view, and holds when it is drawn.
_DRAWN = (
    "(chart => chart && (chart.scrollIntoView(), chart.querySelector('.main-svg')))"
    "(document.querySelector('.chart'))"
)
_PUBLISHED = paths.ROOT / "results" / "runs" / "published" / "2026-11-22-tutorial-schema-2.jsonl"


def generated(count: int) -> Iterator[Dict[str, Any]]:
    """Yield records like the published ones, no two of the same place."""
    known = [json.loads(line) for line in _PUBLISHED.read_text().splitlines()]
    order = random.Random(0)
    for number in range(count):
        record = known[number % len(known)]
        settings = {**record["settings"], "draws": order.choice((250, 500, 1000, 2000))}
        settings["target_accept"] = order.choice((0.8, 0.9, 0.95, 0.99))
        metrics = {name: _moved(value, order) for name, value in record["metrics"].items()}
        day = 1 + number * 27 // count
        yield {
            **record,
            "id": hashlib.md5(str(number).encode()).hexdigest(),
            "seed": number,
            "profile": order.choice(("sweep", "tutorial", "quick")),
            "settings": settings,
            "metrics": metrics,
            "started_at": f"2026-10-{day:02d}T{number % 24:02d}:{number % 60:02d}:00+00:00",
        }


def _moved(value: Any, order: random.Random) -> Any:
    return value * order.uniform(0.8, 1.25) if isinstance(value, float) else value


def _say(figure: str, value: float, unit: str) -> None:
    print(json.dumps({"figure": figure, "value": round(value, 3), "unit": unit}), flush=True)


def _build(results: Path, output: Path, name: str) -> None:
    began = time.perf_counter()
    source = data.load(results)
    loaded = time.perf_counter()
    written = site.build(source, output, pages.all_pages(source), lambda _: None)
    _say(f"{name}: read {len(source.records)} records", loaded - began, "s")
    _say(f"{name}: write {written} pages", time.perf_counter() - loaded, "s")


def _open(output: Path, largest: Path) -> None:
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if not driver or not chromium:
        print("no chromium with chromedriver here: pages are not opened")
        return
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1600,1000"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        for page, field, rows in (
            ("index.html", ".filters input", "#overview tbody tr"),
            ("cells.html", "form input", "#cells tbody tr"),
        ):
            _until(browser, (output / page).as_uri(), f"document.querySelector('{rows}')", f"{page}: open")
            spent = browser.execute_script(
                "const field = document.querySelector(arguments[0]); const began = performance.now();"
                "field.value = 'fork 3.11'; field.dispatchEvent(new Event('input', {bubbles: true}));"
                "document.body.offsetHeight; return (performance.now() - began) / 1000;",
                field,
            )
            _say(f"{page}: filter", float(spent), "s")
        for drawn in (largest, Path("history.html"), Path("settings.html")):
            if "data-chart" in (output / drawn).read_text():
                # Charts are drawn when they come into view: that of whichever comes first.
                _until(browser, (output / drawn).as_uri(), _DRAWN, f"{drawn}: a chart is drawn")
    finally:
        browser.quit()


def _until(browser: Any, address: str, condition: str, figure: str) -> None:
    """Open a page, and say how long it took until something held there; after a minute it never will."""
    began = time.perf_counter()
    browser.get(address)
    while not browser.execute_script(f"return Boolean({condition})"):
        time.sleep(0.01)
        if time.perf_counter() - began > 60:
            raise SystemExit(f"{figure}: not within a minute")
    _say(figure, time.perf_counter() - began, "s")


def main() -> None:
    """Build, build again, and open."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--records", type=int, default=0, help="generate so many; 0: this project's own results"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nutsbench-") as folder:
        results, output = paths.results_dir(), Path(folder, "report")
        if options.records:
            results = Path(folder, "results")
            (results / "runs").mkdir(parents=True)
            with (results / "runs" / "20261001T000000Z-generated-000000.jsonl").open("w") as file:
                for record in generated(options.records):
                    file.write(json.dumps(record) + "\n")
        _build(results, output, "first")
        _build(results, output, "nothing new")
        if options.records:
            more = {**next(generated(1)), "id": "f" * 32, "started_at": "2026-11-01T00:00:00+00:00"}
            (results / "runs" / "20261101T000000Z-more-000000.jsonl").write_text(json.dumps(more) + "\n")
            _build(results, output, "one more")
        sizes = {
            path.relative_to(output): path.stat().st_size for path in output.rglob("*") if path.is_file()
        }
        largest = max((path for path in sizes if path.suffix == ".html"), key=lambda path: sizes[path])
        _say(f"largest page ({largest})", sizes[largest] / 1e6, "MB")
        _say("table of cells", sizes[Path("cells/table.js")] / 1e6, "MB")
        _say("all files", sum(sizes.values()) / 1e6, "MB")
        _open(output, largest)


if __name__ == "__main__":
    main()

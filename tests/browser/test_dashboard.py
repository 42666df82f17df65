"""What a reader does with the dashboard: opens pages from disk, filters, sorts, tabs through them."""

import time
from pathlib import Path
from typing import Any, Callable, List
from urllib.parse import unquote, urlsplit

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from nutsbench.report import data, pages, site
from nutsbench.report.verdicts import VERDICTS
from tests.harness.report.conftest import changed

PAGES = (
    *("index.html", "settings.html", "history.html", "compare.html", "migration.html", "cells.html"),
    "models/fork.html",
)


@pytest.fixture
def go(browser: WebDriver, dashboard: Path) -> Callable[..., Any]:
    def gone(page: str, folder: Path = dashboard) -> WebDriver:
        browser.get((folder / page).as_uri())
        return browser

    return gone


def texts(browser: WebDriver, selector: str) -> List[Any]:
    return browser.execute_script(
        "return Array.from(document.querySelectorAll(arguments[0])).filter(e => e.getClientRects().length)"
        ".map(e => (e.innerText || e.textContent).trim())",
        selector,
    )


def wait(condition: Callable[..., Any], seconds: float = 20.0) -> None:
    """Wait for what a script does in its own time; the limit only ends a test that would hang."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)


@pytest.mark.parametrize("page", PAGES)
# A page on paper's colours at a desk's width, and on a dark ground on a phone: both of either.
@pytest.mark.parametrize(("theme", "width"), [("light", 1600), ("dark", 390)])
def test_a_page_has_no_serious_fault_for_any_reader(
    go: Callable[..., Any], screen: Callable[..., Any], page: str, width: int, theme: str
) -> None:
    axe = pytest.importorskip("axe_selenium_python")
    browser = go(page)
    screen(width)
    if browser.execute_script("return document.documentElement.dataset.theme") != theme:
        browser.find_element("id", "theme").click()
    browser.execute_script("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    wider = browser.execute_script("return document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0, "the page is wider than the screen"
    checker = axe.Axe(browser)
    checker.inject()
    # What is inside a picture is no part of the page for who cannot see it, and has thousands of parts: all
    # that matters is the picture's name.
    found = [
        *checker.run({"exclude": [["figure > svg[role=img]"]]}, '{"preload": false}')["violations"],
        *checker.run(None, '{"preload": false, "runOnly": ["svg-img-alt"]}')["violations"],
    ]
    serious = [
        f"{one['id']}: {[node['target'] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_the_overview_is_filtered_by_words_and_by_choices(go: Callable[..., Any]) -> None:
    browser = go("index.html")
    everything = texts(browser, "#overview tbody tr")
    field = browser.find_element("css selector", ".filters input")
    field.send_keys("pipe_conf")
    shown = texts(browser, "#overview tbody tr")
    assert 0 < len(shown) < len(everything)
    assert all("pipe_confound" in row for row in shown)
    field.clear()
    field.send_keys("no such model")
    assert texts(browser, "#overview tbody tr") == []


def test_the_overview_is_sorted_by_a_click_and_back(go: Callable[..., Any]) -> None:
    browser = go("index.html")
    head = browser.find_elements("css selector", "#overview thead th")[2]

    def rates() -> List[Any]:
        return browser.execute_script(
            "return Array.from(document.querySelectorAll('#overview tbody tr'))"
            ".map(row => Number(row.cells[2].dataset.value))"
        )

    head.find_element("tag name", "button").click()
    assert rates() == sorted(rates())
    assert head.get_attribute("aria-sort") == "ascending"
    head.find_element("tag name", "button").click()
    assert rates() == sorted(rates(), reverse=True)


def test_a_phone_sorts_by_a_list(go: Callable[..., Any], screen: Callable[..., Any]) -> None:
    from selenium.webdriver.support.ui import Select

    browser = go("index.html")
    assert not browser.find_element("css selector", "select[data-sort]").is_displayed()
    screen(390)
    browser.refresh()
    choice = Select(browser.find_element("css selector", "select[data-sort]"))
    assert choice.first_selected_option.text == "verdict over all seeds, and why, worst first"
    choice.select_by_visible_text("ESS/s (1/s), largest first")
    rates = browser.execute_script(
        "return Array.from(document.querySelectorAll('#overview tbody tr'))"
        ".map(row => Number(row.cells[2].dataset.value))"
    )
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) > 1


def test_a_phone_names_each_figure_of_a_row(go: Callable[..., Any], screen: Callable[..., Any]) -> None:
    screen(390)
    browser = go("models/fork.html")
    row = "document.querySelector('#settings table.stacked tbody tr')"
    shown = browser.execute_script(
        f"return Array.from({row}.querySelectorAll('td')).map(e => getComputedStyle(e, '::before').content)"
    )
    assert any("ESS/s" in text for text in shown)
    fits = browser.execute_script(f"return {row}.getBoundingClientRect().right <= innerWidth")
    assert fits


def test_a_phone_cuts_nothing_off_the_overviews_rows(
    go: Callable[..., Any], screen: Callable[..., Any]
) -> None:
    screen(390)
    browser = go("index.html")
    cut = browser.execute_script(
        "return Array.from(document.querySelectorAll('#overview tbody tr, #overview td, .elsewhere'))"
        ".filter(e => e.offsetParent && e.getBoundingClientRect().right > innerWidth).map(e => e.textContent)"
    )
    assert cut == []


def test_every_model_is_on_one_screen_to_begin_with(go: Callable[..., Any]) -> None:
    rows = texts(go("index.html"), "#overview tbody th a")
    assert sorted(rows) == sorted(set(rows))
    assert len(rows) == 16


def test_the_worst_come_first(go: Callable[..., Any]) -> None:
    said = texts(go("index.html"), "#overview tbody .badge")
    order = [next(place for place, name in enumerate(VERDICTS) if name in text) for text in said]
    assert order == sorted(order)
    assert len(set(order)) > 2


def test_a_definition_is_shown_to_the_keyboard(go: Callable[..., Any]) -> None:
    browser = go("index.html")
    term = browser.find_elements("css selector", ".term")[0]
    assert not term.find_element("class name", "definition").is_displayed()
    browser.execute_script("arguments[0].focus()", term)
    assert term.find_element("class name", "definition").is_displayed()


@pytest.mark.parametrize("page", PAGES)
def test_the_tabulator_reaches_every_control(go: Callable[..., Any], page: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser = go(page)
    if page == "cells.html":
        wait(lambda: texts(browser, "#cells tbody tr"))
    controls = "a[href], button, input, select, [tabindex='0'], summary"
    wanted = browser.execute_script(
        "return Array.from(document.querySelectorAll(arguments[0]))"
        ".filter(e => e.offsetParent || e.classList.contains('skip'))"
        # What is folded or switched off is reached when it is unfolded or on.
        ".filter(e => !e.disabled && !e.closest('details:not([open]) > :not(summary)')).length",
        controls,
    )
    browser.execute_script(
        "window.reached = new Set(); addEventListener('focusin', event => reached.add(event.target))"
    )
    # All in one request: one each would take most of the time.
    ActionChains(browser, duration=0).send_keys(Keys.TAB * (wanted + 5)).perform()
    assert browser.execute_script("return reached.size") >= wanted


def test_a_command_that_helps_is_copied_or_selected_by_its_button(go: Callable[..., Any]) -> None:
    browser = go("index.html")
    every = browser.find_elements("css selector", "#overview button[data-copy]")
    # Rows that a filter hides have theirs, too.
    press = next(one for one in every if one.is_displayed())
    command = browser.execute_script("return arguments[0].previousElementSibling.textContent", press)
    assert command == press.get_attribute("data-copy")
    assert command.startswith("nutsbench run ")
    press.click()
    wait(lambda: press.text in ("copied", "selected"))


def test_no_line_of_a_chart_is_black_on_a_dark_ground(go: Callable[..., Any]) -> None:
    browser = go("compare.html")
    if browser.execute_script("return document.documentElement.dataset.theme") != "dark":
        browser.find_element("id", "theme").click()
    wait(
        lambda: browser.execute_script("return document.querySelectorAll('.chart .errorbar path').length > 0")
    )
    strokes = browser.execute_script(
        "return Array.from(document.querySelectorAll('.chart .errorbar path'))"
        ".map(e => getComputedStyle(e).stroke)"
    )
    assert "rgb(0, 0, 0)" not in strokes
    # The darkest of the colours is lighter there.
    assert "rgb(0, 114, 178)" not in strokes


def test_charts_are_drawn(go: Callable[..., Any]) -> None:
    browser = go("history.html")
    wait(lambda: browser.execute_script("return document.querySelectorAll('.chart .main-svg').length > 0"))
    titles = texts(browser, ".chart .ytitle")
    assert any("ratio" in title for title in titles)


def test_a_chart_can_be_switched(go: Callable[..., Any]) -> None:
    from selenium.webdriver.support.ui import Select

    browser = go("history.html")
    wait(lambda: browser.execute_script("return document.querySelectorAll('.chart .main-svg').length > 0"))
    Select(browser.find_element("css selector", "select[data-show]")).select_by_visible_text("transitions")
    wait(lambda: any("transitions" in title for title in texts(browser, ".chart .ytitle")))


def test_what_is_folded_is_drawn_when_it_is_opened(go: Callable[..., Any]) -> None:
    browser = go("compare.html")
    fold = browser.find_element("css selector", "section > details")
    assert fold.find_elements("css selector", ".main-svg") == []
    fold.find_element("tag name", "summary").click()
    wait(lambda: fold.find_elements("css selector", ".main-svg"))


def test_small_multiples_have_fewer_columns_on_a_phone(
    go: Callable[..., Any], screen: Callable[..., Any]
) -> None:
    def columns(width: int) -> int:
        screen(width)
        browser = go("settings.html")
        browser.execute_script("document.querySelector('.chart').scrollIntoView()")
        wait(lambda: browser.execute_script("return !!document.querySelector('.chart .main-svg')"))
        return browser.execute_script("return document.querySelector('.chart').layout.grid.columns")

    assert (columns(390), columns(1600)) == (2, 4)
    browser = go("settings.html")
    browser.execute_script("document.querySelector('.chart').scrollIntoView()")
    wait(lambda: any("expected time to ESS 400 (s)" in title for title in texts(browser, ".chart .ytitle")))


def test_draws_that_were_kept_can_be_fetched(go: Callable[..., Any]) -> None:
    browser = go("cells.html")
    wait(lambda: texts(browser, "#cells tbody tr"))
    browser.find_element("css selector", "form input").send_keys("fork")
    column = texts(browser, "#cells thead th").index("day") + 1
    days = texts(browser, f"#cells tbody td:nth-child({column})")
    browser.find_elements("css selector", "#cells tbody th button")[days.index("2026-11-24")].click()
    wait(lambda: texts(browser, "#record dd a"))
    link = browser.find_element("css selector", "#record dd a")
    assert link.text == "some.nc"
    assert Path(unquote(urlsplit(link.get_attribute("href")).path)).is_file()


def test_a_cell_opens_with_the_command_that_runs_it_again(go: Callable[..., Any]) -> None:
    browser = go("cells.html")
    wait(lambda: texts(browser, "#cells tbody tr"))
    browser.find_elements("css selector", "#cells tbody th button")[0].click()
    wait(lambda: texts(browser, "#record dd"))
    assert any(text.startswith("nutsbench run ") for text in texts(browser, "#record dd pre"))


def test_a_row_of_the_cells_opens_wherever_it_is_pressed(go: Callable[..., Any]) -> None:
    browser = go("cells.html")
    wait(lambda: texts(browser, "#cells tbody tr"))
    browser.find_elements("css selector", "#cells tbody td.why")[0].click()
    wait(lambda: texts(browser, "#record dd"))
    assert texts(browser, "#record h2") == texts(browser, "#cells tbody th")[:1]


def test_every_page_leads_to_what_the_words_mean(go: Callable[..., Any]) -> None:
    browser = go("models/fork.html")
    browser.find_element("css selector", "footer a").click()
    wait(lambda: texts(browser, "#words"))
    terms = texts(browser, "#words + dl dt")
    assert {"cell", "stack", "profile", "BASE, HEAD"} <= set(terms)


def test_cells_are_searched_and_sorted(go: Callable[..., Any]) -> None:
    browser = go("cells.html")
    wait(lambda: texts(browser, "#cells tbody tr"))
    browser.find_element("css selector", "form input").send_keys("fork 3.11")
    wait(lambda: all("fork" in row for row in texts(browser, "#cells tbody th")))
    heads = browser.find_elements("css selector", "#cells thead button")
    next(one for one in heads if one.text.strip() == "wall, s").click()
    column = texts(browser, "#cells thead th").index("wall, s") + 1
    times = [float(text) for text in texts(browser, f"#cells tbody td:nth-child({column})")]
    assert len(times) > 1
    assert times == sorted(times)


def test_cells_are_found_by_their_numbers(go: Callable[..., Any]) -> None:
    browser = go("cells.html")
    wait(lambda: texts(browser, "#cells tbody tr"))
    everything = len(texts(browser, "#cells tbody tr"))
    browser.find_element("css selector", "form input").send_keys("addition draws=250")
    wait(lambda: len(texts(browser, "#cells tbody tr")) < everything)
    assert len(texts(browser, "#cells tbody tr")) == 3


def test_a_chosen_theme_stays(go: Callable[..., Any]) -> None:
    browser = go("index.html")
    before = browser.execute_script("return document.documentElement.dataset.theme")
    browser.find_element("id", "theme").click()
    after = browser.execute_script("return document.documentElement.dataset.theme")
    assert before != after
    browser.refresh()
    assert browser.execute_script("return document.documentElement.dataset.theme") == after


def test_what_records_hold_is_never_run(
    browser: WebDriver, published: List[Any], write: Callable[..., Any], tmp_path: Path
) -> None:
    hostile = "<script>window.hit = true</script><img src=x onerror='window.hit = true'>"
    bad = changed(published[0], model=hostile, status="crashed", reason=hostile, log_tail=[hostile])
    source = data.load(write([bad]))
    site.build(source, tmp_path / "report", pages.all_pages(source), lambda _: None)
    for page in sorted((tmp_path / "report").rglob("*.html")):
        browser.get(page.as_uri())
        if page.name == "cells.html":
            wait(lambda: texts(browser, "#cells tbody tr"))
            browser.find_elements("css selector", "#cells tbody th button")[0].click()
            wait(lambda: texts(browser, "#record dd"))
            assert hostile in "\n".join(texts(browser, "#record dd"))
        assert browser.execute_script("return window.hit") is None

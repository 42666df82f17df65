"""The dashboard in a real browser: Debian's chromium, headless, with no way out."""

import shutil
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.harness.report.conftest import published, site_of_whole, whole, write  # noqa: F401

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_SHARES = {"profile.default_content_setting_values.notifications": 2}


@pytest.fixture(scope="session")
def dashboard(site_of_whole: Tuple[Any, ...]) -> Path:  # noqa: F811
    return site_of_whole[0]


@pytest.fixture(scope="session")
def _driver() -> Iterator[WebDriver]:
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs chromium and chromedriver (Debian: apt install chromium chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    # A busy machine is slow, and no fault of the page.
    driver.set_script_timeout(180)
    yield driver
    driver.quit()


def _log(driver: Any, kind: str) -> List[Dict[str, Any]]:
    return driver.get_log(kind)


@pytest.fixture
def browser(_driver: WebDriver) -> Iterator[WebDriver]:
    """A browser whose log must be clean and whose requests must all be of files when the test ends."""
    import json

    for kind in ("browser", "performance"):
        _log(_driver, kind)
    _driver.set_window_size(1600, 1000)
    yield _driver
    errors = [one["message"] for one in _log(_driver, "browser") if one["level"] == "SEVERE"]
    events = [json.loads(one["message"])["message"] for one in _log(_driver, "performance")]
    asked = [
        one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"
    ]
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.fixture
def screen(browser: WebDriver) -> Iterator[Callable[..., Any]]:
    """What gives the browser another screen, a phone's if it is narrow, until the test ends."""

    def resized(width: int) -> None:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
        )

    yield resized
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

"""The pages: whole, safe, and written anew only where something has changed."""

import json
import re
import shutil

import pytest

from harness.report import data, pages, site
from tests.harness.report.conftest import changed

HOSTILE = "<script>window.hit = true</script>&<b>"


@pytest.fixture
def build(tmp_path):
    def built(folder):
        source = data.load(folder)
        told = []
        written = site.build(source, tmp_path / "report", pages.all_pages(source), told.append)
        return tmp_path / "report", written, told

    return built


def test_every_model_has_a_page_and_every_link_leads_somewhere(whole, build):
    output, written, told = build(whole)
    assert written == len(told) > 20
    for page in [*output.glob("*.html"), *output.glob("models/*.html")]:
        for link in re.findall(r'(?:href|src)="([^"#]+)"', page.read_text()):
            assert not re.match(r"[a-z]+:|//", link), link
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_building_again_writes_nothing(whole, build):
    build(whole)
    assert build(whole)[1] == 0


def test_a_new_record_changes_only_what_shows_it(published, write, build, tmp_path):
    build(write(published))
    again = changed(published[0], id="f" * 32, started_at="2026-12-01T00:00:00+00:00")
    output, _, _ = build(write([again], "20261201T000000Z-test-000001.jsonl"))
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.html")}
    newer = changed(again, id="e" * 32, started_at="2026-12-02T00:00:00+00:00")
    _, written, _ = build(write([newer], "20261202T000000Z-test-000002.jsonl"))
    touched = {path.name for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert touched == {"index.html", "compare.html", f"{published[0]['model']}.html"}
    assert written == len(touched) + 2  # The scripts of the cells.


def test_an_empty_folder_says_what_to_run(tmp_path, build):
    output, _, _ = build(tmp_path / "nothing")
    assert "nutsbench run" in (output / "index.html").read_text()
    for name in ("settings", "history", "compare", "cells"):
        assert "nutsbench" in (output / f"{name}.html").read_text()


def test_a_damaged_record_is_named_and_counted(published, write, build):
    folder = write(published[:2])
    (folder / "runs" / "20261123T000000Z-test-000009.jsonl").write_text('{"model": "fork"\n' * 2)
    text = (build(folder)[0] / "index.html").read_text()
    assert "20261123T000000Z-test-000009.jsonl" in text
    assert "could not be read" in text


def test_what_records_hold_is_shown_and_never_run(published, write, build):
    failed = changed(
        published[0], model=HOSTILE, status="crashed", reason=HOSTILE, log_tail=[HOSTILE], warnings=[HOSTILE]
    )
    fine = changed(published[1], stack=HOSTILE, id="a" * 32)
    output, _, _ = build(write([failed, fine]))
    for path in [*output.rglob("*.html"), *output.glob("cells/*.js")]:
        assert "<script>window" not in path.read_text(), path.name
    assert "&lt;script&gt;window.hit" in (output / "index.html").read_text()


def test_a_model_of_no_such_name_gets_a_file_inside_the_site(published, write, build):
    output, _, _ = build(write([changed(published[0], model="../../etc/x")]))
    assert not list(output.parent.rglob("x.html"))
    assert len(list(output.glob("models/*.html"))) == 1


def test_a_failed_cell_shows_its_log(published, write, build):
    failed = changed(published[0], status="crashed", reason="killed by SIGKILL", log_tail=["last words"])
    output, _, _ = build(write([failed]))
    assert "last words" in (output / "models" / f"{failed['model']}.html").read_text()


def test_two_machines_are_told_apart(published, write, build):
    other = changed(
        published[0], environment={"machine": "abcdef123456", "processor": "Another"}, id="b" * 32
    )
    text = (build(write([*published, other]))[0] / "index.html").read_text()
    assert 'name="machine"' in text
    assert "Another" in text


def test_a_page_stays_below_its_size(whole, build):
    output, _, _ = build(whole)
    for page in output.rglob("*.html"):
        assert page.stat().st_size < 1_500_000, page.name


def test_a_record_without_draws_says_how_to_get_them(published, write, build):
    output, _, _ = build(write(published[:1]))
    assert "--keep-draws" in (output / "models" / f"{published[0]['model']}.html").read_text()


def test_a_sweep_shows_every_setting_that_was_varied(published, write, build):
    base = [one for one in published if one["stack"] == "pymc3-3.8" and one["model"] in ("addition", "fork")]
    records = [
        changed(one, profile="sweep", seed=seed, settings=settings, id=f"{number:032x}")
        for number, (one, seed, settings) in enumerate(
            (one, seed, settings)
            for one in base
            for seed in (1, 2, 3)
            for settings in ({}, {"draws": 250}, {"target_accept": 0.95})
        )
    ]
    text = (build(write(records))[0] / "settings.html").read_text()
    assert 'id="draws"' in text
    assert 'id="target_accept"' in text
    assert 'id="tune"' not in text
    assert "Median over up to 3 seeds" in text
    assert "The settings that would have been best" in text


def test_a_stored_comparison_is_shown_with_its_verdicts(published, write, build):
    folder = write(published[:1])
    (folder / "compare").mkdir()
    row = {"ratio": 1.08, "lower": 1.05, "upper": 1.11, "pairs": 8, "verdict": "slower", "same_work": True}
    failed = {**row, "model": "fork", "problem": "HEAD: its process ended.", "verdict": "undecided"}
    content = {
        "base": {"name": "pymc3-3.8"},
        "head": {"name": "<b>mine</b>"},
        "options": {"threshold": 0.03},
        "models": [{**row, "model": "addition", "problem": ""}, failed],
        "says": ["Slower."],
        "notes": ["busy"],
    }
    (folder / "compare" / "20261123T000000Z-abcdef.json").write_text(json.dumps(content))
    (folder / "compare" / "broken.json").write_text("{")
    text = (build(folder)[0] / "compare.html").read_text()
    assert "broken.json is no comparison" in text
    assert "&lt;b&gt;mine&lt;/b&gt; over pymc3-3.8" in text
    assert "1.050 to 1.110" in text
    assert "fork could not be measured: HEAD: its process ended." in text


def test_the_history_of_releases_has_accuracy_beside_speed(whole, build):
    text = (build(whole)[0] / "history.html").read_text()
    assert "Speed and cost, over PyMC3&#39;s releases" in text
    assert "Accuracy and divergences" in text


def test_a_damaged_result_of_asv_is_named_and_the_rest_is_shown(whole, build, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    next(path for path in (folder / "releases" / "reference").glob("*-release.json")).write_text("{")
    text = (build(folder)[0] / "history.html").read_text()
    assert "are left out" in text
    assert "Accuracy and divergences" in text


def test_a_record_of_another_machine_replaces_none(published, write, build):
    other = changed(published[0], environment={"machine": "abcdef123456"}, id="d" * 32)
    other["started_at"] = "2026-12-01T00:00:00+00:00"
    source = data.load(write([*published, other]))
    assert len(source.records) == len(published) + 1
    assert source.earlier == {}


def test_a_damaged_file_of_draws_is_said_on_the_page(published, write, build):
    record = changed(published[0], details={"draws_file": "some.nc"})
    folder = write([record])
    (folder / "draws").mkdir()
    (folder / "draws" / "some.nc").write_bytes(b"no netCDF")
    text = (build(folder)[0] / "models" / f"{record['model']}.html").read_text()
    assert "The file of draws cannot be read" in text


def test_an_unknown_claim_is_not_called_wrong(published, write, build):
    record = changed(published[0], claims=[{"says": "S", "holds": None, "parts": []}])
    text = (build(write([record]))[0] / "models" / f"{record['model']}.html").read_text()
    assert "badge-unknown" in text
    assert "does not hold" not in text


def test_a_folder_that_cannot_be_written_is_one_message(published, write, nutsbench, tmp_path):
    folder = write(published[:1])
    (tmp_path / "taken").write_text("a file")
    done = nutsbench("report", "--results", str(folder), "--output", str(tmp_path / "taken"))
    assert done.returncode == 2
    assert done.stderr.startswith("Error: The pages cannot be written")

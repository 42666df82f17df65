"""The pages: whole, safe, and written anew only where something has changed."""

import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

from nutsbench.report import data, pages, site, verdicts
from tests.conftest import Run
from tests.harness.report.conftest import changed, figures_of, keep_draws, swept, with_draws

HOSTILE = "<script>window.hit = true</script>&<b>"


def test_every_model_has_a_page_and_every_link_leads_somewhere(site_of_whole: Tuple[Any, ...]) -> None:
    output, written, told = site_of_whole
    assert written == len(told) > 20
    for page in [*output.glob("*.html"), *output.glob("models/*.html")]:
        for link in re.findall(r'(?:href|src)="([^"#]+)"', page.read_text()):
            if link.startswith("data:image/png;base64,"):
                continue  # Of a figure, the part that has too many points for lines.
            assert not re.match(r"[a-z]+:|//", link), link
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_building_again_writes_nothing(whole: Path, site_of_whole: Tuple[Any, ...]) -> None:
    source = data.load(whole)
    every = pages.all_pages(source, site_of_whole[0])
    assert site.build(source, site_of_whole[0], every, lambda _: None) == 0


def test_a_new_record_changes_only_what_shows_it(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any], tmp_path: Path
) -> None:
    build(write(published[:6]))
    again = changed(published[0], id="f" * 32, started_at="2026-12-01T00:00:00+00:00")
    output, _, _ = build(write([again], "20261201T000000Z-test-000001.jsonl"))
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.html")}
    newer = changed(again, id="e" * 32, started_at="2026-12-02T00:00:00+00:00")
    _, written, _ = build(write([newer], "20261202T000000Z-test-000002.jsonl"))
    touched = {path.name for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert touched == {"index.html", "compare.html", f"{published[0]['model']}.html"}
    assert written == len(touched) + 2  # The scripts of the cells.


def test_an_empty_folder_says_what_to_run(tmp_path: Path, build: Callable[..., Any]) -> None:
    output, _, _ = build(tmp_path / "nothing")
    assert "nutsbench run" in (output / "index.html").read_text()
    for name in ("settings", "history", "compare", "cells"):
        assert "nutsbench" in (output / f"{name}.html").read_text()


def test_a_damaged_record_is_named_and_counted(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    folder = write(published[:2])
    lacking = {name: value for name, value in published[2].items() if name != "metrics"}
    settings = {name: value for name, value in published[2]["settings"].items() if name != "init"}
    lines = [
        '{"model": "fork"',
        '{"schema": 2}',
        json.dumps(lacking),
        json.dumps({**published[2], "settings": settings}),
        json.dumps(published[2]).replace('"elapsed_s": ', '"elapsed_s": NaN, "x": '),
    ]
    (folder / "runs" / "20261123T000000Z-test-000009.jsonl").write_text("\n".join(lines) + "\n")
    text = (build(folder)[0] / "index.html").read_text()
    assert "20261123T000000Z-test-000009.jsonl" in text
    assert "5 things could not be read" in text
    assert "line 3, is no record (Object missing required field `metrics`); it is left out" in text
    assert "line 4, is no record (Object missing required field `init` - at `$.settings`)" in text


def test_what_records_hold_is_shown_and_never_run(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    failed = changed(
        published[0], model=HOSTILE, status="crashed", reason=HOSTILE, log_tail=[HOSTILE], warnings=[HOSTILE]
    )
    fine = changed(published[1], stack=HOSTILE, id="a" * 32)
    output, _, _ = build(write([failed, fine]))
    for path in [*output.rglob("*.html"), *output.glob("cells/*.js")]:
        assert "<script>window" not in path.read_text(), path.name
    assert "&lt;script&gt;window.hit" in (output / "index.html").read_text()


def test_a_model_of_no_such_name_gets_a_file_inside_the_site(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    output, _, _ = build(write([changed(published[0], model="../../etc/x")]))
    assert not list(output.parent.rglob("x.html"))
    assert len(list(output.glob("models/*.html"))) == 1


def test_a_failed_cell_shows_its_log(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    failed = changed(published[0], status="crashed", reason="killed by SIGKILL", log_tail=["last words"])
    output, _, _ = build(write([failed]))
    assert "last words" in (output / "models" / f"{failed['model']}.html").read_text()


def test_two_machines_are_told_apart(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any], tmp_path: Path
) -> None:
    other = changed(
        published[0], environment={"machine": "abcdef123456", "processor": "Another"}, id="b" * 32
    )
    text = (build(write([*published[:4], other]))[0] / "index.html").read_text()
    assert 'name="machine"' in text
    assert "Another" in text
    assert re.search(r'data-label="stack">pymc3-3.8 <small>Another', text)
    assert '"name":"machine"' in (tmp_path / "report" / "cells" / "table.js").read_text()


def test_a_page_stays_below_its_size(site_of_whole: Tuple[Any, ...]) -> None:
    for page in site_of_whole[0].rglob("*.html"):
        assert page.stat().st_size < 1_500_000, page.name


def test_a_record_without_draws_says_how_to_get_them(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    output, _, _ = build(write(published[:1]))
    assert "--keep-draws" in (output / "models" / f"{published[0]['model']}.html").read_text()


def test_a_sweep_shows_every_setting_that_was_varied(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    records = swept(published)
    text = (build(write(records))[0] / "settings.html").read_text()
    assert 'id="draws"' in text
    assert 'id="target_accept"' in text
    assert 'id="tune"' not in text
    assert "Over up to 3 seeds" in text
    panels = figures_of(text)["draws-rhat_max"]
    assert {shape["y0"] for shape in panels["layout"]["shapes"]} == {1.01}
    assert "The settings that reach an ESS of 400 fastest" in text
    accept = text[text.index('<section id="target_accept">') :]
    (fork,) = re.findall(r'<th scope="row">fork</th>(.*?)</tr>', accept)
    cells = re.findall(r'<td data-label="([^"]+)">([^<]*)</td>', fork)
    assert [(value, words.split(" ", 1)[1]) for value, words in cells] == [
        ("target_accept 0.8", "s, too few draws (over 3 seeds)"),
        ("target_accept 0.95", "s, too few draws (over 3 seeds) *"),
        ("fastest to ESS 400", "treedepth limited; not told apart from 0.8"),
    ]


def test_a_models_page_lists_all_settings_that_were_tried(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    output, _, _ = build(write(swept(published)))
    text = (output / "models" / "fork.html").read_text()
    assert "Under other settings" in text
    assert {"tried-ess_per_s", "tried-z"} <= set(figures_of(text))
    table = text[text.index("All settings tried") :]
    assert table.count("<tr>") == 1 + 3
    assert "accept 0.8" in table
    overview = (output / "index.html").read_text()
    assert 'models/fork.html#settings">Fastest to ESS 400 of 3 settings tried: ' in overview


def test_a_record_of_another_machine_replaces_none(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    other = changed(published[0], environment={"machine": "abcdef123456"}, id="d" * 32)
    other["started_at"] = "2026-12-01T00:00:00+00:00"
    source = data.load(write([*published, other]))
    assert len(source.records) == len(published) + 1
    assert source.earlier == {}


def test_a_damaged_file_of_draws_is_said_on_the_page(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    record = changed(published[0], details={"draws_file": "some.nc"})
    folder = write([record])
    (folder / "draws").mkdir()
    (folder / "draws" / "some.nc").write_bytes(b"no netCDF")
    text = (build(folder)[0] / "models" / f"{record['model']}.html").read_text()
    assert "in a file that cannot be read" in text


def test_an_unknown_claim_is_not_called_wrong(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    record = changed(published[0], claims=[{"says": "S", "holds": None, "parts": []}])
    text = (build(write([record]))[0] / "models" / f"{record['model']}.html").read_text()
    assert "badge-unknown" in text
    assert "does not hold" not in text


def test_a_folder_that_cannot_be_written_is_one_message(
    published: List[Any], write: Callable[..., Any], nutsbench: Run, tmp_path: Path
) -> None:
    folder = write(published[:1])
    (tmp_path / "taken").write_text("a file")
    done = nutsbench("report", "--results", str(folder), "--output", str(tmp_path / "taken"))
    assert done.returncode == 2
    assert done.stderr.startswith("Error: The pages cannot be written")


def test_a_folder_of_another_program_keeps_its_files(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any], tmp_path: Path
) -> None:
    output = tmp_path / "report"
    output.mkdir()
    (output / "main.js").write_text("theirs")
    (output / "manifest.json").write_text('{"main.js": "/main.js"}')
    (output / ".nutsbench-report.json").write_text(
        '{"../results/x": "1", "main.js": "2", "models/a.html": "3"}'
    )
    (output / "models").mkdir()
    (output / "models" / "a.html").write_text("ours, of a model that is gone")
    folder = write(published[:1])
    (folder / "x").write_text("theirs")
    build(folder)
    assert (output / "main.js").read_text() == (folder / "x").read_text() == "theirs"
    assert "main.js" in (output / "manifest.json").read_text()
    assert not (output / "models" / "a.html").exists()


def test_the_page_opens_with_what_was_measured_here(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    mine = changed(published[0], profile="quick", origin="mine", environment={"machine": "abcdef123456"})
    mine.update(id="9" * 32, settings={**mine["settings"], "draws": 77})
    folder = write([*published[:4], mine])
    (folder / ".origin").write_text("mine\n")
    source = data.load(folder)
    assert source.main == "abcdef123456"
    text = (build(folder)[0] / "index.html").read_text()
    assert "<option selected>tutorial" not in text
    assert re.search(r"<option selected>[^<]*\(abcd\)", text)


def test_other_stacks_stand_in_a_table(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    both = [one for one in published if one["model"] in ("addition", "fork")]
    assert {one["stack"] for one in both} == {"pymc3-3.8", "pymc3-3.11"}
    failed = [
        changed(one, stack="pymc-6.4", status="failed", reason="no", metrics={}, id=f"{place:032x}")
        for place, one in enumerate(both)
        if one["stack"] == "pymc3-3.8"
    ]
    text = (build(write([*both, *failed]), "index.html")[0] / "index.html").read_text()
    (table,) = re.findall(r'aria-label="Other stacks">(.*?)</table>', text, re.DOTALL)
    rows = re.findall(r'<th scope="row">([^<]+)</th><td[^>]*>(\d+)<', table)
    assert dict(rows) == {"pymc3-3.8": "2", "pymc-6.4": "2"}
    assert re.search(r"pymc-6.4</th>.*fork</a>: .*failed", table)
    assert 'href="migration.html">a page of its own' in text


def test_seeds_of_another_definition_are_not_joined(published: List[Any]) -> None:
    old: Any = changed(published[0], seed=2, model_digest="f" * 16, metrics={"ess_per_s": 1e9})
    new: Any = changed(published[0], seed=1, id="e" * 32)
    (row,) = verdicts.rows([old, new])
    assert [record["id"] for record in row.records] == ["e" * 32]


def test_one_cell_of_two_profiles_is_one_row(published: List[Any]) -> None:
    other: Any = changed(published[0], seed=2, profile="sweep", id="e" * 32)
    (row,) = verdicts.rows([published[0], other])
    assert len(row.records) == 2


def test_cells_that_did_not_end_are_said_where_the_others_are_drawn(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    records = [one for one in swept(published) if one["model"] == "addition"]
    failed = next(one for one in records if one["settings"]["draws"] == 250)
    failed.update(status="timeout", reason="too long", metrics={}, accuracy={})
    text = (build(write(records))[0] / "settings.html").read_text()
    assert "addition on pymc3-3.8 with draws 250: 1 cell timeout, and not in the charts." in text
    assert "2 of 3 cells" in text


def test_a_models_page_draws_what_was_kept_and_says_what_was_not(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    record = with_draws(next(one for one in published if one["model"] == "fork"))
    folder = write([record])
    keep_draws(folder)
    page = build(folder)[0] / "models" / "fork.html"
    text = page.read_text()
    assert text.count("<svg role=") >= 8
    assert "cannot be drawn" not in text
    assert "draws 500, tune 1500" in text
    keep_draws(folder, draws=1)
    text = (build(folder)[0] / "models" / "fork.html").read_text()
    assert "cannot be drawn like that" in text


def test_a_model_of_thousands_of_scalars_has_a_page(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    one = next(iter(published[0]["quantities"].values()))
    many = {f"x[{number}]": {**one, "ess_bulk": 1000.0 + number} for number in range(3000)}
    output, _, _ = build(write([changed({**published[0], "quantities": {}}, quantities=many)]))
    page = output / "models" / f"{published[0]['model']}.html"
    assert page.stat().st_size < 1_500_000
    assert "2960 more scalars" in page.read_text()


def test_every_record_is_a_cell_and_the_newest_is_told(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    again = changed(published[0], id="f" * 32, started_at="2026-12-01T00:00:00+00:00")
    output, _, _ = build(write([published[0], again]))
    table = json.loads((output / "cells" / "table.js").read_text()[len("NUTSBENCH_TABLE(") : -3])
    run = next(column for column in table["columns"] if column["name"] == "run")
    assert [run["words"][value] for value in run["values"]] == ["earlier", "newest"]


@pytest.mark.parametrize("others", [0, 8], ids=["in this process", "in several"])
def test_a_page_that_cannot_be_made_stops_the_build_and_is_not_called_done(
    published: List[Any], write: Callable[..., Any], tmp_path: Path, others: int
) -> None:
    source = data.load(write(published[:1]))
    fine = [
        site.Page(f"cells/{number}.js", "", number, lambda: {"text": "written"}) for number in range(others)
    ]

    def broken() -> Dict[str, Any]:
        raise RuntimeError("no such figure")

    bad = site.Page("cells/99.js", "", 99, broken)
    with pytest.raises(RuntimeError, match="no such figure"):
        site.build(source, tmp_path / "report", [*fine, bad], lambda _: None)
    mended = site.Page("cells/99.js", "", 99, lambda: {"text": "mended"})
    assert 1 <= site.build(source, tmp_path / "report", [*fine, mended], lambda _: None) <= others + 1
    assert (tmp_path / "report" / "cells" / "99.js").read_text() == "mended"
    assert len(list((tmp_path / "report" / "cells").glob("*.js"))) == others + 1


def test_a_build_that_was_stopped_goes_on_where_it_was(
    published: List[Any], write: Callable[..., Any], tmp_path: Path
) -> None:
    source = data.load(write(published[:1]))
    two = [site.Page(f"cells/{number}.js", "", number, lambda: {"text": "written"}) for number in range(2)]

    def stop(path: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        site.build(source, tmp_path / "report", two, stop)
    assert site.build(source, tmp_path / "report", two, lambda _: None) == 1


def test_pages_are_written_again_when_the_rule_of_a_verdict_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    before, read = site._code_digest(), Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + (b"#" if path.name == "quality.py" else b"")
    )
    assert site._code_digest() != before

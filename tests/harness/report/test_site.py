"""The pages: whole, safe, and written anew only where something has changed."""

import json
import re
import shutil

import pytest

from harness.report import data, pages, site
from tests.harness.report.conftest import changed, comparison, keep_draws, swept, with_draws

HOSTILE = "<script>window.hit = true</script>&<b>"


def figures_of(text):
    """Return the charts of a page by their names."""
    found = re.findall(r'data-chart="([^"]+)">(.*?)</script>', text, flags=re.DOTALL)
    return {name: json.loads(figure) for name, figure in found}


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
            if link.startswith("data:image/png;base64,"):
                continue  # Of a figure, the part that has too many points for lines.
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
    assert "line 3, has no metrics; it is left out" in text
    assert "line 4, has no init; it is left out" in text


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


def test_two_machines_are_told_apart(published, write, build, tmp_path):
    other = changed(
        published[0], environment={"machine": "abcdef123456", "processor": "Another"}, id="b" * 32
    )
    text = (build(write([*published, other]))[0] / "index.html").read_text()
    assert 'name="machine"' in text
    assert "Another" in text
    assert re.search(r'data-label="stack">pymc3-3.8 <small>Another', text)
    assert '"name":"machine"' in (tmp_path / "report" / "cells" / "table.js").read_text()


def test_a_page_stays_below_its_size(whole, build):
    output, _, _ = build(whole)
    for page in output.rglob("*.html"):
        assert page.stat().st_size < 1_500_000, page.name


def test_a_record_without_draws_says_how_to_get_them(published, write, build):
    output, _, _ = build(write(published[:1]))
    assert "--keep-draws" in (output / "models" / f"{published[0]['model']}.html").read_text()


def test_a_sweep_shows_every_setting_that_was_varied(published, write, build):
    records = swept(published)
    text = (build(write(records))[0] / "settings.html").read_text()
    assert 'id="draws"' in text
    assert 'id="target_accept"' in text
    assert 'id="tune"' not in text
    assert "Median over up to 3 seeds" in text
    panels = figures_of(text)["draws-rhat_max"]
    assert {shape["y0"] for shape in panels["layout"]["shapes"]} == {1.01}
    assert "The settings that would have been best" in text


def test_a_models_page_lists_all_settings_that_were_tried(published, write, build):
    output, _, _ = build(write(swept(published)))
    text = (output / "models" / "fork.html").read_text()
    assert "Under other settings" in text
    assert {"tried-chart-ess_per_s", "tried-chart-z"} <= set(figures_of(text))
    table = text[text.index("All settings tried") :]
    assert table.count("<tr>") == 1 + 3
    assert "accept 0.8" in table
    overview = (output / "index.html").read_text()
    assert 'models/fork.html#settings">None of the 3 settings tried is good with every seed.' in overview


def test_two_stacks_with_seeds_have_intervals_and_one_seed_has_none(published, write, build):
    chosen = [one for one in published if one["model"] in ("fork", "addition")]
    seeds = [
        changed(
            one,
            seed=seed,
            id=f"{one['id'][:20]}{seed}",
            metrics={"us_per_leapfrog": one["metrics"]["us_per_leapfrog"] * (1 + seed / 1000)},
        )
        for one in chosen
        for seed in ((1, 2, 3) if one["model"] == "addition" else (1,))
    ]
    text = (build(write(seeds))[0] / "compare.html").read_text()
    (intervals,) = (one for name, one in figures_of(text).items() if name.startswith("intervals-"))
    assert intervals["data"][0]["y"] == ["addition"]
    assert "1 model with less than two seeds is not judged." in text
    assert "one seed alone has no spread" in text


def test_two_runs_of_a_stack_are_side_by_side(published, write, build):
    before = [one for one in published if one["stack"] == "pymc3-3.8"][:3]
    after = [
        changed(one, id=f"f{one['id'][1:]}", started_at="2026-12-01T00:00:00+00:00", metrics={"pace_s": 1.0})
        for one in before
    ]
    text = (build(write([*before, *after]))[0] / "compare.html").read_text()
    assert "pymc3-3.8, newest run over pymc3-3.8, the run before, by records, " in text
    assert "Of 3 cells that both have" in text


def test_a_stored_comparison_is_shown_with_its_verdicts(published, write, build):
    folder = write(published[:1])
    (folder / "compare").mkdir()
    (folder / "compare" / "published").mkdir()
    (folder / "compare" / "published" / "20261123T000000Z-abcdef.json").write_text(json.dumps(comparison()))
    (folder / "compare" / "broken.json").write_text("{")
    lacking = {**comparison(), "options": {}}
    (folder / "compare" / "lacking.json").write_text(json.dumps(lacking))
    text = (build(folder)[0] / "compare.html").read_text()
    assert "broken.json is no comparison" in text
    assert "lacking.json is no comparison" in text
    assert "Measured 2026-11-23 00:00 UTC on Some processor, 2 cores." in text
    assert "&lt;b&gt;mine&lt;/b&gt; over pymc3-3.8" in text
    assert "1.050 to 1.110" in text
    assert "fork could not be measured: HEAD: its process ended." in text


def test_the_history_of_releases_has_accuracy_beside_speed(whole, build):
    text = (build(whole)[0] / "history.html").read_text()
    assert "Speed and cost, over PyMC3&#39;s releases" in text
    (pace,) = (one for name, one in figures_of(text).items() if name.endswith("-pace"))
    under = {line["name"]: line for line in pace["data"] if line.get("yaxis")}
    assert {"accurate", "can't tell", "divergences"} <= set(under)
    # One axis of releases for all of them, the oldest first.
    assert {line.get("xaxis", "x") for line in pace["data"]} == {"x"}
    versions = pace["layout"]["xaxis"]["categoryarray"]
    assert (versions[0], versions[-1]) == ("3.8", "3.11.6")
    assert all(line["x"] == versions for line in pace["data"])
    assert sum(under["divergences"]["y"]) > 0


def test_accuracy_of_a_machine_without_times_is_a_table(whole, build, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    machine = folder / "releases" / "reference" / "machine.json"
    machine.write_text(json.dumps({**json.loads(machine.read_text()), "cpu": "another"}))
    text = (build(folder)[0] / "history.html").read_text()
    assert "asv has no times of this machine" in text
    (pace,) = (one for name, one in figures_of(text).items() if name.endswith("-pace"))
    assert "divergences" not in {line["name"] for line in pace["data"]}


def test_the_history_of_commits_has_accuracy_beside_speed(published, write, build):
    records = [one for one in published if one["stack"] == "pymc3-3.8"][:3]
    folder = write(records)
    facts = records[0]["environment"]
    commits = ("a" * 40, "b" * 40)
    runs = folder / "asv" / "runs"
    runs.mkdir(parents=True)
    lines = [
        changed(one, environment={"commit": commit, "dirty": False}, id=f"{number}{commit[:9]}")
        for number, one in enumerate(records)
        for commit in commits
    ]
    lines[-1]["metrics"]["divergences"] = 7
    (runs / "some.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    stored = folder / "asv" / "here"
    stored.mkdir()
    kind = {"cpu": facts["processor"], "num_cpu": str(facts["cores"])}
    (stored / "machine.json").write_text(json.dumps(kind))
    (folder / "asv" / "benchmarks.json").write_text(json.dumps({"quick.a.track_pace_s": {"version": "1"}}))
    for day, commit in enumerate(commits):
        content = {
            "commit_hash": commit,
            "env_name": "pymc3-3.8",
            "date": day,
            "result_columns": ["result", "version"],
            "results": {"quick.a.track_pace_s": [[1.0 + day], "1"]},
        }
        (stored / f"{commit[:8]}-pymc3-3.8.json").write_text(json.dumps(content))
    text = (build(folder)[0] / "history.html").read_text()
    (pace,) = (one for name, one in figures_of(text).items() if name.endswith("-pace"))
    (line,) = (line for line in pace["data"] if line["name"] == "divergences")
    assert line["x"] == ["aaaaaaaa", "bbbbbbbb"]
    assert line["y"][1] - line["y"][0] == 7 - records[-1]["metrics"]["divergences"]


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
    assert "in a file that cannot be read" in text


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


def test_a_folder_of_another_program_keeps_its_files(published, write, build, tmp_path):
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


def test_the_page_opens_with_what_was_measured_here(published, write, build):
    mine = changed(published[0], profile="quick", origin="mine", environment={"machine": "abcdef123456"})
    mine.update(id="9" * 32, settings={**mine["settings"], "draws": 77})
    folder = write([*published, mine])
    (folder / ".origin").write_text("mine\n")
    source = data.load(folder)
    assert source.main == "abcdef123456"
    text = (build(folder)[0] / "index.html").read_text()
    assert "<option selected>tutorial" not in text
    assert re.search(r"<option selected>[^<]*\(abcd\)", text)


def test_seeds_of_another_definition_are_not_joined(published):
    old = changed(published[0], seed=2, model_digest="f" * 16, metrics={"ess_per_s": 1e9})
    new = changed(published[0], seed=1, id="e" * 32)
    (row,) = data.rows([old, new])
    assert [record["id"] for record in row.records] == ["e" * 32]


def test_one_cell_of_two_profiles_is_one_row(published):
    other = changed(published[0], seed=2, profile="sweep", id="e" * 32)
    (row,) = data.rows([published[0], other])
    assert len(row.records) == 2


def test_cells_that_did_not_end_are_said_where_the_others_are_drawn(published, write, build):
    records = [one for one in swept(published) if one["model"] == "addition"]
    failed = next(one for one in records if one["settings"]["draws"] == 250)
    failed.update(status="timeout", reason="too long", metrics={}, accuracy={})
    text = (build(write(records))[0] / "settings.html").read_text()
    assert "addition on pymc3-3.8 with draws 250: 1 cell timeout, and not in the charts." in text
    assert "2 of 3 cells" in text


def test_the_phases_are_of_the_newest_record(published, write, build):
    old = [changed(one, id=f"{place:032x}") for place, one in enumerate(published) if one["model"] == "fork"]
    phases = {"draw": {"wall_s": 12345.5, "cpu_s": 1.0}}
    later = {"seed": 1, "started_at": "2026-12-01T00:00:00+00:00", "phases": phases}
    new = [changed(one, id=f"{place + 9:032x}", **later) for place, one in enumerate(old)]
    text = (build(write([*old, *new]))[0] / "compare.html").read_text()
    assert "12345.5" in text


def test_a_models_page_draws_what_was_kept_and_says_what_was_not(published, write, build):
    record = with_draws(next(one for one in published if one["model"] == "fork"))
    folder = write([record])
    keep_draws(folder)
    page = build(folder)[0] / "models" / "fork.html"
    text = page.read_text()
    assert text.count("<svg role=") >= 8
    assert "cannot be drawn" not in text
    assert "draws 500, tune 1500" in text
    with pytest.warns(SyntaxWarning, match="More chains"):
        keep_draws(folder, draws=1)
    text = (build(folder)[0] / "models" / "fork.html").read_text()
    assert "cannot be drawn like that" in text


def test_a_model_of_thousands_of_scalars_has_a_page(published, write, build):
    one = next(iter(published[0]["quantities"].values()))
    many = {f"x[{number}]": {**one, "ess_bulk": 1000.0 + number} for number in range(3000)}
    output, _, _ = build(write([changed({**published[0], "quantities": {}}, quantities=many)]))
    page = output / "models" / f"{published[0]['model']}.html"
    assert page.stat().st_size < 1_500_000
    assert "2960 more scalars" in page.read_text()


def test_the_history_cannot_be_made_without_git_and_the_rest_is_shown(whole, build, monkeypatch):
    from harness import releases
    from harness.errors import UserError

    def no_git():
        raise UserError("git is missing")

    monkeypatch.setattr(releases, "make_history", no_git)
    output, _, told = build(whole)
    assert "git is missing" in (output / "history.html").read_text()
    assert "cells.html" in told


def test_every_record_is_a_cell_and_the_newest_is_told(published, write, build):
    again = changed(published[0], id="f" * 32, started_at="2026-12-01T00:00:00+00:00")
    output, _, _ = build(write([published[0], again]))
    table = json.loads((output / "cells" / "table.js").read_text()[len("NUTSBENCH_TABLE(") : -3])
    run = next(column for column in table["columns"] if column["name"] == "run")
    assert [run["words"][value] for value in run["values"]] == ["earlier", "newest"]

"""What a person gets for a mistake: one clear message, exit code 2, nothing sampled."""

import json
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, List, Tuple
from unittest.mock import ANY

import pytest

from nutsbench import models
from nutsbench.cli import common
from nutsbench.judge.metrics import markdown
from nutsbench.records.record import Record, Status
from nutsbench.records.store import Store
from tests.conftest import MODEL_FILE, ROOT, Run


def assert_refused(done: "subprocess.CompletedProcess[str]", said: str, results: Path) -> None:
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stderr.count("Error") == 1
    assert "Traceback" not in done.stderr
    assert not list(results.rglob("*.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("simple_regresion",), "There is no model 'simple_regresion'. Did you mean 'simple_regression'?"),
        (("addition", "--stack", "pymc3-3.12"), "There is no stack 'pymc3-3.12'. Did you mean 'pymc3-3.1"),
        (("addition", "--stack", "."), "neither a checkout of PyMC3 nor of Theano"),
        (("addition", "--profile", "tutoral"), "There is no profile 'tutoral'. Did you mean 'tutorial'?"),
        (("addition", "--draws", "0"), "draws has to be at least 1, not 0"),
        (("addition", "--draws", "-3"), "draws has to be at least 1, not -3"),
        (("addition", "--draws", "many"), "'many' is not a whole number"),
        (("addition", "--tune", "-1"), "tune has to be 0 or more, not -1"),
        (("addition", "--chains", "0"), "chains has to be at least 1, not 0"),
        (("addition", "--cores", "0"), "cores has to be at least 1, not 0"),
        (("addition", "--target-accept", "1.5"), "target_accept has to be above 0 and below 1, not 1.5"),
        (("addition", "--target-accept", "0"), "target_accept has to be above 0 and below 1, not 0.0"),
        (("addition", "--target-accept", "high"), "'high' is not a number"),
        (("addition", "--seed", "-1"), "seed has to be 0 or more"),
        (("addition", "--timeout", "0"), "timeout has to be above 0"),
        (("addition", "--threads", "0"), "threads has to be at least 1"),
        (("addition", "--memory-limit", "much"), "'much' is not a size: write 500M or 4G"),
        (("addition", "--models", "nowhere.py"), "there is no models file 'nowhere.py'"),
        (("addition", "--drawz", "5"), "No such option '--drawz'"),
    ],
)
def test_run_refuses(nutsbench: Run, results: Path, arguments: Tuple[Any, ...], said: str) -> None:
    assert_refused(nutsbench("run", *arguments), said, results)


def test_a_models_file_with_a_syntax_error(
    nutsbench: Run, results: Path, models_file: Callable[..., Path]
) -> None:
    done = nutsbench("run", "--models", str(models_file("bad", "def broken(:\n")))
    assert_refused(done, "bad_file.py, line 1: invalid syntax", results)


def test_a_models_file_with_a_name_that_is_taken(
    nutsbench: Run, results: Path, models_file: Callable[..., Path]
) -> None:
    done = nutsbench("run", "--models", str(models_file("addition")))
    assert_refused(done, "two models are called 'addition'", results)


def test_a_command_that_does_not_exist(nutsbench: Run, results: Path) -> None:
    assert_refused(nutsbench("rum"), "There is no command 'rum'. Did you mean 'run'?", results)


def test_a_results_folder_that_is_a_file(nutsbench: Run, results: Path) -> None:
    results.write_text("")
    done = nutsbench("run", "addition")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_a_results_folder_that_cannot_be_written(nutsbench: Run, results: Path) -> None:
    # Not even root may make a folder there.
    done = nutsbench("run", "addition", "--results", "/proc/results")
    assert_refused(done, "cannot be written", results)


def test_records_of_a_newer_schema(nutsbench: Run, results: Path, make_record: Callable[..., Record]) -> None:
    (results / "runs").mkdir(parents=True)
    text = json.dumps({**make_record().to_dict(), "schema": 7}) + "\n"
    (results / "runs" / "new.jsonl").write_text(text)
    for command in (("run", "addition"), ("show",)):
        done = nutsbench(*command)
        assert done.returncode == 2
        assert "new.jsonl, line 1, has schema 7" in done.stderr
    assert (results / "runs" / "new.jsonl").read_text() == text


def test_a_dry_run_samples_nothing_and_writes_nothing(nutsbench: Run, results: Path) -> None:
    done = nutsbench("run", "--dry-run", "addition", "fork", "--draws", "10,20")
    assert done.returncode == 0
    assert "4 cells" in done.stdout
    assert not results.exists()


def test_a_dry_run_says_what_one_run_holds(nutsbench: Run) -> None:
    done = nutsbench("run", "--dry-run", "addition", "--draws", "10,20")
    assert "draws 10, " in done.stdout
    assert "the first draws of the run of 20" in done.stdout
    apart = nutsbench("run", "--dry-run", "addition", "--draws", "10,20", "--apart")
    assert "the first draws" not in apart.stdout


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1.5m", 90), ("2h", 7200), ("7", 7)])
def test_a_time_is_read_in_seconds_minutes_or_hours(text: str, seconds: int) -> None:
    assert common.duration(ANY, ANY, text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5m", "5d", "m", "1e3"])
def test_what_is_no_time_is_refused(nutsbench: Run, text: str) -> None:
    done = nutsbench("run", "addition", "--within", text, "--dry-run")
    assert done.returncode == 2
    assert f"{text!r} is not a time above 0: write 90s, 10m or 2h" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--until-ess", "0"], "0.0 is not in the range x>=1"),
        (["--until-rhat", "1"], "1.0 is not in the range x>1"),
        (
            ["--until-ess", "400", "--max-draws", "300"],
            "addition begins with 400 draws, above --max-draws 300",
        ),
        (["--until-rhat", "1.01", "--chains", "1"], "R-hat needs two chains: give --chains 2 or more"),
    ],
)
def test_what_cannot_be_sampled_until_is_refused(
    nutsbench: Run, results: Path, options: List[Any], said: str
) -> None:
    assert_refused(nutsbench("run", "addition", *options), said, results)


def test_models_are_listed_in_words_and_in_json(nutsbench: Run) -> None:
    listed = nutsbench("models").stdout.splitlines()
    assert [line.split()[0] for line in listed] == models.names()
    found = json.loads(nutsbench("models", "--json").stdout)
    assert [row["name"] for row in found] == models.names()
    assert found[0]["settings"]["draws"] == 500
    assert "slope_z ~ Normal(0, 1)" in nutsbench("models", "fork").stdout


def test_show_without_records_says_what_to_do(nutsbench: Run) -> None:
    done = nutsbench("show")
    assert done.returncode == 0
    assert "`nutsbench run` makes some" in done.stdout
    assert json.loads(nutsbench("show", "--json").stdout) == []


@pytest.mark.parametrize(
    ("option", "value", "near"),
    [("--status", "faild", "failed"), ("--profile", "quik", "quick"), ("--quality", "god", "good")],
)
def test_show_refuses_what_it_cannot_filter_by(nutsbench: Run, option: str, value: str, near: str) -> None:
    done = nutsbench("show", option, value)
    assert done.returncode == 2
    assert f"Did you mean {near!r}?" in done.stderr


def test_records_from_elsewhere_give_way_to_ones_own(
    nutsbench: Run, results: Path, make_record: Callable[..., Record]
) -> None:
    runs = results / "runs"
    (runs / "published").mkdir(parents=True)
    elsewhere = make_record(origin="elsewhere", model="fork").to_dict()
    (runs / "published" / "a.jsonl").write_text(json.dumps(elsewhere) + "\n")
    shown = nutsbench("show", "--json")
    assert [record["model"] for record in json.loads(shown.stdout)] == ["fork"]
    assert "measured elsewhere" in shown.stderr
    (results / ".origin").write_text("here\n")
    (runs / "b.jsonl").write_text(json.dumps(make_record().to_dict()) + "\n")
    shown = nutsbench("show", "--json")
    assert [record["model"] for record in json.loads(shown.stdout)] == ["addition"]
    assert "1 records that were measured elsewhere are not shown" in shown.stderr
    assert len(json.loads(nutsbench("show", "--json", "--all").stdout)) == 2


def test_the_newest_record_of_a_cell_is_shown(
    nutsbench: Run, results: Path, make_record: Callable[..., Record]
) -> None:
    (results / "runs").mkdir(parents=True)
    for day, ess_per_s in (("02", 5.0), ("01", 4.0)):
        record = make_record(started_at=f"2026-01-{day}T00:00:00+00:00", metrics={"ess_per_s": ess_per_s})
        (results / "runs" / f"{day}.jsonl").write_text(json.dumps(record.to_dict()) + "\n")
    (shown,) = json.loads(nutsbench("show", "--json").stdout)
    assert shown["metrics"]["ess_per_s"] == 5.0
    assert len(json.loads(nutsbench("show", "--json", "--history").stdout)) == 2


def test_doctor_says_what_to_do(nutsbench: Run) -> None:
    done = nutsbench("doctor", "--json")
    findings = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert {"compiler", "BLAS", "threads", "cores", "load", "memory", "disk", "stacks"} <= set(findings)
    assert all(finding["advice"] for finding in findings.values() if finding["verdict"] != "good")


def test_doctor_without_a_compiler_is_alarmed(nutsbench: Run) -> None:
    done = nutsbench("doctor", PATH="/nonexistent")
    assert done.returncode == 1
    assert "no g++ on the path; install g++" in done.stdout


def test_the_readmes_rows_of_metrics_are_the_real_ones() -> None:
    text = (ROOT / "README.md").read_text()
    table = text[text.index("| metric | unit |") :].partition("\n\n")[0].splitlines()
    # One that was added need not be there: `nutsbench metrics` has them all.
    assert len(table) > 10
    assert set(table) <= set(markdown().splitlines())


def test_json_is_all_of_standard_output_whatever_a_models_file_prints(
    nutsbench: Run, models_file: Callable[..., Path]
) -> None:
    text = MODEL_FILE.replace("return {", "print('data')\n    os.system('echo data')\n    return {")
    path = str(models_file("loud", "import os\nprint('loaded')\nos.system('echo loaded')\n" + text))
    for command in ("models", "truth"):
        done = nutsbench(command, "loud", "--json", "--models", path)
        (row,) = json.loads(done.stdout)
        assert "loud" in row.values()
        assert done.stderr.count("loaded") >= 2


def test_of_many_records_the_worst_are_shown_first_however_they_failed(
    nutsbench: Run, results: Path, make_record: Callable[..., Record]
) -> None:
    run = Store(results).begin("quick", datetime(2026, 1, 1, tzinfo=timezone.utc))
    for seed, status in enumerate([Status.OK, Status.TIMEOUT, Status.OK, Status.CRASHED, Status.OK]):
        run.append(make_record(seed=seed, status=status, reason="so it ended"))
    done = nutsbench("show", "--all", "--limit", "2")
    assert done.returncode == 0, done.stderr
    assert "timeout" in done.stdout
    assert "crashed" in done.stdout
    assert "5 records: 3 good, " in done.stdout
    assert "the worst 2" in done.stdout

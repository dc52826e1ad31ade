"""The command as a process: `run --json` to the letter of the interface, its report in a browser, and interruption."""

import re
import shutil
import signal
import sqlite3
import subprocess

import pytest
from tests.projects import AS_OF, ASSAY, NBA, PATIENT, answered, assay, flip_byte, questions, serving, start, wait_until

from assay.project import Project

BROWSER = shutil.which("chromium") or "/usr/bin/chromium"
NBA_GAMES = 63_157
RUN = ("run", "--trials", "0", "--set", "evaluation.bootstrap=100", "--set", PATIENT, "--as-of", f"{AS_OF:%Y-%m-%d}")


@pytest.fixture(scope="module")
def ran(finished_churn, tmp_path_factory):
    """What `assay run --json` printed on a fresh project, and the project's folder."""
    ignored = shutil.ignore_patterns(".assay")
    folder = shutil.copytree(finished_churn, tmp_path_factory.mktemp("process") / "churn", ignore=ignored)
    return assay(*RUN, "--project", folder, "--json"), folder


def test_stdout_is_one_document_and_progress_goes_to_stderr(ran):
    done, folder = ran
    assert done.code == 0, done.err
    document = done.document()
    assert document["verdict"] == "promoted"
    assert document["model"] == "churn@1.0.0"
    assert document.keys() >= {"stage", "metrics", "quality", "leakage", "gates", "evidence", "seconds"}
    assert "… tuning" in done.err
    with Project.open(folder) as project:
        assert [project.workspace.ledger.get(one).id for one in document["evidence"]] == document["evidence"]


@pytest.mark.parametrize("what", ["report", "card"])
def test_pages_open_in_a_browser_offline_and_without_errors(ran, tmp_path, what):
    playwright = pytest.importorskip("playwright.sync_api")
    if not shutil.which(BROWSER):
        pytest.skip("no chromium")
    done, folder = ran
    page_file = done.document()["report"]
    if what == "card":
        page_file = str(tmp_path / "card.html")
        assert assay("card", "--format", "html", "--output", page_file, "--project", folder).code == 0
    wrong, asked = [], []
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, offline=True)
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"file://{page_file}")
        text = page.inner_text("body")
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        page.emulate_media(media="print")
        printed = page.inner_text("body")
        browser.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert "churn@1.0.0" in text
    assert "churn@1.0.0" in printed
    assert overflow <= 0, "the page is wider than a laptop's window"


def test_an_interrupted_run_says_so_and_leaves_a_sound_project(finished_churn, tmp_path):
    folder = shutil.copytree(finished_churn, tmp_path / "churn", ignore=shutil.ignore_patterns(".assay"))
    log = tmp_path / "run.log"
    process = start(*RUN, "--project", folder, log=log)
    wait_until(lambda: "… features" in log.read_text(), seconds=30)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert "Traceback" not in log.read_text()
    with Project.open(folder) as project:
        assert project.verify().ok


def test_output_into_a_closed_pipe_is_no_traceback(ran):
    _, folder = ran
    piped = f"{' '.join(ASSAY)} ledger log --project {folder} --json --limit 1000 | head -c 10"
    done = subprocess.run(piped, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_verify_names_a_flipped_byte_of_a_sealed_log_segment_and_of_a_record(finished_churn, tmp_path):
    folder = shutil.copytree(finished_churn, tmp_path / "churn")
    with serving(folder) as (url, _):
        answered(url, questions(folder, 5))
    segments = [path for path in (folder / ".assay" / "predictions" / "predictions").iterdir() if path.is_file()]
    assert assay("ledger", "verify", "--project", folder).code == 0
    flip_byte(segments[0])
    done = assay("ledger", "verify", "--project", folder, "--json")
    assert done.code == 1
    assert segments[0].stem in done.out
    flip_byte(segments[0])
    with sqlite3.connect(folder / ".assay" / "ledger.db") as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger = folder / ".assay" / "ledger.db"
    flip_byte(ledger, at=ledger.read_bytes().index(b"cut by time: train"))
    done = assay("ledger", "verify", "--project", folder)
    assert done.code == 1
    assert re.search(r"BROKEN: ledger record E-\d{6}", done.out)


@pytest.fixture
def nba(assay_data, tmp_path):
    """The example as it is, with its state elsewhere, and the environment with its data."""
    ignored = shutil.ignore_patterns(".assay", "__pycache__")
    return shutil.copytree(NBA, tmp_path / "nba", ignore=ignored), {"ASSAY_DATA": str(assay_data)}


@pytest.mark.slow
def test_the_basketball_example_is_promoted_by_what_it_shows_on_the_sealed_holdout(nba):
    folder, environment = nba
    done = assay("run", "--project", folder, "--trials", "3", "--set", PATIENT, "--json", environment=environment)
    document = done.document()
    primary = document["metrics"]["primary"]
    assert primary["name"] == "log_loss"
    assert primary["low"] < primary["value"] < primary["high"]
    assert primary["value"] <= 0.612
    assert primary["value"] <= 0.9 * document["metrics"]["baseline"]["no-information"]
    assert document["metrics"]["expected_calibration_error"]["value"] <= 0.03
    assert (document["verdict"], done.code) == ("promoted", 0), document["reason"]
    with Project.open(folder, environment=environment) as project:
        find = project.workspace.ledger.find
        assert find(kind="leakage.duplicates")[0].figures["rows"] == NBA_GAMES
        assert len(find(kind="data.holdout_opened")) == 1
        assert project.verify().ok


@pytest.mark.slow
def test_the_published_elo_forecast_ends_the_basketball_example_with_both_skills(nba):
    folder, environment = nba
    words = ("--trials", "1", "--set", "brief.baseline=rules:elo", "--json")
    done = assay("run", "--project", folder, *words, environment=environment)
    document = done.document()
    assert (document["verdict"], done.code) == ("kill", 4), document["reason"]
    assert re.search(r"model -?[\d.]+%.*heuristic -?[\d.]+%", document["reason"])
    with Project.open(folder, environment=environment) as project:
        assert project.workspace.ledger.find(kind="data.holdout_opened") == []

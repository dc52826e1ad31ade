"""Every verb: one JSON document under --json, the documented exit codes, overrides, and lines for people."""

import json

import polars as pl
import pytest
from tests.projects import AS_OF, edit, questions
from tests.projects import assay as run_assay
from typer.testing import CliRunner

from assay.cli.main import app

READING = (
    "check",
    "features list",
    "features list --search waiting",
    "features show customer_age",
    "features get customer_id=C000001 plan=plus month=2026-01-01T00:00:00Z",
    "experiments",
    "models",
    "card",
    "card --format html",
    "card --format hf",
    "card --format annex-iv",
    "ledger log",
    "ledger log --kind leakage.* --limit 3",
    "ledger show E-000001",
    "ledger verify",
    "ledger lineage churn@1.0.0",
    "ledger lineage E-000004 --forward",
    "ledger lineage source:purchases --forward --rows 100:200",
    "ledger lineage source:prices --records",
)


@pytest.fixture
def assay():
    """The command in this process: words in; exit code, stdout and stderr out."""

    def run(*words, stdin=None):
        found = CliRunner().invoke(app, [str(word) for word in words], input=stdin)
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found

    return run


@pytest.fixture
def on(assay):
    """The command on a project."""

    def run(folder, text, *words):
        return assay(*text.split(), *words, "--project", folder)

    return run


@pytest.mark.parametrize("text", READING)
def test_a_verb_that_reads_prints_one_json_document(on, finished_churn, text):
    done = on(finished_churn, text, "--json")
    assert done.exit_code == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict | list)


@pytest.mark.parametrize("text", READING)
def test_a_verb_that_reads_says_the_same_to_people_without_a_traceback(on, finished_churn, text):
    done = on(finished_churn, text)
    assert done.exit_code == 0
    assert done.stdout.strip()
    assert "Traceback" not in done.output


def test_verbs_that_record_print_one_json_document_each(on, churn, tmp_path):
    rows = pl.DataFrame(questions(churn, 5))
    rows.write_csv(tmp_path / "rows.csv")
    for text in (
        "frame",
        f"assess --as-of {AS_OF:%Y-%m-%d}",
        f"features build --as-of {AS_OF:%Y-%m-%d}",
        "drift",
        "monitor",
        f"predict --input {tmp_path}/rows.csv --output {tmp_path}/scored.csv",
        f"ledger export {tmp_path}/ledger.jsonl",
    ):
        done = on(churn, text, "--json")
        assert done.exit_code == 0, (text, done.stderr)
        assert json.loads(done.stdout), text
    scored = pl.read_csv(tmp_path / "scored.csv")
    assert scored.height == 5
    assert scored["probability"].is_between(0, 1).all()
    assert set(scored["model"]) == {"churn@1.0.0"}
    assert len((tmp_path / "ledger.jsonl").read_text().splitlines()) > 50


def test_training_and_evaluating_print_one_json_document_each(on, churn):
    quick = ("--set", "training.estimators=[logistic]", "--set", "evaluation.bootstrap=100")
    trained = on(churn, f"train --trials 0 --as-of {AS_OF:%Y-%m-%d}", *quick, "--json")
    assert trained.exit_code == 0, trained.stderr
    assert json.loads(trained.stdout)["experiment"].startswith("EXP-")


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ("ledger show E-999999", 1, "E-999999"),
        ("ledger lineage churn@1.0.0 --rows 1:2", 2, "--forward"),
        ("ledger lineage source:prices --forward --rows two", 2, "100:200"),
        ("ledger lineage source:prices --forward --rows 1000:2000", 1, "source:prices"),
        ("ledger lineage churn@1.0.0 --openlineage http://127.0.0.1:9", 5, "127.0.0.1"),
        ("models --set traning.trials=3", 2, "training"),
        ("models --set training.trials=many", 2, "training.trials"),
        ("rollback --by me --reason practice", 2, "churn@1.0.0"),
        ("rollback --reason practice", 2, "--by"),
        ("promote churn@7.0.0 --by me --reason why", 1, "churn@7.0.0"),
        ("retrain", 2, "--reason"),
        ("card --format pdf", 2, "pdf"),
        ("drift --since yesterday", 2, "yesterday"),
        ("assess --as-of tomorrow", 2, "tomorrow"),
        ("features show custmer_age", 1, "customer_age"),
        ("predict --input no.csv --output out.csv", 2, "no.csv"),
        ("check --set stores.ledger=postgresql://127.0.0.1:9/none", 2, "127.0.0.1"),
        ("ledger log --set stores.ledger=postgresql://user:secret@127.0.0.1:9/none", 5, "127.0.0.1"),
    ],
)
def test_a_refusal_has_its_exit_code_and_is_one_json_document_too(on, finished_churn, text, code, named):
    done = on(finished_churn, text, "--json")
    assert done.exit_code == code, done.output
    document = json.loads(done.stdout)
    assert named in json.dumps(document)
    assert "secret" not in done.output
    if isinstance(document, dict) and "error" in document:
        assert document["exit_code"] == code
        assert document["message"] in done.stderr


def test_an_unknown_option_is_a_usage_error(on, finished_churn):
    assert on(finished_churn, "models --no-such-option").exit_code == 2


@pytest.mark.parametrize("words", ["models --no-such-option", "no-such-verb", "serve --port x"])
def test_a_wrong_call_is_told_as_a_document_where_one_was_asked_for(words):
    done = run_assay(*words.split(), "--json")
    assert done.code == 2
    assert done.document()["exit_code"] == 2
    assert done.document()["message"] in done.err


def test_select_advises_from_what_the_ledger_knows(on, churn):
    told = json.loads(on(churn, "select metric deployment gpu --job serve --parameters 7", "--json").stdout)
    assert [one["topic"] for one in told["figures"]["advice"]] == ["metric", "deployment", "gpu"]
    assert told["figures"]["facts"]["rows"] > 1_000
    assert told["figures"]["facts"]["model_mb"] < 500
    assert len(told["parents"]) == 4
    lines = on(churn, "select metric")
    assert lines.exit_code == 0
    assert lines.stdout.startswith("metric      ")
    assert on(churn, "select weather").exit_code == 2


def test_a_folder_without_a_project_is_a_usage_error_that_says_so(on, tmp_path):
    done = on(tmp_path, "models", "--json")
    assert done.exit_code == 2
    assert "assay.yaml" in json.loads(done.stdout)["message"]


def test_an_incomplete_brief_is_refused_by_frame(on, churn):
    done = on(churn, "frame --set brief.success_metric=", "--json")
    assert done.exit_code == 3
    assert json.loads(done.stdout)[0]["verdict"] == "fail"


def test_a_kill_criterion_gives_exit_code_4(on, fresh_churn):
    edit(
        fresh_churn / "assay.yaml",
        ("  business_value:", '  kill_criteria: ["evaluation.log_loss.value > 0.01"]\n  business_value:'),
    )
    quick = ("--set", "training.estimators=[logistic]", "--set", "evaluation.bootstrap=100")
    done = on(fresh_churn, f"run --trials 0 --as-of {AS_OF:%Y-%m-%d}", *quick, "--json")
    assert done.exit_code == 4
    assert json.loads(done.stdout)["verdict"] == "kill"


def test_damage_gives_exit_code_1_and_is_named(on, churn):
    snapshot = next((churn / ".assay" / "snapshots").glob("*"))
    snapshot.chmod(0o644)
    snapshot.write_bytes(b"not what it was")
    done = on(churn, "ledger verify", "--json")
    assert done.exit_code == 1
    assert snapshot.stem[:12] in json.dumps(json.loads(done.stdout)["broken"])


def test_a_flag_is_stronger_than_the_environment_and_that_than_the_file(on, finished_churn, monkeypatch):
    wrong, right = "training.trials=-1", "training.trials=3"
    monkeypatch.setenv("ASSAY__TRAINING__TRIALS", "-1")
    assert on(finished_churn, "models").exit_code == 2
    assert on(finished_churn, f"models --set {right}").exit_code == 0
    monkeypatch.setenv("ASSAY__TRAINING__TRIALS", "3")
    assert on(finished_churn, f"models --set {wrong}").exit_code == 2
    assert on(finished_churn, "models").exit_code == 0


def test_lineage_can_be_written_as_openlineage_events_and_the_predictions_touched_as_csv(on, churn, tmp_path):
    done = on(churn, f"ledger lineage churn@1.0.0 --openlineage {tmp_path}/events.jsonl")
    assert done.exit_code == 0, done.output
    assert "OpenLineage events" in done.stderr
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert {"churn.run", "churn.training", "churn.stage.production"} <= {one["job"]["name"] for one in events}
    files = f"--predictions {tmp_path}/touched.csv --html {tmp_path}/touched.html"
    done = on(churn, f"ledger lineage source:prices --forward {files}", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["steps"]
    assert (tmp_path / "touched.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "touched.csv").read_text().splitlines()[0] == "id,time,model,because"


def test_the_card_can_be_written_to_a_file(on, finished_churn, tmp_path):
    done = on(finished_churn, f"card --format html --output {tmp_path}/card.html")
    assert done.exit_code == 0
    assert "churn@1.0.0" in (tmp_path / "card.html").read_text()


def test_experiments_are_compared_in_the_terminal_and_as_a_page(on, churn, tmp_path):
    first = json.loads(on(churn, "experiments --json").stdout)[0]["experiment"]
    assert on(churn, "train --set training.estimators=[lightgbm] --trials 1 --as-of 2026-01-01").exit_code == 0
    second = json.loads(on(churn, "experiments --json").stdout)[0]["experiment"]
    done = on(churn, f"experiments compare {first} {second} --html {tmp_path}/compared.html")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == ["outcome", first, second]
    assert "params.num_leaves" in done.stdout
    assert "not measured on holdout rows: " + second in done.stdout
    assert 'class="line series-1"' in (tmp_path / "compared.html").read_text()
    document = json.loads(on(churn, f"experiments compare {first} {second} --json").stdout)
    assert document["differences"]["training.estimators"][second] == "['lightgbm']"
    assert on(churn, f"experiments compare {first}").exit_code == 2
    assert on(churn, f"experiments compare {first} EXP-2020-01-01-001").exit_code == 1


def test_a_blank_project_says_what_is_to_be_filled_in(assay, on, tmp_path):
    done = assay("init", tmp_path / "new", "--json")
    assert done.exit_code == 0
    written = json.loads(done.stdout)
    assert {path.rpartition("/")[2] for path in written} == {".gitignore", "assay.yaml", "definitions.py", "rules.py"}
    checked = on(tmp_path / "new", "check", "--json")
    assert checked.exit_code == 2
    failed = [one for one in json.loads(checked.stdout) if one["verdict"] == "fail"]
    assert {one["kind"] for one in failed} == {"framing.brief", "check.source"}
    assert on(tmp_path / "new", "frame").exit_code == 3


@pytest.mark.parametrize(("place", "template"), [("taken", "blank"), ("taken", "churn"), ("fresh", "no-such-template")])
def test_init_refuses_what_is_in_its_way_and_an_unknown_template(assay, tmp_path, place, template):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "rules.py").write_text("mine")
    done = assay("init", tmp_path / place, "--template", template, "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"] == "UsageError"
    assert [path.read_text() for path in (tmp_path / "taken").iterdir()] == ["mine"]


def test_init_makes_a_project_beside_data_that_is_there(assay, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "orders.csv").write_text("order\n1\n")
    (tmp_path / ".gitignore").write_text("mine\n")
    done = assay("init", tmp_path, "--json")
    assert [path.rpartition("/")[2] for path in json.loads(done.stdout)] == ["assay.yaml", "definitions.py", "rules.py"]
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_a_churn_project_is_ready_to_run(assay, on, tmp_path):
    done = assay("init", tmp_path / "churn", "--template", "churn")
    assert done.exit_code == 0
    assert "assay check" in done.stdout
    checked = on(tmp_path / "churn", "check", "--json")
    assert checked.exit_code == 0, checked.stdout


def test_a_person_fills_in_the_brief_question_by_question(assay, on, tmp_path):
    assay("init", tmp_path / "new")
    text = "reach 5 % fewer losses"
    answers = [text, text, "rules:spends_little", "", text, "api", "batch", text, text, text, *["yes"] * 6, "", "", ""]
    done = assay("frame", "--interactive", "--project", tmp_path / "new", stdin="\n".join(answers) + "\n")
    assert "Traceback" not in done.output
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "new" / "assay.yaml").read_text().count(text) == 6


def test_the_demo_refuses_a_folder_that_holds_something_else(assay, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    done = assay("demo", tmp_path, "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"] == "UsageError"

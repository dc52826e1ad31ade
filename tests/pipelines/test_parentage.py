"""Every record of a run rests on something, down to the record that began it."""

import subprocess
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.projects import AS_OF

from assay.ledger.evidence import Evidence
from assay.pipelines.code_version import _without_login, code_version
from assay.pipelines.parentage import RESTS_ON, parents_of
from assay.project import Project


class Target:
    source = "months"


class Settings:
    target = Target()


class View:
    name = "spending"
    sources = ("purchases", "prices")


def recorded(*kinds_and_subjects, part=None):
    """Evidence as the ledger would give it back, numbered from 1."""
    figures = {} if part is None else {"part": part}
    return [
        replace(Evidence(kind, subject, "info", "", figures), id=f"E-{number:06d}")
        for number, (kind, subject) in enumerate(kinds_and_subjects, start=1)
    ]


RUN = recorded(
    ("run.started", "run:1"),
    ("framing.brief", "brief:project"),
    ("data.snapshot", "source:purchases"),
    ("data.snapshot", "source:prices"),
    ("data.snapshot", "source:months"),
    ("data.split", "split:rows"),
    ("features.build", "view:spending"),
    ("training.search", "search:churn"),
)


VERSION = replace(Evidence("model.registered", "model:churn@1.0.0", "info", ""), id="E-000099")


def rests_on(kind, subject, earlier=RUN, **figures):
    found = parents_of(
        Evidence(kind, subject, "info", "", figures),
        earlier,
        settings=Settings(),
        views=[View()],
        registered={"model:churn@1.0.0": VERSION}.get,
    )
    return [int(one[2:]) for one in found]


def test_a_build_rests_on_the_snapshots_that_its_view_reads():
    assert rests_on("features.build", "view:spending") == [3, 4]


def test_what_is_about_a_source_rests_on_its_snapshot_alone():
    assert rests_on("data.expectations", "source:prices") == [4]
    assert rests_on("leakage.inputs", "source:months") == [5]


def test_the_cut_rests_on_the_source_of_the_rows_to_predict():
    assert rests_on("data.split", "split:rows") == [5]
    assert rests_on("leakage.duplicates", "rows:row_id") == [5]


def test_a_figure_on_the_holdout_rests_on_its_opening_and_not_on_validation():
    opened = [*RUN, *recorded(("data.holdout_opened", "holdout:1"), ("model.evaluation", "experiment:1"))]
    opened[-2] = replace(opened[-2], id="E-000009")
    opened[-1] = replace(opened[-1], id="E-000010", figures={"part": "validation"})
    assert rests_on("model.evaluation", "experiment:1", opened, part="holdout") == [9]
    assert rests_on("model.comparison", "experiment:1", opened, part="holdout") == [1]
    assert rests_on("model.comparison", "experiment:1", opened, part="validation") == [10]


def test_a_check_of_a_version_rests_on_its_registration_and_an_evaluation_of_it_on_its_rows():
    assert rests_on("model.golden", "model:churn@1.0.0") == [99]
    assert rests_on("model.evaluation", "model:churn@1.0.0", part="validation") == [6, 7, 8]


def test_a_value_and_a_criterion_rest_on_the_evaluation_just_made_and_a_comparison_with_a_rule_on_both():
    made = recorded(("model.evaluation", "experiment:1"), ("model.evaluation", "rule:r"), part="validation")
    earlier = [*RUN, *(replace(one, id=f"E-{number:06d}") for number, one in enumerate(made, start=20))]
    assert rests_on("model.business_value", "experiment:1", earlier) == [21]
    assert rests_on("framing.kill_criterion", "kill_criterion:no_better_than_random", earlier) == [21]
    assert rests_on("framing.kill_criterion", "kill_criterion:heuristic_close", earlier) == [20, 21]


def test_what_reconciles_rests_on_what_it_counts():
    assert rests_on("data.reconciliation", "reconciliation:sources") == [3, 4, 5]
    assert rests_on("data.reconciliation", "reconciliation:parts") == [6]
    assert rests_on("data.reconciliation", "reconciliation:frames") == [6, 7]


def test_an_ending_rests_on_what_was_recorded_last():
    assert rests_on("run.failed", "run:1") == [8]


KINDS = sorted({*RESTS_ON, "data.reconciled", "leakage.new", "monitoring.new", "features.skew", "word"} - {"data"})


@given(kind=st.sampled_from(KINDS), n_earlier=st.integers(1, len(RUN)))
def test_no_kind_is_left_without_parents_whatever_came_before(kind, n_earlier):
    earlier = RUN[:n_earlier]
    found = rests_on(kind, "anything:else", earlier)
    assert found
    assert set(found) <= {int(one.id[2:]) for one in earlier}


def test_a_full_run_has_no_orphan_and_leads_from_production_back_to_brief_code_and_sources(finished_churn):
    with Project.open(finished_churn) as project:
        records = project.ledger.find()
        orphans = [one for one in records if not one.parents]
        assert [one.kind for one in orphans] == ["run.started"]
        back = {one.id for one in project.ledger.lineage("churn@1.0.0").nodes}
        forward = {one.id for one in project.ledger.lineage("E-000001", direction="forward").nodes}
    assert forward == {one.id for one in records}
    wanted = {
        "run.started",
        "framing.brief",
        "data.snapshot",
        "features.build",
        "data.holdout_opened",
        "gate.production",
    }
    assert {one.id for one in records if one.kind in wanted} <= back
    by_kind = {one.kind: one for one in records}
    for kind in ("model.golden", "model.size", "model.latency", "release.integration_test", "release.load_test"):
        assert by_kind[kind].parents == (by_kind["model.registered"].id,)


def test_each_build_of_a_full_run_names_the_snapshots_it_read(finished_churn):
    with Project.open(finished_churn) as project:
        by_id = {one.id: one for one in project.ledger.find()}
        views = {view.name: view for view in project.workspace.definitions.views}
    builds = [one for one in by_id.values() if one.kind == "features.build"]
    assert len(builds) == len(views)
    for build in builds:
        read = {by_id[parent].subject.removeprefix("source:") for parent in build.parents}
        assert read == set(views[build.subject.removeprefix("view:")].sources)
        assert build.figures["table_version"] == 0


def test_a_run_notes_the_commit_and_whether_the_folder_differs_from_it(churn):
    def git(*words):
        subprocess.run(["git", "-C", churn, "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True)

    assert code_version(churn)["commit"] is None
    git("init", "-q")
    git("add", "assay.yaml", "definitions.py", "rules.py", "data", "simulation.json")
    git("commit", "-q", "-m", "first")
    git("remote", "add", "origin", "https://ana:secret@example.org/team/churn.git")
    clean = code_version(churn)
    assert len(clean["commit"]) == 40
    assert clean["changed"] is False
    assert clean["repository"] == "https://example.org/team/churn.git"
    (churn / "rules.py").write_text("# other\n")
    with Project.open(churn) as project:
        project.assess(as_of=AS_OF)
        started = project.ledger.latest("run.started")
    assert started.figures["code"]["commit"] == clean["commit"]
    assert started.figures["code"]["changed"] is True
    assert "moment" in started.figures["definitions"]  # request views too
    assert "secret" not in str(started.figures)


def test_only_the_login_is_taken_out_of_an_address():
    assert _without_login("git@example.org:team/churn.git") == "git@example.org:team/churn.git"
    assert _without_login("https://example.org/a@b.git") == "https://example.org/a@b.git"
    assert _without_login(None) is None

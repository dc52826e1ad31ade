"""Experiments side by side: what differs and nothing else, figures as recorded, doubts where they do not compare."""

from dataclasses import replace

import pytest

from assay.errors import UsageError
from assay.evaluation import side_by_side_page
from assay.evaluation.side_by_side import side_by_side
from assay.ledger.evidence import Evidence


def experiment(run, number=1, *, params=None, settings=None, keys="aa", level=None, name=None):
    """A finished experiment of the shared run, told something else: its record and the records of its run."""
    id_ = name or f"EXP-2026-11-21-{number:03d}"
    old = "EXP-2026-11-21-001"
    evidences = [replace(one, subject=one.subject.replace(old, id_)) for one in run[1]]
    if level is not None:
        evidences = [at_level(one, level) for one in evidences]
    figures = {"settings": {"training": {"seed": 0}, "owner": id_} | (settings or {}), "as_of": "2026-11-21"}
    started = Evidence("run.started", f"run:{number}", "info", "started", figures)
    split = Evidence("data.split", "split:rows", "info", "cut", {"keys": {"validation": keys, "holdout": keys}})
    figures = {"verdict": "iterate", "estimator": "lightgbm", "features": ["a"], "params": params or {"depth": 3}}
    record = Evidence("training.experiment", f"experiment:{id_}", "info", "iterate", figures, id=f"E-{number:06d}")
    return record, [*evidences, started, split]


def at_level(one, level):
    if one.kind != "model.evaluation" or one.figures["part"] != "holdout":
        return one
    metrics = {name: {**data.to_json(), "level": level} for name, data in estimates(one).items()}
    return replace(one, figures={**one.figures, "metrics": metrics})


def estimates(one):
    from assay.metrics.estimate import Estimate

    return {name: Estimate.from_json(data) for name, data in one.to_json()["figures"]["metrics"].items()}


def test_only_what_differs_is_listed_and_the_model_comes_first(promoted_run):
    one = experiment(promoted_run, 1)
    two = experiment(promoted_run, 2, params={"depth": 9, "rate": 0.1}, settings={"split": {"seed": 5}})
    compared = side_by_side([one, two])
    assert {row.name: row.values for row in compared.differences} == {
        "params.depth": ("3", "9"),
        "params.rate": ("–", "0.1"),
        "split.seed": ("–", "5"),
    }
    assert [row.name for row in compared.differences][:2] == ["params.depth", "params.rate"]
    assert compared.n_same == 5  # estimator, one feature, as of, training.seed, the snapshot; the owner is words only


def test_metrics_are_those_of_the_evaluations_with_their_intervals(promoted_run):
    compared = side_by_side([experiment(promoted_run, 1), experiment(promoted_run, 2)])
    assert list(compared.metrics) == ["validation", "holdout"]
    recorded = [one for one in promoted_run[1] if one.kind == "model.evaluation" and one.figures["role"] == "candidate"]
    for evaluation in recorded:
        rows = {row.name: row.values for row in compared.metrics[evaluation.figures["part"]]}
        assert rows["log_loss"] == (estimates(evaluation)["log_loss"],) * 2
    assert compared.metrics["holdout"][0].name == "log_loss"
    assert compared.doubts == ()


def test_a_reading_of_the_curve_is_the_line_between_its_points(promoted_run):
    record, run = experiment(promoted_run, 1)
    curve = [[0, 0], [0.1, 0.6], [0.3, 0.8], [1, 1]]
    run = [
        replace(one, figures={**one.to_json()["figures"], "curves": {"roc": curve}})
        if one.kind == "model.evaluation"
        else one
        for one in run
    ]
    compared = side_by_side([(record, run), experiment(promoted_run, 2)])
    assert [row.values[0] for row in compared.readings["holdout"]] == pytest.approx([0.3, 0.6, 0.7])


def test_other_rows_and_other_levels_are_said(promoted_run):
    one = experiment(promoted_run, 1)
    others = side_by_side([one, experiment(promoted_run, 2, keys="bb")])
    assert [text for text in others.doubts if "not to be compared" in text and "holdout" in text]
    levels = side_by_side([one, experiment(promoted_run, 2, level=0.975)])
    assert levels.doubts == (
        "intervals on holdout rows cover 95 %, 97.5 %: the more often rows were opened, the wider they are",
    )


def test_an_experiment_that_failed_early_is_compared_as_far_as_it_came(promoted_run):
    failed = Evidence("training.experiment", "experiment:EXP-2026-11-22-001", "fail", "failed", {"verdict": "failed"})
    compared = side_by_side([experiment(promoted_run, 1), (failed, [])])
    assert compared.outcomes[0].values == ("iterate", "failed")
    assert compared.metrics["validation"][0].values[1] is None
    assert "not measured on validation rows: EXP-2026-11-22-001" in compared.doubts
    assert "EXP-2026-11-22-001" in side_by_side_page.html(compared, title="win")


def test_two_failed_ones_have_no_metrics_and_a_page(promoted_run):
    failed = [
        (Evidence("training.experiment", f"experiment:EXP-2026-11-22-00{n}", "fail", "failed", {}), []) for n in (1, 2)
    ]
    compared = side_by_side(failed)
    assert compared.metrics == {}
    assert "EXP-2026-11-22-002" in side_by_side_page.html(compared, title="win")


def test_one_alone_or_one_twice_is_refused(promoted_run):
    one = experiment(promoted_run, 1)
    for chosen in ([one], [one, one], []):
        with pytest.raises(UsageError, match="two different experiments"):
            side_by_side(chosen)


def test_the_page_lays_the_curves_over_each_other_and_escapes_words(promoted_run):
    hostile = "<script>alert(1)</script>"
    one, two = experiment(promoted_run, 1), experiment(promoted_run, 2, settings={"split": {"by": hostile}})
    page = side_by_side_page.html(side_by_side([one, two]), title=hostile)
    assert "<script>" not in page
    assert page.count('class="line series-1"') == 8  # two curves of two parts, each with its sample in the legend

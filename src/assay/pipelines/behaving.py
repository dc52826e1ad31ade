"""Behaving: the declared behavioural tests of a project, tried on a model and rows at hand; recorded.

Says which columns can be changed and what follows from each: an input of the model, or a column that request views
read, which then run again on the changed rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import polars as pl

from assay.config.settings import Behaviour
from assay.errors import ConfigError, UsageError
from assay.evaluation.behaviour import BehaviourTest, Examined, examine, rehearse
from assay.evaluation.behaviour.changes import columns_of
from assay.features.layout import Layout, layout_of, with_request_features
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame
from assay.models.model import Model
from assay.pipelines import values
from assay.pipelines.run import Run, Step
from assay.pipelines.workspace import Workspace

FIELD = "evaluation.behaviour"
DEFAULT_THRESHOLD = 0.5


def behave(run: Run, model: Model, frame: LabelledFrame, *, subject: str, part: str) -> Evidence | None:
    """Try every declared test on `frame`; None where none is declared.

    The draws have seeds of their own, so that declaring a test changes no other figure of the run.

    Raises:
        ConfigError: A declaration does not fit the rows.
    """
    tests = declared_tests(run.workspace)
    if not tests:
        return None
    run.progress(Step("behaviour", of=len(tests)))
    settings = run.workspace.settings
    found = examine(
        tests,
        frame.questions,
        examined(run.workspace, model),
        key=settings.target.key,
        seed=settings.training.seed,
        subject=subject,
        part=part,
    )
    return run.record(found)


def rehearse_changes(run: Run, frame: LabelledFrame) -> None:
    """Make the declared changes to a few rows before anything is trained: the holdout is not opened for a misspelling.

    Raises:
        ConfigError: A declaration does not fit the rows.
    """
    rehearse(declared_tests(run.workspace), frame.questions, frame.features)


def declared_tests(workspace: Workspace) -> list[BehaviourTest]:
    """The tests that assay.yaml declares or names, in its order, with the project's functions loaded.

    Raises:
        ConfigError: A function is not there or is no behavioural test, or two tests have one name.
    """
    tests = [_test(workspace, one, number) for number, one in enumerate(workspace.settings.evaluation.behaviour)]
    names = [test.name for test in tests]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"assay.yaml, {FIELD}: two tests are called {twice[0]!r}. Rename one.")
    return tests


def examined(workspace: Workspace, model: Model) -> Examined:
    """The model with the request views that make some of its inputs from other columns."""
    layout = layout_of(workspace.settings.target, workspace.definitions)
    derived = _derived(layout)

    def derive(rows: pl.DataFrame) -> pl.DataFrame:
        return with_request_features(rows.drop(derived, strict=False), layout)

    return Examined(
        predict=model.predict,
        inputs=model.signature.names,
        derive=derive,
        derived=derived,
        reads=_read_by_views(layout),
        threshold=model.metadata.get(values.THRESHOLD, DEFAULT_THRESHOLD),
    )


def try_declarations(workspace: Workspace, columns: Sequence[str]) -> str:
    """Load every function and look for every column that the tests name, before there is a model.

    Args:
        workspace: The project.
        columns: Those of the rows to predict.

    Raises:
        ConfigError: A column or a function is not there.
        UsageError: A test that expects an effect changes a column that the model cannot see.
    """
    tests = declared_tests(workspace)
    layout = layout_of(workspace.settings.target, workspace.definitions)
    derived, inputs = _derived(layout), layout.model_features
    known = list(dict.fromkeys([*columns, *layout.joined_columns, *inputs, *derived]))
    known.remove(workspace.settings.target.label)
    seen = {*inputs, *derived, *_read_by_views(layout)}
    for test in tests:
        _refuse_unseen(test.declared, columns_of(test.declared, known, inputs), seen)
    return f"{len(tests)} behavioural tests"


def _refuse_unseen(test: Behaviour, columns: Sequence[str], seen: set[str]) -> None:
    """Only that nothing happens can be tried by a column that the model cannot see."""
    unseen = [name for name in columns if name not in seen]
    if unseen and test.kind != "invariance":
        raise UsageError(
            f"{FIELD}, {test.name!r}: neither the model nor a request view reads {unseen}, so that changing it shows "
            "nothing. Name a feature, or one of target.inputs."
        )


def _test(workspace: Workspace, given: str | Behaviour, number: int) -> BehaviourTest:
    field = f"{FIELD}.{number}"
    if isinstance(given, Behaviour):
        change = None if given.function is None else workspace.function(given.function, field=f"{field}.function")
        return BehaviourTest(given, change)
    function = workspace.function(given, field=field)
    test = inspect.unwrap(function)  # the declaration; called through what names the function in its errors
    if not isinstance(test, BehaviourTest):
        raise ConfigError(
            f"assay.yaml, {field}: {given!r} is no behavioural test. Put @assay.behaviour_test(kind=…) above it, or "
            "declare a test here that names it as its `function`."
        )
    return BehaviourTest(test.declared, function)


def _derived(layout: Layout) -> frozenset[str]:
    return frozenset(name for view in layout.request_views for name in view.features)


def _read_by_views(layout: Layout) -> frozenset[str]:
    """Columns that request views are shown; what they read of them cannot be known without running them."""
    if not layout.request_views:
        return frozenset()
    return frozenset((*layout.inputs, *layout.joined_columns, *([layout.time] if layout.time else [])))

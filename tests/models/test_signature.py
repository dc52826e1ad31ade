"""A signature is read from column types, refuses what a model cannot read, and survives JSON."""

from datetime import date

import polars as pl
import pytest

from assay.errors import DataError
from assay.models.signature import FeatureSpec, Signature, infer_signature


def test_kinds_follow_from_column_types():
    inputs = pl.DataFrame(
        {"age": [1], "income": [1.5], "is_new": [True], "team": ["BOS"], "plan": ["a"], "empty": [None]},
        schema_overrides={"plan": pl.Enum(["a", "b"])},
    )
    signature = infer_signature(inputs, task="classification", label="won")
    kinds = {spec.name: spec.kind for spec in signature.features}
    assert kinds == {
        "age": "number",
        "income": "number",
        "is_new": "flag",
        "team": "category",
        "plan": "category",
        "empty": "number",
    }


def test_a_date_is_refused_by_name_with_what_to_do():
    with pytest.raises(DataError, match=r"'born': 'Date'.*days since"):
        infer_signature(pl.DataFrame({"born": [date(2026, 1, 1)]}), task="regression", label="y")


def test_no_features_are_refused():
    with pytest.raises(DataError, match="no features"):
        infer_signature(pl.DataFrame(), task="regression", label="y")


def test_a_signature_survives_json():
    signature = Signature((FeatureSpec("a", "number"), FeatureSpec("b", "category")), "regression", "y")
    assert Signature.from_json(signature.to_json()) == signature

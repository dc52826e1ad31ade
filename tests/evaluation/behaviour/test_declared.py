"""A test written in Python is refused where its keys are unknown or do not go together, with the remedy."""

import polars as pl
import pytest

import assay
from assay.errors import ConfigError


def test_a_decorated_function_is_a_test_with_a_name_and_still_changes_rows():
    @assay.behaviour_test(kind="directional", expect="not_lower", where="area > 3", tolerance=0.01)
    def a_larger_flat_is_not_cheaper(rows):
        return rows.with_columns(area=pl.col("area") + 1)

    assert a_larger_flat_is_not_cheaper.name == "a larger flat is not cheaper"
    assert a_larger_flat_is_not_cheaper.declared.tolerance == 0.01
    assert a_larger_flat_is_not_cheaper(pl.DataFrame({"area": [1]}))["area"].to_list() == [2]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"kind": "invariant"}, "kind"),
        ({"kind": "invariance", "tolerence": 1}, "tolerence"),
        ({"kind": "directional"}, "needs `expect`"),
        ({"kind": "invariance", "add": 1}, "the change; remove it"),
        ({"kind": "invariance", "columns": ["area"]}, "columns: does not belong"),
        ({"kind": "minimum_functionality"}, "needs `at_least`"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(keys, told):
    with pytest.raises(ConfigError, match=told):
        assay.behaviour_test(name="larger", **keys)(lambda rows: rows)

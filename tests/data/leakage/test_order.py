"""Order: records in which the split comes late, or is not kept to, are told from those of an honest run."""

from __future__ import annotations

import polars as pl
import pytest

from assay.config.settings import Split
from assay.data import splits
from assay.data.leakage import check_order
from assay.ledger.evidence import Evidence

ROWS = pl.DataFrame({"id": range(100), "y": [0, 1] * 50})
CUT = splits.cut(ROWS, key="id", time=None, group=None, split=Split())
USED = {name: splits.keys_digest(getattr(CUT, name)["id"]) for name in ("train", "validation")}
SPLIT = CUT.evidence
BUILD = Evidence("features.build", "view:v", "info", "built")
SEARCH = Evidence("training.search", "search:s", "pass", "searched")
OPENED = Evidence("data.holdout_opened", "holdout:1", "info", "opened")


def recorded(*found: Evidence) -> list[Evidence]:
    return [
        Evidence(one.kind, one.subject, one.verdict, one.summary, one.figures, run="RUN-1", id=f"E-{number:06d}")
        for number, one in enumerate(found, start=1)
    ]


def test_an_honest_run_passes_and_names_both_records():
    found = check_order(recorded(SPLIT, BUILD, SEARCH), used=USED)
    assert (found.kind, found.subject, found.verdict) == ("leakage.order", "run:RUN-1", "pass")
    assert found.parents == ("E-000001", "E-000002")
    assert (
        "before the first thing learnt, features.build [E-000002]; train and validation are its rows" in found.summary
    )


def test_a_feature_built_before_the_split_is_named():
    found = check_order(recorded(BUILD, SPLIT, SEARCH), used=USED)
    assert found.verdict == "fail"
    assert "features.build [E-000001] was recorded before the split [E-000002]" in found.summary


def test_fitting_on_other_rows_than_the_training_part_is_named():
    everything = splits.keys_digest(ROWS["id"])
    found = check_order(recorded(SPLIT, SEARCH), used=USED | {"train": everything})
    assert found.verdict == "fail"
    assert "the train rows in use are not those of the split [E-000001]" in found.summary


def test_a_choice_made_after_the_holdout_was_opened_is_named():
    found = check_order(recorded(SPLIT, OPENED, SEARCH), used=USED)
    assert "training.search [E-000003] was recorded after the holdout was opened [E-000002]" in found.summary
    assert check_order(recorded(SPLIT, SEARCH, OPENED), used=USED).verdict == "pass"


@pytest.mark.parametrize(("records", "verdict"), [((SEARCH,), "fail"), ((), "info")])
def test_without_a_split_learning_is_refused(records, verdict):
    assert check_order(recorded(*records), used={}).verdict == verdict


def test_the_digest_of_keys_does_not_ask_for_their_order_but_for_each_of_them():
    assert splits.keys_digest(pl.Series([3, 1, 2])) == splits.keys_digest(pl.Series([1, 2, 3]))
    assert splits.keys_digest(pl.Series([1, 2, 4])) != splits.keys_digest(pl.Series([1, 2, 3]))
    assert splits.keys_digest(pl.Series(["1", "2"])) != splits.keys_digest(pl.Series(["12"]))

"""Calibrators never turn the order of scores round, answer one score as they answer many, and survive JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import IntegrityError
from assay.models.calibrator import IsotonicCalibrator, NoCalibrator, PlattCalibrator, calibrator_from_json

SCORES = st.floats(0, 1)


@st.composite
def calibrators(draw):
    kind = draw(st.sampled_from(["none", "platt", "isotonic"]))
    if kind == "none":
        return NoCalibrator()
    if kind == "platt":
        return PlattCalibrator(draw(st.floats(0, 20)), draw(st.floats(-20, 20)))
    knots = sorted(set(draw(st.lists(st.integers(0, 1000), min_size=1, max_size=20))))
    heights = sorted(draw(st.lists(SCORES, min_size=len(knots), max_size=len(knots))))
    return IsotonicCalibrator(tuple(knot / 1000 for knot in knots), tuple(heights))


@given(calibrator=calibrators(), scores=st.lists(SCORES, min_size=2, max_size=50))
def test_order_is_kept(calibrator, scores):
    calibrated = calibrator.apply(np.array(sorted(scores)))
    assert (np.diff(calibrated) >= -1e-12).all()
    assert ((calibrated >= 0) & (calibrated <= 1)).all()


@given(calibrator=calibrators(), score=SCORES)
def test_one_score_is_answered_as_many_are(calibrator, score):
    assert calibrator.apply_one(score) == pytest.approx(calibrator.apply(np.array([score]))[0], abs=1e-12)


@given(calibrator=calibrators())
def test_json_keeps_every_number(calibrator):
    assert calibrator_from_json(json.loads(json.dumps(calibrator.to_json()))) == calibrator


def test_platt_matches_a_value_done_by_hand():
    # log odds of 0.8 are ln 4; 2 ln 4 - ln 4 = ln 4, so 0.8 again; of 0.5 they are 0, and logistic(-ln 4) = 0.2
    calibrator = PlattCalibrator(2.0, -np.log(4))
    assert calibrator.apply(np.array([0.8, 0.5])) == pytest.approx([0.8, 0.2])


def test_isotonic_draws_straight_lines_between_knots():
    calibrator = IsotonicCalibrator((0.2, 0.6), (0.1, 0.5))
    assert calibrator.apply(np.array([0.0, 0.2, 0.3, 0.6, 1.0])) == pytest.approx([0.1, 0.1, 0.2, 0.5, 0.5])


@pytest.mark.parametrize(
    "document",
    [
        {"method": "beta"},
        {"method": "platt", "slope": -1.0, "offset": 0.0},
        {"method": "isotonic", "scores": [0.1, 0.2], "probabilities": [0.6, 0.5]},
        {"method": "isotonic", "scores": [0.2, 0.2], "probabilities": [0.5, 0.6]},
        {"method": "isotonic", "scores": [], "probabilities": []},
    ],
)
def test_a_map_that_does_not_rise_is_refused(document):
    with pytest.raises(IntegrityError):
        calibrator_from_json(document)

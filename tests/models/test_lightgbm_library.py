"""LightGBM's threads sleep while they wait, unless the user's environment says otherwise."""

import os
import subprocess
import sys

import pytest

SHOW = "from assay.models.lightgbm_library import load_lightgbm; load_lightgbm()"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' OpenMP does not print its settings this way")
@pytest.mark.parametrize(("given", "expected"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_openmp_takes_the_wait_policy(given, expected):
    kept = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment = kept | {"OMP_DISPLAY_ENV": "TRUE"} | given
    shown = subprocess.run(
        [sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True, check=True
    ).stderr
    assert f"OMP_WAIT_POLICY = '{expected}'" in shown

"""What `import assay` offers, and what it and the command's help leave unloaded."""

import subprocess
import sys
import time

import pytest

import assay

HEAVY = ("polars", "pydantic", "numpy", "sklearn", "lightgbm", "optuna", "deltalake", "onnxruntime", "fastapi", "scipy")


def modules_after(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after `code`."""
    told = f"import sys\n{code}\nprint('\\n'.join(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.splitlines()}


def test_the_public_names_are_these_and_each_can_be_had():
    assert sorted(assay.__all__) == [
        "Feature",
        "Project",
        "__version__",
        "behaviour_test",
        "feature_view",
        "open",
        "request_view",
    ]
    assert all(getattr(assay, name) is not None for name in assay.__all__)


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(AttributeError, match=r"opne.*open"):
        assay.opne  # noqa: B018 the access is what is tested


def test_importing_assay_loads_nothing_heavy():
    assert not modules_after("import assay") & set(HEAVY)


def test_importing_assay_takes_no_longer_than_a_blink():
    code = "import time; started = time.perf_counter(); import assay; print(time.perf_counter() - started)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    assert min(times) < 0.1


def test_help_loads_nothing_heavy():
    code = "sys.argv = ['assay', '--help']\nfrom assay.cli.main import main\ntry: main()\nexcept SystemExit: pass"
    assert not modules_after(code) & {*HEAVY, "rich"}


def test_help_comes_at_once_and_names_every_verb():
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "assay", "--help"], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    verbs = (
        "check init demo frame assess features train evaluate experiments run models promote rollback card serve "
        "predict drift monitor retrain ledger"
    )
    assert not [verb for verb in verbs.split() if f"  {verb} " not in done.stdout]
    assert seconds < 2  # 0.2 s on a quiet machine, measured by benchmarks; here only that nothing heavy crept in

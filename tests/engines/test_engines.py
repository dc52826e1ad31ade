"""What every engine promises: results in order, errors whole, and a second try where a worker died."""

import pytest

from assay.engines import Task, open_engine
from assay.errors import AssayError, DataError, UsageError

SQUARE = "tests.engines.functions:square"


def test_results_come_in_the_order_of_the_partitions(engine):
    assert engine.run(Task(SQUARE, 3), list(range(20))) == [3 + number**2 for number in range(20)]
    assert engine.run(Task(SQUARE, 3), []) == []


def test_an_error_that_assay_raises_on_purpose_reaches_the_driver_whole(engine):
    with pytest.raises(DataError, match=r"^partition 1 is not what it should be$"):
        engine.run(Task("tests.engines.functions:refuse", None), [1, 2])


def test_any_other_error_ends_the_task_with_its_words(engine):
    expected = ZeroDivisionError if engine.is_local else AssayError
    with pytest.raises(expected, match=r"partition [12] divides by nothing"):
        engine.run(Task("tests.engines.functions:fail", None), [1, 2])


def test_a_worker_with_other_versions_is_refused(engine):
    with pytest.raises(UsageError, match=r"a worker has assay .* and the driver assay 9\.9"):
        engine.run(Task(SQUARE, 3, {"assay": "9.9", "polars": "2.0", "python": "3.11"}), [1])


def test_a_killed_worker_is_replaced_and_its_partition_worked_on_again(engine, tmp_path):
    if engine.is_local:
        pytest.skip("the local engine works in this very process")
    done = engine.run(Task("tests.engines.functions:die_once", str(tmp_path)), [1, 2, 3])
    assert done == [1, 2, 3]
    assert sorted(marker.name for marker in tmp_path.iterdir()) == ["met-1", "met-2", "met-3"]


def test_workers_use_one_core_each(engine):
    if engine.is_local:
        pytest.skip("alone on the machine, Polars takes every core")
    assert engine.run(Task("tests.engines.functions:threads", None), [1]) == [1]


def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("assay.engines.engine.find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"Ray is not installed. Run: pip install 'assay\[ray\]'"):
        open_engine("ray").run(Task(SQUARE, 3), [1])
    with pytest.raises(UsageError, match=r"pip install 'assay\[spark\]'"):
        open_engine("spark").run(Task(SQUARE, 3), [1])


def test_an_unknown_engine_is_refused():
    with pytest.raises(UsageError, match="Use local, ray or spark"):
        open_engine("dask")

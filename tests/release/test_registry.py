"""The registry is a fold over the real ledger: stages, rollback, and what served at any past instant."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.errors import IntegrityError, NotFound, UsageError
from assay.ledger.ledger import Ledger, open_ledger
from assay.models.bundle import Bundle
from assay.release.registry import Registry
from assay.release.versions import ModelVersion
from assay.stores.artifacts import ArtifactStore, open_artifacts

NAME = "win-probability"


class Clock:
    """One minute later at every look."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "ledger.db", clock=clock) as opened:
        yield opened


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return open_artifacts(tmp_path / "artifacts")


@pytest.fixture
def registry(ledger: Ledger, artifacts: ArtifactStore) -> Registry:
    return Registry(ledger, artifacts)


def register(registry: Registry, content: str, *, signature: str = "a") -> ModelVersion:
    digest = Bundle({"model.json": content.encode()}).save(registry.artifacts)
    return registry.register(NAME, digest, signature_digest=signature)


def promote(registry: Registry, version: ModelVersion) -> None:
    registry.move(version, "staging", because=["E-000001"], actor="policy")
    registry.move(version, "production", because=["E-000001"], actor="policy")


def test_numbers_grow_by_a_minor_and_by_a_major_where_the_signature_changes(registry: Registry):
    versions = [register(registry, "1"), register(registry, "2"), register(registry, "3", signature="b")]
    versions.append(register(registry, "4", signature="b"))
    assert [one.number for one in versions] == ["1.0.0", "1.1.0", "2.0.0", "2.1.0"]
    assert {one.stage for one in versions} == {"development"}
    assert registry.get("latest", name=NAME).number == "2.1.0"


def test_the_same_bundle_keeps_its_version(registry: Registry):
    assert register(registry, "1") == register(registry, "1")
    assert len(registry.versions(NAME)) == 1


def test_versions_registered_at_the_same_time_get_numbers_of_their_own(registry: Registry):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: register(registry, str(number)), range(12)))
    assert len({one.number for one in registry.versions(NAME)}) == 12


def test_entering_production_archives_the_version_that_was_there(registry: Registry):
    first, second = register(registry, "1"), register(registry, "2")
    promote(registry, first)
    promote(registry, second)
    assert [one.stage for one in registry.versions(NAME)] == ["archived", "production"]
    assert registry.get("production", name=NAME).reference == f"{NAME}@1.1.0"


def test_a_stage_cannot_be_skipped_and_no_move_is_without_a_reason(registry: Registry):
    version = register(registry, "1")
    with pytest.raises(UsageError, match="in development and can go to staging or archived"):
        registry.move(version, "production", because=["E-000001"], actor="policy")
    with pytest.raises(UsageError, match="name the records"):
        registry.move(version, "staging", because=[], actor="policy")


def test_rollback_walks_down_what_has_served_and_never_returns_to_what_it_left(registry: Registry):
    versions = [register(registry, str(number)) for number in range(4)]
    for one in versions[:3]:
        promote(registry, one)
    assert registry.rollback(NAME, actor="Ada", reason="errors")[0].number == "1.1.0"
    promote(registry, versions[3])
    assert registry.rollback(NAME, actor="Ada", reason="errors")[0].number == "1.1.0"
    restored, evidence = registry.rollback(NAME, actor="Ada", reason="errors still")
    assert restored.number == "1.0.0"
    assert evidence.figures["replaced"] == f"{NAME}@1.1.0"
    assert "by Ada" in evidence.summary
    assert len(evidence.parents) >= 2
    with pytest.raises(UsageError, match="no version served before it"):
        registry.rollback(NAME, actor="Ada", reason="errors")
    with pytest.raises(UsageError, match="give one"):
        registry.rollback(NAME, actor="Ada", reason=" ")


def test_rollback_takes_less_than_a_second_in_a_long_ledger(registry: Registry, ledger: Ledger):
    from assay.ledger.evidence import Evidence

    for number in range(30):
        promote(registry, register(registry, "x" * 1_000_000 + str(number)))
    ledger.record_all(Evidence("data.quality", "run:x", "info", str(number)) for number in range(5_000))
    started = time.perf_counter()
    registry.rollback(NAME, actor="Ada", reason="errors")
    assert time.perf_counter() - started < 1


def test_what_served_when_is_the_same_fold_up_to_then(registry: Registry, clock: Clock):
    first, second = register(registry, "1"), register(registry, "2")
    before = clock.now
    promote(registry, first)
    with_first = clock.now
    promote(registry, second)
    with_second = clock.now
    registry.rollback(NAME, actor="Ada", reason="errors")
    served = [registry.production(NAME, at=moment) for moment in (before, with_first, with_second)]
    assert [one and one.number for one in served] == [None, "1.0.0", "1.1.0"]
    periods = registry.served(NAME)
    assert [(one.reference[-5:], one.share) for one in periods] == [("1.0.0", 1.0), ("1.1.0", 1.0), ("1.0.0", 1.0)]
    assert [one.until for one in periods] == [periods[1].since, periods[2].since, ""]


def damage(artifacts_folder: Path, content: bytes) -> None:
    """Alter the stored bytes that hold `content`."""
    (path,) = (one for one in artifacts_folder.rglob("*") if one.is_file() and one.read_bytes() == content)
    path.chmod(0o640)
    path.write_bytes(content[:-1] + b"!")


def test_a_tampered_bundle_is_not_registered_promoted_or_rolled_back_to(registry: Registry, tmp_path: Path):
    first, second, third = (register(registry, f"model {number}") for number in range(3))
    promote(registry, first)
    promote(registry, second)
    registry.move(third, "staging", because=["E-000001"], actor="policy")
    for number in (0, 2):
        damage(tmp_path / "artifacts", f"model {number}".encode())
    with pytest.raises(IntegrityError):
        registry.move(third, "production", because=["E-000001"], actor="policy")
    with pytest.raises(IntegrityError):
        registry.rollback(NAME, actor="Ada", reason="errors")
    assert registry.get("production", name=NAME).number == second.number


def test_what_is_not_there_is_answered_with_what_is(registry: Registry):
    register(registry, "1")
    with pytest.raises(NotFound, match=r"no win-probability@2\.0\.0\. Versions of win-probability: 1\.0\.0"):
        registry.get(f"{NAME}@2.0.0")
    with pytest.raises(NotFound):
        registry.get("production", name="unheard-of")
    assert registry.production("unheard-of") is None

"""Every way to tamper with a ledger by SQL that we could think of, and the record that `verify` must then name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.promises import Place, evidence

from assay.errors import IntegrityError
from assay.ledger.canonical import canonical
from assay.ledger.chain import GENESIS, digest_of, id_of
from assay.ledger.ledger import Ledger

N = 8
COLUMNS = ("sequence", "kind", "subject", "run", "time", "digest", "body")
TABLES = {"ledger_records": COLUMNS, "ledger_edges": ("child", "position", "parent")}
numbers = st.integers(1, N)
# `Tampered` puts itself back before each example, and each backend inherits the same tests: both on purpose.
allowed = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
thorough = settings(deadline=None, max_examples=30, suppress_health_check=allowed)


def quoted(value: Any) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


class Tampered:
    """A ledger of eight records whose tables are put back before each attempt on them."""

    def __init__(self, place: Place, ledger: Ledger) -> None:
        self.place, self.ledger = place, ledger
        for number in range(1, N + 1):
            parents = () if number < 3 else (id_of(number - 1), id_of(1))
            ledger.record(evidence(number, parents=parents), run=f"RUN-{number}")
        self._rows = {
            table: place.query(f"SELECT {', '.join(columns)} FROM {table}") for table, columns in TABLES.items()
        }
        self._head = ledger.head()
        self._bodies = {row[0]: row[-1] for row in self._rows["ledger_records"]}
        self.digests = {0: GENESIS, **{row[0]: row[-2] for row in self._rows["ledger_records"]}}

    def after(self, *statements: str) -> tuple[int, str]:
        """Tamper with the sound ledger; the number and the reason that `verify` then gives."""
        self._restore()
        assert self.ledger.verify().ok
        self.place.change(*statements)
        broken = self.ledger.verify().broken
        assert broken is not None
        assert broken.id == (id_of(broken.sequence) if broken.sequence > 0 else "")
        return broken.sequence, broken.reason

    def body(self, sequence: int, /, **changes: Any) -> str:
        """The record's own text with some fields changed, canonical again."""
        return canonical({**json.loads(self._bodies[sequence]), **changes})

    def insert(self, sequence: int, body: str) -> str:
        record = json.loads(body)
        values = [sequence, *(record[name] for name in COLUMNS[1:5]), digest_of(body), body]
        return f"INSERT INTO ledger_records ({', '.join(COLUMNS)}) VALUES ({', '.join(map(quoted, values))})"

    def _restore(self) -> None:
        statements = [
            f"DELETE FROM {table}" for table in (*TABLES, "ledger_head")
        ] + [
            f"INSERT INTO {table} ({', '.join(TABLES[table])}) VALUES ({', '.join(map(quoted, row))})"
            for table, rows in self._rows.items()
            for row in rows
        ]  # fmt: skip
        columns = ", ".join(["sequence", "digest", *(["format"] if "postgres" in self.place.url else [])])
        head = f"{self._head.sequence}, '{self._head.digest}'" + (", 1" if "postgres" in self.place.url else "")
        self.place.change(*statements, f"INSERT INTO ledger_head ({columns}) VALUES ({head})")


def renumbered(condition: str, step: int) -> list[str]:
    """Move numbers by `step` without two rows ever having the same one."""
    return [
        f"UPDATE ledger_records SET sequence = -(sequence + {step}) WHERE {condition}",
        "UPDATE ledger_records SET sequence = -sequence WHERE sequence < 0",
    ]


class TamperingPromises:
    """Tests to inherit; a module gives the fixture `place`."""

    @pytest.fixture
    def tampered(self, place: Place):
        with place.open() as ledger:
            yield Tampered(place, ledger)

    @thorough
    @given(number=numbers, column=st.sampled_from(COLUMNS[1:]), text=st.sampled_from(["", "x", "é", "0" * 64, "{}"]))
    def test_an_edited_column_names_its_record(self, tampered: Tampered, number: int, column: str, text: str):
        sequence, _ = tampered.after(f"UPDATE ledger_records SET {column} = {quoted(text)} WHERE sequence = {number}")
        assert sequence == number

    @thorough
    @given(
        number=numbers,
        place_in_text=st.floats(0, 1, exclude_max=True),
        character=st.characters(codec="ascii", min_codepoint=32),
    )
    def test_a_changed_character_names_its_record(
        self, tampered: Tampered, number: int, place_in_text: float, character: str
    ):
        body = tampered.body(number)
        at = int(place_in_text * len(body))
        if body[at] == character:
            return
        changed = body[:at] + character + body[at + 1 :]
        sequence, reason = tampered.after(
            f"UPDATE ledger_records SET body = {quoted(changed)} WHERE sequence = {number}"
        )
        assert (sequence, "edited" in reason) == (number, True)

    @thorough
    @given(number=numbers, change=st.sampled_from([{"summary": "nicer"}, {"figures": {}}, {"verdict": "fail"}]))
    def test_a_record_rewritten_with_a_fitting_digest_is_named(
        self, tampered: Tampered, number: int, change: dict[str, Any]
    ):
        body = tampered.body(number, **change)
        sequence, reason = tampered.after(
            f"UPDATE ledger_records SET body = {quoted(body)}, digest = '{digest_of(body)}' WHERE sequence = {number}"
        )
        assert (sequence, "replaced" in reason or "rewritten" in reason) == (number, True)

    @thorough
    @given(number=numbers)
    def test_a_record_sealed_onto_another_digest_is_named(self, tampered: Tampered, number: int):
        body = tampered.body(number, previous="f" * 64)
        sequence, _ = tampered.after(
            f"UPDATE ledger_records SET body = {quoted(body)}, digest = '{digest_of(body)}' WHERE sequence = {number}"
        )
        assert sequence == number

    @thorough
    @given(number=numbers, count=st.integers(1, N))
    def test_removed_records_are_named_also_at_the_end(self, tampered: Tampered, number: int, count: int):
        sequence, reason = tampered.after(
            f"DELETE FROM ledger_records WHERE sequence >= {number} AND sequence < {number + count}"
        )
        assert (sequence, "was removed" in reason) == (number, True)

    @thorough
    @given(kept=st.integers(0, N - 1))
    def test_an_end_removed_together_with_its_head_is_named(self, tampered: Tampered, kept: int):
        sequence, reason = tampered.after(
            f"DELETE FROM ledger_records WHERE sequence > {kept}",
            f"DELETE FROM ledger_edges WHERE child > {kept}",
            f"UPDATE ledger_head SET sequence = {kept}, digest = '{tampered.digests[kept]}'",
        )
        assert (sequence, "anchor" in reason) == (kept + 1, True)

    @thorough
    @given(number=st.integers(1, N - 1))
    def test_a_removed_record_is_named_though_the_rest_was_renumbered(self, tampered: Tampered, number: int):
        sequence, reason = tampered.after(
            f"DELETE FROM ledger_records WHERE sequence = {number}", *renumbered(f"sequence > {number}", -1)
        )
        assert (sequence, "not in its place" in reason) == (number, True)

    @thorough
    @given(pair=st.lists(numbers, min_size=2, max_size=2, unique=True).map(sorted))
    def test_two_records_that_changed_places_are_found_at_the_first(self, tampered: Tampered, pair: list[int]):
        first, second = pair
        sequence, reason = tampered.after(
            f"UPDATE ledger_records SET sequence = 1000 WHERE sequence = {first}",
            f"UPDATE ledger_records SET sequence = {first} WHERE sequence = {second}",
            f"UPDATE ledger_records SET sequence = {second} WHERE sequence = 1000",
        )
        assert (sequence, "not in its place" in reason) == (first, True)

    @thorough
    @given(number=numbers)
    def test_a_record_inserted_in_the_middle_is_named_though_the_rest_was_renumbered(
        self, tampered: Tampered, number: int
    ):
        forged = tampered.body(
            1, sequence=number, id=id_of(number), previous=tampered.digests[number - 1], summary="always here"
        )
        sequence, reason = tampered.after(*renumbered(f"sequence >= {number}", 1), tampered.insert(number, forged))
        # where the record that had this place had parents, its edges give the forgery away first
        assert (sequence, "inserted" in reason or "lineage" in reason) == (number, True)

    @thorough
    @given(step=st.integers(1, 3))
    def test_a_record_inserted_at_the_end_is_named(self, tampered: Tampered, step: int):
        forged = tampered.body(1, sequence=N + step, id=id_of(N + step), previous=tampered.digests[N], parents=[])
        sequence, reason = tampered.after(tampered.insert(N + step, forged))
        assert sequence == N + 1
        assert "inserted" in reason or "removed" in reason

    @pytest.mark.parametrize("number", [0, -1])
    def test_a_record_inserted_before_the_first_is_named(self, tampered: Tampered, number: int):
        sequence, reason = tampered.after(tampered.insert(number, tampered.body(1)))
        assert (sequence, "inserted" in reason) == (number, True)

    @thorough
    @given(number=st.integers(3, N), how=st.sampled_from(["gone", "turned", "added"]))
    def test_a_changed_edge_names_the_record_it_belongs_to(self, tampered: Tampered, number: int, how: str):
        statement = {
            "gone": f"DELETE FROM ledger_edges WHERE child = {number} AND position = 0",
            "turned": f"UPDATE ledger_edges SET parent = 2 WHERE child = {number} AND position = 1",
            "added": f"INSERT INTO ledger_edges (child, position, parent) VALUES ({number}, 7, 2)",
        }[how]
        sequence, reason = tampered.after(statement)
        assert (sequence, "lineage" in reason) == (number, True)

    def test_edges_of_records_that_never_were_are_found(self, tampered: Tampered):
        assert tampered.after("INSERT INTO ledger_edges (child, position, parent) VALUES (99, 0, 1)")[0] == 99
        assert tampered.after("INSERT INTO ledger_edges (child, position, parent) VALUES (0, 0, 1)")[0] == 1

    def test_a_head_that_was_removed_doubled_or_moved_is_found(self, tampered: Tampered):
        assert tampered.after("DELETE FROM ledger_head") == (0, "the database has 0 heads instead of one")
        with pytest.raises(IntegrityError, match="0 heads"):
            tampered.ledger.record(evidence())
        assert tampered.after("INSERT INTO ledger_head SELECT * FROM ledger_head")[0] == 0
        assert tampered.after("UPDATE ledger_head SET sequence = 5")[0] == 6
        assert tampered.after("UPDATE ledger_head SET sequence = 9")[0] == 9
        assert tampered.after("UPDATE ledger_head SET digest = 'x'")[0] == N

    def test_an_edited_record_is_not_believed_when_it_is_read(self, tampered: Tampered):
        tampered.after("UPDATE ledger_records SET body = replace(body, 'summary 4', 'summary 5') WHERE sequence = 4")
        for read in (
            lambda: tampered.ledger.get("E-000004"),
            lambda: tampered.ledger.find(run="RUN-4"),
            lambda: tampered.ledger.lineage("E-000008"),
        ):
            with pytest.raises(IntegrityError, match=r"record E-000004 of the ledger .* cannot be believed"):
                read()
        assert tampered.ledger.get("E-000003").summary == "summary 3"

    def test_a_head_moved_back_by_hand_keeps_new_records_from_taking_old_places(self, tampered: Tampered):
        tampered.after("UPDATE ledger_head SET sequence = 5")
        tampered.place.anchor.unlink()
        with pytest.raises(IntegrityError, match="refused the record"):
            tampered.ledger.record(evidence())

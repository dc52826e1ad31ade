"""Transactional tables with time travel: Delta Lake in a folder or a bucket, Polars frames in and out.

Knows nothing of what a table holds; watermarks and definition digests travel as the commit's metadata.
Deltalake is imported inside functions because it would slow the command line.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

import polars as pl

from assay.errors import AssayError, IntegrityError, NotFound, ServiceUnreachable, UsageError
from assay.stores.columns import require_types, storable, suited_to
from assay.stores.data_files import DataFile, Place
from assay.stores.table_log import ATTEMPTS, Commit, commit_of, files_of, properties_of, schema_of

if TYPE_CHECKING:
    from deltalake import DeltaTable

NAME_FORM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
LONGEST_PAUSE_SECONDS = 0.5
CONFIGURATION: Mapping[str, str | None] = {
    "delta.enableExpiredLogCleanup": "false",  # else versions older than 30 days could no longer be read
}
UNREACHABLE = ("error sending request", "connect error", "timed out", "Connection refused", "dns error")


class Tables:
    """Named Delta tables below one root; names may hold folders (`features/team_form`).

    Appends from several processes are all kept: a writer that lost the race for a version tries the next. A killed
    writer leaves at most data files that no version refers to.
    """

    def __init__(self, root: str, *, storage_options: Mapping[str, str] | None = None) -> None:
        self.root = root.rstrip("/")
        self._options = dict(storage_options or {})

    def append(self, name: str, frame: pl.DataFrame, *, metadata: Mapping[str, str] | None = None) -> int:
        """Add rows in one transaction; returns the table's new version.

        The first append makes the table. A column that is new to it is null in the older rows, and a column that
        `frame` lacks is null in the new ones. Categories are stored as text, unsigned integers as signed.

        Raises:
            DataError: A column has a type that Delta lacks, or one that the table's type cannot hold exactly.
        """
        return self._commit(name, lambda table: self._write(name, table, frame, "append", metadata))

    def overwrite(self, name: str, frame: pl.DataFrame, *, metadata: Mapping[str, str] | None = None) -> int:
        """Put `frame`, rows and schema, in the table's place in one transaction; older versions stay readable."""
        return self._commit(name, lambda table: self._write(name, table, frame, "overwrite", metadata))

    def place(self, name: str) -> Place:
        """Where `data_files.write_data_file` puts files that `commit_files` is to name."""
        return Place(name, self.uri(name), self._options)

    def commit_files(
        self,
        name: str,
        files: Sequence[DataFile],
        schema: pl.Schema,
        *,
        mode: Literal["append", "overwrite"],
        metadata: Mapping[str, str] | None = None,
    ) -> int:
        """Make data files that lie in the table's place its next rows, or all its rows, in one transaction.

        Args:
            name: The table.
            files: In the order that `scan` shall give their rows; each of the columns and types of `schema`.
            schema: Of the table from now on; for an append, what it is already.
            mode: Whether the files join what is stored or take its place.
            metadata: What is attached to the commit.

        Returns:
            The newest version of the table, which holds them.
        """
        return self._commit(name, lambda table: self._write_files(name, table, files, schema, mode, metadata))

    def scan(self, name: str, *, version: int | None = None) -> pl.LazyFrame:
        """The rows of the newest or the given version, in the order of their appends.

        The version is fixed now: what is appended later does not show in this frame.

        Raises:
            NotFound: There is no such table or version.
        """
        table = self._require(name, version)
        schema = schema_of(table)
        files = [f"{self.uri(name)}/{path}" for path in files_of(table)]
        if not files:
            return pl.LazyFrame(schema=schema)
        return pl.scan_parquet(
            files,
            schema=schema,
            missing_columns="insert",
            extra_columns="ignore",
            hive_partitioning=False,
            glob=False,
            storage_options=self._options or None,
        )

    def version(self, name: str) -> int | None:
        """The newest version, counted from 0; None where the table is missing."""
        table = self._open(name)
        return None if table is None else table.version()

    def metadata(self, name: str) -> dict[str, str]:
        """What the writer of the last commit attached; empty where it attached nothing or the table is missing."""
        table = self._open(name)
        return {} if table is None else commit_of(table.history(1)[0]).metadata

    def history(self, name: str) -> list[Commit]:
        """Every commit, newest first; empty where the table is missing."""
        table = self._open(name)
        return [] if table is None else [commit_of(entry) for entry in table.history()]

    def uri(self, name: str) -> str:
        """Where the table lies, for other Delta readers."""
        if not NAME_FORM.fullmatch(name):
            raise UsageError(f"{name!r} cannot name a table: use letters, digits, _, -, . and / between folders.")
        return f"{self.root}/{name}"

    def _open(self, name: str, version: int | None = None) -> DeltaTable | None:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        uri = self.uri(name)
        if "://" not in uri and not (Path(uri) / "_delta_log").is_dir():
            return None
        try:
            with self._errors_named():
                return DeltaTable(uri, version=version, storage_options=self._options or None)
        except TableNotFoundError:
            return None
        except DeltaError as error:
            raise IntegrityError(
                f"the log of the table {uri} cannot be read: {error}. Restore its _delta_log from a backup, "
                "or delete the table and build it again."
            ) from error

    def _require(self, name: str, version: int | None) -> DeltaTable:
        newest = self._open(name)
        if newest is None:
            raise NotFound(f"there is no table {name!r} in {self.root}. Build it first (assay features build).")
        if version is None or version == newest.version():
            return newest
        if not 0 <= version <= newest.version():
            raise NotFound(f"table {name!r} has no version {version}; it has 0 to {newest.version()}.")
        table = self._open(name, version)
        if table is None:
            raise NotFound(f"version {version} of table {name!r} is no longer readable in {self.root}.")
        return table

    def _commit(self, name: str, write: Callable[[DeltaTable | None], int]) -> int:
        """Try `write` against the newest version until no other writer comes in between."""
        from deltalake.exceptions import CommitFailedError, DeltaError

        for attempt in range(ATTEMPTS):
            try:
                with self._errors_named():
                    return write(self._open(name))
            except DeltaError as error:
                if not (isinstance(error, CommitFailedError) or "already exists" in str(error)):
                    said = str(error).strip().partition("\n")[0]
                    raise AssayError(
                        f"the table {self.uri(name)} could not be written: {said}. Check stores.tables: whether that "
                        "place may be written and has room. What was stored before is untouched."
                    ) from error
                time.sleep(min(0.005 * 2**attempt, LONGEST_PAUSE_SECONDS))
        raise AssayError(f"table {name!r}: other writers came first {ATTEMPTS} times. Run fewer writers, or try again.")

    def _write(
        self,
        name: str,
        table: DeltaTable | None,
        frame: pl.DataFrame,
        mode: Literal["append", "overwrite"],
        metadata: Mapping[str, str] | None,
    ) -> int:
        from deltalake import CommitProperties, write_deltalake

        rows = storable(frame, table=name)
        properties = CommitProperties(**properties_of(mode, metadata))
        if table is not None and mode == "append":
            rows = suited_to(schema_of(table), rows, table=name)
        rows = require_types(rows, table=name)
        if table is None:
            options = self._options or None
            write_deltalake(
                self.uri(name), rows, configuration=CONFIGURATION, storage_options=options, commit_properties=properties
            )
            return 0
        schema_mode: Literal["merge", "overwrite"] = "merge" if mode == "append" else "overwrite"
        write_deltalake(table, rows, mode=mode, schema_mode=schema_mode, commit_properties=properties)
        return table.version()

    def _write_files(
        self,
        name: str,
        table: DeltaTable | None,
        files: Sequence[DataFile],
        schema: pl.Schema,
        mode: Literal["append", "overwrite"],
        metadata: Mapping[str, str] | None,
    ) -> int:
        from deltalake import CommitProperties, Schema
        from deltalake.transaction import AddAction, create_table_with_add_actions

        now_ms = time.time_ns() // 1_000_000  # one for all: their names, which rise, then decide the order of reading
        actions = [
            AddAction(file.name, file.size, {}, now_ms, data_change=True, stats=f'{{"numRecords":{file.n_rows}}}')
            for file in files
        ]
        columns = Schema.from_arrow(storable(pl.DataFrame(schema=schema), table=name).schema)
        properties = CommitProperties(**properties_of(mode, metadata))
        if table is None:
            create_table_with_add_actions(
                self.uri(name),
                columns,
                actions,
                configuration=CONFIGURATION,
                storage_options=self._options or None,
                commit_properties=properties,
            )
            return 0
        table.create_write_transaction([*actions], mode, columns, commit_properties=properties)
        table.update_incremental()
        return table.version()

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if any(sign in str(error) for sign in UNREACHABLE):
                raise ServiceUnreachable(f"the storage of {self.root} does not answer. Check stores.tables.") from error
            raise


def open_tables(url: str | Path) -> Tables:
    """Open the tables below a folder, a `file://` URL or `s3://bucket/prefix`.

    S3 takes its endpoint, region and credentials from the environment as every AWS client does.

    Raises:
        UsageError: The scheme is unknown.
    """
    text = str(url)
    if "://" not in text:
        return Tables(str(Path(text).resolve()))
    parts = urlsplit(text)
    if parts.scheme == "file":
        return Tables(unquote(parts.path))
    if parts.scheme == "s3":
        return Tables(text, storage_options={"aws_allow_http": "true"})
    raise UsageError(f"stores.tables: the scheme {parts.scheme!r} is not known. Use a folder or s3://bucket/prefix.")

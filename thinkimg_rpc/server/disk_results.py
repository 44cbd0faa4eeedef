"""Answers on disk: what was computed before a restart, or by another worker.

One SQLite file that any number of worker processes share. It is a cache and is
treated as one: whatever is wrong with it is a warning in the log and a miss.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from thinkimg_rpc.server.queue import WorkQueue

T = TypeVar("T")
logger = logging.getLogger(__name__)

FILE_NAME = "answers-1.sqlite3"
"""With the number of its schema."""
LOCKED_S = 0.5
"""How long other processes' writing is waited for."""
OPEN_AGAIN_S = 0.01
REST_S = 10.0
"""After something went wrong the file is left alone for so long: calls must not wait for it."""
UNWRITTEN = 1000
"""Answers that may wait to be written; a slow disk drops more than that."""
CLOSE_S = 1.0
"""How long a worker that stops waits for answers to be written."""
OVERHEAD_BYTES = 100
"""What an answer takes beside its bytes."""

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS answers (
    number INTEGER PRIMARY KEY,  -- the order of writing
    key BLOB NOT NULL UNIQUE,
    response BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS size (one INTEGER PRIMARY KEY CHECK (one = 1), nbytes INTEGER NOT NULL);
INSERT OR IGNORE INTO size VALUES (1, 0);
CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON answers BEGIN
    UPDATE size SET nbytes = nbytes + length(NEW.response) + {OVERHEAD_BYTES};
END;
CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON answers BEGIN
    UPDATE size SET nbytes = nbytes - length(OLD.response) - {OVERHEAD_BYTES};
END;
"""


class DiskResults:
    """Serialized responses by key, those written first going first. Used in the event loop.

    The file is read and written in one thread of its own.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._file = _AnswerFile(folder, max_bytes)
        self._thread = WorkQueue(threads=1, limit=sys.maxsize, name="answers")
        self._thread.start()

    async def get(self, key: bytes) -> bytes | None:
        return await self._thread.submit(lambda _: self._file.get(key), None)

    def put(self, key: bytes, response: bytes) -> None:
        """Write an answer soon; nobody waits for it."""
        if self._thread.waiting < UNWRITTEN:
            self._thread.submit(lambda _: self._file.put(key, response), None)

    async def close(self) -> None:
        """Write what waits, as far as there is time, and let the file go."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._thread.submit(lambda _: self._file.close(), None)
        except TimeoutError:
            logger.warning("answers_not_written", extra={"answers": self._thread.waiting})
        self._thread.close()


class _AnswerFile:
    """The file, as one thread sees it. Nothing it does raises `sqlite3.Error` or `OSError`."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._path = folder / FILE_NAME
        self._max_bytes = max_bytes
        self._connection: sqlite3.Connection | None = None
        self._rests_until = 0.0

    def get(self, key: bytes) -> bytes | None:
        def read(database: sqlite3.Connection) -> bytes | None:
            found = database.execute("SELECT response FROM answers WHERE key = ?", (key,))
            row = found.fetchone()
            return bytes(row[0]) if row else None

        return self._try(read)

    def put(self, key: bytes, response: bytes) -> None:
        def write(database: sqlite3.Connection) -> None:
            # IMMEDIATE: a transaction that begins by reading could not become a writer's
            # while another process writes.
            database.execute("BEGIN IMMEDIATE")
            try:
                database.execute(
                    "INSERT OR REPLACE INTO answers (key, response) VALUES (?, ?)", (key, response)
                )
                self._make_room(database)
                database.execute("COMMIT")
            except BaseException:
                database.rollback()
                raise

        if len(response) + OVERHEAD_BYTES <= self._max_bytes:
            self._try(write)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _make_room(self, database: sqlite3.Connection) -> None:
        while database.execute("SELECT nbytes FROM size").fetchone()[0] > self._max_bytes:
            database.execute("DELETE FROM answers WHERE number = (SELECT min(number) FROM answers)")

    def _try(self, use: Callable[[sqlite3.Connection], T]) -> T | None:
        if time.monotonic() < self._rests_until:
            return None
        try:
            if self._connection is None:
                self._connection = self._open()
            return use(self._connection)
        except (sqlite3.Error, OSError) as error:
            logger.warning(
                "result_cache_failed", extra={"file": str(self._path), "reason": str(error)}
            )
            self._rests_until = time.monotonic() + REST_S
            self.close()
            return None

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        deadline = time.monotonic() + LOCKED_S
        while True:
            try:
                return self._connect()
            except sqlite3.OperationalError as error:
                # Of several processes that open a new file at the same time, SQLite turns
                # some away at once, however long they would wait.
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
            time.sleep(OPEN_AGAIN_S)

    def _connect(self) -> sqlite3.Connection:
        # isolation_level None: transactions begin where this module says.
        connection = sqlite3.connect(self._path, timeout=LOCKED_S, isolation_level=None)
        try:
            # Readers and a writer do not wait for each other; a crash of the machine
            # may lose the last answers, and breaks nothing.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            # What is replaced counts as removed.
            connection.execute("PRAGMA recursive_triggers = ON")
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

-- Names and types that PostgreSQL has too, but for what stands behind the closing brackets. A number that may not fit
-- into 64 bits is two columns; a moment is nanoseconds since the epoch, UTC.

CREATE TABLE instance (
    only_row      INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    default_owner TEXT,
    next_worker   INTEGER NOT NULL
) STRICT;

INSERT INTO instance (only_row, default_owner, next_worker) VALUES (1, NULL, 0);

CREATE TABLE targets (
    id                 TEXT    NOT NULL PRIMARY KEY,
    owner              TEXT    NOT NULL,
    name               TEXT    NOT NULL,
    name_key           TEXT    NOT NULL, -- the name under Unicode case folding
    type               TEXT    NOT NULL,
    interrupt_on_error INTEGER NOT NULL CHECK (interrupt_on_error IN (0, 1)),
    timeout_seconds    INTEGER NOT NULL,
    timeout_nanos      INTEGER NOT NULL CHECK (timeout_nanos BETWEEN 0 AND 999999999),
    endpoint           TEXT    NOT NULL,
    sequence           INTEGER NOT NULL, -- of the target's last event
    changed_at_ns      INTEGER NOT NULL,
    UNIQUE (owner, name_key)
) STRICT, WITHOUT ROWID; -- one tree less to write and to descend

CREATE TABLE tokens (
    id            TEXT    NOT NULL PRIMARY KEY,
    selector      BLOB    NOT NULL UNIQUE, -- the first half of the digest
    name          TEXT    NOT NULL,
    owner         TEXT    NOT NULL,
    permissions   TEXT    NOT NULL, -- a JSON array, sorted
    digest        BLOB    NOT NULL,
    created_at_ns INTEGER NOT NULL,
    expires_at_ns INTEGER,
    revoked_at_ns INTEGER
) STRICT;

CREATE TABLE events (
    position       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- of all events; never given twice
    owner          TEXT    NOT NULL,
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    sequence       INTEGER NOT NULL, -- within the aggregate, from 1
    type           TEXT    NOT NULL,
    payload        TEXT    NOT NULL, -- a JSON object
    editor         TEXT    NOT NULL,
    created_at_ns  INTEGER NOT NULL,
    UNIQUE (aggregate_type, aggregate_id, sequence)
) STRICT;

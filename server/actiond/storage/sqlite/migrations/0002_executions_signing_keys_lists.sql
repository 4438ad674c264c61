-- Executions, signing keys, and what lists of targets need: a date of creation, a count, an index for each order.

-- Made anew, since the primary key changes: the order of lists is the table's own, which saves an index. There is no
-- trigger that counts, either: with one, SQLite keeps a journal of each INSERT, which made it take twice as long.
CREATE TABLE new_targets (
    owner              TEXT    NOT NULL,
    id_length          INTEGER NOT NULL, -- of two ids without leading zeros the shorter is the smaller number
    id                 TEXT    NOT NULL,
    name               TEXT    NOT NULL,
    name_key           TEXT    NOT NULL, -- the name under Unicode case folding
    type               TEXT    NOT NULL,
    is_async           INTEGER NOT NULL CHECK (is_async = (type = 'async')), -- lists are sorted by it
    interrupt_on_error INTEGER NOT NULL CHECK (interrupt_on_error IN (0, 1)),
    timeout_seconds    INTEGER NOT NULL,
    timeout_nanos      INTEGER NOT NULL CHECK (timeout_nanos BETWEEN 0 AND 999999999),
    endpoint           TEXT    NOT NULL,
    sequence           INTEGER NOT NULL, -- of the target's last event
    created_at_ns      INTEGER NOT NULL,
    changed_at_ns      INTEGER NOT NULL,
    PRIMARY KEY (owner, id_length, id),
    UNIQUE (owner, name_key)
) STRICT, WITHOUT ROWID;

INSERT INTO new_targets (
    owner, id_length, id, name, name_key, type, is_async, interrupt_on_error, timeout_seconds, timeout_nanos, endpoint,
    sequence, created_at_ns, changed_at_ns)
SELECT owner, length(id), id, name, name_key, type, type = 'async', interrupt_on_error, timeout_seconds, timeout_nanos,
    endpoint, sequence,
    coalesce(
        (SELECT min(events.created_at_ns) FROM events
         WHERE events.aggregate_type = 'target' AND events.aggregate_id = targets.id AND events.sequence = 1),
        changed_at_ns),
    changed_at_ns
FROM targets;

DROP TABLE targets;
ALTER TABLE new_targets RENAME TO targets;

-- One for each order, and ties by id. A name is unique within its owner; the columns of few values share an index, whose
-- ranges a list merges.
CREATE INDEX targets_by_creation ON targets (owner, created_at_ns, id_length, id);
CREATE INDEX targets_by_change ON targets (owner, changed_at_ns, id_length, id);
CREATE INDEX targets_by_name ON targets (owner, name);
CREATE INDEX targets_by_kind ON targets (owner, is_async, type, interrupt_on_error, id_length, id);
CREATE INDEX targets_by_endpoint ON targets (owner, endpoint, id_length, id);
CREATE INDEX targets_by_timeout ON targets (owner, timeout_seconds, timeout_nanos, id_length, id);

CREATE TABLE target_counts (
    owner   TEXT    NOT NULL PRIMARY KEY,
    targets INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO target_counts (owner, targets) SELECT owner, count(*) FROM targets GROUP BY owner;

CREATE TABLE signing_keys (
    target_id     TEXT    NOT NULL,
    position      INTEGER NOT NULL, -- 0 is the newest
    sealed        BLOB    NOT NULL,
    expires_at_ns INTEGER,
    PRIMARY KEY (target_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE executions (
    owner         TEXT    NOT NULL,
    key           TEXT    NOT NULL, -- the condition's
    sequence      INTEGER NOT NULL, -- of the execution's last event
    created_at_ns INTEGER NOT NULL,
    changed_at_ns INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE execution_steps (
    owner       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    position    INTEGER NOT NULL, -- in the order of the calls
    target_id   TEXT,
    include_key TEXT, -- of the execution whose steps stand in this one's place
    PRIMARY KEY (owner, key, position),
    FOREIGN KEY (owner, key) REFERENCES executions (owner, key) ON DELETE CASCADE,
    FOREIGN KEY (owner, include_key) REFERENCES executions (owner, key),
    CHECK ((target_id IS NULL) <> (include_key IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX execution_steps_by_target ON execution_steps (owner, target_id);
CREATE INDEX execution_steps_by_include ON execution_steps (owner, include_key);

-- Raised by every change to what runs: executions, their targets, the targets' keys.
ALTER TABLE instance ADD COLUMN executions_revision INTEGER NOT NULL DEFAULT 0;

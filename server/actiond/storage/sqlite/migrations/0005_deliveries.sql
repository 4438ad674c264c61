-- Deliveries of events, their attempts, and the health of targets. Moments are milliseconds since the epoch, UTC.

CREATE TABLE deliveries (
    id             INTEGER NOT NULL PRIMARY KEY,
    owner          TEXT    NOT NULL,
    target_id      TEXT    NOT NULL,
    event_position INTEGER NOT NULL,
    execution      TEXT    NOT NULL, -- key of the condition that the event met
    aggregate      TEXT    NOT NULL, -- type/id
    sequence       INTEGER NOT NULL, -- within the aggregate
    since_ms       INTEGER NOT NULL, -- its age counts from here
    state          TEXT    NOT NULL CHECK (state IN ('waiting', 'behind', 'parked', 'dead')),
    due_ms         INTEGER CHECK ((due_ms IS NOT NULL) = (state = 'waiting')), -- when it may be claimed
    claim          INTEGER NOT NULL CHECK (claim = 0 OR state = 'waiting'),
    attempts       INTEGER NOT NULL,
    tries          INTEGER NOT NULL, -- attempts that count towards the schedule
    is_tried       INTEGER NOT NULL CHECK (is_tried IN (0, 1)), -- has had a first result
    kind           TEXT    NOT NULL CHECK (kind IN ('queued', 'probe', 'manual')),
    reason         TEXT, -- why it is dead
    last_outcome   TEXT    NOT NULL,
    last_status    INTEGER,
    last_ms        INTEGER NOT NULL,
    claimed_ms     INTEGER NOT NULL
) STRICT;

CREATE INDEX deliveries_by_due ON deliveries (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX deliveries_in_order ON deliveries (target_id, aggregate, state, is_tried, sequence) WHERE state <> 'dead';
CREATE INDEX deliveries_parked ON deliveries (target_id) WHERE state = 'parked';
CREATE INDEX deliveries_dead ON deliveries (last_ms) WHERE state = 'dead';

-- For lists, whose order is that of the id. What a claim changes is in none of them. There are few, as each of them makes
-- every delivery dearer: lists that have none of their own look through those of the owner.
CREATE INDEX deliveries_by_owner ON deliveries (owner);
CREATE INDEX deliveries_dead_by_owner ON deliveries (owner) WHERE state = 'dead';
CREATE INDEX deliveries_dead_by_target ON deliveries (target_id) WHERE state = 'dead';

-- By owner and state; the owner '' stands for all.
CREATE TABLE delivery_counts (
    owner      TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    deliveries INTEGER NOT NULL,
    PRIMARY KEY (owner, state)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_counts_waiting ON delivery_counts (owner) WHERE state = 'waiting' AND deliveries > 0;

CREATE TABLE attempts (
    delivery_id    INTEGER NOT NULL,
    number         INTEGER NOT NULL, -- counts the delivery's attempts from 1
    owner          TEXT    NOT NULL,
    target_id      TEXT    NOT NULL,
    event_position INTEGER NOT NULL, -- 0 for a test
    execution      TEXT    NOT NULL,
    kind           TEXT    NOT NULL CHECK (kind IN ('queued', 'probe', 'manual', 'test')),
    at_ms          INTEGER NOT NULL,
    duration_ms    INTEGER NOT NULL,
    outcome        TEXT    NOT NULL,
    status         INTEGER,
    worker         INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

-- Deliveries that were delivered are listed from the attempts that did it.
CREATE INDEX delivered_by_owner ON attempts (owner, delivery_id) WHERE outcome = 'ok' AND kind <> 'test';
CREATE INDEX delivered_by_target ON attempts (target_id, delivery_id) WHERE outcome = 'ok' AND kind <> 'test';

CREATE TABLE target_health (
    target_id        TEXT    NOT NULL PRIMARY KEY,
    owner            TEXT    NOT NULL,
    failures         INTEGER NOT NULL, -- in a row
    failing_since_ms INTEGER NOT NULL,
    paused_until_ms  INTEGER,
    is_held          INTEGER NOT NULL CHECK (is_held IN (0, 1)), -- paused until somebody resumes it
    pauses           INTEGER NOT NULL, -- in a row
    probe            INTEGER NOT NULL, -- id of the delivery that probes
    reason           TEXT    NOT NULL, -- of the last failure
    portion          INTEGER NOT NULL, -- deliveries released last
    pending          INTEGER NOT NULL  -- of which so many have to succeed
) STRICT, WITHOUT ROWID;

CREATE INDEX target_health_by_pause ON target_health (paused_until_ms) WHERE paused_until_ms IS NOT NULL;

-- Which process removes what is old, and until when it may.
CREATE TABLE housekeeping (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    keeper   INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
) STRICT;

INSERT INTO housekeeping (only_row, keeper, until_ms) VALUES (1, 0, 0);

-- Under which ids other services published events. An owner's id names one event.
CREATE TABLE published_events (
    owner    TEXT    NOT NULL,
    event_id TEXT    NOT NULL,
    position INTEGER NOT NULL UNIQUE, -- of the event
    PRIMARY KEY (owner, event_id)
) STRICT, WITHOUT ROWID;

-- Whose deliveries are watched, and until when. What happens to them is recorded, without a gap since a position.
CREATE TABLE delivery_watches (
    owner          TEXT    NOT NULL PRIMARY KEY,
    since_position INTEGER NOT NULL,
    until_ms       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery_changes (
    position       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    owner          TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    at_ms          INTEGER NOT NULL,
    state          TEXT    NOT NULL, -- of the delivery, from then on
    attempts       INTEGER NOT NULL, -- number of the attempt that ended, or 0
    reason         TEXT,
    delivery_id    INTEGER NOT NULL,
    target_id      TEXT    NOT NULL,
    event_position INTEGER NOT NULL
) STRICT;

CREATE INDEX delivery_changes_by_owner ON delivery_changes (owner);

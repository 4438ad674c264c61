-- What the stable API knows of a target besides: the type of its payload, and public keys to encrypt it for.

ALTER TABLE targets ADD COLUMN payload_type TEXT NOT NULL DEFAULT 'json';
ALTER TABLE targets ADD COLUMN active_key_id TEXT; -- of the public key that payloads are encrypted for

CREATE TABLE public_keys (
    target_id         TEXT    NOT NULL,
    key_id            TEXT    NOT NULL,
    pem               BLOB    NOT NULL,
    fingerprint       TEXT    NOT NULL,
    key_created_at_ns INTEGER NOT NULL,
    key_changed_at_ns INTEGER NOT NULL, -- when it was added, or last activated or deactivated
    key_expires_at_ns INTEGER,
    PRIMARY KEY (target_id, key_id)
) STRICT, WITHOUT ROWID;

-- Its lists of executions are sorted by dates, too.
CREATE INDEX executions_by_creation ON executions (owner, created_at_ns, key);
CREATE INDEX executions_by_change ON executions (owner, changed_at_ns, key);

-- A revision for each owner: what one changes does not make the calls of all others load anew what runs.

CREATE TABLE execution_revisions (
    owner    TEXT    NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL -- raised by every change to the owner's executions, and to targets and keys that they use
) STRICT, WITHOUT ROWID;

INSERT INTO execution_revisions (owner, revision) SELECT DISTINCT owner, 1 FROM executions;

ALTER TABLE instance DROP COLUMN executions_revision;

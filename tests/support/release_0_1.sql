-- A database that release 0.1.0 (7a2d54f) has written, by its own use cases: a token, targets that were changed and
-- removed, and executions on events, which that release kept and never ran. It is SQLite's dump, and the pragmas that a
-- dump lacks. The encryption key of its signing keys is in release_0_1.py.
BEGIN TRANSACTION;
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
INSERT INTO "events" VALUES(1,'385563386240303104','token','admin',1,'token.added','{"name":"admin","permissions":["*"]}','system',1795992674701456774);
INSERT INTO "events" VALUES(2,'385563386240303104','target','385563386273861632',1,'target.added','{"name":"of additions","type":"webhook","interrupt_on_error":false,"timeout_ns":"5000000000","endpoint":"http://127.0.0.1:9/added"}','admin',1795992674709389657);
INSERT INTO "events" VALUES(3,'385563386240303104','target','385563386278055936',1,'target.added','{"name":"of everything","type":"async","interrupt_on_error":false,"timeout_ns":"5000000000","endpoint":"http://127.0.0.1:9/all"}','admin',1795992674710536012);
INSERT INTO "events" VALUES(4,'385563386240303104','target','385563386282250240',1,'target.added','{"name":"gone","type":"call","interrupt_on_error":false,"timeout_ns":"5000000000","endpoint":"http://127.0.0.1:9/gone"}','admin',1795992674711198730);
INSERT INTO "events" VALUES(5,'385563386240303104','target','385563386278055936',2,'target.changed','{"name":"of everything 1"}','admin',1795992674711805787);
INSERT INTO "events" VALUES(6,'385563386240303104','target','385563386278055936',3,'target.changed','{"name":"of everything 2"}','admin',1795992674712807644);
INSERT INTO "events" VALUES(7,'385563386240303104','target','385563386282250240',2,'target.removed','{}','admin',1795992674713470000);
INSERT INTO "events" VALUES(8,'385563386240303104','execution','385563386240303104/event/target.added',1,'execution.set','{"targets":[{"target":"385563386273861632"}]}','admin',1795992674715037421);
INSERT INTO "events" VALUES(9,'385563386240303104','execution','385563386240303104/event',1,'execution.set','{"targets":[{"target":"385563386273861632"}]}','admin',1795992674716887448);
INSERT INTO "events" VALUES(10,'385563386240303104','execution','385563386240303104/event',2,'execution.set','{"targets":[{"target":"385563386278055936"}]}','admin',1795992674718431173);
INSERT INTO "events" VALUES(11,'385563386240303104','execution','385563386240303104/event/execution.*',1,'execution.set','{"targets":[{"include":"event"},{"target":"385563386273861632"}]}','admin',1795992674719299808);
INSERT INTO "events" VALUES(12,'385563386240303104','execution','385563386240303104/request',1,'execution.set','{"targets":[{"target":"385563386273861632"}]}','admin',1795992674721114132);
INSERT INTO "events" VALUES(13,'385563386240303104','execution','385563386240303104/request',2,'execution.removed','{}','admin',1795992674722886055);
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
INSERT INTO "execution_steps" VALUES('385563386240303104','event',0,'385563386278055936',NULL);
INSERT INTO "execution_steps" VALUES('385563386240303104','event/execution.*',0,NULL,'event');
INSERT INTO "execution_steps" VALUES('385563386240303104','event/execution.*',1,'385563386273861632',NULL);
INSERT INTO "execution_steps" VALUES('385563386240303104','event/target.added',0,'385563386273861632',NULL);
CREATE TABLE executions (
    owner         TEXT    NOT NULL,
    key           TEXT    NOT NULL, -- the condition's
    sequence      INTEGER NOT NULL, -- of the execution's last event
    created_at_ns INTEGER NOT NULL,
    changed_at_ns INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "executions" VALUES('385563386240303104','event',2,1795992674716887448,1795992674718431173);
INSERT INTO "executions" VALUES('385563386240303104','event/execution.*',1,1795992674719299808,1795992674719299808);
INSERT INTO "executions" VALUES('385563386240303104','event/target.added',1,1795992674715037421,1795992674715037421);
CREATE TABLE instance (
    only_row      INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    default_owner TEXT,
    next_worker   INTEGER NOT NULL
, executions_revision INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "instance" VALUES(1,'385563386240303104',2,9);
CREATE TABLE signing_keys (
    target_id     TEXT    NOT NULL,
    position      INTEGER NOT NULL, -- 0 is the newest
    sealed        BLOB    NOT NULL,
    expires_at_ns INTEGER,
    PRIMARY KEY (target_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO "signing_keys" VALUES('385563386273861632',0,X'0160EC025895381CCA3422719361BBE7C0888FA9935E0F30BC52666BF493E12EC97BC1AFCC077D4A831DD281557744D2B82AAE33F94BAB89EDF50E52585929F4DAC111B9E4E7A7DC88CE225F8CC8A350',NULL);
INSERT INTO "signing_keys" VALUES('385563386278055936',0,X'0160EC025895381CCAFE268E3E443A7C3E4AFF6B20218B062AF26366ECD2AAE23A900DB3E523D531303C4CDEC8ECDD0CA61F9B1BAA779354E4E9E5157FD65B0E5226DF25EB0B6B257044D91BC8039276',NULL);
CREATE TABLE target_counts (
    owner   TEXT    NOT NULL PRIMARY KEY,
    targets INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "target_counts" VALUES('385563386240303104',2);
CREATE TABLE "targets" (
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
INSERT INTO "targets" VALUES('385563386240303104',18,'385563386273861632','of additions','of additions','webhook',0,0,5,0,'http://127.0.0.1:9/added',1,1795992674709389657,1795992674709389657);
INSERT INTO "targets" VALUES('385563386240303104',18,'385563386278055936','of everything 2','of everything 2','async',1,0,5,0,'http://127.0.0.1:9/all',3,1795992674710536012,1795992674712807644);
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
INSERT INTO "tokens" VALUES('admin',X'12371CAC728C629C46C4BA653D0F7FD3','admin','385563386240303104','["*"]',X'12371CAC728C629C46C4BA653D0F7FD37A82328CF18B4061F8E318A5C56F78FC',1795992674701456774,NULL,NULL);
CREATE INDEX targets_by_creation ON targets (owner, created_at_ns, id_length, id);
CREATE INDEX targets_by_change ON targets (owner, changed_at_ns, id_length, id);
CREATE INDEX targets_by_name ON targets (owner, name);
CREATE INDEX targets_by_kind ON targets (owner, is_async, type, interrupt_on_error, id_length, id);
CREATE INDEX targets_by_endpoint ON targets (owner, endpoint, id_length, id);
CREATE INDEX targets_by_timeout ON targets (owner, timeout_seconds, timeout_nanos, id_length, id);
CREATE INDEX execution_steps_by_target ON execution_steps (owner, target_id);
CREATE INDEX execution_steps_by_include ON execution_steps (owner, include_key);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',13);
PRAGMA application_id = 1633907812;
PRAGMA user_version = 2;
COMMIT;

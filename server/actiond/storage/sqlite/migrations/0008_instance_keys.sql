-- The keys of this installation, with which payloads are signed as JSON Web Tokens.

CREATE TABLE instance_keys (
    id            TEXT    NOT NULL PRIMARY KEY, -- `kid`
    algorithm     TEXT    NOT NULL,
    public_jwk    TEXT    NOT NULL, -- a JSON object
    sealed        BLOB    NOT NULL, -- the private key, encrypted
    created_at_ns INTEGER NOT NULL,
    signs_from_ns INTEGER NOT NULL,
    expires_at_ns INTEGER
) STRICT, WITHOUT ROWID;

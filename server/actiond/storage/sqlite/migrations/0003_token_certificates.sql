-- A token may be bound to a name in clients' certificates.

ALTER TABLE tokens ADD COLUMN certificate TEXT; -- `kind:value`

-- A revoked token is bound no more. PostgreSQL has partial indexes too.
CREATE UNIQUE INDEX tokens_by_certificate ON tokens (certificate)
WHERE certificate IS NOT NULL AND revoked_at_ns IS NULL;

-- New in schema 2: what the gateway remembers of something that an upstream keeps under an id (an answer, a file, a container). `id` is the
-- gateway's digest, not the upstream's id; `sealed` is encrypted under the tenant's key; `expires` counts microseconds since 1970.
CREATE TABLE states (
    id BLOB PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    sealed BLOB NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Finds what expired without reading the rest.
CREATE INDEX states_by_expiry ON states (expires);

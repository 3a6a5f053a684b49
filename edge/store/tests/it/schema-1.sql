-- The store's tables, schema 1. What is proven lies in `leaves`; all else can be derived from it, or be erased without hurting a proof.

-- One row per leaf, without gaps from 0. `hashes` are the tree hashes that this leaf made final (level 0 first, 32 bytes each).
CREATE TABLE leaves (
    idx INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL,
    hashes BLOB NOT NULL
) STRICT;

-- One row per commit: the root of the first `size` leaves.
CREATE TABLE roots (
    size INTEGER PRIMARY KEY,
    root BLOB NOT NULL
) STRICT;

-- Finds decision leaves by decision and by call.
CREATE TABLE decisions (
    leaf INTEGER PRIMARY KEY REFERENCES leaves (idx) DEFERRABLE INITIALLY DEFERRED,
    decision BLOB NOT NULL,
    hop INTEGER NOT NULL,
    call BLOB NOT NULL,
    permit INTEGER NOT NULL,
    UNIQUE (decision, hop),
    UNIQUE (call, hop)
) STRICT;

-- Exactly one outcome per call.
CREATE TABLE outcomes (
    call BLOB PRIMARY KEY,
    leaf INTEGER NOT NULL REFERENCES leaves (idx) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

-- Calls with a permit and no outcome yet: what a crash leaves behind.
CREATE TABLE open_calls (
    call BLOB PRIMARY KEY,
    decision_leaf INTEGER NOT NULL REFERENCES decisions (leaf)
) STRICT, WITHOUT ROWID;

-- A tenant's key, wrapped under the master key; null once shredded.
CREATE TABLE tenants (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    wrapped BLOB
) STRICT;

-- Encrypted fact records; deleting one erases it.
CREATE TABLE records (
    leaf INTEGER PRIMARY KEY REFERENCES decisions (leaf),
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    sealed BLOB NOT NULL
) STRICT;

CREATE TABLE generations (
    kind TEXT NOT NULL,
    digest BLOB NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (kind, digest)
) STRICT;

CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL,
    workload TEXT NOT NULL,
    unit TEXT NOT NULL,
    sector TEXT NOT NULL,
    clearance TEXT NOT NULL,
    critical INTEGER NOT NULL,
    floor TEXT NOT NULL,
    purposes TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER
) STRICT, WITHOUT ROWID;

-- `keys` grows by every change of an API key, so that a running gateway notices.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `master_check` tells the master key that belongs to this store from another.
CREATE TABLE facts_about_store (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('keys', 0);

-- New in schema 3: what outsiders see, what is kept beside the log, and the file of keys (`keys.sql`).

-- Under which key a record is encrypted: the `id` of a row of `data_keys`. When that row is gone, `destroyed` tells whether the record was
-- erased or the file of keys is another one.
ALTER TABLE records ADD COLUMN key INTEGER;

-- Bodies of calls (part 0) and answers (part 1) where somebody asked to keep them, encrypted like the record of the same leaf.
CREATE TABLE contents (
    leaf INTEGER NOT NULL REFERENCES decisions (leaf),
    part INTEGER NOT NULL,
    key INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (leaf, part)
) STRICT;

-- The last number given out to the calls of each API key, without gaps from 1.
CREATE TABLE sequences (
    key TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every checkpoint that others may have seen, with its signatures.
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY,
    root BLOB NOT NULL,
    note TEXT NOT NULL
) STRICT;

-- The latest checkpoint of each foreign log that this gateway has cosigned.
CREATE TABLE witnessed (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Erasures that are decided and not yet done: which keys, and the leaf that will say so.
CREATE TABLE erasures (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL
) STRICT;

-- Keys that were destroyed, written down before they are, so that a file of keys that is restored from a backup brings none of them back.
CREATE TABLE destroyed (
    key INTEGER PRIMARY KEY
) STRICT;

-- `synced` is written where a commit must reach the disk whatever the store's durability; `minimum` is the first leaf that was not pruned.
INSERT INTO counters (name, value) VALUES ('synced', 0), ('minimum', 0);

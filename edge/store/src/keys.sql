-- The keys of private records, in a file of their own so that a backup of the ledger holds none. All are wrapped by the custody; deleting a row
-- erases what was encrypted under it, for ever.

-- One per root unit: its pseudonyms, its upstream states, and what finds its data subjects.
CREATE TABLE tenants (
    name TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One per workload and month, and one more for each data subject that a caller named. `subject` is a keyed hash, or empty; `month` counts
-- months since the year 0; `id` is random, so that it never names two keys, not even when this file is made anew.
CREATE TABLE data_keys (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    workload TEXT NOT NULL,
    month INTEGER NOT NULL,
    subject BLOB NOT NULL,
    wrapped BLOB NOT NULL,
    UNIQUE (tenant, workload, month, subject)
) STRICT;

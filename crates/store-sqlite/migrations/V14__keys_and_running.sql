-- The keys that this database was used with, by name and fingerprint; `until` ends a key that another replaced.
CREATE TABLE known_key (
    row         INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    since       INTEGER NOT NULL,
    until       INTEGER,
    away        INTEGER NOT NULL,
    running     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX known_key_now ON known_key (name) WHERE until IS NULL;

-- How long servers have run, in seconds; the value of that when the clock jumped last; the time by the clock when it was kept.
CREATE TABLE running (
    row    INTEGER PRIMARY KEY CHECK (row = 1),
    total  INTEGER NOT NULL,
    jumped INTEGER NOT NULL,
    seen   INTEGER
) STRICT;
INSERT INTO running (row, total, jumped) VALUES (1, 0, 0);

-- The running time when a row was first found to be over. What is over is removed a grace later.
ALTER TABLE secret ADD COLUMN mark INTEGER;
ALTER TABLE action ADD COLUMN mark INTEGER;
ALTER TABLE sign_in ADD COLUMN mark INTEGER;
CREATE INDEX secret_marked ON secret (mark, expires) WHERE envelope IS NOT NULL;
DROP INDEX secret_expiry;
CREATE INDEX sign_in_marked ON sign_in (mark, expires);

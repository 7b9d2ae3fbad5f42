-- Which database this is and how far it has come: what the mark beside it is compared with (ADR 15).

CREATE TABLE mark (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    database BLOB    NOT NULL,
    -- Grows by one with every commit that changes something.
    commits  INTEGER NOT NULL,
    -- Grows by one with every start of a server.
    boots    INTEGER NOT NULL,
    -- 1 once the mark is there: from then on a missing one is a reason not to serve.
    marked   INTEGER NOT NULL,
    -- 1 in a backup, until an operator accepts it as the state to go on from.
    copy     INTEGER NOT NULL
) STRICT;
INSERT INTO mark (one, database, commits, boots, marked, copy) VALUES (1, randomblob(16), 0, 0, 0, 0);

-- The restore after which nothing has confirmed the result of the action.
ALTER TABLE action ADD COLUMN before_restore INTEGER;

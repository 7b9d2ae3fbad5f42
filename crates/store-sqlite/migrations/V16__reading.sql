-- Reading has a ceiling, requests are remembered for a time, and what opens a device is asked for and not looked for.

-- What was read and counted. A party is `user/ID`, `application/ID` or `operator/NAME`.
CREATE TABLE reading (
    row           INTEGER PRIMARY KEY,
    tenant        INTEGER NOT NULL REFERENCES tenant (row),
    secret        INTEGER NOT NULL REFERENCES secret (row),
    party         TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    warned_party  INTEGER NOT NULL DEFAULT 0,
    warned_tenant INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What was read before: the key of a reader is `APPLICATION/USER`, with `-` for no user.
INSERT INTO reading (tenant, secret, party, at)
SELECT tenant, secret, CASE user WHEN '-' THEN 'application/' || lower(substr(by, 1, length(by) - 2)) ELSE 'user/' || lower(user) END, at
FROM (
    SELECT d.tenant, s.row AS secret, s.disclosed_by AS by, s.disclosed_at AS at,
        replace(s.disclosed_by, rtrim(s.disclosed_by, replace(s.disclosed_by, '/', '')), '') AS user
    FROM secret s JOIN action a ON a.row = s.action JOIN device d ON d.row = a.device
    WHERE s.disclosed_at IS NOT NULL AND s.disclosed_by IS NOT NULL
)
ORDER BY at;

CREATE INDEX reading_of_tenant ON reading (tenant, at);
CREATE INDEX reading_of_party ON reading (tenant, party, at);
CREATE INDEX reading_of_secret ON reading (secret, party, at);

-- A hold is on asking or on reading, for the tenant or for one party.
ALTER TABLE hold ADD COLUMN kind TEXT NOT NULL DEFAULT 'asking';
ALTER TABLE hold ADD COLUMN party TEXT;
DROP INDEX hold_active;
CREATE UNIQUE INDEX hold_active ON hold (tenant, kind, ifnull(party, '')) WHERE released IS NULL;
CREATE INDEX hold_of_kind ON hold (tenant, kind, ifnull(party, ''), row);

-- When a request was answered: an id names the same request for a time.
ALTER TABLE request ADD COLUMN at INTEGER NOT NULL DEFAULT 0;

-- Which action's passcode opens which lock of a device: of the done ones the newest.
CREATE TABLE opening (
    device  INTEGER NOT NULL REFERENCES device (row),
    lock    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    action  INTEGER NOT NULL REFERENCES action (row),
    PRIMARY KEY (device, lock, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO opening (device, lock, subject, action)
SELECT a.device, o.value ->> '$.lock', o.value ->> '$.subject', max(a.row)
FROM action a, json_each(a.opens) o
WHERE a.state = 'done'
GROUP BY 1, 2, 3;

CREATE INDEX action_done ON action (device, row) WHERE state = 'done';
CREATE INDEX action_uncertain ON action (device, row) WHERE outcome IN ('contradictory', 'uncertain');
CREATE INDEX action_of_disk ON action (device, row) WHERE instr(locks, '"luks2"') > 0;

-- From where it was done, as the list of audit events is filtered by it.
ALTER TABLE audit_event ADD COLUMN actor_address TEXT COLLATE NOCASE
    GENERATED ALWAYS AS (body ->> '$.actor.address') VIRTUAL;
CREATE INDEX audit_by_actor_address ON audit_event (tenant, actor_address, seq) WHERE actor_address IS NOT NULL;

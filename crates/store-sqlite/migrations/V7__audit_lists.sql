-- What the list of audit events is filtered and ordered by; generated, so that older events have it too. The text of an event
-- is what is hashed, and is not touched.

ALTER TABLE audit_event ADD COLUMN at INTEGER GENERATED ALWAYS AS (
    unixepoch(body ->> '$.at') * 1000000
    + iif(instr(body ->> '$.at', '.') = 0, 0,
        CAST(substr(substr(rtrim(body ->> '$.at', 'Z'), instr(body ->> '$.at', '.') + 1) || '000000', 1, 6) AS INTEGER))
) VIRTUAL;
ALTER TABLE audit_event ADD COLUMN activity TEXT GENERATED ALWAYS AS (body ->> '$.activity') VIRTUAL;
ALTER TABLE audit_event ADD COLUMN device BLOB
    GENERATED ALWAYS AS (unhex(replace(body ->> '$.device', '-', ''))) VIRTUAL;

CREATE INDEX audit_by_time ON audit_event (tenant, at, seq);
CREATE INDEX audit_by_activity ON audit_event (tenant, activity, seq);
CREATE INDEX audit_by_device ON audit_event (tenant, device, seq) WHERE device IS NOT NULL;

-- Who may do what on which devices; when a tenant's recoveries are on hold; which request was answered last.

CREATE TABLE role_assignment (
    row       INTEGER PRIMARY KEY,
    tenant    INTEGER NOT NULL REFERENCES tenant (row),
    id        BLOB    NOT NULL,
    role      TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    principal TEXT    NOT NULL,
    -- A JSON array of scope tags; empty for all devices.
    tags      TEXT,
    created   INTEGER NOT NULL,
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX role_assignment_of ON role_assignment (tenant, kind, principal);

CREATE TABLE hold (
    row       INTEGER PRIMARY KEY,
    tenant    INTEGER NOT NULL REFERENCES tenant (row),
    id        BLOB    NOT NULL,
    placed    INTEGER NOT NULL,
    caused_by TEXT    NOT NULL,
    counted   INTEGER NOT NULL,
    released  TEXT,
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX hold_of_tenant ON hold (tenant, row);
CREATE UNIQUE INDEX hold_active ON hold (tenant) WHERE released IS NULL;

-- Recoveries that somebody asked for, by tenant and time: what a hold counts.
CREATE TABLE recovery (
    tenant INTEGER NOT NULL REFERENCES tenant (row),
    at     INTEGER NOT NULL,
    action INTEGER NOT NULL REFERENCES action (row),
    PRIMARY KEY (tenant, at, action)
) STRICT, WITHOUT ROWID;

CREATE INDEX device_managed ON device (tenant) WHERE management_state = 'managed';

-- The newest accepted request without a client-request-id of each caller for each device.
CREATE TABLE acceptance (
    device     INTEGER NOT NULL REFERENCES device (row),
    caller_key TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    action     INTEGER NOT NULL REFERENCES action (row),
    PRIMARY KEY (device, caller_key)
) STRICT, WITHOUT ROWID;

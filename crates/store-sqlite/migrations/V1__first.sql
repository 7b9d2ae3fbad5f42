-- Rows refer to each other by integer keys; the identifiers that callers see are 16-byte blobs with one index each.
-- Times are microseconds since 1970. Enumerations are their Graph names, structures are JSON.

CREATE TABLE tenant (
    row          INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE,
    display_name TEXT    NOT NULL,
    licence      TEXT    NOT NULL,
    entra_tenant BLOB,
    settings     TEXT    NOT NULL,
    created      INTEGER NOT NULL
) STRICT;

CREATE TABLE application (
    row           INTEGER PRIMARY KEY,
    tenant        INTEGER NOT NULL REFERENCES tenant (row),
    id            BLOB    NOT NULL,
    display_name  TEXT    NOT NULL,
    permissions   TEXT    NOT NULL,
    secret_hashes TEXT    NOT NULL,
    created       INTEGER NOT NULL,
    UNIQUE (tenant, id)
) STRICT;

CREATE TABLE device (
    row                 INTEGER PRIMARY KEY,
    tenant              INTEGER NOT NULL REFERENCES tenant (row),
    id                  BLOB    NOT NULL,
    platform            TEXT    NOT NULL,
    management_state    TEXT    NOT NULL,
    comanaged           INTEGER NOT NULL,
    user                BLOB,
    enrolled            INTEGER NOT NULL,
    last_sync           INTEGER NOT NULL,
    certificate_expires INTEGER,
    inventory           TEXT    NOT NULL,
    notes               TEXT,
    managed_device_name TEXT,
    owner_type          TEXT    NOT NULL,
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX device_of_tenant ON device (tenant, row);
CREATE INDEX device_comanaged ON device (tenant, row) WHERE comanaged = 1;
CREATE INDEX device_of_user ON device (tenant, user, row) WHERE user IS NOT NULL;

CREATE TABLE resource (
    row           INTEGER PRIMARY KEY,
    tenant        INTEGER NOT NULL REFERENCES tenant (row),
    kind          TEXT    NOT NULL,
    id            BLOB    NOT NULL,
    owner         BLOB,
    device        BLOB,
    alternate_key TEXT,
    properties    TEXT    NOT NULL,
    created       INTEGER NOT NULL,
    modified      INTEGER NOT NULL,
    UNIQUE (tenant, kind, id)
) STRICT;
CREATE INDEX resource_of_kind ON resource (tenant, kind, row);
CREATE UNIQUE INDEX resource_key ON resource (tenant, kind, alternate_key) WHERE alternate_key IS NOT NULL;
CREATE INDEX resource_of_owner ON resource (tenant, owner, row) WHERE owner IS NOT NULL;
CREATE INDEX resource_of_device ON resource (tenant, device, row) WHERE device IS NOT NULL;

CREATE TABLE link (
    device   INTEGER NOT NULL REFERENCES device (row),
    resource INTEGER NOT NULL REFERENCES resource (row) ON DELETE CASCADE,
    PRIMARY KEY (device, resource)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_of_resource ON link (resource, device);

CREATE TABLE enrollment (
    row                INTEGER PRIMARY KEY,
    id                 BLOB    NOT NULL UNIQUE,
    device             INTEGER NOT NULL REFERENCES device (row),
    certificate_sha256 BLOB    NOT NULL UNIQUE,
    oma_device_id      TEXT    NOT NULL,
    created            INTEGER NOT NULL,
    closed             INTEGER,
    session            BLOB
) STRICT;
CREATE UNIQUE INDEX enrollment_open ON enrollment (device) WHERE closed IS NULL;
CREATE INDEX enrollment_of_name ON enrollment (oma_device_id, row);
CREATE INDEX enrollment_of_device ON enrollment (device, row);

CREATE TABLE enrollment_token (
    sha256   BLOB    NOT NULL PRIMARY KEY,
    tenant   INTEGER NOT NULL REFERENCES tenant (row),
    user     BLOB,
    created  INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    used_at  INTEGER,
    used_for BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE action (
    row               INTEGER PRIMARY KEY,
    id                BLOB    NOT NULL UNIQUE,
    device            INTEGER NOT NULL REFERENCES device (row),
    name              TEXT    NOT NULL,
    state             TEXT    NOT NULL,
    attempt           INTEGER NOT NULL,
    outcome           TEXT,
    device_status     INTEGER,
    requested_by      TEXT    NOT NULL,
    client_request_id TEXT,
    started           INTEGER NOT NULL,
    updated           INTEGER NOT NULL
) STRICT;
CREATE INDEX action_of_device ON action (device, row);
CREATE UNIQUE INDEX action_open ON action (device, name) WHERE state IN ('pending', 'active');
CREATE INDEX action_waiting ON action (started) WHERE state IN ('pending', 'active');

CREATE TABLE request (
    device            INTEGER NOT NULL REFERENCES device (row),
    caller_key        TEXT    NOT NULL,
    client_request_id TEXT    NOT NULL,
    action            INTEGER NOT NULL REFERENCES action (row),
    PRIMARY KEY (device, caller_key, client_request_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    enrollment    INTEGER NOT NULL REFERENCES enrollment (row),
    action        INTEGER REFERENCES action (row),
    attempt       INTEGER NOT NULL,
    purpose       TEXT    NOT NULL,
    commands      TEXT    NOT NULL,
    statuses      TEXT    NOT NULL,
    phase         TEXT    NOT NULL,
    session       TEXT,
    message       INTEGER,
    first_command INTEGER,
    created       INTEGER NOT NULL
) STRICT;
CREATE INDEX delivery_queued ON delivery (enrollment, seq) WHERE phase = 'queued';
CREATE INDEX delivery_in_flight ON delivery (enrollment, seq) WHERE phase = 'sent';
CREATE INDEX delivery_sent_in ON delivery (enrollment, session, message) WHERE session IS NOT NULL;
CREATE INDEX delivery_of_action ON delivery (action, seq) WHERE action IS NOT NULL;

CREATE TABLE secret (
    row          INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL,
    action       INTEGER NOT NULL REFERENCES action (row),
    attempt      INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    envelope     BLOB,
    standing     TEXT    NOT NULL,
    received     INTEGER NOT NULL,
    expires      INTEGER NOT NULL,
    disclosed_at INTEGER,
    disclosed_by TEXT
) STRICT;
CREATE INDEX secret_of_action ON secret (action, row);
CREATE INDEX secret_expiry ON secret (expires) WHERE envelope IS NOT NULL;

CREATE TABLE audit_event (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL REFERENCES tenant (row),
    body   TEXT    NOT NULL
) STRICT;

CREATE TABLE audit_link (
    seq      INTEGER PRIMARY KEY REFERENCES audit_event (seq),
    tenant   INTEGER NOT NULL REFERENCES tenant (row),
    position INTEGER NOT NULL,
    hash     BLOB    NOT NULL,
    UNIQUE (tenant, position)
) STRICT;

CREATE TABLE checkpoint (
    row      INTEGER PRIMARY KEY,
    tenant   INTEGER NOT NULL REFERENCES tenant (row),
    position INTEGER NOT NULL,
    body     TEXT    NOT NULL
) STRICT;
CREATE INDEX checkpoint_of_tenant ON checkpoint (tenant, row);

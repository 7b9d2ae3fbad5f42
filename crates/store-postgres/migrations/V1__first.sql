-- Identifiers are the keys, and every row below a device has its tenant and its device, so that rows can be distributed by
-- device. `row` is the age of a row among its like; lists go by it. Times are microseconds since 1970. Enumerations are their
-- Graph names, structures are JSON as it was written. Texts are compared by their bytes, whatever the collation of the database.

CREATE TABLE tenant (
    row          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    id           uuid   PRIMARY KEY,
    display_name text   COLLATE "C" NOT NULL,
    licence      text   COLLATE "C" NOT NULL,
    entra_tenant uuid,
    settings     text   COLLATE "C" NOT NULL,
    created      bigint NOT NULL,
    mac          bytea
);

CREATE TABLE application (
    row          bigint  GENERATED ALWAYS AS IDENTITY UNIQUE,
    tenant       uuid    NOT NULL REFERENCES tenant,
    id           uuid    NOT NULL,
    display_name text    COLLATE "C" NOT NULL,
    permissions  text    COLLATE "C" NOT NULL,
    delegated    text    COLLATE "C" NOT NULL,
    public       boolean NOT NULL,
    secrets      text    COLLATE "C" NOT NULL,
    certificates text    COLLATE "C" NOT NULL,
    created      bigint  NOT NULL,
    mac          bytea,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE role_assignment (
    row          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    tenant       uuid   NOT NULL REFERENCES tenant,
    id           uuid   NOT NULL,
    role         text   COLLATE "C" NOT NULL,
    kind         text   COLLATE "C" NOT NULL,
    principal    text   COLLATE "C" NOT NULL,
    -- A JSON array of scope tags; empty for all devices.
    tags         text   COLLATE "C",
    created      bigint NOT NULL,
    display_name text   COLLATE "C",
    description  text   COLLATE "C",
    mac          bytea,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX role_assignment_of ON role_assignment (tenant, kind, principal);

CREATE TABLE hold (
    row       bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    tenant    uuid   NOT NULL REFERENCES tenant,
    id        uuid   NOT NULL,
    placed    bigint NOT NULL,
    caused_by text   COLLATE "C" NOT NULL,
    counted   bigint NOT NULL,
    released  text   COLLATE "C",
    kind      text   COLLATE "C" NOT NULL,
    party     text   COLLATE "C",
    mac       bytea,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX hold_of_tenant ON hold (tenant, row);
CREATE UNIQUE INDEX hold_active ON hold (tenant, kind, coalesce(party, '')) WHERE released IS NULL;
CREATE INDEX hold_of_kind ON hold (tenant, kind, coalesce(party, ''), row);

CREATE TABLE revocation (
    row        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    tenant     uuid   NOT NULL REFERENCES tenant,
    kind       text   COLLATE "C" NOT NULL,
    principal  text   COLLATE "C" NOT NULL,
    valid_from bigint NOT NULL,
    mac        bytea,
    PRIMARY KEY (tenant, kind, principal)
);
CREATE INDEX revocation_by_moment ON revocation (tenant, kind, valid_from);

-- For small tables: which rows of a tenant there are. No authenticator means that they do not verify.
CREATE TABLE row_set (
    tenant  uuid   NOT NULL REFERENCES tenant,
    name    text   COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    mac     bytea,
    PRIMARY KEY (tenant, name)
);

-- The key that signed the rows, by its fingerprint.
CREATE TABLE row_key (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    fingerprint bytea   NOT NULL
);

CREATE TABLE device (
    row                 bigint  GENERATED ALWAYS AS IDENTITY UNIQUE,
    tenant              uuid    NOT NULL REFERENCES tenant,
    id                  uuid    NOT NULL,
    platform            text    COLLATE "C" NOT NULL,
    management_state    text    COLLATE "C" NOT NULL,
    comanaged           boolean NOT NULL,
    "user"              uuid,
    enrolled            bigint  NOT NULL,
    last_sync           bigint  NOT NULL,
    certificate_expires bigint,
    inventory           json    NOT NULL,
    notes               text    COLLATE "C",
    managed_device_name text    COLLATE "C",
    owner_type          text    COLLATE "C" NOT NULL,
    recoverability      text    COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX device_of_tenant ON device (tenant, row);
CREATE INDEX device_comanaged ON device (tenant, row) WHERE comanaged;
CREATE INDEX device_of_user ON device (tenant, "user", row) WHERE "user" IS NOT NULL;
CREATE INDEX device_by_name ON device (tenant, lower((inventory ->> 'deviceName') COLLATE "C") NULLS FIRST, row);
CREATE INDEX device_by_serial_number ON device (tenant, lower((inventory ->> 'serialNumber') COLLATE "C") NULLS FIRST, row);
CREATE INDEX device_by_azure_ad_device_id ON device (tenant, lower((inventory ->> 'azureAdDeviceId') COLLATE "C") NULLS FIRST, row);
CREATE INDEX device_by_imei ON device (tenant, lower((inventory ->> 'imei') COLLATE "C") NULLS FIRST, row);
CREATE INDEX device_by_platform ON device (tenant, platform, row);
CREATE INDEX device_by_management_state ON device (tenant, management_state, row);
CREATE INDEX device_by_enrolled ON device (tenant, enrolled NULLS FIRST, row);
CREATE INDEX device_by_last_sync ON device (tenant, last_sync NULLS FIRST, row);

CREATE TABLE device_tag (
    row    bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    tenant uuid   NOT NULL,
    device uuid   NOT NULL,
    tag    text   COLLATE "C" NOT NULL,
    mac    bytea,
    PRIMARY KEY (tenant, device, tag),
    FOREIGN KEY (tenant, device) REFERENCES device
);
CREATE INDEX device_tag_devices ON device_tag (tenant, tag, device);

CREATE TABLE resource (
    row           bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    tenant        uuid   NOT NULL REFERENCES tenant,
    kind          text   COLLATE "C" NOT NULL,
    id            uuid   NOT NULL,
    owner         uuid,
    device        uuid,
    alternate_key text   COLLATE "C",
    properties    json   NOT NULL,
    created       bigint NOT NULL,
    modified      bigint NOT NULL,
    mac           bytea,
    PRIMARY KEY (tenant, kind, id)
);
CREATE INDEX resource_of_kind ON resource (tenant, kind, row);
CREATE UNIQUE INDEX resource_key ON resource (tenant, kind, alternate_key) WHERE alternate_key IS NOT NULL;
CREATE INDEX resource_of_owner ON resource (tenant, owner, row) WHERE owner IS NOT NULL;
CREATE INDEX resource_of_device ON resource (tenant, device, row) WHERE device IS NOT NULL;
CREATE INDEX resource_by_display_name
    ON resource (tenant, kind, lower((properties ->> 'displayName') COLLATE "C") NULLS FIRST, row);
CREATE INDEX user_by_principal_name
    ON resource (tenant, lower((properties ->> 'userPrincipalName') COLLATE "C") NULLS FIRST, row) WHERE kind = 'user';

CREATE TABLE link (
    tenant   uuid NOT NULL,
    device   uuid NOT NULL,
    kind     text COLLATE "C" NOT NULL,
    resource uuid NOT NULL,
    PRIMARY KEY (tenant, device, kind, resource),
    FOREIGN KEY (tenant, device) REFERENCES device,
    FOREIGN KEY (tenant, kind, resource) REFERENCES resource ON DELETE CASCADE
);
CREATE INDEX link_of_resource ON link (tenant, kind, resource, device);

CREATE TABLE enrollment (
    row                bigint  GENERATED ALWAYS AS IDENTITY UNIQUE,
    tenant             uuid    NOT NULL,
    device             uuid    NOT NULL,
    id                 uuid    PRIMARY KEY,
    certificate_sha256 bytea   NOT NULL UNIQUE,
    oma_device_id      text    COLLATE "C" NOT NULL,
    needs_certificate  boolean NOT NULL,
    created            bigint  NOT NULL,
    closed             bigint,
    session            bytea,
    mac                bytea,
    FOREIGN KEY (tenant, device) REFERENCES device
);
CREATE UNIQUE INDEX enrollment_open ON enrollment (tenant, device) WHERE closed IS NULL;
CREATE INDEX enrollment_of_name ON enrollment (oma_device_id, row);
CREATE INDEX enrollment_of_device ON enrollment (tenant, device, row);

CREATE TABLE enrollment_token (
    row      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    sha256   bytea  PRIMARY KEY,
    tenant   uuid   NOT NULL REFERENCES tenant,
    "user"   uuid,
    created  bigint NOT NULL,
    expires  bigint NOT NULL,
    used_at  bigint,
    used_for uuid,
    replaces uuid,
    mac      bytea
);
CREATE INDEX enrollment_token_unused ON enrollment_token (tenant, expires) WHERE used_at IS NULL;

CREATE TABLE sign_in (
    row             bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    tenant          uuid   NOT NULL REFERENCES tenant,
    application     uuid   NOT NULL,
    handle_sha256   bytea  PRIMARY KEY,
    user_code       text   COLLATE "C" NOT NULL UNIQUE,
    scope           text   COLLATE "C" NOT NULL,
    standing        text   COLLATE "C" NOT NULL,
    "user"          uuid,
    refresh_sha256  bytea,
    previous_sha256 bytea,
    created         bigint NOT NULL,
    expires         bigint NOT NULL,
    asked           bigint,
    address         text   COLLATE "C",
    mark            bigint,
    mac             bytea
);
CREATE INDEX sign_in_of_tenant ON sign_in (tenant, row);
CREATE INDEX sign_in_expiry ON sign_in (expires);
CREATE INDEX sign_in_marked ON sign_in (mark, expires);

CREATE TABLE action (
    row               bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    tenant            uuid   NOT NULL,
    device            uuid   NOT NULL,
    id                uuid   PRIMARY KEY,
    name              text   COLLATE "C" NOT NULL,
    state             text   COLLATE "C" NOT NULL,
    attempt           bigint NOT NULL,
    outcome           text   COLLATE "C",
    device_status     bigint,
    device_reason     text   COLLATE "C",
    locks             text   COLLATE "C" NOT NULL,
    opens             text   COLLATE "C" NOT NULL,
    verified          bigint,
    before_restore    bigint,
    requested_by      text   COLLATE "C" NOT NULL,
    client_request_id text   COLLATE "C",
    started           bigint NOT NULL,
    updated           bigint NOT NULL,
    mark              bigint,
    FOREIGN KEY (tenant, device) REFERENCES device
);
CREATE UNIQUE INDEX action_open ON action (tenant, device, name) WHERE state IN ('pending', 'active');
CREATE INDEX action_waiting ON action (started, row) WHERE state IN ('pending', 'active');
CREATE INDEX action_of_device ON action (tenant, device, row);
CREATE INDEX action_of_name ON action (tenant, device, name, row);
CREATE INDEX action_of_tenant ON action (tenant, row);
CREATE INDEX action_by_started ON action (tenant, started NULLS FIRST, row);
CREATE INDEX action_uncertain ON action (tenant, device, row) WHERE outcome IN ('contradictory', 'uncertain');
CREATE INDEX action_of_disk ON action (tenant, device, row) WHERE strpos(locks, '"luks2"') > 0;

-- Of the done actions whose passcode opens a lock of a device, the newest.
CREATE TABLE opening (
    tenant  uuid   NOT NULL,
    device  uuid   NOT NULL,
    lock    text   COLLATE "C" NOT NULL,
    subject text   COLLATE "C" NOT NULL,
    -- The row of the action.
    action  bigint NOT NULL,
    PRIMARY KEY (tenant, device, lock, subject)
);

-- The actions that answered requests with an id, and the newest without one of each caller.
CREATE TABLE request (
    tenant            uuid   NOT NULL,
    device            uuid   NOT NULL,
    caller_key        text   COLLATE "C" NOT NULL,
    client_request_id text   COLLATE "C" NOT NULL,
    action            uuid   NOT NULL,
    at                bigint NOT NULL,
    PRIMARY KEY (tenant, device, caller_key, client_request_id)
);
CREATE TABLE acceptance (
    tenant     uuid   NOT NULL,
    device     uuid   NOT NULL,
    caller_key text   COLLATE "C" NOT NULL,
    action     uuid   NOT NULL,
    at         bigint NOT NULL,
    PRIMARY KEY (tenant, device, caller_key)
);

-- The recoveries that a hold counts.
CREATE TABLE recovery (
    tenant uuid   NOT NULL,
    device uuid   NOT NULL,
    at     bigint NOT NULL,
    action uuid   NOT NULL,
    PRIMARY KEY (tenant, at, action)
);

CREATE TABLE delivery (
    seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant        uuid   NOT NULL,
    device        uuid   NOT NULL,
    enrollment    uuid   NOT NULL REFERENCES enrollment,
    action        uuid   REFERENCES action,
    attempt       bigint NOT NULL,
    purpose       text   COLLATE "C" NOT NULL,
    commands      text   COLLATE "C" NOT NULL,
    statuses      text   COLLATE "C" NOT NULL,
    phase         text   COLLATE "C" NOT NULL,
    receipt       text   COLLATE "C",
    first_command bigint,
    created       bigint NOT NULL
);
CREATE INDEX delivery_queued ON delivery (enrollment, seq) WHERE phase = 'queued';
CREATE INDEX delivery_in_flight ON delivery (enrollment, seq) WHERE phase = 'sent';
CREATE INDEX delivery_receipt ON delivery (enrollment, receipt) WHERE receipt IS NOT NULL;
CREATE INDEX delivery_of_action ON delivery (action, seq) WHERE action IS NOT NULL;

CREATE TABLE secret (
    row          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant       uuid   NOT NULL,
    device       uuid   NOT NULL,
    action       uuid   NOT NULL REFERENCES action,
    id           uuid   NOT NULL,
    attempt      bigint NOT NULL,
    kind         text   COLLATE "C" NOT NULL,
    envelope     bytea,
    standing     text   COLLATE "C" NOT NULL,
    received     bigint NOT NULL,
    expires      bigint NOT NULL,
    disclosed_at bigint,
    disclosed_by text   COLLATE "C",
    mark         bigint,
    mac          bytea
);
CREATE INDEX secret_of_action ON secret (action, row);
CREATE INDEX secret_kept ON secret (tenant, device, kind, expires) WHERE envelope IS NOT NULL;
CREATE INDEX secret_marked ON secret (mark, expires) WHERE envelope IS NOT NULL;

-- The passcodes that were read and counted. A party is `user/ID`, `application/ID` or `operator/NAME`.
CREATE TABLE reading (
    row           bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant        uuid    NOT NULL,
    device        uuid    NOT NULL,
    action        uuid    NOT NULL,
    secret        uuid    NOT NULL,
    party         text    COLLATE "C" NOT NULL,
    at            bigint  NOT NULL,
    warned_party  boolean NOT NULL,
    warned_tenant boolean NOT NULL
);
CREATE INDEX reading_of_tenant ON reading (tenant, at);
CREATE INDEX reading_of_party ON reading (tenant, party, at);
CREATE INDEX reading_of_secret ON reading (action, secret, party, at);

CREATE TABLE alert (
    row    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant uuid   NOT NULL REFERENCES tenant,
    about  uuid   NOT NULL,
    name   text   COLLATE "C" NOT NULL,
    body   text   COLLATE "C" NOT NULL,
    UNIQUE (tenant, about, name)
);

CREATE TABLE known_key (
    row         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text    COLLATE "C" NOT NULL,
    fingerprint bytea   NOT NULL,
    since       bigint  NOT NULL,
    until       bigint,
    away        boolean NOT NULL,
    running     bigint  NOT NULL
);
CREATE UNIQUE INDEX known_key_now ON known_key (name) WHERE until IS NULL;

-- The time for which servers have run, in seconds; its value when the clock jumped last; the time by the clock when it was kept.
CREATE TABLE running (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    total  bigint  NOT NULL,
    jumped bigint  NOT NULL,
    seen   bigint
);
INSERT INTO running (total, jumped) VALUES (0, 0);

-- Numbers are given in the order of inserts, and events become visible in the order of commits. So an event waits in the queue
-- from its commit until it is linked, whatever was linked before it (ADR 30).
CREATE SEQUENCE audit_seq;
CREATE TABLE audit_event (
    seq               bigint  PRIMARY KEY,
    tenant            uuid    NOT NULL REFERENCES tenant,
    -- The text is what is hashed.
    body              json    NOT NULL,
    waiting           boolean NOT NULL,
    -- The id that the tenant sees. It leads to `seq` by a key that is not in the database; here it is for filters and orders.
    name              uuid    NOT NULL,
    at                bigint  NOT NULL,
    device            uuid,
    activity          text    COLLATE "C" GENERATED ALWAYS AS (body ->> 'activity') STORED
);
CREATE INDEX audit_queue ON audit_event (seq) WHERE waiting;
CREATE INDEX audit_of_tenant ON audit_event (tenant, seq) WHERE NOT waiting;
CREATE INDEX audit_by_time ON audit_event (tenant, at NULLS FIRST, seq) WHERE NOT waiting;
CREATE INDEX audit_by_activity ON audit_event (tenant, activity, seq) WHERE NOT waiting;
CREATE INDEX audit_by_device ON audit_event (tenant, device, seq) WHERE NOT waiting AND device IS NOT NULL;
CREATE INDEX audit_by_actor_name
    ON audit_event (tenant, lower((body #>> '{actor,userPrincipalName}') COLLATE "C") NULLS FIRST, seq) WHERE NOT waiting;
CREATE INDEX audit_by_actor_user
    ON audit_event (tenant, lower((body #>> '{actor,userId}') COLLATE "C") NULLS FIRST, seq) WHERE NOT waiting;
CREATE INDEX audit_by_actor_application
    ON audit_event (tenant, lower((body #>> '{actor,applicationId}') COLLATE "C") NULLS FIRST, seq) WHERE NOT waiting;
CREATE INDEX audit_by_actor_address
    ON audit_event (tenant, lower((body #>> '{actor,address}') COLLATE "C") NULLS FIRST, seq) WHERE NOT waiting;

CREATE TABLE audit_link (
    seq      bigint PRIMARY KEY REFERENCES audit_event,
    tenant   uuid   NOT NULL REFERENCES tenant,
    position bigint NOT NULL,
    hash     bytea  NOT NULL,
    UNIQUE (tenant, position)
);

CREATE TABLE checkpoint (
    row      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant   uuid   NOT NULL REFERENCES tenant,
    position bigint NOT NULL,
    body     text   COLLATE "C" NOT NULL
);
CREATE INDEX checkpoint_of_tenant ON checkpoint (tenant, row);
CREATE INDEX checkpoint_by_position ON checkpoint (tenant, position, row);

-- Units of work about any rows take turns by locking this table, before their snapshot is taken.
CREATE TABLE turn ();

-- The whole microseconds since 1970 of an `Edm.DateTimeOffset`; null for other texts. Finer digits are dropped.
CREATE FUNCTION moment(text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    p text[] := regexp_match($1,
        '^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:[.](\d+))?)?(?:[Zz]|([+-])(\d\d):?(\d\d))$');
    seconds bigint;
    digits text;
BEGIN
    IF p IS NULL THEN
        RETURN NULL;
    END IF;
    seconds := extract(epoch FROM make_timestamp(
        p[1]::int, p[2]::int, p[3]::int, p[4]::int, p[5]::int, coalesce(p[6], '0')::int));
    IF p[8] IS NOT NULL THEN
        seconds := seconds - (p[8] || '1')::int * (p[9]::int * 3600 + p[10]::int * 60);
    END IF;
    digits := rpad(left(coalesce(p[7], ''), 6), 6, '0');
    RETURN seconds * 1000000 + digits::bigint;
EXCEPTION WHEN datetime_field_overflow THEN
    RETURN NULL;
END $$;

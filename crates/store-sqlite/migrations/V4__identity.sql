-- Secrets with a name and an end, certificates, delegated permissions; people who sign in.

ALTER TABLE application ADD COLUMN delegated TEXT NOT NULL DEFAULT '[]';
ALTER TABLE application ADD COLUMN public INTEGER NOT NULL DEFAULT 0;
ALTER TABLE application ADD COLUMN secrets TEXT NOT NULL DEFAULT '[]';
ALTER TABLE application ADD COLUMN certificates TEXT NOT NULL DEFAULT '[]';

-- Secrets of before have no end and no hint. They get 180 days from now on, so that an upgrade locks nobody out.
UPDATE application SET secrets = (
    SELECT json_group_array(json_object(
        'id', lower(printf('%s-%s-4%s-8%s-%s', hex(randomblob(4)), hex(randomblob(2)),
            substr(hex(randomblob(2)), 1, 3), substr(hex(randomblob(2)), 1, 3), hex(randomblob(6)))),
        'hint', '',
        'hash', value,
        'created', strftime('%Y-%m-%dT%H:%M:%SZ', created / 1000000, 'unixepoch'),
        'expires', strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '+180 days')))
    FROM json_each(application.secret_hashes));

-- Not kept beside: a hash must be gone when its secret is removed. An older server refuses this schema anyway.
ALTER TABLE application DROP COLUMN secret_hashes;

CREATE TABLE sign_in (
    row             INTEGER PRIMARY KEY,
    tenant          INTEGER NOT NULL REFERENCES tenant (row),
    application     BLOB    NOT NULL,
    handle_sha256   BLOB    NOT NULL UNIQUE,
    user_code       TEXT    NOT NULL UNIQUE,
    scope           TEXT    NOT NULL,
    standing        TEXT    NOT NULL,
    user            BLOB,
    refresh_sha256  BLOB,
    previous_sha256 BLOB,
    created         INTEGER NOT NULL,
    expires         INTEGER NOT NULL,
    asked           INTEGER
) STRICT;
CREATE INDEX sign_in_of_tenant ON sign_in (tenant, row);
CREATE INDEX sign_in_expiry ON sign_in (expires);

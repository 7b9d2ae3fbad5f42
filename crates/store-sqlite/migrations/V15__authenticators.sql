-- Authenticators of rows that grant something, under a key that is not in the database; see rows/authenticated.rs.
-- Rows that are there get theirs when the key is made, once.

ALTER TABLE tenant ADD COLUMN mac BLOB;
ALTER TABLE application ADD COLUMN mac BLOB;
ALTER TABLE role_assignment ADD COLUMN mac BLOB;
ALTER TABLE hold ADD COLUMN mac BLOB;
ALTER TABLE revocation ADD COLUMN mac BLOB;
ALTER TABLE enrollment ADD COLUMN mac BLOB;
ALTER TABLE enrollment_token ADD COLUMN mac BLOB;
ALTER TABLE sign_in ADD COLUMN mac BLOB;
ALTER TABLE secret ADD COLUMN mac BLOB;
ALTER TABLE device_tag ADD COLUMN mac BLOB;
ALTER TABLE resource ADD COLUMN mac BLOB;

-- For small tables: which rows of a tenant there are. No authenticator means that they do not verify.
CREATE TABLE row_set (
    tenant  INTEGER NOT NULL REFERENCES tenant (row),
    name    TEXT    NOT NULL,
    version INTEGER NOT NULL,
    mac     BLOB,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- The key that signed them, by its fingerprint.
CREATE TABLE row_key (
    fingerprint BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE INDEX checkpoint_by_position ON checkpoint (tenant, position);

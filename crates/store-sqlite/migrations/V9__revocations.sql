-- Since when tokens of a person or an application count: what was issued before is refused.

CREATE TABLE revocation (
    tenant     INTEGER NOT NULL REFERENCES tenant (row),
    kind       TEXT    NOT NULL,
    principal  TEXT    NOT NULL,
    valid_from INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, principal)
) STRICT, WITHOUT ROWID;

-- For the last moment of a kind.
CREATE INDEX revocation_by_moment ON revocation (tenant, kind, valid_from);

-- Alerts that nobody outside has taken yet. One request raises at most one of each name.

CREATE TABLE alert (
    row    INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenant (row),
    action BLOB    NOT NULL,
    name   TEXT    NOT NULL,
    body   TEXT    NOT NULL,
    UNIQUE (tenant, action, name)
) STRICT;

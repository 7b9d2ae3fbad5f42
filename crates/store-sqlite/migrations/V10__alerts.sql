-- Alerts that nobody outside has taken yet. One request raises at most one of each name; it is about what the request made.

CREATE TABLE alert (
    row    INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenant (row),
    about  BLOB    NOT NULL,
    name   TEXT    NOT NULL,
    body   TEXT    NOT NULL,
    UNIQUE (tenant, about, name)
) STRICT;

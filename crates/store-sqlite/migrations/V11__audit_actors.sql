-- Who did it, as the list of audit events is filtered by it. Devices and the server itself have no name and are no user.

ALTER TABLE audit_event ADD COLUMN actor_name TEXT COLLATE NOCASE
    GENERATED ALWAYS AS (body ->> '$.actor.userPrincipalName') VIRTUAL;
ALTER TABLE audit_event ADD COLUMN actor_user TEXT COLLATE NOCASE
    GENERATED ALWAYS AS (body ->> '$.actor.userId') VIRTUAL;
ALTER TABLE audit_event ADD COLUMN actor_application TEXT COLLATE NOCASE
    GENERATED ALWAYS AS (body ->> '$.actor.applicationId') VIRTUAL;

CREATE INDEX audit_by_actor_name ON audit_event (tenant, actor_name, seq) WHERE actor_name IS NOT NULL;
CREATE INDEX audit_by_actor_user ON audit_event (tenant, actor_user, seq) WHERE actor_user IS NOT NULL;
CREATE INDEX audit_by_actor_application ON audit_event (tenant, actor_application, seq);

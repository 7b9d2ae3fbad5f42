-- The indexes of the lists of audit events have linked events alone: an event enters them when it is linked, some hundred at a
-- time, and not in the commit that a caller waits for. Lists read the few events of the queue beside them.

DROP INDEX audit_of_tenant;
DROP INDEX audit_by_time;
DROP INDEX audit_by_activity;
DROP INDEX audit_by_device;
DROP INDEX audit_by_actor_name;
DROP INDEX audit_by_actor_user;
DROP INDEX audit_by_actor_application;
DROP INDEX audit_by_actor_address;

CREATE INDEX audit_of_tenant ON audit_event (tenant, seq) WHERE waiting = 0;
CREATE INDEX audit_by_time ON audit_event (tenant, at, seq) WHERE waiting = 0;
CREATE INDEX audit_by_activity ON audit_event (tenant, activity, seq) WHERE waiting = 0;
CREATE INDEX audit_by_device ON audit_event (tenant, device, seq) WHERE waiting = 0 AND device IS NOT NULL;
CREATE INDEX audit_by_actor_name ON audit_event (tenant, actor_name, seq) WHERE waiting = 0 AND actor_name IS NOT NULL;
CREATE INDEX audit_by_actor_user ON audit_event (tenant, actor_user, seq) WHERE waiting = 0 AND actor_user IS NOT NULL;
CREATE INDEX audit_by_actor_application ON audit_event (tenant, actor_application, seq) WHERE waiting = 0;
CREATE INDEX audit_by_actor_address ON audit_event (tenant, actor_address, seq)
    WHERE waiting = 0 AND actor_address IS NOT NULL;

-- What it found, device_by_management_state finds.
DROP INDEX device_managed;

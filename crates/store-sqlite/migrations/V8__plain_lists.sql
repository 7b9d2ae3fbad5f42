-- The lists of audit events and remote actions go along an index of their tenant, however long they have become.

CREATE INDEX audit_of_tenant ON audit_event (tenant, seq);

ALTER TABLE action ADD COLUMN tenant INTEGER REFERENCES tenant (row);
UPDATE action SET tenant = (SELECT tenant FROM device WHERE row = action.device);
CREATE INDEX action_of_tenant ON action (tenant, row);
CREATE INDEX action_by_started ON action (tenant, started, row);

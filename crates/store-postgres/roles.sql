-- The role with which servers work, and its rights: rows alone, no definitions. Run it as the owner of a database that is
-- migrated, and again after each migration:
--
--     psql -v server=chaveiro -f roles.sql DATABASE
--
-- The role itself is made before: CREATE ROLE chaveiro LOGIN PASSWORD '…'

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :server;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :server;
-- The record and the history are never changed back.
REVOKE DELETE ON audit_event, audit_link, checkpoint FROM :server;
REVOKE UPDATE ON audit_link, checkpoint FROM :server;
REVOKE INSERT, UPDATE, DELETE ON schema_history FROM :server;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :server;

-- What a device has had costs its next recovery nothing: the secrets that are still to be retired, and the newest action of a
-- name, are found by an index.

-- The device of the action, for the index.
ALTER TABLE secret ADD COLUMN device INTEGER;
UPDATE secret SET device = (SELECT device FROM action WHERE row = secret.action);
CREATE INDEX secret_kept ON secret (device, kind, expires) WHERE envelope IS NOT NULL;

CREATE INDEX action_of_name ON action (device, name);
DROP INDEX action_of_device;
DROP INDEX action_done;

-- What a recovery opens and what a device says of its locks. Expand only: older rows have their defaults.

ALTER TABLE action ADD COLUMN device_reason TEXT;
ALTER TABLE action ADD COLUMN locks TEXT NOT NULL DEFAULT '["screen"]';
ALTER TABLE action ADD COLUMN opens TEXT NOT NULL DEFAULT '[]';
ALTER TABLE action ADD COLUMN verified INTEGER;
UPDATE action SET opens = '[{"lock":"screen","subject":""}]' WHERE state = 'done';

ALTER TABLE device ADD COLUMN recoverability TEXT NOT NULL DEFAULT '[]';

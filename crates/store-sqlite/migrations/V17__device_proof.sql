-- Devices that must show their certificate; those of before go on by digest until they show one. Enrolment tokens that were
-- made for a device.

ALTER TABLE enrollment ADD COLUMN needs_certificate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE enrollment_token ADD COLUMN replaces BLOB;

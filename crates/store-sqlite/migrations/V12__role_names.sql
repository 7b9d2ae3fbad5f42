-- What people call an assignment, and what they say of it.

ALTER TABLE role_assignment ADD COLUMN display_name TEXT;
ALTER TABLE role_assignment ADD COLUMN description TEXT;

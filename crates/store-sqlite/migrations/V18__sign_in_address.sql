-- From where a sign-in was asked for: operators look at it before they vouch. Nobody noted it for older ones.
ALTER TABLE sign_in ADD COLUMN address TEXT;

-- The queue of events without a link, in the event itself: 1 from the insertion until it is linked. Links are made in the
-- order of the queue and not above a number, so that an event that is committed late is linked too.

ALTER TABLE audit_event ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
UPDATE audit_event SET waiting = 1 WHERE seq > (SELECT coalesce(max(seq), 0) FROM audit_link);
CREATE INDEX audit_queue ON audit_event (seq) WHERE waiting <> 0;

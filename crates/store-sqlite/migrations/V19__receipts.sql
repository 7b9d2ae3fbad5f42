-- A delivery is found again by the receipt of the channel that took it; only the channel reads what is in it.

ALTER TABLE delivery ADD COLUMN receipt TEXT;
UPDATE delivery SET receipt = 'session ' || session || ' message ' || message WHERE session IS NOT NULL;
DROP INDEX delivery_sent_in;
CREATE INDEX delivery_receipt ON delivery (enrollment, receipt) WHERE receipt IS NOT NULL;
ALTER TABLE delivery DROP COLUMN session;
ALTER TABLE delivery DROP COLUMN message;

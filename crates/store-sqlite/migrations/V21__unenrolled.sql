-- A device that was unenrolled there is no longer told as retired: the newest event of its end says which it was.

UPDATE device SET management_state = 'unknownFutureValue'
WHERE management_state = 'retireIssued' AND 'device' = (
    SELECT e.body ->> '$.actor.kind' FROM audit_event e
    WHERE e.tenant = device.tenant AND e.device = device.id AND e.activity = 'deviceRetired'
    ORDER BY e.seq DESC LIMIT 1);

-- What lists are filtered and ordered by. Generated columns cannot disagree with what they are generated from, and take no
-- room but in their index; text in them is compared without ASCII case.

ALTER TABLE device ADD COLUMN device_name TEXT COLLATE NOCASE
    GENERATED ALWAYS AS (inventory ->> '$.deviceName') VIRTUAL;
ALTER TABLE device ADD COLUMN serial_number TEXT COLLATE NOCASE
    GENERATED ALWAYS AS (inventory ->> '$.serialNumber') VIRTUAL;
ALTER TABLE device ADD COLUMN azure_ad_device_id TEXT COLLATE NOCASE
    GENERATED ALWAYS AS (inventory ->> '$.azureAdDeviceId') VIRTUAL;
ALTER TABLE device ADD COLUMN imei TEXT COLLATE NOCASE
    GENERATED ALWAYS AS (inventory ->> '$.imei') VIRTUAL;
ALTER TABLE device ADD COLUMN operating_system TEXT COLLATE NOCASE
    GENERATED ALWAYS AS (CASE platform WHEN 'windows' THEN 'Windows' WHEN 'windowsPhone' THEN 'Windows Phone' ELSE 'Linux' END) VIRTUAL;

-- Identifiers find one device: an index holds those that have one. The rest finds few of many, or is an order.
-- Only `last_sync` changes with every session; "which have been silent for a month" is asked too often to read every device for it.
CREATE INDEX device_by_name ON device (tenant, device_name, row);
CREATE INDEX device_by_serial_number ON device (tenant, serial_number, row) WHERE serial_number IS NOT NULL;
CREATE INDEX device_by_azure_ad_device_id ON device (tenant, azure_ad_device_id, row) WHERE azure_ad_device_id IS NOT NULL;
CREATE INDEX device_by_imei ON device (tenant, imei, row) WHERE imei IS NOT NULL;
CREATE INDEX device_by_operating_system ON device (tenant, operating_system, row);
CREATE INDEX device_by_management_state ON device (tenant, management_state, row);
CREATE INDEX device_by_enrolled ON device (tenant, enrolled, row);
CREATE INDEX device_by_last_sync ON device (tenant, last_sync, row);

CREATE INDEX resource_by_display_name ON resource (tenant, kind, (properties ->> '$.displayName') COLLATE NOCASE, row);
CREATE INDEX user_by_principal_name ON resource (tenant, (properties ->> '$.userPrincipalName') COLLATE NOCASE, row)
    WHERE kind = 'user';

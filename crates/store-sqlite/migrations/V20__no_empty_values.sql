-- An empty text of these values is served for an unknown one, so only the unknown one is stored.

UPDATE device SET inventory = json_remove(inventory, '$.imei') WHERE inventory ->> '$.imei' = '';
UPDATE device SET inventory = json_remove(inventory, '$.wifiMacAddress') WHERE inventory ->> '$.wifiMacAddress' = '';

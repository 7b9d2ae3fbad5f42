-- Scope tags of devices. Devices that are there already have the default tag.

CREATE TABLE device_tag (
    device INTEGER NOT NULL REFERENCES device (row),
    tag    TEXT    NOT NULL,
    PRIMARY KEY (device, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_tag_devices ON device_tag (tag, device);

INSERT INTO device_tag (device, tag) SELECT row, '0' FROM device;

//! Envelopes of passcodes, read without any key of the server, for a person who holds the private key of a recipient.
//!
//! In a copy the authenticators of rows are not verified, because `keys/rows.key` may be lost. An envelope is bound to its
//! tenant, device, action and attempt by itself, so one that was moved does not open. Sealing needs public keys alone, so a
//! writer of the copy can put an envelope of its own there.

use chaveiro_core::action::ActionState;
use chaveiro_core::escrow::{EscrowedSecret, SecretKind};
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::lock::DeviceLock;
use chaveiro_core::ports::StoreError;
use rusqlite::params;

use crate::backup::Snapshot;
use crate::codec::{blob, fault, from_json, from_name, many, name, uuid};
use crate::rows::authenticated::SECRETS;
use crate::rows::secret::{COLUMNS, FROM, read};

/// A device for which passcodes may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The tenant.
    pub tenant: TenantId,
    /// The id.
    pub device: DeviceId,
    /// The name that the device reports.
    pub name: Option<String>,
}

/// A passcode whose envelope is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The envelope, and what it is bound to.
    pub secret: EscrowedSecret,
    /// The state of the action that it came from.
    pub state: ActionState,
    /// The locks that it opens, if the action is done.
    pub opens: Vec<DeviceLock>,
    /// True for a row as the server wrote it; `None` in a copy, where that is not known.
    pub sound: Option<bool>,
}

impl Snapshot {
    /// Returns the devices with that id, name or serial number, retired ones too. With the id or name of a tenant, only its devices.
    pub fn owners(&self, asked: &str, tenant: Option<&str>) -> Result<Vec<Owner>, StoreError> {
        let sql = "SELECT t.id AS tenant_id, d.id AS device_id, d.device_name
            FROM device d JOIN tenant t ON t.row = d.tenant
            WHERE (uuid_text(d.id) = lower(?1) OR d.device_name = ?1 OR d.serial_number = ?1)
                AND (?2 IS NULL OR uuid_text(t.id) = ?2 OR t.display_name = ?2) ORDER BY d.row";
        many(&self.connection, sql, params![asked, tenant], |row| {
            let (tenant, device) = (TenantId(uuid(row, "tenant_id")?), DeviceId(uuid(row, "device_id")?));
            Ok(Owner { tenant, device, name: row.get("device_name")? })
        })
    }

    /// Returns the passcodes of a device whose envelopes are kept, newest first.
    pub fn passcodes(&self, of: &Owner) -> Result<Vec<Kept>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, a.opens, {} AS sound {FROM}
            WHERE t.id = ? AND d.id = ? AND s.kind = ? AND s.envelope IS NOT NULL ORDER BY s.row DESC",
            self.sound()
        );
        let parameters = params![blob(&of.tenant.0), blob(&of.device.0), name(&SecretKind::Passcode)?];
        many(&self.connection, &sql, parameters, |row| {
            let (state, opens) = (from_name(row, "action_state")?, from_json(row, "opens")?);
            Ok(Kept { secret: read(row)?, state, opens, sound: row.get("sound")? })
        })
    }

    /// Returns whether a secret is as the server wrote it, as SQL.
    fn sound(&self) -> String {
        if self.verifies { SECRETS.sound("s") } else { "NULL".to_owned() }
    }

    /// Calls `see` with the device and the envelope of each passcode of a tenant that is kept. A row that another program has
    /// changed is among them, because its envelope may open all the same.
    pub fn each_passcode(&self, tenant: TenantId, mut see: impl FnMut(DeviceId, &[u8])) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT d.id AS device_id, s.envelope {FROM} WHERE t.id = ? AND s.kind = ? AND s.envelope IS NOT NULL"
        );
        let mut statement = self.connection.prepare(&sql).map_err(fault)?;
        let mut rows = statement.query(params![blob(&tenant.0), name(&SecretKind::Passcode)?]).map_err(fault)?;
        while let Some(row) = rows.next().map_err(fault)? {
            let envelope = row.get_ref("envelope").map_err(fault)?.as_blob().map_err(|error| fault(error.into()))?;
            see(DeviceId(uuid(row, "device_id")?), envelope);
        }
        Ok(())
    }
}

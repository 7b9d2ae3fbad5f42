//! Permissions, as they appear in the `scp` and `roles` claims of access tokens.

use std::fmt;

/// One permission. The names are Microsoft Graph's; see the table [`PERMISSIONS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Permission {
    /// Run user-impacting remote actions and read their passcodes.
    PrivilegedOperationsAll,
    /// Read and write managed devices.
    ManagedDevicesReadWriteAll,
    /// Read managed devices.
    ManagedDevicesReadAll,
    /// Read and write device configuration, scripts included.
    ConfigurationReadWriteAll,
    /// Read device configuration, scripts included.
    ConfigurationReadAll,
    /// Read and write device management scripts.
    ScriptsReadWriteAll,
    /// Read device management scripts.
    ScriptsReadAll,
    /// Read and write apps; Graph also guards `auditEvents` with it.
    AppsReadWriteAll,
    /// Read apps and audit events.
    AppsReadAll,
    /// Read and write users.
    UserReadWriteAll,
    /// Read users.
    UserReadAll,
    /// Read and write applications.
    ApplicationReadWriteAll,
    /// Read applications.
    ApplicationReadAll,
    /// Sign users out everywhere.
    UserRevokeSessionsAll,
    /// Read and write role assignments.
    RbacReadWriteAll,
    /// Read roles and their assignments.
    RbacReadAll,
}

/// One row of the permission table.
#[derive(Debug)]
pub struct PermissionRow {
    /// The permission.
    pub permission: Permission,
    /// The canonical name, which minted tokens carry and errors print.
    pub name: &'static str,
    /// Other spellings that tokens may use.
    pub aliases: &'static [&'static str],
}

const fn row(permission: Permission, name: &'static str) -> PermissionRow {
    PermissionRow { permission, name, aliases: &[] }
}

/// Every permission, in the order of the enum. The first row's alias is the spelling on the `recoverPasscode` reference
/// page, which no list of permissions has.
pub const PERMISSIONS: &[PermissionRow] = &[
    PermissionRow {
        permission: Permission::PrivilegedOperationsAll,
        name: "DeviceManagementManagedDevices.PrivilegedOperations.All",
        aliases: &["DeviceManagementManagedDevices.PriviligedOperation.All"],
    },
    row(Permission::ManagedDevicesReadWriteAll, "DeviceManagementManagedDevices.ReadWrite.All"),
    row(Permission::ManagedDevicesReadAll, "DeviceManagementManagedDevices.Read.All"),
    row(Permission::ConfigurationReadWriteAll, "DeviceManagementConfiguration.ReadWrite.All"),
    row(Permission::ConfigurationReadAll, "DeviceManagementConfiguration.Read.All"),
    row(Permission::ScriptsReadWriteAll, "DeviceManagementScripts.ReadWrite.All"),
    row(Permission::ScriptsReadAll, "DeviceManagementScripts.Read.All"),
    row(Permission::AppsReadWriteAll, "DeviceManagementApps.ReadWrite.All"),
    row(Permission::AppsReadAll, "DeviceManagementApps.Read.All"),
    row(Permission::UserReadWriteAll, "User.ReadWrite.All"),
    row(Permission::UserReadAll, "User.Read.All"),
    row(Permission::ApplicationReadWriteAll, "Application.ReadWrite.All"),
    row(Permission::ApplicationReadAll, "Application.Read.All"),
    row(Permission::UserRevokeSessionsAll, "User.RevokeSessions.All"),
    row(Permission::RbacReadWriteAll, "DeviceManagementRBAC.ReadWrite.All"),
    row(Permission::RbacReadAll, "DeviceManagementRBAC.Read.All"),
];

impl Permission {
    /// The canonical name.
    pub fn name(self) -> &'static str {
        PERMISSIONS[self as usize].name
    }

    /// Returns the permissions that only read. None of them shows a passcode.
    pub fn reading() -> impl Iterator<Item = Self> {
        PERMISSIONS.iter().map(|row| row.permission).filter(|permission| permission.only_reads())
    }

    fn only_reads(self) -> bool {
        match self {
            Self::ManagedDevicesReadAll
            | Self::ConfigurationReadAll
            | Self::ScriptsReadAll
            | Self::AppsReadAll
            | Self::UserReadAll
            | Self::ApplicationReadAll
            | Self::RbacReadAll => true,
            Self::PrivilegedOperationsAll
            | Self::ManagedDevicesReadWriteAll
            | Self::ConfigurationReadWriteAll
            | Self::ScriptsReadWriteAll
            | Self::AppsReadWriteAll
            | Self::UserReadWriteAll
            | Self::ApplicationReadWriteAll
            | Self::UserRevokeSessionsAll
            | Self::RbacReadWriteAll => false,
        }
    }

    /// Returns the permission of that name or alias, ignoring case; `None` for an unknown name.
    pub fn parse(text: &str) -> Option<Self> {
        PERMISSIONS
            .iter()
            .find(|row| {
                row.name.eq_ignore_ascii_case(text) || row.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(text))
            })
            .map(|row| row.permission)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet(u32);

impl PermissionSet {
    /// Returns true if the permission is in the set.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// Returns true if at least one of the permissions is in the set.
    pub fn contains_any(self, permissions: &[Permission]) -> bool {
        permissions.iter().any(|permission| self.contains(*permission))
    }

    /// Returns true if the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the granted permissions, in table order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        PERMISSIONS.iter().map(|row| row.permission).filter(move |p| self.contains(*p))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |bits, permission| bits | 1 << permission as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_the_index_of_its_permission() {
        for (index, row) in PERMISSIONS.iter().enumerate() {
            assert_eq!(row.permission as usize, index, "{}", row.name);
        }
    }

    #[test]
    fn what_only_reads_is_named_so() {
        for row in PERMISSIONS {
            assert_eq!(row.permission.only_reads(), row.name.ends_with(".Read.All"), "{}", row.name);
        }
    }

    #[test]
    fn the_misspelt_name_of_the_reference_page_is_an_alias() {
        assert_eq!(
            Permission::parse("DeviceManagementManagedDevices.PriviligedOperation.All"),
            Some(Permission::PrivilegedOperationsAll)
        );
    }

    #[test]
    fn read_write_does_not_contain_privileged_operations() {
        let set: PermissionSet = [Permission::ManagedDevicesReadWriteAll].into_iter().collect();
        assert!(!set.contains(Permission::PrivilegedOperationsAll));
        assert!(set.contains_any(&[Permission::ManagedDevicesReadAll, Permission::ManagedDevicesReadWriteAll]));
    }
}

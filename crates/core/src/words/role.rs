//! Roles: named sets of role actions. A permission in a token states what an application may do. A role states what a
//! person may do with it, and an assignment on which devices.
//!
//! Actions have Intune's names where it has one (docs/graph-facts.md#role-actions); ours begin with `Chaveiro_`.
//! `docs/roles.md` holds the same two tables, and a test compares them.

use std::fmt;

use strum::VariantArray;
use uuid::{Uuid, uuid};

/// An action that a role can allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, VariantArray)]
pub enum RoleAction {
    /// See devices, their apps and run states.
    ManagedDevicesRead,
    /// Change devices and what is linked to them.
    ManagedDevicesUpdate,
    /// Retire devices.
    ManagedDevicesDelete,
    /// Ask for the recovery of a passcode.
    ResetPasscode,
    /// Read a recovered passcode.
    PasscodesDisclose,
    /// Pass a hold for one device, with a reason.
    BreakGlassUse,
    /// Release holds.
    HoldsRelease,
    /// Read the audit record.
    AuditRead,
    /// See scripts and their run states.
    ScriptsRead,
    /// Make, change and remove scripts and run states.
    ScriptsWrite,
    /// See users.
    UsersRead,
    /// Make, change and remove users.
    UsersWrite,
    /// Register applications.
    ApplicationsManage,
    /// See roles and their assignments.
    RolesRead,
    /// Assign roles.
    RolesManage,
}

impl RoleAction {
    /// Every role action. The list must be complete: the check for privilege escalation goes over it.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ManagedDevicesRead => "Microsoft.Intune_ManagedDevices_Read",
            Self::ManagedDevicesUpdate => "Microsoft.Intune_ManagedDevices_Update",
            Self::ManagedDevicesDelete => "Microsoft.Intune_ManagedDevices_Delete",
            Self::ResetPasscode => "Microsoft.Intune_RemoteTasks_ResetPasscode",
            Self::PasscodesDisclose => "Chaveiro_Passcodes_Disclose",
            Self::BreakGlassUse => "Chaveiro_BreakGlass_Use",
            Self::HoldsRelease => "Chaveiro_Holds_Release",
            Self::AuditRead => "Microsoft.Intune_Audit_Read",
            Self::ScriptsRead => "Chaveiro_Scripts_Read",
            Self::ScriptsWrite => "Chaveiro_Scripts_Write",
            Self::UsersRead => "Chaveiro_Users_Read",
            Self::UsersWrite => "Chaveiro_Users_Write",
            Self::ApplicationsManage => "Chaveiro_Applications_Manage",
            Self::RolesRead => "Microsoft.Intune_Roles_Read",
            Self::RolesManage => "Chaveiro_Roles_Manage",
        }
    }

    /// Returns true if no permission of a token implies it: an application needs an assignment for it, as a person
    /// does.
    pub fn is_only_assigned(self) -> bool {
        match self {
            Self::BreakGlassUse | Self::HoldsRelease | Self::ApplicationsManage | Self::RolesManage => true,
            Self::ManagedDevicesRead
            | Self::ManagedDevicesUpdate
            | Self::ManagedDevicesDelete
            | Self::ResetPasscode
            | Self::PasscodesDisclose
            | Self::AuditRead
            | Self::ScriptsRead
            | Self::ScriptsWrite
            | Self::UsersRead
            | Self::UsersWrite
            | Self::RolesRead => false,
        }
    }
}

impl fmt::Display for RoleAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A built-in role.
#[derive(Debug, PartialEq, Eq)]
pub struct Role {
    /// The id of its `roleDefinition`: Intune's for Intune's roles, so that scripts which name one work here; our own
    /// for the others. It never changes.
    pub id: Uuid,
    /// The name that operators type and databases store.
    pub key: &'static str,
    /// The name for people.
    pub name: &'static str,
    /// The actions that it allows.
    pub actions: &'static [RoleAction],
    /// One line for people.
    pub about: &'static str,
}

impl Role {
    /// Returns true if the role allows the action.
    pub fn allows(&self, action: RoleAction) -> bool {
        self.actions.contains(&action)
    }

    /// Returns the role of that key or name, ignoring case.
    pub fn parse(text: &str) -> Option<&'static Self> {
        ROLES.iter().find(|role| role.key.eq_ignore_ascii_case(text) || role.name.eq_ignore_ascii_case(text))
    }

    /// Returns the role of that id.
    pub fn of_id(id: Uuid) -> Option<&'static Self> {
        ROLES.iter().find(|role| role.id == id)
    }
}

use RoleAction::{
    ApplicationsManage, AuditRead, BreakGlassUse, HoldsRelease, ManagedDevicesDelete, ManagedDevicesRead,
    ManagedDevicesUpdate, PasscodesDisclose, ResetPasscode, RolesManage, RolesRead, ScriptsRead, ScriptsWrite,
    UsersRead, UsersWrite,
};

/// Every role. The first six have the names known from Intune and Entra. The others are ours, for organisations that
/// separate requesting, reading and releasing.
pub const ROLES: &[Role] = &[
    Role {
        id: uuid!("689f1d69-87c5-41f8-9efb-b6c28d4f09dc"),
        key: "intune-administrator",
        name: "Intune Administrator",
        actions: &[
            ManagedDevicesRead,
            ManagedDevicesUpdate,
            ManagedDevicesDelete,
            ResetPasscode,
            PasscodesDisclose,
            HoldsRelease,
            AuditRead,
            ScriptsRead,
            ScriptsWrite,
            UsersRead,
            UsersWrite,
            ApplicationsManage,
            RolesRead,
            RolesManage,
        ],
        about: "Everything but break-glass, which is assigned by itself",
    },
    Role {
        id: uuid!("fb2603eb-3c87-4be3-8b5b-d58a5b4a0bc0"),
        key: "intune-role-administrator",
        name: "Intune Role Administrator",
        actions: &[UsersRead, ApplicationsManage, RolesRead, RolesManage],
        about: "Roles and applications; neither devices nor passcodes",
    },
    Role {
        id: uuid!("9e0cc482-82df-4ab2-a24c-0c23a3f52e1e"),
        key: "help-desk-operator",
        name: "Help Desk Operator",
        actions: &[ManagedDevicesRead, ResetPasscode, PasscodesDisclose, UsersRead],
        about: "Find a device, recover its passcode, read it out",
    },
    Role {
        id: uuid!("2f9f4f7e-2d13-427b-adf2-361a1eef7ae8"),
        key: "school-administrator",
        name: "School Administrator",
        actions: &[ManagedDevicesRead, ManagedDevicesUpdate, ResetPasscode, PasscodesDisclose, UsersRead],
        about: "As the help desk, and change what is written about devices",
    },
    Role {
        id: uuid!("c56d53a2-73d0-4502-b6bd-4a9d3dba28d5"),
        key: "endpoint-security-manager",
        name: "Endpoint Security Manager",
        actions: &[ManagedDevicesRead, AuditRead, ScriptsRead, UsersRead],
        about: "See devices, scripts and the audit record",
    },
    Role {
        id: uuid!("fa1d7878-e8cb-41a1-8254-0142355c9f84"),
        key: "read-only-operator",
        name: "Read Only Operator",
        actions: &[ManagedDevicesRead, AuditRead, ScriptsRead, UsersRead],
        about: "See devices, scripts and the audit record",
    },
    Role {
        id: uuid!("f60888cd-82e6-424d-ae03-3c6a56715563"),
        key: "passcode-requester",
        name: "Passcode Requester",
        actions: &[ManagedDevicesRead, ResetPasscode, UsersRead],
        about: "Ask for recoveries; another person reads the passcode",
    },
    Role {
        id: uuid!("4d447e58-22d2-479f-815a-6b9b05079711"),
        key: "passcode-reader",
        name: "Passcode Reader",
        actions: &[ManagedDevicesRead, PasscodesDisclose, UsersRead],
        about: "Read passcodes that another person asked for",
    },
    Role {
        id: uuid!("c8a168f9-ea43-4f90-b835-ce6bd4e82b54"),
        key: "hold-releaser",
        name: "Hold Releaser",
        actions: &[ManagedDevicesRead, HoldsRelease, AuditRead],
        about: "Look at what happened and release a hold; no passcodes",
    },
    Role {
        id: uuid!("a4508de8-b9a2-4d3d-89fd-e00151cbb4a3"),
        key: "break-glass",
        name: "Break Glass",
        actions: &[ManagedDevicesRead, ResetPasscode, PasscodesDisclose, BreakGlassUse, UsersRead],
        about: "As the help desk, and pass a hold for one device with a reason; always alerted",
    },
];

/// The directory roles of Entra that stand for one of ours on every device of the tenant: the `wids` claim
/// (docs/graph-facts.md#token-claims).
pub const DIRECTORY_ROLES: &[(Uuid, &str, &str)] = &[
    (uuid!("62e90394-69f5-4237-9190-012177145e10"), "Global Administrator", "intune-administrator"),
    (uuid!("3a2c62db-5318-420d-8d74-23affee5d9d5"), "Intune Administrator", "intune-administrator"),
    (uuid!("729827e3-9c14-49f7-bb1b-9608f156bbb8"), "Helpdesk Administrator", "help-desk-operator"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_of_intune_or_ours_and_of_one_action() {
        let names: BTreeSet<_> = RoleAction::ALL.iter().map(|action| action.name()).collect();
        assert_eq!(names.len(), RoleAction::ALL.len());
        for name in names {
            assert!(name.starts_with("Microsoft.Intune_") || name.starts_with("Chaveiro_"), "{name}");
        }
    }

    #[test]
    fn a_role_is_found_by_key_and_by_name() {
        for role in ROLES {
            assert_eq!(Role::parse(role.key), Some(role));
            assert_eq!(Role::parse(&role.name.to_uppercase()), Some(role));
        }
        assert_eq!(Role::parse("Owner"), None);
    }

    #[test]
    fn no_two_roles_have_one_id() {
        for role in ROLES {
            assert_eq!(Role::of_id(role.id), Some(role));
        }
        assert_eq!(Role::of_id(Uuid::nil()), None);
    }

    #[test]
    fn a_role_that_acts_on_devices_may_see_them() {
        let to_devices = [ManagedDevicesUpdate, ManagedDevicesDelete, ResetPasscode, PasscodesDisclose, BreakGlassUse];
        for role in ROLES.iter().filter(|role| to_devices.iter().any(|action| role.allows(*action))) {
            assert!(role.allows(ManagedDevicesRead), "{}", role.name);
        }
    }

    #[test]
    fn the_intune_administrator_has_every_right_but_break_glass() {
        let role = Role::parse("intune-administrator").expect("a role");
        let lacks: Vec<_> = RoleAction::ALL.iter().filter(|action| !role.allows(**action)).collect();
        assert_eq!(lacks, [&BreakGlassUse]);
    }

    #[test]
    fn break_glass_comes_with_the_role_of_that_name_alone() {
        let roles: Vec<_> = ROLES.iter().filter(|role| role.allows(BreakGlassUse)).map(|role| role.key).collect();
        assert_eq!(roles, ["break-glass"]);
    }

    #[test]
    fn a_role_that_releases_holds_may_see_them() {
        for role in ROLES.iter().filter(|role| role.allows(HoldsRelease)) {
            assert!(role.allows(AuditRead), "{}", role.name);
        }
    }

    #[test]
    fn a_role_that_assigns_roles_may_see_them() {
        for role in ROLES {
            assert_eq!(role.allows(RolesManage), role.allows(RolesRead), "{}", role.name);
        }
    }

    #[test]
    fn every_directory_role_stands_for_a_role_that_exists() {
        for (_, name, key) in DIRECTORY_ROLES {
            assert!(Role::parse(key).is_some(), "{name}");
        }
    }

    #[test]
    fn the_documentation_has_these_roles_and_actions() {
        let page = include_str!("../../../../docs/roles.md");
        for role in ROLES {
            let allowed = RoleAction::ALL.iter().filter(|action| role.allows(**action));
            let names = allowed.map(|action| format!("`{action}`")).collect::<Vec<_>>().join(", ");
            let row = format!("| {} | `{}` | {} | {names} |", role.name, role.key, role.about);
            assert!(page.contains(&row), "docs/roles.md lacks: {row}");
            let row = format!("| {} | `{}` |", role.name, role.id);
            assert!(page.contains(&row), "docs/roles.md lacks: {row}");
        }
        for (id, name, key) in DIRECTORY_ROLES {
            assert!(page.contains(&format!("| {name} | `{id}` | `{key}` |")), "docs/roles.md lacks {name}");
        }
    }
}

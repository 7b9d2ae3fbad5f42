//! The rights of a caller: actions, each with the devices on which they are allowed.

use crate::refusal::RightsRefusal;
use crate::role::{Role, RoleAction};
use crate::scope_tag::{ScopeTags, Visibility};

/// The actions that a caller may take, and the devices on which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything, on every device: a person on the server's host.
    Everything,
    /// The actions that the permissions of the token allow, on every device: an application without assignments.
    Permissions,
    /// The actions that these roles allow, each in its scope. Never empty.
    Roles(Vec<(&'static Role, Visibility)>),
}

impl Rights {
    /// Returns the devices on which the action is allowed; `None` if it is not allowed at all.
    pub fn scope(&self, action: RoleAction) -> Option<Visibility> {
        match self {
            Self::Everything => Some(Visibility::All),
            Self::Permissions => (!action.is_only_assigned()).then_some(Visibility::All),
            Self::Roles(roles) => {
                let scopes = roles.iter().filter(|(role, _)| role.allows(action)).map(|(_, scope)| scope);
                scopes.cloned().reduce(Visibility::or)
            }
        }
    }

    /// Returns the devices that exist for the caller. A caller without the right to read devices sees none.
    pub fn sight(&self) -> Visibility {
        self.scope(RoleAction::ManagedDevicesRead).unwrap_or(Visibility::Tagged(ScopeTags::new()))
    }

    /// Returns true if these rights allow everything that the other rights allow, on all the same devices.
    pub fn cover(&self, other: &Self) -> bool {
        RoleAction::ALL.iter().all(|action| match (self.scope(*action), other.scope(*action)) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(ours), Some(theirs)) => ours.covers(&theirs),
        })
    }

    /// Returns the devices whose entities of a kind may be read: those that exist for the caller, in the scope of the
    /// right `reads`. Role assignments are not facts about devices, so only the scope of their own right applies.
    pub fn sight_by(&self, reads: RoleAction) -> Visibility {
        let held = self.scope(reads).unwrap_or(Visibility::Tagged(ScopeTags::new()));
        if reads == RoleAction::RolesRead { held } else { self.sight().and(held) }
    }

    /// Returns an action that `after` allows beyond `before` and that these rights lack, if there is one.
    pub fn lack_beyond(&self, before: &Self, after: &Self) -> Option<RoleAction> {
        let lacks = |action: RoleAction| {
            let held = [self.scope(action), before.scope(action)].into_iter().flatten().reduce(Visibility::or);
            match (held, after.scope(action)) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(held), Some(wanted)) => !held.covers(&wanted),
            }
        };
        RoleAction::ALL.iter().copied().find(|action| lacks(*action))
    }

    /// Refuses an action that is not allowed on any device.
    pub fn require(&self, action: RoleAction) -> Result<Visibility, RightsRefusal> {
        self.scope(action).ok_or(RightsRefusal::RoleLacks(action))
    }

    /// Refuses an action that is not allowed on a device with these tags. The caller is known to see the device.
    pub fn require_on(&self, action: RoleAction, tags: &ScopeTags) -> Result<(), RightsRefusal> {
        match self.require(action)?.admits(tags) {
            true => Ok(()),
            false => Err(RightsRefusal::RoleLacks(action)),
        }
    }

    /// Refuses to move a device into or out of a scope in which the caller may not change devices.
    pub fn require_retag(&self, before: &ScopeTags, after: &ScopeTags) -> Result<(), RightsRefusal> {
        match self.require(RoleAction::ManagedDevicesUpdate)? {
            Visibility::All => Ok(()),
            Visibility::Tagged(held) => match before.symmetric_difference(after).find(|tag| !held.contains(*tag)) {
                None => Ok(()),
                Some(tag) => Err(RightsRefusal::ScopeNotHeld(tag.clone())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::ROLES;

    fn tags(names: &[&str]) -> ScopeTags {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn role(key: &str) -> &'static Role {
        Role::parse(key).expect("a role")
    }

    #[test]
    fn a_right_holds_in_the_scope_of_the_role_that_gives_it_and_nowhere_else() {
        let rights = Rights::Roles(vec![
            (role("read-only-operator"), Visibility::All),
            (role("help-desk-operator"), Visibility::Tagged(tags(&["lisbon"]))),
            (role("help-desk-operator"), Visibility::Tagged(tags(&["porto"]))),
        ]);
        assert_eq!(rights.sight(), Visibility::All);
        assert_eq!(rights.scope(RoleAction::ResetPasscode), Some(Visibility::Tagged(tags(&["lisbon", "porto"]))));
        assert_eq!(rights.scope(RoleAction::ManagedDevicesUpdate), None);
        assert_eq!(rights.require_on(RoleAction::ResetPasscode, &tags(&["porto", "x"])), Ok(()));
        let foreign = rights.require_on(RoleAction::ResetPasscode, &tags(&["madrid"]));
        assert_eq!(foreign, Err(RightsRefusal::RoleLacks(RoleAction::ResetPasscode)));
    }

    #[test]
    fn what_is_read_of_devices_is_read_in_the_scope_of_its_own_right() {
        let desk = |scope| (role("help-desk-operator"), scope);
        let reader = |scope| (role("read-only-operator"), scope);
        let [lisbon, porto] = ["lisbon", "porto"].map(|tag| Visibility::Tagged(tags(&[tag])));
        let nothing = Visibility::Tagged(tags(&[]));
        for (roles, expected) in [
            (vec![desk(Visibility::All), reader(lisbon.clone())], lisbon.clone()),
            (vec![desk(porto.clone()), reader(lisbon.clone())], lisbon),
            (vec![desk(porto), reader(Visibility::All)], Visibility::All),
            (vec![desk(Visibility::All)], nothing.clone()),
            (vec![(role("intune-role-administrator"), Visibility::All)], nothing),
        ] {
            let rights = Rights::Roles(roles);
            assert_eq!(rights.sight_by(RoleAction::AuditRead), expected, "{rights:?}");
        }
        assert_eq!(Rights::Permissions.sight_by(RoleAction::AuditRead), Visibility::All);
    }

    #[test]
    fn role_assignments_are_read_also_without_the_right_to_see_devices() {
        let lisbon = Visibility::Tagged(tags(&["lisbon"]));
        for scope in [Visibility::All, lisbon] {
            let rights = Rights::Roles(vec![(role("intune-role-administrator"), scope.clone())]);
            assert_eq!(rights.sight_by(RoleAction::RolesRead), scope);
        }
    }

    #[test]
    fn what_a_change_gives_is_found_whether_the_scope_or_the_role_grows() {
        let one = |key: &str, tag: Option<&str>| {
            let scope = tag.map_or(Visibility::All, |tag| Visibility::Tagged(tags(&[tag])));
            Rights::Roles(vec![(role(key), scope)])
        };
        let (reader, desk) = ("read-only-operator", "help-desk-operator");
        let admin = one("intune-role-administrator", None);
        for (ours, before, after, lacking) in [
            (&admin, one(desk, Some("a")), one(desk, Some("a")), None),
            (&admin, one(desk, None), one(desk, Some("a")), None),
            (&admin, one(desk, Some("a")), one(desk, None), Some(RoleAction::ManagedDevicesRead)),
            (&admin, one(reader, None), one(desk, Some("a")), Some(RoleAction::ResetPasscode)),
            (&one(desk, Some("a")), one(reader, None), one(desk, Some("a")), None),
            (&one(desk, Some("b")), one(reader, None), one(desk, Some("a")), Some(RoleAction::ResetPasscode)),
            (&admin, Rights::Permissions, one(desk, None), None),
            (&admin, Rights::Permissions, one("hold-releaser", Some("a")), Some(RoleAction::HoldsRelease)),
            (&admin, one(desk, None), Rights::Permissions, Some(RoleAction::ManagedDevicesUpdate)),
            (&one("intune-administrator", None), one(desk, Some("a")), Rights::Permissions, None),
            (&Rights::Everything, one(desk, Some("a")), one("break-glass", None), None),
        ] {
            assert_eq!(ours.lack_beyond(&before, &after), lacking, "{ours:?}: {before:?} -> {after:?}");
        }
    }

    #[test]
    fn an_application_without_assignments_has_what_permissions_can_say_and_no_more() {
        for action in RoleAction::ALL {
            let expected = (!action.is_only_assigned()).then_some(Visibility::All);
            assert_eq!(Rights::Permissions.scope(*action), expected, "{action}");
            assert_eq!(Rights::Everything.scope(*action), Some(Visibility::All), "{action}");
        }
    }

    #[test]
    fn a_role_without_devices_sees_none() {
        let rights = Rights::Roles(vec![(role("intune-role-administrator"), Visibility::All)]);
        assert!(!rights.sight().admits(&crate::scope_tag::untagged()));
    }

    #[test]
    fn no_caller_moves_a_device_into_or_out_of_a_scope_they_do_not_hold() {
        let school = |scope| Rights::Roles(vec![(role("school-administrator"), scope)]);
        let held = || school(Visibility::Tagged(tags(&["lisbon", "porto"])));
        let not_held = |tag: &str| Err(RightsRefusal::ScopeNotHeld(tag.to_owned()));
        for (rights, before, after, expected) in [
            (held(), tags(&["lisbon"]), tags(&["porto"]), Ok(())),
            (held(), tags(&["lisbon", "vip"]), tags(&["porto", "vip"]), Ok(())),
            (held(), tags(&["lisbon"]), tags(&["lisbon", "madrid"]), not_held("madrid")),
            (held(), tags(&["lisbon", "vip"]), tags(&["lisbon"]), not_held("vip")),
            (held(), tags(&["lisbon"]), tags(&["0"]), not_held("0")),
            (school(Visibility::All), tags(&["lisbon"]), tags(&["madrid"]), Ok(())),
        ] {
            assert_eq!(rights.require_retag(&before, &after), expected, "{before:?} -> {after:?}");
        }
        let reader = Rights::Roles(vec![(role("read-only-operator"), Visibility::All)]);
        let refused = reader.require_retag(&tags(&["0"]), &tags(&["1"]));
        assert_eq!(refused, Err(RightsRefusal::RoleLacks(RoleAction::ManagedDevicesUpdate)));
    }

    #[test]
    fn a_scope_never_widens_what_its_role_allows() {
        for role in ROLES {
            let rights = Rights::Roles(vec![(role, Visibility::Tagged(tags(&["lisbon"])))]);
            for action in RoleAction::ALL {
                let allowed = rights.require_on(*action, &tags(&["lisbon"])).is_ok();
                assert_eq!(allowed, role.allows(*action), "{} {action}", role.name);
                assert!(rights.require_on(*action, &tags(&["porto"])).is_err(), "{} {action}", role.name);
            }
        }
    }
}

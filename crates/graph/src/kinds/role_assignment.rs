//! `deviceAndAppManagementRoleAssignment`: a role for one principal, on all devices or on those with a scope tag. A body says it
//! in Intune's words and two of ours. Who may assign what to whom is decided in [`assign_roles`].
//!
//! Reference: the public metadata's types of that name and `roleAssignmentScopeType`. What an assignment inherits from
//! `roleAssignment` there stands in the one type here. Two things that Intune lacks have names of ours. They are the kind of
//! principal that `members` names, and the scope tags by which an assignment chooses devices.

use std::sync::Arc;

use axum::response::Response;
use chaveiro_core::audit::Activity;
use chaveiro_core::decisions::assign_roles;
use chaveiro_core::id::{AssignmentId, TenantId};
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::principal::{MAX_ASSIGNMENTS, MAX_DESCRIPTION, MAX_NAME, Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::refusal::RoleRefusal;
use chaveiro_core::role::{ROLES, Role, RoleAction};
use chaveiro_core::scope_tag::Visibility;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::device_management::DEVICE_MANAGEMENT;
use super::role_definition::{ROLE_DEFINITION, of_roles};
use crate::GraphState;
use crate::body::{BodyError, Checked};
use crate::entity::{Entity, Few, Reading, Small, Told};
use crate::error::row::{Row, coded, directory_request, precondition, unauthorized};
use crate::error::{GraphError, Place};
use crate::handlers::admit::Asked;
use crate::handlers::answer::{address, answer};
use crate::handlers::given::{checked, no_binding, reference, tags};
use crate::handlers::response;
use crate::handlers::store::{write_and_alert, write_store};
use crate::kind::{Kind, Writing};
use crate::model::properties::{ID, member, text, texts};
use crate::model::{
    Absent, Access, Edge, EntityType, EnumType, KeyForm, Property, ROLE_ASSIGNMENT_SCOPE_TYPE, RoleActions, Schemas,
};
use crate::openapi::schema::{self, ANY_LINE, SOME_LINE, line, reference as schema_of};
use crate::query::Selection;
use crate::render::Form;
use crate::render::outline::{Outline, Values, Wanted, whole};
use crate::resolve::{End, Key, Version};
use crate::short_list::Rendered;

/// The kind of principal that `members` names. An extension: in Intune it is always a group.
const PRINCIPAL_TYPE: EnumType = EnumType {
    name: "chaveiroPrincipalType",
    members: &[],
    unnumbered: &["user", "group", "application"],
    beta_only: false,
};

const PROPERTIES: &[Property] = &[
    ID,
    text("displayName"),
    text("description"),
    texts("scopeMembers").beta(),
    member("scopeType", &ROLE_ASSIGNMENT_SCOPE_TYPE, "resourceScope").beta(),
    texts("resourceScopes"),
    texts("members"),
    member("chaveiro_principalType", &PRINCIPAL_TYPE, "group"),
    texts("chaveiro_scopeTags").unknown(),
];

pub(super) static ROLE_ASSIGNMENT: EntityType = EntityType {
    about: "A role for one principal, on all devices or on those with a scope tag. `chaveiro_principalType` and `chaveiro_scopeTags` have no counterpart in Intune.",
    key_form: KeyForm::Guid("a role assignment"),
    absent: Absent::Called("roleAssignment"),
    role: RoleActions::new(RoleAction::RolesRead, RoleAction::RolesManage),
    sight: Some(RoleAction::RolesRead),
    has_tag: true,
    edges: &[
        Edge { access: Access::Owned, ..of_roles(Edge::many(&DEVICE_MANAGEMENT, "roleAssignments", &ROLE_ASSIGNMENT)) },
        // An assignment is made in one place. Roles are built in and live nowhere else.
        of_roles(Edge::many(&ROLE_DEFINITION, "roleAssignments", &ROLE_ASSIGNMENT)),
    ],
    schemas: Schemas { create: Some(creation), update: Some(renaming) },
    ..EntityType::new("deviceAndAppManagementRoleAssignment", PROPERTIES, "deviceAndAppManagementRoleAssignmentId")
};

pub(super) const KIND: Kind = Kind {
    create: Some(|writing| Box::pin(assign(writing))),
    update: Some(|writing| Box::pin(rename(writing))),
    delete: Some(|unit, asked| {
        let found: Box<RoleAssignment> = asked.follow_to_row(unit)?;
        assign_roles::unassign(unit, &asked.caller, &found, asked.event(Activity::RoleUnassigned))
    }),
    ..Kind::read_only::<Rendered>(&ROLE_ASSIGNMENT, |_, parent| {
        Some(Box::new(Few(Assignments(parent.row::<&'static Role>().copied()))))
    })
};

/// The answer to a refusal about an assignment.
pub(super) fn refused(refusal: &RoleRefusal, place: &Place) -> Row {
    match refusal {
        RoleRefusal::Own => {
            let help = "ask another user with a role that grants Chaveiro_Roles_Manage, or an operator on the server's host, who uses `chaveiro role assign` or `chaveiro role unassign`";
            unauthorized(coded!("roleOfCaller"), refusal, help, place)
        }
        RoleRefusal::BeyondCaller(action) => {
            let help = "ask a user who holds it to assign the role, or an operator on the server's host, who uses `chaveiro role assign`";
            unauthorized(coded!("roleBeyondCaller", action = action.to_string()), refusal, help, place)
        }
        RoleRefusal::UnboundBeyondCaller(action) => {
            let help = "an application without assignments may do everything that its permissions allow; assign it another role first, or ask an operator to do it on the server's host with `chaveiro role unassign`";
            unauthorized(coded!("roleBindsApplication", action = action.to_string()), refusal, help, place)
        }
        RoleRefusal::AssignedAlready => directory_request(
            coded!("roleAssignedAlready"),
            "Another object with the same value for property roleDefinition, members and scope already exists.",
        ),
        RoleRefusal::TooMany => {
            let help = "delete assignments that are no longer needed, or assign roles to groups";
            precondition(coded!("tooManyRoleAssignments", most = MAX_ASSIGNMENTS), refusal, help)
        }
    }
}

/// The assignments of a tenant, or those of one role, oldest first.
struct Assignments(Option<&'static Role>);

impl Small for Assignments {
    type Row = RoleAssignment;

    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<RoleAssignment>, StoreError> {
        let Some(id) = key.id.map(AssignmentId) else { return Ok(None) };
        let found = view.role_assignments(tenant)?.into_iter().find(|assignment| assignment.id == id);
        Ok(found.filter(|assignment| self.has(assignment)))
    }

    fn all(&self, from: &Reading<'_>) -> Result<Vec<RoleAssignment>, StoreError> {
        let mut assignments = from.view.role_assignments(from.tenant)?;
        assignments.retain(|assignment| self.has(assignment) && from.sight.covers(&assignment.scope));
        Ok(assignments)
    }

    fn place(assignment: &RoleAssignment) -> i64 {
        assignment.created.as_microsecond()
    }
}

impl Assignments {
    fn has(&self, assignment: &RoleAssignment) -> bool {
        self.0.is_none_or(|role| assignment.role == role)
    }
}

impl Entity for RoleAssignment {
    fn entity_type(&self) -> &'static EntityType {
        &ROLE_ASSIGNMENT
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    /// A caller that manages the roles of a scope may know of those that reach no further.
    fn is_seen(&self, _: &dyn View, sight: &Visibility) -> Result<bool, StoreError> {
        Ok(sight.covers(&self.scope))
    }

    fn served(self: Box<Self>, _: &Reading<'_>, _: &Selection, _: Form) -> Result<Told, StoreError> {
        Ok(self)
    }

    fn state(&self) -> Vec<u8> {
        whole(&ROLE_ASSIGNMENT, self)
    }
}

/// All devices, in the words of Intune.
const ALL_DEVICES: &str = "allDevices";

/// The devices that something else names.
const RESOURCE_SCOPE: &str = "resourceScope";

impl Values for RoleAssignment {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        let (scope_type, tags) = match &self.scope {
            Visibility::All => (ALL_DEVICES, Value::Null),
            Visibility::Tagged(tags) => (RESOURCE_SCOPE, json!(tags)),
        };
        Some(match wanted.property.name {
            "id" => json!(self.id),
            "displayName" => json!(self.display_name),
            "description" => json!(self.description),
            "scopeType" => json!(scope_type),
            "members" => json!([self.principal.text]),
            "chaveiro_principalType" => json!(self.principal.kind.name()),
            "chaveiro_scopeTags" => tags,
            _ => return None,
        })
    }
}

/// The binding that says which role.
const ROLE: &str = "roleDefinition";

/// Assigns a role to a principal.
async fn assign(writing: Writing<'_>) -> Result<Response, GraphError> {
    let Writing { state, asked, headers, body, .. } = writing;
    let checked = checked(headers, body, &ROLE_ASSIGNMENT).await?;
    let role = role(state, &asked, &checked)?;
    let role = role.ok_or(BodyError::Required { name: "roleDefinition@odata.bind", entity: ROLE_ASSIGNMENT.name })?;
    let said = Said::read(&checked.properties)?;
    let assignment = RoleAssignment {
        id: AssignmentId(state.entropy.uuid()),
        tenant: asked.tenant(),
        display_name: said.display_name,
        description: said.description,
        role,
        principal: said.principal,
        scope: said.scope,
        created: asked.now,
    };
    let (writing, row) = (Arc::clone(&asked), assignment.clone());
    let written = write_and_alert(state, move |unit| {
        writing.follow(unit)?;
        Ok(assign_roles::assign(unit, &writing.caller, &row, writing.event(Activity::RoleAssigned))?)
    });
    written.await?;
    let url = address(state, &asked, assignment.id);
    Ok(response::located(answer(state, &asked, &assignment, StatusCode::CREATED), &url))
}

/// Changes name and description. Anything else in a body must be as it is already: clients send back what they read.
async fn rename(writing: Writing<'_>) -> Result<Response, GraphError> {
    let Writing { state, asked, headers, body, .. } = writing;
    let checked = checked(headers, body, &ROLE_ASSIGNMENT).await?;
    let role = role(state, &asked, &checked)?;
    let writing = Arc::clone(&asked);
    let written = write_store(state, move |unit| {
        let current: Box<RoleAssignment> = writing.follow_to_row(unit)?;
        // What the body leaves out is as it is now, and not as it was when the request came.
        let said = said_of(&current, role, checked.properties.clone())?;
        let renamed = RoleAssignment { display_name: said.display_name, description: said.description, ..*current };
        let event = writing.event(Activity::RoleAssignmentChanged);
        assign_roles::rename(unit, &writing.caller, &renamed, event)?;
        Ok(renamed)
    });
    let renamed = written.await?;
    Ok(answer(state, &asked, &renamed, StatusCode::OK))
}

/// Reads what a body says of an assignment, whose principal, scope and role must stay.
fn said_of(
    current: &RoleAssignment,
    role: Option<&'static Role>,
    properties: Map<String, Value>,
) -> Result<Said, BodyError> {
    let everything = Selection::All(Vec::new());
    let mut known = Outline::new(&ROLE_ASSIGNMENT, Version::Beta, &everything, Form::Single).object(current);
    known.extend(properties);
    let said = Said::read(&known)?;
    let why = "it is said when the assignment is made; delete this one and make another";
    let differs = [
        ("members", said.principal != current.principal),
        ("scopeType", said.scope != current.scope),
        (ROLE, role.is_some_and(|role| role != current.role)),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((name, _)) => Err(BodyError::NotKept { name, entity: ROLE_ASSIGNMENT.name, why }),
        None => Ok(said),
    }
}

/// The role that a body binds to. Roles are the same for all, so nothing has to be looked up.
fn role(state: &GraphState, asked: &Asked, checked: &Checked) -> Result<Option<&'static Role>, GraphError> {
    let mut bound = None;
    for (name, urls) in &checked.binds {
        if !name.eq_ignore_ascii_case(ROLE) {
            return Err(no_binding(name).into());
        }
        let expected = "the URL of one role, such as https://host/beta/deviceManagement/roleDefinitions('{id}'); GET .../roleDefinitions lists them";
        let wrong = || BodyError::Bind { name: format!("{ROLE}@odata.bind"), expected: expected.to_owned() };
        let [url] = urls.as_slice() else { return Err(wrong().into()) };
        let walk = reference(state, asked, url, wrong)?;
        let key = walk.hops.last().and_then(|hop| hop.key.as_ref()?.id);
        let is_role = walk.target() == &ROLE_DEFINITION && matches!(walk.end, End::Entity);
        bound = Some(key.filter(|_| is_role).and_then(Role::of_id).ok_or_else(wrong)?);
    }
    Ok(bound)
}

/// An assignment as properties of a body say it.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    display_name: Option<String>,
    description: Option<String>,
    principal: Principal,
    scope: Visibility,
}

impl Said {
    fn read(properties: &Map<String, Value>) -> Result<Self, BodyError> {
        Ok(Self {
            display_name: words_of(properties, "displayName", MAX_NAME, |c| !c.is_control())?,
            description: words_of(properties, "description", MAX_DESCRIPTION, |c| {
                !c.is_control() || "\t\r\n".contains(c)
            })?,
            principal: principal(properties)?,
            scope: scope(properties)?,
        })
    }
}

/// A text that may be left out; one that is blank says nothing.
fn words_of(
    properties: &Map<String, Value>,
    name: &'static str,
    most: usize,
    fits: impl Fn(char) -> bool,
) -> Result<Option<String>, BodyError> {
    let given = properties.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    match given {
        Some(text) if text.chars().count() > most || !text.chars().all(fits) => {
            let expected = format!("text of up to {most} characters, without control characters");
            Err(BodyError::Value { name, expected })
        }
        given => Ok(given.map(str::to_owned)),
    }
}

fn principal(properties: &Map<String, Value>) -> Result<Principal, BodyError> {
    let kind = match properties.get("chaveiro_principalType").and_then(Value::as_str) {
        Some("user") => PrincipalKind::User,
        Some("application") => PrincipalKind::Application,
        // As in Intune.
        Some("group") | None => PrincipalKind::Group,
        Some(_) => {
            let expected = "one of user, group, application".to_owned();
            return Err(BodyError::Value { name: "chaveiro_principalType", expected });
        }
    };
    let members = properties.get("members").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = match members {
        [one] => one.as_str().map(str::trim),
        _ => None,
    };
    let fits =
        |text: &&str| !text.is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control);
    let named = named.filter(fits).ok_or_else(|| {
        let expected = format!(
            "a list of one id or name of up to {MAX_NAME} characters; each user, group or application has an assignment of its own"
        );
        BodyError::Value { name: "members", expected }
    })?;
    Ok(Principal::new(kind, named))
}

/// All devices, or those with a tag. The body must say which. An assignment that says neither concerns no devices in Intune, and
/// an omission in a body must not give a principal every device.
fn scope(properties: &Map<String, Value>) -> Result<Visibility, BodyError> {
    for name in ["resourceScopes", "scopeMembers"] {
        if properties.get(name).and_then(Value::as_array).is_some_and(|groups| !groups.is_empty()) {
            let why = "devices are in no groups here; name their scope tags in chaveiro_scopeTags";
            return Err(BodyError::NotKept { name, entity: ROLE_ASSIGNMENT.name, why });
        }
    }
    let is_some = |tags: &&Value| tags.as_array().is_some_and(|tags| !tags.is_empty());
    let given = properties.get("chaveiro_scopeTags").filter(is_some);
    let wrong = |expected: &str| Err(BodyError::Value { name: "scopeType", expected: expected.to_owned() });
    match (properties.get("scopeType").and_then(Value::as_str), given) {
        (Some(ALL_DEVICES), None) => Ok(Visibility::All),
        (Some(RESOURCE_SCOPE) | None, Some(given)) => Ok(Visibility::Tagged(tags("chaveiro_scopeTags", given)?)),
        (Some(ALL_DEVICES), Some(_)) => {
            wrong("resourceScope when chaveiro_scopeTags names tags; with allDevices, leave them out")
        }
        (Some(RESOURCE_SCOPE) | None, None) => {
            wrong("allDevices, or resourceScope with the tags of the devices in chaveiro_scopeTags")
        }
        (Some(_), _) => wrong(
            "allDevices, which includes what belongs to the whole tenant, or resourceScope with the tags of the devices in chaveiro_scopeTags; there is no scope of users here",
        ),
    }
}

/// The schema of a change.
fn renaming(_: &'static EntityType) -> Value {
    json!({"type": "object", "properties": words(), "additionalProperties": false,
        "description": "Other properties of the assignment may stand here with their values, which cannot be changed."})
}

/// Name and description of an assignment.
fn words() -> Value {
    let text = |most: usize, pattern: &str| line(json!(["string", "null"]), most, pattern);
    json!({"displayName": text(MAX_NAME, ANY_LINE), "description": text(MAX_DESCRIPTION, ANY_LINE)})
}

/// A new assignment: for one principal, with one role, and either on all devices or on those with a tag.
fn creation(entity: &'static EntityType) -> Value {
    let role = |role: &Role| format!("/deviceManagement/roleDefinitions/{}", role.id);
    let none = json!({"type": "array", "maxItems": 0});
    let mut said = words();
    said["members"] = json!({"type": "array", "minItems": 1, "maxItems": 1,
        "items": line("string", MAX_NAME, SOME_LINE)});
    said["resourceScopes"] = none.clone();
    said["scopeMembers"] = none;
    said["roleDefinition@odata.bind"] = json!({"type": "string", "enum": ROLES.iter().map(role).collect::<Vec<_>>(),
        "description": "The address of the role, on this server or without a host."});
    let all = json!({"properties": {"scopeType": {"const": "allDevices"},
        "chaveiro_scopeTags": {"type": ["array", "null"], "maxItems": 0}}, "required": ["scopeType"]});
    let some = json!({"properties": {"scopeType": {"const": "resourceScope"}, "chaveiro_scopeTags": schema::tags()},
        "required": ["chaveiro_scopeTags"]});
    json!({"allOf": [schema_of(entity.name),
        {"properties": said, "required": ["roleDefinition@odata.bind", "members"], "oneOf": [all, some]}]})
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(more: Value) -> Result<Said, BodyError> {
        let mut properties = json!({"members": ["Desk"], "scopeType": "allDevices"});
        let all = properties.as_object_mut().expect("an object");
        all.extend(more.as_object().expect("an object").clone());
        all.retain(|_, value| !value.is_null());
        Said::read(all)
    }

    #[test]
    fn who_is_said_by_one_member_and_its_kind() {
        for (more, expected) in [
            (json!({}), Some((PrincipalKind::Group, "desk"))),
            (json!({"chaveiro_principalType": "user", "members": [" Ana@X "]}), Some((PrincipalKind::User, "ana@x"))),
            (json!({"chaveiro_principalType": "application"}), Some((PrincipalKind::Application, "desk"))),
            (json!({"members": []}), None),
            (json!({"members": ["a", "b"]}), None),
            (json!({"members": [" "]}), None),
            (json!({"members": ["a\nb"]}), None),
            (json!({"members": ["x".repeat(MAX_NAME + 1)]}), None),
            (json!({"members": null}), None),
        ] {
            let principal = said(more.clone()).ok().map(|said| said.principal);
            assert_eq!(principal, expected.map(|(kind, text)| Principal::new(kind, text)), "{more}");
        }
    }

    #[test]
    fn nothing_that_is_left_out_means_every_device() {
        let tagged = |tags: &[&str]| Visibility::Tagged(tags.iter().map(|tag| (*tag).to_owned()).collect());
        for (scope_type, tags, expected) in [
            (json!("allDevices"), json!(null), Some(Visibility::All)),
            (json!("allDevices"), json!([]), Some(Visibility::All)),
            (json!("resourceScope"), json!(["lisbon", "porto"]), Some(tagged(&["lisbon", "porto"]))),
            (json!(null), json!(["lisbon"]), Some(tagged(&["lisbon"]))),
            (json!(null), json!(null), None),
            (json!(null), json!([]), None),
            (json!("resourceScope"), json!(null), None),
            (json!("resourceScope"), json!([]), None),
            (json!("resourceScope"), json!([""]), None),
            (json!("resourceScope"), json!(["two words"]), None),
            (json!("allDevices"), json!(["lisbon"]), None),
            (json!("allLicensedUsers"), json!(null), None),
            (json!("allDevicesAndLicensedUsers"), json!(["lisbon"]), None),
        ] {
            let more = json!({"scopeType": scope_type, "chaveiro_scopeTags": tags});
            assert_eq!(said(more.clone()).ok().map(|said| said.scope), expected, "{more}");
        }
        for name in ["resourceScopes", "scopeMembers"] {
            assert!(said(json!({name: []})).is_ok(), "an empty list says nothing");
            let refused = said(json!({name: ["g"]})).expect_err("refused").to_string();
            assert!(refused.contains(name) && refused.contains("chaveiro_scopeTags"), "{refused}");
        }
    }
}

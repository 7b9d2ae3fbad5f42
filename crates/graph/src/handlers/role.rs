//! Role assignments: what a body says, in Intune's words and the two of ours, and nothing that it does not say. Who may assign
//! what to whom is decided in [`assign_roles`].

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use chaveiro_core::audit::Activity;
use chaveiro_core::decisions::assign_roles;
use chaveiro_core::id::AssignmentId;
use chaveiro_core::principal::{MAX_DESCRIPTION, MAX_NAME, Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::refusal::ResourceRefusal;
use chaveiro_core::role::Role;
use chaveiro_core::scope_tag::Visibility;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::admit::Asked;
use super::change::tags;
use super::write::{answer, checked, no_binding, reference};
use super::{response, write_aloud, write_store};
use crate::GraphState;
use crate::body::{BodyError, Checked};
use crate::entity_tag;
use crate::error::GraphError;
use crate::follow::Node;
use crate::model::Target;
use crate::query::Selection;
use crate::render::Form;
use crate::render::role::{ALL_DEVICES, RESOURCE_SCOPE, assignment as rendered};
use crate::resolve::{End, Version};

const ENTITY: &str = "deviceAndAppManagementRoleAssignment";

/// The binding that says which role.
const ROLE: &str = "roleDefinition";

/// A role for somebody.
pub(super) async fn assign(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    let checked = checked(headers, body, Target::RoleAssignment).await?;
    let role = role(state, &asked, &checked)?;
    let role = role.ok_or(BodyError::Required { name: "roleDefinition@odata.bind", entity: ENTITY })?;
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
    let written = write_aloud(state, move |unit| {
        writing.follow(unit)?;
        assign_roles::assign(unit, &writing.caller, &row, writing.event(Activity::RoleAssigned))
    });
    written.await?;
    let url = format!("{}{}/{}", state.base_url, asked.path.trim_end_matches('/'), assignment.id);
    Ok(response::located(shown(state, &asked, &assignment, StatusCode::CREATED), &url))
}

/// Another name and description. What else a body says must be so already: clients send back what they read.
pub(super) async fn rename(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, GraphError> {
    let checked = checked(headers, body, Target::RoleAssignment).await?;
    let role = role(state, &asked, &checked)?;
    let writing = Arc::clone(&asked);
    let written = write_store(state, move |unit| {
        let Node::RoleAssignment(current) = writing.follow(unit)?.node else {
            return Err(ResourceRefusal::NotFound("roleAssignment").into());
        };
        // What the body leaves out is as it is now, and not as it was when the request came.
        let said = said_of(&current, role, checked.properties.clone())?;
        let renamed = RoleAssignment { display_name: said.display_name, description: said.description, ..*current };
        let event = writing.event(Activity::RoleAssignmentChanged);
        assign_roles::rename(unit, &writing.caller, &renamed, event)?;
        Ok(renamed)
    });
    let renamed = written.await?;
    Ok(shown(state, &asked, &renamed, StatusCode::OK))
}

/// Reads what a body says of an assignment, whose principal, scope and role must stay.
fn said_of(
    current: &RoleAssignment,
    role: Option<&'static Role>,
    properties: Map<String, Value>,
) -> Result<Said, BodyError> {
    let mut known = rendered(current, Version::Beta, &Selection::All(Vec::new()), Form::Single);
    known.extend(properties);
    let said = Said::read(&known)?;
    let why = "it is said when the assignment is made; delete this one and make another";
    let differs = [
        ("members", said.principal != current.principal),
        ("scopeType", said.scope != current.scope),
        (ROLE, role.is_some_and(|role| role != current.role)),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((name, _)) => Err(BodyError::NotKept { name, entity: ENTITY, why }),
        None => Ok(said),
    }
}

fn shown(state: &GraphState, asked: &Asked, assignment: &RoleAssignment, status: StatusCode) -> Response {
    let object = rendered(assignment, asked.walk.version, &Selection::Default, Form::Single);
    answer(state, asked, object, &entity_tag::of_assignment(assignment), status)
}

/// The role that a body binds to. Roles are the same for all, so nothing has to be looked up.
fn role(state: &GraphState, asked: &Asked, checked: &Checked) -> Result<Option<&'static Role>, GraphError> {
    let mut bound = None;
    for (name, urls) in &checked.binds {
        if !name.eq_ignore_ascii_case(ROLE) {
            return Err(no_binding(name).into());
        }
        let expected = "the URL of one role, such as https://host/beta/deviceManagement/roleDefinitions('{id}'); GET .../roleDefinitions lists them";
        let wrong = || BodyError::Bind { name: format!("{ROLE}@odata.bind"), expected };
        let [url] = urls.as_slice() else { return Err(wrong().into()) };
        let walk = reference(state, asked.walk.version, url, wrong)?;
        let key = walk.hops.last().and_then(|hop| hop.key.as_ref()?.id);
        let is_role = walk.target() == Target::RoleDefinition && matches!(walk.end, End::Entity);
        bound = Some(key.filter(|_| is_role).and_then(Role::of_id).ok_or_else(wrong)?);
    }
    Ok(bound)
}

/// What the properties of an assignment say.
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
            display_name: text(properties, "displayName", MAX_NAME, |c| !c.is_control())?,
            description: text(properties, "description", MAX_DESCRIPTION, |c| !c.is_control() || "\t\r\n".contains(c))?,
            principal: principal(properties)?,
            scope: scope(properties)?,
        })
    }
}

/// A text that may be left out; one that is blank says nothing.
fn text(
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

/// All devices, or those with a tag. Which of the two must be said: an assignment that says neither is about none in Intune,
/// and nobody should get everything by leaving something out.
fn scope(properties: &Map<String, Value>) -> Result<Visibility, BodyError> {
    for name in ["resourceScopes", "scopeMembers"] {
        if properties.get(name).and_then(Value::as_array).is_some_and(|groups| !groups.is_empty()) {
            let why = "devices are in no groups here; name their scope tags in chaveiro_scopeTags";
            return Err(BodyError::NotKept { name, entity: ENTITY, why });
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

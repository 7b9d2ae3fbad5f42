//! `user`: a person of the tenant, also named by the principal name.

use std::sync::Arc;

use axum::response::Response;
use chaveiro_core::decisions::revoke_tokens::{Person, sign_out};
use chaveiro_core::permission::Permission;
use chaveiro_core::refusal::UserRefusal;
use chaveiro_core::resource::Resource;
use chaveiro_core::role::RoleAction;
use http::StatusCode;
use serde_json::Value;

use super::resource;
use crate::GraphState;
use crate::error::GraphError;
use crate::error::row::{Row, coded, denied, directory_request};
use crate::handlers::admit::Asked;
use crate::handlers::response;
use crate::kind::Kind;
use crate::model::properties::{ID, number, text, texts};
use crate::model::{Access, Edge, Edm, EntityType, KeyForm, Operation, Property, RoleActions, SERVICE, Service};

const PROPERTIES: &[Property] = &[
    ID,
    texts("businessPhones"),
    text("displayName"),
    text("givenName"),
    text("jobTitle"),
    text("mail"),
    text("mobilePhone"),
    text("officeLocation"),
    text("preferredLanguage"),
    text("surname"),
    text("userPrincipalName").required(),
    Property::new("accountEnabled", Edm::Boolean).on_select(),
    text("department").on_select(),
    text("userType").on_select(),
    text("usageLocation").on_select(),
    Property::new("createdDateTime", Edm::DateTime).read_only().on_select(),
    text("onPremisesImmutableId").on_select(),
    Property::new("onPremisesSyncEnabled", Edm::Boolean).on_select(),
    number("deviceEnrollmentLimit").on_select(),
];

const READ: &[Permission] = &[Permission::UserReadAll, Permission::UserReadWriteAll];
const WRITE: &[Permission] = &[Permission::UserReadWriteAll];

pub(super) static USER: EntityType = EntityType {
    about: "A person of the tenant, also named by the principal name. `revokeSignInSessions` ends the person's sign-ins and access tokens at once.",
    key_form: KeyForm::Text,
    key_name: Some("userPrincipalName"),
    service: Service::Directory,
    role: RoleActions::new(RoleAction::UsersRead, RoleAction::UsersWrite),
    has_tag: true,
    edges: &[
        Edge {
            access: Access::Owned,
            contained: false,
            read: READ,
            write: WRITE,
            ..Edge::many(&SERVICE, "users", &USER)
        },
        // The handlers put the user of the token in its place before anything is followed.
        Edge { read: READ, write: WRITE, ..Edge::one(&SERVICE, "me", &USER) },
    ],
    operations: &[Operation {
        name: "revokeSignInSessions",
        permissions: &[Permission::UserRevokeSessionsAll, Permission::UserReadWriteAll],
        parameters: &[],
        narrowed: None,
        answers: Some(Edm::Boolean),
        of_oneself: true,
    }],
    not_offered: &[
        "managedAppRegistrations",
        "deviceManagementTroubleshootingEvents",
        "deviceEnrollmentConfigurations",
        "devices",
        "windowsInformationProtectionDeviceRegistrations",
    ],
    ..EntityType::new("user", PROPERTIES, "userId")
};

pub(super) const KIND: Kind =
    Kind { operations: &[|state, asked, _| Box::pin(revoke_sign_in_sessions(state, asked))], ..resource::kind(&USER) };

/// The answer to a refusal about the name of a user.
pub(super) fn refused(refusal: &UserRefusal) -> Row {
    match refusal {
        UserRefusal::NameAssigned(name) => {
            let help = "the user who has the name has the role. Remove the assignment first, or assign the role to the object id of the user, which never changes; an operator can change the name with a token that was minted on the server's host";
            denied(coded!("userNameHasRole", name = name), &format!("{refusal}, and {help}."))
        }
        UserRefusal::NameIsId => directory_request(
            coded!("userNameIsId"),
            "Invalid value specified for property 'userPrincipalName': it must not have the form of an object id, because roles are assigned to both.",
        ),
    }
}

/// Ends the sign-ins and the access tokens of a user; of the caller by every name that is certainly the caller's.
async fn revoke_sign_in_sessions(state: &Arc<GraphState>, asked: Arc<Asked>) -> Result<Response, GraphError> {
    let control = asked.control(&state.base_url);
    let context = format!("{}/{}/$metadata#Edm.Boolean", state.base_url, asked.walk.version.segment());
    let body = control.individual(control.begin(context), Edm::Boolean, true.into());
    let format = control.format;
    let written = state.store.write(move |unit| {
        let user: Box<Resource> = asked.follow_to_row(unit)?;
        let person = match asked.of_oneself {
            true => Person::of_oneself(&user, &asked.caller),
            false => Person::of(&user),
        };
        let event = |activity| asked.event(activity);
        let now = unit.now()?;
        Ok((person.id, sign_out(unit, &person, event, now)?))
    });
    let (user, ended) = written.await?;
    tracing::info!(user.id = %user, sign_ins = ended.sign_ins, "a user was signed out through the API");
    Ok(response::json(format, StatusCode::OK, &Value::Object(body)))
}

//! `application`: a client that may ask the local issuer for tokens.
//!
//! An application that is made here has no permissions: they are granted on the server's host and only shown here. A caller
//! that gives an application a secret can act as it, and must hold all its permissions. A secret is in one answer alone.
//!
//! Reference: the public metadata's `application`, `passwordCredential`, `keyCredential`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chaveiro_auth::{ClientSecret, new_application_secret};
use chaveiro_core::Timestamp;
use chaveiro_core::application::{
    Application, ApplicationCertificate, ApplicationRefusal, ApplicationSecret, MAX_NAME, MAX_SECRETS, SECRET_LIFE,
};
use chaveiro_core::audit::Activity;
use chaveiro_core::decisions::manage_applications::{self, By, Change, Tokens};
use chaveiro_core::digest::unhex;
use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{StoreError, View};
use chaveiro_core::role::RoleAction;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::GraphState;
use crate::body::BodyError;
use crate::entity::{Entity, Few, Reading, Small, Told};
use crate::error::GraphError;
use crate::error::row::{Row, coded, directory_request};
use crate::handlers::admit::Asked;
use crate::handlers::answer::{address, answer};
use crate::handlers::given::{checked, no_binding};
use crate::handlers::response;
use crate::kind::{Kind, Writing};
use crate::model::properties::{ID, flag, text, texts};
use crate::model::{
    Access, ComplexType, Default, Edge, Edm, EntityType, KeyForm, Operation, Property, RoleActions, SERVICE, Schemas,
    Service, complex_type,
};
use crate::openapi::schema::{self, SOME_LINE, line};
use crate::query::Selection;
use crate::render::outline::{Values, Wanted, whole};
use crate::render::{Form, complex, date_time, named};
use crate::resolve::{Key, Version};
use crate::short_list::Rendered;

/// A client secret. Its text is in the answer of `addPassword` and nowhere else.
const PASSWORD_CREDENTIAL: ComplexType = complex_type(
    "passwordCredential",
    &[
        Property::new("customKeyIdentifier", Edm::Binary).read_only(),
        text("displayName"),
        Property::new("endDateTime", Edm::DateTime),
        text("hint").read_only(),
        Property::new("keyId", Edm::Guid).read_only(),
        text("secretText").read_only(),
        Property::new("startDateTime", Edm::DateTime).not_kept("a secret begins when it is made"),
    ],
);

/// A certificate.
const KEY_CREDENTIAL: ComplexType = complex_type(
    "keyCredential",
    &[
        Property::new("customKeyIdentifier", Edm::Binary).read_only(),
        text("displayName").read_only(),
        Property::new("endDateTime", Edm::DateTime).read_only(),
        Property::new("key", Edm::Binary).read_only(),
        Property::new("keyId", Edm::Guid).read_only(),
        Property::new("startDateTime", Edm::DateTime).read_only(),
        text("type").read_only(),
        text("usage").read_only(),
    ],
);

const ON_THE_HOST: &str = "that is decided on the server's host, with chaveiro app";

const PROPERTIES: &[Property] = &[
    ID,
    text("appId").read_only(),
    Property::new("createdDateTime", Edm::DateTime).read_only(),
    text("displayName").required(),
    flag("isFallbackPublicClient").or_null().not_kept(ON_THE_HOST),
    Property::new("keyCredentials", Edm::Collection(&Edm::Complex(&KEY_CREDENTIAL)))
        .or(Default::Empty)
        .not_kept(ON_THE_HOST),
    Property::new("passwordCredentials", Edm::Collection(&Edm::Complex(&PASSWORD_CREDENTIAL)))
        .or(Default::Empty)
        .not_kept("secrets are made by POST .../addPassword"),
    texts("chaveiro_permissions").read_only(),
    texts("chaveiro_delegatedPermissions").read_only(),
];

/// An extension: whether the tokens of an application end together with a secret of it.
const REVOKE_TOKENS: &str = "chaveiro_revokeTokens";

const READ: &[Permission] = &[Permission::ApplicationReadAll, Permission::ApplicationReadWriteAll];
const WRITE: &[Permission] = &[Permission::ApplicationReadWriteAll];

/// The type.
pub static APPLICATION: EntityType = EntityType {
    about: "A client that may ask the local issuer for tokens. A secret is shown in the answer of `addPassword` alone, and permissions are granted on the server's host.",
    key_form: KeyForm::ObjectId,
    // It has one id under both names.
    key_name: Some("appId"),
    service: Service::Directory,
    role: RoleActions::all(RoleAction::ApplicationsManage),
    has_tag: true,
    edges: &[Edge {
        access: Access::Owned,
        contained: false,
        read: READ,
        write: WRITE,
        ..Edge::many(&SERVICE, "applications", &APPLICATION)
    }],
    operations: &[
        Operation {
            name: "addPassword",
            permissions: WRITE,
            parameters: &[Property::new("passwordCredential", Edm::Complex(&PASSWORD_CREDENTIAL))],
            narrowed: None,
            answers: Some(Edm::Complex(&PASSWORD_CREDENTIAL)),
            of_oneself: false,
        },
        Operation {
            name: "removePassword",
            permissions: WRITE,
            parameters: &[Property::new("keyId", Edm::Guid).required(), Property::new(REVOKE_TOKENS, Edm::Boolean)],
            narrowed: None,
            answers: None,
            of_oneself: false,
        },
    ],
    schemas: Schemas { create: None, update: Some(changed) },
    ..EntityType::new("application", PROPERTIES, "applicationId")
};

pub(super) const KIND: Kind = Kind {
    create: Some(|writing| Box::pin(create(writing))),
    update: Some(|writing| Box::pin(rename(writing))),
    delete: Some(|unit, asked| {
        let found: Box<Application> = asked.follow_to_row(unit)?;
        let now = unit.now()?;
        manage_applications::delete(unit, &asked.origin(), &found, now)
    }),
    operations: &[
        |state, asked, given| Box::pin(add_password(state, asked, given)),
        |state, asked, given| Box::pin(remove_password(state, asked, given)),
    ],
    ..Kind::read_only::<Rendered>(&APPLICATION, |_, _| Some(Box::new(Few(Applications))))
};

/// The answer to a refusal about an application. The domain says the fact; these texts add what a caller of the API can do.
pub(super) fn refused(refusal: &ApplicationRefusal) -> Row {
    match refusal {
        ApplicationRefusal::TooManySecrets(secrets) => directory_request(
            coded!("tooManySecrets", most = MAX_SECRETS, secrets = secrets),
            format!(
                "The application has {MAX_SECRETS} password credentials, which is the most: {secrets}. Remove one that is no longer used: POST .../removePassword with its keyId."
            ),
        ),
        ApplicationRefusal::TooManyCertificates => {
            directory_request(coded!("tooManyCertificates"), refusal.to_string())
        }
        ApplicationRefusal::CertificateTwice(certificate) => {
            directory_request(coded!("certificateExists", certificate = certificate), refusal.to_string())
        }
        ApplicationRefusal::Public => directory_request(
            coded!("publicClientSecret"),
            "The application is a public client, which cannot keep a secret. Create another application for a program that runs on a server.",
        ),
        ApplicationRefusal::PublicPermissions => directory_request(
            coded!("publicClientPermissions"),
            "The application is a public client, which cannot keep a secret, so it has no permissions of its own. Grant delegated permissions.",
        ),
        ApplicationRefusal::Unknown(id) => directory_request(
            coded!("credentialNotFound", id = id),
            format!(
                "No password credential found with keyId {id}. GET the application to see what passwordCredentials it has."
            ),
        ),
    }
}

/// The applications of a tenant, oldest first.
struct Applications;

impl Small for Applications {
    type Row = Application;

    fn find(&self, view: &dyn View, tenant: TenantId, key: &Key) -> Result<Option<Application>, StoreError> {
        key.id.map_or(Ok(None), |id| view.application(tenant, ApplicationId(id)))
    }

    fn all(&self, from: &Reading<'_>) -> Result<Vec<Application>, StoreError> {
        from.view.applications(from.tenant)
    }

    fn place(application: &Application) -> i64 {
        application.created.as_microsecond()
    }
}

impl Entity for Application {
    fn entity_type(&self) -> &'static EntityType {
        &APPLICATION
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn served(self: Box<Self>, _: &Reading<'_>, _: &Selection, _: Form) -> Result<Told, StoreError> {
        Ok(self)
    }

    fn state(&self) -> Vec<u8> {
        whole(&APPLICATION, self)
    }
}

impl Values for Application {
    fn value(&self, wanted: Wanted) -> Option<Value> {
        let names =
            |permissions: &[Permission]| permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>();
        Some(match wanted.property.name {
            "id" | "appId" => json!(self.id),
            "createdDateTime" => json!(date_time(self.created)),
            "displayName" => json!(self.display_name),
            "isFallbackPublicClient" => json!(self.public),
            "keyCredentials" => self.certificates.iter().map(|certificate| key(certificate, wanted.version)).collect(),
            "passwordCredentials" => self.secrets.iter().map(|secret| password(secret, wanted.version)).collect(),
            "chaveiro_permissions" => json!(names(&self.permissions)),
            "chaveiro_delegatedPermissions" => json!(names(&self.delegated)),
            _ => return None,
        })
    }
}

/// The JSON of a secret, without the secret.
fn password(secret: &ApplicationSecret, version: Version) -> Value {
    let known = [
        ("displayName", json!(secret.display_name)),
        ("endDateTime", json!(date_time(secret.expires))),
        ("hint", json!(secret.hint)),
        ("keyId", json!(secret.id)),
        ("startDateTime", json!(date_time(secret.created))),
    ];
    complex(&PASSWORD_CREDENTIAL, version, named(known))
}

/// The JSON of a certificate. `customKeyIdentifier` is the thumbprint, as in Graph.
fn key(certificate: &ApplicationCertificate, version: Version) -> Value {
    let known = [
        ("customKeyIdentifier", json!(unhex(&certificate.sha1).map(|bytes| STANDARD.encode(bytes)))),
        ("displayName", json!(certificate.subject)),
        ("endDateTime", json!(date_time(certificate.expires))),
        ("keyId", json!(key_id(&certificate.sha256))),
        ("startDateTime", json!(date_time(certificate.begins))),
        ("type", json!("AsymmetricX509Cert")),
        ("usage", json!("Verify")),
    ];
    complex(&KEY_CREDENTIAL, version, named(known))
}

/// A certificate is named by its thumbprint here; Graph wants a GUID, which is the first half of that.
fn key_id(sha256: &str) -> Option<Uuid> {
    let half = unhex(sha256)?.get(..16)?.try_into().ok()?;
    Some(uuid::Builder::from_custom_bytes(half).into_uuid())
}

/// Registers a confidential application without permissions.
async fn create(writing: Writing<'_>) -> Result<Response, GraphError> {
    let Writing { state, asked, headers, body, .. } = writing;
    let name = name(headers, body).await?;
    let application = Application {
        tenant: asked.tenant(),
        id: ApplicationId(state.entropy.uuid()),
        display_name: name.ok_or(BodyError::Required { name: "displayName", entity: "application" })?,
        permissions: Vec::new(),
        delegated: Vec::new(),
        public: false,
        secrets: Vec::new(),
        certificates: Vec::new(),
        created: asked.now,
    };
    let (writing, row) = (Arc::clone(&asked), application.clone());
    let written = state.store.write(move |unit| {
        writing.follow(unit)?;
        manage_applications::register(unit, &row, writing.event(Activity::ApplicationRegistered))
    });
    written.await?;
    let url = address(state, &asked, application.id);
    Ok(response::located(answer(state, &asked, &application, StatusCode::CREATED), &url))
}

/// Changes the name.
async fn rename(writing: Writing<'_>) -> Result<Response, GraphError> {
    let Writing { state, asked, headers, body, .. } = writing;
    let Some(name) = name(headers, body).await? else { return Ok(response::no_content()) };
    change(state, asked, Change::Name(name), false).await?;
    Ok(response::no_content())
}

/// Adds a secret. The answer is the only place that ever shows it.
async fn add_password(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    given: &Map<String, Value>,
) -> Result<Response, GraphError> {
    let credential = given.get("passwordCredential").and_then(Value::as_object);
    let member = |name: &str| credential.and_then(|credential| credential.get(name)?.as_str());
    let display_name = member("displayName").map(str::to_owned);
    fits("displayName", display_name.as_deref().unwrap_or_default())?;
    let (secret, mut kept) =
        new_application_secret(asked.now, life(asked.now, member("endDateTime"))?, state.entropy.as_ref());
    kept.display_name = display_name;

    let version = asked.walk.version;
    let context = format!("{}/{}/$metadata#microsoft.graph.passwordCredential", state.base_url, version.segment());
    let control = asked.control(&state.base_url);
    let format = control.format;
    let begun = control.begin(context);
    let credential = control.individual(begun, Edm::Complex(&PASSWORD_CREDENTIAL), password(&kept, version));
    change(state, asked, Change::AddSecret { secret: kept.clone(), replaces: false }, false).await?;
    Ok(response::secret_json(format, with_secret(credential, &secret)))
}

/// Removes a secret; with `chaveiro_revokeTokens`, also revokes the tokens of the application.
async fn remove_password(
    state: &Arc<GraphState>,
    asked: Arc<Asked>,
    given: &Map<String, Value>,
) -> Result<Response, GraphError> {
    let id = given.get("keyId").and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok());
    let id = id.ok_or_else(|| GraphError::Internal("a key id that was checked".to_owned()))?;
    let revokes = given.get(REVOKE_TOKENS).and_then(Value::as_bool).unwrap_or_default();
    change(state, asked, Change::RemoveSecret(id), revokes).await?;
    Ok(response::no_content())
}

/// Changes the application at the end of the walk.
async fn change(state: &GraphState, asked: Arc<Asked>, change: Change, ends_tokens: bool) -> Result<(), GraphError> {
    let written = state.store.write(move |unit| {
        let found: Box<Application> = asked.follow_to_row(unit)?;
        let (by, tokens) = (By::Caller(&asked.caller), Tokens::end_if(ends_tokens, unit.now()?));
        manage_applications::change(unit, by, &asked.origin(), *found, &change, tokens).map(drop)
    });
    Ok(written.await?)
}

/// The name that a body gives.
async fn name(headers: &HeaderMap, body: &mut Body) -> Result<Option<String>, GraphError> {
    let checked = checked(headers, body, &APPLICATION).await?;
    if let Some((name, _)) = checked.binds.first() {
        return Err(no_binding(name).into());
    }
    let name = checked.properties.get("displayName").and_then(Value::as_str).map(|name| name.trim().to_owned());
    fits("displayName", name.as_deref().unwrap_or_default())?;
    Ok(name)
}

fn fits(name: &'static str, text: &str) -> Result<(), BodyError> {
    match text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(BodyError::Value { name, expected: format!("one line of up to {MAX_NAME} characters") }),
    }
}

/// The time for which a secret is to live.
fn life(now: Timestamp, end: Option<&str>) -> Result<Duration, BodyError> {
    let Some(end) = end else { return Ok(SECRET_LIFE) };
    let left = end.parse::<Timestamp>().ok().and_then(|end| Duration::try_from(end.duration_since(now)).ok());
    let expected = "a moment in the future, such as 2099-01-31T00:00:00Z".to_owned();
    left.filter(|left| !left.is_zero()).ok_or(BodyError::Value { name: "endDateTime", expected })
}

/// The JSON of a secret with the secret itself in it, written without an intermediate copy.
fn with_secret(mut members: Map<String, Value>, secret: &ClientSecret) -> Zeroizing<Vec<u8>> {
    members.shift_remove("secretText");
    let head = Value::Object(members).to_string();
    // Every character of a secret stands for itself in JSON: it is base64 and a prefix.
    let parts = [head.trim_end_matches('}'), ",\"secretText\":\"", secret.expose_secret(), "\"}"];
    let mut body = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| body.extend_from_slice(part.as_bytes()));
    body
}

/// The schema of a change.
fn changed(entity: &'static EntityType) -> Value {
    let name = ("displayName".to_owned(), line("string", MAX_NAME, SOME_LINE));
    schema::changed(entity, Map::from_iter([name]), Vec::new())
}

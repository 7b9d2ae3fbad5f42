//! The token endpoint: client credentials, device codes, refresh tokens.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::application::{Application, COMMAND_LINE};
use chaveiro_core::id::{ApplicationId, TenantId};
use chaveiro_core::ports::{Sender, View};
use chaveiro_core::refused::Face;
use chaveiro_core::revocation::{self, issued_at};
use chaveiro_core::{Fault, Timestamp};
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::error::Refusal;
use super::http::{Call, Claim, Endpoint, Named, TOKEN_PATH, busy, find_tenant, refused};
use super::token::{Client, Person, Proof, Subject, client_info};
use super::{LIFETIME, MintError, Minting};
use crate::claims_request::ClaimsRequest;
use crate::client_assertion::{self, ASSERTION_TYPE};
use crate::client_secret::verify_client_secret;
use crate::scope::{Scope, Wanted};

/// The largest form that is read, in bytes. Libraries add telemetry to it, and certificates to an assertion.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The form of a token or device code request; other fields are telemetry.
#[derive(Default, Deserialize)]
pub(super) struct Form {
    pub(super) grant_type: Option<String>,
    pub(super) client_id: Option<String>,
    client_secret: Option<Zeroizing<String>>,
    client_assertion_type: Option<String>,
    client_assertion: Option<Zeroizing<String>>,
    pub(super) scope: Option<String>,
    device_code: Option<Zeroizing<String>>,
    /// MSAL Python sends the device code under both names.
    code: Option<Zeroizing<String>>,
    pub(super) refresh_token: Option<Zeroizing<String>>,
    pub(super) token: Option<Zeroizing<String>>,
    claims: Option<String>,
}

/// A grant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grant {
    ClientCredentials,
    DeviceCode,
    RefreshToken,
}

/// Both spellings of the device grant are in use (docs/graph-facts.md#grants).
const GRANTS: &[(&str, Grant)] = &[
    ("client_credentials", Grant::ClientCredentials),
    ("urn:ietf:params:oauth:grant-type:device_code", Grant::DeviceCode),
    ("device_code", Grant::DeviceCode),
    ("refresh_token", Grant::RefreshToken),
];

pub(super) async fn token(
    State(endpoint): State<Arc<Endpoint>>,
    Extension(call): Extension<Call>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut claim = Claim::at(Face::Token, TOKEN_PATH);
    let answer = endpoint.token(&tenant, call, &headers, &body, &mut claim).await;
    let proven = answer.is_ok();
    let mut response = endpoint.answer(answer, call, &claim);
    if proven {
        response.extensions_mut().insert(Sender::Known);
    }
    response
}

/// A client that has proven itself.
pub(super) struct Authenticated {
    pub(super) tenant: TenantId,
    pub(super) application: Application,
    pub(super) proof: Proof,
    /// The revocation time: tokens issued before it do not count.
    pub(super) valid_from: Option<Timestamp>,
    /// Set if it understands a claims challenge.
    pub(super) capable: bool,
    /// The longest time for which its users stay signed in.
    pub(super) sign_in_life: Duration,
}

/// The grant of a user who signs in or refreshes.
pub(super) struct Granted {
    pub(super) person: Person,
    pub(super) scope: Scope,
    pub(super) refresh_token: Option<Zeroizing<String>>,
    /// The revocation time of the user.
    pub(super) valid_from: Option<Timestamp>,
}

/// An application, as it was at one time.
pub(super) struct Known {
    pub(super) application: Application,
    /// The revocation time, read together with the secrets. If a secret is removed a moment later, a client that proved
    /// itself with it must not get a token that counts.
    valid_from: Option<Timestamp>,
}

impl Endpoint {
    async fn token(
        &self,
        tenant: &str,
        call: Call,
        headers: &HeaderMap,
        body: &[u8],
        claim: &mut Claim,
    ) -> Result<Value, Refusal> {
        let origin = call.origin;
        let named = self.tenant(tenant).await?;
        let mut form = read_form(body)?;
        if let Some((id, secret)) = basic(headers) {
            form.client_id = Some(id);
            form.client_secret = Some(secret);
        }
        let asked = form.grant_type.as_deref().ok_or(Refusal::Missing("grant_type"))?;
        let grant = GRANTS.iter().find(|(name, _)| *name == asked).map(|(_, grant)| *grant);
        let grant = grant.ok_or_else(|| Refusal::Grant(asked.to_owned()))?;
        if grant != Grant::ClientCredentials {
            claim.face = Face::SignIn;
        }
        // An application that acts as itself must name its tenant.
        if grant == Grant::ClientCredentials && named.by_any {
            return Err(Refusal::UnknownTenant(tenant.to_owned()));
        }
        // Parsed before a code or a refresh token is used up, so that the client can correct the request and repeat it.
        let claims = ClaimsRequest::parse(form.claims.as_deref().unwrap_or_default()).map_err(Refusal::Claims)?;
        let now = self.now();
        let Known { application, valid_from } = self.application(&named, &form).await?;
        claim.of = Some((application.tenant, application.id));
        self.limits.may_try(origin, &application)?;
        let note = |refusal: &Refusal| self.limits.note(origin, &application, refusal);
        let proof = self.authenticate(grant, tenant, &application, &form, now).inspect_err(note)?;
        let sign_in_life = named.tenant.settings.sign_in_life();
        let (tenant, capable) = (named.tenant.id, claims.capable);
        let client = Authenticated { tenant, application, proof, valid_from, capable, sign_in_life };
        match grant {
            Grant::ClientCredentials => self.client_credentials(&client, &form, now),
            Grant::DeviceCode => {
                let code = form.device_code.or(form.code).ok_or(Refusal::Missing("device_code"))?;
                let redeemed = self.redeem(&client, &code, now).await;
                let granted = redeemed.inspect_err(|refusal| self.limits.note(origin, &client.application, refusal))?;
                self.give(&client, &granted, now)
            }
            Grant::RefreshToken => {
                let presented = form.refresh_token.ok_or(Refusal::Missing("refresh_token"))?;
                let granted = self.refresh(&client, &presented, form.scope.as_deref(), call.address, now).await?;
                self.give(&client, &granted, now)
            }
        }
    }

    pub(super) async fn tenant(&self, name: &str) -> Result<Named, Refusal> {
        let name = name.to_owned();
        let found = self.store.try_read(move |view| find_tenant(view, &name)).await;
        found.map_err(refused)
    }

    /// Finds the application that the form names.
    pub(super) async fn application(&self, named: &Named, form: &Form) -> Result<Known, Refusal> {
        let tenant = named.tenant.id;
        let asked = form.client_id.clone().ok_or(Refusal::Missing("client_id"))?;
        let unknown = || Refusal::UnknownApplication(asked.clone());
        let id: ApplicationId = asked.parse().map_err(|_| unknown())?;
        let found = self.store.read(move |view| {
            let valid_from = view.tokens_valid_from(tenant, &[revocation::of_application(id)])?;
            let found = find_application(view, tenant, id)?;
            Ok(found.map(|application| Known { application, valid_from }))
        });
        let found = found.await;
        found.map_err(|error| busy(&error))?.ok_or_else(unknown)
    }

    /// Authenticates the application by the method it chose.
    fn authenticate(
        &self,
        grant: Grant,
        tenant: &str,
        application: &Application,
        form: &Form,
        now: Timestamp,
    ) -> Result<Proof, Refusal> {
        match (&form.client_assertion, &form.client_secret) {
            (Some(_), _) | (None, Some(_)) if application.public => Err(Refusal::PublicWithSecret),
            (Some(assertion), _) => {
                if form.client_assertion_type.as_deref() != Some(ASSERTION_TYPE) {
                    return Err(Refusal::AssertionType);
                }
                let audiences = self.assertion_audiences(tenant, application.tenant);
                let checked = client_assertion::check(assertion, application, &audiences, now);
                checked.map(|()| Proof::Certificate).map_err(Refusal::Assertion)
            }
            (None, Some(_)) if form.client_assertion_type.is_some() => Err(Refusal::AssertionType),
            (None, Some(secret)) => check_secret(application, secret, now),
            (None, None) if grant == Grant::ClientCredentials => Err(Refusal::NoSecret),
            (None, None) if application.public => Ok(Proof::None),
            (None, None) => Err(Refusal::NoProof),
        }
    }

    /// The accepted values of `aud` in an assertion (RFC 7523, 3): the token endpoint or the issuer. The endpoint may
    /// name the tenant as in the path or as in discovery.
    fn assertion_audiences(&self, named: &str, tenant: TenantId) -> Vec<String> {
        let base = &self.issuer.base_url;
        vec![
            format!("{base}/{tenant}/oauth2/v2.0/token"),
            format!("{base}/{named}/oauth2/v2.0/token"),
            self.issuer.issuer(tenant),
            base.clone(),
            format!("{base}/"),
        ]
    }

    fn client_credentials(&self, client: &Authenticated, form: &Form, now: Timestamp) -> Result<Value, Refusal> {
        let scope = self.scope(form.scope.as_deref().ok_or(Refusal::Missing("scope"))?)?;
        if scope.wanted != Wanted::Default {
            return Err(Refusal::NotDefault);
        }
        self.limits.take(client.tenant, client.application.id).map_err(Refusal::TooManyTokens)?;
        let id = client.application.id.to_string();
        let named = client.named(&id);
        let minting = client.minting(&named, &scope, issued_at(now, client.valid_from));
        let permissions = &client.application.permissions;
        let minted = self.issuer.mint_access(&minting, &Subject::Application, permissions, self.entropy.as_ref());
        let token = minted.map_err(|error| not_minted(&error))?;
        let seconds = token.lifetime.as_secs();
        Ok(json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": token.expose_secret(),
        }))
    }

    /// Mints the tokens of a person.
    fn give(&self, client: &Authenticated, granted: &Granted, now: Timestamp) -> Result<Value, Refusal> {
        let (person, scope) = (&granted.person, &granted.scope);
        let permissions = consented(&client.application, scope)?;
        let (id, entropy) = (client.application.id.to_string(), self.entropy.as_ref());
        let named = client.named(&id);
        let minting = client.minting(&named, scope, issued_at(now, client.valid_from.max(granted.valid_from)));
        let access = self.issuer.mint_access(&minting, &Subject::Person(person), &permissions, entropy);
        let access = access.map_err(|error| not_minted(&error))?;
        let seconds = access.lifetime.as_secs();
        let mut answer = json!({
            "token_type": "Bearer",
            "scope": scope.granted(&permissions),
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": access.expose_secret(),
            "client_info": client_info(client.tenant, person),
        });
        if let Some(refresh_token) = &granted.refresh_token {
            answer["refresh_token"] = refresh_token.as_str().into();
            answer["refresh_token_expires_in"] = client.sign_in_life.as_secs().into();
        }
        if scope.has("openid") {
            let minting = Minting { audience: &id, ..minting };
            let token = self.issuer.mint_identity(&minting, person, entropy).map_err(|error| not_minted(&error))?;
            answer["id_token"] = token.as_str().into();
        }
        Ok(answer)
    }

    pub(super) fn scope(&self, text: &str) -> Result<Scope, Refusal> {
        Scope::parse(text, &self.issuer.base_url).map_err(Refusal::Scope)
    }
}

impl Authenticated {
    fn named<'a>(&'a self, id: &'a str) -> Client<'a> {
        let (name, proof) = (Some(self.application.display_name.as_str()), Some(self.proof));
        Client { id, name, proof, capable: self.capable }
    }

    fn minting<'a>(&self, client: &'a Client<'a>, scope: &'a Scope, issued: Timestamp) -> Minting<'a> {
        Minting { tenant: self.tenant, audience: scope.audience(), client, issued, lifetime: LIFETIME }
    }
}

/// Returns the requested permissions that the application is registered for.
pub(super) fn consented(
    application: &Application,
    scope: &Scope,
) -> Result<Vec<chaveiro_core::permission::Permission>, Refusal> {
    scope.of(&application.delegated).map_err(|missing| Refusal::Consent {
        application: application.display_name.clone(),
        missing: missing.map(|permission| permission.name()),
    })
}

/// Finds an application of the tenant, including the command line.
pub(super) fn find_application(
    view: &dyn View,
    tenant: TenantId,
    id: ApplicationId,
) -> Result<Option<Application>, Fault> {
    match id {
        COMMAND_LINE => Ok(Some(Application::command_line(tenant))),
        id => Ok(view.application(tenant, id)?),
    }
}

/// Compares every secret, so that the time does not reveal which one matched.
fn check_secret(application: &Application, secret: &str, now: Timestamp) -> Result<Proof, Refusal> {
    let mut fitting = application.secrets.clone();
    fitting.retain(|kept| verify_client_secret(secret, &kept.hash));
    match fitting.iter().any(|kept| now < kept.expires) {
        true => Ok(Proof::Secret),
        false if fitting.is_empty() => Err(Refusal::WrongSecret),
        false => Err(Refusal::ExpiredSecret(fitting)),
    }
}

fn not_minted(error: &MintError) -> Refusal {
    tracing::error!(%error, "a token was not minted");
    Refusal::Busy
}

pub(super) fn read_form(body: &[u8]) -> Result<Form, Refusal> {
    if body.len() > MAX_FORM_BYTES {
        return Err(Refusal::NotAForm);
    }
    serde_urlencoded::from_bytes(body).map_err(|_| Refusal::NotAForm)
}

/// Reads basic authentication. RFC 6749, 2.3.1: both halves are form-encoded before they are joined.
fn basic(headers: &HeaderMap) -> Option<(String, Zeroizing<String>)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((decoded_form_value(id)?, Zeroizing::new(decoded_form_value(secret)?)))
}

fn decoded_form_value(text: &str) -> Option<String> {
    let pair: Vec<(String, String)> = serde_urlencoded::from_str(&format!("v={text}")).ok()?;
    pair.into_iter().next().map(|(_, value)| value)
}

//! Sign-in of people: device codes (RFC 8628), refresh tokens, and the revocation of both (RFC 7009).

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use chaveiro_core::Timestamp;
use chaveiro_core::application::Application;
use chaveiro_core::decisions::sign_in::{Admitted, Client, Presented, Redeemed, Renewed, begin, end, redeem, renew};
use chaveiro_core::digest::sha256;
use chaveiro_core::ports::{self, UnitOfWork};
use chaveiro_core::refused::Face;
use chaveiro_core::sign_in::{CODE_LIFE, INTERVAL, SignIn, Standing, code_from, spoken_code};
use http::StatusCode;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::error::Refusal;
use super::grants::{Authenticated, Granted, consented, read_form};
use super::http::{Call, Claim, DEVICE_CODE_PATH, Endpoint, REVOKE_PATH, busy};
use super::token::{Handle, Person};
use crate::scope::{Scope, Wanted};

pub(super) async fn device_code(
    State(endpoint): State<Arc<Endpoint>>,
    Extension(call): Extension<Call>,
    Path(tenant): Path<String>,
    body: Bytes,
) -> Response {
    let answer = endpoint.device_code(&tenant, call, &body).await;
    endpoint.answer(answer, call, &Claim::at(Face::SignIn, DEVICE_CODE_PATH))
}

/// Revokes a refresh token. RFC 7009: its holder may revoke it, and the answer is the same for an unknown token.
pub(super) async fn revoke(
    State(endpoint): State<Arc<Endpoint>>,
    Extension(call): Extension<Call>,
    Path(tenant): Path<String>,
    body: Bytes,
) -> Response {
    match endpoint.revoke(&tenant, call.address, &body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => endpoint.refuse(&refusal, call, &Claim::at(Face::SignIn, REVOKE_PATH)),
    }
}

impl Endpoint {
    async fn device_code(&self, tenant: &str, call: Call, body: &[u8]) -> Result<Value, Refusal> {
        let named = self.tenant(tenant).await?;
        let form = read_form(body)?;
        let application = self.application(&named, &form).await?.application;
        let asked = form.scope.ok_or(Refusal::Missing("scope"))?;
        consented(&application, &self.scope(&asked)?)?;
        self.limits.take_device_code(call.origin)?;

        let (now, handle) = (self.now(), Handle::new(self.entropy.as_ref()));
        let mut random = [0; 32];
        self.entropy.fill(&mut random);
        let sign_in = SignIn {
            tenant: named.tenant.id,
            application: application.id,
            handle_sha256: handle.sha256(),
            user_code: code_from(&random).ok_or(Refusal::Busy)?,
            scope: asked,
            standing: Standing::Pending,
            user: None,
            refresh_sha256: None,
            previous_sha256: None,
            created: now,
            expires: now + CODE_LIFE,
            asked: None,
            address: call.address,
        };
        let code = spoken_code(&sign_in.user_code);
        let scope = ports::Scope::SignIn(sign_in.handle_sha256);
        let begun = self.store.write_in(scope, move |unit| Ok(begin(unit, &sign_in, now)?)).await;
        if !begun.map_err(|error| busy(&error))? {
            return Err(Refusal::TooManyCodes);
        }
        let uri = format!("{}/devicelogin", self.issuer.base_url);
        Ok(json!({
            "user_code": code,
            "device_code": handle.device_code().as_str(),
            "verification_uri": uri,
            "verification_uri_complete": format!("{uri}?otc={code}"),
            "expires_in": CODE_LIFE.as_secs(),
            "interval": INTERVAL.as_secs(),
            "message": format!(
                "To sign in, open {uri}, enter the code {code} and follow what it says: an operator vouches for you."
            ),
        }))
    }

    /// Gives the tokens of an approved code, once.
    pub(super) async fn redeem(
        &self,
        client: &Authenticated,
        device_code: &str,
        now: Timestamp,
    ) -> Result<Granted, Refusal> {
        let handle = Handle::read(device_code).ok_or(Refusal::CodeUnknown)?;
        let refresh_token = handle.refresh_token(self.entropy.as_ref());
        let asking = asking(client, &handle, &refresh_token);
        let issuer = Arc::clone(&self.issuer);
        let redeemed = self.store.write_in(ports::Scope::SignIn(asking.handle_sha256), move |unit| {
            let read = |approved: &str| {
                let scope = Scope::parse(approved, &issuer.base_url).ok()?;
                let keeps = scope.has("offline_access");
                Some((scope, keeps))
            };
            Ok(redeem(unit, &asking, read, now)?)
        });
        let Admitted { user, scope, valid_from } = match redeemed.await.map_err(|error| busy(&error))? {
            Redeemed::Admitted(admitted) => *admitted,
            Redeemed::Unknown | Redeemed::Unreadable => return Err(Refusal::CodeUnknown),
            Redeemed::Pending => return Err(Refusal::Pending),
            Redeemed::TooOften => return Err(Refusal::TooOften),
            Redeemed::Expired => return Err(Refusal::CodeExpired),
            Redeemed::Declined => return Err(Refusal::Declined),
            Redeemed::Used => return Err(Refusal::CodeUsed),
            Redeemed::NoUser(user) => return Err(Refusal::UnknownUser(user)),
            Redeemed::Disabled(user) => return Err(Refusal::DisabledUser(user)),
        };
        let refresh_token = scope.has("offline_access").then_some(refresh_token);
        Ok(Granted { person: Person::of(&user), scope, refresh_token, valid_from })
    }

    /// Gives the next tokens of a user who is signed in.
    pub(super) async fn refresh(
        &self,
        client: &Authenticated,
        presented: &str,
        scope: Option<&str>,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Granted, Refusal> {
        let handle = Handle::of_refresh_token(presented).ok_or(Refusal::RefreshMalformed)?;
        let narrower = scope.map(|text| self.scope(text)).transpose()?;
        let next = handle.refresh_token(self.entropy.as_ref());
        let (asking, application) = (asking(client, &handle, &next), client.application.clone());
        let presented = Presented { sha256: sha256(presented.as_bytes()), from };
        let issuer = Arc::clone(&self.issuer);
        let renewed = self.store.write_in(ports::Scope::SignIn(asking.handle_sha256), move |unit| {
            let narrow = |approved: &str| narrowed(&application, approved, narrower.clone(), &issuer.base_url);
            Ok(renew(unit, &asking, &presented, narrow, now)?)
        });
        let Admitted { user, scope, valid_from } = match renewed.await.map_err(|error| busy(&error))? {
            Renewed::Admitted(admitted) => *admitted,
            Renewed::Scope(refusal) => return Err(refusal),
            Renewed::Unknown | Renewed::Expired => return Err(Refusal::RefreshExpired),
            Renewed::Ended => return Err(Refusal::RefreshRevoked),
            Renewed::Reused => return Err(Refusal::RefreshReused),
            Renewed::NoUser(user) => return Err(Refusal::UnknownUser(user)),
            Renewed::Disabled(user) => return Err(Refusal::DisabledUser(user)),
        };
        Ok(Granted { person: Person::of(&user), scope, refresh_token: Some(next), valid_from })
    }

    async fn revoke(&self, tenant: &str, from: Option<IpAddr>, body: &[u8]) -> Result<(), Refusal> {
        let tenant = self.tenant(tenant).await?.tenant.id;
        let form = read_form(body)?;
        let presented: Zeroizing<String> = form.token.ok_or(Refusal::Missing("token"))?;
        let Some(handle) = Handle::of_refresh_token(&presented) else { return Ok(()) };
        let (now, handle) = (self.now(), handle.sha256());
        let presented = Presented { sha256: sha256(presented.as_bytes()), from };
        let work = move |unit: &mut dyn UnitOfWork| Ok(end(unit, tenant, &handle, &presented, now)?);
        let ended = self.store.write_in(ports::Scope::SignIn(handle), work);
        ended.await.map_err(|error| busy(&error))
    }
}

/// Returns the scope of a refresh: the approved one, or a requested part of it. It is never more than the operator saw.
fn narrowed(application: &Application, approved: &str, asked: Option<Scope>, base_url: &str) -> Result<Scope, Refusal> {
    let approved = Scope::parse(approved, base_url).map_err(Refusal::Scope)?;
    let permissions = consented(application, &approved)?;
    let Some(mut asked) = asked else { return Ok(approved) };
    let narrower = asked.of(&permissions).map_err(|missing| Refusal::Consent {
        application: application.display_name.clone(),
        missing: missing.map(|permission| permission.name()),
    })?;
    if approved.wanted != Wanted::Default {
        asked.wanted = Wanted::Named(narrower);
    }
    Ok(asked)
}

/// The client as decisions see it, with the refresh token that it gets.
fn asking(client: &Authenticated, handle: &Handle, next: &str) -> Client {
    Client {
        tenant: client.tenant,
        application: client.application.id,
        handle_sha256: handle.sha256(),
        next_sha256: sha256(next.as_bytes()),
        life: client.sign_in_life,
    }
}

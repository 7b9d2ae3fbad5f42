//! People: device codes (RFC 8628), refresh tokens, and the end of both (RFC 7009).

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use chaveiro_core::application::Application;
use chaveiro_core::decisions::sign_in::begin;
use chaveiro_core::decisions::vouch;
use chaveiro_core::digest::sha256;
use chaveiro_core::id::{ResourceId, TenantId};
use chaveiro_core::ports::View;
use chaveiro_core::refused::Face;
use chaveiro_core::resource::ResourceKind;
use chaveiro_core::sign_in::{Asked, CODE_LIFE, INTERVAL, Refreshed, SignIn, Standing, code_from, spoken_code};
use chaveiro_core::{Fault, Timestamp};
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

/// RFC 7009: whoever holds the token may end it, and is told the same whether it was one.
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
        let begun = self.store.write(move |unit| Ok(begin(unit, &sign_in, now)?)).await;
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

    /// The tokens of an approved code, once.
    pub(super) async fn redeem(
        &self,
        client: &Authenticated,
        device_code: &str,
        now: Timestamp,
    ) -> Result<Granted, Refusal> {
        let handle = Handle::read(device_code).ok_or(Refusal::CodeUnknown)?;
        let refresh_token = handle.refresh_token(self.entropy.as_ref());
        let (tenant, application, life) = (client.tenant, client.application.id, client.sign_in_life);
        let (sha, refresh_sha) = (handle.sha256(), sha256(refresh_token.as_bytes()));
        let issuer = Arc::clone(&self.issuer);
        let asked = self.store.write(move |unit| {
            let found = unit.sign_in(tenant, &sha)?.filter(|sign_in| sign_in.application == application);
            let Some(mut sign_in) = found else { return Ok(Err(Refusal::CodeUnknown)) };
            let refused = match sign_in.ask(now) {
                Asked::Approved(user) => {
                    let person = match person(unit, tenant, user)? {
                        Ok(person) => person,
                        Err(refusal) => {
                            unit.update_sign_in(&sign_in)?;
                            return Ok(Err(refusal));
                        }
                    };
                    let scope = Scope::parse(&sign_in.scope, &issuer.base_url);
                    let Ok(scope) = scope else { return Ok(Err(Refusal::CodeUnknown)) };
                    let keeps = scope.has("offline_access");
                    if keeps {
                        sign_in.activate(refresh_sha, now, life);
                    }
                    unit.update_sign_in(&sign_in)?;
                    let valid_from = unit.tokens_valid_from(tenant, &person.names())?;
                    return Ok(Ok((person, scope, keeps, valid_from)));
                }
                Asked::Pending => Refusal::Pending,
                Asked::TooOften => Refusal::TooOften,
                Asked::Expired => Refusal::CodeExpired,
                Asked::Denied => Refusal::Declined,
                Asked::Used => Refusal::CodeUsed,
            };
            unit.update_sign_in(&sign_in)?;
            Ok(Err(refused))
        });
        let (person, scope, keeps, valid_from) = asked.await.map_err(|error| busy(&error))??;
        Ok(Granted { person, scope, refresh_token: keeps.then_some(refresh_token), valid_from })
    }

    /// The next tokens of somebody who is signed in.
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
        let (tenant, application, life) = (client.tenant, client.application.clone(), client.sign_in_life);
        let (sha, presented, next_sha) = (handle.sha256(), sha256(presented.as_bytes()), sha256(next.as_bytes()));
        let (issuer, clock) = (Arc::clone(&self.issuer), Arc::clone(&self.clock));
        let rotated = self.store.write(move |unit| {
            let found = unit.sign_in(tenant, &sha)?.filter(|sign_in| sign_in.application == application.id);
            let Some(mut sign_in) = found else { return Ok(Err(Refusal::RefreshExpired)) };
            // Before anything rotates: a client that asks for too much keeps the token it has.
            let scope = match narrowed(&application, &sign_in.scope, narrower, &issuer.base_url) {
                Ok(scope) => scope,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let user = match sign_in.refresh(&presented, next_sha, now, life) {
                Refreshed::Rotated(user) => user,
                Refreshed::Expired => return Ok(Err(Refusal::RefreshExpired)),
                Refreshed::Ended => return Ok(Err(Refusal::RefreshRevoked)),
                Refreshed::Reused => {
                    unit.update_sign_in(&sign_in)?;
                    vouch::record_theft(unit, &sign_in, from, clock.now())?;
                    return Ok(Err(Refusal::RefreshReused));
                }
            };
            let person = match person(unit, tenant, user)? {
                Ok(person) => person,
                Err(refusal) => return Ok(Err(refusal)),
            };
            unit.update_sign_in(&sign_in)?;
            let valid_from = unit.tokens_valid_from(tenant, &person.names())?;
            Ok(Ok((person, scope, valid_from)))
        });
        let (person, scope, valid_from) = rotated.await.map_err(|error| busy(&error))??;
        Ok(Granted { person, scope, refresh_token: Some(next), valid_from })
    }

    async fn revoke(&self, tenant: &str, from: Option<IpAddr>, body: &[u8]) -> Result<(), Refusal> {
        let tenant = self.tenant(tenant).await?.tenant.id;
        let form = read_form(body)?;
        let presented: Zeroizing<String> = form.token.ok_or(Refusal::Missing("token"))?;
        let Some(handle) = Handle::of_refresh_token(&presented) else { return Ok(()) };
        let (now, sha, presented) = (self.now(), handle.sha256(), sha256(presented.as_bytes()));
        let ended = self.store.write(move |unit| {
            let found = unit.sign_in(tenant, &sha)?.filter(|sign_in| sign_in.refresh_sha256 == Some(presented));
            let Some(mut sign_in) = found else { return Ok(()) };
            sign_in.end();
            unit.update_sign_in(&sign_in)?;
            Ok(vouch::record_end(unit, &sign_in, "signed out", from, now)?)
        });
        ended.await.map_err(|error| busy(&error))
    }
}

/// What a refresh gives: what was approved, or less of it when less is asked for. Never more than the operator saw.
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

/// The user of that id, as tokens name her, while she may sign in.
fn person(view: &dyn View, tenant: TenantId, id: ResourceId) -> Result<Result<Person, Refusal>, Fault> {
    let Some(user) = view.resource(tenant, ResourceKind::User, id)? else { return Ok(Err(Refusal::UnknownUser(id))) };
    let properties: Value = serde_json::from_str(&user.properties).unwrap_or_default();
    if properties["accountEnabled"] == false {
        return Ok(Err(Refusal::DisabledUser(id)));
    }
    let text = |name: &str| properties[name].as_str().map(str::to_owned);
    let principal = text("userPrincipalName").or(user.alternate_key).unwrap_or_else(|| id.to_string());
    Ok(Ok(Person { id, principal, name: text("displayName") }))
}

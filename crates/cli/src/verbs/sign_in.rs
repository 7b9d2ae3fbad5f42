//! People: `login` and `logout` on their own machine, `sign-in` on the host.

use std::time::Duration;

use anyhow::{Result, bail};
use chaveiro_core::application::COMMAND_LINE;
use chaveiro_core::decisions::vouch::Decision;
use chaveiro_core::ports::Clock;
use chaveiro_core::sign_in::{SignIn as SignInRow, Standing, spoken_code};
use chaveiro_server::SystemClock;
use serde_json::{Value, json};

use crate::args::{Common, Login, SignIn};
use crate::host::Host;
use crate::out::Out;
use crate::session::{Issuer, Remembered, Session, error_text};
use chaveiro_lang::{Explain, text};

/// The scope of the command: everything that the person may do, for as long as it is used.
const SCOPE: &str = ".default offline_access openid profile";

pub(crate) async fn login(common: &Common, out: Out, asked: &Login) -> Result<()> {
    let issuer = issuer(common, asked)?;
    let client_id = COMMAND_LINE.to_string();
    let begun = issuer.post("devicecode", &[("client_id", &client_id), ("scope", SCOPE)]).await?;
    if begun.0 != 200 {
        bail!(text!("login-not-begun", words = error_text(&begun.1)));
    }
    // From here on `login` alone begins again, whatever an operator decides.
    issuer.remember()?;
    let begun = begun.1;
    let text = |name: &str| begun[name].as_str().unwrap_or_default().to_owned();
    let (code, uri) = (text("user_code"), text("verification_uri"));
    out.say(text!("login-code", address = &uri, code = &code), &json!({"userCode": code, "verificationUri": uri}));
    out.text(text!("login-operator", code = &code));

    let answer = wait(&issuer, &text("device_code"), begun["interval"].as_u64().unwrap_or(5)).await?;
    let session = Session::from_answer(issuer, &answer, SystemClock::default().now())?;
    session.save()?;
    session.issuer.remember()?;
    let value = json!({"user": session.user, "server": session.issuer.server, "tenant": session.issuer.tenant});
    out.say(text!("logged-in", user = &session.user, server = &session.issuer.server), &value);
    Ok(())
}

/// The server to sign in to: as asked for, or else as remembered.
fn issuer(common: &Common, asked: &Login) -> Result<Issuer> {
    let remembered = Remembered::load()?;
    let server = match (&asked.server, &remembered) {
        (Some(server), _) => server.trim_end_matches('/').to_owned(),
        (None, Some(remembered)) => remembered.server.clone(),
        (None, None) => bail!(text!("login-where")),
    };
    // Root and tenant of one server mean nothing to another.
    let remembered = remembered.filter(|remembered| remembered.server == server);
    let (tenant, ca) = remembered.map(|remembered| (remembered.tenant, remembered.ca)).unzip();
    let ca = match &asked.ca {
        Some(file) => Some(std::fs::read_to_string(file).explain(|| text!("file-unreadable", file = file))?),
        None => ca.flatten(),
    };
    let tenant = common.tenant.clone().or(tenant).unwrap_or_else(|| "organizations".to_owned());
    Issuer::new(&server, &tenant, ca)
}

/// Asks until an operator has decided, or the code is over.
async fn wait(issuer: &Issuer, device_code: &str, mut interval_s: u64) -> Result<Value> {
    let client_id = COMMAND_LINE.to_string();
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", client_id.as_str()),
        ("device_code", device_code),
    ];
    loop {
        tokio::time::sleep(Duration::from_secs(interval_s)).await;
        let (status, answer) = issuer.post("token", &fields).await?;
        match (status, answer["error"].as_str().unwrap_or_default()) {
            (200, _) => return Ok(answer),
            (_, "authorization_pending") => {}
            // RFC 8628, 3.5.
            (_, "slow_down") => interval_s += 5,
            (_, "authorization_declined") => bail!(text!("login-denied")),
            (_, "expired_token") => bail!(text!("login-expired")),
            _ => bail!(text!("issuer-said", words = error_text(&answer))),
        }
    }
}

pub(crate) async fn logout(out: Out) -> Result<()> {
    let Some(session) = Session::load()? else {
        out.say(text!("not-logged-in"), &json!({"signedOut": false}));
        return Ok(());
    };
    // Gone here whatever the server says: that is what the person asked for.
    Session::forget()?;
    let ended = session.revoke().await;
    let value = json!({"signedOut": true, "endedOnServer": ended.is_ok()});
    match ended {
        Ok(()) => out.say(text!("logged-out", server = &session.issuer.server), &value),
        Err(error) => out.say(text!("logged-out-here", user = &session.user, error = format!("{error:#}")), &value),
    }
    Ok(())
}

/// A sign-in, with the names of its application and its user.
type Found = (SignInRow, Option<String>, Option<String>);

fn row((sign_in, application, user): &Found) -> Value {
    let waiting = sign_in.standing == Standing::Pending;
    json!({
        "code": waiting.then(|| spoken_code(&sign_in.user_code)),
        "standing": sign_in.standing,
        "application": application,
        "clientId": sign_in.application,
        "user": user,
        "address": sign_in.address,
        "created": sign_in.created.to_string(),
        "expires": sign_in.expires.to_string(),
    })
}

/// The row in three columns, so that 80 characters hold it.
fn stacked(out: Out, row: &Value) -> Value {
    json!({
        "what": [row["code"], out.cell("standing", &row["standing"])],
        "when": [row["created"], row["expires"]],
        "who": [row["application"], row["user"], address(out, row)],
    })
}

/// The address from which the sign-in was asked for.
fn address(out: Out, row: &Value) -> String {
    row["address"].as_str().map_or_else(|| text!("unknown").say(out.lang), str::to_owned)
}

pub(crate) async fn sign_in(common: &Common, out: Out, verb: &SignIn) -> Result<()> {
    let host = Host::open(common)?;
    let tenant = host.tenant(common.tenant.as_deref()).await?.id;
    match verb {
        SignIn::List => {
            let found = host.sign_ins(tenant).await?;
            if out.json {
                let rows: Vec<_> = found.iter().map(row).collect();
                out.value(&rows.into());
            } else {
                let rows: Vec<_> = found.iter().map(|found| stacked(out, &row(found))).collect();
                let columns = [
                    (text!("title-code-state"), "what"),
                    (text!("title-begun-ends"), "when"),
                    (text!("title-application-user-address"), "who"),
                ];
                out.list(&columns, &rows);
            }
        }
        SignIn::Approve { code, user } => {
            let decided = host.decide(tenant, code, Decision::Approve(user.clone())).await?;
            let found = host.sign_ins(tenant).await?.into_iter();
            let application = found.filter(|(other, ..)| other.handle_sha256 == decided.handle_sha256);
            let application = application.map(|(_, application, _)| application).next().flatten();
            let application = application.unwrap_or_else(|| decided.application.to_string());
            let value = json!({
                "code": spoken_code(&decided.user_code),
                "approved": true,
                "user": decided.user,
                "application": application,
                "address": decided.address,
                "created": decided.created.to_string(),
            });
            out.say(
                text!(
                    "sign-in-approved",
                    user = user,
                    app = &application,
                    address = &address(out, &value),
                    at = decided.created
                ),
                &value,
            );
        }
        SignIn::Deny { code } => {
            let decided = host.decide(tenant, code, Decision::Deny).await?;
            let code = spoken_code(&decided.user_code);
            out.say(text!("sign-in-denied", code = &code), &json!({"code": code, "approved": false}));
        }
        SignIn::Revoke { external: Some(name), .. } => {
            let valid_from = host.revoke_external(tenant, name).await?;
            let value = json!({"user": name, "ended": 0, "issuedBefore": valid_from.to_string()});
            out.say(text!("foreign-tokens-revoked", user = name), &value);
        }
        SignIn::Revoke { user, external: None } => {
            let user = user.as_deref().unwrap_or_default();
            let ended = host.revoke_sign_ins(tenant, user).await?;
            let value = json!({"user": user, "ended": ended.sign_ins, "issuedBefore": ended.valid_from.to_string()});
            out.say(text!("sign-ins-revoked", user = user, ended = ended.sign_ins), &value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chaveiro_lang::Lang;

    use super::*;

    #[test]
    fn an_address_that_nobody_noted_is_said_to_be_unknown() {
        for (lang, unknown) in [(Lang::english(), "unknown"), (Lang::choose(Some("pt")), "desconhecido")] {
            let out = Out::new(false, lang);
            assert_eq!(address(out, &json!({"address": null})), unknown);
            assert_eq!(address(out, &json!({"address": "192.0.2.7"})), "192.0.2.7");
        }
    }
}

//! `chaveiro login` and `chaveiro logout`: people, on their own machine.

use std::time::Duration;

use anyhow::{Result, bail};
use chaveiro_core::application::COMMAND_LINE;
use serde_json::{Value, json};

use crate::args::{Common, Login};
use crate::clock::now;
use crate::on_host;
use crate::out::Out;
use crate::session::{Issuer, Remembered, Session, error_text};
use chaveiro_lang::{Explain, tell, text};

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
    let session = Session::from_answer(issuer, &answer, now())?;
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
        Err(error) => {
            let told = tell(&error, out.lang, on_host::words).what;
            out.say(text!("logged-out-here", user = &session.user, error = told), &value);
        }
    }
    Ok(())
}

//! `chaveiro sign-in`: the sign-ins of people, on the host.

use anyhow::Result;
use chaveiro_core::decisions::vouch::Decision;
use chaveiro_core::sign_in::{SignIn as SignInRow, Standing, spoken_code};
use serde_json::{Value, json};

use crate::args::{Common, SignIn};
use crate::host::Host;
use crate::out::Out;
use chaveiro_lang::text;

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
    fn an_address_that_was_not_noted_is_said_to_be_unknown() {
        for (lang, unknown) in [(Lang::english(), "unknown"), (Lang::choose(Some("pt")), "desconhecido")] {
            let out = Out::new(false, lang);
            assert_eq!(address(out, &json!({"address": null})), unknown);
            assert_eq!(address(out, &json!({"address": "192.0.2.7"})), "192.0.2.7");
        }
    }
}

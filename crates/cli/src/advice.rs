//! The advice of the command line for what the domain refuses: the domain says the fact, and this adds what to type.

use chaveiro_core::Refusal;
use chaveiro_core::application::ApplicationRefusal;
use chaveiro_core::decisions::vouch::VouchRefusal;
use chaveiro_core::keys::UnknownKey;

/// The imperative that belongs to an error, if it is one of the domain's that has any.
pub(crate) fn of(error: &anyhow::Error) -> Option<&'static str> {
    if error.is::<UnknownKey>() {
        return Some("list them with: chaveiro keys list");
    }
    if let Some(Refusal::Application(refusal)) = error.downcast_ref() {
        return Some(of_application(refusal));
    }
    error.downcast_ref::<VouchRefusal>().and_then(of_vouch)
}

fn of_application(refusal: &ApplicationRefusal) -> &'static str {
    match refusal {
        ApplicationRefusal::TooManySecrets(_) => {
            "remove the one nobody uses any more with: chaveiro app remove-secret ID"
        }
        ApplicationRefusal::TooManyCertificates => "remove one with: chaveiro app remove-certificate APP THUMBPRINT",
        ApplicationRefusal::CertificateTwice(_) => "there is nothing to do",
        ApplicationRefusal::Public => "register another without --public",
        ApplicationRefusal::PublicPermissions => "give it --delegated ones",
        ApplicationRefusal::Unknown(_) => "see: chaveiro app show APP",
    }
}

fn of_vouch(refusal: &VouchRefusal) -> Option<&'static str> {
    match refusal {
        VouchRefusal::Unknown(_) => Some("see: chaveiro sign-in list"),
        VouchRefusal::NoUser(_) => Some("make one with POST /v1.0/users and its userPrincipalName"),
        VouchRefusal::NobodyToRevoke(_) => Some(
            "name a user of another issuer by object id (oid), or as its tokens do (oid, sub or principal name) with: chaveiro sign-in revoke --external NAME",
        ),
        // These say what the person at the other end does.
        VouchRefusal::Expired(_) | VouchRefusal::Decided(_) | VouchRefusal::Refused(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use chaveiro_core::keys::KeyName;

    use super::*;

    #[test]
    fn an_error_of_the_domain_gets_the_command_that_helps_also_inside_of_another() {
        let key = "issuer".parse::<KeyName>().expect_err("no key").into();
        let application = Refusal::from(ApplicationRefusal::TooManyCertificates).into();
        let vouch = Err::<(), _>(VouchRefusal::Unknown("AB".to_owned())).context("not decided").expect_err("refused");
        for (error, expected) in [
            (key, Some("list them with: chaveiro keys list")),
            (
                Refusal::from(ApplicationRefusal::TooManySecrets("1 and 2".to_owned())).into(),
                Some("remove the one nobody uses any more with: chaveiro app remove-secret ID"),
            ),
            (application, Some("remove one with: chaveiro app remove-certificate APP THUMBPRINT")),
            (vouch, Some("see: chaveiro sign-in list")),
            (VouchRefusal::Expired("AB".to_owned()).into(), None),
            (anyhow::anyhow!("another"), None),
        ] {
            assert_eq!(of(&error), expected, "{error:#}");
        }
    }
}

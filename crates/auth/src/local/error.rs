//! The refusals of the login endpoints, in one exhaustive table (docs/graph-facts.md#token-errors). Clients read `error`; people search for
//! the AADSTS number.

use chaveiro_core::Timestamp;
use chaveiro_core::application::ApplicationSecret;
use chaveiro_core::id::ResourceId;
use chaveiro_core::refused::Reason;
use http::StatusCode;

use crate::ceiling::Throttled;
use crate::claims_request::ClaimsRefusal;
use crate::client_assertion::AssertionRefusal;
use crate::scope::ScopeRefusal;

/// The reason why no token and no code is given.
pub(super) enum Refusal {
    UnknownTenant(String),
    NoTenantNamed,
    PersonalAccounts,
    NotAForm,
    TooSlow(u64),
    Missing(&'static str),
    Grant(String),
    Scope(ScopeRefusal),
    Claims(ClaimsRefusal),
    NotDefault,
    NoSecret,
    NoProof,
    WrongSecret,
    ExpiredSecret(Vec<ApplicationSecret>),
    PublicWithSecret,
    AssertionType,
    Assertion(AssertionRefusal),
    UnknownApplication(String),
    Consent { application: String, missing: Option<&'static str> },
    Pending,
    TooOften,
    CodeExpired,
    CodeUnknown,
    CodeUsed,
    Declined,
    UnknownUser(ResourceId),
    DisabledUser(ResourceId),
    RefreshRevoked,
    RefreshReused,
    RefreshExpired,
    RefreshMalformed,
    TooManyCodes,
    TooManyCodesHere(Throttled),
    TooManyFailures(Throttled),
    TooManyTokens(Throttled),
    Busy,
}

/// One row of the table.
pub(super) struct Row {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) code: u32,
    pub(super) suberror: Option<&'static str>,
}

/// The meaning of each number, for the page that `error_uri` names. Refusals that share a number share its meaning.
pub(super) const CODES: &[(u32, &str)] = &[
    (50027, "The client assertion is malformed, or signed with another algorithm than RS256 or PS256."),
    (50053, "Too many attempts from this address failed to prove to be that application. Wait, and check the secret."),
    (50034, "The person who signed in is not among the users of the tenant any more."),
    (
        50057,
        "The account of the person who signed in is disabled (`accountEnabled` of the user). An administrator enables it with `chaveiro user enable NAME`.",
    ),
    (50059, "The request names no tenant, and there is more than one. Put the tenant's id into the address."),
    (50173, "The sign-in has ended: signed out, revoked, or its refresh token was used twice. Sign in again."),
    (50020, "Personal Microsoft accounts cannot sign in here. Use the address of your tenant."),
    (54005, "The device code was already used. Begin a new sign-in."),
    (65001, "The application is not registered for all the permissions that it asks for."),
    (65004, "An operator denied the sign-in."),
    (70003, "The grant type is not supported."),
    (70011, "The scope is not valid."),
    (70016, "The sign-in is not approved yet. Keep polling at the given interval."),
    (70019, "The code has expired after 15 minutes. Begin a new sign-in."),
    (70000, "The device code is not known. Begin a new sign-in."),
    (
        90002,
        "The tenant does not exist. An operator on the server's host sees those that do with `chaveiro tenant list`.",
    ),
    (
        90055,
        "Too many requests: tokens of an application or its tenant, or device codes from one address. Reuse a token while it lives, an hour.",
    ),
    (90033, "The server is busy for a moment. Try again."),
    (700003, "The refresh token is malformed. Sign in again."),
    (
        700016,
        "The application does not exist in this tenant. An operator on the server's host sees those that do with `chaveiro app list`.",
    ),
    (700021, "Issuer and subject of the client assertion must both be the client id."),
    (700023, "The audience of the client assertion must be the token endpoint."),
    (700024, "The client assertion has expired, is not valid yet, or ends more than an hour ahead. Check the clocks."),
    (700025, "The application is a public client and has no secret. Send none."),
    (700027, "The client assertion is not signed with a registered, valid certificate of the application."),
    (700082, "The refresh token has expired because it was unused for too long. Sign in again."),
    (900144, "The request is not a form, or lacks a parameter."),
    (
        1002012,
        "An application that signs in as itself asks for `.default`; its permissions are those it is registered for.",
    ),
    (7000215, "The client secret is wrong. Send its value, not its id."),
    (7000216, "A client secret or a client assertion is needed."),
    (7000218, "The application is a confidential client: a client secret or a client assertion is needed."),
    (
        7000222,
        "The client secret has ended. An operator on the server's host makes another with `chaveiro app add-secret ID`.",
    ),
    (9002313, "The request is malformed: its 'claims' are not JSON of the right form."),
    (7000219, "The client assertion is of another type than jwt-bearer, or lacks it."),
];

impl Refusal {
    pub(super) fn row(&self) -> Row {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        const UNAUTHORIZED: StatusCode = StatusCode::UNAUTHORIZED;
        let (status, error, code, suberror) = match self {
            Self::UnknownTenant(_) => (BAD, "invalid_tenant", 90002, None),
            Self::NoTenantNamed => (BAD, "invalid_request", 50059, None),
            Self::PersonalAccounts => (BAD, "invalid_request", 50020, None),
            Self::NotAForm | Self::Missing(_) => (BAD, "invalid_request", 900144, None),
            Self::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "invalid_request", 900144, None),
            Self::Grant(_) => (BAD, "unsupported_grant_type", 70003, None),
            Self::Scope(_) => (BAD, "invalid_scope", 70011, None),
            Self::Claims(_) => (BAD, "invalid_request", 9002313, None),
            Self::NotDefault => (BAD, "invalid_scope", 1002012, None),
            Self::NoSecret => (UNAUTHORIZED, "invalid_client", 7000216, None),
            Self::NoProof => (UNAUTHORIZED, "invalid_client", 7000218, None),
            Self::WrongSecret => (UNAUTHORIZED, "invalid_client", 7000215, None),
            Self::ExpiredSecret(_) => (UNAUTHORIZED, "invalid_client", 7000222, None),
            Self::PublicWithSecret => (UNAUTHORIZED, "invalid_client", 700025, None),
            Self::AssertionType => (UNAUTHORIZED, "invalid_client", 7000219, None),
            Self::Assertion(refusal) => (UNAUTHORIZED, "invalid_client", assertion_code(refusal), None),
            Self::UnknownApplication(_) => (BAD, "unauthorized_client", 700016, None),
            Self::Consent { .. } => (BAD, "invalid_grant", 65001, Some("consent_required")),
            Self::Pending => (BAD, "authorization_pending", 70016, None),
            Self::TooOften => (BAD, "slow_down", 70016, None),
            Self::CodeExpired => (BAD, "expired_token", 70019, None),
            Self::CodeUnknown => (BAD, "bad_verification_code", 70000, None),
            Self::CodeUsed => (BAD, "invalid_grant", 54005, None),
            Self::Declined => (BAD, "authorization_declined", 65004, None),
            Self::UnknownUser(_) => (BAD, "invalid_grant", 50034, None),
            Self::DisabledUser(_) => (BAD, "invalid_grant", 50057, None),
            Self::RefreshRevoked | Self::RefreshReused => (BAD, "invalid_grant", 50173, Some("bad_token")),
            Self::RefreshExpired => (BAD, "invalid_grant", 700082, Some("bad_token")),
            Self::RefreshMalformed => (BAD, "invalid_grant", 700003, Some("bad_token")),
            Self::TooManyTokens(_) | Self::TooManyCodesHere(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", 90055, None)
            }
            Self::TooManyFailures(_) => (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", 50053, None),
            Self::TooManyCodes | Self::Busy => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", 90033, None)
            }
        };
        Row { status, error, code, suberror }
    }

    /// The seconds until there is room again, for a refusal by a rate limit.
    pub(super) fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooManyTokens(throttled) | Self::TooManyCodesHere(throttled) | Self::TooManyFailures(throttled) => {
                Some(throttled.retry_after_s)
            }
            _ if self.row().status == StatusCode::SERVICE_UNAVAILABLE => Some(1),
            _ => None,
        }
    }

    /// The reason under which the audit record and the metrics count it. `None` for a request that is malformed, early
    /// or could not be answered.
    pub(super) fn reason(&self) -> Option<Reason> {
        Some(match self {
            Self::UnknownTenant(_) | Self::UnknownApplication(_) | Self::PersonalAccounts => Reason::UnknownName,
            Self::NoSecret | Self::NoProof | Self::WrongSecret | Self::PublicWithSecret => Reason::WrongProof,
            Self::AssertionType | Self::Assertion(_) => Reason::WrongProof,
            Self::ExpiredSecret(_) => Reason::ExpiredSecret,
            Self::Consent { .. } => Reason::Forbidden,
            Self::CodeUnknown | Self::CodeUsed => Reason::WrongCode,
            Self::CodeExpired => Reason::ExpiredCode,
            Self::Declined => Reason::Denied,
            Self::UnknownUser(_) | Self::DisabledUser(_) => Reason::Account,
            Self::RefreshRevoked | Self::RefreshReused | Self::RefreshExpired | Self::RefreshMalformed => {
                Reason::RefreshToken
            }
            Self::TooManyCodes | Self::TooManyCodesHere(_) | Self::TooManyFailures(_) | Self::TooManyTokens(_) => {
                Reason::TooMany
            }
            Self::NoTenantNamed | Self::NotAForm | Self::TooSlow(_) | Self::Missing(_) | Self::Grant(_) => return None,
            Self::Scope(_) | Self::Claims(_) | Self::NotDefault | Self::Pending | Self::TooOften | Self::Busy => {
                return None;
            }
        })
    }

    /// The user whose account the refusal concerns.
    pub(super) fn user(&self) -> Option<ResourceId> {
        match self {
            Self::UnknownUser(user) | Self::DisabledUser(user) => Some(*user),
            _ => None,
        }
    }

    /// Returns whether the request may be a guess: its proof matches nothing that the application has or had. An old
    /// secret does not count, nor does an assertion of the right key with a wrong clock.
    pub(super) fn proves_nothing(&self) -> bool {
        matches!(
            self,
            Self::WrongSecret
                | Self::CodeUnknown
                | Self::Assertion(
                    AssertionRefusal::Malformed | AssertionRefusal::UnknownCertificate(_) | AssertionRefusal::Signature
                )
        )
    }

    /// The problem and the remedy, without the number. The text never contains a secret. Quotations of the request go
    /// into JSON only.
    pub(super) fn text(&self, base_url: &str) -> String {
        match self {
            Self::UnknownTenant(tenant) => {
                format!("Tenant '{tenant}' not found. Use the tenant id that `chaveiro tenant list` prints.")
            }
            Self::Missing(field) => format!("The request body must contain the following parameter: '{field}'."),
            Self::NotAForm => "The request body must be application/x-www-form-urlencoded, each parameter once.".to_owned(),
            Self::TooSlow(seconds) => {
                format!("The request body did not arrive within {seconds} seconds. Send it again.")
            }
            Self::Grant(grant) => format!(
                "The grant type '{grant}' is not supported here. Use client_credentials, urn:ietf:params:oauth:grant-type:device_code or refresh_token."
            ),
            Self::Scope(refusal) => format!(
                "The provided value for the input parameter 'scope' is not valid. {refusal} Ask for https://graph.microsoft.com/.default or {base_url}/.default."
            ),
            Self::Claims(refusal) => {
                format!("The provided value for the input parameter 'claims' is not valid: {refusal}.")
            }
            Self::NotDefault => format!(
                "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier, such as {base_url}/.default."
            ),
            Self::NoSecret => {
                "The request body must contain 'client_secret' or 'client_assertion' for the 'client_credentials' grant type."
                    .to_owned()
            }
            Self::NoProof => {
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'. The application is a confidential client.".to_owned()
            }
            Self::WrongSecret => {
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID; make another with `chaveiro app add-secret ID`.".to_owned()
            }
            Self::ExpiredSecret(secrets) => {
                let ends = secrets.iter().map(|secret| format!("{}… ended on {}", secret.hint, day(secret.expires)));
                format!(
                    "The provided client secret keys are expired: {}. Make another with `chaveiro app add-secret ID`, then remove the old one.",
                    ends.collect::<Vec<_>>().join(", ")
                )
            }
            Self::AssertionType => format!(
                "'client_assertion' and 'client_assertion_type' belong together; the type is {}.",
                crate::client_assertion::ASSERTION_TYPE
            ),
            Self::Assertion(refusal) => refusal.to_string(),
            Self::UnknownApplication(id) => format!(
                "Application with identifier '{id}' was not found in the directory. Register it with `chaveiro app register`."
            ),
            Self::Consent { application, missing: Some(permission) } => format!(
                "The application '{application}' is not registered for the delegated permission {permission}. Register one with `chaveiro app register --delegated {permission}`."
            ),
            Self::Consent { application, missing: None } => format!(
                "The application '{application}' is registered for no delegated permission. Register one with `chaveiro app register --delegated`."
            ),
            Self::TooOften => "The client asks too often. Wait for the interval between two questions.".to_owned(),
            Self::RefreshReused => {
                "The provided grant has been revoked: the refresh token was used twice, so another party may have it. Sign in again.".to_owned()
            }
            Self::TooManyTokens(throttled) => format!(
                "There are too many incoming requests. Ask again in {} s, and keep each token while it lives.",
                throttled.retry_after_s
            ),
            Self::TooManyCodesHere(throttled) => format!(
                "Too many sign-ins were begun from this address. Begin again in {} s.",
                throttled.retry_after_s
            ),
            Self::TooManyFailures(throttled) => format!(
                "Too many attempts from this address did not prove to be this application. Ensure that the secret or the certificate is the registered one, and try again in {} s.",
                throttled.retry_after_s
            ),
            Self::TooManyCodes => "Too many sign-ins wait for approval in this tenant. Try again in a few minutes.".to_owned(),
            Self::NoTenantNamed
            | Self::PersonalAccounts
            | Self::PublicWithSecret
            | Self::Pending
            | Self::CodeExpired
            | Self::CodeUnknown
            | Self::CodeUsed
            | Self::Declined
            | Self::UnknownUser(_)
            | Self::DisabledUser(_)
            | Self::RefreshRevoked
            | Self::RefreshExpired
            | Self::RefreshMalformed
            | Self::Busy => meaning(self.row().code).unwrap_or_default().to_owned(),
        }
    }
}

/// Returns the meaning of that number.
pub(super) fn meaning(code: u32) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}

fn assertion_code(refusal: &AssertionRefusal) -> u32 {
    match refusal {
        AssertionRefusal::Malformed => 50027,
        AssertionRefusal::NotTheClient => 700021,
        AssertionRefusal::Audience(_) => 700023,
        AssertionRefusal::Time(_) => 700024,
        AssertionRefusal::UnknownCertificate(_)
        | AssertionRefusal::CertificateDates { .. }
        | AssertionRefusal::Signature => 700027,
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use chaveiro_lang::{Lang, Text};

    use super::*;

    #[test]
    fn every_meaning_is_in_the_catalogues_and_no_number_is_left_over_there() {
        for (code, meaning) in CODES {
            let text = Text::known(format!("aadsts-{code}"), []).unwrap_or_else(|| panic!("{code} is missing"));
            assert_eq!(text.say(Lang::english()), *meaning);
            for lang in Lang::all().filter(|lang| *lang != Lang::english()) {
                assert_ne!(text.say(lang), *meaning, "{lang:?}");
            }
        }
        let messages = Lang::english().messages();
        let numbers = messages.iter().filter_map(|(id, _)| id.strip_prefix("aadsts-")?.parse().ok());
        assert_eq!(numbers.filter(|code| meaning(*code).is_none()).collect::<Vec<_>>(), Vec::<u32>::new());
    }

    #[test]
    fn every_refusal_has_a_text_a_number_and_a_meaning_of_that_number() {
        let text = || "x".to_owned();
        let all = [
            Refusal::UnknownTenant(text()),
            Refusal::NoTenantNamed,
            Refusal::PersonalAccounts,
            Refusal::NotAForm,
            Refusal::TooSlow(20),
            Refusal::Missing("scope"),
            Refusal::Grant(text()),
            Refusal::Scope(ScopeRefusal::Nothing),
            Refusal::Claims(ClaimsRefusal::NotAnObject),
            Refusal::NotDefault,
            Refusal::NoSecret,
            Refusal::NoProof,
            Refusal::WrongSecret,
            Refusal::ExpiredSecret(Vec::new()),
            Refusal::PublicWithSecret,
            Refusal::AssertionType,
            Refusal::Assertion(AssertionRefusal::Malformed),
            Refusal::Assertion(AssertionRefusal::NotTheClient),
            Refusal::Assertion(AssertionRefusal::Audience(text())),
            Refusal::Assertion(AssertionRefusal::Time("x")),
            Refusal::Assertion(AssertionRefusal::Signature),
            Refusal::UnknownApplication(text()),
            Refusal::Consent { application: text(), missing: None },
            Refusal::Pending,
            Refusal::TooOften,
            Refusal::CodeExpired,
            Refusal::CodeUnknown,
            Refusal::CodeUsed,
            Refusal::Declined,
            Refusal::UnknownUser(ResourceId(uuid::Uuid::nil())),
            Refusal::DisabledUser(ResourceId(uuid::Uuid::nil())),
            Refusal::RefreshRevoked,
            Refusal::RefreshReused,
            Refusal::RefreshExpired,
            Refusal::RefreshMalformed,
            Refusal::TooManyCodes,
            Refusal::TooManyCodesHere(Throttled { retry_after_s: 1 }),
            Refusal::TooManyFailures(Throttled { retry_after_s: 1 }),
            Refusal::TooManyTokens(Throttled { retry_after_s: 1 }),
            Refusal::Busy,
        ];
        for refusal in &all {
            let row = refusal.row();
            assert!(meaning(row.code).is_some(), "{} has no meaning", row.code);
            assert!(!refusal.text("https://chaveiro.example").is_empty(), "{}", row.code);
            let proof = matches!(refusal.reason(), Some(Reason::WrongProof | Reason::ExpiredSecret));
            assert_eq!(row.status == StatusCode::UNAUTHORIZED, proof, "{}: a wrong proof is counted as one", row.code);
            let throttled = refusal.retry_after_s().is_some() && refusal.reason().is_some();
            assert_eq!(throttled, refusal.reason() == Some(Reason::TooMany), "{}", row.code);
            assert!(row.status.is_client_error() || row.status == StatusCode::SERVICE_UNAVAILABLE);
        }
        for (code, _) in CODES {
            assert!(all.iter().any(|refusal| refusal.row().code == *code), "{code} has no refusal");
        }
    }
}

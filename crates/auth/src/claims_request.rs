//! The `claims` parameter of a token request (OpenID Connect Core, 5.5): the claims that a client asks for in its
//! token.
//!
//! Microsoft's libraries use it to say that they understand a claims challenge (`xms_cc` with `cp1`). They also pass on
//! the challenge of a refused token, unchanged:
//!
//! ```json
//! {"access_token": {"nbf": {"essential": true, "value": "1800000000"}, "xms_cc": {"values": ["cp1"]}}}
//! ```
//!
//! The server checks only the form of the challenge. A token that is minted now was issued after every revocation so
//! far. If the client chose the time, its token could outlive the next revocation.

use serde_json::{Map, Value};
use thiserror::Error;

/// The longest request that is read, in bytes. A challenge has about 100.
const MAX_BYTES: usize = 4 * 1024;

/// The value by which a client says that it understands claims challenges, in any case.
pub(crate) const CAPABLE: &str = "cp1";

/// The part of a claims request that concerns the access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClaimsRequest {
    /// Set if the client understands a claims challenge.
    pub(crate) capable: bool,
}

/// The reason why a request cannot be read. Each text says what a request must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum ClaimsRefusal {
    /// The request is longer than any challenge.
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// The request is not a JSON object.
    #[error("it must be a JSON object, such as {{\"access_token\":{{\"xms_cc\":{{\"values\":[\"cp1\"]}}}}}}")]
    NotAnObject,
    /// The claims of the access token are not an object.
    #[error("'access_token' in it must be null or an object, and each of its claims too")]
    AccessToken,
    /// The value of `nbf` is not a time.
    #[error("the value of 'nbf' in it must be a number of seconds since 1970")]
    Moment,
}

impl ClaimsRequest {
    /// Reads a request; an empty one asks for nothing.
    pub(crate) fn parse(text: &str) -> Result<Self, ClaimsRefusal> {
        if text.len() > MAX_BYTES {
            return Err(ClaimsRefusal::TooLong);
        }
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let document: Map<String, Value> = serde_json::from_str(text).map_err(|_| ClaimsRefusal::NotAnObject)?;
        let Some(claims) = object(document.get("access_token"))? else { return Ok(Self::default()) };
        for claim in claims.values() {
            object(Some(claim))?;
        }
        let values = |name: &str| {
            let wanted = claims.get(name).and_then(Value::as_object);
            let many = wanted.and_then(|wanted| wanted.get("values")?.as_array()).into_iter().flatten();
            wanted.and_then(|wanted| wanted.get("value")).into_iter().chain(many)
        };
        if !values("nbf").all(is_moment) {
            return Err(ClaimsRefusal::Moment);
        }
        let capable =
            values("xms_cc").any(|value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(CAPABLE)));
        Ok(Self { capable })
    }
}

fn object(value: Option<&Value>) -> Result<Option<&Map<String, Value>>, ClaimsRefusal> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(ClaimsRefusal::AccessToken),
    }
}

/// Returns whether the value is a number of seconds. Challenges write it as text.
fn is_moment(value: &Value) -> bool {
    value.as_u64().is_some() || value.as_str().is_some_and(|text| text.parse::<u64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_for_the_capability_and_refused_by_its_form() {
        let able = |capable| Ok(ClaimsRequest { capable });
        let challenge = r#"{"access_token":{"nbf":{"essential":true,"value":"1800000000"}}}"#;
        let both =
            r#"{"access_token":{"nbf":{"essential":true,"value":"1800000000"},"xms_cc":{"values":["x","CP1"]}}}"#;
        for (text, expected) in [
            ("", able(false)),
            (" ", able(false)),
            ("{}", able(false)),
            (r#"{"access_token":null,"id_token":{"auth_time":{"essential":true}}}"#, able(false)),
            (r#"{"access_token":{"xms_cc":{"values":["CP1"]}}}"#, able(true)),
            (r#"{"access_token":{"xms_cc":{"value":"cp1"}}}"#, able(true)),
            (r#"{"access_token":{"xms_cc":null,"acrs":{"values":["cp1"]}}}"#, able(false)),
            (r#"{"access_token":{"xms_cc":{"values":[1,null]}}}"#, able(false)),
            (r#"{"id_token":{"xms_cc":{"values":["cp1"]}}}"#, able(false)),
            (challenge, able(false)),
            (both, able(true)),
            (r#"{"access_token":{"nbf":{"value":1800000000}}}"#, able(false)),
            (r#"{"access_token":{"nbf":{"value":"tomorrow"}}}"#, Err(ClaimsRefusal::Moment)),
            (r#"{"access_token":{"nbf":{"value":-1}}}"#, Err(ClaimsRefusal::Moment)),
            ("{", Err(ClaimsRefusal::NotAnObject)),
            ("[]", Err(ClaimsRefusal::NotAnObject)),
            ("\"cp1\"", Err(ClaimsRefusal::NotAnObject)),
            (r#"{"access_token":["xms_cc"]}"#, Err(ClaimsRefusal::AccessToken)),
            (r#"{"access_token":{"xms_cc":["cp1"]}}"#, Err(ClaimsRefusal::AccessToken)),
        ] {
            assert_eq!(ClaimsRequest::parse(text), expected, "{text}");
        }
        assert_eq!(ClaimsRequest::parse(&" ".repeat(MAX_BYTES + 1)), Err(ClaimsRefusal::TooLong));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_requests_never_panic(text in r#"\{"access_token":[\[\]{}:,"a-z0-9]{0,60}"#) {
            let _ = ClaimsRequest::parse(&text);
        }
    }
}

//! The claims of a token, read by name and by type. [`crate::subject`] decides what they mean.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::time::Duration;

use chaveiro_core::Timestamp;
use serde::de::{self, DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use uuid::{Uuid, uuid};

use crate::refusal::TokenRefusal;

/// The tolerated difference between the clock of an issuer and ours.
pub(crate) const LEEWAY: Duration = Duration::from_secs(60);

/// The tenant of personal Microsoft accounts.
const CONSUMERS: Uuid = uuid!("9188040d-6c67-4c5b-b112-36a304b66dad");

/// The values of a claim that issuers write as one text or as a list.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    pub(crate) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

/// The claims of one token. Each name may occur once, and names are case-sensitive. `null` is the same as absent.
pub(crate) struct Claims(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Claims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Claims, A::Error> {
                let mut claims = BTreeMap::new();
                while let Some((name, value)) = members.next_entry()? {
                    match claims.entry(name) {
                        Entry::Vacant(place) => place.insert(value),
                        // RFC 7519, 4: the issuer and this server could each read a different one of the two.
                        Entry::Occupied(_) => return Err(de::Error::custom("a claim stands twice")),
                    };
                }
                Ok(Claims(claims))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Claims {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns whether the claim is present, with any type.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A claim that is one text.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, TokenRefusal> {
        let wrong = TokenRefusal::WrongType { claim: name };
        self.get(name).map(|value| value.as_str().ok_or(wrong)).transpose()
    }

    /// A claim that is a non-empty text.
    pub(crate) fn name(&self, name: &'static str) -> Result<Option<&str>, TokenRefusal> {
        Ok(self.text(name)?.filter(|text| !text.trim().is_empty()))
    }

    /// A claim that is a structure.
    pub(crate) fn structure<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, TokenRefusal> {
        let read = |value: &Value| T::deserialize(value).map_err(|_| TokenRefusal::WrongType { claim: name });
        self.get(name).map(read).transpose()
    }

    /// A claim whose name an operator configured. A list is refused, because it would leave open which text counts.
    pub(crate) fn configured(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A claim that is a list of texts.
    pub(crate) fn list(&self, name: &'static str) -> Result<Option<Vec<&str>>, TokenRefusal> {
        let wrong = TokenRefusal::WrongType { claim: name };
        let Some(value) = self.get(name) else { return Ok(None) };
        let items = value.as_array().ok_or(wrong)?;
        items.iter().map(|item| item.as_str().ok_or(wrong)).collect::<Result<_, _>>().map(Some)
    }

    /// A claim that issuers write as one text or as a list of them.
    pub(crate) fn texts(&self, name: &'static str) -> Result<Option<Vec<&str>>, TokenRefusal> {
        match self.get(name).and_then(Value::as_str) {
            Some(text) => Ok(Some(vec![text])),
            None => self.list(name),
        }
    }

    /// A time in seconds since 1970 (RFC 7519, `NumericDate`). A time outside our calendar is refused.
    fn moment(&self, name: &'static str) -> Result<Option<f64>, TokenRefusal> {
        let range = 0.0..=Timestamp::MAX.as_second() as f64;
        match self.get(name) {
            None => Ok(None),
            Some(Value::Number(seconds)) => {
                let seconds = seconds.as_f64().filter(|seconds| range.contains(seconds));
                seconds.map(Some).ok_or(TokenRefusal::TimeOutOfRange { claim: name })
            }
            Some(_) => Err(TokenRefusal::WrongType { claim: name }),
        }
    }

    /// Checks `nbf <= now < exp`, with a little leeway. A token without `exp` is refused. So is one whose `iat` lies
    /// ahead: it would outlive a revocation that comes first.
    pub(crate) fn check_times(&self, now: Timestamp) -> Result<(), TokenRefusal> {
        let now = now.as_second() as f64;
        let leeway = LEEWAY.as_secs_f64();
        let begins = [self.moment("nbf")?, self.moment("iat")?];
        let expires = self.moment("exp")?.ok_or(TokenRefusal::Expired)?;
        if now >= expires + leeway {
            return Err(TokenRefusal::Expired);
        }
        match begins.into_iter().flatten().any(|begins| now + leeway < begins) {
            true => Err(TokenRefusal::NotYetValid),
            false => Ok(()),
        }
    }

    /// The time at which the token was issued; without `iat`, the start of its validity.
    pub(crate) fn issued(&self) -> Result<Option<Timestamp>, TokenRefusal> {
        let seconds = self.moment("iat")?.or(self.moment("nbf")?);
        Ok(seconds.and_then(|seconds| Timestamp::from_second(seconds.floor() as i64).ok()))
    }

    /// The audiences of the token.
    pub(crate) fn audiences(&self) -> Result<Vec<&str>, TokenRefusal> {
        Ok(self.texts("aud")?.unwrap_or_default())
    }

    pub(crate) fn check_audience(&self, accepted: &[String]) -> Result<(), TokenRefusal> {
        let ours = |audience: &&str| accepted.iter().any(|accepted| is_same_audience(accepted, audience));
        if self.audiences()?.iter().any(ours) { Ok(()) } else { Err(TokenRefusal::WrongAudience) }
    }

    /// The directory that `tid` names. Personal accounts have their own refusal, because their owners need a different
    /// answer.
    pub(crate) fn directory(&self) -> Result<Option<Uuid>, TokenRefusal> {
        let Some(text) = self.text("tid")? else { return Ok(None) };
        match Uuid::try_parse(text) {
            Ok(CONSUMERS) => Err(TokenRefusal::PersonalAccount),
            Ok(directory) => Ok(Some(directory)),
            Err(_) => Err(TokenRefusal::NoTenant),
        }
    }
}

/// Returns whether both are the same audience; a slash at the end makes no difference.
pub(crate) fn is_same_audience(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

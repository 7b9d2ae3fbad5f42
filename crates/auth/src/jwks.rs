//! The signing keys of an external issuer: fetched by URL and cached. They are fetched again when a key id is unknown
//! or the set is an hour old. While the issuer is unreachable, the known keys serve for a limited time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chaveiro_core::Timestamp;
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};

use crate::jws::{PublicKey, serves};
use crate::refusal::TokenRefusal;

/// The age from which a set is fetched again.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// The pause between two attempts: a flood of unknown key ids must not become a flood of requests.
const BETWEEN_TRIES: Duration = Duration::from_secs(30);

const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest document that is read, in bytes.
const MAX_BYTES: usize = 512 * 1024;

/// The place where the keys are found.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The address of the set itself.
    Jwks(Url),
    /// The discovery document that names the set.
    Discovery {
        /// The address of the document.
        url: Url,
        /// The issuer that the document must name.
        issuer: String,
    },
}

/// An issuer whose keys could not be fetched.
pub(crate) struct Failing {
    /// The time at which the known keys stop serving; `None` if there are none.
    pub(crate) serve_until: Option<Timestamp>,
}

struct Fetched {
    keys: Vec<Arc<PublicKey>>,
    at: Timestamp,
}

impl Fetched {
    /// Returns whether the issuer has no key that is missing here: the set is as new as rate-limited fetches allow.
    fn answers_for(&self, now: Timestamp) -> bool {
        !is_apart(self.at, BETWEEN_TRIES, now)
    }
}

pub(crate) struct RemoteKeys {
    source: Source,
    client: reqwest::Client,
    /// The longest time for which keys serve that could not be fetched again.
    most_stale: Duration,
    fetched: ArcSwapOption<Fetched>,
    /// Set if the last attempt failed.
    failing: AtomicBool,
    // Held while fetching: callers that need the same keys wait for one request.
    last_try: Mutex<Option<Timestamp>>,
}

impl RemoteKeys {
    pub(crate) fn new(source: Source, client: reqwest::Client, most_stale: Duration) -> Self {
        let (fetched, failing, last_try) = (ArcSwapOption::empty(), AtomicBool::new(false), Mutex::new(None));
        Self { source, client, most_stale, fetched, failing, last_try }
    }

    /// Returns the end of service of the known keys, if the last attempt to fetch them failed.
    pub(crate) fn failing(&self) -> Option<Failing> {
        let until = |fetched: Arc<Fetched>| fetched.at.checked_add(self.most_stale).ok();
        let failing = self.failing.load(Ordering::Relaxed);
        failing.then(|| Failing { serve_until: self.fetched.load_full().and_then(until) })
    }

    /// Returns the key of that id for that algorithm; without an id, the only key of the set that serves it.
    pub(crate) async fn key(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Arc<PublicKey>, TokenRefusal> {
        let known = self.fetched.load_full();
        let usable = known.as_deref().filter(|fetched| !self.is_spent(fetched, now));
        let found = usable.map(|fetched| (find(&fetched.keys, id, algorithm), is_apart(fetched.at, FRESH, now)));
        let stale = match found {
            Some((Ok(key), false)) => return Ok(key),
            Some((found, _)) => found.ok(),
            None => None,
        };
        let last_try = match (self.last_try.try_lock(), &stale) {
            (Ok(last_try), _) => last_try,
            // Another caller is fetching already. The known key is good enough meanwhile, as an issuer can be slow to
            // fail.
            (Err(_), Some(key)) => return Ok(Arc::clone(key)),
            (Err(_), None) => self.last_try.lock().await,
        };
        let retry_after_s = self.refresh(last_try, now, known.as_ref()).await;
        let known = self.fetched.load_full().ok_or(TokenRefusal::IssuerUnavailable { retry_after_s })?;
        if self.is_spent(&known, now) {
            return Err(TokenRefusal::KeysTooOld { retry_after_s });
        }
        // An unknown key is refused only if the set is new enough to say so. Otherwise the issuer could not be reached.
        find(&known.keys, id, algorithm).map_err(|refusal| match known.answers_for(now) {
            true => refusal,
            false => TokenRefusal::IssuerUnavailable { retry_after_s },
        })
    }

    /// Returns whether the set is too old to serve. A key that the issuer removed must not live for as long as an
    /// attacker can block its address.
    fn is_spent(&self, fetched: &Fetched, now: Timestamp) -> bool {
        is_apart(fetched.at, self.most_stale, now)
    }

    /// Fetches the keys, at most one fetch at a time. Returns the seconds until the next attempt.
    async fn refresh(
        &self,
        mut last_try: MutexGuard<'_, Option<Timestamp>>,
        now: Timestamp,
        seen: Option<&Arc<Fetched>>,
    ) -> u64 {
        let current = self.fetched.load_full();
        let changed = current.as_ref().map(Arc::as_ptr) != seen.map(Arc::as_ptr);
        let tried = last_try.filter(|at| changed || !is_apart(*at, BETWEEN_TRIES, now));
        if tried.is_none() {
            *last_try = Some(now);
            let fetched = self.fetch().await;
            self.failing.store(fetched.is_err(), Ordering::Relaxed);
            match fetched {
                Ok(keys) => self.fetched.store(Some(Arc::new(Fetched { keys, at: now }))),
                Err(error) => {
                    tracing::warn!(source = ?self.source, %error, "the signing keys of an issuer were not fetched")
                }
            }
        }
        let age = u64::try_from(now.duration_since(tried.unwrap_or(now)).as_secs()).unwrap_or(0);
        BETWEEN_TRIES.as_secs().saturating_sub(age).max(1)
    }

    async fn fetch(&self) -> Result<Vec<Arc<PublicKey>>, String> {
        #[derive(Deserialize)]
        struct KeySet {
            keys: Vec<serde_json::Value>,
        }
        let url = match &self.source {
            Source::Jwks(url) => url.clone(),
            Source::Discovery { url, issuer } => {
                parse::<Discovery>(&self.document(url.clone()).await?)?.keys(url, issuer)?
            }
        };
        let set: KeySet = parse(&self.document(url).await?)?;
        // Keys of an unknown kind are left out; the others serve (RFC 7517, 5).
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(keys.map(|key| Arc::new(key.into())).collect())
    }

    async fn document(&self, url: Url) -> Result<Vec<u8>, String> {
        let text = |error: reqwest::Error| error.to_string();
        let mut response = self.client.get(url).timeout(TIMEOUT).send().await.map_err(text)?;
        // The client follows no redirect: only the configured address is trusted.
        if response.status() != StatusCode::OK {
            return Err(format!("{} answers {}", response.url(), response.status()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(text)? {
            if bytes.len() + chunk.len() > MAX_BYTES {
                return Err(format!("the document is larger than {MAX_BYTES} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// A discovery document (OpenID Connect Discovery, 3).
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Discovery {
    /// The address of the keys, if the document was found at that address and names that issuer.
    fn keys(&self, found: &Url, issuer: &str) -> Result<Url, String> {
        // OpenID Connect Discovery, 4.3: identical, or an issuer could speak for another.
        if self.issuer != issuer {
            return Err(format!("the discovery document is of another issuer: {}", self.issuer));
        }
        let keys = secure(&self.jwks_uri).filter(|keys| found.scheme() != "https" || keys.scheme() == "https");
        keys.ok_or_else(|| format!("the address of the keys, {}, is not https", self.jwks_uri))
    }
}

/// The address, if its answers cannot be changed in transit: https, or http on this machine.
pub(crate) fn secure(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?;
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    let loopback = address.map_or(host == "localhost", |address| address.is_loopback());
    let plain = url.username().is_empty() && url.password().is_none();
    let fits = match url.scheme() {
        "https" => plain,
        "http" => plain && loopback,
        _ => false,
    };
    fits.then_some(url)
}

/// The key of that id that serves the algorithm. Keys for other purposes may have the same id.
fn find(keys: &[Arc<PublicKey>], id: Option<&str>, algorithm: Algorithm) -> Result<Arc<PublicKey>, TokenRefusal> {
    let named = keys.iter().filter(|key| id.is_none() || key.jwk.common.key_id.as_deref() == id);
    let (serving, others): (Vec<_>, Vec<_>) =
        named.map(|key| (key, serves(&key.jwk, algorithm))).partition(|(_, serves)| serves.is_ok());
    match (id, serving.as_slice()) {
        (Some(_), [(key, _), ..]) | (None, [(key, _)]) => Ok(Arc::clone(key)),
        (Some(_), []) => {
            Err(others.first().and_then(|(_, refused)| refused.err()).unwrap_or(TokenRefusal::BadSignature))
        }
        (None, _) => Err(TokenRefusal::BadSignature),
    }
}

/// Returns whether the two times are at least `by` apart. A time ahead counts as well: then the clock was set back, and
/// the elapsed time is unknown.
fn is_apart(at: Timestamp, by: Duration, now: Timestamp) -> bool {
    now.duration_since(at).unsigned_abs() >= by
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_keys_is_no_less_secure_than_that_of_the_document() {
        let found = |text: &str| secure(text).expect("an address");
        for (document, keys, good) in [
            ("https://login.example/x", "https://login.example/keys", true),
            ("https://login.example/x", "https://keys.example/", true),
            ("https://login.example/x", "http://127.0.0.1:8080/keys", false),
            ("https://login.example/x", "http://login.example/keys", false),
            ("https://login.example/x", "HTTP://localhost/keys", false),
            ("https://login.example/x", "//login.example/keys", false),
            ("https://login.example/x", "/keys", false),
            ("https://login.example/x", "data:application/json,{}", false),
            ("http://127.0.0.1:1/x", "http://127.0.0.1:2/keys", true),
            ("http://127.0.0.1:1/x", "http://[::1]/keys", true),
            ("http://127.0.0.1:1/x", "http://[::ffff:192.0.2.1]/keys", false),
            ("http://127.0.0.1:1/x", "http://2130706433/keys", true),
            ("http://127.0.0.1:1/x", "http://localhost.example/keys", false),
            ("http://127.0.0.1:1/x", "http://127.0.0.1@login.example/keys", false),
        ] {
            let named = Discovery { issuer: "i".to_owned(), jwks_uri: keys.to_owned() }.keys(&found(document), "i");
            assert_eq!(named.is_ok(), good, "{document}: {named:?}");
        }
    }
}

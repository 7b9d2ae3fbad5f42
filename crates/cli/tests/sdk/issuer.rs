//! An issuer of tokens beside the local one, for tokens that no identity library would ever send: an expired one, and one
//! whose signing keys cannot be had.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Serves its key set at `/up/keys` for as long as the process lives; `/down/keys` is always a 503.
pub struct Issuer {
    url: String,
    key: EcdsaKeyPair,
}

impl Issuer {
    pub fn start() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let jwk = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)});
        let keys: Arc<str> = json!({"keys": [jwk]}).to_string().into();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut lines = BufReader::new(stream.try_clone().expect("its other half")).lines();
                let asked = lines.next().and_then(Result::ok).unwrap_or_default();
                let _headers = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).count();
                let (status, body) = match asked.contains(" /up/") {
                    true => ("200 OK", &*keys),
                    false => ("503 Service Unavailable", ""),
                };
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { url, key }
    }

    /// Makes the server of that data directory trust both faces for that tenant.
    pub fn trust(&self, data: &Path, tenant: &str) {
        let file = data.join("chaveiro.toml");
        let mut configuration = std::fs::read_to_string(&file).expect("read");
        for face in ["up", "down"] {
            let issuer = format!("{}/{face}", self.url);
            configuration +=
                &format!("\n[[issuer]]\nissuer = \"{issuer}\"\ntenant = \"{tenant}\"\njwks-url = \"{issuer}/keys\"\n");
        }
        std::fs::write(file, configuration).expect("written");
    }

    /// A token of that face that reads devices and ends that many seconds from now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the server looks at the system's clock, so the token has to be of today"
    )]
    pub fn token(&self, face: &str, tenant: &str, seconds: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs().cast_signed();
        let claims = json!({"iss": format!("{}/{face}", self.url), "aud": "https://graph.microsoft.com", "tid": tenant,
            "nbf": now - 7200, "exp": now + seconds, "azp": "another", "sub": "another", "roles": ["DeviceManagementManagedDevices.Read.All"]});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "1"})), part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signed");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

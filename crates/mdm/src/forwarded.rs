//! The client certificate that a proxy forwards in a header, in the forms of common proxies:
//!
//! | proxy | form |
//! |---|---|
//! | RFC 9440 (`Client-Cert`) | `:BASE64:` |
//! | nginx `$ssl_client_escaped_cert`, Amazon ALB | PEM, URL-encoded |
//! | Envoy `x-forwarded-client-cert` | `..;Cert="PEM, URL-encoded";..`, the last element when there are several |
//! | HAProxy `%[ssl_c_der,base64]`, Traefik | base64 of the DER |
//! | Apache `%{SSL_CLIENT_CERT}s` | PEM, line ends as spaces |
//!
//! A certificate is not a secret: the proxy vouches that its client holds the key. So only headers of trusted proxies
//! are read, and only certificates that this server has issued mean anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::Timestamp;
use x509_parser::parse_x509_certificate;

/// The longest header that is read. A certificate of ours has some 800 bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The DER of the certificate in that header, if it holds one that is valid now.
pub fn certificate(header: &[u8], now: Timestamp) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(header).ok().filter(|text| text.len() <= MAX_HEADER_BYTES)?.trim();
    let der = match text.strip_prefix(':').and_then(|text| text.strip_suffix(':')) {
        Some(base64) => STANDARD.decode(base64).ok()?,
        None => pem_or_base64(&unescaped(envoy(text).unwrap_or(text))?)?,
    };
    is_valid(&der, now.as_second()).then_some(der)
}

/// Returns true if these bytes are one certificate, valid at that time in seconds since 1970. Nothing else is checked.
pub fn is_valid(der: &[u8], at: i64) -> bool {
    let Ok((rest, certificate)) = parse_x509_certificate(der) else { return false };
    let validity = certificate.validity();
    rest.is_empty() && (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&at)
}

/// The value of `Cert` in the last element of Envoy's header: the one that the nearest proxy wrote.
fn envoy(text: &str) -> Option<&str> {
    let last = text.rsplit(',').next()?;
    let pair = last.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("cert").then(|| value.trim())
    });
    pair.map(|value| value.trim_matches('"'))
}

/// Returns the text without URL-encoding; `+` is a character of base64.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let (pair, after) = rest.split_first_chunk::<2>()?;
                let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
                bytes.push(u8::try_from(high? * 16 + low?).ok()?);
                rest = after;
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn pem_or_base64(text: &str) -> Option<Vec<u8>> {
    let body = match text.split_once(BEGIN) {
        Some((_, after)) => after.split_once(END)?.0,
        None => text,
    };
    let base64: String = body.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    STANDARD.decode(base64).ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn made() -> (Vec<u8>, String) {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::default().self_signed(&key).expect("a certificate");
        (certificate.der().to_vec(), certificate.pem().replace("\r\n", "\n"))
    }

    fn escaped(text: &str, all: bool) -> String {
        let escape = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
            b'+' | b'/' | b'=' if !all => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(escape).collect()
    }

    #[test]
    fn the_forms_of_common_proxies_are_read() {
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        let (der, pem) = made();
        let base64 = STANDARD.encode(&der);
        let envoy = format!("By=spiffe://x;Hash=00;Cert=\"{}\";Subject=\"CN=a\"", escaped(&pem, true));
        for header in [
            format!(":{base64}:"),
            format!("  :{base64}: "),
            base64.clone(),
            escaped(&pem, true),
            escaped(&pem, false),
            pem.replace('\n', " "),
            envoy.clone(),
            format!("By=y;Cert=\"nonsense\",{envoy}"),
        ] {
            assert_eq!(certificate(header.as_bytes(), now).as_ref(), Some(&der), "{header:.60}");
        }
    }

    #[test]
    fn what_is_no_certificate_of_now_is_none() {
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        let (der, pem) = made();
        let base64 = STANDARD.encode(&der);
        let two = STANDARD.encode([der.clone(), der].concat());
        let long = "A".repeat(MAX_HEADER_BYTES + 1);
        for header in
            ["", "::", ":", "%", "%4", "%zz", "(null)", BEGIN, END, ":not base64:", &two, &long, "Cert=", "Cert=\"\";"]
        {
            assert_eq!(certificate(header.as_bytes(), now), None, "{header:.60}");
        }
        assert_eq!(certificate(&[0xff, 0xfe], now), None);
        for other in [Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            assert_eq!(certificate(format!(":{base64}:").as_bytes(), other), None, "{other}");
        }
        assert_eq!(certificate(pem.replace("-----END", "-----EMD").as_bytes(), now), None);
    }
}

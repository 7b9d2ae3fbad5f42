//! The words of a new enrolment token: for each system, all that a person types on the device.

use chaveiro_core::Timestamp;
use chaveiro_core::digest::sha256_hex;
use chaveiro_core::id::DeviceId;
use chaveiro_mdm::EnrollmentTokenText;
use chaveiro_server::{Config, Layer};
use serde_json::json;

use crate::host::Host;
use crate::out::Out;
use chaveiro_lang::text;

/// Shows the token once, and how a device enrols with it.
pub(crate) fn tell(out: Out, host: &Host, token: &EnrollmentTokenText, expires: Timestamp, replaces: Option<DeviceId>) {
    let (server, root) = server(host);
    let token = token.expose_secret();
    let trust = root.as_ref().map_or_else(String::new, |root| format!(" --root-fingerprint {root}"));
    let address = server.as_deref().unwrap_or("https://SERVER");
    let line = format!("sudo chaveiro-agent enroll {address}{trust}");
    let value = json!({
        "token": token,
        "expires": expires.to_string(),
        "replaces": replaces,
        "server": server,
        "rootFingerprint": root,
        "linux": format!("echo {token} | {line} --token-file -"),
    });
    out.say(text!("enroll-token", until = expires, token = token), &value);
    if server.is_none() {
        out.text(text!("enroll-no-address"));
    }
    out.text(text!("enroll-how", server = address));
    out.text(text!("enroll-how-linux"));
    if !out.json {
        out.line(&format!("  {line}"));
    }
}

/// The address for devices, and the fingerprint of the root to trust if the embedded authority issues the server's
/// certificate. A server that runs says both; otherwise the configuration does.
fn server(host: &Host) -> (Option<String>, Option<String>) {
    let named = |sha256: String| format!("sha256:{sha256}");
    if let Some(running) = host.directory.running() {
        return (Some(running.device_url), running.root_sha256.map(named));
    }
    let config = Config::load(host.directory.root(), None, std::env::vars(), &Layer::new()).ok();
    let issued = config.as_ref().is_none_or(Config::issues_certificate);
    let root = issued.then(|| named(sha256_hex(host.opened.ca.root_der())));
    (config.and_then(|config| config.public_device_url()), root)
}

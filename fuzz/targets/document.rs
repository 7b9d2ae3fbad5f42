//! The documents that travel in our own nodes, in both directions, and an envelope that a device sealed.
#![no_main]

use std::sync::LazyLock;

use chaveiro_core::id::TenantId;
use chaveiro_core::lock::DeviceReport;
use chaveiro_core::ports::Sealer;
use chaveiro_csp::{Apply, Finish, Prepare, Standing, decode, encode};
use chaveiro_escrow::Keyring;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A keyring with a tenant; its directory is needed as long as it is asked.
static ESCROW: LazyLock<(tempfile::TempDir, Keyring, TenantId)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let keyring = Keyring::open(directory.path()).expect("a keyring");
    let tenant = "00000000-0000-0000-0000-000000000001".parse().expect("an id");
    keyring.create_tenant_key(tenant).expect("a key");
    (directory, keyring, tenant)
});

fn again<T: Serialize + DeserializeOwned + PartialEq>(text: &str) {
    let Ok(document) = decode::<T>(text) else { return };
    let written = encode(&document);
    match decode::<T>(&written) {
        Ok(read) => assert!(read == document, "reading and writing is not stable"),
        // Escapes can make it longer than a document may be.
        Err(error) => assert!(written.len() > text.len(), "what was written cannot be read: {error}"),
    }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    again::<Prepare>(text);
    again::<Apply>(text);
    again::<Finish>(text);
    again::<Standing>(text);
    again::<DeviceReport>(text);
    if let Ok(report) = decode::<DeviceReport>(text) {
        let reason = report.reason().unwrap_or_default();
        assert!(reason.chars().count() <= 300 && !reason.contains(char::is_control));
    }
    let (_, keyring, tenant) = &*ESCROW;
    assert!(keyring.check(*tenant, text.as_bytes()).is_err(), "nothing here is sealed to a key made a moment ago");
});

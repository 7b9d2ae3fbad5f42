//! What the audit record promises.

use std::sync::Arc;

use chaveiro_audit::{PublicKey, Signer, export, extend, verify};
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::Actor;
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::ports::Store;
use chaveiro_core::tenant::{Licence, Tenant, TenantSettings};
use chaveiro_core::{Fault, Timestamp};
use chaveiro_store_sqlite::SqliteStore;
use proptest::prelude::*;
use tempfile::TempDir;

struct World {
    directory: TempDir,
    store: Arc<dyn Store>,
    signer: Arc<Signer>,
}

fn tenant(number: u128) -> TenantId {
    TenantId(uuid::Uuid::from_u128(number))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path()).expect("a store"));
        let signer = Arc::new(Signer::create(&directory.path().join("audit.key")).expect("a key"));
        for number in [1, 2] {
            let tenant = Tenant {
                id: tenant(number),
                display_name: "t".to_owned(),
                licence: Licence::Active,
                entra_tenant: None,
                settings: TenantSettings::default(),
                created: at(0),
            };
            store.write(move |unit| Ok(unit.insert_tenant(&tenant)?)).await.expect("inserted");
        }
        Self { directory, store, signer }
    }

    async fn record(&self, tenant_number: u128, count: i64) {
        let work = move |unit: &mut dyn chaveiro_core::ports::UnitOfWork| -> Result<(), Fault> {
            for second in 0..count {
                let tenant = tenant(tenant_number);
                let event = AuditEvent::new(tenant, at(second), Actor::system(), Activity::ActionRequested);
                unit.append_audit(&event.on_device(DeviceId(uuid::Uuid::from_u128(5))))?;
            }
            Ok(())
        };
        self.store.write(work).await.expect("recorded");
    }

    async fn extend(&self, limit: usize) -> usize {
        let signer = Arc::clone(&self.signer);
        self.store.write(move |unit| extend(unit, &signer, at(100), limit)).await.expect("extended")
    }

    async fn export(&self, tenant_number: u128) -> String {
        let key = self.signer.public_key();
        let work = move |view: &dyn chaveiro_core::ports::View| {
            let mut out = Vec::new();
            export(view, tenant(tenant_number), &key, &mut out).expect("exported");
            Ok(out)
        };
        String::from_utf8(self.store.read(work).await.expect("read")).expect("text")
    }
}

/// Two tenants, events in turn, linked in three goes.
async fn sample() -> (World, String) {
    let world = World::new().await;
    world.record(1, 3).await;
    world.record(2, 2).await;
    assert_eq!(world.extend(4).await, 4);
    world.record(1, 2).await;
    assert_eq!(world.extend(100).await, 3);
    assert_eq!(world.extend(100).await, 0);
    let text = world.export(1).await;
    (world, text)
}

fn check(text: &str, pinned: Option<&PublicKey>) -> Result<chaveiro_audit::Report, chaveiro_audit::Broken> {
    verify(&mut text.as_bytes(), pinned)
}

#[tokio::test]
async fn an_export_verifies_offline_with_the_pinned_key() {
    let (world, text) = sample().await;
    let report = check(&text, Some(&world.signer.public_key())).expect("sound");
    assert_eq!((report.tenant, report.events, report.checkpoints), (tenant(1), 5, 2));
    assert_eq!((report.signed_through, report.pinned), (5, true));
    assert_eq!(report.span, Some((at(0), at(1))));
    assert!(!check(&text, None).expect("sound").pinned);
    assert_eq!(check(&world.export(2).await, None).expect("sound").events, 2);
}

#[tokio::test]
async fn an_empty_chain_is_sound() {
    let world = World::new().await;
    assert_eq!(check(&world.export(1).await, None).expect("sound").events, 0);
}

#[tokio::test]
async fn the_signing_key_survives_a_restart_and_another_key_does_not_pass_for_it() {
    let (world, text) = sample().await;
    let again = Signer::open(&world.directory.path().join("audit.key")).expect("the same key");
    assert_eq!(again.public_key(), world.signer.public_key());
    let other = Signer::create(&world.directory.path().join("other.key")).expect("another key");
    let error = check(&text, Some(&other.public_key())).expect_err("the wrong key");
    assert_eq!(error.line, 1);
}

#[tokio::test]
async fn every_kind_of_tampering_is_found_and_its_line_named() {
    let (world, text) = sample().await;
    let foreign = world.export(2).await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 5 + 2);
    let without = |index: usize| {
        let kept: Vec<_> = lines.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, line)| *line).collect();
        kept.join("\n")
    };
    let swapped = {
        let mut lines = lines.clone();
        lines.swap(1, 2);
        lines.join("\n")
    };
    let twice = {
        let mut lines = lines.clone();
        lines.insert(2, lines[1]);
        lines.join("\n")
    };
    let long = format!("{}\n{{\"line\":\"{}\"}}", lines[0], "x".repeat(chaveiro_audit::MAX_LINE_BYTES));
    let table = [
        ("changed event", text.replacen("actionRequested", "actionRefused", 1), 2),
        ("changed actor", text.replacen("chaveiro", "somebody", 1), 2),
        ("removed event", without(2), 3),
        ("removed first event", without(1), 2),
        ("removed header", without(0), 1),
        ("moved event", swapped, 2),
        ("repeated event", twice, 3),
        ("event of another tenant", format!("{}\n{}", lines[0], foreign.lines().nth(1).expect("one")), 2),
        ("header of another tenant", text.replacen(&tenant(1).to_string(), &tenant(2).to_string(), 1), 2),
        ("another version", text.replacen("\"version\":1", "\"version\":2", 1), 1),
        ("second header", format!("{}\n{text}", lines[0]), 2),
        ("no checkpoint", lines[..4].join("\n"), 5),
        ("not JSON", format!("{}\nhello", lines[0]), 2),
        ("a line without end", long, 2),
        ("nothing", String::new(), 1),
    ];
    for (what, tampered, line) in table {
        let broken = check(&tampered, None).err().unwrap_or_else(|| panic!("{what} was not found"));
        assert_eq!(broken.line, line, "{what}: {broken}");
    }
}

#[tokio::test]
async fn events_after_the_last_checkpoint_are_counted_as_unsigned() {
    let (_world, text) = sample().await;
    let without_last_checkpoint: Vec<_> = text.lines().take(7).collect();
    let report = check(&without_last_checkpoint.join("\n"), None).expect("sound so far");
    assert_eq!((report.events, report.signed_through), (5, 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_single_changed_byte_passes(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        static SAMPLE: std::sync::LazyLock<(PublicKey, String)> = std::sync::LazyLock::new(|| {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            let (world, text) = runtime.block_on(sample());
            (world.signer.public_key(), text)
        });
        let (key, text) = &*SAMPLE;
        let mut bytes = text.clone().into_bytes();
        let position = position.index(bytes.len());
        prop_assume!(bytes[position] != byte);
        bytes[position] = byte;
        let sound = verify(&mut bytes.as_slice(), Some(key));
        // White space between tokens and lines may change: what is said stays the same.
        let harmless = byte.is_ascii_whitespace() && text.as_bytes()[position].is_ascii_whitespace();
        prop_assert!(sound.is_err() || harmless);
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,300}") {
        prop_assert!(check(&text, None).is_err());
    }
}

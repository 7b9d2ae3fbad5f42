//! The promises of the audit record.

use std::sync::Arc;

use chaveiro_audit::{
    BrokenKind, Earlier, Expected, KeptCheckpoint, Point, PublicKey, Signer, Watch, export, extend, newest_checkpoints,
    verify,
};
use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::Actor;
use chaveiro_core::decisions::keys::{self, Change, Hand};
use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::keys::KeyName;
use chaveiro_core::ports::Store;
use chaveiro_core::tenant::Tenant;
use chaveiro_core::{Fault, Timestamp};
use chaveiro_store_sqlite::SqliteStore;
use proptest::prelude::*;
use tempfile::TempDir;

#[path = "../examples/verify_export.rs"]
#[allow(dead_code, reason = "the example has a main of its own")]
mod verify_export;

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
        Signer::create(&directory.path().join("audit.key")).expect("a key");
        Self::at(directory).await
    }

    /// Another record, signed with the same key.
    async fn with_key(other: &Self) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::copy(other.directory.path().join("audit.key"), directory.path().join("audit.key")).expect("copied");
        Self::at(directory).await
    }

    async fn at(directory: TempDir) -> Self {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path()).expect("a store"));
        let signer = Arc::new(Signer::open(&directory.path().join("audit.key")).expect("a key"));
        for number in [1, 2] {
            let tenant = Tenant::new(tenant(number), "t", at(0));
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

    /// The newest checkpoints, as the server sends them out.
    async fn kept(&self) -> String {
        let key = self.signer.lineage().clone();
        let kept = self.store.read(move |view| Ok(newest_checkpoints(view, &key)?)).await.expect("read");
        let line = |kept: &KeptCheckpoint| serde_json::to_string(kept).expect("a line") + "\n";
        kept.iter().map(line).collect()
    }

    async fn export(&self, tenant_number: u128) -> String {
        let key = self.signer.lineage().clone();
        let work = move |view: &dyn chaveiro_core::ports::View| {
            let mut out = Vec::new();
            export(view, tenant(tenant_number), &key, &mut out).expect("exported");
            Ok(out)
        };
        String::from_utf8(self.store.read(work).await.expect("read")).expect("text")
    }
}

/// Two tenants with interleaved events, linked in three runs.
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
    verify(&mut text.as_bytes(), Expected { key: pinned, ..Expected::default() })
}

/// Compares an export with an earlier state.
fn compare(text: &str, earlier: Earlier<'_>) -> Result<chaveiro_audit::Report, chaveiro_audit::Broken> {
    verify(&mut text.as_bytes(), Expected { earlier: Some(earlier), ..Expected::default() })
}

#[tokio::test]
async fn an_export_verifies_offline_with_the_pinned_key() {
    let (world, text) = sample().await;
    let report = check(&text, Some(&world.signer.public_key())).expect("sound");
    assert_eq!((report.tenant, report.events, report.checkpoints), (tenant(1), 5, 2));
    assert_eq!((report.signed_through(), report.pinned), (5, true));
    assert_eq!((report.span, report.newest_at), ((at(0), at(1)), at(100)));
    // The second piece of the sample begins at the second 0 again.
    assert_eq!(report.clock_went_back, Some(4));
    assert!(!check(&text, None).expect("sound").pinned);
    assert_eq!(check(&world.export(2).await, None).expect("sound").events, 2);
}

#[tokio::test]
async fn the_example_verifies_a_file_with_the_key_of_the_server_and_with_no_other() {
    let (world, text) = sample().await;
    let file = world.directory.path().join("audit.jsonl");
    std::fs::write(&file, text).expect("written");
    let report = verify_export::verify_file(&file, &world.signer.public_key()).expect("sound");
    assert_eq!((report.events, report.pinned), (5, true));
    let other = Signer::create(&world.directory.path().join("other.key")).expect("another key");
    assert!(verify_export::verify_file(&file, &other.public_key()).is_err());
}

#[tokio::test]
async fn a_file_without_events_proves_nothing() {
    let world = World::new().await;
    let broken = check(&world.export(1).await, None).expect_err("refused");
    assert!(matches!(broken.kind, BrokenKind::Empty), "{broken}");
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
        kept.join("\n") + "\n"
    };
    let swapped = {
        let mut lines = lines.clone();
        lines.swap(1, 2);
        lines.join("\n") + "\n"
    };
    let twice = {
        let mut lines = lines.clone();
        lines.insert(2, lines[1]);
        lines.join("\n") + "\n"
    };
    let long = format!("{}\n{{\"line\":\"{}\"}}", lines[0], "x".repeat(chaveiro_audit::MAX_LINE_BYTES));
    let insert = |index: usize, line: &str| {
        let mut lines = lines.clone();
        lines.insert(index, line);
        lines.join("\n") + "\n"
    };
    let moved = text.replacen("{\"line\":\"checkpoint\",\"position\":3", "{\"line\":\"checkpoint\",\"position\":5", 1);
    let table = [
        ("changed event", text.replacen("actionRequested", "actionRefused", 1), 2),
        ("changed actor", text.replacen("chaveiro", "somebody", 1), 2),
        ("removed event", without(2), 3),
        ("removed first event", without(1), 2),
        ("removed header", without(0), 1),
        ("moved event", swapped, 2),
        ("repeated event", twice, 3),
        ("event of another tenant", format!("{}\n{}\n", lines[0], foreign.lines().nth(1).expect("one")), 2),
        ("header of another tenant", text.replacen(&tenant(1).to_string(), &tenant(2).to_string(), 1), 2),
        ("another version", text.replacen("\"version\":1", "\"version\":2", 1), 1),
        ("second header", format!("{}\n{text}", lines[0]), 2),
        ("second header at the end", format!("{text}{}\n", lines[0]), 9),
        ("another record behind it", format!("{text}{foreign}"), 9),
        ("no checkpoint", lines[..4].join("\n") + "\n", 5),
        ("not JSON", format!("{}\nhello\n", lines[0]), 2),
        ("a line without end", long, 2),
        ("nothing", String::new(), 1),
        ("half a line", text[..text.len() - 20].to_owned(), 8),
        ("no end of the last line", text[..text.len() - 1].to_owned(), 8),
        ("repeated checkpoint", insert(5, lines[4]), 6),
        ("checkpoint of the end in between", insert(2, lines[7]), 3),
        ("checkpoint before the first event", insert(1, lines[4]), 2),
        ("moved checkpoint", moved, 5),
        ("removed last checkpoint", without(7), 8),
        (
            "event behind the last checkpoint",
            format!("{text}{}\n", lines[6].replacen("\"position\":5", "\"position\":6", 1)),
            9,
        ),
        ("added member of a header", text.replacen("\"version\":1", "\"version\":1,\"x\":1", 1), 1),
        ("added member of an event", text.replacen("\"position\":1,", "\"position\":1,\"x\":1,", 1), 2),
        ("added member of a checkpoint", text.replacen(",\"signature\"", ",\"x\":1,\"signature\"", 1), 5),
        ("member twice in an event", text.replacen("\"position\":1,", "\"position\":2,\"position\":1,", 1), 2),
        (
            "line twice in an event",
            text.replacen("{\"line\":\"event\",", "{\"line\":\"event\",\"line\":\"event\",", 1),
            2,
        ),
        (
            "member twice in a checkpoint",
            text.replacen("\"checkpoint\",\"position\":3", "\"checkpoint\",\"position\":3,\"position\":3", 1),
            5,
        ),
        (
            "other order of members",
            text.replacen("{\"line\":\"event\",\"position\":1,", "{\"position\":1,\"line\":\"event\",", 1),
            2,
        ),
        ("space", text.replacen("\"position\":2", "\"position\": 2", 1), 3),
        ("another number", text.replacen("\"position\":2", "\"position\":2.0", 1), 3),
        ("escape", text.replacen("\"event\"", "\"\\u0065vent\"", 1), 2),
        ("carriage returns", text.replace('\n', "\r\n"), 1),
        ("byte order mark", format!("\u{feff}{text}"), 1),
        ("empty line", text.replacen('\n', "\n\n", 1), 2),
        ("empty line at the end", format!("{text}\n"), 9),
        ("garbage at the end", format!("{text}\0"), 9),
        ("spaced key", text.replacen("ed25519:", " ed25519:", 1), 1),
    ];
    for (what, tampered, line) in table {
        let broken = check(&tampered, None).err().unwrap_or_else(|| panic!("{what} was not found"));
        assert_eq!(broken.line, line, "{what}: {broken}");
    }
}

#[tokio::test]
async fn events_after_the_last_checkpoint_are_refused_unless_they_are_asked_for() {
    let (world, text) = sample().await;
    let cut: String = text.lines().take(7).flat_map(|line| [line, "\n"]).collect();
    let broken = check(&cut, Some(&world.signer.public_key())).expect_err("refused");
    assert!(matches!(broken.kind, BrokenKind::UnsignedTail { signed: 3, events: 5 }), "{broken}");
    let expected = Expected { allow_unsigned_tail: true, ..Expected::default() };
    let report = verify(&mut cut.as_bytes(), expected).expect("sound so far");
    assert_eq!((report.events, report.signed_through()), (5, 3));
    // Without any checkpoint nothing is proven.
    let bare: String = text.lines().take(3).flat_map(|line| [line, "\n"]).collect();
    let expected = Expected { allow_unsigned_tail: true, ..Expected::default() };
    assert!(matches!(verify(&mut bare.as_bytes(), expected).expect_err("refused").kind, BrokenKind::Unsigned));
}

#[tokio::test]
async fn forged_events_in_place_of_a_cut_end_are_refused_whatever_their_hashes() {
    let (world, text) = sample().await;
    // A forger without the key can link what they like to the first signed events.
    let other = World::new().await;
    other.record(1, 3).await;
    other.record(2, 2).await;
    other.extend(4).await;
    other.record(1, 4).await;
    other.extend(100).await;
    let forged = other.export(1).await;
    let signed = text.lines().take(5);
    let tail = forged.lines().skip(5).filter(|line| line.contains("\"event\""));
    let forged: String = signed.chain(tail).flat_map(|line| [line, "\n"]).collect();
    let broken = check(&forged, Some(&world.signer.public_key())).expect_err("refused");
    assert!(matches!(broken.kind, BrokenKind::UnsignedTail { signed: 3, events: 7 }), "{broken}");
}

#[tokio::test]
async fn an_export_of_another_tenant_is_not_the_one_that_was_asked_for() {
    let (world, text) = sample().await;
    let expect = |number| Expected { tenant: Some(tenant(number)), ..Expected::default() };
    assert!(verify(&mut text.as_bytes(), expect(1)).is_ok());
    let foreign = world.export(2).await;
    let broken = verify(&mut foreign.as_bytes(), expect(1)).expect_err("refused");
    assert!(matches!(broken.kind, BrokenKind::Tenant { .. }), "{broken}");
}

#[tokio::test]
async fn an_export_continues_an_earlier_one_and_everything_that_was_kept_of_it() {
    let (world, before) = sample().await;
    let kept = world.kept().await;
    let point = check(&before, None).expect("sound").newest;
    world.record(1, 2).await;
    world.extend(100).await;
    let now = world.export(1).await;
    let kept_now = world.kept().await;
    let all = format!("{kept}{kept}{kept_now}");
    for (what, earlier) in
        [("export", before.as_str()), ("itself", now.as_str()), ("checkpoints", kept.as_str()), ("all", all.as_str())]
    {
        let mut file = earlier.as_bytes();
        let continues = compare(&now, Earlier::File(&mut file)).expect(what).continues;
        assert_eq!(continues, Some(if matches!(what, "itself" | "all") { 7 } else { 5 }), "{what}");
    }
    assert_eq!(point.to_string().parse(), Ok(point));
    assert_eq!(compare(&now, Earlier::Point(point)).expect("sound").continues, Some(5));
}

#[tokio::test]
async fn a_record_that_was_cut_rolled_back_or_rewritten_does_not_continue_the_earlier_one() {
    let (world, before) = sample().await;
    world.record(1, 2).await;
    world.extend(100).await;
    let (now, kept) = (world.export(1).await, world.kept().await);
    let point = check(&now, None).expect("sound").newest;
    // Yesterday's state, whole and signed.
    for (what, earlier) in [("export", now.as_str()), ("checkpoints", kept.as_str())] {
        let mut file = earlier.as_bytes();
        let broken = compare(&before, Earlier::File(&mut file)).expect_err(what);
        assert!(matches!(broken.kind, BrokenKind::Shorter { earlier: 7, events: 5 }), "{what}: {broken}");
    }
    assert!(matches!(compare(&before, Earlier::Point(point)).expect_err("cut").kind, BrokenKind::Shorter { .. }));

    // A record that an attacker with the key has rewritten.
    let other = World::with_key(&world).await;
    other.record(1, 3).await;
    other.record(2, 2).await;
    other.extend(4).await;
    other.record(1, 7).await;
    other.extend(100).await;
    let rewritten = other.export(1).await;
    assert!(check(&rewritten, Some(&world.signer.public_key())).is_ok());
    let mut file = now.as_bytes();
    let broken = compare(&rewritten, Earlier::File(&mut file)).expect_err("another");
    assert!(matches!(broken.kind, BrokenKind::Differs { position: 6, .. }), "{broken}");
    assert!(broken.to_string().contains("there actionRequested of "), "{broken}");
    let mut file = kept.as_bytes();
    let broken = compare(&rewritten, Earlier::File(&mut file)).expect_err("another");
    assert!(matches!(broken.kind, BrokenKind::DiffersAt { position: 7, .. }), "{broken}");
    assert!(matches!(
        compare(&rewritten, Earlier::Point(point)).expect_err("another").kind,
        BrokenKind::DiffersAt { .. }
    ));
}

#[tokio::test]
async fn an_earlier_state_that_is_not_sound_proves_nothing() {
    let (world, text) = sample().await;
    let (kept, foreign) = (world.kept().await, world.export(2).await);
    let strangers = World::new().await;
    strangers.record(1, 5).await;
    strangers.extend(100).await;
    let of_strangers = (strangers.export(1).await, strangers.kept().await);
    let lines: Vec<&str> = kept.lines().collect();
    let fork = World::with_key(&world).await;
    fork.record(1, 1).await;
    fork.record(1, 4).await;
    fork.extend(100).await;
    for (what, earlier) in [
        ("nothing", String::new()),
        ("an export of another tenant", foreign),
        ("checkpoints of another tenant alone", format!("{}\n", lines[1])),
        ("an export with another key", of_strangers.0),
        ("checkpoints with another key", of_strangers.1),
        ("a moved checkpoint", kept.replacen("\"position\":5", "\"position\":4", 1)),
        ("a checkpoint with a member more", kept.replacen('{', "{\"x\":1,", 1)),
        ("a cut export", text.lines().take(7).flat_map(|line| [line, "\n"]).collect()),
        ("half a line", kept[..kept.len() - 5].to_owned()),
        ("two records", format!("{kept}{}", fork.kept().await)),
    ] {
        let mut file = earlier.as_bytes();
        assert!(compare(&text, Earlier::File(&mut file)).is_err(), "{what}");
    }
}

#[test]
fn a_point_is_a_position_and_a_whole_hash() {
    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert!(format!("7:{hash}").parse::<Point>().is_ok());
    for wrong in [
        String::new(),
        hash.to_owned(),
        format!("0:{hash}"),
        format!("-1:{hash}"),
        format!(":{hash}"),
        "7:".to_owned(),
        "7:AAAA".to_owned(),
    ] {
        assert!(wrong.parse::<Point>().is_err(), "{wrong}");
    }
}

/// An export with a header and nothing else is enough to reach an earlier file.
const SOUND: &str = "{\"line\":\"header\",\"version\":1,\"tenant\":\"00000000-0000-0000-0000-000000000001\",\"publicKey\":\"ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}\n";

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
        prop_assert!(verify(&mut bytes.as_slice(), Expected::signed_by(key)).is_err());
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,300}") {
        prop_assert!(check(&text, None).is_err());
        let mut earlier = text.as_bytes();
        prop_assert!(compare(SOUND, Earlier::File(&mut earlier)).is_err());
    }
}

impl World {
    /// Records the current key in the database, as the server does.
    async fn know(&self, seconds: i64) {
        let (print, hand) = (self.signer.fingerprint(), Hand { actor: Actor::system(), now: at(seconds) });
        let note = move |unit: &mut dyn chaveiro_core::ports::UnitOfWork| -> Result<(), Fault> {
            Ok(keys::record(unit, &hand, &KeyName::Audit, print, Change::Made)?)
        };
        self.store.write(note).await.expect("noted");
    }

    /// Replaces the key with a successor that it signs.
    async fn rotate(&mut self, seconds: i64) {
        let file = self.directory.path().join("audit.key");
        self.signer.stage_successor(&file, at(seconds)).expect("a successor");
        assert!(chaveiro_keyfile::settle(&file).expect("settled"));
        self.signer = Arc::new(Signer::open(&file).expect("the successor"));
        self.know(seconds).await;
    }

    /// Loses the key, and takes another.
    async fn lose(&mut self, seconds: i64) {
        let file = self.directory.path().join("audit.key");
        std::fs::remove_file(&file).expect("removed");
        self.signer = Arc::new(Signer::create(&file).expect("another key"));
        self.know(seconds).await;
    }

    async fn damage(&self) -> Vec<String> {
        let mut watch = Watch::new(self.signer.lineage().clone());
        let look = self.store.read(move |view| Ok(watch.advance(view, 1000)?.0)).await.expect("read");
        look.iter().map(ToString::to_string).collect()
    }
}

#[tokio::test]
async fn an_export_of_a_successor_verifies_with_the_key_that_was_pinned_before() {
    let mut world = World::new().await;
    world.know(1).await;
    world.record(1, 3).await;
    world.extend(100).await;
    let (oldest, before, kept) = (world.signer.public_key(), world.export(1).await, world.kept().await);
    let mut keys = vec![oldest];
    for second in [10, 20] {
        world.rotate(second).await;
        world.record(1, 2).await;
        world.extend(100).await;
        keys.push(world.signer.public_key());
    }
    let text = world.export(1).await;
    for key in &keys {
        let report = check(&text, Some(key)).expect("sound");
        assert_eq!((report.public_key, report.signed_through()), (keys[2], report.events), "{key}");
        let changes: Vec<_> = report.succession.iter().map(|change| (change.at, change.vouched_for)).collect();
        assert_eq!(changes, [(at(10), true), (at(20), true)]);
        assert_eq!(report.succession[1].to, keys[2].to_string());
    }
    assert!(check(&text, None).is_ok());
    // The record continues what was kept under the first key.
    for earlier in [&before, &kept] {
        let report = compare(&text, Earlier::File(&mut earlier.as_bytes())).expect("continues");
        // Three events, and the one of the first key.
        assert_eq!(report.continues, Some(4));
    }
    // The server's own verification follows the keys, too. A checkpoint that leaves the server names the key that
    // signed it.
    assert_eq!(world.damage().await, Vec::<String>::new());
    let kept = world.kept().await;
    assert!(kept.contains(&keys[2].to_string()) && !kept.contains(&oldest.to_string()), "{kept}");
    // A checkpoint made just before a change is sent with the key that made it.
    world.rotate(30).await;
    let kept = world.kept().await;
    let kept: KeptCheckpoint = serde_json::from_str(kept.lines().next().expect("one")).expect("a checkpoint");
    assert!(kept.verified(&keys[2]).is_some(), "{kept:?}");
}

#[tokio::test]
async fn a_forged_or_missing_link_of_the_succession_fails() {
    let mut world = World::new().await;
    world.know(1).await;
    world.record(1, 3).await;
    world.extend(100).await;
    let oldest = world.signer.public_key();
    for second in [10, 20] {
        world.rotate(second).await;
        world.record(1, 2).await;
        world.extend(100).await;
    }
    let text = world.export(1).await;
    let (header, rest) = text.split_once('\n').expect("lines");
    let header: serde_json::Value = serde_json::from_str(header).expect("a header");
    let links = header["succession"].as_array().expect("links").clone();
    let stranger = Signer::create(&world.directory.path().join("stranger.key")).expect("a key").public_key();
    let with = |links: Vec<serde_json::Value>, key: &str| {
        // The members in the order of an export.
        let links: Vec<String> = links.iter().map(link_text).collect();
        let (version, tenant) = (if links.is_empty() { 1 } else { 2 }, &header["tenant"]);
        let succession =
            if links.is_empty() { String::new() } else { format!(",\"succession\":[{}]", links.join(",")) };
        format!(
            "{{\"line\":\"header\",\"version\":{version},\"tenant\":{tenant},\"publicKey\":\"{key}\"{succession}}}\n{rest}"
        )
    };
    let newest = world.signer.public_key().to_string();
    assert_eq!(with(links.clone(), &newest), text, "the frame writes what an export writes");
    let edited = |index: usize, member: &str, value: serde_json::Value| {
        let mut links = links.clone();
        links[index][member] = value;
        links
    };
    let unsigned = |index: usize| {
        let mut links = links.clone();
        links[index].as_object_mut().expect("a link").remove("signature");
        links
    };
    for (forged, expected) in [
        (vec![links[0].clone()], "link 1 is missing or forged"),
        (vec![links[1].clone()], "expected is ed25519:"),
        (vec![links[1].clone(), links[0].clone()], "missing or forged"),
        (vec![links[0].clone(), links[0].clone(), links[1].clone()], "missing or forged"),
        (vec![], "expected is ed25519:"),
        (edited(0, "to", stranger.to_string().into()), "link 1 is missing or forged"),
        (edited(1, "from", stranger.to_string().into()), "missing or forged"),
        (edited(1, "at", at(21).to_string().into()), "link 2 is missing or forged"),
        (edited(0, "signature", links[1]["signature"].clone()), "link 1 is missing or forged"),
        (edited(0, "signature", "".into()), "link 1 is missing or forged"),
        (unsigned(0), "broken at"),
        (unsigned(1), "broken at"),
    ] {
        let broken = check(&with(forged.clone(), &newest), Some(&oldest)).expect_err("refused").to_string();
        assert!(broken.contains(expected), "{forged:?}: {broken}");
    }
    // The record of the oldest key, cut where the first successor began, is not a record of the newest.
    let cut = with(vec![], &oldest.to_string());
    assert!(check(&cut, Some(&oldest)).is_err());
}

fn link_text(link: &serde_json::Value) -> String {
    let members =
        ["from", "to", "at", "signature"].iter().filter_map(|name| Some(format!("\"{name}\":{}", link.get(name)?)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn an_older_key_signs_nothing_after_a_newer_one_and_does_not_count_for_who_pins_the_newer() {
    let mut world = World::new().await;
    world.know(1).await;
    world.record(1, 3).await;
    world.extend(100).await;
    let thief = Arc::clone(&world.signer);
    world.rotate(10).await;
    // Nothing was linked with the new key: an auditor who has pinned it learns that nothing counts.
    let early = check(&world.export(1).await, Some(&world.signer.public_key())).expect_err("refused");
    assert!(matches!(early.kind, BrokenKind::SignedBefore), "{early}");
    assert!(check(&world.export(1).await, Some(&thief.public_key())).is_ok());
    world.record(1, 1).await;
    world.extend(100).await;
    world.record(1, 1).await;
    let now = std::mem::replace(&mut world.signer, thief);
    world.extend(100).await;
    world.signer = now;
    let broken = check(&world.export(1).await, None).expect_err("refused");
    assert!(matches!(broken.kind, BrokenKind::Signature(7)), "{broken}");
    assert!(world.damage().await.iter().any(|damage| damage.contains("checkpoint at position 7")));
}

#[tokio::test]
async fn a_lost_key_breaks_the_succession_and_both_sides_of_the_break_are_told() {
    let mut world = World::new().await;
    world.know(1).await;
    world.record(1, 3).await;
    world.extend(100).await;
    let lost = world.signer.public_key();
    world.lose(10).await;
    world.record(1, 2).await;
    world.extend(100).await;
    let text = world.export(1).await;
    let broken = check(&text, Some(&lost)).expect_err("refused").to_string();
    let (when, key) = (at(10), world.signer.public_key());
    assert!(
        broken.contains(&format!("is broken at {when}")) && broken.contains("pin the new key with --key"),
        "{broken}"
    );
    assert!(broken.contains(&key.to_string()), "{broken}");
    // The new key signs the whole chain, and the report contains its own account of the change.
    let report = check(&text, Some(&key)).expect("sound");
    assert_eq!((report.events, report.signed_through()), (7, 7));
    assert!(matches!(report.succession.as_slice(), [change] if !change.vouched_for && change.at == when));
    assert_eq!(world.damage().await, Vec::<String>::new());
    // An edited or truncated record is still refused.
    assert!(check(&text.replacen("actionRequested", "enrolled", 1), Some(&key)).is_err());
    let without_last = text.trim_end().rsplit_once('\n').expect("lines").0.to_owned() + "\n";
    assert!(check(&without_last, Some(&key)).is_err());
    // A successor of the new key carries on from the break.
    world.rotate(20).await;
    world.record(1, 1).await;
    world.extend(100).await;
    let text = world.export(1).await;
    let report = check(&text, Some(&key)).expect("sound");
    assert_eq!(report.succession.iter().map(|change| change.vouched_for).collect::<Vec<_>>(), [false, true]);
    assert!(check(&text, Some(&lost)).is_err());
    assert_eq!(world.damage().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_successor_that_never_took_its_place_is_left_out() {
    let mut world = World::new().await;
    world.know(1).await;
    world.record(1, 3).await;
    world.extend(100).await;
    let oldest = world.signer.public_key();
    let file = world.directory.path().join("audit.key");
    world.signer.stage_successor(&file, at(5)).expect("staged");
    world.signer = Arc::new(Signer::open(&file).expect("the key of before"));
    assert_eq!(world.signer.public_key(), oldest);
    assert_eq!(check(&world.export(1).await, Some(&oldest)).expect("sound").succession, []);
    world.rotate(10).await;
    world.record(1, 1).await;
    world.extend(100).await;
    let report = check(&world.export(1).await, Some(&oldest)).expect("sound");
    assert_eq!(report.succession.len(), 1);
}

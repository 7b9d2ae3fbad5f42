//! The promises of the escrow.

use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::escrow::{SecretContext, SecretKind};
use chaveiro_core::id::{ActionId, DeviceId, TenantId};
use chaveiro_core::keys::EscrowKeys;
use chaveiro_core::ports::{EscrowError, Replayer, Sealer, Unsealer};
use chaveiro_core::secret::{MAX_PASSCODE_BYTES, Passcode, SecretBytes};
use chaveiro_escrow::{Keyring, KeyringError, MAX_ENVELOPE_BYTES, Recipient, RecoveryKey};
use chaveiro_keyfile::KeyFileError;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, Serializable};
use proptest::prelude::*;
use tempfile::TempDir;
use zeroize::Zeroizing;

const PLANTED: &str = "PLANTED-739105";

fn id(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

fn context() -> SecretContext {
    SecretContext {
        tenant: TenantId(id(1)),
        device: DeviceId(id(2)),
        action: ActionId(id(3)),
        attempt: 1,
        kind: SecretKind::Passcode,
    }
}

fn passcode(text: &str) -> Passcode {
    Passcode::new(Zeroizing::new(text.to_owned())).expect("a passcode")
}

fn keyring() -> (TempDir, Keyring) {
    let directory = tempfile::tempdir().expect("a directory");
    let keyring = Keyring::open(directory.path()).expect("a keyring");
    keyring.create_tenant_key(context().tenant).expect("a key");
    (directory, keyring)
}

/// Adds a recipient in one step; the command line takes two, with an audit event between them.
fn add_recipient(keyring: &Keyring, tenant: TenantId, recipient: &Recipient) -> Result<(), KeyringError> {
    keyring.stage_recipient(tenant, recipient)?.settle()
}

#[test]
fn what_is_sealed_opens_again_and_its_envelope_shows_nothing() {
    let (_directory, keyring) = keyring();
    for text in ["1", "123456", PLANTED, "é\u{1F511} spaced out", &"9".repeat(MAX_PASSCODE_BYTES)] {
        let envelope = keyring.seal(&context(), &passcode(text)).expect("sealed");
        assert!(text.len() < 6 || !String::from_utf8_lossy(&envelope).contains(text));
        let opened = keyring.unseal(&context(), &envelope).map(|passcode| passcode.expose_secret().to_owned());
        assert_eq!(opened.expect("opens"), text);
    }
}

#[test]
fn the_envelope_does_not_tell_how_long_the_passcode_is() {
    let (_directory, keyring) = keyring();
    let size = |text| keyring.seal(&context(), &passcode(text)).expect("sealed").len();
    assert_eq!(size("1234"), size("a much longer pass phrase of many words"));
}

#[test]
fn an_envelope_that_was_moved_to_another_row_does_not_open() {
    let (_directory, keyring) = keyring();
    keyring.create_tenant_key(TenantId(id(9))).expect("a key of another tenant");
    let envelope = keyring.seal(&context(), &passcode(PLANTED)).expect("sealed");
    let elsewhere = [
        SecretContext { tenant: TenantId(id(9)), ..context() },
        SecretContext { device: DeviceId(id(9)), ..context() },
        SecretContext { action: ActionId(id(9)), ..context() },
        SecretContext { attempt: 2, ..context() },
    ];
    for context in elsewhere {
        let error = keyring.unseal(&context, &envelope).err().expect("does not open");
        assert!(!error.to_string().contains(PLANTED), "{error}");
    }
}

#[test]
fn an_envelope_of_another_version_says_so() {
    let (_directory, keyring) = keyring();
    let envelope = keyring.seal(&context(), &passcode(PLANTED)).expect("sealed");
    let newer = String::from_utf8(envelope).expect("JSON").replace("\"version\":1", "\"version\":2");
    let error = keyring.unseal(&context(), newer.as_bytes()).err().expect("does not open").to_string();
    assert!(error.contains("version is 2"), "{error}");
}

#[test]
fn an_oversized_envelope_is_refused_before_it_is_parsed() {
    let (_directory, keyring) = keyring();
    let error = keyring.unseal(&context(), &vec![b'['; MAX_ENVELOPE_BYTES + 1]).err().expect("refused");
    assert!(matches!(error, EscrowError::Unopenable(why) if why.contains("large")));
}

#[test]
fn without_the_private_key_the_server_still_seals() {
    let (directory, keyring) = keyring();
    std::fs::remove_file(directory.path().join(format!("{}.key", context().tenant))).expect("removed");
    let envelope = keyring.seal(&context(), &passcode(PLANTED)).expect("ingest only");
    assert!(matches!(keyring.unseal(&context(), &envelope), Err(EscrowError::NoKey(_))));
}

#[test]
fn a_tenant_without_keys_cannot_be_sealed_to() {
    let (_directory, keyring) = keyring();
    let foreign = SecretContext { tenant: TenantId(id(77)), ..context() };
    assert!(matches!(keyring.seal(&foreign, &passcode(PLANTED)), Err(EscrowError::NoKey(_))));
}

#[test]
fn a_private_key_that_others_could_read_is_refused() {
    let (directory, _keyring) = keyring();
    let file = directory.path().join(format!("{}.key", context().tenant));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    let error = Keyring::open(directory.path()).expect_err("refused").to_string();
    assert!(error.contains("chmod 600"), "{error}");
}

/// The fingerprints of the new keys, as the database would know them.
fn known(keyring: &Keyring) -> EscrowKeys {
    let tenant = context().tenant;
    EscrowKeys {
        recipients: Some(keyring.recipients_fingerprint(&keyring.public_file(tenant)).expect("recipients")),
        private: Some(keyring.private_fingerprint(&keyring.private_file(tenant)).expect("a key")),
        away: false,
    }
}

/// Seals and opens a passcode.
fn opens(keyring: &Keyring) {
    let envelope = keyring.seal(&context(), &passcode(PLANTED)).expect("sealed");
    assert!(keyring.unseal(&context(), &envelope).is_ok_and(|opened| opened.expose_secret() == PLANTED));
}

#[test]
fn what_was_made_ready_serves_once_and_the_recipients_of_its_time_alone() {
    let (_directory, keyring) = keyring();
    let tenant = context().tenant;
    let recipients = |envelope: &[u8]| -> Vec<(String, String)> {
        let json: serde_json::Value = serde_json::from_slice(envelope).expect("JSON");
        let text = |sealed: &serde_json::Value, name: &str| sealed[name].as_str().expect("text").to_owned();
        let sealed = json["recipients"].as_array().expect("a list");
        sealed.iter().map(|sealed| (text(sealed, "key"), text(sealed, "encapsulated"))).collect()
    };
    for _ in 0..3 {
        keyring.prepare(tenant);
    }
    let mut seen = Vec::new();
    for left in [1, 0, 0, 0] {
        opens(&keyring);
        let envelope = keyring.seal(&context(), &passcode(PLANTED)).expect("sealed");
        seen.extend(recipients(&envelope).into_iter().map(|(_, encapsulated)| encapsulated));
        assert_eq!(keyring.ready(tenant), left);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4, "no ephemeral key seals twice");
    keyring.prepare(tenant);
    let (_, public) = DhP256HkdfSha256::gen_keypair();
    let offline = Recipient { public_key: public.to_bytes().to_vec(), name: "offline".to_owned() };
    add_recipient(&keyring, tenant, &offline).expect("added");
    let envelope = keyring.seal(&context(), &passcode(PLANTED)).expect("sealed");
    assert_eq!((recipients(&envelope).len(), keyring.ready(tenant)), (2, 0), "those of today");
    for _ in 0..100 {
        keyring.prepare(tenant);
    }
    assert!(keyring.ready(tenant) < 100, "no more than could be used at once");
    keyring.prepare(TenantId(id(77)));
    assert_eq!(keyring.ready(TenantId(id(77))), 0, "a tenant without keys");
}

#[test]
fn a_proof_fails_whatever_is_wrong_with_the_files_and_holds_again_when_they_are_restored() {
    use std::fs::{read, remove_file, set_permissions, write};
    let (_other_directory, other) = keyring();
    let (foreign_pub, foreign_key) = (other.public_file(context().tenant), other.private_file(context().tenant));
    let (foreign_pub, foreign_key) = (read(foreign_pub).expect("bytes"), read(foreign_key).expect("bytes"));
    type Damage<'a> = (&'a str, Box<dyn Fn(&std::path::Path, &std::path::Path) + 'a>);
    let table: Vec<Damage<'_>> = vec![
        ("other recipients", Box::new(|public, _| write(public, &foreign_pub).expect("written"))),
        (
            "one recipient more",
            Box::new(|public, _| {
                write(public, [read(public).expect("bytes"), foreign_pub.clone()].concat()).expect("written")
            }),
        ),
        (
            "a bad second line",
            Box::new(|public, _| {
                write(public, [read(public).expect("bytes"), b"p256 AAAA x\n".to_vec()].concat()).expect("written")
            }),
        ),
        ("damaged recipients", Box::new(|public, _| write(public, "p256 AAAA server\n").expect("written"))),
        ("bytes that are no text", Box::new(|public, _| write(public, [0xff, 0xfe]).expect("written"))),
        ("no recipient", Box::new(|public, _| write(public, "").expect("written"))),
        ("blank lines", Box::new(|public, _| write(public, "\n \n").expect("written"))),
        ("no recipients file", Box::new(|public, _| remove_file(public).expect("removed"))),
        ("another private key", Box::new(|_, key| write(key, &foreign_key).expect("written"))),
        (
            "another pair",
            Box::new(|public, key| {
                write(public, &foreign_pub).expect("written");
                write(key, &foreign_key).expect("written");
            }),
        ),
        ("a damaged private key", Box::new(|_, key| write(key, "public AAAA\nprivate AAAA\n").expect("written"))),
        ("an empty private key", Box::new(|_, key| write(key, "").expect("written"))),
        ("no private key", Box::new(|_, key| remove_file(key).expect("removed"))),
        (
            "a private key that others may read",
            Box::new(|_, key| {
                set_permissions(key, std::fs::Permissions::from_mode(0o644)).expect("chmod");
            }),
        ),
    ];
    // Keys that are no longer new stay in memory until their files change.
    let keyrings: Vec<_> = table.iter().map(|_| keyring()).collect();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    for ((what, damage), (_directory, keyring)) in table.into_iter().zip(keyrings) {
        let (tenant, known) = (context().tenant, known(&keyring));
        for _ in 0..2 {
            keyring.prove(tenant, &known).expect("whole");
            opens(&keyring);
        }
        let (public, key) = (keyring.public_file(tenant), keyring.private_file(tenant));
        let (public_bytes, key_bytes) = (read(&public).expect("bytes"), read(&key).expect("bytes"));
        damage(&public, &key);
        assert!(keyring.prove(tenant, &known).is_err(), "{what}");
        assert!(keyring.prove(tenant, &known).is_err(), "{what}, asked again");
        write(&public, public_bytes).expect("written");
        write(&key, key_bytes).expect("written");
        set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        keyring.prove(tenant, &known).unwrap_or_else(|error| panic!("{what}, restored: {error}"));
        opens(&keyring);
    }
}

#[test]
fn a_private_key_may_be_away_when_that_is_declared_and_must_be_the_right_one_when_it_is_there() {
    let (_directory, keyring) = keyring();
    let (tenant, known) = (context().tenant, known(&keyring));
    let away = EscrowKeys { away: true, ..known };
    keyring.prove(tenant, &away).expect("a key that is declared away and is here serves all the same");
    let file = keyring.private_file(tenant);
    std::fs::remove_file(&file).expect("removed");
    assert!(keyring.prove(tenant, &known).is_err());
    keyring.prove(tenant, &away).expect("ingest only");
    let (_other_directory, other) = self::keyring();
    std::fs::copy(other.private_file(tenant), file).expect("copied");
    assert!(keyring.prove(tenant, &away).is_err(), "a foreign key");
    assert!(keyring.prove(tenant, &EscrowKeys::default()).is_err(), "it does not open, whatever the database knows");
}

#[test]
fn a_recipient_is_staged_and_counts_when_it_is_settled() {
    let (_directory, keyring) = keyring();
    let tenant = context().tenant;
    let before = known(&keyring);
    let (_, public) = DhP256HkdfSha256::gen_keypair();
    let offline = Recipient { public_key: public.to_bytes().to_vec(), name: "offline".to_owned() };
    let staged = keyring.stage_recipient(tenant, &offline).expect("staged");
    keyring.prove(tenant, &before).expect("nothing has changed yet");
    let print = staged.fingerprint();
    staged.settle().expect("settled");
    assert!(keyring.prove(tenant, &before).is_err());
    keyring.prove(tenant, &EscrowKeys { recipients: Some(print), ..before }).expect("the recorded recipients");
}

#[test]
fn a_tenant_key_is_never_overwritten() {
    let (_directory, keyring) = keyring();
    assert!(matches!(keyring.create_tenant_key(context().tenant), Err(KeyringError::File(_))));
}

/// The `hpke` crate, which shares no code with ours, opens what is sealed to an offline key.
#[test]
fn an_offline_recovery_key_opens_with_another_implementation() {
    let (_directory, keyring) = keyring();
    let (private, public) = DhP256HkdfSha256::gen_keypair();
    let offline = Recipient { public_key: public.to_bytes().to_vec(), name: "safe in the basement".to_owned() };
    add_recipient(&keyring, context().tenant, &offline).expect("added");
    assert!(matches!(add_recipient(&keyring, context().tenant, &offline), Err(KeyringError::Known(_))));
    assert_eq!(keyring.recipients(context().tenant).expect("recipients")[1], offline);

    let envelope = keyring.seal(&context(), &passcode(PLANTED)).expect("sealed");
    let json: serde_json::Value = serde_json::from_slice(&envelope).expect("JSON");
    let sealed = &json["recipients"][1];
    assert_eq!(sealed["key"], offline.id().to_string());
    let bytes = |name: &str| STANDARD.decode(sealed[name].as_str().expect("text")).expect("base64");

    let mut aad = Vec::new();
    let [tenant, device, action] = [1, 2, 3].map(|number| id(number).into_bytes());
    let fields: [&[u8]; 6] = [b"chaveiro escrow v1", &tenant, &device, &action, &[0, 0, 0, 1], b"passcode"];
    for field in fields {
        aad.extend_from_slice(&(field.len() as u32).to_be_bytes());
        aad.extend_from_slice(field);
    }
    let encapsulated = <DhP256HkdfSha256 as Kem>::EncappedKey::from_bytes(&bytes("encapsulated")).expect("a point");
    let opened = hpke::single_shot_open::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &private,
        &encapsulated,
        b"chaveiro escrow v1",
        &bytes("ciphertext"),
        &aad,
    )
    .expect("opens");
    assert_eq!(&opened[2..2 + PLANTED.len()], PLANTED.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_envelope_never_opens_to_something_else(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (_directory, keyring) = keyring();
        let mut envelope = keyring.seal(&context(), &passcode(PLANTED)).expect("sealed");
        let position = position.index(envelope.len());
        envelope[position] = byte;
        if let Ok(opened) = keyring.unseal(&context(), &envelope) {
            prop_assert_eq!(opened.expose_secret(), PLANTED);
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_envelope(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let (_directory, keyring) = keyring();
        prop_assert!(keyring.unseal(&context(), &bytes).is_err());
    }
}

#[test]
fn bytes_of_every_length_open_again_and_the_longest_fit_for_sixteen_recipients() {
    let (_directory, keyring) = keyring();
    let (_others, other) = {
        let directory = tempfile::tempdir().expect("a directory");
        let other = Keyring::open(directory.path()).expect("a keyring");
        (directory, other)
    };
    for number in 0..15 {
        let recipient = other.create_tenant_key(TenantId(id(100 + number))).expect("a key");
        add_recipient(&keyring, context().tenant, &recipient).expect("added");
    }
    let context = SecretContext { kind: SecretKind::UnlockToken, ..context() };
    let longest = context.kind.max_bytes();
    for length in [1, 62, 63, 1276, longest] {
        let value: Vec<u8> = (0..length).map(|index| index as u8).collect();
        let secret = SecretBytes::new(context.kind, Zeroizing::new(value.clone())).expect("a secret");
        let envelope = keyring.seal_bytes(&context, &secret).expect("sealed");
        assert!(envelope.len() <= MAX_ENVELOPE_BYTES, "{length}: {}", envelope.len());
        let opened = keyring.replay(&context, &envelope).expect("opens");
        assert!(opened.expose_secret() == value, "{length}");
    }
}

#[test]
fn a_secret_of_one_kind_is_none_of_another() {
    let (_directory, keyring) = keyring();
    let token = SecretContext { kind: SecretKind::UnlockToken, ..context() };
    let secret = SecretBytes::new(token.kind, Zeroizing::new(b"482915".to_vec())).expect("a secret");
    let envelope = keyring.seal_bytes(&token, &secret).expect("sealed");
    assert!(keyring.unseal(&context(), &envelope).is_err());
    assert!(keyring.replay(&context(), &envelope).is_err());
    let envelope = keyring.seal(&context(), &passcode("482915")).expect("sealed");
    assert!(keyring.replay(&token, &envelope).is_err());
    // The server may send a passcode that it has made.
    let opened = keyring.replay(&context(), &envelope).map(|secret| secret.expose_secret().to_vec());
    assert_eq!(opened.expect("opens"), b"482915");
    // Bytes that are not text are not a passcode.
    let bytes = SecretBytes::new(SecretKind::Passcode, Zeroizing::new(vec![0xff; 6])).expect("a secret");
    let envelope = keyring.seal_bytes(&context(), &bytes).expect("sealed");
    assert!(keyring.unseal(&context(), &envelope).is_err());
}

#[test]
fn a_recovery_key_opens_what_was_sealed_while_it_was_a_recipient_and_its_file_is_checked() {
    let (directory, keyring) = keyring();
    let file = directory.path().join("safe");
    let recipient = RecoveryKey::create(&file, "safe").expect("made");
    assert!(matches!(RecoveryKey::create(&file, "safe"), Err(KeyringError::File(KeyFileError::Exists(_)))));
    let key = RecoveryKey::read(&file).expect("read");
    assert_eq!((key.id(), recipient.name.as_str()), (recipient.id(), "safe"));

    add_recipient(&keyring, context().tenant, &recipient).expect("added");
    let envelope = keyring.seal(&context(), &passcode(PLANTED)).expect("sealed");
    let named = chaveiro_escrow::recipients(&envelope).expect("an envelope");
    assert!(named.len() == 2 && named.contains(&key.id()));
    let (removed, staged) = keyring.stage_removal(context().tenant, &key.id().to_string()).expect("staged");
    let print = staged.fingerprint();
    staged.settle().expect("settled");
    assert_eq!(removed, recipient);
    let file_now = keyring.public_file(context().tenant);
    assert_eq!(keyring.recipients_fingerprint(&file_now).expect("a fingerprint"), print);
    let opened = key.unseal(&context(), &envelope).expect("opens");
    assert_eq!(opened.expose_secret(), PLANTED);
    let elsewhere = SecretContext { device: DeviceId(id(9)), ..context() };
    assert!(matches!(key.unseal(&elsewhere, &envelope), Err(EscrowError::Unopenable(_))));
    let later = keyring.seal(&context(), &passcode(PLANTED)).expect("sealed");
    assert!(matches!(key.unseal(&context(), &later), Err(EscrowError::NoKey(_))));

    // The halves of two pairs, as after a slip while typing from paper.
    RecoveryKey::create(&directory.path().join("other"), "other").expect("made");
    let [one, two] = ["safe", "other"].map(|name| std::fs::read_to_string(directory.path().join(name)).expect("text"));
    let half = |text: &str, number: usize| text.lines().nth(number).expect("a half").to_owned();
    std::fs::write(&file, format!("{}\n{}\n", half(&one, 0), half(&two, 1))).expect("written");
    assert!(matches!(RecoveryKey::read(&file), Err(KeyFileError::Damaged { .. })));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("loosened");
    assert!(matches!(RecoveryKey::read(&file), Err(KeyFileError::TooOpen { .. })));
}

#[test]
fn a_recipient_is_removed_by_its_id_or_by_a_name_that_is_its_own_and_the_server_stays_one() {
    let (directory, keyring) = keyring();
    for (file, name) in [("1", "safe"), ("2", "twin"), ("3", "twin")] {
        let recipient = RecoveryKey::create(&directory.path().join(file), name).expect("made");
        add_recipient(&keyring, context().tenant, &recipient).expect("added");
    }
    let remove = |asked: &str| keyring.stage_removal(context().tenant, asked).map(|(removed, _)| removed.name);
    assert_eq!(remove("safe").expect("staged"), "safe");
    assert!(matches!(remove("twin"), Err(KeyringError::Several(_))));
    assert!(matches!(remove("none"), Err(KeyringError::Unknown(_))));
    assert!(matches!(remove("server"), Err(KeyringError::Own(_))));
}

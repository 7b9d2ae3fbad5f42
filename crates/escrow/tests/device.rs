//! Secrets that devices seal themselves: the part that the server keeps, and the keys that open it.

use chaveiro_core::escrow::{SecretContext, SecretKind};
use chaveiro_core::id::{ActionId, DeviceId, TenantId};
use chaveiro_core::ports::{EscrowError, Sealer, Unsealer};
use chaveiro_core::secret::{MAX_PASSCODE_BYTES, Passcode};
use chaveiro_escrow::{Keyring, KeyringError, MAX_ENVELOPE_BYTES, Recipient, seal};
use hpke::kem::DhP256HkdfSha256;
use hpke::{Kem, Serializable};
use proptest::prelude::*;
use tempfile::TempDir;
use zeroize::Zeroizing;

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

/// Adds a recipient in one step; the command line takes two, with an audit event between them.
fn add_recipient(keyring: &Keyring, tenant: TenantId, recipient: &Recipient) -> Result<(), KeyringError> {
    keyring.stage_recipient(tenant, recipient)?.settle()
}

fn stranger() -> Recipient {
    let (_, public) = DhP256HkdfSha256::gen_keypair();
    Recipient { public_key: public.to_bytes().to_vec(), name: "offline".to_owned() }
}

/// A keyring whose tenant has that many recipients, and these as a device reads them from their lines.
fn keyring(recipients: usize) -> (TempDir, Keyring, Vec<Recipient>) {
    let directory = tempfile::tempdir().expect("a directory");
    let keyring = Keyring::open(directory.path()).expect("a keyring");
    keyring.create_tenant_key(context().tenant).expect("a key");
    for _ in 1..recipients {
        add_recipient(&keyring, context().tenant, &stranger()).expect("added");
    }
    let lines = Sealer::recipients(&keyring, context().tenant).expect("lines");
    let known = lines.iter().map(|line| Recipient::parse(line).expect("what we write we read")).collect();
    (directory, keyring, known)
}

fn is_kept(keyring: &Keyring, envelope: &[u8]) -> bool {
    match keyring.check(context().tenant, envelope) {
        Ok(()) => true,
        Err(EscrowError::Unopenable(_)) => false,
        Err(EscrowError::NoKey(why)) => panic!("{why}"),
    }
}

#[test]
fn what_a_device_seals_to_every_recipient_is_kept_and_opens_to_what_it_sealed() {
    for count in [1, 2, 16] {
        let (_directory, keyring, mut recipients) = keyring(count);
        recipients.reverse();
        let longest = "9".repeat(MAX_PASSCODE_BYTES);
        for text in ["1", "abcd-efgh-jkmn-pqrs", "p\u{e3}o de queijo", &longest] {
            let envelope = seal(&recipients, &context(), &passcode(text)).expect("sealed");
            assert!(envelope.len() <= MAX_ENVELOPE_BYTES, "{count} recipients: {} bytes", envelope.len());
            assert!(is_kept(&keyring, &envelope), "{count} recipients");
            let opened = keyring.unseal(&context(), &envelope).map(|passcode| passcode.expose_secret().to_owned());
            assert_eq!(opened.expect("opens"), text);
        }
    }
}

#[test]
fn what_is_sealed_to_fewer_more_or_other_recipients_is_not_kept() {
    let (_directory, keyring, recipients) = keyring(2);
    let [server, offline] = recipients.as_slice() else { panic!("{} recipients", recipients.len()) };
    let other = stranger();
    for (what, to) in [
        ("nobody", vec![]),
        ("fewer", vec![server]),
        ("not the server", vec![offline]),
        ("another", vec![server, &other]),
        ("more", vec![server, offline, &other]),
        ("the same twice", vec![server, server]),
        ("one twice", vec![server, offline, offline]),
    ] {
        let to: Vec<_> = to.into_iter().cloned().collect();
        let envelope = seal(&to, &context(), &passcode("123456")).expect("sealed");
        assert!(!is_kept(&keyring, &envelope), "{what}");
    }
    // An envelope that was sealed before a recipient came no longer reaches every recipient.
    let envelope = seal(&recipients, &context(), &passcode("123456")).expect("sealed");
    add_recipient(&keyring, context().tenant, &other).expect("added");
    assert!(!is_kept(&keyring, &envelope));
}

#[test]
fn what_a_device_sealed_opens_for_its_own_row_alone() {
    let (_directory, keyring, recipients) = keyring(1);
    let envelope = seal(&recipients, &context(), &passcode("123456")).expect("sealed");
    keyring.create_tenant_key(TenantId(id(9))).expect("a key of another tenant");
    for elsewhere in [
        SecretContext { tenant: TenantId(id(9)), ..context() },
        SecretContext { device: DeviceId(id(9)), ..context() },
        SecretContext { action: ActionId(id(9)), ..context() },
        SecretContext { attempt: 2, ..context() },
    ] {
        assert!(keyring.unseal(&elsewhere, &envelope).is_err(), "{elsewhere:?}");
    }
    assert!(matches!(keyring.check(TenantId(id(9)), &envelope), Err(EscrowError::Unopenable(_))));
    assert!(matches!(keyring.check(TenantId(id(77)), &envelope), Err(EscrowError::NoKey(_))));
}

#[test]
fn a_cut_swollen_or_emptied_envelope_is_not_kept() {
    let (_directory, keyring, recipients) = keyring(2);
    let envelope = seal(&recipients, &context(), &passcode("123456")).expect("sealed");
    for length in 0..envelope.len() {
        assert!(!is_kept(&keyring, &envelope[..length]), "{length} bytes");
    }
    let mut swollen = envelope.clone();
    swollen.resize(MAX_ENVELOPE_BYTES + 1, b' ');
    assert!(!is_kept(&keyring, &swollen));
    let text = String::from_utf8(envelope).expect("JSON");
    for (from, to) in
        [("\"version\":1", "\"version\":2"), ("\"encapsulated\":\"B", "\"encapsulated\":\"!"), ("[{", "[{}, {")]
    {
        assert!(!is_kept(&keyring, text.replace(from, to).as_bytes()), "{from}");
    }
    let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for part in ["encapsulated", "ciphertext"] {
        let whole = json["recipients"][1][part].take();
        for poor in ["", "AAAA", "no base64"] {
            json["recipients"][1][part] = poor.into();
            assert!(!is_kept(&keyring, json.to_string().as_bytes()), "{part} {poor:?}");
        }
        json["recipients"][1][part] = whole;
    }
    assert!(is_kept(&keyring, json.to_string().as_bytes()), "and whole again it is kept");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_are_not_kept(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let (_directory, keyring, _) = keyring(1);
        prop_assert!(!is_kept(&keyring, &bytes));
    }

    #[test]
    fn what_is_kept_in_spite_of_a_changed_byte_never_opens_to_something_else(
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (_directory, keyring, recipients) = keyring(1);
        let mut envelope = seal(&recipients, &context(), &passcode("PLANTED-739105")).expect("sealed");
        let position = position.index(envelope.len());
        envelope[position] = byte;
        let _ = is_kept(&keyring, &envelope);
        if let Ok(opened) = keyring.unseal(&context(), &envelope) {
            prop_assert_eq!(opened.expose_secret(), "PLANTED-739105");
        }
    }
}

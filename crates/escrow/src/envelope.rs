//! The envelope: a small JSON document with one ciphertext for each recipient.
//!
//! ```json
//! {"version":1,"recipients":[{"key":"9f86d081884c7d65","encapsulated":"BASE64","ciphertext":"BASE64"}]}
//! ```
//!
//! The plaintext is the length of the value (two bytes, big-endian), the value, and zeros up to a multiple of 64. The
//! padding hides the length of a passcode.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::escrow::{SecretContext, SecretKind};
use chaveiro_core::ports::EscrowError;
use chaveiro_core::secret::{Passcode, SecretBytes};
use rustls::crypto::hpke::{EncapsulatedSecret, HpkePrivateKey, HpkePublicKey, HpkeSealer};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::binding::associated_data;
use crate::recipient::{KeyId, Recipient};
use crate::suite::suite;

/// The largest envelope of any kind that is read, in bytes: room for sixteen recipients of the longest value.
pub const MAX_ENVELOPE_BYTES: usize = 384 * 1024;

/// The largest envelope of that kind: room for sixteen recipients of its longest value.
fn max_envelope_bytes(kind: SecretKind) -> usize {
    match kind {
        SecretKind::Passcode => 32 * 1024,
        SecretKind::UnlockToken => MAX_ENVELOPE_BYTES,
    }
}

const VERSION: u32 = 1;
const INFO: &[u8] = b"chaveiro escrow v1";
const BLOCK: usize = 64;

/// The size of an encapsulated key, an uncompressed P-256 point (RFC 9180, 7.1).
const ENCAPSULATED_BYTES: usize = 65;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    version: u32,
    recipients: Vec<Sealed>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    key: KeyId,
    encapsulated: String,
    ciphertext: String,
}

/// The cost of sealing one value to one recipient, paid before the value is there. It is an ephemeral key and what it
/// agrees with the key of the recipient (RFC 9180, 5.1.1). It seals one value and no other, so it is consumed.
pub(crate) struct Ready {
    key: KeyId,
    encapsulated: EncapsulatedSecret,
    sealer: Box<dyn HpkeSealer>,
}

/// Makes ready to seal one value to every recipient.
pub(crate) fn ready(recipients: &[Recipient]) -> Result<Vec<Ready>, EscrowError> {
    let ready = recipients.iter().map(|recipient| {
        let key = HpkePublicKey(recipient.public_key.clone());
        let (encapsulated, sealer) = suite()
            .setup_sealer(INFO, &key)
            .map_err(|_| EscrowError::NoKey(format!("recipient {} is not a P-256 public key", recipient.id())))?;
        Ok(Ready { key: recipient.id(), encapsulated, sealer })
    });
    ready.collect()
}

/// Seals to every recipient. Devices that seal call this function; a server uses [`crate::Keyring`].
pub fn seal(recipients: &[Recipient], context: &SecretContext, passcode: &Passcode) -> Result<Vec<u8>, EscrowError> {
    seal_value(ready(recipients)?, context, passcode.expose_secret().as_bytes())
}

/// Seals a value of any kind.
pub(crate) fn seal_value(ready: Vec<Ready>, context: &SecretContext, value: &[u8]) -> Result<Vec<u8>, EscrowError> {
    let (aad, plaintext) = (associated_data(context), pad(value));
    let sealed = ready.into_iter().map(|Ready { key, encapsulated, mut sealer }| {
        let ciphertext = sealer.seal(&aad, &plaintext);
        let ciphertext = ciphertext.map_err(|_| EscrowError::NoKey(format!("nothing is sealed to recipient {key}")))?;
        Ok(Sealed { key, encapsulated: STANDARD.encode(encapsulated.0), ciphertext: STANDARD.encode(ciphertext) })
    });
    let envelope = Envelope { version: VERSION, recipients: sealed.collect::<Result<_, EscrowError>>()? };
    serde_json::to_vec(&envelope).map_err(|error| EscrowError::Unopenable(error.to_string()))
}

/// The keys to which the envelope of a passcode claims to be sealed.
pub(crate) fn keys(envelope: &[u8]) -> Result<Vec<KeyId>, EscrowError> {
    let envelope = read(envelope, SecretKind::Passcode)?;
    let sound = |sealed: &Sealed| {
        let length = |text: &str| STANDARD.decode(text).map_or(0, |bytes| bytes.len());
        length(&sealed.encapsulated) == ENCAPSULATED_BYTES && length(&sealed.ciphertext) > BLOCK
    };
    if !envelope.recipients.iter().all(sound) {
        return Err(unopenable("a part of it is not a ciphertext"));
    }
    Ok(envelope.recipients.iter().map(|sealed| sealed.key).collect())
}

/// The keys that the envelope of a passcode names, whether or not a ciphertext for them is sound.
pub fn recipients(envelope: &[u8]) -> Result<Vec<KeyId>, EscrowError> {
    Ok(read(envelope, SecretKind::Passcode)?.recipients.iter().map(|sealed| sealed.key).collect())
}

fn unopenable(why: &str) -> EscrowError {
    EscrowError::Unopenable(why.to_owned())
}

fn read(envelope: &[u8], kind: SecretKind) -> Result<Envelope, EscrowError> {
    if envelope.len() > max_envelope_bytes(kind) {
        return Err(unopenable("it is too large"));
    }
    let envelope: Envelope = serde_json::from_slice(envelope).map_err(|_| unopenable("it is not an envelope"))?;
    match envelope.version {
        VERSION => Ok(envelope),
        other => Err(EscrowError::Unopenable(format!("its version is {other}, known is {VERSION}"))),
    }
}

/// Opens a passcode with the private key of one recipient.
pub(crate) fn unseal(
    envelope: &[u8],
    context: &SecretContext,
    key: KeyId,
    private_key: &HpkePrivateKey,
) -> Result<Passcode, EscrowError> {
    let plaintext = open(envelope, context, key, private_key)?;
    let text = unpad(&plaintext).and_then(|value| std::str::from_utf8(value).ok());
    let passcode = text.and_then(|text| Passcode::new(Zeroizing::new(text.to_owned())));
    passcode.ok_or_else(|| unopenable("its contents are not a passcode"))
}

/// Opens a secret of any kind with the private key of one recipient.
pub(crate) fn unseal_bytes(
    envelope: &[u8],
    context: &SecretContext,
    key: KeyId,
    private_key: &HpkePrivateKey,
) -> Result<SecretBytes, EscrowError> {
    let plaintext = open(envelope, context, key, private_key)?;
    let value = unpad(&plaintext).and_then(|value| SecretBytes::new(context.kind, Zeroizing::new(value.to_vec())));
    value.ok_or_else(|| unopenable("its contents are too long, or nothing"))
}

fn open(
    envelope: &[u8],
    context: &SecretContext,
    key: KeyId,
    private_key: &HpkePrivateKey,
) -> Result<Zeroizing<Vec<u8>>, EscrowError> {
    let envelope = read(envelope, context.kind)?;
    let sealed = envelope.recipients.iter().find(|sealed| sealed.key == key);
    let sealed = sealed.ok_or_else(|| EscrowError::NoKey(format!("it is not sealed to {key}")))?;
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| unopenable("it is not base64"));
    let encapsulated = EncapsulatedSecret(decode(&sealed.encapsulated)?);
    let ciphertext = decode(&sealed.ciphertext)?;
    let opened = suite().open(&encapsulated, INFO, &associated_data(context), &ciphertext, private_key);
    opened.map(Zeroizing::new).map_err(|_| unopenable("it is damaged or bound to something else"))
}

fn pad(value: &[u8]) -> Zeroizing<Vec<u8>> {
    // Sized beforehand, so that no reallocation leaves a copy behind. Values of every kind are shorter than 64 KiB.
    let size = (2 + value.len()).next_multiple_of(BLOCK);
    let mut plaintext = Zeroizing::new(Vec::with_capacity(size));
    plaintext.extend_from_slice(&(value.len() as u16).to_be_bytes());
    plaintext.extend_from_slice(value);
    plaintext.resize(size, 0);
    plaintext
}

fn unpad(plaintext: &[u8]) -> Option<&[u8]> {
    let (length, rest) = plaintext.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

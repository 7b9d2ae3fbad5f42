//! The associated data of an envelope: every field of its context, unambiguously.

use chaveiro_core::escrow::SecretContext;

/// Returns bytes that are equal exactly for equal contexts. Each field is preceded by its length, so that no two
/// contexts share an encoding. The label separates this from other uses of the same keys.
pub(crate) fn associated_data(context: &SecretContext) -> Vec<u8> {
    let SecretContext { tenant, device, action, attempt, kind } = context;
    let attempt = attempt.to_be_bytes();
    let fields: [&[u8]; 6] = [
        b"chaveiro escrow v1",
        tenant.0.as_bytes(),
        device.0.as_bytes(),
        action.0.as_bytes(),
        &attempt,
        kind.name().as_bytes(),
    ];
    let mut bytes = Vec::with_capacity(128);
    for field in fields {
        bytes.extend_from_slice(&(field.len() as u32).to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

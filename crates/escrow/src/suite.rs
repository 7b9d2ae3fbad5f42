//! The one cipher suite of the escrow.

use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_256;
use rustls::crypto::hpke::Hpke;

/// RFC 9180 suite 0x0010, 0x0001, 0x0002.
pub(crate) fn suite() -> &'static dyn Hpke {
    DH_KEM_P256_HKDF_SHA256_AES_256
}

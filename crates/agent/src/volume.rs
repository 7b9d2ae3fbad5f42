//! The header of an encrypted volume (LUKS2 On-Disk Format Specification 1.1, sections 2 and 3). Only read.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

/// Key slots that LUKS2 has (`LUKS2_KEYSLOTS_MAX` of libcryptsetup).
pub(crate) const SLOTS: usize = 32;
/// Bytes of the binary header; the JSON area follows.
const BINARY_HEADER: usize = 4096;
/// The largest header that the specification allows: binary header and JSON area.
const MAX_HEADER: u64 = 4 * 1024 * 1024;
const MAGIC: &[u8; 6] = b"LUKS\xba\xbe";

/// What matters for a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Key slots in use.
    pub(crate) used: usize,
}

/// Why a volume has no LUKS2 header that can be read.
#[derive(Debug, Error)]
pub(crate) enum HeaderError {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("it is not a LUKS volume")]
    NotLuks,
    #[error("it is LUKS version {0}")]
    Version(u16),
    #[error("its header is damaged")]
    Damaged,
}

#[derive(Deserialize)]
struct Json {
    keyslots: std::collections::BTreeMap<String, serde_json::Value>,
}

/// Reads the header of a device or file, at most [`MAX_HEADER`] bytes of it.
pub(crate) fn read(path: &Path) -> Result<Header, HeaderError> {
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(path)?;
    file.by_ref().take(BINARY_HEADER as u64).read_to_end(&mut bytes)?;
    let size = size(&bytes)?;
    file.take(size.saturating_sub(BINARY_HEADER as u64)).read_to_end(&mut bytes)?;
    parse(&bytes)
}

/// The size of header and JSON area together.
fn size(bytes: &[u8]) -> Result<u64, HeaderError> {
    if bytes.get(..6) != Some(MAGIC) {
        return Err(HeaderError::NotLuks);
    }
    let version = bytes.get(6..).and_then(<[u8]>::first_chunk).copied().map(u16::from_be_bytes);
    match version.ok_or(HeaderError::Damaged)? {
        2 => {}
        other => return Err(HeaderError::Version(other)),
    }
    let size = bytes.get(8..).and_then(<[u8]>::first_chunk).copied().map(u64::from_be_bytes);
    size.filter(|size| (BINARY_HEADER as u64..=MAX_HEADER).contains(size)).ok_or(HeaderError::Damaged)
}

fn parse(bytes: &[u8]) -> Result<Header, HeaderError> {
    let size = usize::try_from(size(bytes)?).map_err(|_| HeaderError::Damaged)?;
    let area = bytes.get(BINARY_HEADER..size).ok_or(HeaderError::Damaged)?;
    let text = area.split(|byte| *byte == 0).next().unwrap_or_default();
    let json: Json = serde_json::from_slice(text).map_err(|_| HeaderError::Damaged)?;
    Ok(Header { used: json.keyslots.len() })
}

/// The devices of crypttab(5), the second field of each line.
pub(crate) fn of_crypttab(crypttab: &str) -> Vec<PathBuf> {
    let lines = crypttab.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let devices = lines.filter_map(|line| line.split_whitespace().nth(1));
    devices
        .map(|device| {
            let tags = [("UUID=", "by-uuid"), ("PARTUUID=", "by-partuuid"), ("LABEL=", "by-label")];
            let tagged = tags.iter().find_map(|(tag, links)| Some((device.strip_prefix(tag)?, links)));
            match tagged {
                Some((value, links)) => Path::new("/dev/disk").join(links).join(value.trim_matches('"')),
                None => PathBuf::from(device),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first 16 KiB of what `cryptsetup luksFormat --type luks2` 2.6.1 wrote.
    const REAL: &[u8] = include_bytes!("../tests/data/luks2-header.bin");

    #[test]
    fn a_header_of_cryptsetup_is_read() {
        assert_eq!(parse(REAL).expect("a header"), Header { used: 1 });
    }

    #[test]
    fn what_is_no_sound_luks2_header_says_why() {
        let mut old = REAL.to_vec();
        old[7] = 1;
        let mut huge = REAL.to_vec();
        huge[8] = 0xff;
        let mut damaged = REAL.to_vec();
        damaged[BINARY_HEADER] = b'x';
        for (bytes, words) in [
            (&old[..], "LUKS version 1"),
            (&huge, "damaged"),
            (&damaged, "damaged"),
            (&REAL[..5000], "damaged"),
            (b"ext4", "not a LUKS volume"),
            (b"", "not a LUKS volume"),
        ] {
            let error = parse(bytes).expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn the_volumes_of_crypttab_are_found_by_path_and_by_tag() {
        let crypttab =
            "# name device key options\n\nroot UUID=1-2 none luks\nhome\t/dev/sdb1 none\nx PARTUUID=\"9\" -\n";
        let found = of_crypttab(crypttab);
        let found: Vec<_> = found.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        assert_eq!(found, ["/dev/disk/by-uuid/1-2", "/dev/sdb1", "/dev/disk/by-partuuid/9"]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_header_or_an_error(at in 0_usize..16384, bytes: [u8; 4]) {
            let mut changed = REAL.to_vec();
            changed.splice(at..(at + 4).min(REAL.len()), bytes);
            let _ = parse(&changed);
            let _ = parse(&changed[..at]);
        }
    }
}

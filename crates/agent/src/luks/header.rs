//! The header of an encrypted volume (LUKS2 On-Disk Format Specification 1.1, sections 2 and 3). The agent reads it;
//! cryptsetup writes it, and repairs one copy from the other whenever it opens the volume.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use chaveiro_lang::{Text, text};
use serde::Deserialize;
use serde_json::Value;

/// Key slots that LUKS2 has (`LUKS2_KEYSLOTS_MAX` of libcryptsetup).
pub(crate) const SLOTS: u8 = 32;
/// Bytes of the binary header; the JSON area follows.
const BINARY_HEADER: usize = 4096;
/// Iterations of PBKDF2 that random keys are derived with. The least that cryptsetup accepts.
pub(super) const CHEAP_ITERATIONS: u32 = 1000;
/// The largest header that the specification allows: binary header and JSON area.
const MAX_HEADER: u64 = 4 * 1024 * 1024;
/// The smallest one. Each further size is the double, and the second copy follows the first.
pub(super) const MIN_HEADER: u64 = 16 * 1024;
const MAGIC: &[u8; 6] = b"LUKS\xba\xbe";
const SECOND_MAGIC: &[u8; 6] = b"SKUL\xba\xbe";

// Fields of the binary header.
const CHECKSUM_NAME: std::ops::Range<usize> = 72..104;
const UUID: std::ops::Range<usize> = 168..208;
const CHECKSUM: std::ops::Range<usize> = 448..512;

/// The parts of a header that matter for a recovery.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) uuid: String,
    /// Key slots in use.
    pub(crate) slots: BTreeMap<u8, Value>,
    /// The notes of programs about slots.
    pub(crate) tokens: BTreeMap<u8, Value>,
    /// The digests that prove that a slot gave the right key of the volume.
    pub(crate) digests: Vec<Value>,
    /// The range of the areas of the slots, after both copies of the header.
    areas: std::ops::Range<u64>,
}

/// The area in which a slot keeps the key of the volume, encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

/// The reason why a volume has no readable LUKS2 header.
#[derive(Debug)]
pub(crate) enum HeaderError {
    Unreadable(std::io::Error),
    NotLuks,
    Version(u16),
    Damaged,
}

impl HeaderError {
    /// The words of the error.
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::Unreadable(error) => text!("header-unreadable", error = error),
            Self::NotLuks => text!("header-not-luks"),
            Self::Version(version) => text!("header-version", version = *version),
            Self::Damaged => text!("header-damaged"),
        }
    }
}

impl From<std::io::Error> for HeaderError {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable(error)
    }
}

#[derive(Deserialize)]
struct Json {
    keyslots: BTreeMap<u8, Value>,
    tokens: BTreeMap<u8, Value>,
    digests: BTreeMap<u8, Value>,
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    keyslots_size: String,
}

impl Header {
    /// The area in which a slot keeps its key; `None` if the header does not name it.
    pub(crate) fn area(&self, slot: u8) -> Option<Area> {
        let area = self.slots.get(&slot)?.get("area")?;
        let number = |name: &str| area.get(name)?.as_str()?.parse().ok();
        let area = Area { offset: number("offset")?, size: number("size")? };
        let end = area.offset.checked_add(area.size)?;
        (self.areas.start <= area.offset && end <= self.areas.end).then_some(area)
    }

    /// Returns true if the slot is derived as an agent's slot is, before its passcode takes effect.
    pub(crate) fn is_cheap(&self, slot: u8) -> bool {
        let kdf = self.slots.get(&slot).and_then(|slot| slot.get("kdf"));
        let is = |name: &str, value: Value| kdf.and_then(|kdf| kdf.get(name)) == Some(&value);
        is("type", "pbkdf2".into()) && is("iterations", CHEAP_ITERATIONS.into())
    }

    /// The highest slot that is not in use, if there is also room for what it would keep. When a user adds a slot
    /// without a number, cryptsetup takes the lowest, so the agent's slots and the user's stay apart.
    pub(crate) fn free_slot(&self) -> Option<u8> {
        (0..SLOTS).rev().find(|slot| self.free_slots() > 0 && !self.slots.contains_key(slot))
    }

    /// The number of slots that still fit: a volume that began as LUKS1 has less room than slot numbers.
    pub(crate) fn free_slots(&self) -> u64 {
        let mut areas: Vec<Area> = self.slots.keys().filter_map(|slot| self.area(*slot)).collect();
        areas.sort_by_key(|area| area.offset);
        // A volume has one key, so its slots are of one size.
        let needed = areas.iter().map(|area| area.size).max().unwrap_or(0);
        let starts = std::iter::once(self.areas.start).chain(areas.iter().map(|area| area.offset + area.size));
        let ends = areas.iter().map(|area| area.offset).chain(std::iter::once(self.areas.end));
        let fits = |(start, end): (u64, u64)| end.saturating_sub(start).checked_div(needed).unwrap_or(u64::MAX);
        let room = starts.zip(ends).map(fits).fold(0_u64, u64::saturating_add);
        room.min(u64::from(SLOTS).saturating_sub(self.slots.len() as u64))
    }
}

/// Reads the header of a device or file: the first copy, or the second where the first is damaged.
///
/// cryptsetup writes one copy after the other. Its death in between, or a reader at that moment, finds one of them whole.
pub(crate) fn read(path: &Path) -> Result<Header, HeaderError> {
    let file = File::open(path)?;
    match read_copy(&file, 0) {
        Err(first @ (HeaderError::Damaged | HeaderError::NotLuks)) => read_second_copy(&file).unwrap_or(Err(first)),
        other => other,
    }
}

/// Looks for the second copy at the end of each size that a header can have. Returns `None` if there is no second copy.
fn read_second_copy(file: &File) -> Option<Result<Header, HeaderError>> {
    let sizes = std::iter::successors(Some(MIN_HEADER), |size| Some(size * 2)).take_while(|size| *size <= MAX_HEADER);
    let mut found = None;
    for at in sizes {
        match read_copy(file, at) {
            Err(HeaderError::NotLuks) => {}
            Ok(header) => return Some(Ok(header)),
            damaged => found = found.or(Some(damaged)),
        }
    }
    found
}

/// Reads the copy of the header at that offset, at most [`MAX_HEADER`] bytes of it.
fn read_copy(mut file: &File, at: u64) -> Result<Header, HeaderError> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(BINARY_HEADER as u64).read_to_end(&mut bytes)?;
    let size = size(&bytes, at)?;
    file.take(size.saturating_sub(BINARY_HEADER as u64)).read_to_end(&mut bytes)?;
    parse(&bytes, at)
}

/// The size of header and JSON area together, of the copy at that offset.
fn size(bytes: &[u8], at: u64) -> Result<u64, HeaderError> {
    let magic = if at == 0 { MAGIC } else { SECOND_MAGIC };
    if bytes.get(..6) != Some(magic) {
        return Err(HeaderError::NotLuks);
    }
    let version = bytes.get(6..).and_then(<[u8]>::first_chunk).copied().map(u16::from_be_bytes);
    match version.ok_or(HeaderError::Damaged)? {
        2 => {}
        other => return Err(HeaderError::Version(other)),
    }
    let size = bytes.get(8..).and_then(<[u8]>::first_chunk).copied().map(u64::from_be_bytes);
    // The second copy follows the first, so that its offset is the size of each.
    let fits = |size: &u64| (MIN_HEADER..=MAX_HEADER).contains(size) && [0, *size].contains(&at);
    size.filter(fits).ok_or(HeaderError::Damaged)
}

fn parse(bytes: &[u8], at: u64) -> Result<Header, HeaderError> {
    let size = size(bytes, at)?;
    let bytes = usize::try_from(size).ok().and_then(|size| bytes.get(..size)).ok_or(HeaderError::Damaged)?;
    if checksum(bytes).as_deref() != Some(&bytes[CHECKSUM][..32]) {
        return Err(HeaderError::Damaged);
    }
    let uuid = text(&bytes[UUID]).filter(|uuid| is_uuid(uuid)).ok_or(HeaderError::Damaged)?.to_owned();
    let json = text(&bytes[BINARY_HEADER..]).ok_or(HeaderError::Damaged)?;
    let json: Json = serde_json::from_str(json).map_err(|_| HeaderError::Damaged)?;
    let room: u64 = json.config.keyslots_size.parse().map_err(|_| HeaderError::Damaged)?;
    let areas = size * 2..(size * 2).checked_add(room).ok_or(HeaderError::Damaged)?;
    Ok(Header { uuid, slots: json.keyslots, tokens: json.tokens, digests: json.digests.into_values().collect(), areas })
}

/// The checksum that the header should have; `None` for a kind that cryptsetup does not write.
fn checksum(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut context = Context::new(&SHA256);
    context.update(&bytes[..CHECKSUM.start]);
    context.update(&[0; CHECKSUM.end - CHECKSUM.start]);
    context.update(&bytes[CHECKSUM.end..]);
    (text(&bytes[CHECKSUM_NAME]) == Some("sha256")).then(|| context.finish().as_ref().to_vec())
}

/// The text up to the first zero byte.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()
}

/// Returns true for a UUID. It names the key file of the agent, so it must not be able to name another file.
fn is_uuid(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
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
    const REAL: &[u8] = include_bytes!("../../tests/data/luks2-header.bin");

    /// Makes changed bytes whole again, so that what is tested is not the checksum.
    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        if let Some(checksum) = checksum(&bytes) {
            bytes[CHECKSUM][..32].copy_from_slice(&checksum);
        }
        bytes
    }

    #[test]
    fn a_header_of_cryptsetup_is_read() {
        let header = parse(REAL, 0).expect("a header");
        assert_eq!(header.uuid, "71449758-682c-4788-a298-51ec3b633243");
        assert_eq!((header.slots.len(), header.tokens.len(), header.digests.len()), (1, 0, 1));
        assert_eq!(header.area(0), Some(Area { offset: 32768, size: 258_048 }));
        assert_eq!((header.area(1), header.free_slot(), header.free_slots()), (None, Some(31), 31));
    }

    #[test]
    fn what_is_no_sound_luks2_header_says_why() {
        let changed = |at: usize, byte: u8| {
            let mut bytes = REAL.to_vec();
            bytes[at] = byte;
            bytes
        };
        for (bytes, words) in [
            (changed(7, 1), "LUKS version 1"),
            (changed(8, 0xff), "damaged"),
            (changed(BINARY_HEADER + 3, b'x'), "damaged"),
            (sealed(changed(BINARY_HEADER, b'x')), "damaged"),
            (sealed(changed(UUID.start, b'/')), "damaged"),
            (sealed(changed(CHECKSUM_NAME.start, b'S')), "damaged"),
            (REAL[..5000].to_vec(), "damaged"),
            (b"ext4".to_vec(), "not a LUKS volume"),
            (Vec::new(), "not a LUKS volume"),
        ] {
            let error = parse(&bytes, 0).expect_err("refused").text().to_string();
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
        fn any_bytes_are_a_header_or_an_error(at in 0_usize..6000, bytes: [u8; 4]) {
            let mut changed = REAL.to_vec();
            changed.splice(at..at + 4, bytes);
            if let Ok(header) = parse(&sealed(changed), 0) {
                let _ = (header.free_slot(), header.area(0));
            }
            let _ = parse(&REAL[..at], 0);
        }
    }
}

//! Finds out whether a file lies on an encrypted disk. A key in clear beside the volume that it opens would make the encryption
//! worthless against a thief of the disk.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The most layers that are followed, such as LVM on LUKS on RAID, and the most devices below each.
const MAX_LAYERS: usize = 8;
const MAX_DEVICES: usize = 64;

/// The beginning of device-mapper's names for volumes of cryptsetup (`CRYPT-LUKS2-...`), and of those that do not
/// encrypt.
const CRYPT: &str = "CRYPT-";
const CLEAR: [&str; 2] = ["CRYPT-INTEGRITY-", "CRYPT-VERITY-"];

/// Returns true if everything that `path` lies on, or would lie on, is encrypted. `None` means unknown, as for network and memory
/// file systems, and for Btrfs, which has a device number of its own.
pub(crate) fn is_on_encrypted_disk(path: &Path) -> Option<bool> {
    let device = path.ancestors().find_map(|path| fs::metadata(path).ok())?.dev();
    let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    is_encrypted(&Path::new("/sys/dev/block").join(number), MAX_LAYERS)
}

/// Returns true if a device is encrypted, by its directory in sysfs.
fn is_encrypted(device: &Path, layers: usize) -> Option<bool> {
    let device = device.canonicalize().ok().filter(|_| layers > 0)?;
    let uuid = fs::read_to_string(device.join("dm/uuid")).unwrap_or_default();
    if uuid.starts_with(CRYPT) && !CLEAR.iter().any(|clear| uuid.starts_with(clear)) {
        return Some(true);
    }
    // What a partition lies on is known of its disk.
    let disk = if device.join("partition").exists() { device.parent()? } else { &device };
    let Ok(below) = fs::read_dir(disk.join("slaves")) else { return Some(false) };
    let below = below.take(MAX_DEVICES).collect::<Result<Vec<_>, _>>().ok()?;
    let answers = below.iter().map(|device| is_encrypted(&device.path(), layers - 1));
    let all = answers.collect::<Option<Vec<bool>>>()?;
    Some(!all.is_empty() && all.into_iter().all(|encrypted| encrypted))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a device in a sysfs of the test.
    fn device(sys: &Path, name: &str, uuid: &str, below: &[&str]) {
        let directory = sys.join(name);
        fs::create_dir_all(directory.join("slaves")).expect("made");
        if !uuid.is_empty() {
            fs::create_dir_all(directory.join("dm")).expect("made");
            fs::write(directory.join("dm/uuid"), uuid).expect("written");
        }
        for other in below {
            std::os::unix::fs::symlink(sys.join(other), directory.join("slaves").join(other)).expect("linked");
        }
    }

    #[test]
    fn a_disk_is_encrypted_when_all_that_it_lies_on_is() {
        let sys = tempfile::tempdir().expect("a directory");
        let sys = sys.path();
        for (name, uuid, below) in [
            ("sda", "", &[][..]),
            ("crypt", "CRYPT-LUKS2-0a1b-root\n", &["sda"]),
            ("root", "LVM-1\n", &["crypt"]),
            ("spanned", "LVM-2\n", &["crypt", "sda"]),
            ("verity", "CRYPT-VERITY-1-usr\n", &["sda"]),
            ("sound", "CRYPT-INTEGRITY-1\n", &["crypt"]),
            ("md", "", &["crypt"]),
            ("loop", "", &["loop"]),
        ] {
            device(sys, name, uuid, below);
        }
        fs::create_dir(sys.join("md/md1p1")).expect("made");
        fs::write(sys.join("md/md1p1/partition"), "1\n").expect("written");
        for (name, answer) in [
            ("sda", Some(false)),
            ("crypt", Some(true)),
            ("root", Some(true)),
            ("spanned", Some(false)),
            ("verity", Some(false)),
            ("sound", Some(true)),
            ("md/md1p1", Some(true)),
            ("loop", None),
            ("absent", None),
        ] {
            assert_eq!(is_encrypted(&sys.join(name), MAX_LAYERS), answer, "{name}");
        }
    }

    #[test]
    fn what_lies_in_memory_cannot_be_told_and_a_file_need_not_be_there_yet() {
        assert_eq!(is_on_encrypted_disk(Path::new("/proc/self/absent/key")), None);
    }
}

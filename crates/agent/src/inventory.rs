//! The description of this machine, from the files of the kernel and the distribution.

use std::path::Path;

use chaveiro_core::digest::{hex, sha256};
use chaveiro_csp::{INVENTORY, InventoryNode};
use chaveiro_lang::{Text, text};
use rustix::fs::StatVfs;

use crate::luks;

/// The machine, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inventory {
    /// The id of the device, derived from machine-id(5), which itself must not leave the machine.
    pub(crate) oma_device_id: String,
    pub(crate) device_name: String,
    pub(crate) manufacturer: String,
    pub(crate) model: String,
    pub(crate) serial_number: Option<String>,
    pub(crate) os_version: String,
    /// The addresses of wired interfaces.
    pub(crate) mac_addresses: Vec<String>,
    /// The texts of inventory nodes, by their address.
    pub(crate) reported: Vec<(&'static str, String)>,
}

/// The system below a root directory.
struct Machine<'a> {
    root: &'a Path,
}

/// Reads the value of an inventory node; `None` if the machine does not state it.
type Reader = fn(&Machine<'_>) -> Option<String>;

/// A reader for each row of [`INVENTORY`], by the name of the value.
const READERS: &[(&str, Reader)] = &[
    ("osVersion", |machine| Some(machine.os_version())),
    ("deviceName", |machine| Some(machine.device_name())),
    ("serialNumber", |machine| machine.line("sys/class/dmi/id/product_serial")),
    ("totalStorageBytes", |machine| machine.storage_mib(|fs| fs.f_blocks)),
    ("freeStorageBytes", |machine| machine.storage_mib(|fs| fs.f_bavail)),
    ("physicalMemoryBytes", |machine| total_ram_mib(&machine.text("proc/meminfo")?).map(|mib| mib.to_string())),
    ("isEncrypted", |machine| luks::is_on_encrypted_disk(machine.root).map(|encrypted| encrypted.to_string())),
    ("wifiMacAddress", |machine| machine.mac_addresses(true).into_iter().next()),
    ("processorArchitecture", |machine| architecture(&machine.kernel_architecture()?).map(str::to_owned)),
];

impl Machine<'_> {
    fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(name)).ok()
    }

    /// The first line of a file, unless it is empty.
    fn line(&self, name: &str) -> Option<String> {
        let line = self.text(name)?.lines().next().unwrap_or_default().trim().to_owned();
        (!line.is_empty()).then_some(line)
    }

    fn device_name(&self) -> String {
        self.line("proc/sys/kernel/hostname").or_else(|| self.line("etc/hostname")).unwrap_or_default()
    }

    fn os_version(&self) -> String {
        os_version(&self.text("etc/os-release").unwrap_or_default())
    }

    /// The machine of uname(2). Linux before 6.1 has no such file; there a program of 64 bits runs on its own architecture alone.
    fn kernel_architecture(&self) -> Option<String> {
        let own = || (usize::BITS == 64).then(|| std::env::consts::ARCH.to_owned());
        self.line("proc/sys/kernel/arch").or_else(own)
    }

    /// A number of blocks of the root file system, in mebibytes.
    fn storage_mib(&self, blocks: fn(&StatVfs) -> u64) -> Option<String> {
        let fs = rustix::fs::statvfs(self.root).ok()?;
        Some((blocks(&fs).saturating_mul(fs.f_frsize) >> 20).to_string())
    }

    /// Addresses of interfaces that have a device behind them, wireless or not; virtual ones come and go.
    fn mac_addresses(&self, wireless: bool) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.root.join("sys/class/net")) else { return Vec::new() };
        let is_wireless = |path: &Path| path.join("phy80211").exists() || path.join("wireless").exists();
        let interfaces = entries.flatten().map(|entry| entry.path()).filter(|path| path.join("device").exists());
        let interfaces = interfaces.filter(|path| is_wireless(path) == wireless);
        let address = |path: std::path::PathBuf| std::fs::read_to_string(path.join("address")).ok();
        let mut addresses: Vec<String> = interfaces.filter_map(address).map(|text| text.trim().to_owned()).collect();
        addresses.sort();
        addresses
    }

    fn reported(&self) -> Vec<(&'static str, String)> {
        let read = |node: &InventoryNode| {
            let (_, read) = READERS.iter().find(|(value, _)| *value == node.value)?;
            Some((node.linux.uri, read(self)?))
        };
        INVENTORY.iter().filter_map(read).collect()
    }
}

/// The reason why a machine cannot be told from others.
#[derive(Debug)]
pub(crate) struct NoMachineId;

impl NoMachineId {
    /// The words of the error.
    pub(crate) fn text(&self) -> Text {
        text!("agent-no-machine-id")
    }
}

impl std::fmt::Display for NoMachineId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text().fmt(out)
    }
}

impl std::error::Error for NoMachineId {}

/// Looks at the system below `root`.
pub(crate) fn read(root: &Path) -> Result<Inventory, NoMachineId> {
    let machine = Machine { root };
    let id = machine.line("etc/machine-id").ok_or(NoMachineId)?;
    let dmi = |name: &str| machine.line(&format!("sys/class/dmi/id/{name}"));
    Ok(Inventory {
        oma_device_id: device_id(&id, &dmi("product_uuid").unwrap_or_default()),
        device_name: machine.device_name(),
        manufacturer: dmi("sys_vendor").unwrap_or_else(|| "unknown".to_owned()),
        model: dmi("product_name").unwrap_or_else(|| "unknown".to_owned()),
        serial_number: dmi("product_serial"),
        os_version: machine.os_version(),
        mac_addresses: machine.mac_addresses(false),
        reported: machine.reported(),
    })
}

/// 32 hex digits, always the same for a machine, that do not tell its machine id (machine-id(5): hash it with a
/// fixed, application-specific key). Copies of an image that share the machine id still differ in their hardware.
fn device_id(machine_id: &str, product_uuid: &str) -> String {
    let hash = sha256(format!("chaveiro-agent:{machine_id}:{product_uuid}").as_bytes());
    hex(&hash[..16]).to_uppercase()
}

/// os-release(5): `VERSION_ID`, or the whole name of a rolling distribution.
fn os_version(os_release: &str) -> String {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim().trim_matches('"').to_owned())
    };
    value("VERSION_ID").or_else(|| value("PRETTY_NAME")).unwrap_or_default()
}

/// The machine of uname(2), as Windows numbers architectures.
fn architecture(machine: &str) -> Option<&'static str> {
    Some(match machine {
        "i386" | "i486" | "i586" | "i686" => "0",
        "x86_64" => "9",
        "aarch64" => "12",
        arm if arm.starts_with("armv") => "5",
        _ => return None,
    })
}

/// proc_meminfo(5): `MemTotal` in kibibytes.
fn total_ram_mib(meminfo: &str) -> Option<u64> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(total.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_distribution() {
        for (text, version) in [
            ("NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n", "12"),
            ("VERSION_ID=24.04\nPRETTY_NAME=\"Ubuntu 24.04 LTS\"\n", "24.04"),
            ("PRETTY_NAME=\"Arch Linux\"\n", "Arch Linux"),
            ("", ""),
        ] {
            assert_eq!(os_version(text), version);
        }
    }

    #[test]
    fn every_inventory_node_has_a_reader() {
        let nodes: Vec<_> = INVENTORY.iter().map(|node| node.value).collect();
        assert_eq!(READERS.iter().map(|(value, _)| *value).collect::<Vec<_>>(), nodes);
    }

    #[test]
    fn wireless_interfaces_are_told_from_wired_ones_and_virtual_ones_left_out() {
        let root = tempfile::tempdir().expect("a directory");
        for (name, address, parts) in [
            ("eth0", "00:00:00:00:00:02", &["device"][..]),
            ("wlan0", "00:00:00:00:00:01", &["device", "phy80211"]),
            ("wlan1", "00:00:00:00:00:04", &["device", "wireless"]),
            ("docker0", "00:00:00:00:00:03", &[]),
        ] {
            let interface = root.path().join("sys/class/net").join(name);
            std::fs::create_dir_all(&interface).expect("made");
            std::fs::write(interface.join("address"), format!("{address}\n")).expect("written");
            parts.iter().for_each(|part| std::fs::create_dir(interface.join(part)).expect("made"));
        }
        let machine = Machine { root: root.path() };
        assert_eq!(machine.mac_addresses(false), ["00:00:00:00:00:02"]);
        assert_eq!(machine.mac_addresses(true), ["00:00:00:00:00:01", "00:00:00:00:00:04"]);
    }

    #[test]
    fn memory_is_read_in_mebibytes() {
        assert_eq!(total_ram_mib("MemTotal:       16384000 kB\nMemFree: 1 kB\n"), Some(16_000));
        assert_eq!(total_ram_mib("MemTotal: many\n"), None);
    }

    #[test]
    fn architectures_have_the_numbers_of_windows() {
        for (machine, number) in [
            ("x86_64", Some("9")),
            ("aarch64", Some("12")),
            ("i686", Some("0")),
            ("armv7l", Some("5")),
            ("riscv64", None),
        ] {
            assert_eq!(architecture(machine), number, "{machine}");
        }
    }

    #[test]
    fn the_device_id_is_stable_and_does_not_tell_the_machine_id() {
        let machine = "0123456789abcdef0123456789abcdef";
        assert_eq!(device_id(machine, "u"), device_id(machine, "u"));
        assert_ne!(device_id(machine, "u"), device_id("0123456789abcdef0123456789abcdee", "u"));
        assert_ne!(device_id(machine, "u"), device_id(machine, "v"), "a copy of the image on another machine");
        assert!(!device_id(machine, "u").to_lowercase().contains(&machine[..8]));
    }

    #[test]
    fn a_machine_without_an_id_is_told_so() {
        let root = tempfile::tempdir().expect("a directory");
        let error = read(root.path()).expect_err("refused").to_string();
        assert!(error.contains("systemd-machine-id-setup"), "{error}");
    }
}

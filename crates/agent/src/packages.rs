//! The installed packages, for `detectedApps` of Graph, as the package manager of the distribution records them. The
//! sources are dpkg's status file (deb-status in dpkg-query(1)), rpm(8), and pacman's local database. The server stores
//! and shows the texts, so they are bounded here.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use chaveiro_core::digest::sha256_hex;

use crate::child;

/// Packages of one machine, at the most; a desktop has some 3000.
const MAX_PACKAGES: usize = 5000;
/// Characters of a name or version, at the most.
const MAX_FIELD: usize = 128;
/// Bytes that are reported, at the most.
const MAX_LINES: usize = 256 * 1024;
/// Bytes that are read, at the most; dpkg's file takes about 1 KiB a package.
const MAX_READ: u64 = 32 * 1024 * 1024;

/// dpkg's own account of every package it ever knew.
const DPKG_STATUS: &str = "var/lib/dpkg/status";
/// The program that reads rpm's database, whose format changes with its version.
const RPM: &str = "usr/bin/rpm";
/// The form in which rpm prints a package: rpm expands the escapes.
const RPM_FORMAT: &str = r"%{NAME}\t%{VERSION}-%{RELEASE}\n";
/// A directory for each package, with a file `desc` in it.
const PACMAN_LOCAL: &str = "var/lib/pacman/local";

/// A package that is installed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The packages of the system below `root`, by name. The first package manager that has any is that of the
/// distribution: the others may be there as mere programs.
pub(crate) fn installed(root: &Path) -> Vec<Package> {
    let managers: [fn(&Path) -> BTreeSet<Package>; 3] = [of_dpkg, of_rpm, of_pacman];
    let packages = managers.iter().map(|packages| packages(root)).find(|packages| !packages.is_empty());
    packages.unwrap_or_default().into_iter().collect()
}

/// One package a line, `name<TAB>version`, as many whole lines as may be reported.
pub(crate) fn lines(packages: &[Package]) -> String {
    let mut text = String::new();
    for Package { name, version } in packages {
        if text.len() + name.len() + version.len() + "\t\n".len() > MAX_LINES {
            break;
        }
        text.extend([name.as_str(), "\t", version.as_str(), "\n"]);
    }
    text
}

/// The SHA-256 of the list in hex, which shows if the list has changed since the last report.
pub(crate) fn digest(lines: &str) -> String {
    sha256_hex(lines.as_bytes())
}

fn of_dpkg(root: &Path) -> BTreeSet<Package> {
    let text = File::open(root.join(DPKG_STATUS)).map(text_of).unwrap_or_default();
    bounded(dpkg_packages(&text))
}

fn of_rpm(root: &Path) -> BTreeSet<Package> {
    let program = root.join(RPM);
    if !program.exists() {
        return BTreeSet::new();
    }
    // rpm waits without end for a lock that a dead process left; a list of packages is not worth a recovery.
    let mut command = child::command_within(60, &program);
    command.args(["-qa", "--root"]).arg(root).args(["--qf", RPM_FORMAT]).env("LC_ALL", "C");
    let Ok(mut child) = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
        return BTreeSet::new();
    };
    let text = child.stdout.take().map(text_of).unwrap_or_default();
    // It may still have more to say, which is not read; and it must not stay behind as a zombie.
    let _ = child.kill();
    let _ = child.wait();
    bounded(rpm_packages(&text))
}

fn of_pacman(root: &Path) -> BTreeSet<Package> {
    let Ok(entries) = std::fs::read_dir(root.join(PACMAN_LOCAL)) else { return BTreeSet::new() };
    let files = entries.flatten().filter_map(|entry| File::open(entry.path().join("desc")).ok());
    bounded(files.filter_map(|file| pacman_package(&text_of(file))))
}

/// Sorts the packages, each once, and keeps no more than allowed.
fn bounded(packages: impl Iterator<Item = Package>) -> BTreeSet<Package> {
    let mut kept = BTreeSet::new();
    for package in packages {
        kept.insert(package);
        if kept.len() > MAX_PACKAGES {
            kept.pop_last();
        }
    }
    kept
}

/// The text of a file or program; bytes that are not UTF-8 do not hide the rest.
fn text_of(from: impl Read) -> String {
    let mut bytes = Vec::new();
    match from.take(MAX_READ).read_to_end(&mut bytes) {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// Reads stanzas with an empty line between them. The status has three words: the wanted state, the soundness of the
/// package, and its present state. The wanted state is `install`, or `hold` for a package that is installed and must
/// not be upgraded.
fn dpkg_packages(text: &str) -> impl Iterator<Item = Package> {
    text.split("\n\n").filter_map(|stanza| {
        // Further lines of a field begin with a space, so that they are never taken for another one.
        let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        match field("Status")?.trim() {
            "install ok installed" | "hold ok installed" => package(field("Package")?, field("Version")?),
            _ => None,
        }
    })
}

fn rpm_packages(text: &str) -> impl Iterator<Item = Package> {
    text.lines().filter_map(|line| line.split_once('\t')).filter_map(|(name, version)| package(name, version))
}

/// Reads a file with `%NAME%` on a line of its own, and the value on the next.
fn pacman_package(text: &str) -> Option<Package> {
    let value = |key: &str| text.lines().skip_while(|line| *line != key).nth(1);
    package(value("%NAME%")?, value("%VERSION%")?)
}

/// Bounds a package; `None` if its name or version becomes empty.
fn package(name: &str, version: &str) -> Option<Package> {
    let clean = |field: &str| {
        let field: String = field.trim().chars().filter(|char| !char.is_control()).take(MAX_FIELD).collect();
        (!field.is_empty()).then_some(field)
    };
    Some(Package { name: clean(name)?, version: clean(version)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATUS: &str = "Package: zlib1g\nStatus: install ok installed\nPriority: required\nArchitecture: amd64\n\
        Multi-Arch: same\nSource: zlib\nVersion: 1:1.2.13.dfsg-1\nDescription: compression library - runtime\n \
        zlib is a library implementing the deflate compression method.\n .\n Package: not-a-field\n\n\
        Package: zlib1g\nStatus: install ok installed\nArchitecture: i386\nVersion: 1:1.2.13.dfsg-1\n\n\
        Package: linux-image-amd64\nStatus: hold ok installed\nVersion: 6.1.135-1\n\n\
        Package: exim4-base\nStatus: deinstall ok config-files\nVersion: 4.96-15\n\n\
        Package: half\nStatus: install ok half-installed\nVersion: 1\n\n\
        Package: broken\nStatus: install reinstreq half-configured\nVersion: 1\n\n\
        Package: versionless\nStatus: install ok installed\n\n\
        Status: install ok installed\nVersion: 1\n\n\
        Package: adduser\nStatus: install ok installed\nConffiles:\n /etc/adduser.conf cc3493ecd2\n\
        Version: 3.134\n";
    const DESC: &str = "%NAME%\nacl\n\n%VERSION%\n2.3.1-3\n\n%BASE%\nacl\n\n%DEPENDS%\nglibc\nlibattr.so=1-64\n\n";

    fn system(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for (name, bytes) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, bytes).expect("written");
        }
        root
    }

    #[test]
    fn a_debian_machine_reports_what_is_wholly_installed_each_once_by_name() {
        let root = system(&[(DPKG_STATUS, STATUS.as_bytes())]);
        let expected = "adduser\t3.134\nlinux-image-amd64\t6.1.135-1\nzlib1g\t1:1.2.13.dfsg-1\n";
        assert_eq!(lines(&installed(root.path())), expected);
    }

    #[test]
    fn an_rpm_line_is_a_name_and_a_version() {
        let text = "bash\t5.2.26-3.fc40\nkernel\t6.8.5-301.fc40\nkernel\t6.9.7-200.fc40\nerror: no tab\n\tnameless\n";
        let expected = "bash\t5.2.26-3.fc40\nkernel\t6.8.5-301.fc40\nkernel\t6.9.7-200.fc40\n";
        assert_eq!(lines(&bounded(rpm_packages(text)).into_iter().collect::<Vec<_>>()), expected);
    }

    #[test]
    fn rpm_is_asked_about_the_system_below_the_root_when_dpkg_knows_nothing() {
        let root = system(&[(DPKG_STATUS, b"")]);
        std::fs::create_dir_all(root.path().join("usr/bin")).expect("made");
        let stand_in = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rpm");
        std::os::unix::fs::symlink(stand_in, root.path().join(RPM)).expect("linked");
        assert_eq!(lines(&installed(root.path())), format!("bash\t{}\n", root.path().display()));
    }

    #[test]
    fn an_arch_machine_reports_what_pacman_keeps() {
        let root = system(&[
            ("var/lib/pacman/local/acl-2.3.1-3/desc", DESC.as_bytes()),
            ("var/lib/pacman/local/odd-1/desc", b"%NAME%\n"),
            ("var/lib/pacman/local/ALPM_DB_VERSION", b"9\n"),
        ]);
        assert_eq!(lines(&installed(root.path())), "acl\t2.3.1-3\n");
    }

    #[test]
    fn a_machine_without_a_known_package_manager_reports_nothing() {
        assert_eq!(installed(system(&[]).path()), []);
        assert_eq!(installed(system(&[("var/lib/dpkg/status/odd", b"")]).path()), []);
    }

    #[test]
    fn fields_are_short_and_have_no_control_characters() {
        let text = format!("a\u{1b}[31mb\t1\u{0}.2\n{}\t{}\n", "ç".repeat(500), "9".repeat(500));
        let packages: Vec<Package> = bounded(rpm_packages(&text)).into_iter().collect();
        assert_eq!((packages[0].name.as_str(), packages[0].version.as_str()), ("a[31mb", "1.2"));
        assert_eq!((packages[1].name.chars().count(), packages[1].version.len()), (MAX_FIELD, MAX_FIELD));
    }

    #[test]
    fn a_huge_machine_is_cut_at_whole_lines() {
        let stanza = |number: usize| {
            format!("Package: p{number:06}{}\nStatus: install ok installed\nVersion: 1\n\n", "x".repeat(90))
        };
        let status: String = (0..MAX_PACKAGES * 2).rev().map(stanza).collect();
        let packages = installed(system(&[(DPKG_STATUS, status.as_bytes())]).path());
        assert_eq!(packages.len(), MAX_PACKAGES);
        assert!(packages[MAX_PACKAGES - 1].name.starts_with("p004999"), "the first by name are kept");
        let text = lines(&packages);
        assert!(text.len() <= MAX_LINES && text.len() > MAX_LINES - 200 && text.ends_with("\t1\n"));
    }

    #[test]
    fn the_digest_is_that_of_the_lines() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(""), empty);
        assert_ne!(digest("acl\t2.3.1-3\n"), digest("acl\t2.3.1-4\n"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_bounded_list(bytes: Vec<u8>, text in "(Package|Status|Version|: |install ok installed|\t|\n| |[a-z%\u{0}])*") {
            for bytes in [bytes.as_slice(), text.as_bytes()] {
                let root = system(&[(DPKG_STATUS, bytes), ("var/lib/pacman/local/any/desc", bytes)]);
                let mut packages = installed(root.path());
                packages.extend(bounded(rpm_packages(&text_of(bytes))));
                for field in packages.iter().flat_map(|package| [&package.name, &package.version]) {
                    prop_assert!(!field.is_empty() && field.chars().count() <= MAX_FIELD);
                    prop_assert!(!field.contains(char::is_control), "{:?}", field);
                }
                prop_assert_eq!(lines(&packages).lines().count(), packages.len());
            }
        }
    }
}

//! The Debian package agrees with the program: `[package.metadata.deb]`, the unit, and the maintainer scripts.

use std::path::{Path, PathBuf};
use std::process::Command;

const UNIT: &str = include_str!("../package/chaveiro-agent.service");
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

fn crate_directory() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn metadata() -> toml::Table {
    let text = std::fs::read_to_string(crate_directory().join("Cargo.toml")).expect("read");
    let manifest: toml::Table = text.parse().expect("TOML");
    manifest["package"]["metadata"]["deb"].as_table().expect("a table").clone()
}

/// Each asset: the file here, the file once installed, its mode.
fn assets() -> Vec<(PathBuf, PathBuf, String)> {
    let text = |asset: &toml::Value, place: usize| asset[place].as_str().expect("text").to_owned();
    let metadata = metadata();
    let assets = metadata["assets"].as_array().expect("a list");
    let asset = |asset| {
        let file = PathBuf::from(text(asset, 0));
        let installed = Path::new("/").join(text(asset, 1)).join(file.file_name().expect("a name"));
        (file, installed, text(asset, 2))
    };
    assets.iter().map(asset).collect()
}

/// The only value of a key of the unit.
fn setting(key: &str) -> &'static str {
    let mut values = UNIT.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let value = values.next().unwrap_or_else(|| panic!("{key} in the unit"));
    assert_eq!(values.next(), None, "{key} twice");
    value
}

/// In one line, however wide the terminal is.
fn help() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_chaveiro-agent")).arg("--help").output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_file_of_the_package_is_there() {
    for (file, installed, mode) in assets() {
        match file.strip_prefix("target/release") {
            Ok(program) => {
                let built = Path::new(env!("CARGO_BIN_EXE_chaveiro-agent"));
                assert_eq!((program.file_name(), mode.as_str()), (built.file_name(), "755"));
            }
            // The program writes them when the package is made.
            Err(_) if file.starts_with("../../target/package") => assert_eq!(mode, "644", "{}", file.display()),
            Err(_) => assert!(crate_directory().join(&file).is_file() && mode == "644", "{}", file.display()),
        }
        assert!(!installed.starts_with("/usr/local"), "{}", installed.display());
    }
    let metadata = metadata();
    let licence = metadata["license-file"][0].as_str().expect("a file");
    assert!(crate_directory().join(licence).is_file());
}

#[test]
fn what_administrators_change_is_kept_through_upgrades() {
    let installed: Vec<PathBuf> = assets().into_iter().map(|(_, installed, _)| installed).collect();
    let kept: Vec<PathBuf> = metadata()["conf-files"].clone().try_into().expect("paths");
    let in_etc: Vec<&PathBuf> = installed.iter().filter(|path| path.starts_with("/etc")).collect();
    assert_eq!(in_etc, kept.iter().collect::<Vec<_>>());
    assert!(kept.contains(&PathBuf::from("/etc/chaveiro-agent.toml")), "the file that the program reads");
}

#[test]
fn the_unit_starts_the_program_where_the_package_puts_it() {
    let (program, verb) = setting("ExecStart").split_once(' ').expect("a verb");
    let installed: Vec<PathBuf> = assets().into_iter().map(|(_, installed, _)| installed).collect();
    assert!(installed.contains(&PathBuf::from(program)), "{program}");
    assert!(installed.contains(&PathBuf::from("/usr/lib/systemd/system/chaveiro-agent.service")));
    assert_eq!(verb, "run");
    let manual = setting("Documentation").strip_prefix("file://").expect("a file");
    assert!(installed.contains(&PathBuf::from(manual)), "{manual}");
}

#[test]
fn the_unit_and_the_scripts_know_where_the_enrolment_is() {
    let state = Path::new("/var/lib").join(setting("StateDirectory"));
    assert!(help().contains(&format!("[default: {}]", state.display())), "{}", help());
    assert_eq!(Path::new(setting("ConditionPathExists")), state.join("enrolment.json"));
    for name in SCRIPTS {
        let script = crate_directory().join("package/debian").join(name);
        let text = std::fs::read_to_string(&script).expect("read");
        assert!(text.starts_with("#!/bin/sh\n") && text.contains("\nset -e\n"), "{name}");
        assert!(text.contains(&state.display().to_string()), "{name}");
        assert!(Command::new("sh").arg("-n").arg(&script).status().expect("it runs").success(), "{name}");
    }
}

#[test]
fn the_service_may_write_what_a_recovery_writes() {
    for place in ["/etc", "/run"] {
        assert!(setting("ReadWritePaths").split(' ').any(|path| path == place), "{place}");
    }
    assert_eq!(setting("StateDirectoryMode"), "0700");
    assert!(setting("DeviceAllow").starts_with("block-"));
}

//! The work of the agent on real volumes, made by the real cryptsetup in files.

mod damage;
mod enrol;
mod slots;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use chaveiro_core::secret::Passcode;
use zeroize::Zeroizing;

use super::*;

/// The passphrase that opens the volume before the agent comes.
const ANA: &str = "a senha da Ana";
const RANDOM: &[u8; 64] = &[7; 64];
const FAST: Kdf = Kdf::Pbkdf2 { iterations: Some(1000) };

/// A volume with the passphrase of its owner, and the place of the agent's key.
struct Bench {
    directory: tempfile::TempDir,
    volume: Volume,
    key: PathBuf,
    backup: PathBuf,
}

impl Bench {
    /// `format` are more options of luksFormat.
    fn new(format: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("volume.img");
        std::fs::File::create(&path).and_then(|file| file.set_len(20 << 20)).expect("a sparse file");
        let (key, backup) = (directory.path().join("agent/volume.key"), directory.path().join("agent/header.backup"));
        let bench = Self { directory, volume: Volume { path }, key, backup };
        let fast = ["luksFormat", "--type=luks2", "--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000", "--key-file=-"];
        assert!(bench.cryptsetup(&[&fast[..], format].concat(), &[], ANA), "formatted");
        bench
    }

    fn enrolled() -> Self {
        let bench = Self::new(&[]);
        bench.enroll(ANA).expect("enrolled");
        bench
    }

    fn enroll(&self, unlock: &str) -> Result<(), LuksError> {
        self.volume.enroll(&Zeroizing::new(unlock.into()), &self.key, &self.backup, RANDOM)
    }

    /// Makes a change as a person does, with cryptsetup.
    fn cryptsetup(&self, options: &[&str], more: &[&str], input: &str) -> bool {
        let mut command = Command::new("/usr/sbin/cryptsetup");
        command.args(options).arg("--batch-mode").arg(&self.volume.path).args(more);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("cryptsetup runs; these tests need it: apt-get install cryptsetup-bin");
        let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
        child.wait().expect("it ends").success()
    }

    /// Returns true if the volume opens with a text that is typed at boot. The text ends with a newline, which is not
    /// part of the passphrase.
    fn opens_when_typed(&self, passphrase: &str) -> bool {
        self.cryptsetup(&["open", "--test-passphrase"], &[], &format!("{passphrase}\n"))
    }

    /// Adds a slot as a person does, without the agent.
    fn add_by_hand(&self, slot: u8, passphrase: &str) -> bool {
        let ana = self.directory.path().join("ana");
        std::fs::write(&ana, ANA).expect("written");
        let (slot, file) = (format!("--key-slot={slot}"), format!("--key-file={}", ana.display()));
        let fast = ["--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000"];
        self.cryptsetup(&["luksAddKey", &slot, &file, fast[0], fast[1]], &["-"], passphrase)
    }

    fn add(&self, words: &str, slot: u8) -> Result<(), LuksError> {
        self.volume.add(&self.key, &passcode(words), FAST, &mark(1), slot)
    }

    fn kill(&self, slot: u8, claimed: bool) -> Result<(), LuksError> {
        self.volume.kill(&self.key, slot, claimed)
    }

    fn opens(&self, slot: u8, words: &str) -> bool {
        self.volume.opens(slot, &passcode(words)).expect("told")
    }

    fn used(&self) -> Vec<u8> {
        self.volume.header().expect("a header").slots.into_keys().collect()
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.volume.path).expect("read")
    }

    /// Overwrites bytes of the volume.
    fn overwrite(&self, at: u64, bytes: &[u8]) {
        use std::os::unix::fs::FileExt;
        let file = std::fs::File::options().write(true).open(&self.volume.path).expect("opened");
        file.write_all_at(bytes, at).expect("written");
    }
}

fn passcode(words: &str) -> Passcode {
    Passcode::new(Zeroizing::new(words.to_owned())).expect("a passcode")
}

fn mark(attempt: u32) -> Mark {
    Mark { action: "0191-a1".to_owned(), attempt }
}

//! shadow(5) as a file: one account's hash read or replaced, everything else kept byte by byte.
//!
//! The lock is that of lckpwdf(3), which passwd(1), vipw(8), useradd(8) and pam_unix(8) take as well. The new file
//! takes the place of the old one by rename(2), so a reader sees one or the other. A full disk leaves the old one.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, XattrFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::entry::Entry;
use super::error::LoginError;

/// The name of the next version while it is written.
const TEMPORARY: &str = ".shadow.chaveiro";
/// The pause between two attempts at the lock.
const PAUSE: Duration = Duration::from_millis(50);
/// The attributes that protect the file and would be lost with it: the label of SELinux and the access control list.
const ATTRIBUTES: [&str; 2] = ["security.selinux", "system.posix_acl_access"];
/// The largest attribute that is kept, in bytes.
const ATTRIBUTE_BYTES: usize = 4096;

/// The file of one system.
pub(super) struct Shadow {
    file: PathBuf,
    lock: PathBuf,
}

/// The lock, held until it is dropped.
pub(super) struct Lock(#[expect(dead_code, reason = "closing the file is what releases the lock")] File);

impl Shadow {
    /// Finds the file below the root. Links are followed as long as they stay below it, so that another system's file
    /// is never taken.
    pub(super) fn below(root: &Path) -> Result<Self, LoginError> {
        let resolve = |path: &Path| std::fs::canonicalize(path).map_err(unusable(path));
        let real_root = resolve(root)?;
        let within = |path: &Path| match resolve(path)? {
            real if real.starts_with(&real_root) => Ok(real),
            _ => Err(LoginError::Outside(path.to_owned())),
        };
        let etc = within(&root.join("etc"))?;
        Ok(Self { file: within(&root.join("etc/shadow"))?, lock: etc.join(".pwd.lock") })
    }

    pub(super) fn read(&self) -> Result<Zeroizing<Vec<u8>>, LoginError> {
        let read = || {
            let mut file = File::open(&self.file)?;
            // Sized beforehand: no reallocation leaves a copy behind.
            let size = usize::try_from(file.metadata()?.len()).unwrap_or_default();
            let mut bytes = Zeroizing::new(Vec::with_capacity(size + 1));
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(unusable(&self.file))
    }

    pub(super) fn lock(&self, patience: Duration) -> Result<Lock, LoginError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let file = options.open(&self.lock).map_err(unusable(&self.lock))?;
        let mut waited = Duration::ZERO;
        loop {
            match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Lock(file)),
                Err(Errno::ACCESS | Errno::AGAIN) if waited < patience => {}
                Err(Errno::ACCESS | Errno::AGAIN) => return Err(LoginError::Busy),
                Err(error) => return Err(unusable(&self.lock)(error.into())),
            }
            std::thread::sleep(PAUSE);
            waited += PAUSE;
        }
    }

    /// Writes the file. The lock is a parameter, so that no caller forgets it.
    pub(super) fn write(&self, _: &Lock, bytes: &[u8]) -> Result<(), LoginError> {
        let directory = self.file.parent().unwrap_or(Path::new("/"));
        let temporary = directory.join(TEMPORARY);
        // A leftover of a run that was cut off: under the lock, no program is writing it.
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(LoginError::Unwritten(error)),
            _ => {}
        }
        let written = self.fill(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, &self.file));
        if let Err(error) = written {
            let _ = std::fs::remove_file(&temporary);
            return Err(LoginError::Unwritten(error));
        }
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(LoginError::Unconfirmed)
    }

    /// Writes a new file, which no other user can open before it has the attributes of the old one.
    fn fill(&self, temporary: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let old = File::open(&self.file)?;
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
        new.write_all(bytes)?;
        let metadata = old.metadata()?;
        fchown(&new, Some(metadata.uid()), Some(metadata.gid()))?;
        new.set_permissions(Permissions::from_mode(metadata.mode() & 0o7777))?;
        let mut value = [0; ATTRIBUTE_BYTES];
        for name in ATTRIBUTES {
            match rustix::fs::fgetxattr(&old, name, &mut value[..]) {
                Ok(size) => rustix::fs::fsetxattr(&new, name, &value[..size], XattrFlags::empty())?,
                Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        new.sync_all()
    }
}

fn unusable(file: &Path) -> impl Fn(std::io::Error) -> LoginError {
    move |error| LoginError::Unusable { file: file.to_owned(), error }
}

pub(super) fn entry(file: &[u8], name: &str) -> Result<Entry, LoginError> {
    let place = Place::of(file, name)?;
    let text = |range: Range<usize>| {
        let field = file.get(range).and_then(|field| std::str::from_utf8(field).ok());
        field.map(str::to_owned).ok_or_else(|| LoginError::Damaged(name.to_owned()))
    };
    Ok(Entry::new(Zeroizing::new(text(place.hash)?), text(place.last_change)?))
}

/// The whole file with `new` in the place of `expected`.
pub(super) fn edit(file: &[u8], name: &str, expected: &Entry, new: &Entry) -> Result<Zeroizing<Vec<u8>>, LoginError> {
    // A separator inside of a field would shift the fields that follow.
    let fits = |field: &str| !field.contains(|letter: char| letter == ':' || letter.is_control());
    if !fits(new.hash_text()) || !new.last_change().bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return Err(LoginError::NotAnEntry);
    }
    let Place { hash, last_change } = Place::of(file, name)?;
    if file[hash.clone()] != *expected.hash_text().as_bytes() {
        return Err(LoginError::ChangedMeanwhile);
    }
    let parts = [
        &file[..hash.start],
        new.hash_text().as_bytes(),
        &file[hash.end..last_change.start],
        new.last_change().as_bytes(),
        &file[last_change.end..],
    ];
    let mut edited = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| edited.extend_from_slice(part));
    Ok(edited)
}

/// The places of the fields of one account.
struct Place {
    hash: Range<usize>,
    last_change: Range<usize>,
}

impl Place {
    /// Finds the first line of that name, as getspnam(3) does.
    fn of(file: &[u8], name: &str) -> Result<Self, LoginError> {
        let mut start = 0;
        for line in file.split(|byte| *byte == b'\n') {
            let mut colons = (0..line.len()).filter(|at| line[*at] == b':');
            let first = colons.next();
            if first.is_some_and(|end| line[..end] == *name.as_bytes()) && !name.is_empty() && !name.starts_with('#') {
                let (Some(first), Some(second)) = (first, colons.next()) else {
                    return Err(LoginError::Damaged(name.to_owned()));
                };
                let third = colons.next().unwrap_or(line.len());
                return Ok(Self {
                    hash: start + first + 1..start + second,
                    last_change: start + second + 1..start + third,
                });
            }
            start += line.len() + 1;
        }
        Err(LoginError::NoAccount(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(hash: &str, day: &str) -> Entry {
        Entry::new(Zeroizing::new(hash.to_owned()), day.to_owned())
    }

    #[test]
    fn an_edit_changes_two_fields_of_one_line() {
        let (old, new) = (of("$6$old", ""), of("$y$new", "20000"));
        for (before, after) in [
            ("ana:$6$old:19000:0:99999:7:::\n", "ana:$y$new:20000:0:99999:7:::\n"),
            ("x\n\n:\nana:$6$old::\nana:$6$old:1:\n", "x\n\n:\nana:$y$new:20000:\nana:$6$old:1:\n"),
            ("anna:$6$old:1:\nana:$6$old:1", "anna:$6$old:1:\nana:$y$new:20000"),
        ] {
            let edited = edit(before.as_bytes(), "ana", &old, &new).expect("edited");
            assert_eq!(String::from_utf8_lossy(&edited), after);
        }
    }

    #[test]
    fn refuses_what_it_cannot_edit_safely() {
        let (old, new) = (of("old", "1"), of("new", "2"));
        let refusal = |file: &str, name, new: &Entry| match edit(file.as_bytes(), name, &old, new) {
            Ok(_) => "edited".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        for (file, name, new, words) in [
            ("ana:other:1:\n", "ana", &new, "ChangedMeanwhile"),
            ("ana:!old:1:\n", "ana", &new, "ChangedMeanwhile"),
            ("ana:old\n", "ana", &new, "Damaged(\"ana\")"),
            ("bob:old:1:\n", "ana", &new, "NoAccount"),
            (":old:1:\n", "", &new, "NoAccount"),
            ("#ana:old:1:\n", "#ana", &new, "NoAccount"),
            ("ana:old:1:\n", "ana", &of("a:b", "2"), "NotAnEntry"),
            ("ana:old:1:\n", "ana", &of("a\nroot::1:", "2"), "NotAnEntry"),
            ("ana:old:1:\n", "ana", &of("a", "2:"), "NotAnEntry"),
        ] {
            let refusal = refusal(file, name, new);
            assert!(refusal.contains(words), "{file:?}: {refusal}");
        }
        assert!(matches!(entry(b"ana:\xff:1:\n", "ana"), Err(LoginError::Damaged(_))));
    }

    proptest! {
        #[test]
        fn whatever_the_file_holds_nothing_but_the_two_fields_changes(
            before in "(([a#:]|\\PC){0,12}\n){0,4}",
            noise in proptest::collection::vec(any::<u8>(), 0..40),
            rest in "(:[0-9:]{0,12})?",
            after in "(\n([an:]|\\PC){0,12}){0,4}",
        ) {
            let file = [before.as_bytes(), &noise, b"\nana:old:12", rest.as_bytes(), after.as_bytes()].concat();
            let lines = |file: &[u8]| -> Vec<Vec<u8>> { file.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect() };
            let fields = |line: &[u8]| -> Vec<Vec<u8>> { line.split(|byte| *byte == b':').map(<[u8]>::to_vec).collect() };
            let Ok(found) = entry(&file, "ana") else { return Ok(()) };
            let edited = edit(&file, "ana", &found, &of("new", "34")).expect("edited");
            let (old, new) = (lines(&file), lines(&edited));
            prop_assert_eq!(old.len(), new.len());
            let at = old.iter().position(|line| line.starts_with(b"ana:")).expect("a line");
            for (number, (old, new)) in old.iter().zip(&new).enumerate() {
                if number != at {
                    prop_assert_eq!(old, new);
                    continue;
                }
                let mut expected = fields(old);
                expected[1] = b"new".to_vec();
                expected[2] = b"34".to_vec();
                prop_assert_eq!(expected, fields(new));
            }
            if found.hash_text() == "old" {
                let back = edit(&edited, "ana", &of("new", "34"), &found).expect("put back");
                prop_assert_eq!(&**back, &file[..]);
            }
        }
    }
}

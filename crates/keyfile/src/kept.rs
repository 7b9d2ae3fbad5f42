//! The parsed contents of files, kept until the files change.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The seconds for which a file that was just changed is read each time. Within one tick of its clock, a file system
/// gives two changes the same time.
const UNSETTLED_SECONDS: i64 = 2;

/// The properties of a file of which each change alters at least one. A change of its permissions counts, so a key that
/// became accessible to others is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    place: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &Path) -> Option<Self> {
        let found = fs::metadata(file).ok()?;
        Some(Self {
            place: (found.dev(), found.ino()),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }

    /// Returns true if a change from now on gives another stamp.
    fn is_settled(&self) -> bool {
        #[expect(clippy::disallowed_methods, reason = "it is compared with the time of a file, from the same clock")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default();
        now.saturating_sub(self.changed.0) >= UNSETTLED_SECONDS
    }
}

/// Files of one kind, each read once and again when it has changed. A look costs one call of the operating system.
pub struct Kept<T>(Mutex<HashMap<PathBuf, (Stamp, Arc<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    /// Returns the contents of that file as `read` gives them. The contents of a file that cannot be read are
    /// forgotten.
    pub fn get<E>(&self, file: &Path, read: impl FnOnce(&Path) -> Result<T, E>) -> Result<Arc<T>, E> {
        // From before the reading: a file that changes meanwhile has another stamp afterwards.
        let stamp = Stamp::of(file);
        if let Some((known, contents)) = self.lock().get(file)
            && Some(*known) == stamp
        {
            return Ok(Arc::clone(contents));
        }
        let contents = read(file).map(Arc::new);
        let mut kept = self.lock();
        kept.remove(file);
        let contents = contents?;
        if let Some(stamp) = stamp.filter(Stamp::is_settled) {
            kept.insert(file.to_owned(), (stamp, Arc::clone(&contents)));
        }
        Ok(contents)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, (Stamp, Arc<T>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

    type Change<'a> = (&'a str, Box<dyn Fn(&Path)>);

    fn settle() {
        std::thread::sleep(Duration::from_millis(100 + 1000 * UNSETTLED_SECONDS as u64));
    }

    #[test]
    fn a_file_is_read_again_when_it_has_changed_and_only_then() {
        let directory = tempfile::tempdir().expect("a directory");
        let changes: Vec<Change<'_>> = vec![
            ("rewritten, as long as before", Box::new(|file| fs::write(file, "new").expect("written"))),
            ("replaced", Box::new(|file| crate::replace(file, b"new").expect("replaced"))),
            (
                "opened to others",
                Box::new(|file| fs::set_permissions(file, PermissionsExt::from_mode(0o644)).expect("x")),
            ),
            ("removed", Box::new(|file| fs::remove_file(file).expect("removed"))),
        ];
        let file = |what: &str| directory.path().join(what);
        for (what, _) in &changes {
            crate::create(&file(what), b"old").expect("written");
        }
        settle();
        let (kept, reads) = (Kept::default(), Cell::new(0));
        let get = |file: &Path| {
            kept.get(file, |file| {
                reads.set(reads.get() + 1);
                crate::read(file).map(|bytes| bytes.to_vec())
            })
        };
        for (what, change) in changes {
            let file = file(what);
            reads.set(0);
            for _ in 0..3 {
                assert_eq!(*get(&file).expect("readable"), b"old", "{what}");
            }
            assert_eq!(reads.get(), 1, "{what}");
            change(&file);
            let bytes = get(&file).ok().map(|bytes| bytes.to_vec());
            let expected = ["rewritten, as long as before", "replaced"].contains(&what).then(|| b"new".to_vec());
            assert_eq!((bytes, reads.get()), (expected, 2), "{what}");
        }
    }

    #[test]
    fn a_file_that_changes_twice_within_a_moment_is_not_mistaken() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, kept) = (directory.path().join("a.key"), Kept::default());
        for number in 0..500 {
            fs::write(&file, format!("{number:03}")).expect("written");
            let read = kept.get(&file, |file| fs::read_to_string(file)).expect("readable");
            assert_eq!(*read, format!("{number:03}"));
        }
    }
}

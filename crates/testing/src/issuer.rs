//! The keys of issuers. Making one takes a tenth of a second, and each world has an issuer.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::LazyLock;

use chaveiro_auth::IssuerKeys;
use chaveiro_core::Timestamp;
use chaveiro_core::ports::Entropy;

use crate::TestEntropy;

/// The key that this process made, in PEM.
static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let made = tempfile::tempdir().expect("a directory");
    IssuerKeys::create(made.path(), Timestamp::UNIX_EPOCH, &TestEntropy::default()).expect("a key");
    std::fs::read(&IssuerKeys::files(made.path()).expect("its file")[0].place).expect("read")
});

/// The keys of an issuer in that directory, as `IssuerKeys::create` makes them. The first one is the same in each world of this
/// process, under another id.
pub(crate) fn keys(directory: &Path, now: Timestamp, entropy: &dyn Entropy) -> IssuerKeys {
    let mut id = [0; 8];
    entropy.fill(&mut id);
    let name = format!("{:012}-{:016x}.pem", now.as_second(), u64::from_be_bytes(id));
    DirBuilder::new().mode(0o700).create(directory).expect("a directory");
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(directory.join(name));
    file.expect("a file").write_all(&KEY).expect("written");
    IssuerKeys::open(directory).expect("keys")
}

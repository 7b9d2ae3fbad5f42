//! Keeps a key in a file: `cargo run -p chaveiro-keyfile --example key_file`.

use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use chaveiro_keyfile::{KeyFileError, create, read, replace};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("issuer.key");
    create(&file, b"an old key")?;
    assert!(
        matches!(create(&file, b"another"), Err(KeyFileError::Exists(_))),
        "a key is never overwritten by accident"
    );
    replace(&file, b"a new key")?;
    assert_eq!(read(&file)?.as_slice(), b"a new key");

    // A key that other users could have read is refused, with the remedy.
    fs::set_permissions(&file, Permissions::from_mode(0o644))?;
    let refused = read(&file).err().ok_or("read")?;
    assert!(refused.to_string().contains("chmod 600"));
    println!("{refused}");
    Ok(())
}

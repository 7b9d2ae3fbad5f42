//! Lists the files of the catalogues, so that a language is a folder and nothing else.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=catalogue");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("catalogue");
    let mut list = String::from("&[\n");
    for folder in entries(&root)? {
        let language = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for file in entries(&folder)?.iter().filter(|file| file.extension().is_some_and(|end| end == "ftl")) {
            let _ = writeln!(list, "    ({language:?}, include_str!({:?})),", file.display().to_string());
        }
    }
    list.push(']');
    fs::write(Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("files.rs"), list)
}

/// The entries of a folder, always in the same order.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    found.sort();
    Ok(found)
}

//! Verifies an export of the audit record, as an auditor does who has the file and the public key, and no server:
//! `cargo run --example verify_export -- audit.jsonl PUBLIC-KEY`.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use chaveiro_audit::{Expected, PublicKey, Report, verify};

/// Verifies a file. The export also names its key; only one that came another way makes a forged export fail.
pub(crate) fn verify_file(file: &Path, key: &PublicKey) -> Result<Report, Box<dyn Error>> {
    Ok(verify(&mut BufReader::new(File::open(file)?), Expected::signed_by(key))?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(key)) = (arguments.next(), arguments.next()) else {
        return Err("give the file of an export and the public key that the operator published".into());
    };
    let report = verify_file(Path::new(&file), &key.parse()?)?;
    println!("{} events of tenant {}, from {} to {}", report.events, report.tenant, report.span.0, report.span.1);
    println!("signed through event {}; keep this for the next time: {}", report.signed_through(), report.newest);
    Ok(())
}

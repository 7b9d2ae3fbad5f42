//! The documents about the command itself: completions and the manual page.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use chaveiro_lang::{Explain, text};

use crate::complete;
use crate::help::command;
use crate::out::Out;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<()> {
    print(&complete::script(shell)?);
    Ok(())
}

/// The page of the command alone, or into that directory a page for each verb.
pub(crate) fn man(out: Out, directory: Option<&Path>) -> Result<()> {
    if let Some(directory) = directory {
        std::fs::create_dir_all(directory).explain(|| text!("directory-not-made", directory = directory))?;
        return clap_mangen::generate_to(command(out.lang), directory)
            .explain(|| text!("file-unwritable", file = directory));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command(out.lang)).render(&mut page)?;
    print(&page);
    Ok(())
}

/// Prints the bytes; an error is a reader who closed the pipe.
fn print(text: &[u8]) {
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(text).and_then(|()| stdout.flush());
}

//! The words for files of another user, with the command that helps.

use std::path::Path;

use crate::args::DATA;
use crate::person;

/// The user of that number, for people: the name, or `uid 7`.
pub(super) fn called(uid: u32) -> String {
    person::name_of(uid)
}

/// The user of that number, for `chown`: the name, or the number.
pub(super) fn named(uid: u32) -> String {
    let name = person::name_of(uid);
    if name.starts_with("uid ") { uid.to_string() } else { name }
}

/// The command line that does the same as the owner of the data directory. `sudo` passes no variables on, so that the
/// directory is named.
pub(super) fn command(owner: u32, directory: &Path, arguments: impl Iterator<Item = String>) -> String {
    let user = match named(owner) {
        number if number == owner.to_string() => format!("'#{number}'"),
        name => quoted(&name),
    };
    let arguments: Vec<_> = arguments.collect();
    let names_it = arguments.iter().any(|argument| argument == "--data" || argument.starts_with("--data="));
    let mut command = format!("sudo -u {user} chaveiro");
    for argument in &arguments {
        command.push(' ');
        command.push_str(&quoted(argument));
    }
    if !names_it && directory != Path::new(DATA) {
        command.push_str(&format!(" --data {}", quoted(&directory.display().to_string())));
    }
    command
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=@,+%".contains(character);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_same_one_as_the_owner_of_the_directory() {
        let unknown = u32::MAX - 7;
        for (owner, directory, arguments, expected) in [
            (0, DATA, &["keys", "rotate-issuer"][..], "sudo -u root chaveiro keys rotate-issuer".to_owned()),
            (0, "/srv/a b", &["serve"], "sudo -u root chaveiro serve --data '/srv/a b'".to_owned()),
            (0, "/srv/d", &["serve", "--data", "/srv/d"], "sudo -u root chaveiro serve --data /srv/d".to_owned()),
            (0, "/srv/d", &["serve", "--data=/srv/d"], "sudo -u root chaveiro serve --data=/srv/d".to_owned()),
            (
                unknown,
                DATA,
                &["tenant", "create", "Ana's $(id)", ""],
                format!("sudo -u '#{unknown}' chaveiro tenant create 'Ana'\\''s $(id)' ''"),
            ),
        ] {
            let arguments = arguments.iter().map(|argument| (*argument).to_owned());
            assert_eq!(command(owner, Path::new(directory), arguments), expected);
        }
    }
}

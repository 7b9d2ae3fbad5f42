//! Errors of the system and of libraries: their kind in words of the catalogues, and behind it the words that they have.

use std::io;

use serde_json::error::Category;

use crate::{Text, Value, text};

/// The text of an error of the system. People search for its number, which stays.
pub(crate) fn of_system(error: &io::Error) -> Text {
    let (kind, words) = (format!("{:?}", error.kind()), error.to_string());
    match error.raw_os_error() {
        Some(number) => {
            // The standard library has no kind for some errors, such as too many open files.
            let kind = if cfg!(unix) && kind == "Uncategorized" { format!("Unix{number}") } else { kind };
            let number = number.to_string();
            let end = format!(" (os error {number})");
            let words = words.strip_suffix(&end).unwrap_or(&words);
            text!("system-error", kind = kind, words = words, number = number)
        }
        None => text!("input-error", kind = kind, words = words),
    }
}

/// The text of an error of JSON.
pub(crate) fn of_json(error: &serde_json::Error) -> Text {
    let kind = match error.classify() {
        Category::Io => "io",
        Category::Syntax => "syntax",
        Category::Data => "data",
        Category::Eof => "eof",
    };
    text!("json-error", kind = kind, line = error.line(), words = error.to_string())
}

impl From<&io::Error> for Value {
    fn from(error: &io::Error) -> Self {
        of_system(error).into()
    }
}

impl From<&serde_json::Error> for Value {
    fn from(error: &serde_json::Error) -> Self {
        of_json(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lang;

    #[test]
    fn an_error_of_the_system_is_told_in_the_language_with_its_words_and_its_number() {
        let portuguese = Lang::choose(Some("pt"));
        for (number, kind, told) in [
            (2, "NotFound", "não existe (No such file or directory, os error 2)"),
            (13, "PermissionDenied", "falta a permissão (Permission denied, os error 13)"),
            (24, "Uncategorized", "há arquivos abertos demais (Too many open files, os error 24)"),
            (28, "StorageFull", "o disco está cheio (No space left on device, os error 28)"),
            (111, "ConnectionRefused", "a conexão foi recusada (Connection refused, os error 111)"),
        ] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(format!("{:?}", error.kind()), kind);
            assert_eq!(of_system(&error).say(portuguese), told);
            assert_eq!(of_system(&error).say(Lang::english()), error.to_string());
        }
        let cut = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert_eq!(of_system(&cut).say(portuguese), "os dados terminaram cedo demais (unexpected end of file)");
        assert_eq!(of_system(&io::Error::other("odd")).say(portuguese), "o sistema recusou (odd)");
    }

    #[test]
    fn an_error_of_json_names_its_line_in_the_language() {
        let error = serde_json::from_str::<serde_json::Value>("{\n,").expect_err("no JSON");
        assert_eq!(of_json(&error).say(Lang::english()), error.to_string());
        let told = of_json(&error).say(Lang::choose(Some("pt")));
        assert!(told.starts_with("a linha 2 não é JSON válido (") && told.contains("line 2"), "{told}");
    }
}

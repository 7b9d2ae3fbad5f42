//! Obstacles to a recovery, as devices name them, in the words of people.

use chaveiro_lang::{Lang, Text, text};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// Titles of the table, and the members of [`row`].
pub(crate) const COLUMNS: [(Text, &str); 6] = [
    (text!("title-lock"), "lock"),
    (text!("title-of"), "subject"),
    (text!("title-ready"), "ready"),
    (text!("title-why"), "why"),
    (text!("title-what-to-do"), "hint"),
    (text!("title-escrow"), "escrow"),
];

/// One entry of `chaveiro_recoverability`, in words. A code that is not known is shown as it is.
pub(crate) fn row(entry: &Value, lang: Lang) -> Value {
    let (why, hint) = match entry["obstacle"].as_str() {
        None => (String::new(), String::new()),
        Some(code) => {
            let why = text!("lock-why", code = code);
            (why.say(lang), why.hint(lang, &TimeZone::UTC).unwrap_or_default())
        }
    };
    let escrow = text!("lock-escrow", code = entry["escrow"].as_str().unwrap_or_default()).say(lang);
    let ready = if entry["ready"] == true { text!("lock-ready") } else { text!("lock-not-ready") }.say(lang);
    let lock = text!("word", code = entry["lock"].as_str().unwrap_or_default()).say(lang);
    json!({"lock": lock, "subject": entry["subject"], "ready": ready, "why": why, "hint": hint, "escrow": escrow})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_agent_has_words_in_every_language() {
        let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../agent/src/obstacle.rs"));
        let source = source.expect("the source of the agent");
        let (_, codes) = source.split_once("fn code(&self)").expect("its codes");
        let codes: Vec<&str> = codes
            .lines()
            .take_while(|line| *line != "}")
            .filter_map(|line| line.trim().strip_prefix("Self::")?.split('"').nth(1))
            .collect();
        assert!(codes.len() > 10, "{codes:?}");
        for (lang, code) in Lang::all().flat_map(|lang| codes.iter().map(move |code| (lang, code))) {
            let row = row(&json!({"lock": "login", "obstacle": code}), lang);
            assert!(row["why"] != **code && row["hint"] != "", "{code} in {lang:?}");
        }
    }

    #[test]
    fn an_entry_is_told_in_the_language_of_the_reader() {
        let entry = json!({
            "lock": "luks2", "subject": "/dev/sda3", "ready": false, "obstacle": "noFreeSlot", "escrow": "changed",
        });
        let english = row(&entry, Lang::english());
        assert_eq!((&english["ready"], &english["why"]), (&"NO".into(), &"every key slot is taken".into()));
        assert_eq!(english["escrow"], "no longer opens it");
        let portuguese = row(&entry, Lang::choose(Some("pt")));
        assert_eq!((&portuguese["ready"], &portuguese["escrow"]), (&"NÃO".into(), &"não abre mais".into()));
        assert!(portuguese["hint"].as_str().is_some_and(|hint| hint.contains("luksKillSlot")));
    }

    #[test]
    fn a_code_of_a_newer_agent_is_shown_as_it_is() {
        let entry = json!({"lock": "login", "subject": "ana", "ready": false, "obstacle": "moon", "escrow": "tide"});
        let row = row(&entry, Lang::choose(Some("pt")));
        assert_eq!((&row["why"], &row["hint"], &row["escrow"]), (&"moon".into(), &"".into(), &"tide".into()));
    }
}

//! The table of `doctor` in words.

use chaveiro_lang::{Lang, Text, text};
use jiff::tz::TimeZone;

use crate::obstacle::Obstacle;

/// The titles of the table.
pub(crate) fn columns(lang: Lang) -> [String; 4] {
    [text!("agent-title-recovery"), text!("agent-title-of"), text!("agent-title-state"), text!("agent-title-hint")]
        .map(|title| title.say(lang))
}

/// The words for a state, and what to do about it.
pub(crate) fn verdict(lang: Lang, obstacle: Option<&Obstacle>) -> (String, String) {
    said(lang, &obstacle.map_or_else(|| text!("agent-ready"), of_obstacle))
}

/// The words for key slots that an interrupted recovery left, and what to do about them.
pub(crate) fn left_behind(lang: Lang, slots: &[u8]) -> (String, String) {
    let slots = slots.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    said(lang, &text!("agent-slots-left-behind", slots = slots))
}

fn said(lang: Lang, text: &Text) -> (String, String) {
    (text.say(lang), text.hint(lang, &TimeZone::system()).unwrap_or_default())
}

fn of_obstacle(obstacle: &Obstacle) -> Text {
    match obstacle {
        Obstacle::NotRoot => text!("obstacle-not-root"),
        Obstacle::NoAccount => text!("obstacle-no-account"),
        Obstacle::Directory => text!("obstacle-directory"),
        Obstacle::Homed => text!("obstacle-homed"),
        Obstacle::Locked => text!("obstacle-locked"),
        Obstacle::Expired => text!("obstacle-expired"),
        Obstacle::Passwordless => text!("obstacle-passwordless"),
        Obstacle::NoShell => text!("obstacle-no-shell"),
        Obstacle::Missing(program, package) => text!("obstacle-missing", program = *program, package = *package),
        Obstacle::NoVolume => text!("obstacle-no-volume"),
        Obstacle::Volume(why) => text!("obstacle-volume", why = why.clone()),
        Obstacle::NoFreeSlot => text!("obstacle-no-free-slot"),
        Obstacle::FewFreeSlots => text!("obstacle-few-free-slots"),
        Obstacle::NotEscrowed => text!("obstacle-not-escrowed"),
    }
}

//! The results of actions, as people read them. A passcode that is shown comes first.

use chaveiro_lang::{Lang, Text, plain, text};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::out::Out;
use crate::passcode::{INDENTATION, spelt};
use chaveiro_lang::table::{entry, indented, padded, width};

const BEFORE_RESTORE: &str = "chaveiro_beforeRestoreDateTime";

/// Prints results: for machines as an array, for people a paragraph each.
pub(crate) fn print(out: Out, device: &str, results: &[Value]) {
    if out.json {
        return out.value(&Value::from(results.to_vec()));
    }
    if results.is_empty() {
        return out.text(text!("nothing"));
    }
    for (number, result) in results.iter().enumerate() {
        if number > 0 {
            out.line("");
        }
        print_passcode(out, result);
        Telling { out, device, result }.facts().iter().for_each(|line| out.line(line));
    }
}

/// Prints a passcode alone on its line, and spells it.
pub(crate) fn print_alone(out: Out, passcode: &str) {
    // In a pipe it is the whole line, so that other programs find it.
    match out.width() {
        Some(_) => out.line(&format!("\n{INDENTATION}{}\n", plain(passcode))),
        None => out.line(&format!("{passcode}\n")),
    }
    spelt(passcode, out.lang, out.width()).iter().for_each(|line| out.line(line));
}

/// Prints the passcode of a result and what belongs to it, if it is shown.
fn print_passcode(out: Out, result: &Value) {
    let Some(passcode) = result["passcode"].as_str() else { return };
    print_alone(out, passcode);
    let again = match out.moment(&result["chaveiro_passcodeReadableUntilDateTime"]) {
        Some(at) => text!("passcode-until", at = at),
        None => text!("passcode-until-replaced"),
    };
    out.line("");
    out.paragraph(&again.say(out.lang));
    out.paragraph(&text!("passcode-recorded").say(out.lang));
    if result["chaveiro_passcodeUncertain"] == true {
        out.paragraph(&text!("passcode-uncertain").say(out.lang));
    }
    out.line("");
}

/// A result that is told.
struct Telling<'a> {
    out: Out,
    device: &'a str,
    result: &'a Value,
}

impl Telling<'_> {
    fn facts(&self) -> Vec<String> {
        let Self { out, result, .. } = *self;
        let word = |member: &str| out.cell(member, &result[member]);
        let title = text!("result", action = word("actionName"), state = word("actionState"));
        let mut lines = vec![out.bold(&title.say(out.lang))];
        let facts = self.titled();
        let widest = facts.iter().map(|(title, _)| width(title)).max().unwrap_or_default();
        for (title, fact) in &facts {
            lines.extend(entry(&format!("{}  ", padded(title, widest)), fact, "  ", out.width()));
        }
        if result[BEFORE_RESTORE].is_string() {
            let restored = text!("before-restore", at = out.cell(BEFORE_RESTORE, &result[BEFORE_RESTORE]));
            lines.extend(indented(&restored.say(out.lang), "", out.width()));
        }
        lines
    }

    /// The facts that there are, with their titles.
    fn titled(&self) -> Vec<(String, String)> {
        let result = self.result;
        let facts = [
            (text!("title-asked-by"), self.asked_by()),
            (text!("title-ended"), self.ended()),
            (text!("title-outcome"), self.told("chaveiro_outcome")),
            (text!("title-device-status"), self.device_status()),
            (text!("title-reason"), result["chaveiro_deviceReason"].as_str().map(|reason| self.reason(reason))),
            (text!("title-opens"), opens(result, self.out.lang)),
            (text!("title-proven"), self.proven()),
            (text!("title-withheld"), self.withheld()),
        ];
        let there = facts.into_iter().filter_map(|(title, fact)| Some((title.say(self.out.lang), fact?)));
        there.collect()
    }

    fn told(&self, member: &str) -> Option<String> {
        let value = &self.result[member];
        (!value.is_null()).then(|| self.out.cell(member, value))
    }

    fn asked_by(&self) -> Option<String> {
        let at = self.told("startDateTime")?;
        Some(match self.result["chaveiro_requestedBy"].as_str() {
            Some(who) => text!("by-at", who = who, at = at).say(self.out.lang),
            None => at,
        })
    }

    fn ended(&self) -> Option<String> {
        self.told("lastUpdatedDateTime").filter(|_| !is_open(self.result))
    }

    /// The device's own status, if the action did not succeed.
    fn device_status(&self) -> Option<String> {
        let status = self.result["chaveiro_deviceStatus"].as_u64()?;
        let failed = ["failed", "notSupported"].iter().any(|state| self.result["actionState"] == **state);
        failed.then(|| text!("device-status", status = status).say(self.out.lang))
    }

    /// The device's own reasons, `LOCK:SUBJECT CODE; ..`.
    fn reason(&self, reason: &str) -> String {
        let one = |reason: &str| match reason.rsplit_once(' ') {
            Some((of, code)) => {
                format!("{}: {}", lock(of, self.out.lang), text!("lock-why", code = code).say(self.out.lang))
            }
            None => plain(reason).into_owned(),
        };
        reason.split("; ").map(one).collect::<Vec<_>>().join("; ")
    }

    fn proven(&self) -> Option<String> {
        opens(self.result, self.out.lang)?;
        let proven = self.told("chaveiro_verifiedDateTime");
        Some(proven.unwrap_or_else(|| text!("not-proven").say(self.out.lang)))
    }

    /// The reason why the passcode is not shown, and what helps.
    fn withheld(&self) -> Option<String> {
        let code = self.result["chaveiro_passcodeWithheld"].as_str()?;
        let who = self.result["chaveiro_passcodeFirstReadBy"].as_str().unwrap_or("none");
        let at = self.out.cell("", &self.result["chaveiro_passcodeFirstReadDateTime"]);
        let text = text!("withheld", code = code, who = who, at = at, device = self.device);
        let hint = text.hint(self.out.lang, &TimeZone::system()).filter(|hint| !hint.is_empty());
        let said = text.say(self.out.lang);
        Some(hint.map_or_else(|| said.clone(), |hint| format!("{said}\n{hint}")))
    }
}

/// Returns true if an action still waits for its device.
pub(crate) fn is_open(result: &Value) -> bool {
    ["pending", "active"].iter().any(|state| result["actionState"] == **state)
}

/// The locks that the passcode of a result opens, in words.
pub(crate) fn opens(result: &Value, lang: Lang) -> Option<String> {
    let locks = result["chaveiro_opens"].as_array().filter(|locks| !locks.is_empty())?;
    Some(locks.iter().filter_map(Value::as_str).map(|of| lock(of, lang)).collect::<Vec<_>>().join("\n"))
}

/// A lock of a device, `KIND:SUBJECT`, in words.
fn lock(of: &str, lang: Lang) -> String {
    let (kind, subject) = of.split_once(':').unwrap_or((of, ""));
    lock_of(kind, subject).say(lang)
}

/// A lock of a device in words.
pub(crate) fn lock_of(kind: &str, subject: &str) -> Text {
    match subject.is_empty() {
        true => text!("lock-of-any", kind = kind),
        false => text!("lock", kind = kind, subject = subject),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(result: &Value, lang: &str) -> String {
        let out = Out::new(false, Lang::choose(Some(lang)));
        Telling { out, device: "ANA-LT1", result }.facts().join("\n")
    }

    #[test]
    fn a_withheld_passcode_says_why_and_what_helps_in_every_language() {
        let source = include_str!("../../graph/src/kinds/managed_device/action_results.rs");
        let (_, codes) = source.split_once("fn code(self)").expect("the codes");
        let codes = codes.lines().take_while(|line| *line != "    }").filter_map(|line| line.split('"').nth(1));
        let codes: Vec<_> = codes.collect();
        assert_eq!(codes.len(), 11, "{codes:?}");
        for (lang, code) in Lang::all().flat_map(|lang| codes.iter().map(move |code| (lang, code))) {
            let result = json!({"actionState": "done", "chaveiro_passcodeWithheld": code});
            let out = Out::new(false, lang);
            let said = Telling { out, device: "ANA-LT1", result: &result }.withheld().expect("a reason");
            assert!(!said.contains(code) && said.contains('\n'), "{said}");
        }
        let by = json!({
            "actionState": "done",
            "chaveiro_passcodeWithheld": "otherCaller",
            "chaveiro_passcodeFirstReadBy": "desk@x",
            "chaveiro_passcodeFirstReadDateTime": "2026-11-27T10:57:32Z",
        });
        for (lang, words) in [("en", "desk@x read it first"), ("pt", "desk@x a leu primeiro")] {
            let told = told(&by, lang);
            assert!(
                told.contains(words) && told.contains("10:57") && told.contains("chaveiro recover ANA-LT1"),
                "{told}"
            );
        }
    }

    #[test]
    fn the_words_of_protocols_are_told_in_those_of_people() {
        let failed = json!({
            "actionName": "recoverPasscode",
            "actionState": "failed",
            "chaveiro_outcome": "deviceRefused",
            "chaveiro_deviceStatus": 405,
            "chaveiro_deviceReason": "login:ana locked; luks2:/dev/sda3 noFreeSlot",
        });
        let english = told(&failed, "en");
        for words in
            ["recover passcode: failed", "refused by the device", "(405)", "the account is locked", "/dev/sda3"]
        {
            assert!(english.contains(words), "{words} in {english}");
        }
        let done = json!({"actionState": "done", "chaveiro_deviceStatus": 200, "chaveiro_outcome": "replaced"});
        for (lang, words) in [("en", "the device has a new passcode"), ("pt", "senha trocada")] {
            let told = told(&done, lang);
            assert!(told.contains(words) && !told.contains("200"), "{told}");
        }
    }
}

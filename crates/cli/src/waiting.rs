//! Waiting for the end of a recovery: its steps as they happen, also while the server is away for a time.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use anstyle::AnsiColor;
use anyhow::{Result, bail};
use chaveiro_core::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::client::GraphClient;
use crate::out::Out;
use crate::result::is_open;
use crate::verbs::recover::newest_recovery;
use chaveiro_lang::table::{padded, width};
use chaveiro_lang::{Text, text};

/// The time between two looks.
const INTERVAL: Duration = Duration::from_millis(500);

/// The time between the first looks: a device that is connected answers within one second.
const FIRST_INTERVAL: Duration = Duration::from_millis(150);

/// The number of looks that follow one another so fast.
const FIRST_LOOKS: usize = 10;

/// A step later than this is told with its own time.
const SOON: Duration = Duration::from_secs(10);

/// Waits for the newest recovery of one device.
pub(crate) struct Waiting<'a> {
    client: &'a GraphClient,
    out: Out,
    device: &'a str,
    path: String,
    spinner: ProgressBar,
    /// The steps that were told.
    told: RefCell<Vec<&'static str>>,
    /// True if the person was told that the server is away.
    was_away: Cell<bool>,
    is_away: Cell<bool>,
}

/// The end of the waiting.
pub(crate) enum Ended {
    /// The recovery has ended.
    Result(Value),
    /// The person does not want to wait.
    Interrupted,
}

/// A step of a recovery.
#[derive(Debug, PartialEq)]
struct Step {
    name: &'static str,
    is_good: bool,
    words: Text,
    at: Option<Timestamp>,
    /// True if it happened at that time or before.
    is_latest: bool,
}

impl<'a> Waiting<'a> {
    pub(crate) fn new(client: &'a GraphClient, out: Out, device: &'a str, path: String) -> Self {
        let spinner = if out.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
            spinner.set_style(style);
        }
        spinner.set_message(text!("waiting").say(out.lang));
        spinner.enable_steady_tick(Duration::from_millis(120));
        let (told, was_away, is_away) = (RefCell::default(), Cell::default(), Cell::default());
        Self { client, out, device, path, spinner, told, was_away, is_away }
    }

    /// Waits so many seconds at the most, or until the person has enough. Then reads the passcode, if it is to be shown.
    pub(crate) async fn for_end(&self, timeout_s: u64, show: bool) -> Result<Ended> {
        let ended = tokio::select! {
            ended = tokio::time::timeout(Duration::from_secs(timeout_s), self.until_ended(show)) => Some(ended),
            _ = tokio::signal::ctrl_c() => None,
        };
        self.spinner.finish_and_clear();
        match ended {
            Some(Ok(ended)) => Ok(Ended::Result(ended?)),
            Some(Err(_)) if self.is_away.get() => {
                bail!(text!("wait-unanswered", seconds = timeout_s, device = self.device))
            }
            Some(Err(_)) => bail!(text!("device-silent", seconds = timeout_s, device = self.device)),
            None => {
                self.out.beside(&text!("waiting-stopped", device = self.device).say(self.out.lang));
                Ok(Ended::Interrupted)
            }
        }
    }

    async fn until_ended(&self, show: bool) -> Result<Value> {
        let mut looks = 0;
        let ended = loop {
            let device = self.answer("").await?;
            if let Some(newest) = newest_recovery(&device) {
                self.tell(&newest);
                if !is_open(&newest) {
                    break newest;
                }
            }
            self.spinner.set_message(self.state(&device).say(self.out.lang));
            tokio::time::sleep(if looks < FIRST_LOOKS { FIRST_INTERVAL } else { INTERVAL }).await;
            looks += 1;
        };
        if !show {
            return Ok(ended);
        }
        // Naming the results shows a passcode, and records that it was shown.
        let shown = self.answer("?$select=deviceActionResults").await?;
        Ok(newest_recovery(&shown).unwrap_or(ended))
    }

    /// The state of what the recovery waits for. A device that was called just now holds no connection, so that a look does
    /// not say whether it can be reached.
    fn state(&self, device: &Value) -> Text {
        match newest_recovery(device) {
            Some(newest) if newest["actionState"] == "active" => text!("waiting-at-work"),
            Some(_) | None => text!("waiting-for", at = self.out.cell("", &device["lastSyncDateTime"])),
        }
    }

    /// The device, as soon as the server answers.
    async fn answer(&self, select: &str) -> Result<Value> {
        loop {
            if let Some(device) = self.client.look(&format!("{}{select}", self.path)).await? {
                self.is_away.set(false);
                return Ok(device);
            }
            self.is_away.set(true);
            self.spinner.set_message(text!("waiting-for-server").say(self.out.lang));
            if !self.was_away.replace(true) {
                self.line(&text!("server-away").say(self.out.lang));
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Tells the steps that are new.
    fn tell(&self, recovery: &Value) {
        let begun = self.out.moment(&recovery["startDateTime"]);
        let widest = STEPS.iter().map(|step| width(&step.say(self.out.lang))).max().unwrap_or_default();
        for step in steps(self.out, recovery) {
            if self.told.borrow().contains(&step.name) {
                continue;
            }
            self.told.borrow_mut().push(step.name);
            let mark = match step.is_good {
                true => self.out.paint(AnsiColor::Green, true, "✓"),
                false => self.out.paint(AnsiColor::Red, true, "✗"),
            };
            let bound = if step.is_latest { "≤" } else { "" };
            let time = step.at.map(|at| format!("{bound}{}", time(at, begun))).unwrap_or_default();
            let line = format!("  {mark} {}  {time:>10}", padded(&step.words.say(self.out.lang), widest));
            self.line(line.trim_end());
        }
    }

    fn line(&self, line: &str) {
        self.spinner.suspend(|| self.out.beside(line));
    }
}

/// The words of the steps that most recoveries go through.
const STEPS: [Text; 5] =
    [text!("step-accepted"), text!("step-called"), text!("step-sealed"), text!("step-proven"), text!("step-applied")];

/// The steps that a recovery has taken, by its result.
fn steps(out: Out, recovery: &Value) -> Vec<Step> {
    let at = |member: &str| out.moment(&recovery[member]);
    let good = |name, words, at| Step { name, is_good: true, words, at, is_latest: false };
    let (state, updated) = (recovery["actionState"].as_str().unwrap_or_default(), at("lastUpdatedDateTime"));
    let (sealed, proven) = (at("chaveiro_passcodeSealedDateTime"), at("chaveiro_verifiedDateTime"));
    let mut steps = vec![good("accepted", text!("step-accepted"), at("startDateTime"))];
    let was_called =
        state == "active" || state == "done" || sealed.is_some() || !recovery["chaveiro_deviceStatus"].is_null();
    if was_called {
        // Later changes overwrite the time of the call, which was before them.
        let is_latest = state != "active" || sealed.is_some();
        steps.push(Step { is_latest, ..good("called", text!("step-called"), sealed.or(updated)) });
    }
    if sealed.is_some() {
        steps.push(good("sealed", text!("step-sealed"), sealed));
    }
    match state {
        "done" if proven.is_some() => steps.push(good("ended", text!("step-proven"), proven)),
        "done" => steps.push(good("ended", text!("step-applied"), updated)),
        "pending" | "active" => {}
        // Every other state is an end without a passcode.
        _ => {
            let words = text!("word", code = recovery["chaveiro_outcome"].as_str().unwrap_or(state));
            steps.push(Step { is_good: false, ..good("ended", words, updated) });
        }
    }
    steps
}

/// The time of a step: of this place, or right after the beginning how long that took.
fn time(at: Timestamp, begun: Option<Timestamp>) -> String {
    let taken = begun.and_then(|begun| Duration::try_from(at.duration_since(begun)).ok());
    match taken.filter(|taken| !taken.is_zero() && *taken < SOON) {
        Some(taken) => format!("+{:>5} ms", taken.as_millis()),
        None => at.to_zoned_datetime(TimeZone::system()).strftime("%H:%M:%S").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use chaveiro_lang::Lang;
    use serde_json::json;

    use super::*;

    fn told(recovery: &Value) -> Vec<(&'static str, bool, bool)> {
        let steps = steps(Out::new(false, Lang::english()), recovery);
        steps.into_iter().map(|step| (step.name, step.is_good, step.at.is_some())).collect()
    }

    #[test]
    fn the_steps_of_a_recovery_are_those_that_its_result_shows() {
        let (first, second, third) = ("2026-11-27T10:57:32Z", "2026-11-27T10:57:32.014Z", "2026-11-27T10:57:32.2Z");
        let [accepted, called, sealed, ended] =
            ["accepted", "called", "sealed", "ended"].map(|name| (name, true, true));
        for (recovery, steps) in [
            (json!({"actionState": "pending", "startDateTime": first}), vec![accepted]),
            (
                json!({"actionState": "active", "startDateTime": first, "lastUpdatedDateTime": second}),
                vec![accepted, called],
            ),
            (
                json!({"actionState": "active", "startDateTime": first, "lastUpdatedDateTime": third,
                       "chaveiro_passcodeSealedDateTime": second}),
                vec![accepted, called, sealed],
            ),
            (
                json!({"actionState": "done", "startDateTime": first, "lastUpdatedDateTime": third,
                       "chaveiro_passcodeSealedDateTime": second, "chaveiro_verifiedDateTime": third}),
                vec![accepted, called, sealed, ended],
            ),
            (
                json!({"actionState": "failed", "startDateTime": first, "lastUpdatedDateTime": third,
                       "chaveiro_outcome": "deviceRefused", "chaveiro_deviceStatus": 405}),
                vec![accepted, called, ("ended", false, true)],
            ),
            (
                json!({"actionState": "canceled", "startDateTime": first, "lastUpdatedDateTime": third,
                       "chaveiro_outcome": "expired"}),
                vec![accepted, ("ended", false, true)],
            ),
        ] {
            assert_eq!(told(&recovery), steps, "{recovery}");
        }
    }

    #[test]
    fn a_step_right_after_the_beginning_has_its_duration_and_a_later_one_its_time() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a moment");
        let begun = Some(at("2026-11-27T10:57:32Z"));
        assert_eq!(time(at("2026-11-27T10:57:32.217Z"), begun), "+  217 ms");
        assert!(time(at("2026-11-27T10:59:01Z"), begun).ends_with(":59:01"));
        assert!(time(at("2026-11-27T10:57:32Z"), begun).ends_with(":57:32"));
    }
}

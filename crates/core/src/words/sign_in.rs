//! Sign-in at the local issuer: the device authorization grant (RFC 8628), and the tokens that keep a person signed in.
//!
//! There is no password. An operator of the host vouches for the person who shows a code
//! (`docs/adr/0009-people-are-vouched-for-on-the-host.md`). One sign-in is one row, from the code to its end:
//!
//! ```text
//! pending -- approve --> approved -- the client fetches its tokens --> active -- refresh, refresh, … --> ended
//!    \------ deny ----> denied
//! ```
//!
//! The client holds a *handle*: first the device code, later the first half of its refresh token. The second half is a
//! secret that changes with every refresh. Only hashes of both are stored.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ApplicationId, ResourceId, TenantId};
use crate::steady::is_recent;

/// The time for which a code waits for its approval, as in Entra.
pub const CODE_LIFE: Duration = Duration::from_secs(15 * 60);

/// The least time between two polls of a client (RFC 8628, 3.2).
pub const INTERVAL: Duration = Duration::from_secs(5);

/// Clients count from sending, the server from arrival.
const INTERVAL_LEEWAY: Duration = Duration::from_secs(1);

/// The time for which the previous refresh token still works. The answer with the new one can be lost on its way, and
/// the client then asks again.
const LOST_ANSWER: Duration = Duration::from_secs(30);

/// Most codes that may wait in one tenant: any client can ask for one.
pub const MAX_PENDING: usize = 500;

/// The letters of user codes: no vowels, so that no code spells a word (RFC 8628, 6.1).
pub const CODE_LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// The letters of a code: 34 bits, for 15 minutes.
pub const CODE_LENGTH: usize = 8;

/// One sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The tenant.
    pub tenant: TenantId,
    /// The application that asks.
    pub application: ApplicationId,
    /// SHA-256 of the handle.
    pub handle_sha256: [u8; 32],
    /// The code that the person shows to the operator, without its hyphen.
    pub user_code: String,
    /// The requested scope.
    pub scope: String,
    /// The state of the sign-in.
    pub standing: Standing,
    /// The user who signed in.
    pub user: Option<ResourceId>,
    /// The SHA-256 of the current refresh token.
    pub refresh_sha256: Option<[u8; 32]>,
    /// The SHA-256 of the previous refresh token.
    pub previous_sha256: Option<[u8; 32]>,
    /// The time at which the code was made.
    pub created: Timestamp,
    /// The time at which the code, or the refresh token, ends.
    pub expires: Timestamp,
    /// The time of the client's last poll or last refresh.
    pub asked: Option<Timestamp>,
    /// The address of the client that asked for the code; `None` if it was not recorded.
    pub address: Option<IpAddr>,
}

/// The state of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It waits for an operator.
    Pending,
    /// An operator vouched for the person; the client has not fetched its tokens yet.
    Approved,
    /// An operator denied it.
    Denied,
    /// The client has its tokens and may refresh them.
    Active,
    /// The person signed out, an operator revoked it, or its refresh token was used twice.
    Ended,
}

/// The answer to a client that polls with its device code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// No operator has decided yet.
    Pending,
    /// No operator has decided yet, and the client polls too often.
    TooOften,
    /// The code has expired.
    Expired,
    /// An operator denied it.
    Denied,
    /// The code was used before.
    Used,
    /// This person signed in; tokens may be issued, now and once.
    Approved(ResourceId),
}

/// The answer to a client that asks with a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The next refresh token is valid from now on.
    Rotated(ResourceId),
    /// The token was used before, so another party has it too. The sign-in has ended.
    Reused,
    /// The token was not refreshed in time.
    Expired,
    /// The person signed out or was revoked.
    Ended,
}

impl SignIn {
    /// Returns true if it waits for an operator at `now`.
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        self.standing == Standing::Pending && now < self.expires
    }

    /// Returns true if a person is signed in by it at `now`, or can be soon.
    pub fn is_live(&self, now: Timestamp) -> bool {
        matches!(self.standing, Standing::Approved | Standing::Active) && now < self.expires
    }

    /// Answers a client that polls with its device code. Tokens are issued on [`Asked::Approved`], which is returned
    /// once.
    pub fn ask(&mut self, now: Timestamp) -> Asked {
        let before = self.asked.replace(now);
        match self.standing {
            Standing::Denied => Asked::Denied,
            Standing::Active | Standing::Ended => Asked::Used,
            Standing::Pending | Standing::Approved if now >= self.expires => Asked::Expired,
            Standing::Pending => {
                match before.is_some_and(|before| is_recent(before, now, INTERVAL - INTERVAL_LEEWAY)) {
                    true => Asked::TooOften,
                    false => Asked::Pending,
                }
            }
            Standing::Approved => match self.user {
                Some(user) => {
                    self.standing = Standing::Ended;
                    Asked::Approved(user)
                }
                None => Asked::Pending,
            },
        }
    }

    /// Makes this refresh token the current one, for `life` ([`crate::tenant::TenantSettings::sign_in_life_s`]).
    pub fn activate(&mut self, refresh_sha256: [u8; 32], now: Timestamp, life: Duration) {
        self.standing = Standing::Active;
        self.refresh_sha256 = Some(refresh_sha256);
        self.expires = now.checked_add(life).unwrap_or(Timestamp::MAX);
    }

    /// Answers a client that asks with a refresh token, to be replaced by `next`. A token that is neither the current
    /// nor the previous one has been stolen, or its thief has used it first. The server cannot tell which, so the
    /// sign-in ends (RFC 9700, 4.14.2).
    pub fn refresh(&mut self, presented: &[u8; 32], next: [u8; 32], now: Timestamp, life: Duration) -> Refreshed {
        let (Standing::Active, Some(user)) = (self.standing, self.user) else { return Refreshed::Ended };
        if now >= self.expires {
            return Refreshed::Expired;
        }
        let lost = self.asked.is_some_and(|asked| is_recent(asked, now, LOST_ANSWER));
        if self.refresh_sha256.as_ref() == Some(presented) {
            self.previous_sha256 = self.refresh_sha256;
            self.asked = Some(now);
        } else if !(lost && self.previous_sha256.as_ref() == Some(presented)) {
            self.end();
            return Refreshed::Reused;
        }
        self.refresh_sha256 = Some(next);
        self.expires = now.checked_add(life).unwrap_or(Timestamp::MAX);
        Refreshed::Rotated(user)
    }

    /// Ends the sign-in. The row stays until it would have expired, so that its tokens are known as ended.
    pub fn end(&mut self) {
        self.standing = Standing::Ended;
        self.refresh_sha256 = None;
        self.previous_sha256 = None;
    }
}

/// Returns a user code as it is stored, without the characters that people add between and around the letters.
pub fn plain_code(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphanumeric).take(CODE_LENGTH + 1).collect::<String>().to_ascii_uppercase()
}

/// Returns a user code as people read it: `WDJB-MJHT`.
pub fn spoken_code(plain: &str) -> String {
    match plain.split_at_checked(CODE_LENGTH / 2) {
        Some((first, second)) => format!("{first}-{second}"),
        None => plain.to_owned(),
    }
}

/// Returns a user code made from random bytes; `None` if they do not suffice. 32 practically always do.
pub fn code_from(random: &[u8]) -> Option<String> {
    // 240 is the largest multiple of 20 below 256: bytes above it would make some letters more likely.
    let even = random.iter().filter(|byte| **byte < 240);
    let code: String = even.take(CODE_LENGTH).map(|byte| char::from(CODE_LETTERS[usize::from(byte % 20)])).collect();
    (code.len() == CODE_LENGTH).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const LIFE: Duration = Duration::from_secs(24 * 3600);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    fn pending() -> SignIn {
        SignIn {
            tenant: TenantId(Uuid::nil()),
            application: crate::application::COMMAND_LINE,
            handle_sha256: [0; 32],
            user_code: "WDJBMJHT".to_owned(),
            scope: String::new(),
            standing: Standing::Pending,
            user: None,
            refresh_sha256: None,
            previous_sha256: None,
            created: at(0),
            expires: at(0) + CODE_LIFE,
            asked: None,
            address: None,
        }
    }

    fn approved() -> SignIn {
        SignIn { standing: Standing::Approved, user: Some(ResourceId(Uuid::nil())), ..pending() }
    }

    fn active() -> SignIn {
        let mut sign_in = approved();
        sign_in.ask(at(10));
        sign_in.activate([1; 32], at(10), LIFE);
        sign_in
    }

    #[test]
    fn a_client_that_asks_is_told_the_truth() {
        let user = ResourceId(Uuid::nil());
        let after_question = SignIn { asked: Some(at(10)), ..pending() };
        let table = [
            ("first question", pending(), 10, Asked::Pending),
            ("after five seconds", after_question.clone(), 15, Asked::Pending),
            ("a second early, on its clock", after_question.clone(), 14, Asked::Pending),
            ("after two seconds", after_question, 12, Asked::TooOften),
            ("after fifteen minutes", pending(), 900, Asked::Expired),
            ("approved", approved(), 899, Asked::Approved(user)),
            ("approved, but never fetched", approved(), 900, Asked::Expired),
            ("denied", SignIn { standing: Standing::Denied, ..pending() }, 10, Asked::Denied),
            ("fetched already", active(), 12, Asked::Used),
            ("ended", SignIn { standing: Standing::Ended, ..approved() }, 12, Asked::Used),
        ];
        for (what, mut sign_in, second, expected) in table {
            assert_eq!(sign_in.ask(at(second)), expected, "{what}");
        }
    }

    #[test]
    fn an_approved_code_serves_once() {
        let mut sign_in = approved();
        assert!(matches!(sign_in.ask(at(1)), Asked::Approved(_)));
        assert_eq!(sign_in.ask(at(10)), Asked::Used);
    }

    #[test]
    fn every_refresh_rotates_and_slides_the_end() {
        let mut sign_in = active();
        for (round, second) in [(1_u8, 3600), (2, 7200), (3, 7200 + 86_000)] {
            let rotated = sign_in.refresh(&[round; 32], [round + 1; 32], at(second), LIFE);
            assert!(matches!(rotated, Refreshed::Rotated(_)), "{round}");
            assert_eq!(sign_in.expires, at(second) + LIFE);
        }
        assert_eq!(sign_in.refresh(&[4; 32], [5; 32], sign_in.expires, LIFE), Refreshed::Expired);
    }

    #[test]
    fn an_answer_that_was_lost_can_be_asked_for_again_for_a_moment() {
        let mut sign_in = active();
        sign_in.refresh(&[1; 32], [2; 32], at(3600), LIFE);
        assert!(matches!(sign_in.refresh(&[1; 32], [3; 32], at(3620), LIFE), Refreshed::Rotated(_)));
        assert!(matches!(sign_in.refresh(&[3; 32], [4; 32], at(7200), LIFE), Refreshed::Rotated(_)));
    }

    #[test]
    fn a_refresh_token_that_was_used_already_ends_the_sign_in_for_both() {
        let mut sign_in = active();
        sign_in.refresh(&[1; 32], [2; 32], at(3600), LIFE);
        assert_eq!(sign_in.refresh(&[1; 32], [3; 32], at(3640), LIFE), Refreshed::Reused);
        assert_eq!(sign_in.refresh(&[2; 32], [4; 32], at(3641), LIFE), Refreshed::Ended);
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        for typed in ["WDJB-MJHT", " wdjb mjht\n", "wdjbmjht"] {
            assert_eq!(plain_code(typed), "WDJBMJHT");
        }
        assert_eq!(spoken_code("WDJBMJHT"), "WDJB-MJHT");
        assert_eq!(plain_code(&"A".repeat(1000)).len(), CODE_LENGTH + 1);
    }

    #[test]
    fn a_code_has_letters_that_spell_no_word_and_none_is_likelier() {
        assert_eq!(code_from(&[255, 0, 1, 19, 20, 240, 39, 239, 220, 40, 0]).as_deref(), Some("BCZBZZBB"));
        assert_eq!(code_from(&[0, 0, 0, 0, 0, 0, 0, 240]), None);
    }
}

//! Local accounts as the files of the system describe them: passwd(5), shadow(5), lastlog(5).

/// The lowest uid of a person (`UID_MIN` of login.defs(5)); lower ones are services.
const UID_MIN: u32 = 1000;
/// The highest uid of a person (`UID_MAX` of login.defs(5)); that of `nobody` is higher.
const UID_MAX: u32 = 60_000;

/// Bytes of a record of lastlog(5): time, line and host, at the place of the user id.
const LASTLOG_RECORD: usize = 4 + 32 + 256;

/// The facts of the files about one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) shell: String,
    /// The second field of shadow(5), without its meaning as a secret: see [`Password`].
    pub(crate) password: Password,
    /// The day on which the account expires, counted from 1970.
    pub(crate) expires: Option<i64>,
}

/// The kind of password of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Password {
    /// A hash.
    Hashed,
    /// A hash behind `!`, which `passwd -l` puts there.
    Locked,
    /// A text that no password matches (`*`, `!`, `!!`).
    Unusable,
    /// An empty password: any user may sign in.
    Empty,
    /// No entry in shadow(5).
    Elsewhere,
}

/// The account of that name.
pub(crate) fn find(passwd: &str, shadow: &str, name: &str) -> Option<Account> {
    let fields: Vec<&str> = line_of(passwd, name)?;
    let (password, expires) = match line_of(shadow, name) {
        None => (Password::Elsewhere, None),
        Some(shadow) => (
            password(shadow.get(1).copied().unwrap_or_default()),
            shadow.get(7).and_then(|day| day.parse().ok()).filter(|day| *day >= 0),
        ),
    };
    Some(Account {
        name: name.to_owned(),
        uid: fields.get(2)?.parse().ok()?,
        shell: fields.get(6).copied().unwrap_or_default().to_owned(),
        password,
        expires,
    })
}

/// The length of the part of lastlog(5) that is about people.
pub(crate) const LASTLOG_OF_PEOPLE: u64 = UID_MAX as u64 * LASTLOG_RECORD as u64;

/// The person's account that signed in most recently, or the only one. Without a known sign-in, the agent does not
/// guess: systems without lastlog need the account in the configuration.
pub(crate) fn most_recent<'p>(passwd: &'p str, lastlog: &[u8]) -> Option<&'p str> {
    let people = passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let uid: u32 = fields.nth(1)?.parse().ok()?;
        (UID_MIN..UID_MAX).contains(&uid).then_some((name, uid))
    });
    let people: Vec<_> = people.collect();
    let (name, uid) = *people.iter().max_by_key(|(_, uid)| last_sign_in(lastlog, *uid))?;
    (people.len() == 1 || last_sign_in(lastlog, uid) > 0).then_some(name)
}

/// The last sign-in of that uid, in seconds since 1970; 0 for never.
fn last_sign_in(lastlog: &[u8], uid: u32) -> u32 {
    let at = usize::try_from(uid).ok().and_then(|uid| uid.checked_mul(LASTLOG_RECORD));
    let time = at.and_then(|at| lastlog.get(at..)?.first_chunk::<4>());
    time.map_or(0, |time| u32::from_le_bytes(*time))
}

fn password(field: &str) -> Password {
    match field {
        "" => Password::Empty,
        hash if hash.starts_with('$') || (hash.len() == 13 && !hash.starts_with(['!', '*'])) => Password::Hashed,
        locked if locked.trim_start_matches('!').starts_with('$') => Password::Locked,
        _ => Password::Unusable,
    }
}

fn line_of<'f>(file: &'f str, name: &str) -> Option<Vec<&'f str>> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields.first() == Some(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        daemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n\
        ana:x:1000:1000:Ana,,,:/home/ana:/bin/bash\n\
        bob:x:1001:1001::/home/bob:/bin/zsh\n\
        nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n";

    #[test]
    fn the_password_field_says_what_kind_it_is() {
        for (field, kind) in [
            ("$y$j9T$salt$hash", Password::Hashed),
            ("$6$salt$hash", Password::Hashed),
            ("ab01FAX.bQRSU", Password::Hashed),
            ("!$y$j9T$salt$hash", Password::Locked),
            ("!!$6$salt$hash", Password::Locked),
            ("!", Password::Unusable),
            ("!!", Password::Unusable),
            ("*", Password::Unusable),
            ("!*", Password::Unusable),
            ("", Password::Empty),
        ] {
            let shadow = format!("ana:{field}:19000:0:99999:7::20000:\n");
            let account = find(PASSWD, &shadow, "ana").expect("an account");
            assert_eq!((account.password, account.uid, account.expires), (kind, 1000, Some(20_000)), "{field}");
        }
        assert_eq!(find(PASSWD, "", "ana").map(|account| account.password), Some(Password::Elsewhere));
        assert_eq!(find(PASSWD, "", "eve"), None);
    }

    #[test]
    fn the_account_is_the_person_who_signed_in_last() {
        let mut lastlog = vec![0; LASTLOG_RECORD * 1002];
        assert_eq!(most_recent(PASSWD, &lastlog), None, "no user has signed in yet");
        let mut sign_in = |uid: usize, time: u32| {
            lastlog[uid * LASTLOG_RECORD..uid * LASTLOG_RECORD + 4].copy_from_slice(&time.to_le_bytes());
        };
        sign_in(0, 9_000_000);
        sign_in(1000, 1_000_000);
        sign_in(1001, 2_000_000);
        assert_eq!(most_recent(PASSWD, &lastlog), Some("bob"), "root is no person");
        assert_eq!(most_recent(PASSWD, &[]), None, "systems without lastlog");
        let alone = PASSWD.replace("bob:x:1001", "bob:x:101");
        assert_eq!(most_recent(&alone, &[]), Some("ana"), "the only person");
        assert_eq!(most_recent("root:x:0:0::/root:/bin/sh\n", &[]), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_an_account_or_none(passwd in ".{0,200}", shadow in ".{0,200}", lastlog: Vec<u8>) {
            let _ = find(&passwd, &shadow, "ana");
            let _ = most_recent(&passwd, &lastlog);
        }
    }
}

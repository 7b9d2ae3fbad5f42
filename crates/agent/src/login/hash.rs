//! Password hashes as crypt(5) of this system makes them: the scheme, its cost, and the hash itself.
//!
//! On a Debian system login.defs(5) and pam_unix(8) disagree. passwd(1) obeys pam_unix, so the agent reads the file of
//! pam_unix first. The costs are those of libxcrypt's `crypt_gensalt`.

use std::path::Path;

use chaveiro_core::secret::Passcode;
use sha_crypt::{Algorithm, PasswordHasher, PasswordVerifier, ShaCrypt};
use yescrypt::{Mode, Yescrypt};
use zeroize::Zeroizing;

use super::error::{LONGEST, LoginError};

/// The files that configure the hash of pam_unix(8): Debian's, then others.
const PAM: [&str; 3] = ["etc/pam.d/common-password", "etc/pam.d/system-auth", "etc/pam.d/passwd"];

/// Bytes of salt that make 16 letters, the most that SHA-crypt takes. A longer salt would be cut, and the hash would
/// never match its own text.
const SHA_SALT: usize = 12;

/// The most memory that checking a hash may take. No system makes hashes that demand more.
const MAX_MEMORY: u64 = 1 << 30;

/// A kind of hash that the agent can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Yescrypt,
    Sha512,
    Sha256,
}

/// The names of a method.
struct Names {
    method: Method,
    /// An option of pam_unix(8).
    option: &'static str,
    /// `ENCRYPT_METHOD` of login.defs(5).
    definition: &'static str,
    /// The beginning of a hash.
    begin: &'static str,
}

/// The methods. One that is missing here is passed over, and the next source decides.
const METHODS: [Names; 3] = [
    Names { method: Method::Yescrypt, option: "yescrypt", definition: "YESCRYPT", begin: "$y$" },
    Names { method: Method::Sha512, option: "sha512", definition: "SHA512", begin: "$6$" },
    Names { method: Method::Sha256, option: "sha256", definition: "SHA256", begin: "$5$" },
];

/// Method and cost: rounds of SHA-crypt, or yescrypt's factor of 1 to 11. Without a cost, it is the default of the
/// method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scheme {
    method: Method,
    cost: Option<u32>,
}

impl Scheme {
    /// The scheme that the system below `root` would use for a new password of an account that has the hash `old`.
    pub(super) fn of(root: &Path, old: &str) -> Self {
        let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap_or_default();
        let pam = PAM.map(read);
        let options = pam.iter().find_map(|file| pam_unix(file)).unwrap_or_default();
        Self::choose(&options, &read("etc/login.defs"), old)
    }

    fn choose(options: &[&str], defs: &str, old: &str) -> Self {
        let asked = definition(defs, "ENCRYPT_METHOD");
        let method = (METHODS.iter().find(|names| options.contains(&names.option)))
            .or_else(|| METHODS.iter().find(|names| asked == Some(names.definition)))
            .or_else(|| METHODS.iter().find(|names| old.starts_with(names.begin)))
            .map_or(Method::Yescrypt, |names| names.method);
        let rounds = options.iter().find_map(|option| option.strip_prefix("rounds="));
        let number = |key| definition(defs, key).and_then(|number| number.parse::<u32>().ok());
        let by_defs = || match method {
            Method::Yescrypt => number("YESCRYPT_COST_FACTOR"),
            // login.defs(5) draws from the range; when the bounds are the wrong way round, the larger one counts.
            Method::Sha512 | Method::Sha256 => number("SHA_CRYPT_MAX_ROUNDS").max(number("SHA_CRYPT_MIN_ROUNDS")),
        };
        Self { method, cost: rounds.and_then(|number| number.parse().ok()).or_else(by_defs) }
    }

    pub(super) fn hash(self, passcode: &Passcode, salt: &[u8; 16]) -> Result<Zeroizing<String>, LoginError> {
        let password = passcode.expose_secret();
        if password.len() > LONGEST || password.contains(['\0', '\n', '\r']) {
            return Err(LoginError::Passcode);
        }
        let text = match self.method {
            Method::Yescrypt => self.yescrypt(password, salt),
            Method::Sha512 => self.sha(Algorithm::Sha512Crypt, password, salt),
            Method::Sha256 => self.sha(Algorithm::Sha256Crypt, password, salt),
        };
        text.ok_or(LoginError::Scheme)
    }

    fn yescrypt(self, password: &str, salt: &[u8]) -> Option<Zeroizing<String>> {
        let (n, r) = match self.cost.unwrap_or(5).clamp(1, 11) {
            small @ ..3 => (512 << small, 8),
            factor => (128 << factor, 32),
        };
        let hasher = Yescrypt::from(yescrypt::Params::new(Mode::Rw, n, r, 1).ok()?);
        let hash = hasher.hash_password_with_salt(password.as_bytes(), salt).ok()?;
        Some(Zeroizing::new(hash.into()))
    }

    fn sha(self, algorithm: Algorithm, password: &str, salt: &[u8]) -> Option<Zeroizing<String>> {
        let usual = sha_crypt::Params::RECOMMENDED_ROUNDS;
        let rounds = self.cost.unwrap_or(usual);
        let rounds = rounds.clamp(sha_crypt::Params::ROUNDS_MIN, sha_crypt::Params::ROUNDS_MAX);
        let hasher = ShaCrypt::new(algorithm, sha_crypt::Params::new(rounds).ok()?);
        let hash = hasher.hash_password_with_salt(password.as_bytes(), salt.get(..SHA_SALT)?).ok()?;
        let text: Zeroizing<String> = Zeroizing::new(hash.into());
        // crypt(5) leaves the usual rounds unsaid.
        Some(Zeroizing::new(text.replacen(&format!("rounds={usual}$"), "", 1)))
    }
}

/// Returns true if the passcode has that hash.
pub(super) fn verify(hash: &str, passcode: &Passcode) -> Result<bool, LoginError> {
    let password = passcode.expose_secret().as_bytes();
    let method = METHODS.iter().find(|names| hash.starts_with(names.begin)).ok_or(LoginError::Scheme)?.method;
    let verdict = match method {
        Method::Yescrypt => {
            let params = hash.split('$').nth(2).and_then(|params| params.parse::<yescrypt::Params>().ok());
            let memory = params.and_then(|params| params.n().checked_mul(128)?.checked_mul(u64::from(params.r())));
            memory.filter(|memory| *memory <= MAX_MEMORY).ok_or(LoginError::Scheme)?;
            Yescrypt::default().verify_password(password, hash)
        }
        Method::Sha512 | Method::Sha256 => ShaCrypt::default().verify_password(password, hash),
    };
    match verdict {
        Ok(()) => Ok(true),
        Err(sha_crypt::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(LoginError::Scheme),
    }
}

/// The options of pam_unix(8) on its line for changing passwords; `None` without such a line.
fn pam_unix(file: &str) -> Option<Vec<&str>> {
    file.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        words.next().filter(|kind| kind.trim_start_matches('-') == "password")?;
        words.find(|word| word.ends_with("pam_unix.so"))?;
        Some(words.collect())
    })
}

/// A value of login.defs(5).
fn definition<'f>(file: &'f str, key: &str) -> Option<&'f str> {
    file.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(key)).then(|| words.next()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "# comment: password pam_unix.so md5\n\
        password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt # rounds=9\n\
        password requisite pam_deny.so\n";

    fn passcode(text: &str) -> Passcode {
        Passcode::new(Zeroizing::new(text.to_owned())).expect("a passcode")
    }

    #[test]
    fn the_scheme_is_that_of_pam_then_of_login_defs_then_of_the_old_hash() {
        use Method::{Sha256, Sha512, Yescrypt};
        let sha512 = "ENCRYPT_METHOD SHA512\n";
        let rounds = "#SHA_CRYPT_MAX_ROUNDS 1\nENCRYPT_METHOD SHA256\nSHA_CRYPT_MIN_ROUNDS 7000\n";
        let cost = "YESCRYPT_COST_FACTOR 7\nENCRYPT_METHOD YESCRYPT\n";
        for (pam, defs, old, method, cost) in [
            (DEBIAN, sha512, "$5$", Yescrypt, None),
            (DEBIAN, cost, "$5$", Yescrypt, Some(7)),
            (
                "auth x pam_unix.so sha256\n-password x /lib/pam_unix.so sha512 rounds=65536\n",
                rounds,
                "",
                Sha512,
                Some(65536),
            ),
            ("password sufficient pam_unix.so shadow\n", rounds, "$6$", Sha256, Some(7000)),
            ("password x pam_unix.so blowfish\n", "ENCRYPT_METHOD DES\n", "$6$rounds=9000$x", Sha512, None),
            ("", "", "ab01FAX.bQRSU", Yescrypt, None),
        ] {
            let options = pam_unix(pam).unwrap_or_default();
            assert_eq!(Scheme::choose(&options, defs, old), Scheme { method, cost }, "{pam}{defs}{old}");
        }
    }

    #[test]
    fn a_hash_is_written_as_crypt_writes_it_and_verifies_one_passcode() {
        for (method, cost, begin) in [
            (Method::Yescrypt, None, "$y$j9T$"),
            (Method::Yescrypt, Some(1), "$y$j75$"),
            (Method::Yescrypt, Some(3), "$y$j7T$"),
            (Method::Sha512, None, "$6$"),
            (Method::Sha512, Some(7), "$6$rounds=1000$"),
            (Method::Sha256, Some(6000), "$5$rounds=6000$"),
        ] {
            let hash = Scheme { method, cost }.hash(&passcode("Senha-1"), &[7; 16]).expect("hashed");
            assert!(hash.starts_with(begin), "{begin}");
            assert!(!hash.contains("rounds=5000"), "{begin}");
            assert!(verify(&hash, &passcode("Senha-1")).expect("checked"), "{begin}");
            assert!(!verify(&hash, &passcode("Senha-2")).expect("checked"), "{begin}");
        }
    }

    #[test]
    fn refuses_passcodes_that_no_login_takes_and_hashes_that_it_does_not_know() {
        let scheme = Scheme { method: Method::Sha512, cost: Some(1000) };
        for text in ["a\0b", "a\nb", "a\r", &"x".repeat(LONGEST + 1)] {
            assert!(matches!(scheme.hash(&passcode(text), &[0; 16]), Err(LoginError::Passcode)));
        }
        assert!(scheme.hash(&passcode(&"x".repeat(LONGEST)), &[0; 16]).is_ok());
        for hash in ["", "!", "ab01FAX.bQRSU", "$2b$05$x", "$y$", "$y$jzT$salt$hash", "$6$", "$6$salt$%"] {
            assert!(matches!(verify(hash, &passcode("x")), Err(LoginError::Scheme)), "{hash}");
        }
    }
}

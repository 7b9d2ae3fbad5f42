//! The `scope` of a token request (docs/graph-facts.md#scopes): a resource that means Graph, its permissions, and the words of OpenID
//! Connect.

use chaveiro_core::permission::{PERMISSIONS, Permission};
use thiserror::Error;

/// The longest scope that is read, in bytes: room for every permission by its longest name, several times.
const MAX_BYTES: usize = 4 * 1024;

/// The words of OpenID Connect, which are not permissions of a resource.
const IDENTITY: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// A parsed scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The resource as the client named it, which becomes the audience; without a name, Graph's id.
    pub(crate) resource: Option<String>,
    /// The requested permissions.
    pub(crate) wanted: Wanted,
    /// Words of OpenID Connect, in the order of [`IDENTITY`].
    pub(crate) identity: Vec<&'static str>,
}

/// The permissions that a scope requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// `.default`: all permissions that the application is registered for.
    Default,
    /// The named permissions.
    Named(Vec<Permission>),
}

/// The reason why a scope is refused. Each text says what to ask for instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ScopeRefusal {
    /// The permission or the resource is unknown.
    #[error("The scope {0} is not valid.")]
    Unknown(String),
    /// The spelling of the reference page, which Entra has never known.
    #[error(
        "The scope {asked} does not exist: that spelling stands in an old reference page only. The permission is called {name}."
    )]
    Misspelt {
        /// The requested name.
        asked: String,
        /// The correct name.
        name: &'static str,
    },
    /// The scope names two resources, and one token has one audience.
    #[error("The scope names the two resources {0} and {1}; ask for one token each.")]
    TwoResources(String, String),
    /// The scope requests nothing of Graph.
    #[error("The scope asks for no resource.")]
    Nothing,
    /// The scope is longer than any valid one.
    #[error("The scope is longer than {MAX_BYTES} bytes.")]
    TooLong,
}

impl Scope {
    /// Parses a scope. `base_url` is this server's own name.
    pub(crate) fn parse(text: &str, base_url: &str) -> Result<Self, ScopeRefusal> {
        if text.len() > MAX_BYTES {
            return Err(ScopeRefusal::TooLong);
        }
        let mut resource: Option<String> = None;
        let mut named = Vec::new();
        let (mut default, mut asked) = (false, Vec::new());
        for word in text.split_ascii_whitespace() {
            if let Some(known) = IDENTITY.into_iter().find(|known| *known == word) {
                asked.push(known);
                continue;
            }
            let (of, name) = split(word, base_url).ok_or_else(|| ScopeRefusal::Unknown(word.to_owned()))?;
            if let Some(of) = of {
                match &resource {
                    Some(other) if other != of => {
                        return Err(ScopeRefusal::TwoResources(other.clone(), of.to_owned()));
                    }
                    Some(_) => {}
                    None => resource = Some(of.to_owned()),
                }
            }
            if name == ".default" {
                default = true;
                continue;
            }
            let permission = Permission::parse(name).ok_or_else(|| ScopeRefusal::Unknown(word.to_owned()))?;
            if !permission.name().eq_ignore_ascii_case(name) {
                return Err(ScopeRefusal::Misspelt { asked: word.to_owned(), name: permission.name() });
            }
            if !named.contains(&permission) {
                named.push(permission);
            }
        }
        if !default && named.is_empty() {
            return Err(ScopeRefusal::Nothing);
        }
        let identity = IDENTITY.into_iter().filter(|word| asked.contains(word)).collect();
        Ok(Self { resource, wanted: if default { Wanted::Default } else { Wanted::Named(named) }, identity })
    }

    /// The audience of the token.
    pub(crate) fn audience(&self) -> &str {
        self.resource.as_deref().unwrap_or(crate::GRAPH_APPLICATION_ID)
    }

    /// Returns whether the scope contains that word of OpenID Connect.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.identity.contains(&word)
    }

    /// Returns the requested permissions, if all are `registered`; otherwise the first that is not.
    pub(crate) fn of(&self, registered: &[Permission]) -> Result<Vec<Permission>, Option<Permission>> {
        let granted = match &self.wanted {
            Wanted::Default => registered.to_vec(),
            Wanted::Named(named) => match named.iter().find(|permission| !registered.contains(permission)) {
                Some(missing) => return Err(Some(*missing)),
                None => named.clone(),
            },
        };
        if granted.is_empty() { Err(None) } else { Ok(granted) }
    }

    /// The granted scope, as the answer names it. `.default` stays in it, because clients look up their token by what
    /// they asked for.
    pub(crate) fn granted(&self, permissions: &[Permission]) -> String {
        let prefix = self.resource.as_ref().map(|resource| format!("{resource}/")).unwrap_or_default();
        let names = PERMISSIONS.iter().filter(|row| permissions.contains(&row.permission)).map(|row| row.name);
        let default = (self.wanted == Wanted::Default).then_some(".default");
        let of_resource = names.chain(default).map(|name| format!("{prefix}{name}"));
        self.identity.iter().map(|word| (*word).to_owned()).chain(of_resource).collect::<Vec<_>>().join(" ")
    }
}

/// Splits a word into its resource, if it names one, and the rest. Every resource here means Graph.
fn split<'w>(word: &'w str, base_url: &str) -> Option<(Option<&'w str>, &'w str)> {
    let api = format!("api://{}", crate::GRAPH_APPLICATION_ID);
    for resource in ["https://graph.microsoft.com", crate::GRAPH_APPLICATION_ID, &api, base_url] {
        if let Some(rest) = word.strip_prefix(resource).and_then(|rest| rest.strip_prefix('/')) {
            // With two slashes the first belongs to the resource, and to the audience.
            let (length, name) = match rest.strip_prefix('/') {
                Some(name) => (resource.len() + 1, name),
                None => (resource.len(), rest),
            };
            return Some((Some(&word[..length]), name));
        }
    }
    (!word.contains("://")).then_some((None, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://chaveiro.example:8443";
    const PRIVILEGED: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";

    #[test]
    fn every_name_of_graph_is_understood_and_becomes_the_audience() {
        let graph = crate::GRAPH_APPLICATION_ID;
        let default = || Wanted::Default;
        let one = || Wanted::Named(vec![Permission::PrivilegedOperationsAll]);
        let table = [
            ("https://graph.microsoft.com/.default".to_owned(), "https://graph.microsoft.com", default()),
            ("https://graph.microsoft.com//.default".to_owned(), "https://graph.microsoft.com/", default()),
            (format!("{graph}/.default"), graph, default()),
            (format!("api://{graph}/.default"), &format!("api://{graph}"), default()),
            (format!("{BASE}/.default"), BASE, default()),
            (format!("{BASE}//.default"), &format!("{BASE}/"), default()),
            (".default".to_owned(), graph, default()),
            (PRIVILEGED.to_owned(), graph, one()),
            (PRIVILEGED.to_ascii_lowercase(), graph, one()),
            (format!("{BASE}/{PRIVILEGED} offline_access openid"), BASE, one()),
            (format!("openid {PRIVILEGED}  profile {PRIVILEGED}"), graph, one()),
            (
                format!("https://graph.microsoft.com/{PRIVILEGED} https://graph.microsoft.com/.default"),
                "https://graph.microsoft.com",
                default(),
            ),
        ];
        for (text, audience, wanted) in table {
            let scope = Scope::parse(&text, BASE).unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
            assert_eq!((scope.audience(), &scope.wanted), (audience, &wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_scope_of_ours_is_refused_by_name() {
        let misspelt = "DeviceManagementManagedDevices.PriviligedOperation.All";
        let table = [
            ("Mail.Read", ScopeRefusal::Unknown("Mail.Read".to_owned())),
            ("https://vault.azure.net/.default", ScopeRefusal::Unknown("https://vault.azure.net/.default".to_owned())),
            (
                "https://chaveiro.example:8443.evil/.default",
                ScopeRefusal::Unknown("https://chaveiro.example:8443.evil/.default".to_owned()),
            ),
            ("https://graph.microsoft.com/", ScopeRefusal::Unknown("https://graph.microsoft.com/".to_owned())),
            ("OPENID", ScopeRefusal::Unknown("OPENID".to_owned())),
            ("", ScopeRefusal::Nothing),
            ("openid profile offline_access", ScopeRefusal::Nothing),
            (misspelt, ScopeRefusal::Misspelt { asked: misspelt.to_owned(), name: PRIVILEGED }),
            (
                "https://graph.microsoft.com/.default https://chaveiro.example:8443/.default",
                ScopeRefusal::TwoResources("https://graph.microsoft.com".to_owned(), BASE.to_owned()),
            ),
        ];
        for (text, refusal) in table {
            assert_eq!(Scope::parse(text, BASE), Err(refusal), "{text}");
        }
        assert_eq!(Scope::parse(&"a ".repeat(3000), BASE), Err(ScopeRefusal::TooLong));
    }

    #[test]
    fn nothing_is_granted_beyond_what_is_registered() {
        let registered = [Permission::ManagedDevicesReadAll, Permission::UserReadAll];
        let of = |text: &str| Scope::parse(text, BASE).expect("a scope").of(&registered);
        assert_eq!(of(".default"), Ok(registered.to_vec()));
        assert_eq!(of("User.Read.All"), Ok(vec![Permission::UserReadAll]));
        assert_eq!(of(&format!("User.Read.All {PRIVILEGED}")), Err(Some(Permission::PrivilegedOperationsAll)));
        assert_eq!(Scope::parse(".default", BASE).expect("a scope").of(&[]), Err(None));
    }

    #[test]
    fn what_is_granted_is_named_as_it_was_asked_for() {
        let scope = Scope::parse("https://graph.microsoft.com/.default offline_access openid", BASE).expect("a scope");
        let graph = "https://graph.microsoft.com";
        assert_eq!(
            scope.granted(&[Permission::UserReadAll]),
            format!("openid offline_access {graph}/User.Read.All {graph}/.default")
        );
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_scopes_never_panic(text in "[ -~\u{e9}]{0,80}") {
            let _ = Scope::parse(&text, BASE);
        }
    }
}

//! The reference of the configuration, printed from its rows.

use std::fmt::Write;

use chaveiro_lang::Lang;

use super::KEYS;

/// The end of the file: issuers, which are tables.
const ISSUERS: &str = r##"
# Trusted issuers beside the local one: docs/identity.md.
#[[issuer]]
# The exact iss of its tokens, and the tenant it speaks for (chaveiro tenant list).
#issuer = "https://login.example/realm"
#tenant = "11111111-2222-4333-8444-555555555555"
# Optional: its own name of the tenant (the tid of its tokens), when it differs: an Entra directory id.
#directory = "66666666-7777-4888-9999-000000000000"
# Optional: where its keys are; by default found through ISSUER/.well-known/openid-configuration.
#jwks-url = "https://login.example/realm/keys"
# Optional: audiences accepted from it beside the server's own.
#audiences = ["api://chaveiro"]
# Optional: algorithms it may use; by default every asymmetric one.
#algorithms = ["RS256", "ES256"]
# Optional: subjects (sub, else oid) that are applications; others are people, unless idtyp or the subject proves it.
#application-subjects = ["5e41ce00-0000-4000-8000-000000000001"]
# Optional: whether wids names roles of the directory; by default of Entra ID alone.
#directory-roles = false
# Optional: hours that its keys serve while it cannot be reached.
#stale-keys-hours = 24

# An issuer that speaks for several tenants: instead of tenant, the claim that tells them apart, and its values.
#[[issuer]]
#issuer = "https://login.example/several"
#tenant-claim = "organization"
#[issuer.tenants]
#contoso = "11111111-2222-4333-8444-555555555555"
"##;

/// Every key with its default, as a configuration file in which everything is commented out.
pub fn config_reference() -> String {
    let mut text = String::from(
        "# Chaveiro: configuration.\n# Rising order: this file, CHAVEIRO_* of the environment, flags of `chaveiro serve`.\n",
    );
    for key in KEYS {
        // Writing into a string does not fail.
        let _ = write!(text, "\n# {}\n# Takes {}.\n", key.about(Lang::english()), key.takes.expected());
        let _ = writeln!(text, "#{} = \"{}\"", key.name, key.default);
    }
    text.push_str(ISSUERS);
    text
}

/// Every key as a table of a document: key, variable, default, values, description.
pub fn key_table() -> String {
    let mut text = String::from(
        "# Configuration keys\n\n\
         A key is set in `chaveiro.toml`, by its variable of the environment, or by the flag `--KEY` of `chaveiro serve`; \
         the later wins.\n\
         Issuers are tables of the file: see [identity.md](../docs/identity.md).\n\n\
         | key | variable | default | takes | |\n|---|---|---|---|---|\n",
    );
    for key in KEYS {
        let default = if key.default.is_empty() { "–".to_owned() } else { format!("`{}`", key.default) };
        let (variable, takes) = (key.variable(), key.takes.expected());
        let _ =
            writeln!(text, "| `{}` | `{variable}` | {default} | {takes} | {} |", key.name, key.about(Lang::english()));
    }
    text
}

//! Paths: any spelling of a walk resolves to what its canonical form resolves to, and no path panics.

use chaveiro_graph::MODEL;
use chaveiro_graph::model::SERVICE;
use chaveiro_graph::resolve::{PathError, Walk, encode};
use proptest::prelude::*;

fn parse(path: &str) -> Result<Walk, PathError> {
    MODEL.parse(path)
}

/// How a segment is written.
#[derive(Clone, Debug)]
struct Spelling {
    upper: Vec<bool>,
    parentheses: bool,
    encoded: bool,
    namespaced: bool,
}

fn spelling() -> impl Strategy<Value = Spelling> {
    (prop::collection::vec(any::<bool>(), 8), any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(upper, parentheses, encoded, namespaced)| Spelling { upper, parentheses, encoded, namespaced })
}

fn cased(text: &str, spelling: &Spelling) -> String {
    let letters = text.chars().zip(spelling.upper.iter().cycle());
    letters.map(|(letter, upper)| if *upper { letter.to_ascii_uppercase() } else { letter }).collect()
}

/// A walk through the model: which edge at each step, which key, how it is spelt; then perhaps an action.
fn walk() -> impl Strategy<Value = (String, String)> {
    let step = (any::<prop::sample::Index>(), any::<u128>(), spelling());
    (prop::collection::vec(step, 1..6), any::<bool>(), spelling(), any::<bool>()).prop_map(|(steps, acts, last, v1)| {
        let (mut at, mut canonical, mut spelt) = (&SERVICE, String::new(), String::new());
        for (choice, key, spelling) in steps {
            let edges: Vec<_> = MODEL.edges_from(at).collect();
            if edges.is_empty() {
                break;
            }
            let edge = edges[choice.index(edges.len())];
            canonical = format!("{canonical}/{}", edge.name);
            spelt = format!("{spelt}/{}", cased(edge.name, &spelling));
            if edge.many {
                let key = uuid::Uuid::from_u128(key).to_string();
                canonical = format!("{canonical}/{key}");
                let quote = if spelling.encoded { "%27" } else { "'" };
                let written = cased(&key, &spelling);
                spelt = match spelling.parentheses {
                    true => format!("{spelt}({quote}{written}{quote})"),
                    false => format!("{spelt}/{written}"),
                };
            }
            at = edge.to;
        }
        if acts && at.acts {
            canonical.push_str("/recoverPasscode");
            let namespace = if last.namespaced { "microsoft.graph." } else { "" };
            spelt = format!("{spelt}/{namespace}{}", cased("recoverPasscode", &last));
        }
        let version = if v1 { "/v1.0" } else { "/beta" };
        (format!("{version}{spelt}"), canonical)
    })
}

proptest! {
    #[test]
    fn any_spelling_resolves_to_what_the_canonical_form_resolves_to((spelt, canonical) in walk()) {
        let one = parse(&spelt).expect("a walk");
        prop_assert_eq!(one.canonical(), canonical.clone());
        let other = parse(&format!("/beta{canonical}")).expect("a walk");
        prop_assert_eq!(other.canonical(), canonical);
        prop_assert_eq!(one.target(), other.target());
    }

    #[test]
    fn no_path_panics(path in "[/a-zA-Z0-9()'%$.@ -]{0,200}") {
        let _ = parse(&path);
        let _ = parse(&format!("/beta/{}", encode(&path)));
    }

    #[test]
    fn arbitrary_text_is_no_panic_either(path in ".{0,100}") {
        let _ = parse(&path);
    }
}

#[test]
fn a_key_that_looks_like_a_segment_of_the_grammar_stays_a_key() {
    for path in ["/beta/users('$ref')", "/beta/users('$a''b')/managedDevices", "/beta/users('')"] {
        let canonical = parse(path).expect("a walk").canonical();
        assert_eq!(parse(&format!("/beta{canonical}")).expect("a walk").canonical(), canonical, "{path}");
    }
}

#[test]
fn a_template_names_the_path_and_nothing_that_the_caller_chose() {
    for (path, template) in [
        ("/beta/users('ana@x')/managedDevices('1')/recoverPasscode", "/users/{id}/managedDevices/{id}/recoverPasscode"),
        ("/v1.0/deviceManagement/managedDevices/x/users", "/deviceManagement/managedDevices/{id}/users"),
        (
            "/beta/deviceManagement/auditEvents/getAuditActivityTypes(category='secret')",
            "/deviceManagement/auditEvents/getAuditActivityTypes",
        ),
        ("/v1.0/users/$count", "/users/$count"),
        ("/v1.0/$batch", "/$batch"),
        ("/v1.0", ""),
    ] {
        let walk = parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(walk.template(), template, "{path}");
    }
}

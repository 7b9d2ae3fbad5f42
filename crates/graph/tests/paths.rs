//! Paths: any spelling of a walk resolves to what its canonical form resolves to, and no path panics.

use chaveiro_graph::MODEL;
use chaveiro_graph::model::SERVICE;
use chaveiro_graph::resolve::{PathError, Walk, encode, without_empty_segments};
use proptest::prelude::*;

fn parse(path: &str) -> Result<Walk, PathError> {
    MODEL.parse(path)
}

/// How a segment is written.
#[derive(Clone, Debug)]
struct Spelling {
    upper: Vec<bool>,
    parentheses: bool,
    named: bool,
    encoded: bool,
    slashes: usize,
    namespaced: bool,
}

fn spelling() -> impl Strategy<Value = Spelling> {
    (prop::collection::vec(any::<bool>(), 8), prop::array::uniform4(any::<bool>()), 1..4_usize).prop_map(
        |(upper, [parentheses, named, encoded, namespaced], slashes)| Spelling {
            upper,
            parentheses,
            named,
            encoded,
            slashes,
            namespaced,
        },
    )
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
            let slashes = "/".repeat(spelling.slashes);
            spelt = format!("{spelt}{slashes}{}", cased(edge.name, &spelling));
            if edge.many {
                let key = uuid::Uuid::from_u128(key).to_string();
                canonical = format!("{canonical}/{key}");
                let quote = if spelling.encoded { "%27" } else { "'" };
                let written = cased(&key, &spelling);
                spelt = match spelling.parentheses {
                    true if spelling.named => format!("{spelt}({}={quote}{written}{quote})", cased("id", &spelling)),
                    true => format!("{spelt}({quote}{written}{quote})"),
                    false => format!("{spelt}{slashes}{written}"),
                };
            }
            at = edge.to;
        }
        if acts && at.acts {
            canonical.push_str("/recoverPasscode");
            let namespace = if last.namespaced { "microsoft.graph." } else { "" };
            spelt = format!("{spelt}/{namespace}{}", cased("recoverPasscode", &last));
        }
        spelt.push_str(&"/".repeat(last.slashes - 1));
        let version = if v1 { "/v1.0" } else { "/beta" };
        (format!("{version}{spelt}"), canonical)
    })
}

/// A segment as it may stand anywhere, right or wrong.
fn segment() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "",
        "users",
        "me",
        "deviceManagement",
        "managedDevices",
        "auditEvents",
        "applications",
        "roleScopeTags",
        "getAuditCategories",
        "getAuditActivityTypes",
        "microsoft.graph.managedDevice",
        "microsoft.graph.user",
        "deviceName",
        "hardwareInformation",
        "model",
        "displayName",
        "$value",
        "$count",
        "$ref",
        "recoverPasscode",
        "1",
        "00000000-0000-4000-8000-000000000001",
        "me-token-to-replace",
        "executeAction",
    ]);
    let key = prop::sample::select(vec![
        "",
        "",
        "",
        "()",
        "('1')",
        "('')",
        "('$ref')",
        "(id='a''b')",
        "(appId=7)",
        "(userPrincipalName='x')",
        "(@k)",
        "('getAuditCategories')",
        "('microsoft.graph.managedDevice')",
        "(category='x')",
        "(00000000-0000-4000-8000-000000000001)",
    ]);
    (name, key).prop_map(|(name, key)| format!("{name}{key}"))
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
    fn every_path_that_is_understood_has_one_spelling(segments in prop::collection::vec(segment(), 0..8)) {
        let path = format!("/beta/{}", segments.join("/"));
        let canonical = |walk: &Result<Walk, PathError>| walk.as_ref().map(Walk::canonical).map_err(Clone::clone);
        let one = parse(&path);
        prop_assert_eq!(canonical(&one), canonical(&parse(&without_empty_segments(&path))));
        if let Ok(walk) = one {
            let again = parse(&format!("/beta{}", walk.canonical()));
            prop_assert_eq!(canonical(&again), Ok(walk.canonical()), "{}", path);
        }
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

#[test]
fn a_path_is_understood_in_every_form_that_clients_write() {
    for (path, canonical) in [
        ("//beta///deviceManagement//managedDevices//", "/deviceManagement/managedDevices"),
        ("/v1.0//users//ana@x///managedDevices/", "/users/ana@x/managedDevices"),
        (
            "/beta/deviceManagement/auditEvents/getAuditCategories",
            "/deviceManagement/auditEvents/getAuditCategories%28%29",
        ),
        (
            "/beta/deviceManagement/auditEvents/getauditcategories(%20)",
            "/deviceManagement/auditEvents/getAuditCategories%28%29",
        ),
        (
            "/beta/deviceManagement/auditEvents/microsoft.graph.getAuditActivityTypes(Category='a''b')",
            "/deviceManagement/auditEvents/getAuditActivityTypes%28category%3D%27a%27%27b%27%29",
        ),
        ("/beta/users(userPrincipalName='ana@x')", "/users/ana@x"),
        ("/beta/users(id='ana@x')/displayName", "/users/ana@x/displayName"),
        ("/beta/users( id = ana@x )", "/users/ana@x"),
        ("/beta/users('a=b')", "/users/a%3Db"),
        ("/beta/applications(appId='7')", "/applications('7')"),
        ("/beta/me/DISPLAYNAME/$VALUE", "/me/displayName/$value"),
        (
            "/beta/deviceManagement/managedDevices/1/hardwareinformation/Model/$value",
            "/deviceManagement/managedDevices('1')/hardwareInformation/model/$value",
        ),
        (
            "/beta/deviceManagement/managedDevices/microsoft.graph.managedDevice/1/microsoft.graph.managedDevice/users",
            "/deviceManagement/managedDevices('1')/users",
        ),
    ] {
        let walk = parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(walk.canonical(), canonical, "{path}");
        assert_eq!(parse(&format!("/beta{canonical}")).expect(canonical).canonical(), canonical);
    }
}

#[test]
fn a_path_that_is_not_understood_is_refused_with_what_to_write() {
    let device = "/beta/deviceManagement/managedDevices/1";
    for (path, words) in [
        ("/beta/deviceManagement/managedDevices(deviceName='x')", "'deviceName' is no key of 'managedDevices'"),
        ("/beta/users(mail='x')", "Write users('...') or users(userPrincipalName='...')."),
        ("/beta/users(@k)", "'@k' is not supported in a path. Write the value itself"),
        ("/beta/deviceManagement/managedDevices(id=@k)", "'@k'"),
        ("/beta/deviceManagement/auditEvents/getAuditActivityTypes", "Write getAuditActivityTypes(category='...')."),
        ("/beta/deviceManagement/auditEvents/getAuditActivityTypes()", "Write getAuditActivityTypes(category='...')."),
        ("/beta/deviceManagement/auditEvents/getAuditActivityTypes(category=x)", "(category='...')"),
        ("/beta/deviceManagement/auditEvents/getAuditActivityTypes(kind='x')", "(category='...')"),
        ("/beta/deviceManagement/auditEvents/getAuditActivityTypes(category=@c)", "'@c'"),
        ("/beta/deviceManagement/auditEvents/getAuditCategories(x='y')", "Write getAuditCategories()."),
        ("/beta/deviceManagement/auditEvents/getAuditCategories/x", "the segment 'x'"),
        ("/beta/deviceManagement/auditEvents('1')/getAuditCategories", "the segment 'getAuditCategories'"),
        (&format!("{device}/nope"), "the segment 'nope'"),
        (&format!("{device}/deviceName/nope"), "the segment 'nope'"),
        (&format!("{device}/deviceName/$value/x"), "the segment 'x'"),
        (&format!("{device}/hardwareInformation/nope"), "the segment 'nope'"),
        (&format!("{device}/hardwareInformation/$value"), "'hardwareInformation' is a structure or a collection"),
        (&format!("{device}/roleScopeTagIds/$value"), "'roleScopeTagIds' is a structure or a collection"),
        (&format!("{device}/deviceActionResults/0"), "the segment '0'"),
        (&format!("{device}/deviceActionResults/$value"), "GET it without /$value"),
        ("/v1.0/deviceManagement/managedDevices/1/hardwareInformation", "the segment 'hardwareInformation'"),
        ("/beta/microsoft.graph.service/users", "the segment 'microsoft.graph.service'"),
        ("/beta/users/x/microsoft.graph.device", "the segment 'microsoft.graph.device'"),
    ] {
        let error = parse(path).map(|walk| walk.canonical()).expect_err(path).to_string();
        assert!(error.contains(words), "{path}: {error}");
    }
}

#[test]
fn no_property_has_the_name_of_something_else_at_the_same_place() {
    for entity in MODEL.types {
        for property in entity.properties {
            assert!(MODEL.edge(entity, property.name).is_none(), "{entity:?}.{}", property.name);
            assert!(entity.operation(property.name).is_none() && entity.action(property.name).is_none());
            assert_eq!(entity.lacks(property.name), None, "{entity:?}.{}", property.name);
        }
    }
}

//! `$metadata` of both versions against what public sources say of Graph's: names, types, numbers, navigation.

use std::collections::{BTreeMap, BTreeSet};

use chaveiro_graph::metadata;
use chaveiro_graph::resolve::Version;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// One fact a line; the first lines of the file say how they are written.
const FACTS: &str = include_str!("facts/csdl.txt");

/// What one document declares.
#[derive(Default)]
struct Declared {
    /// Type, property -> EDM type, whether it may be null.
    properties: BTreeMap<(String, String), (String, bool)>,
    /// Enum, member -> number.
    members: BTreeMap<(String, String), String>,
    /// Type, navigation -> target.
    navigations: BTreeMap<(String, String), String>,
    /// Type -> base type.
    bases: BTreeMap<String, String>,
    names: BTreeSet<String>,
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = element.try_get_attribute(name).expect("an attribute")?;
    Some(value.value.into_owned())
}

fn read(version: Version) -> Declared {
    let text = metadata(version);
    let mut reader = Reader::from_str(&text);
    let mut declared = Declared::default();
    let mut within = String::new();
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(element) | Event::Empty(element) => {
                let name = attribute(&element, "Name").unwrap_or_default();
                let of = attribute(&element, "Type").unwrap_or_default();
                let key = (within.clone(), name.clone());
                match element.name().as_ref() {
                    "EntityType" | "ComplexType" | "EnumType" => {
                        if let Some(base) = attribute(&element, "BaseType") {
                            declared.bases.insert(name.clone(), base);
                        }
                        assert!(declared.names.insert(name.clone()), "{name} is declared twice");
                        within = name;
                    }
                    "Property" => {
                        let nullable = attribute(&element, "Nullable").as_deref() != Some("false");
                        assert!(declared.properties.insert(key, (of, nullable)).is_none(), "{within}.{name} twice");
                    }
                    "Member" => {
                        declared.members.insert(key, attribute(&element, "Value").expect("a value"));
                    }
                    "NavigationProperty" => {
                        declared.navigations.insert(key, of.replace("microsoft.graph.", ""));
                    }
                    _ => {}
                }
            }
            Event::Eof => return declared,
            _ => {}
        }
    }
}

fn facts(kind: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    FACTS.lines().map(|line| line.split(' ').collect::<Vec<_>>()).filter(move |words| words[0] == kind)
}

fn in_version(word: &str, version: Version) -> bool {
    version == Version::Beta || word == "v1"
}

fn key(of: &str, name: &str) -> (String, String) {
    (of.to_owned(), name.to_owned())
}

#[test]
fn entities_are_declared_as_graph_declares_them_and_with_nothing_more() {
    for &version in Version::ALL {
        let declared = read(version);
        let mut known = BTreeSet::new();
        for fact in facts("property").filter(|fact| in_version(fact[5], version)) {
            known.insert((fact[1], fact[2]));
            if fact[2] == "id" {
                continue;
            }
            let (of, nullable) = declared.properties.get(&key(fact[1], fact[2])).unwrap_or_else(|| panic!("{fact:?}"));
            assert_eq!(of, fact[3], "{fact:?}");
            assert_eq!(*nullable, fact[4] == "null", "{fact:?}");
        }
        let types: BTreeSet<_> = facts("property").map(|fact| fact[1]).collect();
        let ours = declared.properties.keys().filter(|(of, _)| types.contains(of.as_str()));
        let unknown: Vec<_> = ours.filter(|(of, name)| !known.contains(&(of.as_str(), name.as_str()))).collect();
        assert!(unknown.is_empty(), "{version:?}: {unknown:?}");
    }
}

#[test]
fn enums_have_the_numbers_of_graph() {
    let declared = read(Version::Beta);
    for fact in facts("member").filter(|fact| declared.names.contains(fact[1])) {
        assert_eq!(declared.members.get(&key(fact[1], fact[2])).map(String::as_str), Some(fact[3]), "{fact:?}");
    }
    for of in facts("member").map(|fact| fact[1]).collect::<BTreeSet<_>>() {
        let known: BTreeSet<_> = facts("member").filter(|fact| fact[1] == of).map(|fact| fact[2]).collect();
        for (_, name) in declared.members.keys().filter(|(within, _)| within == of) {
            assert!(known.contains(name.as_str()) || name == "unknownFutureValue", "{of}.{name}");
        }
    }
}

#[test]
fn complex_types_have_the_properties_of_graph() {
    let declared = read(Version::Beta);
    for fact in facts("field") {
        assert!(declared.properties.contains_key(&key(fact[1], fact[2])), "{fact:?}");
    }
    for of in facts("field").map(|fact| fact[1]).collect::<BTreeSet<_>>() {
        let known: BTreeSet<_> = facts("field").filter(|fact| fact[1] == of).map(|fact| fact[2]).collect();
        for (_, name) in declared.properties.keys().filter(|(within, _)| within == of) {
            assert!(known.contains(name.as_str()), "{of}.{name}");
        }
    }
    assert_eq!(declared.bases["resetPasscodeActionResult"], "microsoft.graph.deviceActionResult");
    let first = read(Version::V1);
    for fact in facts("field").filter(|fact| fact.get(3) == Some(&"beta")) {
        assert!(!first.properties.contains_key(&key(fact[1], fact[2])), "{fact:?}");
    }
}

#[test]
fn derived_types_have_the_bases_of_graph() {
    for &version in Version::ALL {
        let declared = read(version);
        for fact in facts("derived") {
            let base = declared.bases.get(fact[1]).map(String::as_str);
            let expected = in_version(fact[3], version).then(|| format!("microsoft.graph.{}", fact[2]));
            assert_eq!(base, expected.as_deref(), "{version:?} {fact:?}");
        }
    }
}

#[test]
fn navigation_leads_where_graph_leads() {
    for &version in Version::ALL {
        let declared = read(version);
        for fact in facts("navigation").filter(|fact| in_version(fact[4], version)) {
            assert_eq!(declared.navigations.get(&key(fact[1], fact[2])).map(String::as_str), Some(fact[3]), "{fact:?}");
        }
        if version == Version::V1 {
            for fact in facts("navigation").filter(|fact| fact[4] == "beta") {
                assert!(!declared.navigations.contains_key(&key(fact[1], fact[2])), "{fact:?}");
            }
        }
    }
}

#[test]
fn every_type_that_is_referred_to_is_declared_and_nothing_of_ours_is() {
    for &version in Version::ALL {
        let declared = read(version);
        let properties = declared.properties.values().map(|(of, _)| of);
        for of in properties.chain(declared.navigations.values()).chain(declared.bases.values()) {
            let name =
                of.trim_start_matches("Collection(").trim_end_matches(')').trim_start_matches("microsoft.graph.");
            assert!(name.starts_with("Edm.") || declared.names.contains(name), "{version:?}: {of}");
        }
        assert!(declared.names.iter().all(|name| !name.starts_with("chaveiro")));
        assert!(declared.properties.keys().all(|(_, name)| !name.starts_with("chaveiro")));
    }
}

#[test]
fn every_operation_of_the_openapi_document_has_a_summary_of_its_own_path_and_there_is_a_server() {
    let document: serde_json::Value = serde_json::from_str(&chaveiro_graph::openapi_json()).expect("JSON");
    assert_eq!(document["servers"][0]["url"], "https://{host}");
    assert!(document["servers"][0]["variables"]["host"]["default"].is_string());
    let mut count = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let mut summaries = std::collections::BTreeSet::new();
        for (method, operation) in operations.as_object().expect("operations") {
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(summary.contains(' '), "{method} {path}: {summary:?}");
            assert!(summaries.insert(summary), "{method} {path}: {summary} twice");
            count += 1;
        }
    }
    assert!(count > 300, "{count}");
}

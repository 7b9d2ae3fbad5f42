//! `$metadata`: the model as CSDL (OASIS OData CSDL 4.0), printed from the tables.

use std::collections::BTreeSet;
use std::fmt::Write;

use chaveiro_core::action::ACTIONS;

use crate::model::{Default, ENUMS, EXTENSIONS, Edge, Edm, EntityType, MODEL, Property, Target};
use crate::query::is_served;
use crate::resolve::Version;

const NAMESPACE: &str = "microsoft.graph";

/// The metadata of a version.
pub fn metadata(version: Version) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    xml.push_str("<edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\">\n");
    xml.push_str("  <edmx:DataServices>\n");
    // Writing into a string does not fail.
    let _ = writeln!(xml, "    <Schema Namespace=\"{NAMESPACE}\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">");
    let types: Vec<_> = MODEL.types.iter().filter(|entity| in_version(entity.beta_only, version)).collect();
    let mut names = Used::default();
    for entity in &types {
        entity_type(&mut xml, entity, version, &mut names);
    }
    enums(&mut xml, version, &names);
    complex_types(&mut xml, &names);
    actions(&mut xml);
    container(&mut xml, version);
    xml.push_str("    </Schema>\n  </edmx:DataServices>\n</edmx:Edmx>\n");
    xml
}

/// Enums and complex types that served properties use.
#[derive(std::default::Default)]
struct Used {
    enums: BTreeSet<&'static str>,
    complex: BTreeSet<&'static str>,
}

fn in_version(beta_only: bool, version: Version) -> bool {
    version == Version::Beta || !beta_only
}

fn entity_type(xml: &mut String, entity: &'static EntityType, version: Version, used: &mut Used) {
    let _ = writeln!(xml, "      <EntityType Name=\"{}\">", entity.name);
    xml.push_str("        <Key><PropertyRef Name=\"id\"/></Key>\n");
    let served = |property: &&Property| is_served(property, entity, version) && !property.is_extension();
    for property in entity.properties.iter().filter(served) {
        let nullable = if property.nullable { "" } else { " Nullable=\"false\"" };
        let name = type_name(property.edm, used);
        let _ = writeln!(xml, "        <Property Name=\"{}\" Type=\"{name}\"{nullable}/>", property.name);
    }
    for edge in MODEL.edges_from(entity.target).filter(|edge| in_version(edge.beta_only, version)) {
        navigation(xml, edge);
    }
    xml.push_str("      </EntityType>\n");
}

fn navigation(xml: &mut String, edge: &Edge) {
    let Some(to) = MODEL.entity_type(edge.to) else { return };
    let name =
        if edge.many { format!("Collection({NAMESPACE}.{})", to.name) } else { format!("{NAMESPACE}.{}", to.name) };
    let contained = if edge.contained { " ContainsTarget=\"true\"" } else { "" };
    let _ = writeln!(xml, "        <NavigationProperty Name=\"{}\" Type=\"{name}\"{contained}/>", edge.name);
}

fn type_name(edm: Edm, used: &mut Used) -> String {
    match edm {
        Edm::String => "Edm.String".to_owned(),
        Edm::Boolean => "Edm.Boolean".to_owned(),
        Edm::Int32 => "Edm.Int32".to_owned(),
        Edm::Int64 => "Edm.Int64".to_owned(),
        Edm::DateTime => "Edm.DateTimeOffset".to_owned(),
        Edm::Binary => "Edm.Binary".to_owned(),
        Edm::Enum(of) => {
            used.enums.insert(of.name);
            format!("{NAMESPACE}.{}", of.name)
        }
        Edm::Complex(name) => {
            used.complex.insert(name);
            format!("{NAMESPACE}.{name}")
        }
        Edm::Collection(item) => format!("Collection({})", type_name(*item, used)),
    }
}

fn enums(xml: &mut String, version: Version, used: &Used) {
    let served = |name: &str| used.enums.contains(name) || name == "actionState";
    for of in ENUMS.iter().filter(|of| served(of.name) && in_version(of.beta_only, version)) {
        let _ = writeln!(xml, "      <EnumType Name=\"{}\">", of.name);
        for (name, value) in of.members {
            let _ = writeln!(xml, "        <Member Name=\"{name}\" Value=\"{value}\"/>");
        }
        xml.push_str("      </EnumType>\n");
    }
}

/// `deviceActionResult` and its kind with a passcode are spelt out; other complex types are open.
fn complex_types(xml: &mut String, used: &Used) {
    for name in &used.complex {
        if *name != "deviceActionResult" {
            let _ = writeln!(xml, "      <ComplexType Name=\"{name}\" OpenType=\"true\"/>");
        }
    }
    xml.push_str("      <ComplexType Name=\"deviceActionResult\">\n");
    for (name, of, nullable) in [
        ("actionName", "Edm.String", true),
        ("actionState", "microsoft.graph.actionState", false),
        ("startDateTime", "Edm.DateTimeOffset", false),
        ("lastUpdatedDateTime", "Edm.DateTimeOffset", false),
    ] {
        let nullable = if nullable { "" } else { " Nullable=\"false\"" };
        let _ = writeln!(xml, "        <Property Name=\"{name}\" Type=\"{of}\"{nullable}/>");
    }
    xml.push_str("      </ComplexType>\n");
    xml.push_str("      <ComplexType Name=\"resetPasscodeActionResult\" BaseType=\"microsoft.graph.deviceActionResult\" OpenType=\"true\">\n");
    xml.push_str("        <Property Name=\"passcode\" Type=\"Edm.String\"/>\n");
    xml.push_str("        <Property Name=\"errorCode\" Type=\"Edm.Int32\" Nullable=\"false\"/>\n");
    for (name, meaning) in EXTENSIONS {
        let _ = writeln!(xml, "        <!-- {name}: {meaning} -->");
    }
    xml.push_str("      </ComplexType>\n");
}

fn actions(xml: &mut String) {
    for action in ACTIONS {
        let _ = writeln!(xml, "      <Action Name=\"{}\" IsBound=\"true\">", action.name);
        xml.push_str("        <Parameter Name=\"bindingParameter\" Type=\"microsoft.graph.managedDevice\" Nullable=\"false\"/>\n");
        xml.push_str("      </Action>\n");
    }
}

fn container(xml: &mut String, version: Version) {
    xml.push_str("      <EntityContainer Name=\"GraphService\">\n");
    for edge in MODEL.edges_from(Target::Service).filter(|edge| in_version(edge.beta_only, version)) {
        let Some(to) = MODEL.entity_type(edge.to) else { continue };
        let _ = match edge.many {
            true => writeln!(xml, "        <EntitySet Name=\"{}\" EntityType=\"{NAMESPACE}.{}\"/>", edge.name, to.name),
            false => writeln!(xml, "        <Singleton Name=\"{}\" Type=\"{NAMESPACE}.{}\"/>", edge.name, to.name),
        };
    }
    xml.push_str("      </EntityContainer>\n");
}

/// Whether a default is part of the contract; the documents print it.
pub(crate) fn default_of(property: &Property) -> Option<&'static str> {
    match property.default {
        Default::Text(text) => Some(text),
        Default::Never => Some("0001-01-01T00:00:00Z"),
        Default::Null | Default::False | Default::Zero | Default::Empty | Default::DefaultScope => None,
    }
}

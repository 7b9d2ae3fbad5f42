//! `$metadata`: the model as CSDL (OASIS OData CSDL 4.0), printed from the tables.

use std::collections::BTreeSet;
use std::fmt::Write;

use chaveiro_core::actions::ACTIONS;

use crate::model::{
    ComplexType, DERIVED, Default, ENUMS, EXTENSIONS, Edge, Edm, EntityType, Model, Operation, Property, SERVICE,
    Service, is_result,
};
use crate::resolve::Version;

const NAMESPACE: &str = "microsoft.graph";

/// The metadata of a version.
pub fn metadata(model: &'static Model, version: Version) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    xml.push_str("<edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\">\n");
    xml.push_str("  <edmx:DataServices>\n");
    // Writing into a string does not fail.
    let _ = writeln!(xml, "    <Schema Namespace=\"{NAMESPACE}\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">");
    let of_graph = |entity: &&'static EntityType| in_version(entity.beta_only, version) && !entity.is_extension();
    let types: Vec<_> = model.types.iter().copied().filter(of_graph).collect();
    xml.push_str(
        "      <EntityType Name=\"entity\" Abstract=\"true\">\n        <Key><PropertyRef Name=\"id\"/></Key>\n",
    );
    xml.push_str("        <Property Name=\"id\" Type=\"Edm.String\" Nullable=\"false\"/>\n      </EntityType>\n");
    let _ = writeln!(xml, "      <EntityType Name=\"directoryObject\" BaseType=\"{NAMESPACE}.entity\"/>");
    let mut names = Used::default();
    for entity in types {
        entity_type(&mut xml, model, entity, version, &mut names);
        for (name, _) in entity.derived.iter().filter(|(_, beta)| in_version(*beta, version)) {
            let _ = writeln!(xml, "      <EntityType Name=\"{name}\" BaseType=\"{NAMESPACE}.{}\"/>", entity.name);
        }
    }
    complex_types(&mut xml, version, &mut names);
    enums(&mut xml, &names);
    actions(&mut xml);
    operations(&mut xml, model, version, &mut names);
    functions(&mut xml, model);
    container(&mut xml, model, version);
    xml.push_str("    </Schema>\n  </edmx:DataServices>\n</edmx:Edmx>\n");
    xml
}

/// Enums and complex types that served properties use.
#[derive(std::default::Default)]
struct Used {
    enums: BTreeSet<&'static str>,
    complex: Vec<&'static ComplexType>,
}

fn in_version(beta_only: bool, version: Version) -> bool {
    version == Version::Beta || !beta_only
}

fn entity_type(
    xml: &mut String,
    model: &'static Model,
    entity: &'static EntityType,
    version: Version,
    used: &mut Used,
) {
    let base = match entity.service {
        Service::Directory => "directoryObject",
        Service::Intune => "entity",
    };
    let _ = writeln!(xml, "      <EntityType Name=\"{}\" BaseType=\"{NAMESPACE}.{base}\">", entity.name);
    // Of an enum without values only the property is known, not its type: it is left out.
    let declared = |property: &&Property| {
        let unnamed = matches!(property.edm, Edm::Enum(of) if of.name.is_empty());
        version.serves(property, entity) && !property.is_extension() && !unnamed && property.name != "id"
    };
    for property in entity.properties.iter().filter(declared) {
        write_property(xml, property, version, used);
    }
    for edge in model.edges_from(entity).filter(|edge| in_version(edge.beta_only, version)) {
        navigation(xml, edge);
    }
    xml.push_str("      </EntityType>\n");
}

fn navigation(xml: &mut String, edge: &Edge) {
    let to = edge.to.name;
    if edge.to.is_extension() {
        return;
    }
    let name = if edge.many { format!("Collection({NAMESPACE}.{to})") } else { format!("{NAMESPACE}.{to}") };
    let contained = if edge.contained { " ContainsTarget=\"true\"" } else { "" };
    let _ = writeln!(xml, "        <NavigationProperty Name=\"{}\" Type=\"{name}\"{contained}/>", edge.name);
}

fn type_name(edm: Edm, version: Version, used: &mut Used) -> String {
    match edm {
        Edm::String => "Edm.String".to_owned(),
        Edm::Boolean => "Edm.Boolean".to_owned(),
        Edm::Int32 => "Edm.Int32".to_owned(),
        Edm::Int64 => "Edm.Int64".to_owned(),
        Edm::Double => "Edm.Double".to_owned(),
        Edm::DateTime => "Edm.DateTimeOffset".to_owned(),
        Edm::Guid => "Edm.Guid".to_owned(),
        Edm::Duration => "Edm.Duration".to_owned(),
        Edm::Binary => "Edm.Binary".to_owned(),
        Edm::Enum(of) => {
            used.enums.insert(of.name);
            format!("{NAMESPACE}.{}", of.name)
        }
        Edm::Complex(of) => {
            used.add(of, version);
            format!("{NAMESPACE}.{}", of.name)
        }
        Edm::Collection(item) => format!("Collection({})", type_name(*item, version, used)),
    }
}

impl Used {
    /// A complex type, what it derives from, what its properties need, and what derives from it.
    fn add(&mut self, of: &'static ComplexType, version: Version) {
        if self.complex.iter().any(|known| known.name == of.name) {
            return;
        }
        if let Some(base) = of.base {
            self.add(base, version);
        }
        self.complex.push(of);
        for property in served(of.properties, version) {
            type_name(property.edm, version, self);
        }
        for derived in DERIVED.iter().filter(|derived| derived.base.is_some_and(|base| base.name == of.name)) {
            if in_version(derived.beta_only, version) {
                self.add(derived, version);
            }
        }
    }
}

fn served(properties: &'static [Property], version: Version) -> impl Iterator<Item = &'static Property> {
    properties.iter().filter(move |property| in_version(property.beta_only, version) && !property.is_extension())
}

/// Enums that something refers to. One whose members have no published values could not be declared truthfully.
fn enums(xml: &mut String, used: &Used) {
    for of in ENUMS.iter().filter(|of| used.enums.contains(of.name)) {
        let _ = writeln!(xml, "      <EnumType Name=\"{}\">", of.name);
        for (name, value) in of.members {
            let _ = writeln!(xml, "        <Member Name=\"{name}\" Value=\"{value}\"/>");
        }
        xml.push_str("      </EnumType>\n");
    }
}

fn complex_types(xml: &mut String, version: Version, used: &mut Used) {
    for of in used.complex.clone() {
        let base = of.base.map(|base| format!(" BaseType=\"{NAMESPACE}.{}\"", base.name)).unwrap_or_default();
        let _ = writeln!(xml, "      <ComplexType Name=\"{}\"{base}>", of.name);
        for property in served(of.properties, version) {
            write_property(xml, property, version, used);
        }
        if is_result(of) {
            for (name, meaning) in EXTENSIONS {
                let _ = writeln!(xml, "        <!-- {name}: {meaning} -->");
            }
        }
        xml.push_str("      </ComplexType>\n");
    }
}

fn write_property(xml: &mut String, property: &Property, version: Version, used: &mut Used) {
    // Of a collection, CSDL means the items, and says nothing of null lists.
    let nullable =
        if property.nullable || matches!(property.edm, Edm::Collection(_)) { "" } else { " Nullable=\"false\"" };
    let name = type_name(property.edm, version, used);
    let _ = writeln!(xml, "        <Property Name=\"{}\" Type=\"{name}\"{nullable}/>", property.name);
}

fn actions(xml: &mut String) {
    for action in ACTIONS {
        let _ = writeln!(xml, "      <Action Name=\"{}\" IsBound=\"true\">", action.name);
        xml.push_str("        <Parameter Name=\"bindingParameter\" Type=\"microsoft.graph.managedDevice\" Nullable=\"false\"/>\n");
        xml.push_str("      </Action>\n");
    }
}

/// Operations of Graph's types, by their names.
fn operations(xml: &mut String, model: &Model, version: Version, used: &mut Used) {
    let of_graph = model.types.iter().filter(|on| !on.is_extension());
    let mut operations: Vec<(&EntityType, &Operation)> =
        of_graph.flat_map(|on| on.operations.iter().map(|operation| (*on, operation))).collect();
    operations.sort_by_key(|(_, operation)| operation.name);
    for (on, operation) in operations {
        let _ = writeln!(xml, "      <Action Name=\"{}\" IsBound=\"true\">", operation.name);
        let on = format!("{NAMESPACE}.{}", on.name);
        let _ = writeln!(xml, "        <Parameter Name=\"bindingParameter\" Type=\"{on}\" Nullable=\"false\"/>");
        for parameter in operation.parameters.iter().filter(|parameter| !parameter.is_extension()) {
            let nullable = if parameter.required { " Nullable=\"false\"" } else { "" };
            let of = type_name(parameter.edm, version, used);
            let _ = writeln!(xml, "        <Parameter Name=\"{}\" Type=\"{of}\"{nullable}/>", parameter.name);
        }
        if let Some(answer) = operation.answers {
            let of = type_name(answer, version, used);
            let _ = writeln!(xml, "        <ReturnType Type=\"{of}\"/>");
        }
        xml.push_str("      </Action>\n");
    }
}

/// Functions of collections.
fn functions(xml: &mut String, model: &Model) {
    for (on, function) in model.types.iter().flat_map(|on| on.functions.iter().map(move |function| (on, function))) {
        let _ = writeln!(xml, "      <Function Name=\"{}\" IsBound=\"true\">", function.name);
        let on = format!("Collection({NAMESPACE}.{})", on.name);
        let _ = writeln!(xml, "        <Parameter Name=\"bindingParameter\" Type=\"{on}\" Nullable=\"false\"/>");
        if let Some(parameter) = &function.parameter {
            let _ = writeln!(xml, "        <Parameter Name=\"{}\" Type=\"Edm.String\"/>", parameter.name);
        }
        xml.push_str("        <ReturnType Type=\"Collection(Edm.String)\"/>\n      </Function>\n");
    }
}

fn container(xml: &mut String, model: &Model, version: Version) {
    xml.push_str("      <EntityContainer Name=\"GraphService\">\n");
    for edge in model.edges_from(&SERVICE).filter(|edge| in_version(edge.beta_only, version)) {
        let to = edge.to;
        let _ = match edge.many {
            true => writeln!(xml, "        <EntitySet Name=\"{}\" EntityType=\"{NAMESPACE}.{}\"/>", edge.name, to.name),
            false => writeln!(xml, "        <Singleton Name=\"{}\" Type=\"{NAMESPACE}.{}\"/>", edge.name, to.name),
        };
    }
    xml.push_str("      </EntityContainer>\n");
}

/// The default of a property that is part of the contract; the documents print it.
pub(crate) fn default_of(property: &Property) -> Option<&'static str> {
    match property.default {
        Default::Text(text) => Some(text),
        Default::Never => Some("0001-01-01T00:00:00Z"),
        Default::Null | Default::False | Default::Zero | Default::Empty | Default::DefaultScope => None,
    }
}

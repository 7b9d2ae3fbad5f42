//! The device description file of our nodes (OMA-TS-DM_DDF 1.2), printed from the table.

use std::fmt::Write;

use crate::{Access, Node, OS_VERSION, nodes};

/// The address above all our nodes.
const ROOT: &str = "./Vendor/Chaveiro/";

/// The DDF document of `./Vendor/Chaveiro`.
pub fn ddf() -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE MgmtTree PUBLIC \" -//OMA//DTD-DM-DDF 1.2//EN\" \"http://www.openmobilealliance.org/tech/DTD/DM_DDF-V1_2.dtd\">\n\
         <MgmtTree>\n  <VerDTD>1.2</VerDTD>\n",
    );
    interior(&mut xml, 1, "Chaveiro", Some("./Vendor"), "The agent of Chaveiro: what the machine is, and recoveries.");
    let ours = nodes().filter(|node| node.uri != OS_VERSION);
    let mut open = None;
    for node in ours {
        let path = node.uri.strip_prefix(ROOT).unwrap_or(node.uri);
        let Some((group, name)) = path.split_once('/') else {
            leaf(&mut xml, "    ", path, node);
            continue;
        };
        if open != Some(group) {
            if open.is_some() {
                close(&mut xml, 2);
            }
            interior(&mut xml, 2, group, None, about(group));
            open = Some(group);
        }
        leaf(&mut xml, "      ", name, node);
    }
    if open.is_some() {
        close(&mut xml, 2);
    }
    close(&mut xml, 1);
    xml.push_str("</MgmtTree>\n");
    xml
}

fn about(group: &str) -> &'static str {
    match group {
        "Inventory" => "What the machine is.",
        _ => "Recovering login password and encrypted volumes.",
    }
}

fn interior(xml: &mut String, depth: usize, name: &str, path: Option<&str>, about: &str) {
    let pad = "  ".repeat(depth);
    // Writing into a string does not fail.
    let _ = writeln!(xml, "{pad}<Node>\n{pad}  <NodeName>{name}</NodeName>");
    if let Some(path) = path {
        let _ = writeln!(xml, "{pad}  <Path>{path}</Path>");
    }
    let _ = writeln!(
        xml,
        "{pad}  <DFProperties>\n{pad}    <AccessType><Get/></AccessType>\n{pad}    <Description>{about}</Description>\n\
         {pad}    <DFFormat><node/></DFFormat>\n{pad}    <Occurrence><One/></Occurrence>\n\
         {pad}    <Scope><Permanent/></Scope>\n{pad}    <DFType><DDFName/></DFType>\n{pad}  </DFProperties>"
    );
}

fn leaf(xml: &mut String, pad: &str, name: &str, node: &Node) {
    let access = match node.access {
        Access::Get => "Get",
        Access::Exec => "Exec",
    };
    let Node { format, about, .. } = node;
    let _ = writeln!(
        xml,
        "{pad}<Node>\n{pad}  <NodeName>{name}</NodeName>\n{pad}  <DFProperties>\n\
         {pad}    <AccessType><{access}/></AccessType>\n{pad}    <Description>{about}</Description>\n\
         {pad}    <DFFormat><{format}/></DFFormat>\n{pad}    <Occurrence><One/></Occurrence>\n\
         {pad}    <Scope><Permanent/></Scope>\n{pad}    <DFType><MIME>text/plain</MIME></DFType>\n\
         {pad}  </DFProperties>\n{pad}</Node>"
    );
}

fn close(xml: &mut String, depth: usize) {
    let _ = writeln!(xml, "{}</Node>", "  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ddf_holds_every_node_of_ours_once() {
        let xml = ddf();
        assert_eq!(xml.matches("<Node>").count(), xml.matches("</Node>").count());
        assert_eq!(xml.matches("<Node>").count(), 3 + nodes().count() - 1);
        for node in nodes().filter(|node| node.uri != OS_VERSION) {
            let name = node.uri.rsplit('/').next().unwrap_or_default();
            assert_eq!(xml.matches(&format!("<NodeName>{name}</NodeName>")).count(), 1, "{name}");
            assert!(!node.about.contains(['<', '&']), "{name}");
        }
    }
}

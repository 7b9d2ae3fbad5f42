//! The configuration service provider of Chaveiro on Linux: its nodes as one table, the documents that travel in
//! them, and the DDF file that is printed from the table. Server and agent share this and `omadm`, nothing more.

mod ddf;
mod document;

pub use ddf::ddf;
pub use document::{Apply, DocumentError, Finish, MAX_DOCUMENT_BYTES, Prepare, Standing, decode, encode};

/// What can be done with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is read.
    Get,
    /// It is run, with a document as its data.
    Exec,
}

/// One node.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Its address.
    pub uri: &'static str,
    /// What can be done with it.
    pub access: Access,
    /// The format of its value (`Meta/Format`).
    pub format: &'static str,
    /// What it is, for the DDF.
    pub about: &'static str,
}

/// `VERSION_ID` of os-release(5). A standard node; the others are ours.
pub const OS_VERSION: &str = "./DevDetail/SwV";
/// Host name.
pub const DEVICE_NAME: &str = "./Vendor/Chaveiro/Inventory/DeviceName";
/// DMI product serial.
pub const SERIAL_NUMBER: &str = "./Vendor/Chaveiro/Inventory/SerialNumber";
/// Mebibytes of the root file system.
pub const TOTAL_STORAGE: &str = "./Vendor/Chaveiro/Inventory/TotalStorage";
/// Mebibytes free in it.
pub const FREE_STORAGE: &str = "./Vendor/Chaveiro/Inventory/FreeStorage";
/// Mebibytes of memory.
pub const TOTAL_RAM: &str = "./Vendor/Chaveiro/Inventory/TotalRam";
/// Whether the root file system is on an encrypted volume.
pub const IS_ENCRYPTED: &str = "./Vendor/Chaveiro/Inventory/IsEncrypted";
/// Installed packages.
pub const PACKAGES: &str = "./Vendor/Chaveiro/Inventory/Packages";
/// This description.
pub const DESCRIPTION: &str = "./Vendor/Chaveiro/Description";
/// Makes a candidate.
pub const PREPARE: &str = "./Vendor/Chaveiro/Recovery/Prepare";
/// The sealed candidate.
pub const CANDIDATE: &str = "./Vendor/Chaveiro/Recovery/Candidate";
/// Makes the candidate work.
pub const APPLY: &str = "./Vendor/Chaveiro/Recovery/Apply";
/// How the last recovery went.
pub const REPORT: &str = "./Vendor/Chaveiro/Recovery/Report";
/// Drops the old secret.
pub const RETIRE: &str = "./Vendor/Chaveiro/Recovery/Retire";
/// Goes back to the old secret.
pub const UNDO: &str = "./Vendor/Chaveiro/Recovery/Undo";

/// `Meta/Type` of the generic alert (1226) with which a device begins each session: a [`Standing`].
pub const STANDING_ALERT: &str = "org.chaveiro:standing";

const fn node(uri: &'static str, access: Access, format: &'static str, about: &'static str) -> Node {
    Node { uri, access, format, about }
}

/// Every node, in the order of the tree.
pub const NODES: &[Node] = &[
    node(OS_VERSION, Access::Get, "chr", "The version of the distribution: VERSION_ID of os-release(5)."),
    node(DESCRIPTION, Access::Get, "chr", "This description, as the agent has it."),
    node(DEVICE_NAME, Access::Get, "chr", "The host name."),
    node(SERIAL_NUMBER, Access::Get, "chr", "The serial number of the product, from DMI."),
    node(TOTAL_STORAGE, Access::Get, "int", "Mebibytes of the root file system."),
    node(FREE_STORAGE, Access::Get, "int", "Mebibytes free in the root file system."),
    node(TOTAL_RAM, Access::Get, "int", "Mebibytes of memory."),
    node(IS_ENCRYPTED, Access::Get, "bool", "Whether the root file system is on an encrypted volume."),
    node(PACKAGES, Access::Get, "chr", "Installed packages: a line each, name and version with a tab between."),
    node(
        PREPARE,
        Access::Exec,
        "chr",
        "Makes a candidate passcode and seals it to the recipients in the document. Changes nothing. 406: nothing here can be recovered, Report says why.",
    ),
    node(CANDIDATE, Access::Get, "chr", "The envelope with the sealed candidate."),
    node(
        APPLY,
        Access::Exec,
        "chr",
        "Makes the locks open with the candidate whose envelope has the SHA-256 in the document, proves it, keeps the way back. 409: no such candidate, nothing changed. 500: it failed and was undone, Report says why.",
    ),
    node(REPORT, Access::Get, "chr", "What the last candidate opens, what it does not, and why."),
    node(RETIRE, Access::Exec, "chr", "The candidate was promoted: drops the old secret."),
    node(UNDO, Access::Exec, "chr", "The candidate will not be promoted: goes back to the old secret."),
];

/// The node of that address.
pub fn find(uri: &str) -> Option<&'static Node> {
    NODES.iter().find(|node| node.uri == uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_stands_once_in_the_table() {
        for (index, node) in NODES.iter().enumerate() {
            assert!(NODES[..index].iter().all(|other| other.uri != node.uri), "{}", node.uri);
            assert!(node.uri == OS_VERSION || node.uri.starts_with("./Vendor/Chaveiro/"));
            assert!(find(node.uri).is_some());
        }
        assert!(find("./Vendor/Chaveiro").is_none());
    }
}

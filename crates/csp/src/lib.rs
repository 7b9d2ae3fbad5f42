//! The configuration service provider of Chaveiro on Linux. It has the nodes as one table, the documents that travel in
//! them, and the DDF file that is printed from the table. Server and agent share only this crate and `omadm`.
//!
//! The inventory is a table of its own, with the nodes of Windows beside ours.

mod ddf;
mod document;
mod inventory;
mod node;

pub use ddf::ddf;
pub use document::{Apply, DocumentError, Finish, MAX_DOCUMENT_BYTES, Prepare, Standing, decode, encode};
pub use inventory::{INVENTORY, InventoryNode, Reading, inventory_table};
use node::node;
pub use node::{Access, Node, OS_VERSION};

/// Installed packages.
pub const PACKAGES: &str = "./Vendor/Chaveiro/Inventory/Packages";
/// The DDF of these nodes.
pub const DESCRIPTION: &str = "./Vendor/Chaveiro/Description";
/// Makes a candidate.
pub const PREPARE: &str = "./Vendor/Chaveiro/Recovery/Prepare";
/// The sealed candidate.
pub const CANDIDATE: &str = "./Vendor/Chaveiro/Recovery/Candidate";
/// Makes the candidate work.
pub const APPLY: &str = "./Vendor/Chaveiro/Recovery/Apply";
/// The result of the last recovery.
pub const REPORT: &str = "./Vendor/Chaveiro/Recovery/Report";
/// Drops the old secret.
pub const RETIRE: &str = "./Vendor/Chaveiro/Recovery/Retire";
/// Goes back to the old secret.
pub const UNDO: &str = "./Vendor/Chaveiro/Recovery/Undo";

/// `Meta/Type` of the generic alert (1226) with which a device begins each session: a [`Standing`].
pub const STANDING_ALERT: &str = "org.chaveiro:standing";

/// The header of an answer to a device that has waited, in seconds. If the next wait breaks, the device comes back at a
/// moment of chance within that time, because the whole fleet may have to.
pub const RETURN_WITHIN: &str = "chaveiro-return-within";

/// Every node of ours that is no inventory value, in the order of the tree.
const NODES: &[Node] = &[
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

const ABOUT: Node = node(DESCRIPTION, Access::Get, "chr", "This description, as the agent has it.");

/// Every node, in the order of the tree.
pub fn nodes() -> impl Iterator<Item = &'static Node> {
    [&ABOUT].into_iter().chain(INVENTORY.iter().map(|value| &value.linux)).chain(NODES)
}

/// The node of that address.
pub fn find(uri: &str) -> Option<&'static Node> {
    nodes().find(|node| node.uri == uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_stands_once_in_the_table() {
        for node in nodes() {
            assert_eq!(nodes().filter(|other| other.uri == node.uri).count(), 1, "{}", node.uri);
            assert!(node.uri == OS_VERSION || node.uri.starts_with("./Vendor/Chaveiro/"));
            assert!(find(node.uri).is_some());
        }
        assert!(find("./Vendor/Chaveiro").is_none());
    }
}

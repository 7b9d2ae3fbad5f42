//! A node of the management tree.

/// The use of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The server reads the node.
    Get,
    /// The server runs the node, with a document as its data.
    Exec,
}

/// One node.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// The address.
    pub uri: &'static str,
    /// The use of it.
    pub access: Access,
    /// The format of its value (`Meta/Format`).
    pub format: &'static str,
    /// The description, for the DDF.
    pub about: &'static str,
}

/// The version of the operating system: the same node on both platforms, and no node of ours.
pub const OS_VERSION: &str = "./DevDetail/SwV";
/// A node of that address.
pub(crate) const fn node(uri: &'static str, access: Access, format: &'static str, about: &'static str) -> Node {
    Node { uri, access, format, about }
}

//! The nodes of this machine: the values that the server reads, and the operations that it runs. The table is the `csp`
//! crate's.

use chaveiro_csp::{self as csp, Access, DocumentError};
use omadm::Secret;
use omadm::session::device::Tree;
use omadm::syncml::Verb;

use crate::inventory::Inventory;
use crate::recovery::{BAD_FORMAT, Recovery};

/// SyncML status: no such node.
const NOT_FOUND: u16 = 404;
/// SyncML status: this node does not allow that access.
const NOT_ALLOWED: u16 = 405;

/// The nodes during one session.
pub(crate) struct Nodes<'a> {
    pub(crate) inventory: &'a Inventory,
    /// The installed packages, a line each.
    pub(crate) packages: &'a str,
    pub(crate) recovery: &'a mut Recovery,
    /// The day, counted from 1970.
    pub(crate) today: i64,
    /// Commands that were run.
    pub(crate) commands: usize,
}

impl Nodes<'_> {
    /// The value of a node that can be read; `None` for a node without a value.
    fn value(&self, uri: &str) -> Option<String> {
        match uri {
            csp::DESCRIPTION => Some(csp::ddf()),
            csp::PACKAGES => Some(self.packages.to_owned()),
            csp::CANDIDATE => self.recovery.envelope().map(|envelope| String::from_utf8_lossy(envelope).into_owned()),
            csp::REPORT => self.recovery.report().map(csp::encode),
            _ => self.inventory.reported.iter().find(|(node, _)| *node == uri).map(|(_, text)| text.clone()),
        }
    }

    fn run(&mut self, uri: &str, data: &str) -> Result<u16, DocumentError> {
        Ok(match uri {
            csp::PREPARE => self.recovery.prepare(&csp::decode(data)?, self.today),
            csp::APPLY => self.recovery.apply(&csp::decode(data)?, self.today),
            csp::RETIRE => self.recovery.retire(&csp::decode(data)?),
            csp::UNDO => self.recovery.undo(&csp::decode(data)?),
            _ => NOT_FOUND,
        })
    }
}

/// Returns the status that refuses this access: the node is unknown, or has another access.
fn refuse(uri: &str, access: Access) -> Option<u16> {
    match csp::find(uri) {
        None => Some(NOT_FOUND),
        Some(node) if node.access != access => Some(NOT_ALLOWED),
        Some(_) => None,
    }
}

impl Tree for Nodes<'_> {
    fn get(&mut self, uri: &str) -> Result<Option<Secret>, u16> {
        self.commands += 1;
        match refuse(uri, Access::Get) {
            Some(status) => Err(status),
            None => Ok(self.value(uri).map(Secret::new)),
        }
    }

    fn exec(&mut self, uri: &str, data: Option<&str>) -> u16 {
        self.commands += 1;
        refuse(uri, Access::Exec).unwrap_or_else(|| self.run(uri, data.unwrap_or_default()).unwrap_or(BAD_FORMAT))
    }

    fn set(&mut self, _: Verb, uri: &str, _: Option<&str>) -> u16 {
        if csp::find(uri).is_some() { NOT_ALLOWED } else { NOT_FOUND }
    }
}

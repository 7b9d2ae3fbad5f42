//! The export: JSON lines. One header, then the events in order, each checkpoint right after the event that it signs.
//!
//! ```json
//! {"line":"header","version":1,"tenant":"…","publicKey":"ed25519:…"}
//! {"line":"event","position":1,"hash":"BASE64","body":"{\"tenant\":…}"}
//! {"line":"checkpoint","position":1,"hash":"BASE64","at":"…","signature":"BASE64"}
//! ```
//!
//! Where the key has changed, the header has version 2 and a `succession`. It has one link for each change, from the
//! oldest key to the one that the header names (see `succession`).
//!
//! An event's body is the exact text that was hashed, as a JSON string.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{StoreError, View};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::chain::Checkpoint;
use crate::succession::{Lineage, Link};

/// The newest format, which has a succession of keys. An export without a succession is written as version 1.
pub(crate) const VERSION: u32 = 2;

/// The number of events that are read from the store at once.
const PAGE: usize = 1000;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Line {
    Header {
        version: u32,
        tenant: TenantId,
        public_key: String,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        succession: Vec<Link>,
    },
    Event {
        position: u64,
        hash: String,
        body: String,
    },
    Checkpoint(Checkpoint),
}

/// The size of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportSummary {
    /// The number of events.
    pub events: u64,
    /// The number of checkpoints.
    pub checkpoints: u64,
}

/// The reason why an export stopped.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored checkpoint is unreadable.
    #[error("the stored checkpoint at position {0} is damaged")]
    Checkpoint(u64),
    /// The output could not be written.
    #[error("the export could not be written: {0}")]
    Output(#[from] std::io::Error),
}

/// Writes the whole chain of a tenant.
pub fn export(
    view: &dyn View,
    tenant: TenantId,
    signer: &Lineage,
    out: &mut dyn Write,
) -> Result<ExportSummary, ExportError> {
    let mut summary = ExportSummary { events: 0, checkpoints: 0 };
    let (public_key, succession) = (signer.key().to_string(), signer.links(view)?);
    let version = if succession.is_empty() { VERSION - 1 } else { VERSION };
    write(out, &Line::Header { version, tenant, public_key, succession })?;
    let stored = view.checkpoints(tenant)?;
    let mut checkpoints = stored.iter().peekable();
    loop {
        let events = view.chained_events(tenant, summary.events, PAGE)?;
        if events.is_empty() {
            return Ok(summary);
        }
        for chained in events {
            let position = chained.link.position;
            let hash = STANDARD.encode(chained.link.hash);
            write(out, &Line::Event { position, hash, body: chained.event.body })?;
            summary.events = position;
            while let Some(stored) = checkpoints.next_if(|stored| stored.position == position) {
                let checkpoint =
                    serde_json::from_str(&stored.body).map_err(|_| ExportError::Checkpoint(stored.position))?;
                write(out, &Line::Checkpoint(checkpoint))?;
                summary.checkpoints += 1;
            }
        }
    }
}

fn write(out: &mut dyn Write, line: &Line) -> Result<(), std::io::Error> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

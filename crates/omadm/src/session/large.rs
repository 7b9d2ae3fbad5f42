//! Values that arrive in chunks (OMA-TS-DM_Protocol 1.2, 7): a value counts when it is whole, and not before.
//!
//! | the item | is | its status |
//! |---|---|---|
//! | with `MoreData`, the first one with the `Size` of the whole | kept until the rest arrives | 213; 411 without a size, 413 when it is too large |
//! | the last one, without `MoreData` | put together with the chunks before it | 200; 424 when it has another size than announced |
//! | whole, with another `Size` than announced | dropped | 424 |
//! | of another value, between the chunks of one | taken by itself; the chunks before are dropped | the alert 1225 |

use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::syncml::{Element, Format, Item, Message, Results};

/// The longest value that is put together, in bytes.
pub const MAX_VALUE_BYTES: u64 = 1024 * 1024;

/// SyncML status: the chunk is kept.
const CHUNK_ACCEPTED: u16 = 213;
/// SyncML status: the value is whole.
const OK: u16 = 200;
/// SyncML status: the first chunk does not say how large the value is.
const SIZE_REQUIRED: u16 = 411;
/// SyncML status: the value is larger than [`MAX_VALUE_BYTES`].
const TOO_LARGE: u16 = 413;
/// SyncML status: the value has another size than announced.
const SIZE_MISMATCH: u16 = 424;

/// The description of a value that comes in chunks, from its first chunk. It holds no part of the value.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Origin {
    message_ref: String,
    command_ref: String,
    node: Option<String>,
    format: Option<String>,
    kind: Option<String>,
    size: u64,
}

/// The part of a value that has come.
pub(crate) struct Unfinished {
    /// The value that it is a part of.
    pub(crate) origin: Origin,
    /// The text of the chunks. It may be a part of a passcode.
    pub(crate) data: Secret,
}

/// The outcome for the values of one message.
#[derive(Default)]
pub(crate) struct Assembled {
    /// The value that the following message goes on with.
    pub(crate) unfinished: Option<Unfinished>,
    /// `CmdID` of each `Results` that wants a status, and the status.
    pub(crate) statuses: Vec<(String, u16)>,
    /// True if chunks came whose end did not.
    pub(crate) end_missing: bool,
}

/// Puts chunks together. Afterwards the message holds whole values alone. A value that ends here is in its last item,
/// and a part of a value is in none.
pub(crate) fn assemble(unfinished: Option<Unfinished>, message: &mut Message) -> Assembled {
    let mut assembled = Assembled { unfinished, ..Assembled::default() };
    for element in &mut message.body {
        let Element::Results(results) = element else { continue };
        for item in std::mem::take(&mut results.items) {
            if let Some(whole) = assembled.take(results, item) {
                results.items.push(whole);
            }
        }
    }
    if message.is_final && assembled.unfinished.take().is_some() {
        assembled.end_missing = true;
    }
    assembled
}

impl Assembled {
    /// Takes one item; gives it back when its value is whole.
    fn take(&mut self, results: &Results, mut item: Item) -> Option<Item> {
        let earlier = self.unfinished.take();
        let (earlier, foreign) = match earlier {
            Some(earlier) if earlier.origin.is_of(results, &item) => (Some(earlier), false),
            other => (None, other.is_some()),
        };
        self.end_missing |= foreign;
        let data = item.data.take();
        let text = data.as_deref().unwrap_or_default();
        let (origin, mut value) = match earlier {
            Some(Unfinished { origin, data }) => (Some(origin), data),
            None => (None, Secret::default()),
        };
        let chunked = item.more_data || origin.is_some();
        if !chunked {
            let whole = item.size.is_none_or(|size| size == text.len() as u64);
            if !whole {
                self.status(results, SIZE_MISMATCH);
                return None;
            }
            return Some(Item { data, ..item });
        }
        let origin = match origin.map_or_else(|| Origin::new(results, &item), Ok) {
            Ok(origin) => origin,
            Err(status) => {
                self.status(results, status);
                return None;
            }
        };
        let length = (value.len() + text.len()) as u64;
        if length > origin.size || (!item.more_data && length != origin.size) {
            self.status(results, SIZE_MISMATCH);
            return None;
        }
        // Room for the whole at once: a buffer that grows would leave copies behind.
        let mut grown = Secret::with_capacity(usize::try_from(origin.size).unwrap_or_default());
        for part in [value.as_str(), text] {
            grown.push_str(part);
        }
        value = grown;
        if item.more_data {
            self.unfinished = Some(Unfinished { origin, data: value });
            self.status(results, CHUNK_ACCEPTED);
            return None;
        }
        self.status(results, OK);
        let Origin { node, format, kind, size, .. } = origin;
        let format = format.as_deref().map(Format::from);
        Some(Item { source: node, format, kind, size: Some(size), data: Some(value), ..item })
    }

    fn status(&mut self, results: &Results, code: u16) {
        self.statuses.push((results.id.clone(), code));
    }
}

impl Origin {
    fn new(results: &Results, first: &Item) -> Result<Self, u16> {
        let size = first.size.ok_or(SIZE_REQUIRED)?;
        if size > MAX_VALUE_BYTES {
            return Err(TOO_LARGE);
        }
        Ok(Self {
            message_ref: results.message_ref.clone(),
            command_ref: results.command_ref.clone(),
            node: results.node(first).map(str::to_owned),
            format: first.format.as_ref().map(|format| format.name().to_owned()),
            kind: first.kind.clone(),
            size,
        })
    }

    /// Returns true if the item continues this value. Chunks after the first need not name the node again.
    fn is_of(&self, results: &Results, item: &Item) -> bool {
        let node = results.node(item);
        self.message_ref == results.message_ref
            && self.command_ref == results.command_ref
            && node.is_none_or(|node| self.node.as_deref() == Some(node))
    }
}

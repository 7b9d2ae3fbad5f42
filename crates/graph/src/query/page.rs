//! The sizes of pages.

/// Items of a page, when nothing else is asked; also the most that can be asked.
pub const MAX_PAGE: usize = 1000;

/// Most items that `$skip` leaves out; further in, `@odata.nextLink` leads.
pub const MAX_SKIP: usize = 10_000;

/// Items of a page when collections of each are expanded.
pub const MAX_EXPANDED_PAGE: usize = 100;

//! Forged, damaged, copied and older databases.

mod forgery;
mod mark;
mod upgrade;

//! The suite of behaviours that every store backend must pass.

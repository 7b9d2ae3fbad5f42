//! The world of these tests: [`chaveiro_testing::channel`], to which each file adds the steps of its own tests.

use std::ops::Deref;

use chaveiro_testing::channel;
pub use chaveiro_testing::channel::{BASE, InProcess, USER};

/// That world.
pub struct World(channel::World);

impl Deref for World {
    type Target = channel::World;

    fn deref(&self) -> &channel::World {
        &self.0
    }
}

impl World {
    pub async fn new() -> Self {
        Self(channel::World::new().await)
    }
}

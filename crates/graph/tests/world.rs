//! The world of these tests: [`chaveiro_testing::graph`], to which each file adds the steps of its own tests.

use std::ops::Deref;

use chaveiro_auth::IssuerConfig;
use chaveiro_core::hold::HoldRule;
use chaveiro_graph::Ceilings;
use chaveiro_testing::graph;
pub use chaveiro_testing::graph::{
    BASE, FOREIGN, NO_LIMIT, OTHER, OWN, application, device, filled, id, permissions, person, registered, seeded,
    tenant,
};

/// That world.
pub struct World(graph::World);

impl Deref for World {
    type Target = graph::World;

    fn deref(&self) -> &graph::World {
        &self.0
    }
}

impl World {
    pub async fn new() -> Self {
        Self(graph::World::new().await)
    }

    pub async fn with(hold: HoldRule, ceilings: Ceilings) -> Self {
        Self(graph::World::with(hold, ceilings).await)
    }

    pub async fn trusting(hold: HoldRule, ceilings: Ceilings, issuers: Vec<IssuerConfig>) -> Self {
        Self(graph::World::trusting(hold, ceilings, issuers).await)
    }
}

//! Remote actions that no product has, through the Graph face, the device channel, the store and a simulated device.

mod every;
mod one_file;
mod ping;
mod reach;
mod seen;
mod unlock_token;

use chaveiro_testing::server as world;

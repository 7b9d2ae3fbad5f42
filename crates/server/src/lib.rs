//! The server: configuration, the data directory, wiring, listeners, background jobs, telemetry.
//!
//! Decisions live elsewhere. This is the one place where all parts meet. Only this crate and the command line read the
//! time of day and make random numbers.

mod alarm;
mod backup;
mod checkpoints;
mod config;
mod data_dir;
mod health;
mod inventory;
mod issuers;
mod jobs;
mod listener;
mod pages;
mod parked;
mod process;
mod record;
mod refusals;
mod room;
mod serve;
mod shell;
mod telemetry;
mod vigil;
mod watch;

pub use backup::{BackupError, Checked, Manifest, back_up, check as check_backup, copy_keys};
pub use config::{Bounds, Config, ConfigError, KEYS, Key, Layer, Listen, Takes, config_reference, key_table};
pub use data_dir::{DataDir, DataDirError, Lock, Opened, Running as RunningServer};
pub use inventory::{Inventory, InventoryError, KeyProblem, KeyProblems, Listed, Unusable};
pub use room::Times;
pub use serve::{Loopback, Running, Server, StartError};
pub use shell::{SystemClock, SystemEntropy};
pub use telemetry::init_logging;

//! A device that takes a secret from the server: one command gives it, another compares it. Commands of other actions remove
//! the lock with it, look for the lock, and read the secret.
//!
//! The device keeps one secret, which survives a power failure; 0 is none.

use super::channel::{Given, Order, Value};
use super::{Device, How, Mood, World};
use crate::actions::clear_unlock_token::CLEAR_UNLOCK_TOKEN;
use crate::actions::set_unlock_token::SET_UNLOCK_TOKEN;
use crate::command::DeviceCommand;
use crate::device::Platform;
use crate::escrow::UNTIL_REPLACED;

/// The device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Taker {
    secret: u8,
}

/// Statuses of the device.
const OK: u16 = 200;
const WRONG_SECRET: u16 = 403;
const NO_SUCH_NODE: u16 = 404;
const UNABLE: u16 = 406;
const CONFLICT: u16 = 409;
const FAILED: u16 = 500;

/// The work of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Take,
    Compare,
    Remove,
    Look,
    Read,
}

impl Work {
    fn of(command: &DeviceCommand) -> Self {
        match command {
            DeviceCommand::Give { name, .. } if name == SET_UNLOCK_TOKEN.name => Self::Take,
            DeviceCommand::Give { name, .. } if name == CLEAR_UNLOCK_TOKEN.name => Self::Remove,
            DeviceCommand::Give { .. } => Self::Compare,
            DeviceCommand::Read { .. } => Self::Read,
            _ => Self::Look,
        }
    }
}

impl Taker {
    /// Changes the secret, as far as the mood allows. A dishonest mood fails before or after the change, or only reports success.
    fn change(&mut self, to: u8, mood: Mood) -> u16 {
        if matches!(mood, Mood::Honest | Mood::Contradicts) {
            self.secret = to;
        }
        match mood {
            Mood::Honest | Mood::Unproven => OK,
            Mood::Unable => UNABLE,
            _ => FAILED,
        }
    }
}

impl Device for Taker {
    const PLATFORM: Platform = Platform::Windows;

    fn new() -> Self {
        Self { secret: 0 }
    }

    fn moods(order: &Order) -> &'static [Mood] {
        match order.commands.first().map(Work::of) {
            Some(Work::Take | Work::Remove) => {
                &[Mood::Honest, Mood::Fails, Mood::Unable, Mood::Contradicts, Mood::Unproven]
            }
            Some(Work::Read) => &[Mood::Honest, Mood::Fails, Mood::Unable, Mood::Withholds],
            Some(Work::Compare | Work::Look) | None => &[Mood::Honest, Mood::Fails],
        }
    }

    fn run(&mut self, order: &Order, command: &DeviceCommand, how: How, given: &mut Given) {
        if how.cut.is_some() {
            return;
        }
        let work = Work::of(command);
        let agrees = |yes: bool| if yes { OK } else { CONFLICT };
        let status = match (work, how.mood) {
            (Work::Take, mood) => self.change(order.secret.unwrap_or_default(), mood),
            (Work::Remove, _) if self.secret == 0 || order.secret != Some(self.secret) => WRONG_SECRET,
            (Work::Remove, mood) => self.change(0, mood),
            (_, Mood::Fails) => FAILED,
            (_, Mood::Unable) => UNABLE,
            (Work::Compare, _) => agrees(order.secret == Some(self.secret)),
            (Work::Look, _) => agrees(self.secret == 0),
            (Work::Read, _) if self.secret == 0 => NO_SUCH_NODE,
            (Work::Read, mood) => {
                given.value = (mood != Mood::Withholds).then_some(Value::Bytes(self.secret));
                OK
            }
        };
        given.statuses.push(Some(status));
    }

    fn passcode(&self) -> u8 {
        self.secret
    }

    fn largest(&self) -> u8 {
        self.secret
    }

    /// Returns true if the device's secret is in escrow; it stays there until a newer result has replaced it.
    fn is_kept(world: &World<Self>) -> bool {
        let secret = world.device.secret;
        secret == 0 || world.sealed(secret).any(|sealed| sealed.expires == UNTIL_REPLACED)
    }
}

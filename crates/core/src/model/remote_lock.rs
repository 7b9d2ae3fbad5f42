//! A Windows device: `LockAndRecoverPIN` makes a PIN at once, and `NewPINValue` gives it once.

use super::channel::{Given, Order, Value};
use super::{Device, How, Mood, World};
use crate::action::ActionRecord;
use crate::command::DeviceCommand;
use crate::device::Platform;

/// The device. Both numbers survive a power failure.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Windows {
    pin: u8,
    unread: Option<u8>,
}

impl Device for Windows {
    const PLATFORM: Platform = Platform::Windows;

    fn new() -> Self {
        Self { pin: 0, unread: None }
    }

    fn moods(order: &Order) -> &'static [Mood] {
        match order.commands.first() {
            Some(DeviceCommand::LockAndRecoverPin) => {
                &[Mood::Honest, Mood::Fails, Mood::Unable, Mood::Contradicts, Mood::Withholds, Mood::Mumbles]
            }
            _ => &[Mood::Honest, Mood::Withholds, Mood::Mumbles],
        }
    }

    fn run(&mut self, _: &Order, command: &DeviceCommand, how: How, given: &mut Given) {
        if how.cut.is_some() {
            return;
        }
        let status = match (command, how.mood) {
            (DeviceCommand::LockAndRecoverPin, Mood::Fails) => 500,
            (DeviceCommand::LockAndRecoverPin, Mood::Unable) => 406,
            (DeviceCommand::LockAndRecoverPin, mood) => {
                (self.pin, self.unread) = (how.fresh, Some(how.fresh));
                if mood == Mood::Contradicts { 500 } else { 200 }
            }
            // The device made no PIN: it has no value to give.
            (_, Mood::Withholds | Mood::Fails) => 200,
            (_, Mood::Unable) => 404,
            (_, mood) => {
                let value = self.unread.take();
                given.value = match mood {
                    Mood::Mumbles => value.map(Value::Doubtful),
                    _ => value.map(Value::Passcode),
                };
                200
            }
        };
        given.statuses.push(Some(status));
    }

    fn passcode(&self) -> u8 {
        self.pin
    }

    fn largest(&self) -> u8 {
        self.pin
    }

    /// A PIN that was made is lost with its message: no server can help that. A PIN that came is kept. A permitted
    /// person may see it once its action has ended, also if the device enrolled again.
    fn is_kept(world: &World<Self>) -> bool {
        let pin = world.device.pin;
        let came_for = |action: &&ActionRecord| world.sealed(pin).any(|secret| secret.context.action == action.id);
        let mut actions = world.store.actions.iter().filter(came_for);
        let waits = actions.any(|action| action.state.is_open());
        !world.holds(pin) || world.is_reachable(pin) || waits
    }
}

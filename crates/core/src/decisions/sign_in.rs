//! The beginning of a sign-in.

use jiff::Timestamp;

use crate::ports::{StoreError, UnitOfWork};
use crate::sign_in::{MAX_PENDING, SignIn};

/// Makes room and begins a sign-in. `false` when too many wait already.
pub fn begin(unit: &mut dyn UnitOfWork, sign_in: &SignIn, now: Timestamp) -> Result<bool, StoreError> {
    unit.delete_sign_ins(now)?;
    if unit.sign_ins(sign_in.tenant)?.iter().filter(|other| other.is_waiting(now)).count() >= MAX_PENDING {
        return Ok(false);
    }
    unit.insert_sign_in(sign_in)?;
    Ok(true)
}

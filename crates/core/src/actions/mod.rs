//! One remote action, one file. [`recover_passcode`] gives a device a new passcode and escrows it;
//! [`disclose_passcode`] shows it. [`retire`] and [`enroll`] are the two ends of a device's life here.

pub mod disclose_passcode;
pub mod enroll;
pub mod recover_passcode;
pub mod retire;

//! The device channel: enrolment, device identity, management sessions.

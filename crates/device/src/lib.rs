//! The parts that every device shares, simulated or real: the enrolment exchange ([MS-MDE2]), and HTTPS that trusts one
//! root. The crate uses `omadm` and never `mdm`: both ends share a codec, but not its interpretation.

pub mod enroll;
pub mod https;
pub mod root;
pub mod transport;

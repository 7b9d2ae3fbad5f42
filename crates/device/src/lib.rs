//! What every kind of device does alike, simulated or real: the enrolment exchange ([MS-MDE2]), and HTTPS that
//! trusts one root. Uses `omadm` and never `mdm`: both ends share a codec, not an understanding of what it is for.

pub mod enroll;
pub mod https;
pub mod transport;

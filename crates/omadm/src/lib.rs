//! OMA Device Management and Windows enrolment, sans-IO: bytes to types and back, and the session state
//! machines of both ends. Nothing here opens a socket, reads a clock or knows what a tenant is.
//!
//! References: OMA-TS-DM_Protocol 1.2, OMA-TS-SyncML_RepPro 1.2, [MS-MDM], [MS-MDE2], [MS-XCEP], [MS-WSTEP].

pub mod digest;
pub mod provisioning;
pub mod session;
pub mod soap;
pub mod syncml;
pub mod xml;

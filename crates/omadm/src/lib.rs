//! OMA Device Management for Windows devices, sans-IO: bytes to types and back, and the session state
//! machines of both ends. No socket, no clock, no storage.
//!
//! - [`xml`]: a strict, limited reader.
//! - `syncml`: SyncML messages ([MS-MDM], OMA-TS-SyncML-RepPro 1.2).
//! - `session`: the management session, server and device end.
//! - `soap`: the enrolment messages of [MS-MDE2].
//! - `provisioning`: the `wap-provisioningdoc` that ends an enrolment.

pub mod xml;

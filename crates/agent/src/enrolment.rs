//! Enrolling.

use std::path::Path;

use anyhow::{Result, bail};
use chaveiro_device::enroll::{Applicant, EnrollError, enroll as exchange};
use chaveiro_device::https::Https;
use chaveiro_device::root::{self, RootFingerprint};

use chaveiro_lang::{Explain, text};

use crate::inventory::{self, Inventory};
use crate::state::{Enrolment, State};

/// The values that a person gave to enrol with.
pub(crate) struct Invitation<'a> {
    pub(crate) server: &'a str,
    pub(crate) user: &'a str,
    pub(crate) token: &'a str,
    /// The root to trust.
    pub(crate) trust: Trust<'a>,
    /// True if the machine is enrolled already and goes on as the same device.
    pub(crate) again: bool,
}

/// The root to trust, from now on and alone.
pub(crate) enum Trust<'a> {
    /// The root of an earlier enrolment, or else the roots of the system.
    Known,
    /// The root in a PEM file.
    Certificate(&'a Path),
    /// The root that the server shows, if it has this fingerprint.
    Fingerprint(RootFingerprint),
}

impl Trust<'_> {
    /// The root (PEM). `known` is that of an earlier enrolment.
    async fn root(&self, server: &str, known: Option<String>) -> Result<Option<String>> {
        Ok(match self {
            Self::Known => known,
            Self::Certificate(file) => {
                let read = std::fs::read_to_string(file);
                Some(read.explain(|| text!("agent-root-certificate", file = *file))?)
            }
            Self::Fingerprint(fingerprint) => {
                let fetched = root::fetch(server, *fingerprint).await.map_err(EnrollError::from);
                Some(fetched.explain(|| text!("agent-enrolment-failed"))?)
            }
        })
    }
}

/// Enrols this machine with a key made here, which never leaves it. A machine that enrols again shows the certificate that it
/// has, so the server recognises the device.
pub(crate) async fn enroll(state: &State, system: &Path, invitation: &Invitation<'_>) -> Result<Enrolment> {
    let former = match (state.is_enrolled(), invitation.again) {
        (false, _) => None,
        (true, false) => bail!(text!("agent-enrolled-already")),
        (true, true) => {
            let lock = state.lock()?;
            Some((state.load()?, lock))
        }
    };
    let server = invitation.server.trim_end_matches('/');
    let known_root = former.as_ref().and_then(|((enrolment, _), _)| enrolment.root_pem.clone());
    let root_pem = invitation.trust.root(server, known_root).await?;
    let identity = former.as_ref().map(|((_, identity), _)| identity.as_str());
    let transport = Https::trusting(root_pem.as_deref(), identity)?;
    let inventory = inventory::read(system)?;
    let key = rcgen::KeyPair::generate().explain(|| text!("agent-no-key-made"))?;
    let applicant = applicant(&inventory);
    let account = exchange(&transport, &applicant, &key, server, invitation.user, invitation.token);
    let account = account.await.explain(|| text!("agent-enrolment-failed"))?;
    let enrolment = Enrolment {
        address: account.management.address.clone(),
        enrollment_id: account.enrollment_id,
        oma_device_id: inventory.oma_device_id,
        root_pem,
        sessions: 0,
        last_sync: None,
    };
    match former {
        None => state.create(&enrolment, &account.identity)?,
        Some(_) => state.renew(&enrolment, &account.identity)?,
    }
    Ok(enrolment)
}

fn applicant(inventory: &Inventory) -> Applicant {
    let one = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut context = vec![
        one("DeviceType", "Linux"),
        one("EnrollmentType", "Device"),
        one("DeviceID", &inventory.oma_device_id),
        one("DeviceName", &inventory.device_name),
        one("Manufacturer", &inventory.manufacturer),
        one("DeviceModel", &inventory.model),
        one("OSVersion", &inventory.os_version),
    ];
    context.extend(inventory.serial_number.iter().map(|serial| one("SerialNumber", serial)));
    context.extend(inventory.mac_addresses.iter().map(|address| one("MAC", address)));
    Applicant { oma_device_id: inventory.oma_device_id.clone(), device_type: "Linux", os_edition: None, context }
}

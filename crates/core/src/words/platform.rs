//! Families of operating systems.

use serde::{Deserialize, Serialize};

/// Operating system family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Platform {
    /// Windows 10 and 11 on desktops.
    Windows,
    /// Windows 10 Mobile.
    WindowsPhone,
    /// Linux with the Chaveiro agent.
    Linux,
}

impl Platform {
    /// `managedDevice.operatingSystem`.
    pub fn operating_system(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::WindowsPhone => "Windows Phone",
            Self::Linux => "Linux",
        }
    }

    /// `managedDevice.deviceType`.
    pub fn device_type(self) -> &'static str {
        match self {
            Self::Windows => "desktop",
            Self::WindowsPhone => "windowsPhone",
            Self::Linux => "linux",
        }
    }
}

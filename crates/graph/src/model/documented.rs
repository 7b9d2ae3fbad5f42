//! The walks that a reference page spells out. They are samples of what the model allows: a test walks
//! each of them, and OpenAPI and the route list print them first.

use chaveiro_core::remote_action::RemoteAction;

/// A documented walk to an action.
#[derive(Clone, Copy, Debug)]
pub struct Documented {
    /// The template as the page prints it.
    pub template: &'static str,
    /// The page it stands on.
    pub page: &'static str,
}

impl Documented {
    /// Returns true if it is a walk to that action.
    pub(crate) fn names(&self, action: &RemoteAction) -> bool {
        self.template.rsplit('/').next() == Some(action.name)
    }
}

const BETA: &str = "recoverPasscode action, beta";
const V1: &str = "recoverPasscode action, v1.0";

const fn beta(template: &'static str) -> Documented {
    Documented { template, page: BETA }
}

/// The seven URLs of the beta page, in its order, then three that v1.0 pages had.
pub const DOCUMENTED: &[Documented] = &[
    beta("/deviceManagement/managedDevices/{managedDeviceId}/recoverPasscode"),
    beta("/deviceManagement/comanagedDevices/{managedDeviceId}/recoverPasscode"),
    beta(
        "/deviceManagement/deviceHealthScripts/{deviceHealthScriptId}/deviceRunStates/{deviceHealthScriptDeviceStateId}/managedDevice/recoverPasscode",
    ),
    beta(
        "/deviceManagement/deviceManagementScripts/{deviceManagementScriptId}/deviceRunStates/{deviceManagementScriptDeviceStateId}/managedDevice/recoverPasscode",
    ),
    beta(
        "/deviceManagement/deviceComplianceScripts/{deviceComplianceScriptId}/deviceRunStates/{deviceComplianceScriptDeviceStateId}/managedDevice/recoverPasscode",
    ),
    beta(
        "/deviceManagement/deviceManagementScripts/{deviceManagementScriptId}/deviceRunStates/{deviceManagementScriptDeviceStateId}/managedDevice/users/{userId}/managedDevices/{managedDeviceId}/recoverPasscode",
    ),
    beta(
        "/deviceManagement/deviceManagementScripts/{deviceManagementScriptId}/deviceRunStates/{deviceManagementScriptDeviceStateId}/managedDevice/detectedApps/{detectedAppId}/managedDevices/{managedDeviceId}/recoverPasscode",
    ),
    Documented { template: "/users/{userId}/managedDevices/{managedDeviceId}/recoverPasscode", page: V1 },
    Documented {
        template: "/deviceManagement/detectedApps/{detectedAppId}/managedDevices/{managedDeviceId}/recoverPasscode",
        page: V1,
    },
    Documented {
        template: "/deviceManagement/detectedApps/{detectedAppId}/managedDevices/{managedDeviceId}/users/{userId}/managedDevices/{managedDeviceId1}/recoverPasscode",
        page: V1,
    },
];

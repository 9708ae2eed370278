//! `virtualSwitchManager/configuration`: settings of every host's switch. Contract 12.38, [MS-NCNBI 3.1.5.26].

use super::schema::{Collection, Default, Kind, Property, Untouched};
use super::version::Version;
use super::{Proposal, Rules, network_interfaces};
use crate::engine::reading::Reading;
use crate::engine::world::{Key, Node, World};
use crate::error::{ApiError, Code};
use serde_json::Value;

const QOS: &str = "qosSettings";
const PORT_STATE: &str = "portDefaultState";
const QOS_USERS: &str = "numInterfacesHavingQos";

/// The collection.
pub static VIRTUAL_SWITCH_MANAGER: Collection = Collection::singleton(
    "virtualSwitchManager",
    "configuration",
    Untouched::Defaults { reference: "/virtualSwitchManager/" },
)
.properties(&[
    Property::new(
        QOS,
        Kind::Object(&[
            Property::new("reservationMode", Kind::Enum(&["Absolute", "Weight"])).default(Default::Text("Weight")),
            Property::new("linkSpeedPercentage", Kind::Integer(0, 100)),
            Property::new("defaultReservation", Kind::Integer(0, u32::MAX as i64)),
            flag("enableHardwareLimits"),
            flag("enableHardwareReservations"),
            // The property table of the specification misspells it.
            flag("enableSoftwareReservations").aliases(&["enableSoftwareRevervation"]),
        ]),
    ),
    Property::derived(QOS_USERS, Kind::Integer(0, i64::MAX)),
    Property::new(PORT_STATE, Kind::Enum(&["default", "BlockTraffic", ALLOW]))
        .default(Default::Text("default"))
        .since(Version::V3_1),
])
.rules(&VirtualSwitchManagerRules);

const ALLOW: &str = "AllowTraffic";

const fn flag(name: &'static str) -> Property {
    Property::new(name, Kind::Boolean).default(Default::Boolean(false))
}

struct VirtualSwitchManagerRules;

impl Rules for VirtualSwitchManagerRules {
    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        let before = proposal.stored(node).and_then(|stored| stored.properties.get(QOS));
        let users = || proposal.after.all(network_interfaces::NETWORK_INTERFACES.name);
        match before != node.properties.get(QOS) && users().any(network_interfaces::has_qos) {
            true => {
                let message = "QoS settings cannot change while network interfaces have QoS values.";
                Err(ApiError::new(Code::InUseQosSettingsCannotBeUpdated, message).target(QOS))
            }
            false => Ok(()),
        }
    }

    fn derive(&self, property: &'static str, _: &Node, reading: &Reading<'_>) -> Option<Value> {
        (property == QOS_USERS).then(|| {
            let all = reading.all(network_interfaces::NETWORK_INTERFACES.name);
            all.filter(|nic| network_interfaces::has_qos(nic)).count().into()
        })
    }
}

fn settings(world: &World) -> Option<&Node> {
    world.find(VIRTUAL_SWITCH_MANAGER.name, &Key::new("/virtualSwitchManager/configuration"))
}

/// Whether network interfaces may have QoS values: any PUT with `qosSettings` makes it so (`semantics.md` section 2).
pub(super) fn qos_is_configured(world: &World) -> bool {
    settings(world).is_some_and(|settings| settings.properties.contains_key(QOS))
}

/// While switches let everything pass, lists and virtual networks cannot be written: nothing would enforce them.
/// [MS-NCNBI 3.1.5.1.1.1, 3.1.5.18.1.1]
pub(super) fn check_policy_is_enforced(node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
    let allows = settings(proposal.after).is_some_and(|settings| settings.text(PORT_STATE) == Some(ALLOW));
    // A child that was deleted calls for a check of its parent, too, whose own content is as it was.
    let written = || proposal.stored(node).is_none_or(|stored| stored.properties != node.properties);
    match allows && written() {
        true => {
            let message = format!("{} cannot be written while {PORT_STATE} is {ALLOW}.", node.path);
            Err(ApiError::new(Code::OperationNotSupported, message))
        }
        false => Ok(()),
    }
}

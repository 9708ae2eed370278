//! `portSettings`: QoS and guards of a port. Contract 12.23, `semantics.md` sections 2 and 6.4.

use crate::engine::world::Node;
use crate::fabric::{Guards, Qos};
use crate::resources::schema::{Default, Kind, Property};
use crate::resources::version::Version;
use serde_json::Value;

/// Members of `portSettings`. What our switch cannot honour is kept and shown all the same.
pub(super) const MEMBERS: &[Property] = &[
    switch("macSpoofingEnabled"),
    switch("arpGuardEnabled"),
    Property::new("arpFilter", Kind::Text),
    switch("dhcpGuardEnabled"),
    Property::new("stormLimit", COUNT).default(Default::Integer(0)),
    Property::new("portFlowLimit", COUNT).default(Default::Integer(0)),
    Property::new("iovWeight", WEIGHT).default(Default::Integer(0)),
    Property::new("iovInterruptModeration", Kind::Enum(&["Default", "Adaptive", "Off", "Low", "Medium", "High", "On"]))
        .default(Default::Text("Off")),
    Property::new("iovQueuePairsRequested", COUNT).default(Default::Integer(0)),
    Property::new("vmqWeight", WEIGHT).default(Default::Integer(100)),
    Property::new(
        "qosSettings",
        Kind::Object(&[
            Property::new(OUTBOUND_RESERVED, COUNT),
            Property::new(OUTBOUND_MAXIMUM, COUNT),
            Property::new(INBOUND_MAXIMUM, COUNT),
            Property::new("enableHardwareLimits", Kind::Boolean).default(Default::Boolean(false)).since(Version::V4),
        ]),
    ),
];

const COUNT: Kind = Kind::Integer(0, u32::MAX as i64);
const WEIGHT: Kind = Kind::Integer(0, 100);
const OUTBOUND_RESERVED: &str = "outboundReservedValue";
const OUTBOUND_MAXIMUM: &str = "outboundMaximumMbps";
const INBOUND_MAXIMUM: &str = "inboundMaximumMbps";

const fn switch(name: &'static str) -> Property {
    Property::new(name, Kind::Enum(&["Enabled", "Disabled"])).default(Default::Text("Disabled"))
}

fn settings(nic: &Node) -> Option<&Value> {
    nic.properties.get("portSettings")
}

fn qos_value(nic: &Node, property: &str) -> u64 {
    let qos = settings(nic).and_then(|settings| settings.get("qosSettings"));
    qos.and_then(|qos| qos.get(property)).and_then(Value::as_u64).unwrap_or_default()
}

/// Whether any QoS value of the NIC is above 0. [MS-NCNBI 3.1.5.26]
pub(in crate::resources) fn has_qos(nic: &Node) -> bool {
    [OUTBOUND_RESERVED, OUTBOUND_MAXIMUM, INBOUND_MAXIMUM].into_iter().any(|property| qos_value(nic, property) > 0)
}

/// Rate caps that hosts enforce.
pub(super) fn qos(nic: &Node) -> Qos {
    Qos {
        outbound_maximum_mbps: qos_value(nic, OUTBOUND_MAXIMUM),
        inbound_maximum_mbps: qos_value(nic, INBOUND_MAXIMUM),
    }
}

/// Guards that hosts enforce.
pub(super) fn guards(nic: &Node) -> Guards {
    let enabled = |property| settings(nic).and_then(|settings| settings.get(property)) == Some(&Value::from("Enabled"));
    let flow_limit = settings(nic).and_then(|settings| settings.get("portFlowLimit")).and_then(Value::as_u64);
    Guards {
        mac_spoofing: enabled("macSpoofingEnabled"),
        dhcp_guard: enabled("dhcpGuardEnabled"),
        flow_limit: flow_limit.unwrap_or_default(),
    }
}

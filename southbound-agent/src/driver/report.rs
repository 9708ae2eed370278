//! What drivers tell people about ports: flows, traces, counters. Also the JSON of the API.

use policy::ids::NicId;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Number of frames.
    pub packets: u64,
    /// Bytes of those frames, without encapsulation.
    pub bytes: u64,
}

/// One flow of a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flow {
    /// Address of the VM.
    pub local: IpAddr,
    /// Address of its peer.
    pub remote: IpAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the VM, for TCP and UDP.
    pub local_port: u16,
    /// Port of the peer, for TCP and UDP.
    pub remote_port: u16,
    /// `in` or `out`: direction of the packet that opened it.
    pub opened: String,
    /// False: a change of policy stopped it after it was opened.
    pub admitted: bool,
    /// How far a TCP connection is.
    pub tcp_state: Option<String>,
    /// Seconds since its last packet.
    pub idle_seconds: u64,
    /// From the VM.
    pub outbound: Traffic,
    /// Towards the VM.
    pub inbound: Traffic,
    /// All of it, and what is done to its packets, in one line.
    pub text: String,
}

/// A packet to trace. Body of `POST /v1/trace`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TraceRequest {
    /// Profile id of the port.
    pub port: NicId,
    /// From the VM or towards it.
    pub direction: policy::acl::Direction,
    /// Transport protocol.
    pub protocol: TraceProtocol,
    /// Source address.
    pub source: IpAddr,
    /// Destination address, of the same family.
    pub destination: IpAddr,
    /// For TCP and UDP.
    #[serde(default)]
    pub source_port: u16,
    /// For TCP and UDP.
    #[serde(default)]
    pub destination_port: u16,
}

/// Protocols that can be traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TraceProtocol {
    /// An opening packet.
    Tcp,
    /// A datagram.
    Udp,
    /// An echo request.
    #[serde(alias = "icmpv4")]
    Icmp,
    /// An echo request.
    IcmpV6,
}

impl TraceProtocol {
    /// Number in the IP header.
    pub fn number(self) -> u8 {
        match self {
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::IcmpV6 => 58,
        }
    }
}

/// Answer to [`TraceRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// What was found on the way, in order.
    pub steps: Vec<TraceStep>,
    /// What becomes of the packet.
    pub outcome: String,
    /// Whether it passes.
    pub passes: bool,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceStep {
    /// Port that the packet is at.
    pub port: String,
    /// Direction at that port.
    pub direction: String,
    /// Part of the port.
    pub stage: String,
    /// What it found.
    pub finding: String,
}

/// Counters of one port, or of what belongs to no port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// From the VM.
    pub outbound: Traffic,
    /// Towards the VM.
    pub inbound: Traffic,
    /// Dropped frames by reason.
    pub drops: Vec<(&'static str, u64)>,
}

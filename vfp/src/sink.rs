//! Where the engine puts what it lets through.

use crate::ids::PortId;
use std::net::IpAddr;

/// Outer addressing of a payload for another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outer {
    /// Provider address of the host to send to; the UDP destination port is 4789. [RFC 7348 section 5]
    pub destination: IpAddr,
    /// UDP source port, 49152 to 65535: a hash of the inner flow, so that the underlay can spread flows over its paths.
    pub source_port: u16,
}

/// Takes frames while a call into the engine lasts; implemented by the datapath. Must not block for long.
pub trait Sink {
    /// `frame` for the VM of `port`.
    fn to_vm(&mut self, port: PortId, frame: &[u8]);

    /// `frame` for the host's own service, from the VM of `port`. [`crate::HostService`]
    fn to_service(&mut self, port: PortId, frame: &[u8]);

    /// VXLAN header and inner frame, for UDP to another host.
    fn to_underlay(&mut self, outer: Outer, payload: &[u8]);
}

//! Packets as an attacker would build them, byte by byte.

use harness::vm::Vm;
use std::net::IpAddr;

/// An Ethernet frame with a UDP datagram from port 9 of one VM to `port` of another. RFC 791, RFC 768
pub(super) fn datagram(from: &Vm, to: &Vm, port: u16, text: &str) -> Vec<u8> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (from.address(), to.address()) else {
        panic!("both VMs have IPv4 addresses");
    };
    let udp_length = 8 + u16::try_from(text.len()).expect("a short text");
    let mut ipv4 = vec![0x45, 0];
    ipv4.extend((20 + udp_length).to_be_bytes());
    ipv4.extend([0, 0, 0, 0, 64, 17, 0, 0]); // no fragment, TTL 64, UDP, checksum still to come
    ipv4.extend(source.octets());
    ipv4.extend(destination.octets());
    let checksum = checksum(&ipv4);
    ipv4[10..12].copy_from_slice(&checksum.to_be_bytes());

    let mut frame = Vec::new();
    frame.extend(to.mac.octets());
    frame.extend(from.mac.octets());
    frame.extend([8, 0]);
    frame.extend(ipv4);
    frame.extend([0, 9]);
    frame.extend(port.to_be_bytes());
    frame.extend(udp_length.to_be_bytes());
    frame.extend([0, 0]); // no checksum
    frame.extend(text.as_bytes());
    frame
}

/// A VXLAN payload. RFC 7348 section 5
pub(super) fn vxlan(vni: u32, frame: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = vni.to_be_bytes();
    let mut payload = vec![0x08, 0, 0, 0, a, b, c, 0];
    payload.extend(frame);
    payload
}

/// RFC 1071
fn checksum(header: &[u8]) -> u16 {
    let sum: u32 = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).expect("two folds leave 16 bits")
}

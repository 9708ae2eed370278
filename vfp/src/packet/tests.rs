//! What the parsers make of bytes.

use super::*;
use crate::packet::transport::{Echo, Ports};
use proptest::prelude::*;

const MACS: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

/// An IPv6 frame with these headers and bytes behind the fixed header.
fn ipv6(next_header: u8, rest: &[u8]) -> Vec<u8> {
    let mut frame = [&MACS[..], &[0x86, 0xdd, 0x60, 0, 0, 0]].concat();
    frame.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
    frame.extend([next_header, 64]);
    frame.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    frame.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    frame.extend(rest);
    frame
}

fn ip(frame: &[u8]) -> Result<IpPacket, DropReason> {
    Packet::parse(frame).map(|packet| match packet.body {
        Body::Ip(packet) => packet,
        Body::Arp(_) => panic!("ARP"),
    })
}

const UDP: [u8; 8] = [0, 53, 0, 54, 0, 8, 0, 0];

#[test]
fn extension_headers_are_stepped_over() {
    let udp = Transport::Udp { ports: Ports { source: 53, destination: 54 } };
    for (case, next_header, headers) in [
        ("none", 17, vec![]),
        ("hop by hop", 0, vec![17, 0, 0, 0, 0, 0, 0, 0]),
        ("a long routing header", 43, [&[17, 1][..], &[0; 14]].concat()),
        ("authentication", 51, [&[17, 1][..], &[0; 10]].concat()),
        ("options, then an atomic fragment", 60, vec![44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 9]),
    ] {
        let packet = ip(&ipv6(next_header, &[&headers[..], &UDP].concat())).unwrap();
        assert_eq!((packet.transport, packet.fragment, packet.protocol), (udp, None, 17), "{case}");
        assert_eq!(packet.transport_offset, 54 + headers.len(), "{case}");
    }
}

#[test]
fn chains_without_end_and_headers_cut_short_are_malformed() {
    let chain = [0; 8].repeat(9);
    for (case, frame) in [
        ("nine hop-by-hop headers", ipv6(0, &chain)),
        ("a header longer than the packet", ipv6(60, &[17, 3, 0, 0, 0, 0, 0, 0])),
        ("half a fragment header", ipv6(44, &[17, 0, 0, 1])),
        ("two fragment headers", ipv6(44, &[[44, 0, 0, 1, 0, 0, 0, 9], [17, 0, 0, 1, 0, 0, 0, 9], UDP].concat())),
        ("half a UDP header", ipv6(17, &UDP[..7])),
        ("IPv4-mapped source", {
            let mut frame = ipv6(17, &UDP);
            frame[22..34].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
            frame
        }),
    ] {
        assert_eq!(ip(&frame).map(|packet| packet.transport), Err(DropReason::Malformed), "{case}");
    }
}

#[test]
fn ipv6_fragments_are_told_apart() {
    let fragment = |word: u16| {
        let [high, low] = word.to_be_bytes();
        ip(&ipv6(44, &[[17, 0, high, low, 0, 0, 0, 9], UDP].concat())).unwrap()
    };
    let first = fragment(1);
    assert_eq!(first.fragment, Some(Fragment { identification: 9, offset: 0 }));
    assert!(first.is_first() && first.transport != Transport::Later);
    let later = fragment(2 << 3);
    assert_eq!(later.fragment, Some(Fragment { identification: 9, offset: 2 }));
    assert!(!later.is_first() && later.transport == Transport::Later);
}

#[test]
fn padding_behind_the_packet_is_not_looked_at() {
    let frame = [ipv6(17, &UDP), vec![0xff; 20]].concat();
    assert_eq!(ip(&frame).unwrap().transport, Transport::Udp { ports: Ports { source: 53, destination: 54 } });
}

#[test]
fn echo_and_errors_are_recognised_in_both_families() {
    for (kind, transport) in [
        (128, Transport::Echo(Echo { identifier: 7, request: true })),
        (129, Transport::Echo(Echo { identifier: 7, request: false })),
        (1, Transport::Error),
        (3, Transport::Error),
        (135, Transport::Message),
    ] {
        assert_eq!(ip(&ipv6(58, &[kind, 0, 0, 0, 0, 7, 0, 1])).unwrap().transport, transport, "type {kind}");
    }
}

proptest! {
    #[test]
    fn parsers_take_any_bytes(ether_type in prop::sample::select(vec![0x0800_u16, 0x0806, 0x86dd, 0x8100]), rest: Vec<u8>) {
        let frame = [&MACS[..], &ether_type.to_be_bytes(), &rest].concat();
        if let Ok(Packet { body: Body::Ip(packet), .. }) = Packet::parse(&frame) {
            prop_assert!(packet.transport_offset <= frame.len());
            packet.quoted(&frame);
        }
        for is_v4 in [true, false] {
            Quoted::parse(&rest, is_v4);
        }
    }
}

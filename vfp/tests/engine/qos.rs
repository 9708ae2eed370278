//! Rate caps, under a clock that the test turns.

use crate::fabric::{Fabric, Vm, udp};
use crate::frame::Packet;
use std::num::NonZeroU64;
use std::time::Duration;
use vfp::DropReason;

const FRAME: usize = 14 + 20 + 8 + 1000;

/// Bytes that arrive when the sender offers three times the cap for one second.
fn passed_in_one_second(fabric: &mut Fabric, from: Vm, to: Vm, mbps: u64) -> u64 {
    let packet = Packet { data: 1000, ..Packet::new(fabric.ca(from), fabric.ca(to), udp(1, 2)) };
    let gap = FRAME as u64 * 8_000 / (3 * mbps);
    let mut bytes = 0;
    for _ in 0..1_000_000_000 / gap {
        let trip = fabric.send(from, &packet);
        bytes += trip.received.iter().map(|(.., frame)| frame.len() as u64).sum::<u64>();
        fabric.wait(Duration::from_nanos(gap));
    }
    bytes
}

#[test]
fn what_a_vm_sends_and_receives_stays_within_ten_percent_of_its_cap() {
    for (outbound, same_host) in [(true, false), (true, true), (false, false), (false, true)] {
        let mbps = 20;
        let mut fabric = Fabric::new();
        let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
        let b = fabric.vm(2, usize::from(!same_host), &[("10.0.1.20", Some(0))]);
        let cap = NonZeroU64::new(mbps);
        fabric.change(if outbound { a } else { b }, |policy| {
            *(if outbound { &mut policy.outbound_maximum_mbps } else { &mut policy.inbound_maximum_mbps }) = cap;
        });
        let expected = mbps * 125_000;
        let passed = passed_in_one_second(&mut fabric, a, b, mbps);
        assert!(passed.abs_diff(expected) * 10 <= expected, "{passed} of {expected} bytes");

        let capped = if outbound { a } else { b };
        let counters = *fabric.switch(capped).counters(capped.port()).unwrap();
        let counted = if outbound { counters.outbound } else { counters.inbound };
        assert_eq!(counted.bytes, passed);
        assert!(counters.dropped(DropReason::RateLimit) > 0);
    }
}

#[test]
fn a_cap_on_one_direction_leaves_the_other_alone() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let b = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    fabric.change(a, |policy| policy.inbound_maximum_mbps = NonZeroU64::new(1));
    for _ in 0..1000 {
        fabric.exchange(a, b, udp(1, 2)).received_by(b);
    }
}

#[test]
fn what_is_denied_does_not_use_up_the_cap() {
    let mut fabric = Fabric::new();
    fabric.set_acl(1, &["100 in deny udp * > *:99"]);
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let b = fabric.vm(2, 1, &[("10.0.1.20", Some(1))]);
    fabric.change(b, |policy| policy.inbound_maximum_mbps = NonZeroU64::new(1));
    for _ in 0..1000 {
        fabric.exchange(a, b, udp(1, 99)).assert_dropped(DropReason::AclDenied);
    }
    fabric.exchange(a, b, udp(1, 2)).received_by(b);
}

#[test]
fn a_policy_with_the_same_cap_does_not_refill_it() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let b = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    let mut passed = 0;
    for _ in 0..1000 {
        fabric.change(a, |policy| policy.outbound_maximum_mbps = NonZeroU64::new(1));
        passed += u32::from(fabric.exchange(a, b, udp(1, 2)).is_delivered());
    }
    // No more than the one burst that the cap began with.
    assert!(passed < 200, "{passed} frames without any time passing");
}

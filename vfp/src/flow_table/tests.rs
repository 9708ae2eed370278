//! Limits, lives and the sweep.

use super::*;
use crate::address::Address;
use crate::packet::protocol;
use std::time::Duration;

fn key(number: u16) -> FlowKey {
    let (local, remote) = (Address::v4([10, 0, 0, 1]), Address::v4([10, 0, 0, 2]));
    FlowKey { local, remote, local_port: number, remote_port: 80, protocol: protocol::TCP }
}

fn table(flows_per_port: u32, half_open_per_port: u32) -> FlowTable {
    let limits = Limits {
        flows_per_port,
        half_open_per_port,
        idle: Duration::from_secs(100),
        half_open: Duration::from_secs(10),
        time_wait: Duration::from_secs(20),
    };
    FlowTable::new(&limits, Seeded(3))
}

fn seconds(seconds: u64) -> Time {
    Time(0).after(Duration::from_secs(seconds))
}

impl FlowTable {
    fn open(&mut self, number: u16, state: TcpState, now: Time) -> Result<(), DropReason> {
        self.make_room(&key(number), state, now)?;
        self.insert(key(number), Flow::new(Direction::Outbound, state, now));
        Ok(())
    }

    fn step(&mut self, number: u16, state: TcpState, now: Time) {
        let (slot, _) = self.find(&key(number), now).unwrap();
        self.advance(slot, Direction::Outbound, state, 0, now);
    }
}

#[test]
fn half_open_connections_are_counted_through_every_change_of_state() {
    let mut table = table(100, 3);
    for number in 0..3 {
        table.open(number, TcpState::SynSent, seconds(0)).unwrap();
    }
    let refused = Err(DropReason::HalfOpenLimit);
    assert_eq!(table.open(9, TcpState::SynSent, seconds(0)), refused);
    assert_eq!(table.open(10, TcpState::Established, seconds(0)), Ok(()));
    table.step(0, TcpState::SynReceived, seconds(0));
    assert_eq!(table.open(9, TcpState::SynSent, seconds(0)), refused);
    table.step(0, TcpState::Established, seconds(0));
    assert_eq!(table.open(9, TcpState::SynSent, seconds(0)), Ok(()));
    // The same connection once more takes no other place; an expired one gives its own back.
    assert_eq!(table.half_open, 3);
    table.insert(key(9), Flow::new(Direction::Inbound, TcpState::SynSent, seconds(0)));
    assert_eq!(table.half_open, 3);
    table.sweep(seconds(11), usize::MAX);
    assert_eq!((table.half_open, table.len()), (0, 2));
}

#[test]
fn a_full_table_makes_room_by_what_expired_and_by_nothing_else() {
    let mut table = table(u32::try_from(SWEEP_FULL).unwrap(), 1000);
    for number in 0..u16::try_from(SWEEP_FULL).unwrap() {
        table.open(number, TcpState::Established, seconds(u64::from(number == 40))).unwrap();
    }
    assert_eq!(table.open(900, TcpState::Established, seconds(100)), Err(DropReason::FlowLimit));
    assert_eq!(table.open(900, TcpState::Established, seconds(101)), Ok(()));
    assert!(table.find(&key(40), seconds(101)).is_some());
    assert!(table.find(&key(0), seconds(101)).is_none());
}

#[test]
fn memory_of_a_table_under_load_stays_near_what_is_alive() {
    let mut table = table(1_000_000, 1_000_000);
    // A new flow every second, each of which lives for 100: the sweep must keep up.
    for now in 0..50_000_u64 {
        let number = u16::try_from(now).unwrap();
        table.open(number, TcpState::Established, seconds(now)).unwrap();
        // Four places a step: one that expires waits for the hand for at most a quarter of the table's steps.
        assert!(table.len() <= 101 * 4 / 3 + 1, "{} flows are kept for 101 that are alive", table.len());
    }
}

#[test]
fn each_state_has_its_life() {
    for (state, life) in [
        (TcpState::NotTcp, 100),
        (TcpState::SynSent, 10),
        (TcpState::SynReceived, 10),
        (TcpState::Established, 100),
        (TcpState::ClosedByInitiator, 100),
        (TcpState::ClosedByResponder, 100),
        (TcpState::Closed, 20),
    ] {
        let mut table = table(10, 10);
        table.open(1, state, seconds(5)).unwrap();
        assert!(table.find(&key(1), seconds(5 + life)).is_some(), "{state:?}");
        assert!(table.find(&key(1), seconds(6 + life)).is_none(), "{state:?}");
    }
}

//! Allocation against a plain set: never double, always the lowest.

use super::*;
use proptest::prelude::*;
use uuid::Uuid;

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

proptest! {
    #[test]
    fn taken_agrees_with_a_plain_set(steps in prop::collection::vec((any::<bool>(), 0_u128..40), 0..200), from in 0_u128..40, length in 0_u128..40) {
        let mut taken = Taken::default();
        let mut plain = BTreeSet::new();
        for (take, number) in steps {
            let (changed, expected) = match take {
                true => (taken.insert(number), plain.insert(number)),
                false => (taken.remove(number), plain.remove(&number)),
            };
            prop_assert_eq!(changed, expected);
            let ends: Vec<(u128, u128)> = taken.runs.iter().map(|(&first, &last)| (first, last)).collect();
            prop_assert!(ends.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "runs touch: {:?}", ends);
        }
        let range = from..=from + length;
        prop_assert_eq!(taken.first_free(range.clone()), range.clone().find(|number| !plain.contains(number)));
        prop_assert_eq!(taken.count(range.clone()), plain.range(range.clone()).count() as u128);
        prop_assert!(range.into_iter().all(|number| taken.contains(number) == plain.contains(&number)));
    }

    #[test]
    fn allocation_hands_every_number_out_once_and_then_says_full(reserved in prop::collection::btree_set(0_u128..60, 0..20)) {
        let pools = [10_u128..=19, 40..=45, RangeInclusive::new(30, 29), 0..=3];
        let mut taken = Taken::default();
        let mut given = Vec::new();
        while let Some(number) = first_free(pools.clone(), &taken, &reserved) {
            prop_assert!(taken.insert(number));
            given.push(number);
        }
        let expected: Vec<u128> = pools.into_iter().flatten().filter(|number| !reserved.contains(number)).collect();
        prop_assert_eq!(given, expected);
    }
}

#[test]
fn the_ends_of_the_number_space_are_numbers_like_others() {
    let mut taken = Taken::default();
    assert!(taken.insert(u128::MAX) && taken.insert(0));
    assert_eq!(taken.first_free(u128::MAX..=u128::MAX), None);
    assert_eq!(taken.first_free(0..=u128::MAX), Some(1));
    assert!(taken.remove(u128::MAX));
    assert_eq!(taken.first_free(u128::MAX..=u128::MAX), Some(u128::MAX));
}

#[test]
fn a_virtual_subnet_reserves_network_router_and_broadcast() {
    let plan = SubnetPlan::new(prefix("10.20.1.0/24"));
    for (text, reserved) in [
        ("10.20.1.0", true),
        ("10.20.1.1", true),
        ("10.20.1.2", false),
        ("10.20.1.4", false),
        ("10.20.1.254", false),
        ("10.20.1.255", true),
    ] {
        assert_eq!(plan.is_reserved(address(text)), reserved, "{text}");
    }
    let v6 = SubnetPlan::new(prefix("fd00::/64"));
    assert!(v6.is_reserved(address("fd00::")) && v6.is_reserved(address("fd00::1")));
    assert!(!v6.is_reserved(address("fd00::ffff:ffff:ffff:ffff")), "IPv6 has no broadcast address");
}

#[test]
fn dynamic_addresses_start_at_the_fourth_host_where_there_is_room() {
    for (subnet, first, last) in [
        ("10.20.1.0/24", "10.20.1.4", "10.20.1.254"),
        ("10.20.1.8/29", "10.20.1.12", "10.20.1.14"),
        ("10.20.1.8/30", "10.20.1.10", "10.20.1.10"),
        ("fd00::/64", "fd00::4", "fd00::ffff:ffff:ffff:ffff"),
    ] {
        let expected = address_to_u128(address(first))..=address_to_u128(address(last));
        assert_eq!(SubnetPlan::new(prefix(subnet)).dynamic_range(), expected, "{subnet}");
    }
    for subnet in
        ["10.20.1.8/31", "10.20.1.8/32", "0.0.0.0/32", "fd00::/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"]
    {
        assert!(SubnetPlan::new(prefix(subnet)).dynamic_range().is_empty(), "{subnet}");
    }
}

#[test]
fn a_network_has_one_local_unicast_router_mac_for_life() {
    let id = NetworkId(Uuid::from_u128(0x1234_5678_9abc_4def_8123_ffff_ffff_ffff));
    assert_eq!(router_mac(id).to_string(), "fe:ff:ff:ff:ff:ff");
    let other = NetworkId(Uuid::from_u128(0x1234_5678_9abc_4def_8123_0000_0000_0001));
    assert_eq!(router_mac(other).to_string(), "02:00:00:00:00:01");
    assert!(!router_mac(id).is_multicast());
}

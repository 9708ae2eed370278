//! Tests that every driver must pass.

use super::*;
use policy::net::MacAddr;
use vfp::{Action, PortAddress, Subnet};

const ACL: AclId = AclId(1);
const NETWORK: NetworkId = NetworkId(2);
const PORT: PortId = PortId(3);

fn acl() -> Acl {
    Acl { name: "web".to_owned(), inbound_default: Action::Deny, outbound_default: Action::Allow, rules: Vec::new() }
}

fn vsid(number: u32) -> Vsid {
    Vsid::new(number).unwrap()
}

fn network(number: u32, acl: Option<AclId>) -> Network {
    let subnet =
        Subnet { vsid: vsid(number), prefix: "10.0.0.0/24".parse().unwrap(), router: [10, 0, 0, 1].into(), acl };
    Network { router_mac: MacAddr::from_u64(0x0200_0000_0001), subnets: vec![subnet] }
}

fn port(acl: Option<AclId>) -> PortPolicy {
    PortPolicy {
        mac: MacAddr::from_u64(7),
        network: NETWORK,
        addresses: vec![PortAddress { ca: [10, 0, 0, 4].into(), vsid: vsid(5000), acl }],
        outbound_maximum_mbps: None,
        inbound_maximum_mbps: None,
        mac_spoofing: false,
        dhcp_guard: false,
        flow_limit: None,
    }
}

fn mapping() -> Mapping {
    Mapping { mac: MacAddr::from_u64(7), pa: [172, 16, 0, 1].into() }
}

/// One of everything.
fn everything() -> Vec<Step> {
    vec![
        Step::Host(HostPolicy { provider_address: Some([172, 16, 0, 1].into()), ..HostPolicy::default() }),
        Step::Acl(ACL, Tag(1), acl()),
        Step::Network(NETWORK, Tag(2), network(5000, Some(ACL))),
        Step::Mapping(NETWORK, vsid(5000), [10, 0, 0, 4].into(), mapping()),
        Step::Port(PORT, Tag(3), port(Some(ACL))),
        Step::BlockPort(PortId(4)),
    ]
}

/// Runs all of them against drivers that `new` makes.
pub(crate) fn check<D: VfpDriver>(new: impl Fn() -> D) {
    what_is_set_reads_back(new());
    steps_are_idempotent(new());
    what_is_removed_is_gone(new());
    a_failed_step_changes_nothing_and_stops_nothing(new());
    what_is_in_use_stays(new());
}

fn what_is_set_reads_back(mut driver: impl VfpDriver) {
    assert_eq!(driver.read(), Ok(Programmed::default()));
    assert_eq!(driver.apply(everything()), []);
    let read = driver.read().unwrap();
    assert_eq!(read.host.provider_address, Some([172, 16, 0, 1].into()));
    assert_eq!(read.acls, [(ACL, Tag(1))].into());
    assert_eq!(read.networks, [(NETWORK, Tag(2))].into());
    assert_eq!(read.mappings, [((NETWORK, vsid(5000), [10, 0, 0, 4].into()), mapping())].into());
    assert_eq!(read.ports, [(PORT, Some(Tag(3))), (PortId(4), None)].into());
}

fn steps_are_idempotent(mut driver: impl VfpDriver) {
    driver.apply(everything());
    let once = driver.read();
    assert_eq!(driver.apply(everything()), []);
    assert_eq!(driver.read(), once);
}

fn what_is_removed_is_gone(mut driver: impl VfpDriver) {
    driver.apply(everything());
    let removal = || {
        vec![
            Step::RemovePort(PORT),
            Step::RemovePort(PortId(4)),
            Step::Host(HostPolicy::default()),
            Step::RemoveMapping(NETWORK, vsid(5000), [10, 0, 0, 4].into()),
            Step::RemoveNetwork(NETWORK),
            Step::RemoveAcl(ACL),
        ]
    };
    assert_eq!(driver.apply(removal()), []);
    assert_eq!(driver.read(), Ok(Programmed::default()));
    assert_eq!(driver.apply(removal()), [], "what is not there is removed without complaint");
}

fn a_failed_step_changes_nothing_and_stops_nothing(mut driver: impl VfpDriver) {
    driver.apply(everything());
    let missing = Some(AclId(99));
    let failed = driver.apply(vec![
        Step::Port(PORT, Tag(30), port(missing)),
        Step::Network(NETWORK, Tag(20), network(5000, missing)),
        Step::Network(NetworkId(9), Tag(9), network(5000, None)),
        Step::Acl(ACL, Tag(10), acl()),
    ]);
    let keys: Vec<Key> = failed.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [Key::Port(PORT), Key::Network(NETWORK), Key::Network(NetworkId(9))]);
    let read = driver.read().unwrap();
    assert_eq!((read.ports[&PORT], read.networks), (Some(Tag(3)), [(NETWORK, Tag(2))].into()));
    assert_eq!(read.acls, [(ACL, Tag(10))].into());
}

fn what_is_in_use_stays(mut driver: impl VfpDriver) {
    driver.apply(everything());
    let failed = driver.apply(vec![Step::RemoveAcl(ACL), Step::RemoveNetwork(NETWORK)]);
    assert_eq!(failed.len(), 2);
    let read = driver.read().unwrap();
    assert_eq!((read.acls.len(), read.networks.len(), read.mappings.len()), (1, 1, 1));
}

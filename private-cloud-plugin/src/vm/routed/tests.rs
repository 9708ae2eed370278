//! nat, transparent and overlay, on a kernel that only remembers.

use super::*;
use crate::network::overlay::Remote;
use crate::network::{EndpointId, PublishedPort, Transport};
use crate::vm::tests::Bench;
use crate::vm::{Change, EndpointSpec, NetworkSpec, Place};
use std::net::Ipv4Addr;

impl Bench {
    fn network(&self, name: &str, spec: &NetworkSpec) -> Result<(), VmError> {
        self.vm.change(|change| change.add_network(&name.parse().unwrap(), spec))
    }

    fn endpoint(&self, network: &str, address: [u8; 4], ports: &[PublishedPort]) -> Result<(), VmError> {
        self.vm.change(|change| attach(change, network, address.into(), ports))
    }

    fn remove_from(&self, network: &str, address: [u8; 4]) {
        let id = endpoint_id(network, address.into());
        self.vm.change(|change| change.remove_endpoint(&id)).unwrap();
    }
}

fn attach(change: &mut Change<'_>, network: &str, address: Ipv4Addr, ports: &[PublishedPort]) -> Result<(), VmError> {
    let id = endpoint_id(network, address);
    change.add_endpoint(&id, &EndpointSpec { network: network.parse().unwrap(), address, mac: None })?;
    change.publish(&id, ports)?;
    change.attach(&id, &Place::Here).map(drop)
}

fn endpoint_id(network: &str, address: Ipv4Addr) -> EndpointId {
    format!("{network}:{address}").parse().unwrap()
}

fn nat(prefix: &str) -> NetworkSpec {
    spec(Kind::Nat, prefix)
}

fn spec(kind: Kind, prefix: &str) -> NetworkSpec {
    let subnet: Ipv4Net = prefix.parse().unwrap();
    NetworkSpec { subnet, gateway: subnet.hosts().next(), ..NetworkSpec::new(kind) }
}

fn overlay(vsid: u32, remotes: &[(u32, [u8; 4])]) -> Overlay {
    let remote = |&(vsid, address): &(u32, [u8; 4])| Remote {
        address: address.into(),
        mac: Endpoint::usual_mac(address.into()),
        vsid: vsid.try_into().unwrap(),
        host: Ipv4Addr::new(192, 168, 1, 20),
    };
    Overlay {
        vsid: vsid.try_into().unwrap(),
        domain: String::new(),
        remotes: remotes.iter().map(remote).collect(),
        outbound_nat: false,
    }
}

fn overlay_network(prefix: &str, overlay: Overlay) -> NetworkSpec {
    NetworkSpec { overlay: Some(overlay), ..spec(Kind::Overlay, prefix) }
}

const WEB: PublishedPort = PublishedPort { protocol: Transport::Tcp, external: 8080, internal: 80 };

#[test]
fn a_network_that_cannot_be_is_refused_with_the_reason() {
    let bench = Bench::new();
    bench.network("nat", &nat("172.20.0.0/24")).unwrap();
    bench.network("nat", &nat("172.20.0.0/24")).unwrap();
    bench.network("web", &overlay_network("10.1.1.0/24", overlay(5001, &[]))).unwrap();
    for (spec, part) in [
        (nat("172.21.0.0/24"), "one internal prefix, and that is 172.20.0.0/24"),
        (NetworkSpec { gateway: None, ..nat("172.20.0.0/24") }, "needs a gateway"),
        (NetworkSpec { gateway: Some(Ipv4Addr::new(10, 0, 0, 1)), ..nat("172.20.0.0/24") }, "needs a gateway"),
        (spec(Kind::Overlay, "10.1.2.0/24"), "needs a virtual subnet id"),
        (overlay_network("10.1.2.0/24", overlay(5001, &[])), "5001 is that of another network"),
        (overlay_network("10.1.2.0/24", overlay(4095, &[])), "4095 is no virtual subnet id"),
        (overlay_network("10.1.2.0/24", overlay(5002, &[(1, [10, 1, 2, 5])])), "1 is no virtual subnet id"),
        (
            NetworkSpec { overlay: Some(overlay(5002, &[])), ..spec(Kind::Transparent, "10.1.2.0/24") },
            "only overlay networks",
        ),
    ] {
        let error = bench.network("more", &spec).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_port_of_the_vm_leads_to_one_nat_container_until_that_is_gone() {
    let bench = Bench::new();
    bench.network("nat", &nat("172.20.0.0/24")).unwrap();
    bench.network("near", &spec(Kind::Transparent, "192.168.1.0/24")).unwrap();
    bench.endpoint("nat", [172, 20, 0, 2], &[WEB]).unwrap();
    bench.endpoint("nat", [172, 20, 0, 2], &[WEB]).unwrap();
    assert!(bench.kernel.table().contains("tcp . 8080 : 172.20.0.2 . 80"));
    assert!(matches!(bench.endpoint("nat", [172, 20, 0, 3], &[WEB]), Err(VmError::PortTaken { port: 8080, .. })));
    let own_address = bench.endpoint("near", [192, 168, 1, 101], &[WEB]).unwrap_err().to_string();
    assert!(own_address.contains("reached at its own address, 192.168.1.101"), "{own_address}");
    bench.remove_from("nat", [172, 20, 0, 2]);
    assert!(!bench.kernel.table().contains("8080"));
    bench.endpoint("nat", [172, 20, 0, 3], &[WEB]).unwrap();
}

#[test]
fn vxlan_devices_come_with_the_first_container_and_go_with_the_last_network() {
    let bench = Bench::new();
    let vxlans = || bench.kernel.devices().into_iter().filter(|name| name.contains("vx")).collect::<Vec<_>>();
    bench.network("web", &overlay_network("10.1.1.0/24", overlay(5001, &[(5002, [10, 1, 2, 5])]))).unwrap();
    bench.network("db", &overlay_network("10.1.2.0/24", overlay(5002, &[]))).unwrap();
    assert!(vxlans().is_empty());
    bench.endpoint("web", [10, 1, 1, 4], &[]).unwrap();
    assert_eq!(vxlans(), ["pc-vx5001", "pc-vx5002"]);
    bench.remove_from("web", [10, 1, 1, 4]);
    assert!(bench.kernel.table().contains("chain pc_vx5001"), "a device without containers is no way into the VM");
    bench.vm.change(|change| change.remove_network(&"web".parse().unwrap())).unwrap();
    assert_eq!(vxlans(), ["pc-vx5002"], "the other network has the other");
    bench.vm.change(|change| change.remove_network(&"db".parse().unwrap())).unwrap();
    assert!(vxlans().is_empty());
}

#[test]
fn a_container_that_cannot_be_connected_leaves_no_device_behind() {
    let bench = Bench::new();
    bench.network("web", &overlay_network("10.1.1.0/24", overlay(5001, &[(5001, [10, 1, 1, 5])]))).unwrap();
    for step in ["neighbour replace", "fdb replace", "address replace", "forward", "10.1.1.4 : "] {
        bench.kernel.refuse(Some(step));
        assert!(matches!(bench.endpoint("web", [10, 1, 1, 4], &[]), Err(VmError::Kernel(_))), "{step}");
        bench.kernel.refuse(None);
        assert!(bench.kernel.devices().is_empty(), "{step}");
    }
    bench.endpoint("web", [10, 1, 1, 4], &[]).unwrap();
}

#[test]
fn an_uplink_listens_to_everything_only_while_there_are_transparent_containers() {
    let state = |kind: Kind, endpoints: usize| {
        let bench = Bench::new();
        bench.network("near", &spec(kind, "192.168.1.0/24")).unwrap();
        for octet in (101..).take(endpoints) {
            bench.endpoint("near", [192, 168, 1, octet], &[]).unwrap();
        }
        bench.vm.look().unwrap().0
    };
    let transparent = |endpoints| state(Kind::Transparent, endpoints);
    assert_eq!(quiet_uplinks(&transparent(1), &transparent(0)), BTreeSet::from(["e0".to_owned()]));
    assert!(quiet_uplinks(&transparent(2), &transparent(1)).is_empty());
    assert!(quiet_uplinks(&transparent(0), &transparent(1)).is_empty());
}

#[test]
fn a_container_of_an_overlay_has_room_for_encapsulation() {
    let uplink = Device { mac: Endpoint::usual_mac(Ipv4Addr::LOCALHOST), mtu: 1500, addresses: Vec::new() };
    assert_eq!(usual_mtu(Kind::Overlay, &uplink), 1450);
    assert_eq!(usual_mtu(Kind::Nat, &uplink), 1500);
}

//! The VM as a whole, on a kernel that only remembers.

use super::*;
use crate::book::{BookError, Holder, Want};
use crate::kernel::fake::Fake;
use crate::offer::Offer;
use std::path::Path;

fn offer(addresses: &[u8]) -> Offer {
    let entries = addresses
        .iter()
        .map(|last| format!(r#"{{"IP":"192.168.1.{last}","Mask":"255.255.255.0","DefaultGateways":["192.168.1.1"]}}"#));
    Offer::parse(format!(r#"{{"IPs":[{}]}}"#, entries.collect::<Vec<_>>().join(",")).as_bytes()).unwrap()
}

pub(super) struct Bench {
    directory: tempfile::TempDir,
    pub(super) kernel: Arc<Fake>,
    pub(super) vm: Vm,
}

impl Bench {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let kernel = Arc::new(Fake::vm());
        let vm = Vm::on(directory.path(), kernel.clone());
        Self { directory, kernel, vm }
    }

    fn file(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("state.json")).unwrap_or_default()
    }

    /// What a CNI plugin does for ADD.
    fn add(&self, id: &str, kind: Kind) -> Result<Ipv4Addr, VmError> {
        let (network, endpoint): (NetworkId, EndpointId) = ("blue".parse().unwrap(), id.parse().unwrap());
        self.vm.change(|change| {
            change.merge(&offer(&[101, 102]));
            let holder = Holder::Attachment { network: network.clone(), endpoint: endpoint.clone() };
            let lease = change.lease(Want::default(), holder)?;
            let spec = NetworkSpec { subnet: lease.subnet, gateway: lease.routing.gateway, ..NetworkSpec::new(kind) };
            change.add_network(&network, &spec)?;
            let spec = EndpointSpec { network: network.clone(), address: lease.address, mac: None };
            change.add_endpoint(&endpoint, &spec)?;
            let place = Place::Namespace { path: "/run/netns/c".into(), interface: "eth0".into(), routes: None };
            change.attach(&endpoint, &place)?;
            Ok(lease.address)
        })
    }

    fn remove(&self, id: &str) {
        self.vm.change(|change| change.remove_endpoint(&id.parse().unwrap())).unwrap();
    }
}

fn id(text: &str) -> EndpointId {
    text.parse().unwrap()
}

#[test]
fn an_endpoint_comes_with_devices_and_rules_and_goes_with_them() {
    let bench = Bench::new();
    let address = bench.add("c1", Kind::L2Bridge).unwrap();
    assert_eq!(address, Ipv4Addr::new(192, 168, 1, 101));
    assert_eq!(bench.kernel.devices(), [id("c1").host_device()]);
    assert!(bench.kernel.table().contains("192.168.1.101"));
    bench.vm.check(&"blue".parse().unwrap(), &id("c1"), address).unwrap();
    bench.remove("c1");
    assert_eq!(bench.kernel.devices(), <[String; 0]>::default());
    assert!(!bench.kernel.table().contains("192.168.1.101"));
    assert_eq!(bench.add("c2", Kind::L2Bridge).unwrap(), address, "the address is free again");
}

#[test]
fn asking_twice_gives_the_same() {
    let bench = Bench::new();
    let first = bench.add("c1", Kind::L2Tunnel).unwrap();
    assert_eq!(bench.add("c1", Kind::L2Tunnel).unwrap(), first);
    assert_eq!(bench.kernel.devices().len(), 1);
    bench.remove("c1");
    bench.remove("c1");
}

#[test]
fn whatever_fails_leaves_nothing_behind() {
    let bench = Bench::new();
    bench.add("c1", Kind::L2Bridge).unwrap();
    let (file, devices, table) = (bench.file(), bench.kernel.devices(), bench.kernel.table());
    for step in ["link add", "addrgenmode", "address add", "route replace", "192.168.1.102"] {
        bench.kernel.refuse(Some(step));
        assert!(matches!(bench.add("c2", Kind::L2Bridge), Err(VmError::Kernel(_))), "{step}");
        bench.kernel.refuse(None);
        assert_eq!(bench.file(), file, "{step}");
        assert_eq!(bench.kernel.devices(), devices, "{step}");
        assert_eq!(bench.kernel.table(), table, "{step}");
    }
    bench.add("c2", Kind::L2Bridge).unwrap();
}

#[test]
fn a_state_that_cannot_be_saved_undoes_devices_and_table() {
    let bench = Bench::new();
    bench.add("c1", Kind::L2Bridge).unwrap();
    let (file, devices, table) = (bench.file(), bench.kernel.devices(), bench.kernel.table());
    // A directory in the place of the new file: nobody, not even root, can write to it.
    let obstacle = bench.directory.path().join("state.json.new");
    std::fs::create_dir(&obstacle).unwrap();
    assert!(matches!(bench.add("c2", Kind::L2Bridge), Err(VmError::Store(_))));
    assert_eq!((bench.file(), bench.kernel.devices(), bench.kernel.table()), (file, devices, table));
    std::fs::remove_dir(&obstacle).unwrap();
    bench.add("c2", Kind::L2Bridge).unwrap();
}

#[test]
fn a_restart_of_the_vm_frees_every_address_and_keeps_networks() {
    let bench = Bench::new();
    bench.add("c1", Kind::L2Bridge).unwrap();
    bench.add("c2", Kind::L2Bridge).unwrap();
    assert!(matches!(bench.add("c3", Kind::L2Bridge), Err(VmError::Book(BookError::Exhausted { total: 2, .. }))));
    bench.kernel.see(|observed| {
        observed.boot = "second".to_owned();
        observed.devices.retain(|name, _| name == "e0");
    });
    let (state, _) = bench.vm.look().unwrap();
    assert!(state.endpoints.is_empty() && state.networks.len() == 1);
    assert_eq!(bench.add("c3", Kind::L2Bridge).unwrap(), Ipv4Addr::new(192, 168, 1, 101));
    assert!(!bench.kernel.table().contains("192.168.1.102"));
}

#[test]
fn an_endpoint_whose_device_went_with_its_container_keeps_its_address_until_reconciled() {
    let bench = Bench::new();
    let address = bench.add("c1", Kind::L2Bridge).unwrap();
    bench.add("c2", Kind::L2Bridge).unwrap();
    bench.kernel.see(|observed| drop(observed.devices.remove(&id("c1").host_device())));
    let gone = bench.vm.check(&"blue".parse().unwrap(), &id("c1"), address);
    assert!(matches!(gone, Err(VmError::DeviceGone { .. })));
    assert!(bench.add("c3", Kind::L2Bridge).is_err(), "its owner may still want it");
    bench.vm.reconcile().unwrap();
    assert!(!bench.kernel.table().contains("192.168.1.101"));
    assert_eq!(bench.add("c3", Kind::L2Bridge).unwrap(), address);
}

#[test]
fn a_device_that_no_endpoint_knows_is_deleted_by_reconciliation() {
    let bench = Bench::new();
    bench.add("c1", Kind::L2Bridge).unwrap();
    std::fs::remove_file(bench.directory.path().join("state.json")).unwrap();
    bench.vm.reconcile().unwrap();
    assert!(bench.kernel.devices().is_empty());
}

#[test]
fn a_data_plane_that_somebody_flushed_is_loaded_again() {
    let bench = Bench::new();
    assert!(!bench.vm.heal().unwrap(), "without containers there is none");
    bench.add("c1", Kind::L2Bridge).unwrap();
    let (table, file) = (bench.kernel.table(), bench.file());
    assert!(!bench.vm.heal().unwrap());
    bench.kernel.flush();
    assert!(bench.vm.heal().unwrap());
    assert_eq!((bench.kernel.table(), bench.file()), (table, file));
}

#[test]
fn collection_drops_what_nobody_wants_of_one_network_only() {
    let bench = Bench::new();
    bench.add("c1", Kind::L2Bridge).unwrap();
    bench.add("c2", Kind::L2Bridge).unwrap();
    bench.vm.change(|change| change.collect(&"red".parse().unwrap(), |_| false)).unwrap();
    assert_eq!(bench.kernel.devices().len(), 2);
    bench.vm.change(|change| change.collect(&"blue".parse().unwrap(), |kept| *kept == id("c2"))).unwrap();
    assert_eq!(bench.kernel.devices(), [id("c2").host_device()]);
    assert_eq!(bench.add("c3", Kind::L2Bridge).unwrap(), Ipv4Addr::new(192, 168, 1, 101));
}

#[test]
fn a_network_with_endpoints_neither_changes_nor_goes() {
    let bench = Bench::new();
    bench.add("c1", Kind::L2Bridge).unwrap();
    let network: NetworkId = "blue".parse().unwrap();
    assert!(matches!(bench.add("c2", Kind::L2Tunnel), Err(VmError::NetworkDiffers(_))));
    let removed = bench.vm.change(|change| change.remove_network(&network));
    assert!(matches!(removed, Err(VmError::NetworkInUse(_, 1))));
    bench.remove("c1");
    bench.vm.change(|change| change.remove_network(&network)).unwrap();
    bench.vm.change(|change| change.remove_network(&network)).unwrap();
}

#[test]
fn an_address_that_the_vm_itself_has_is_not_given_away() {
    let bench = Bench::new();
    bench.kernel.see(|observed| {
        let uplink = observed.devices.get_mut("e0").unwrap();
        uplink.addresses.push("192.168.1.101/24".parse().unwrap());
    });
    assert_eq!(bench.add("c1", Kind::L2Bridge).unwrap(), Ipv4Addr::new(192, 168, 1, 102));
}

#[test]
fn names_that_would_be_commands_are_refused() {
    let bench = Bench::new();
    bench.add("c1", Kind::L2Bridge).unwrap();
    for (path, interface) in [
        ("/run/netns/c", "eth0 up\nlink"),
        ("/run/netns/c", ""),
        ("/run/netns/c", "an-interface-name"),
        ("/run/netns/c\"\nlink delete e0", "eth0"),
        ("relative", "eth0"),
    ] {
        let place = Place::Namespace { path: Path::new(path).into(), interface: interface.to_owned(), routes: None };
        assert!(bench.vm.change(|change| change.attach(&id("c1"), &place)).is_err(), "{path} {interface}");
    }
}

#[test]
fn a_device_that_a_killed_call_left_goes_with_the_endpoint_that_it_was_for() {
    let bench = Bench::new();
    bench.add("c1", Kind::L2Bridge).unwrap();
    // Devices and rules were made, and then nothing was written down.
    std::fs::remove_file(bench.directory.path().join("state.json")).unwrap();
    assert_eq!(bench.kernel.devices(), [id("c1").host_device()]);
    bench.remove("c1");
    assert_eq!(bench.kernel.devices(), <[String; 0]>::default());
    assert!(!bench.kernel.table().contains("192.168.1.101"));
}

#[test]
fn no_container_gets_an_address_of_the_vm_or_of_the_router() {
    let bench = Bench::new();
    for last in [1, 9] {
        let address = Ipv4Addr::new(192, 168, 1, last);
        let subnet: Ipv4Net = "192.168.1.0/24".parse().unwrap();
        let (network, endpoint): (NetworkId, EndpointId) = ("blue".parse().unwrap(), id("c1"));
        let added = bench.vm.change(|change| {
            let holder = Holder::Attachment { network: network.clone(), endpoint: endpoint.clone() };
            change.reserve(address, subnet, holder)?;
            let gateway = Some(Ipv4Addr::new(192, 168, 1, 1));
            change.add_network(&network, &NetworkSpec { subnet, gateway, ..NetworkSpec::new(Kind::L2Bridge) })?;
            change.add_endpoint(&endpoint, &EndpointSpec { network: network.clone(), address, mac: None })
        });
        assert!(matches!(added, Err(VmError::NoContainerAddress(found)) if found == address), "{added:?}");
    }
}

#[test]
fn a_container_whose_uplink_is_gone_reaches_nothing() {
    let bench = Bench::new();
    bench.add("c1", Kind::L2Bridge).unwrap();
    bench.kernel.see(|observed| drop(observed.devices.remove("e0")));
    bench.vm.reconcile().unwrap();
    let hook = format!("device \"{}\" priority 0; policy accept;\n\t\tdrop\n\t}}\n", id("c1").host_device());
    assert!(bench.kernel.table().contains(&hook), "{}", bench.kernel.table());
}

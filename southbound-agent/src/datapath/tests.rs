//! Real frames between real devices, in network namespaces of their own that vanish with their threads.

use crate::config::{DatapathKind, DriverKind, Settings};
use crate::datapath::device::Device;
use crate::datapath::messages::{Outgoing, Slot};
use crate::datapath::offload::{VNET_HEADER, fold, sum_of};
use crate::datapath::poller::Poller;
use crate::startup::Application;
use policy::GOAL_STATE_VERSION;
use policy::acl::Action;
use policy::goal_state::{SectionBody, SectionKey, Update};
use policy::host::{DefaultVerdict, Encapsulation, Host, ProviderAddress};
use policy::ids::{Epoch, Generation, HostId, NetworkId, NicId, SubnetId};
use policy::mapping::{Mapping, MappingShard, ShardId};
use policy::net::{MacAddr, Vsid};
use policy::network::{Network, Subnet};
use policy::port::{Guards, Port, PortAddress, Qos};
use policy::report::{AttachPort, PortResult};
use std::os::fd::AsFd;
use std::process::Command;
use std::thread;
use uuid::Uuid;

const NETWORK: NetworkId = NetworkId(Uuid::from_u128(0x33));
const SUBNET: SubnetId = SubnetId(Uuid::from_u128(0x44));
/// What an Ethernet frame carries without jumbo sizes.
const MTU: usize = 1500;

/// Runs `test` on a thread with a network namespace of its own; says so if that is not allowed.
fn in_namespace(test: impl FnOnce() + Send + 'static) {
    let body = || {
        #[expect(unsafe_code, reason = "the standard library has no unshare")]
        // SAFETY: no pointers; only this thread, and those it starts, change their namespace.
        let unshared = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
        if unshared {
            ip("link set lo up");
            test();
        } else {
            eprintln!("skipped: no privilege to make a network namespace");
        }
    };
    thread::spawn(body).join().unwrap();
}

fn ip(arguments: &str) {
    assert!(Command::new("ip").args(arguments.split(' ')).status().unwrap().success(), "ip {arguments}");
}

fn await_up(device: &str) {
    let show = || Command::new("ip").args(["link", "show", "dev", device]).output().unwrap().stdout;
    while !String::from_utf8_lossy(&show()).contains("state UP") {}
}

fn mac(number: u8) -> MacAddr {
    MacAddr::new([2, 0, 0, 0, 0, number])
}

fn nic(number: u8) -> NicId {
    NicId(Uuid::from_u128(number.into()))
}

/// Host `number` of two, at 127.0.1.`number`. VM `n` is 10.0.0.`n`; 4 and 5 are on host 1, 6 is on host 2.
struct TestHost {
    application: Application,
    number: u8,
    _state: tempfile::TempDir,
}

impl TestHost {
    fn start(number: u8) -> Self {
        Self::start_on(number, None)
    }

    fn start_on(number: u8, underlay_device: Option<&str>) -> Self {
        let state = tempfile::tempdir().unwrap();
        let settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            state_dir: state.path().to_owned(),
            driver: DriverKind::Software,
            datapath: DatapathKind::Sockets,
            host_id: None,
            provider_address: None,
            underlay_device: underlay_device.map(str::to_owned),
            proxy_listen: crate::proxy::settings::Site::LISTEN,
            trust_management_network: false,
        };
        // Listening needs a runtime, though nothing is served here.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let application = runtime.block_on(async { Application::build(&settings) }).unwrap();
        Self { application, number, _state: state }
    }

    /// Policy for the VMs of this host; they may talk to each other about everything.
    fn program(&self, generation: u64, vms: &[u8]) {
        self.program_at(generation, vms, [127, 0, 1, self.number]);
    }

    fn program_at(&self, generation: u64, vms: &[u8], provider_address: [u8; 4]) {
        let without_acl = DefaultVerdict { inbound: Action::Allow, outbound: Action::Allow };
        let address: std::net::IpAddr = provider_address.into();
        let provider_address = ProviderAddress { address, subnet: "127.0.0.0/8".parse().unwrap(), vlan: 0 };
        let host = Host {
            id: HostId(Uuid::from_u128(self.number.into())),
            provider_address: Some(provider_address),
            encapsulation: Encapsulation::Vxlan,
            without_acl,
        };
        let vsid = Vsid::new(5001).unwrap();
        let prefix = "10.0.0.0/24".parse().unwrap();
        let subnet = Subnet { id: SUBNET, vsid, prefix, router: [10, 0, 0, 1].into(), acl: None };
        let address_space = vec![prefix];
        let network =
            Network { id: NETWORK, address_space, router_mac: mac(1), subnets: vec![subnet], dns_servers: Vec::new() };
        let mapping = |(vm, on): (u8, u8)| Mapping {
            vsid,
            ca: [10, 0, 0, vm].into(),
            mac: mac(vm),
            pa: if on == self.number { address } else { [127, 0, 1, on].into() },
        };
        let shard = MappingShard { entries: [(4, 1), (5, 1), (6, 2)].map(mapping).into() };
        let mut sections = vec![
            (SectionKey::Host, SectionBody::new(&host).unwrap()),
            (SectionKey::Routes(NETWORK), SectionBody::new(&network).unwrap()),
            (SectionKey::Mappings(NETWORK, ShardId::of([10, 0, 0, 4].into())), SectionBody::new(&shard).unwrap()),
        ];
        sections.extend(vms.iter().map(|&vm| {
            let address = PortAddress { ca: [10, 0, 0, vm].into(), subnet: SUBNET, acl: None, primary: true };
            let port = Port {
                nic: nic(vm),
                mac: mac(vm),
                network: Some(NETWORK),
                addresses: vec![address],
                qos: Qos::default(),
                guards: Guards::default(),
                secondary: false,
                dns_servers: Vec::new(),
            };
            (SectionKey::Port(nic(vm)), SectionBody::new(&port).unwrap())
        }));
        let update = Update {
            version: GOAL_STATE_VERSION,
            epoch: Epoch(Uuid::from_u128(9)),
            generation: Generation(generation),
            base: None,
            set: sections.iter().map(|(key, body)| (*key, body.hash)).collect(),
            remove: Vec::new(),
            bodies: sections.iter().map(|(_, body)| (body.hash, body.json.clone())).collect(),
        };
        self.application.agent().put_goal_state(&serde_json::to_vec(&update).unwrap()).unwrap();
    }

    /// A device pair, one end attached as the VM's port; returns the VM's end.
    fn attach(&self, vm: u8) -> Vm {
        ip(&format!("link add h{vm} type veth peer name g{vm}"));
        let request = AttachPort { device: format!("h{vm}"), profile_id: nic(vm), mac: mac(vm), vm: None };
        self.application.agent().attach(&request).unwrap();
        let guest = Vm::new(vm);
        // The kernel raises both ends on its own time, and drops what is sent before.
        [format!("h{vm}"), format!("g{vm}")].iter().for_each(|device| await_up(device));
        guest
    }

    fn counter(&self, name: &str) -> u64 {
        let metrics = self.application.agent().metrics();
        metrics.totals.iter().find(|(found, _)| *found == name).unwrap().1
    }
}

/// The guest: its end of the device pair, opened like a port, since a guest's offloads are the same thing.
struct Vm {
    number: u8,
    device: Device,
    poller: Poller,
}

impl Vm {
    fn new(number: u8) -> Self {
        let device = Device::open(&format!("g{number}")).unwrap();
        let poller = Poller::new().unwrap();
        poller.add(device.as_fd(), 0).unwrap();
        Self { number, device, poller }
    }

    fn send(&self, head: [u8; VNET_HEADER], frame: &[u8]) {
        let outgoing = Outgoing { head: &head, body: frame, destination: None, segment: None };
        assert_eq!(self.device.send(&[outgoing]).unwrap(), 1);
    }

    /// The next frame for this VM, with its offload header.
    fn receive(&self) -> ([u8; VNET_HEADER], Vec<u8>) {
        let mut slots = [Slot::new(0)];
        loop {
            match self.device.receive(&mut slots) {
                Ok(_) => return (slots[0].head, slots[0].bytes().unwrap().to_vec()),
                Err(_) => self.poller.wait(&mut Vec::new()).unwrap(),
            }
        }
    }

    fn ethernet(&self, to: u8) -> Vec<u8> {
        [mac(to).octets().as_slice(), mac(self.number).octets().as_slice(), &[8, 0]].concat()
    }

    /// TCP, acknowledging, with a checksum that is right over the pseudo header only: the device is to finish it.
    fn tcp(&self, to: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = self.ethernet(to);
        let length = u16::try_from(40 + payload.len()).unwrap().to_be_bytes();
        frame.extend([0x45, 0, length[0], length[1], 0, 1, 0x40, 0, 64, 6, 0, 0]);
        frame.extend([10, 0, 0, self.number, 10, 0, 0, to]);
        let checksum = !fold(sum_of(0, &frame[14..34]));
        frame[24..26].copy_from_slice(&checksum.to_be_bytes());
        let pseudo = fold(sum_of(6 + 20 + payload.len() as u64, &frame[26..34])).to_be_bytes();
        frame.extend([0xc0, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0x10, 0, pseudo[0], pseudo[1], 0, 0]);
        frame.extend(payload);
        frame
    }

    fn udp(&self, to: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = self.ethernet(to);
        let length = u16::try_from(28 + payload.len()).unwrap().to_be_bytes();
        frame.extend([0x45, 0, length[0], length[1], 0, 1, 0x40, 0, 64, 17, 0, 0]);
        frame.extend([10, 0, 0, self.number, 10, 0, 0, to]);
        let checksum = !fold(sum_of(0, &frame[14..34]));
        frame[24..26].copy_from_slice(&checksum.to_be_bytes());
        let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
        frame.extend([0xc0, 0, 0, 53, length[0], length[1], 0, 0]);
        frame.extend(payload);
        frame
    }
}

/// Offload header: finish the TCP checksum, and cut into segments of this size if it is not 0.
fn unfinished(segment: u16) -> [u8; VNET_HEADER] {
    let [a, b] = segment.to_ne_bytes();
    let ([c, d], [e, f]) = (34u16.to_ne_bytes(), 16u16.to_ne_bytes());
    [1, u8::from(segment != 0), 0, 0, a, b, c, d, e, f]
}

#[test]
fn vms_of_one_host_reach_each_other() {
    in_namespace(|| {
        let host = TestHost::start(1);
        host.program(1, &[4, 5]);
        let (four, five) = (host.attach(4), host.attach(5));
        four.send([0; VNET_HEADER], &four.udp(5, b"hello"));
        assert_eq!(five.receive().1, four.udp(5, b"hello"));
    });
}

#[test]
fn unfinished_frames_reach_vms_of_the_other_host_whole() {
    in_namespace(|| {
        let (one, two) = (TestHost::start(1), TestHost::start(2));
        one.program(1, &[4]);
        two.program(1, &[6]);
        let (four, six) = (one.attach(4), two.attach(6));
        let payload: Vec<u8> = (0..20_000u32).map(|number| number.to_le_bytes()[0]).collect();
        four.send(unfinished(1400), &four.tcp(6, &payload));
        let mut received = Vec::new();
        while received.len() < payload.len() {
            let (head, frame) = six.receive();
            // Either a whole frame, or several joined, which the guest's device would cut again.
            assert!(frame.len() <= 14 + MTU || head[1] == 1, "{head:?}");
            assert_eq!(frame[..14], four.tcp(6, b"")[..14]);
            received.extend_from_slice(&frame[54..]);
        }
        assert_eq!(received, payload);
        let flows = two.application.agent().flows(nic(6), 10).unwrap();
        assert_eq!((flows.len(), flows[0].inbound.packets), (1, 15), "{flows:?}");
    });
}

#[test]
fn a_port_without_policy_drops_everything_until_it_comes() {
    in_namespace(|| {
        let host = TestHost::start(1);
        host.program(1, &[4]);
        let (four, five) = (host.attach(4), host.attach(5));
        five.send([0; VNET_HEADER], &five.udp(4, b"too early"));
        // The engine's counter says that the frame was seen.
        let blocked =
            || host.application.agent().metrics().ports.iter().any(|(_, counters)| !counters.drops.is_empty());
        while !blocked() {
            thread::yield_now();
        }
        host.program(2, &[4, 5]);
        five.send([0; VNET_HEADER], &five.udp(4, b"in time"));
        assert_eq!(four.receive().1, five.udp(4, b"in time"));
    });
}

#[test]
fn tagged_frames_do_not_pass_for_untagged_ones() {
    in_namespace(|| {
        let host = TestHost::start(1);
        host.program(1, &[4, 5]);
        let (four, five) = (host.attach(4), host.attach(5));
        let mut tagged = four.udp(5, b"tagged");
        tagged.splice(12..12, [0x81, 0, 0, 7]);
        four.send([0; VNET_HEADER], &tagged);
        four.send([0; VNET_HEADER], &four.udp(5, b"untagged"));
        assert_eq!(five.receive().1, four.udp(5, b"untagged"));
        assert_eq!(host.counter("datapath_tagged"), 1);
    });
}

#[test]
fn a_device_that_disappears_is_a_port_that_is_detached() {
    in_namespace(|| {
        let host = TestHost::start(1);
        host.program(1, &[4]);
        let agent = host.application.agent();
        let mut news = agent.subscribe();
        let vm = host.attach(4);
        assert_eq!(agent.ports()[0].result, PortResult::Success);
        let instance = Some(agent.events(None, 0).instance);
        let before = agent.events(instance, 0);
        news.mark_unchanged();
        ip("link del h4");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(news.changed()).unwrap();
        let events = agent.events(instance, before.sequence);
        assert_eq!(events.detached, [before.ports[0].attach_id]);
        assert_eq!(host.counter("datapath_devices_gone"), 1);
        drop(vm);

        // The VM is started again.
        let again = host.attach(4);
        assert_ne!(agent.ports()[0].attach_id, before.ports[0].attach_id);
        again.send([0; VNET_HEADER], &[again.ethernet(1), vec![0; 46]].concat());
    });
}

#[test]
fn a_device_that_is_not_there_cannot_be_attached() {
    in_namespace(|| {
        let host = TestHost::start(1);
        let request = AttachPort { device: "none".to_owned(), profile_id: nic(4), mac: mac(4), vm: None };
        assert!(host.application.agent().attach(&request).is_err());
        assert_eq!(host.application.agent().ports(), []);
    });
}

#[test]
fn the_provider_address_is_kept_on_the_underlay_device() {
    in_namespace(|| {
        ip("link add u0 type veth peer name u1");
        ip("link set u1 up");
        let host = TestHost::start_on(1, Some("u0"));
        let agent = host.application.agent();
        let state = || serde_json::to_value(agent.status()).unwrap()["underlay"].clone();
        assert_eq!(state()["state"], "waiting");
        let on_device = |address: &str| {
            let output = Command::new("ip").args(["-o", "addr", "show", "dev", "u0"]).output().unwrap();
            String::from_utf8_lossy(&output.stdout).contains(address)
        };
        host.program_at(1, &[], [10, 99, 0, 1]);
        assert_eq!(state(), serde_json::json!({ "state": "up", "address": "10.99.0.1" }));
        assert!(on_device("10.99.0.1/8"));

        host.program_at(2, &[], [10, 99, 0, 2]);
        assert_eq!(state()["address"], "10.99.0.2");
        assert!(on_device("10.99.0.2/8") && !on_device("10.99.0.1/8"));

        // Somebody takes it away; the next round puts it back.
        ip("addr del 10.99.0.2/8 dev u0");
        agent.tend();
        assert_eq!(state()["state"], "up");
        assert!(on_device("10.99.0.2/8"));

        ip("link del u0");
        agent.tend();
        assert_eq!(state()["state"], "down");
        ip("link add u0 type veth peer name u1");
        agent.tend();
        assert_eq!(state()["state"], "up");
    });
}

#[test]
fn a_provider_address_that_is_not_here_leaves_the_host_working() {
    in_namespace(|| {
        let host = TestHost::start(1);
        host.program_at(1, &[4, 5], [10, 99, 0, 1]);
        let status = serde_json::to_value(host.application.agent().status()).unwrap();
        assert_eq!(status["underlay"]["state"], "down");
        let (four, five) = (host.attach(4), host.attach(5));
        assert_eq!(host.application.agent().ports()[0].result, PortResult::Success);
        four.send([0; VNET_HEADER], &four.udp(6, b"to the other host"));
        four.send([0; VNET_HEADER], &four.udp(5, b"within the host"));
        assert_eq!(five.receive().1, four.udp(5, b"within the host"));
        assert_eq!(host.counter("datapath_underlay_down"), 1);

        ip("addr add 10.99.0.1/32 dev lo");
        host.application.agent().tend();
        let status = serde_json::to_value(host.application.agent().status()).unwrap();
        assert_eq!(status["underlay"]["state"], "up");
    });
}

#[test]
fn the_host_itself_cannot_be_reached_from_a_port() {
    in_namespace(|| {
        let host = TestHost::start(1);
        host.program(1, &[4]);
        let vm = host.attach(4);
        ip("addr add 10.0.0.99/32 dev lo");
        // An ARP request for an address of the host, and after it one that the switch answers.
        let request = |target: u8| {
            let mut frame = [MacAddr::BROADCAST.octets().as_slice(), &mac(4).octets(), &[8, 6]].concat();
            frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
            frame.extend(mac(4).octets());
            frame.extend([10, 0, 0, 4, 0, 0, 0, 0, 0, 0, 10, 0, 0, target]);
            frame
        };
        vm.send([0; VNET_HEADER], &request(99));
        vm.send([0; VNET_HEADER], &request(1));
        let (_, reply) = vm.receive();
        assert_eq!((&reply[28..32], &reply[22..28]), (&[10, 0, 0, 1][..], &mac(1).octets()[..]));
        for setting in ["ipv4/conf/h4/rp_filter", "ipv6/conf/h4/disable_ipv6"] {
            assert_eq!(std::fs::read_to_string(format!("/proc/sys/net/{setting}")).unwrap().trim(), "1");
        }
    });
}

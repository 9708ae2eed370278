//! A whole agent in this process, and a goal state for it.

use crate::config::{DatapathKind, DriverKind, Settings};
use crate::startup::Application;
use policy::GOAL_STATE_VERSION;
use policy::acl::{Acl, AclRule, Action, AddressMatch, Direction, Protocol};
use policy::goal_state::{Applied, SectionBody, SectionKey, Update};
use policy::host::{DefaultVerdict, Encapsulation, Host, ProviderAddress};
use policy::ids::{AclId, Epoch, Generation, HostId, NetworkId, NicId, SubnetId};
use policy::mapping::{Mapping, MappingShard, ShardId};
use policy::net::{MacAddr, PortRange, Vsid};
use policy::network::{Network, Subnet};
use policy::port::{Guards, Port, PortAddress, Qos};
use policy::report::{AttachPort, Events, PortStatus};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::Path;
use uuid::Uuid;

pub(super) const NIC: NicId = NicId(Uuid::from_u128(0x11));
pub(super) const HOST: HostId = HostId(Uuid::from_u128(0x22));
pub(super) const NETWORK: NetworkId = NetworkId(Uuid::from_u128(0x33));
pub(super) const SUBNET: SubnetId = SubnetId(Uuid::from_u128(0x44));
pub(super) const ACL: AclId = AclId(Uuid::from_u128(0x55));
pub(super) const EPOCH: Epoch = Epoch(Uuid::from_u128(0x66));

/// A running agent.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(super) http: reqwest::Client,
    pub(super) handle: actix_web::dev::ServerHandle,
    pub(super) task: tokio::task::JoinHandle<std::io::Result<()>>,
}

pub(super) fn settings(state_dir: &Path) -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        state_dir: state_dir.to_owned(),
        driver: DriverKind::Software,
        datapath: DatapathKind::None,
        host_id: None,
        provider_address: None,
        underlay_device: None,
        proxy_listen: crate::proxy::settings::Site::LISTEN,
        trust_management_network: false,
    }
}

impl Running {
    pub(crate) async fn start(state_dir: &Path) -> Self {
        let application = Application::build(&settings(state_dir)).unwrap();
        let (url, handle) = (format!("http://{}", application.address()), application.handle());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url, http, handle, task: tokio::spawn(application.run()) }
    }

    pub(crate) async fn stop(self) {
        self.handle.stop(true).await;
        self.task.await.unwrap().unwrap();
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: String) -> (StatusCode, Value) {
        let response = self.http.request(method, format!("{}{path}", self.url)).body(body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, String::new()).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    pub(super) async fn put(&self, update: &Update) -> (StatusCode, Value) {
        self.call(Method::PUT, "/v1/goal-state", serde_json::to_string(update).unwrap()).await
    }

    pub(super) async fn apply(&self, update: &Update) -> Applied {
        let (status, body) = self.put(update).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_value(body).unwrap()
    }

    pub(crate) async fn attach(&self, mac: MacAddr) -> (StatusCode, PortStatus) {
        let request = AttachPort { device: "tap0".to_owned(), profile_id: NIC, mac, vm: None };
        let (status, body) = self.call(Method::POST, "/v1/ports", serde_json::to_string(&request).unwrap()).await;
        (status, serde_json::from_value(body).unwrap())
    }

    pub(super) async fn events(&self, query: &str) -> Events {
        serde_json::from_value(self.get(&format!("/v1/events?{query}")).await).unwrap()
    }
}

pub(crate) fn mac() -> MacAddr {
    MacAddr::from_u64(0x0200_0000_0011)
}

pub(super) type Sections = Vec<(SectionKey, SectionBody)>;

/// One NIC, 10.0.0.4, under a list that lets TCP port 80 in; 10.0.0.5 is on another host.
pub(super) fn sections(destination_port: u16) -> Sections {
    let provider_address =
        ProviderAddress { address: [172, 16, 0, 1].into(), subnet: "172.16.0.0/24".parse().unwrap(), vlan: 0 };
    let host = Host {
        id: HOST,
        provider_address: Some(provider_address),
        encapsulation: Encapsulation::Vxlan,
        without_acl: DefaultVerdict { inbound: Action::Deny, outbound: Action::Allow },
    };
    let vsid = Vsid::new(5001).unwrap();
    let subnet = Subnet {
        id: SUBNET,
        vsid,
        prefix: "10.0.0.0/24".parse().unwrap(),
        router: [10, 0, 0, 1].into(),
        acl: Some(ACL),
    };
    let network = Network {
        id: NETWORK,
        address_space: vec!["10.0.0.0/16".parse().unwrap()],
        router_mac: MacAddr::from_u64(0x0200_0000_0001),
        subnets: vec![subnet],
        dns_servers: Vec::new(),
    };
    let rule = AclRule {
        id: "web".to_owned(),
        priority: 110,
        direction: Direction::Inbound,
        action: Action::Allow,
        protocol: Protocol::Tcp,
        source: AddressMatch::Any,
        source_ports: PortRange::ANY,
        destination: AddressMatch::Any,
        destination_ports: PortRange::new(destination_port, destination_port).unwrap(),
        logging: false,
    };
    let (inbound_default, outbound_default) = (Action::Deny, Action::Allow);
    let acl = Acl { id: ACL, inbound_default, outbound_default, rules: vec![rule] };
    let address = PortAddress { ca: [10, 0, 0, 4].into(), subnet: SUBNET, acl: None, primary: true };
    let port = Port {
        nic: NIC,
        mac: mac(),
        network: Some(NETWORK),
        addresses: vec![address],
        qos: Qos::default(),
        guards: Guards::default(),
        secondary: false,
        dns_servers: Vec::new(),
    };
    let mapping = |last: u8, host: u8| Mapping {
        vsid,
        ca: [10, 0, 0, last].into(),
        mac: MacAddr::from_u64(0x0200_0000_000d + u64::from(last)),
        pa: [172, 16, 0, host].into(),
    };
    let shard = MappingShard { entries: vec![mapping(4, 1), mapping(5, 2)] };
    vec![
        (SectionKey::Host, SectionBody::new(&host).unwrap()),
        (SectionKey::Port(NIC), SectionBody::new(&port).unwrap()),
        (SectionKey::Acl(ACL), SectionBody::new(&acl).unwrap()),
        (SectionKey::Routes(NETWORK), SectionBody::new(&network).unwrap()),
        (SectionKey::Mappings(NETWORK, ShardId::of([10, 0, 0, 4].into())), SectionBody::new(&shard).unwrap()),
    ]
}

pub(super) fn whole(generation: u64, sections: &Sections) -> Update {
    Update {
        version: GOAL_STATE_VERSION,
        epoch: EPOCH,
        generation: Generation(generation),
        base: None,
        set: sections.iter().map(|(key, body)| (*key, body.hash)).collect(),
        remove: Vec::new(),
        bodies: sections.iter().map(|(_, body)| (body.hash, body.json.clone())).collect(),
    }
}

/// A packet from 10.0.0.5 to the port.
pub(super) fn probe(destination_port: u16) -> String {
    let probe = json!({
        "port": NIC, "direction": "in", "protocol": "tcp", "source": "10.0.0.5", "destination": "10.0.0.4",
        "sourcePort": 50000, "destinationPort": destination_port,
    });
    probe.to_string()
}

pub(super) async fn passes(agent: &Running, destination_port: u16) -> bool {
    let (status, trace) = agent.call(Method::POST, "/v1/trace", probe(destination_port)).await;
    assert_eq!(status, StatusCode::OK, "{trace}");
    trace["passes"].as_bool().unwrap()
}

//! The service as docker meets it: over real sockets, in the order that a real engine was seen to ask (`containers.md`
//! sections 4 and 5). The kernel only remembers; the proxy is a real HTTP server.

use super::*;
use crate::kernel::fake::Fake;
use crate::proxy::Proxy;
use crate::snapshot;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const NETWORK: &str = "40e2685b845b2093ac45c67d0597d6b5354985064b5cfbb907a308a95f8dba0f";
const ENDPOINT: &str = "1e372db0eec66167fcdf82967dfa0de209ccf2053e2d1f59b54dfa35bcdadd44";

/// A proxy on this machine that offers `192.168.1.LAST`; nothing listens when it is dropped.
struct Host {
    url: String,
    offered: Arc<Mutex<Vec<u8>>>,
}

impl Host {
    fn offering(last: impl IntoIterator<Item = u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/ListNetwork", listener.local_addr().unwrap());
        let offered = Arc::new(Mutex::new(last.into_iter().collect::<Vec<_>>()));
        let answers = offered.clone();
        // Ends with the process of the test, like the connections that it waits for.
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let entries: Vec<Value> = answers
                    .lock()
                    .unwrap()
                    .iter()
                    .map(|last| {
                        json!({
                            "IP": format!("192.168.1.{last}"), "IsolationId": "5001", "Mask": "255.255.255.0",
                            "DefaultGateways": ["192.168.1.1"], "DnsServers": ["10.0.0.53"]
                        })
                    })
                    .collect();
                let body = json!({ "Isolation": "VSID", "IPs": entries }).to_string();
                let length = body.len();
                write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
                    .unwrap();
            }
        });
        Self { url, offered }
    }
}

type Running = JoinHandle<Result<(), ServeError>>;

/// A service in a directory of its own.
struct Bench {
    directory: tempfile::TempDir,
    kernel: Arc<Fake>,
    url: String,
    running: Option<(oneshot::Sender<()>, Running)>,
}

impl Bench {
    async fn new(url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut bench = Self { directory, kernel: Arc::new(Fake::vm()), url: url.to_owned(), running: None };
        bench.start().await;
        bench
    }

    async fn start(&mut self) {
        let service = self.service().await.unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let service = actix_web::rt::spawn(service.run(async { drop(ended.await) }));
        self.running = Some((end, service));
    }

    async fn service(&self) -> Result<Service, ServeError> {
        let path = |name: &str| self.directory.path().join(name);
        let settings = Settings {
            plugin_dir: path("plugins"),
            drivers: [Kind::L2Bridge, Kind::L2Tunnel].into(),
            api_socket: path("docker.sock"),
            engine_socket: path("engine.sock"),
            uplink: None,
        };
        let vm = Vm::on(path("state"), self.kernel.clone());
        Service::start(vm, Proxy::new(&self.url).unwrap(), settings).await
    }

    async fn stop(&mut self) {
        let (end, service) = self.running.take().unwrap();
        end.send(()).unwrap();
        service.await.unwrap().unwrap();
    }

    fn socket(&self, driver: &str) -> PathBuf {
        self.directory.path().join(format!("plugins/{driver}.sock"))
    }

    /// One call to the driver `l2bridge`, and its answer.
    async fn call(&self, name: &str, request: Value) -> Value {
        let (status, answer) = post(self.socket("l2bridge"), name.to_owned(), request).await;
        assert_eq!(status, 200, "{name}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    async fn ask_for_address(&self) -> Value {
        self.call("IpamDriver.RequestAddress", json!({ "PoolID": POOL, "Address": "", "Options": null })).await
    }

    /// A container as far as the network driver knows it.
    async fn run(&self, endpoint: &str) -> Result<String, Value> {
        let given = self.ask_for_address().await;
        let Some(address) = given["Address"].as_str() else { return Err(given) };
        let interface = json!({ "Address": address, "AddressIPv6": "", "MacAddress": "" });
        let ids = json!({ "NetworkID": NETWORK, "EndpointID": endpoint, "Options": {}, "Interface": interface });
        let created = self.call("NetworkDriver.CreateEndpoint", ids).await;
        assert_eq!(created.get("Err"), None, "{created}");
        let ids = json!({ "NetworkID": NETWORK, "EndpointID": endpoint, "SandboxKey": "", "Options": {} });
        let joined = self.call("NetworkDriver.Join", ids).await;
        assert_eq!(joined.get("Err"), None, "{joined}");
        Ok(address.to_owned())
    }

    async fn create_network(&self) {
        let created = self.call("NetworkDriver.CreateNetwork", create_network(ipam::ADDRESS_SPACE, json!({}))).await;
        assert_eq!(created, json!({}));
    }
}

const POOL: &str = "private-cloud|192.168.1.0/24";

fn create_network(space: &str, options: Value) -> Value {
    let data = json!({ "AddressSpace": space, "Pool": "192.168.1.0/24", "Gateway": "192.168.1.1/24" });
    let options = json!({ "com.docker.network.enable_ipv6": false, "com.docker.network.generic": options });
    json!({ "NetworkID": NETWORK, "Options": options, "IPv4Data": [data], "IPv6Data": [] })
}

/// Sends a call as docker 20.10 does: without a name of the host, with an empty body for no arguments.
async fn post(socket: PathBuf, call: String, request: Value) -> (u16, String) {
    let answer = tokio::task::spawn_blocking(move || exchange(&socket, &call, &request)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn exchange(socket: &Path, call: &str, request: &Value) -> String {
    let body = if request.is_null() { String::new() } else { request.to_string() };
    let mut stream = UnixStream::connect(socket).unwrap();
    write!(
        stream,
        "POST /{call} HTTP/1.1\r\nHost: \r\nAccept: application/vnd.docker.plugins.v1.2+json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What the engine asked, in its order: a network made, a container run and removed, the network removed.
fn conversation() -> Vec<(&'static str, Value)> {
    let gateway = json!({ "RequestAddressType": "com.docker.network.gateway" });
    let ids = json!({ "NetworkID": NETWORK, "EndpointID": ENDPOINT });
    let interface = json!({ "Address": "192.168.1.101/24", "AddressIPv6": "", "MacAddress": "" });
    let ports = json!({ "com.docker.network.endpoint.exposedports": [], "com.docker.network.portmap": [] });
    let mut endpoint = ids.clone();
    endpoint["Options"] = ports.clone();
    endpoint["Interface"] = interface;
    let mut join = ids.clone();
    join["SandboxKey"] = "".into();
    join["Options"] = ports.clone();
    let mut program = ids.clone();
    program["Options"] = ports;
    vec![
        ("Plugin.Activate", Value::Null),
        ("NetworkDriver.GetCapabilities", Value::Null),
        ("IpamDriver.GetCapabilities", Value::Null),
        ("IpamDriver.GetDefaultAddressSpaces", Value::Null),
        (
            "IpamDriver.RequestPool",
            json!({ "AddressSpace": "private-cloud", "Pool": "192.168.1.0/24", "SubPool": "", "Options": {}, "V6": false }),
        ),
        ("IpamDriver.RequestAddress", json!({ "PoolID": POOL, "Address": "192.168.1.1", "Options": gateway })),
        ("NetworkDriver.CreateNetwork", create_network("private-cloud", json!({}))),
        ("IpamDriver.RequestAddress", json!({ "PoolID": POOL, "Address": "", "Options": null })),
        ("NetworkDriver.CreateEndpoint", endpoint),
        ("NetworkDriver.Join", join),
        ("NetworkDriver.ProgramExternalConnectivity", program),
        ("NetworkDriver.EndpointOperInfo", ids.clone()),
        ("NetworkDriver.EndpointOperInfo", ids.clone()),
        ("NetworkDriver.RevokeExternalConnectivity", ids.clone()),
        ("NetworkDriver.Leave", ids.clone()),
        ("NetworkDriver.DeleteEndpoint", ids),
        ("IpamDriver.ReleaseAddress", json!({ "PoolID": POOL, "Address": "192.168.1.101" })),
        ("IpamDriver.ReleaseAddress", json!({ "PoolID": POOL, "Address": "192.168.1.1" })),
        ("IpamDriver.ReleasePool", json!({ "PoolID": POOL })),
        ("NetworkDriver.DeleteNetwork", json!({ "NetworkID": NETWORK })),
    ]
}

#[actix_web::test]
async fn the_conversation_of_a_real_engine_is_answered_as_recorded() {
    let host = Host::offering(101..=110);
    let bench = Bench::new(&host.url).await;
    let mut record = String::new();
    for (call, request) in conversation() {
        let answer = bench.call(call, request.clone()).await;
        record += &format!("{call}\n  < {request}\n  > {answer}\n");
        if call == "NetworkDriver.Join" {
            assert_eq!(bench.kernel.devices().len(), 1);
        }
    }
    assert!(bench.kernel.devices().is_empty() && !bench.kernel.table().contains("192.168.1.101"));
    snapshot::assert_snapshot("docker/conversation.txt", &record);
}

#[actix_web::test]
async fn twenty_containers_at_once_get_twenty_addresses_and_the_next_is_told_why_not() {
    let host = Host::offering(101..=120);
    let bench = Bench::new(&host.url).await;
    bench.create_network().await;
    let ids: Vec<String> = (0..20).map(|number| format!("endpoint{number}")).collect();
    let given = futures(ids.iter().map(|id| bench.run(id))).await;
    let given: BTreeSet<String> = given.into_iter().map(Result::unwrap).collect();
    assert_eq!(given.len(), 20);
    assert_eq!(bench.kernel.devices().len(), 20);
    let error = bench.run("one-more").await.unwrap_err()["Error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("no free address: all 20 ") && error.contains("192.168.1.0/24"), "{error}");
}

/// All of them at once.
async fn futures<T>(work: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut work: Vec<_> = work.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = work.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (work, done) in work.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(value) = work.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        let all = done.iter().all(Option::is_some);
        if all { std::task::Poll::Ready(done.drain(..).flatten().collect()) } else { std::task::Poll::Pending }
    })
    .await
}

#[actix_web::test]
async fn a_restart_of_the_service_forgets_nothing() {
    let host = Host::offering([101, 102]);
    let mut bench = Bench::new(&host.url).await;
    bench.create_network().await;
    bench.run(ENDPOINT).await.unwrap();
    bench.stop().await;
    bench.start().await;
    assert_eq!(bench.run("another").await.unwrap(), "192.168.1.102/24");
    let gone = json!({ "NetworkID": NETWORK, "EndpointID": ENDPOINT });
    assert_eq!(bench.call("NetworkDriver.DeleteEndpoint", gone.clone()).await, json!({}));
    assert_eq!(bench.call("NetworkDriver.DeleteEndpoint", gone).await, json!({}), "it may be repeated");
    let released = json!({ "PoolID": POOL, "Address": "192.168.1.101" });
    for _ in 0..2 {
        assert_eq!(bench.call("IpamDriver.ReleaseAddress", released.clone()).await, json!({}));
    }
    assert_eq!(bench.run("third").await.unwrap(), "192.168.1.101/24");
}

#[actix_web::test]
async fn a_late_release_does_not_take_an_address_from_its_new_holder() {
    let host = Host::offering([101]);
    let bench = Bench::new(&host.url).await;
    bench.create_network().await;
    bench.run(ENDPOINT).await.unwrap();
    bench.call("IpamDriver.ReleaseAddress", json!({ "PoolID": POOL, "Address": "192.168.1.101" })).await;
    assert!(bench.run("another").await.is_err());
}

#[actix_web::test]
async fn a_withdrawn_address_stays_with_its_container_and_goes_with_it() {
    let host = Host::offering([101, 102]);
    let bench = Bench::new(&host.url).await;
    bench.create_network().await;
    bench.run(ENDPOINT).await.unwrap();
    *host.offered.lock().unwrap() = vec![102];
    assert_eq!(bench.run("another").await.unwrap(), "192.168.1.102/24");
    assert!(bench.kernel.table().contains("192.168.1.101"), "it goes on working");
    bench.call("NetworkDriver.DeleteEndpoint", json!({ "NetworkID": NETWORK, "EndpointID": ENDPOINT })).await;
    bench.call("IpamDriver.ReleaseAddress", json!({ "PoolID": POOL, "Address": "192.168.1.101" })).await;
    assert!(bench.run("third").await.is_err(), "it is not given again");
    *host.offered.lock().unwrap() = vec![101, 102];
    assert_eq!(bench.run("third").await.unwrap(), "192.168.1.101/24", "until it is offered again");
}

#[actix_web::test]
async fn what_cannot_be_had_is_refused_with_the_cure() {
    let host = Host::offering([101]);
    let bench = Bench::new(&host.url).await;
    let pool = |pool: &str, sub: &str, v6: bool| json!({ "AddressSpace": "", "Pool": pool, "SubPool": sub, "V6": v6 });
    let gateway = json!({ "RequestAddressType": "com.docker.network.gateway" });
    let foreign = create_network("LocalDefault", json!({}));
    let mut v6 = create_network("private-cloud", json!({}));
    v6["IPv6Data"] = json!([{ "Pool": "fd00::/64" }]);
    let mtu = create_network("private-cloud", json!({ "com.docker.network.driver.mtu": "a lot" }));
    let uplink = create_network("private-cloud", json!({ "com.docker.network.windowsshim.interface": "e9" }));
    let cases = [
        (
            "IpamDriver.RequestPool",
            pool("10.0.0.0/24", "", false),
            "no address in subnet 10.0.0.0/24; it offers 192.168.1.0/24",
        ),
        ("IpamDriver.RequestPool", pool("", "", false), "say --subnet=192.168.1.0/24"),
        ("IpamDriver.RequestPool", pool("192.168.1.0/24", "192.168.1.128/25", false), "--ip-range is not supported"),
        ("IpamDriver.RequestPool", pool("fd00::/64", "", true), "without --ipv6"),
        ("IpamDriver.RequestPool", pool("a subnet", "", false), "'a subnet' is no IPv4 subnet"),
        (
            "IpamDriver.RequestAddress",
            json!({ "PoolID": POOL, "Address": "192.168.1.7" }),
            "static address 192.168.1.7 refused",
        ),
        (
            "IpamDriver.RequestAddress",
            json!({ "PoolID": POOL, "Address": "192.168.1.2", "Options": gateway }),
            "say --gateway=192.168.1.1",
        ),
        ("IpamDriver.RequestAddress", json!({ "PoolID": "LocalDefault/192.168.1.0/24" }), "is no pool of this driver"),
        ("IpamDriver.ReleaseAddress", json!({ "PoolID": "x", "Address": "192.168.1.7" }), "is no pool of this driver"),
        ("NetworkDriver.CreateNetwork", foreign, "add --ipam-driver=l2bridge"),
        ("NetworkDriver.CreateNetwork", v6, "without --ipv6"),
        (
            "NetworkDriver.CreateNetwork",
            create_network("private-cloud", json!({ "x": "y" })),
            "the option 'x' is not known",
        ),
        ("NetworkDriver.CreateNetwork", mtu, "it is a number of bytes"),
        ("NetworkDriver.CreateNetwork", uplink, "the VM has no device 'e9'"),
        ("NetworkDriver.Join", json!({ "NetworkID": NETWORK, "EndpointID": "e" }), "there is no endpoint 'e'"),
    ];
    for (call, request, cure) in cases {
        let answer = bench.call(call, request).await;
        let member = if call.starts_with("Ipam") { "Error" } else { "Err" };
        assert!(answer[member].as_str().is_some_and(|text| text.contains(cure)), "{call}: {answer}");
    }
}

#[actix_web::test]
async fn an_unreachable_proxy_is_named_with_the_cure() {
    // A port that was free a moment ago: nobody listens.
    let url = format!("http://{}/", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let bench = Bench::new(&url).await;
    let pool = json!({ "AddressSpace": "private-cloud", "Pool": "192.168.1.0/24" });
    let error = bench.call("IpamDriver.RequestPool", pool).await["Error"].to_string();
    assert!(error.contains(&url) && error.contains("southbound-agent proxy enable"), "{error}");
}

#[actix_web::test]
async fn an_unknown_call_is_not_found_and_one_that_cannot_be_read_is_a_bad_request() {
    let host = Host::offering([]);
    let bench = Bench::new(&host.url).await;
    let (status, _) = post(bench.socket("l2tunnel"), "NetworkDriver.AllocateNetwork".to_owned(), json!({})).await;
    assert_eq!(status, 404);
    let (status, answer) = post(bench.socket("l2tunnel"), "NetworkDriver.Join".to_owned(), json!({})).await;
    assert_eq!(status, 400);
    assert!(answer.contains("docker's request NetworkDriver.Join cannot be understood"), "{answer}");
}

#[actix_web::test]
async fn a_second_service_is_refused_and_the_first_goes_on() {
    let host = Host::offering([101]);
    let bench = Bench::new(&host.url).await;
    assert!(matches!(bench.service().await, Err(ServeError::Running(_))));
    bench.create_network().await;
    assert_eq!(bench.run(ENDPOINT).await.unwrap(), "192.168.1.101/24");
}

#[actix_web::test]
async fn a_service_that_ended_leaves_no_socket() {
    let host = Host::offering([]);
    let mut bench = Bench::new(&host.url).await;
    let paths = [bench.socket("l2bridge"), bench.socket("l2tunnel"), bench.directory.path().join("docker.sock")];
    assert!(paths.iter().all(|path| path.exists()));
    bench.stop().await;
    assert!(!paths.iter().any(|path| path.exists()));
}

//! What is dropped and what is not, with a stand-in for the engine.

use super::super::offers::Offers;
use super::super::{Answer, Driver};
use super::*;
use crate::kernel::fake::Fake;
use crate::network::Kind;
use crate::proxy::Proxy;
use crate::vm::{EndpointSpec, NetworkSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

/// An id such as docker makes.
fn id(digit: char) -> NetworkId {
    std::iter::repeat_n(digit, 64).collect::<String>().try_into().unwrap()
}

/// A VM with the networks `a` and `b` of docker and one of CNI.
struct Bench {
    directory: tempfile::TempDir,
    vm: Vm,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bench = Self { vm: Vm::on(directory.path().join("state"), Arc::new(Fake::vm())), directory };
        for network in [id('a'), id('b'), "cni:blue".parse().unwrap()] {
            bench.add(&network);
        }
        bench
    }

    fn add(&self, id: &NetworkId) {
        let subnet = "10.1.0.0/24".parse().unwrap();
        let spec = NetworkSpec { subnet, ..NetworkSpec::new(Kind::Transparent) };
        self.vm.change(|change| change.add_network(id, &spec)).unwrap();
    }

    fn networks(&self) -> Vec<String> {
        let (state, _) = self.vm.look().unwrap();
        state.networks.keys().map(|id| id.as_str().chars().take(4).collect()).collect()
    }

    fn leftovers(&self) -> Leftovers {
        Leftovers::new(&self.vm.look().unwrap().0)
    }

    /// Settles with an engine that gives this answer to the one question it expects.
    async fn settle(&self, leftovers: &Leftovers, status: &str, body: &str) -> Result<Vec<NetworkId>, Unsettled> {
        let socket = self.directory.path().join("engine.sock");
        let engine = UnixListener::bind(&socket).unwrap();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let engine = tokio::spawn(async move {
            let mut client = engine.accept().await.unwrap().0;
            let mut heard = Vec::new();
            while !heard.ends_with(b"\r\n\r\n") {
                heard.push(client.read_u8().await.unwrap());
            }
            client.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(heard).unwrap()
        });
        let result = leftovers.try_settle(&self.vm, &socket).await;
        assert!(engine.await.unwrap().starts_with("GET /networks HTTP/1.1\r\n"));
        std::fs::remove_file(&socket).unwrap();
        result
    }
}

fn list(ids: &[NetworkId]) -> String {
    let members = ids.iter().map(|id| serde_json::json!({ "Name": "n", "Id": id.as_str(), "Driver": "nat" }));
    serde_json::Value::from_iter(members).to_string()
}

#[tokio::test]
async fn what_the_engine_does_not_list_is_dropped_and_the_rest_stays() {
    let bench = Bench::new();
    let dropped = bench.settle(&bench.leftovers(), "200 OK", &list(&[id('b'), id('e')])).await.unwrap();
    assert_eq!(dropped, [id('a')]);
    assert_eq!(bench.networks(), ["bbbb", "cni:"]);
}

#[tokio::test]
async fn an_engine_that_cannot_be_asked_decides_nothing() {
    let bench = Bench::new();
    let leftovers = bench.leftovers();
    for (status, body) in [
        ("500 Internal Server Error", "[]"),
        ("302 Found", ""),
        ("200 OK", r#"{"message":"x"}"#),
        ("200 OK", r#"[{"Name":"n"}]"#),
        ("200 OK", "null"),
    ] {
        let result = bench.settle(&leftovers, status, body).await;
        assert!(matches!(result, Err(Unsettled::Engine(_))), "{status} {body}: {result:?}");
    }
    let nobody = leftovers.try_settle(&bench.vm, &bench.directory.path().join("engine.sock")).await;
    assert!(matches!(nobody, Err(Unsettled::Engine(_))), "{nobody:?}");
    assert_eq!(bench.networks(), ["aaaa", "bbbb", "cni:"]);
}

#[tokio::test]
async fn a_network_that_docker_asks_for_while_it_is_not_listed_stays() {
    let bench = Bench::new();
    let leftovers = bench.leftovers();
    // Never asked.
    let offers = Offers::new(Proxy::new("http://127.0.0.1:1/").unwrap());
    let (vm, kind) = (bench.vm.clone(), Kind::Transparent);
    let driver = Driver { vm, offers, leftovers: leftovers.clone(), kind, uplink: None };
    // One was there before, for docker repeats what was not answered; the other is new.
    for network in [id('a'), id('c')] {
        let data = [serde_json::json!({ "AddressSpace": "LocalDefault", "Pool": "10.1.0.0/24" })];
        let request = serde_json::json!({ "NetworkID": network.as_str(), "Options": {}, "IPv4Data": data });
        let answer = driver.answer("NetworkDriver.CreateNetwork", request.to_string().as_bytes()).await;
        assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    }
    assert_eq!(bench.settle(&leftovers, "200 OK", "[]").await.unwrap(), [id('b')]);
    assert_eq!(bench.networks(), ["aaaa", "cccc", "cni:"]);
}

#[tokio::test]
async fn a_network_with_an_endpoint_stays() {
    let bench = Bench::new();
    let leftovers = bench.leftovers();
    let endpoint = EndpointSpec { network: id('a'), address: [10, 1, 0, 2].into(), mac: None };
    bench.vm.change(|change| change.add_endpoint(&"e".parse().unwrap(), &endpoint)).unwrap();
    assert_eq!(bench.settle(&leftovers, "200 OK", "[]").await.unwrap(), [id('b')]);
    assert_eq!(bench.networks(), ["aaaa", "cni:"]);
}

#[tokio::test]
async fn a_network_that_is_gone_already_is_no_matter() {
    let bench = Bench::new();
    let leftovers = bench.leftovers();
    bench.vm.change(|change| change.remove_network(&id('a'))).unwrap();
    assert_eq!(bench.settle(&leftovers, "200 OK", "[]").await.unwrap(), [id('b')]);
}

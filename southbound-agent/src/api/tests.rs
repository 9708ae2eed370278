//! The API over HTTP, against whole agents in this process. No frames are moved.

mod proxy;
pub(crate) mod running;

use crate::startup::Application;
use policy::goal_state::{Refusal, SectionBody, Update};
use policy::host::Host;
use policy::ids::{Generation, HostId, NicId};
use policy::net::MacAddr;
use policy::report::{AgentStatus, AttachPort, PortResult};
use reqwest::{Method, StatusCode};
use running::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

#[tokio::test]
async fn a_port_is_blocked_until_its_policy_comes() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    let (status, port) = agent.attach(mac()).await;
    assert_eq!((status, port.result), (StatusCode::CREATED, PortResult::PortBlocked));
    assert!(!passes(&agent, 80).await);

    let applied = agent.apply(&whole(1, &sections(80))).await;
    assert_eq!(applied.ports.len(), 1);
    assert_eq!(applied.ports[0].result, PortResult::Success);
    assert!(passes(&agent, 80).await && !passes(&agent, 81).await);
    let rules = agent.get(&format!("/v1/ports/{NIC}/rules")).await;
    assert!(rules.as_array().unwrap().iter().any(|line| line.as_str().unwrap().contains("web")), "{rules}");
    assert_eq!(agent.get(&format!("/v1/ports/{NIC}/flows")).await, json!([]));
    agent.stop().await;
}

#[tokio::test]
async fn policy_waits_for_its_port_and_a_foreign_mac_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    assert_eq!(agent.apply(&whole(1, &sections(80))).await.ports, []);
    let (_, port) = agent.attach(MacAddr::from_u64(0x0200_0000_0099)).await;
    let PortResult::PolicyConfigurationFailureOnVfp { message } = port.result else { panic!("{port:?}") };
    assert!(message.contains("02:00:00:00:00:99"), "{message}");
    assert!(!passes(&agent, 80).await);

    let (status, port) = agent.attach(mac()).await;
    assert_eq!((status, port.result), (StatusCode::CREATED, PortResult::Success));
    assert!(passes(&agent, 80).await);
    agent.stop().await;
}

#[tokio::test]
async fn attaching_is_idempotent_and_detaching_names_the_device() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    let (_, first) = agent.attach(mac()).await;
    let (status, second) = agent.attach(mac()).await;
    assert_eq!((status, &second), (StatusCode::OK, &first));
    let path = |query: &str| format!("/v1/ports/{NIC}{query}");
    let (status, body) = agent.call(Method::DELETE, &path("?device=tap9"), String::new()).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("PortNotFound")));
    let (status, _) = agent.call(Method::DELETE, &path("?device=tap0"), String::new()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(agent.get("/v1/ports").await, json!([]));
    let (_, third) = agent.attach(mac()).await;
    assert_ne!(third.attach_id, first.attach_id);
    agent.stop().await;
}

#[tokio::test]
async fn a_restarted_agent_enforces_the_same_before_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    let (_, before) = agent.attach(mac()).await;
    agent.apply(&whole(7, &sections(80))).await;
    let first: AgentStatus = serde_json::from_value(agent.get("/v1/status").await).unwrap();
    agent.stop().await;

    // Built, but not serving yet.
    let application = Application::build(&settings(folder.path())).unwrap();
    let ports = application.agent().ports();
    assert_eq!((ports[0].attach_id, &ports[0].result), (before.attach_id, &PortResult::Success));
    let request = serde_json::from_str(&probe(80)).unwrap();
    assert!(application.agent().trace(&request).unwrap().passes);
    let status = application.agent().status().agent;
    assert_eq!((status.in_force, status.host_id), (Some((EPOCH, Generation(7))), Some(HOST)));
    assert_ne!(status.instance, first.instance);
}

#[tokio::test]
async fn updates_that_do_not_fit_are_answered_with_what_would() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    agent.apply(&whole(5, &sections(80))).await;
    let unsent = Update { bodies: Default::default(), ..whole(6, &sections(81)) };
    let acl = sections(81)[2].1.hash;
    let cases = [
        (whole(4, &sections(80)), Refusal::Stale { in_force: Generation(5) }),
        (
            Update { base: Some(Generation(6)), ..whole(7, &Vec::new()) },
            Refusal::Behind { in_force: Some((EPOCH, Generation(5))) },
        ),
        (unsent, Refusal::Missing { bodies: vec![acl] }),
    ];
    for (update, refusal) in cases {
        let (status, body) = agent.put(&update).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert_eq!(serde_json::from_value::<Refusal>(body).unwrap(), refusal);
    }
    let delta = Update { base: Some(Generation(5)), ..whole(6, &vec![sections(81).remove(2)]) };
    for _ in 0..2 {
        assert_eq!(agent.apply(&delta).await.generation, Generation(6), "a repetition is accepted");
    }
    agent.attach(mac()).await;
    assert!(passes(&agent, 81).await && !passes(&agent, 80).await);
    agent.stop().await;
}

#[tokio::test]
async fn bad_requests_get_a_code_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    agent.apply(&whole(5, &sections(80))).await;
    let status = agent.get("/v1/status").await;
    let update = |change: fn(&mut Value)| {
        let mut update = serde_json::to_value(whole(6, &sections(81))).unwrap();
        change(&mut update);
        update.to_string()
    };
    let unreadable = update(|update| update["bodies"] = json!([]));
    let version = update(|update| update["version"] = json!(99));
    let strange = update(|update| *update = json!({ "version": 99 }));
    let damaged = update(|update| {
        let bodies = update["bodies"].as_object_mut().unwrap();
        bodies.values_mut().for_each(|body| *body = json!({}));
    });
    let elsewhere = {
        let mut sections = sections(81);
        let mut host: Host = serde_json::from_str(sections[0].1.json.get()).unwrap();
        host.id = HostId(Uuid::from_u128(0x77));
        sections[0].1 = SectionBody::new(&host).unwrap();
        serde_json::to_string(&whole(6, &sections)).unwrap()
    };
    let attach = |device: &str, mac: &str| json!({ "device": device, "profileId": NIC, "mac": mac }).to_string();
    let mixed = probe(80).replace("10.0.0.5", "fd00::5");
    let cases = [
        (Method::PUT, "/v1/goal-state", "{", 400, "MalformedUpdate"),
        (Method::PUT, "/v1/goal-state", &unreadable, 400, "MalformedUpdate"),
        (Method::PUT, "/v1/goal-state", &version, 400, "UnsupportedVersion"),
        (Method::PUT, "/v1/goal-state", &strange, 400, "UnsupportedVersion"),
        (Method::PUT, "/v1/goal-state", &damaged, 400, "HashMismatch"),
        (Method::PUT, "/v1/goal-state", &elsewhere, 400, "WrongHost"),
        (Method::POST, "/v1/goal-state", "", 405, "MethodNotAllowed"),
        (Method::POST, "/v1/ports", "{}", 400, "InvalidBody"),
        (Method::POST, "/v1/ports", &attach("../x", "02:00:00:00:00:11"), 400, "InvalidPort"),
        (Method::POST, "/v1/ports", &attach("tap0", "ff:ff:ff:ff:ff:ff"), 400, "InvalidPort"),
        (Method::DELETE, "/v1/ports/7", "", 400, "InvalidPath"),
        (Method::DELETE, "/v1/ports/00000000-0000-0000-0000-000000000099", "", 404, "PortNotFound"),
        (Method::GET, "/v1/ports/00000000-0000-0000-0000-000000000099/rules", "", 404, "PortNotFound"),
        (Method::GET, "/v1/ports/00000000-0000-0000-0000-000000000099/flows", "", 404, "PortNotFound"),
        (Method::GET, "/v1/ports/00000000-0000-0000-0000-000000000099/flows?limit=x", "", 400, "InvalidQuery"),
        (Method::GET, "/v1/events?after=x", "", 400, "InvalidQuery"),
        (Method::POST, "/v1/trace", "{}", 400, "InvalidBody"),
        (Method::POST, "/v1/trace", &probe(80), 404, "PortNotFound"),
        (Method::POST, "/v1/trace", &mixed, 400, "InvalidBody"),
        (Method::GET, "/v2/status", "", 404, "NotFound"),
    ];
    for (method, path, body, expected, code) in cases {
        let case = format!("{method} {path} {body:.40}");
        let (answered, error) = agent.call(method, path, body.to_owned()).await;
        assert_eq!((answered.as_u16(), &error["error"]["code"]), (expected, &json!(code)), "{case}: {error}");
        assert!(error["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{case}");
    }
    assert_eq!(agent.get("/v1/status").await, status);
    agent.stop().await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_before_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    let mut connection = TcpStream::connect(agent.url.trim_start_matches("http://")).await.unwrap();
    let head = "PUT /v1/goal-state HTTP/1.1\r\nhost: agent\r\ncontent-length: 1000000000\r\nconnection: close\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("BodyTooLarge"), "{answer}");
    agent.stop().await;
}

#[tokio::test]
async fn events_wake_whoever_waits() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    let snapshot = agent.events("wait=60").await;
    assert!(snapshot.snapshot && snapshot.ports.is_empty(), "a caller without instance does not wait");
    let (instance, sequence) = (snapshot.instance, snapshot.sequence);
    let none = agent.events(&format!("instance={instance}&after={sequence}&wait=0")).await;
    assert!(!none.snapshot && none.ports.is_empty() && none.sequence == sequence);

    let query = format!("instance={instance}&after={sequence}&wait=60");
    let (events, _) = tokio::join!(agent.events(&query), agent.attach(mac()));
    assert_eq!(events.ports.len(), 1);
    agent.stop().await;
}

#[tokio::test]
async fn metrics_and_health_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    agent.attach(mac()).await;
    agent.apply(&whole(5, &sections(80))).await;
    let Value::String(metrics) = agent.get("/metrics").await else { panic!() };
    for line in ["sdn_agent_generation 5", "sdn_agent_ports{result=\"Success\"} 1", "sdn_agent_updates_applied_total 1"]
    {
        assert!(metrics.lines().any(|found| found == line), "{line} in:\n{metrics}");
    }
    assert_eq!(agent.get("/healthz").await, json!("ok\n"));
    agent.stop().await;
}

#[tokio::test]
async fn every_described_path_is_served_and_described_itself() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    let document = agent.get("/openapi.json").await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let url = path.replace("{profileId}", &NIC.to_string());
        for method in ["get", "put", "post", "delete"] {
            let verb = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let (status, body) = agent.call(verb, &url, String::new()).await;
            let served = status != StatusCode::METHOD_NOT_ALLOWED && body["error"]["code"] != "NotFound";
            assert_eq!(served, item.get(method).is_some(), "{method} {path}: {status} {body}");
        }
    }
    agent.stop().await;
}

/// A disk that is full: a small file system of its own.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|output| output.status.success()).then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg(self.0.path()).status().ok();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_the_update_and_the_old_policy_stays() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: no privilege to mount a small disk");
        return;
    };
    let agent = Running::start(disk.0.path()).await;
    agent.attach(mac()).await;
    agent.apply(&whole(1, &sections(80))).await;
    std::fs::write(disk.0.path().join("filler"), vec![0; 1 << 20]).unwrap_err();
    let mut update = whole(2, &sections(81));
    let filler = SectionBody::new(&"x".repeat(20_000)).unwrap();
    update.bodies.insert(filler.hash, filler.json);
    for _ in 0..2 {
        let (status, body) = agent.put(&update).await;
        assert_eq!((status.as_u16(), &body["error"]["code"]), (507, &json!("StorageFull")), "{body}");
    }
    assert!(passes(&agent, 80).await && !passes(&agent, 81).await);

    std::fs::remove_file(disk.0.path().join("filler")).unwrap();
    agent.apply(&update).await;
    assert!(passes(&agent, 81).await && !passes(&agent, 80).await);
    agent.stop().await;
    let application = Application::build(&settings(disk.0.path())).unwrap();
    assert_eq!(application.agent().status().agent.in_force, Some((EPOCH, Generation(2))));
}

#[tokio::test]
async fn ports_that_arrive_together_are_each_answered_for_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Running::start(folder.path()).await;
    // Every device is asked for twice for its own profile, and once for a stranger's.
    let request = |device: u32, profile: u32| {
        let profile_id = NicId(Uuid::from_u128(profile.into()));
        AttachPort {
            device: format!("tap{device}"),
            profile_id,
            mac: MacAddr::from_u64(0x0200_0000_0000 + u64::from(profile)),
            vm: None,
        }
    };
    let requests = (0..60).flat_map(|n| [request(n, n), request(n, n), request(n, 1000 + n)]);
    let calls: Vec<_> = requests
        .map(|request| {
            let url = format!("{}/v1/ports", agent.url);
            let call = agent.http.post(url).body(serde_json::to_string(&request).unwrap()).send();
            tokio::spawn(async move { call.await.unwrap().status().as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap());
    }
    let winners: usize = statuses.iter().filter(|status| **status == 201).count();
    assert_eq!(winners, 60, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 201, 409].contains(status)), "{statuses:?}");

    let before = agent.get("/v1/ports").await;
    let devices: BTreeSet<&str> =
        before.as_array().unwrap().iter().filter_map(|port| port["device"].as_str()).collect();
    assert_eq!((devices.len(), before.as_array().unwrap().len()), (60, 60), "no device is two profiles' port");
    agent.stop().await;
    let agent = Running::start(folder.path()).await;
    assert_eq!(agent.get("/v1/ports").await, before, "all of it was on disk");
    agent.stop().await;
}

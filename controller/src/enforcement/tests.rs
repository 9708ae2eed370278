//! States as readers see them, step by step.

use super::*;
use crate::fabric::testing::*;
use crate::fabric::{Change, Server};
use policy::ids::AttachId;
use policy::net::MacAddr;
use policy::report::PortResult;
use uuid::Uuid;

/// The compile task without its pushers: what they would note is noted by the test.
struct Rig {
    compiler: Compiler,
    enforcement: Arc<Enforcement>,
    generation: u64,
}

impl Rig {
    /// Host 1 with an agent; NIC 11 on it. Generation 1.
    fn new() -> Self {
        let mut rig = Self { compiler: Compiler::default(), enforcement: Enforcement::new(), generation: 0 };
        let nic = nic(0x11, BLUE, WEB, "10.0.0.4");
        rig.write([agent_of(1), network(BLUE, None, None), nic, bind(0x11, 1)]);
        rig
    }

    /// A host that took part from the beginning and whose port is in force.
    fn enforcing() -> Self {
        let rig = Self::new();
        rig.confirm(1, &[port(0x11, PortResult::Success)]);
        rig
    }

    fn write(&mut self, changes: impl IntoIterator<Item = Change>) {
        self.generation += 1;
        let revision = Revision { generation: Generation(self.generation), changes: changes.into_iter().collect() };
        let outcome = self.compiler.apply(&revision);
        self.enforcement.note_compiled(&revision, &outcome, &self.compiler);
    }

    /// The host enforces the last write.
    fn confirm(&self, on: u128, ports: &[PortStatus]) {
        self.enforcement.note_confirmed(host(on), Generation(self.generation), ports);
    }

    fn contact(&self, contact: Contact) {
        self.enforcement.note_contact(host(1), contact);
    }

    /// Status and code of a NIC.
    fn nic(&self, nic: u128) -> Option<(Status, Option<Code>)> {
        self.enforcement.nic_state(nic_id(nic)).map(|state| shape(&state))
    }

    fn host(&self) -> Option<(Status, Option<Code>)> {
        self.enforcement.host_state(host(1)).map(|state| shape(&state))
    }

    fn failing(&self) -> Vec<u128> {
        self.enforcement.roll_up(|_| true).nics.keys().map(|nic| nic.0.as_u128()).collect()
    }
}

fn shape(state: &State) -> (Status, Option<Code>) {
    (state.status, state.details.first().map(|detail| detail.code))
}

fn agent_of(n: u8) -> Change {
    server_at(n, Some("127.0.0.1:9443".parse().unwrap()))
}

fn port(nic: u128, result: PortResult) -> PortStatus {
    PortStatus {
        profile_id: nic_id(nic),
        attach_id: AttachId(Uuid::from_u128(nic)),
        device: "tap0".into(),
        mac: MacAddr::new([0; 6]),
        result,
    }
}

fn events(snapshot: bool, ports: &[PortStatus], detached: &[u128]) -> Events {
    let detached = detached.iter().map(|port| AttachId(Uuid::from_u128(*port))).collect();
    Events { instance: Uuid::nil(), sequence: 1, snapshot, ports: ports.to_vec(), detached }
}

fn failed() -> PortResult {
    PortResult::PolicyConfigurationFailureOnVfp { message: "the port has another MAC".into() }
}

const FINE: Option<(Status, Option<Code>)> = Some((Status::Success, None));
const PENDING: Option<(Status, Option<Code>)> = Some((Status::InProgress, Some(Code::InProgress)));

fn failure(code: Code) -> Option<(Status, Option<Code>)> {
    Some((Status::Failure, Some(code)))
}

#[test]
fn a_nic_goes_from_bound_to_confirmed_to_in_force() {
    let mut rig = Rig::new();
    assert_eq!(rig.nic(0x12), None, "it is on no host");
    assert_eq!(rig.host(), Some((Status::Uninitialized, None)));
    assert_eq!(rig.nic(0x11), PENDING);
    rig.confirm(1, &[]);
    assert_eq!(rig.host(), Some((Status::Success, Some(Code::Success))));
    assert_eq!(rig.nic(0x11), PENDING, "the port was not reported");
    rig.confirm(1, &[port(0x11, PortResult::Success)]);
    assert_eq!(rig.nic(0x11), FINE);
    rig.write([nic(0x11, BLUE, WEB, "10.0.0.5")]);
    assert_eq!(rig.nic(0x11), PENDING);
    rig.enforcement.note_confirmed(host(1), Generation(1), &[]);
    assert_eq!(rig.nic(0x11), PENDING, "an older generation does not have the change");
    rig.confirm(1, &[]);
    assert_eq!(rig.nic(0x11), FINE);
    rig.write([Change::Binding(nic_id(0x11), None)]);
    assert_eq!(rig.nic(0x11), None);
}

#[test]
fn what_is_wrong_with_a_port_is_told_by_its_code() {
    for (result, expected) in [
        (PortResult::PortBlocked, failure(Code::PortBlocked)),
        (failed(), failure(Code::PolicyConfigurationFailureOnVfp)),
        (PortResult::Success, FINE),
    ] {
        let rig = Rig::enforcing();
        rig.enforcement.note_ports(host(1), &events(false, &[port(0x11, result)], &[]));
        assert_eq!(rig.nic(0x11), expected);
    }
}

#[test]
fn a_port_that_is_gone_or_missing_from_a_snapshot_has_no_result() {
    for events in [events(false, &[], &[0x11]), events(true, &[], &[])] {
        let rig = Rig::enforcing();
        rig.enforcement.note_ports(host(1), &events);
        assert_eq!(rig.nic(0x11), PENDING);
    }
    let rig = Rig::enforcing();
    rig.enforcement.note_ports(host(1), &events(false, &[], &[0x12]));
    assert_eq!(rig.nic(0x11), FINE, "another port went");
}

#[test]
fn an_attachment_that_replaced_another_outlives_it() {
    let rig = Rig::enforcing();
    let again = PortStatus { attach_id: AttachId(Uuid::from_u128(0x99)), ..port(0x11, PortResult::Success) };
    rig.enforcement.note_ports(host(1), &events(false, &[again], &[]));
    rig.enforcement.note_ports(host(1), &events(false, &[], &[0x11]));
    assert_eq!(rig.nic(0x11), FINE);
}

#[test]
fn the_state_of_the_host_outweighs_that_of_its_ports() {
    for (contact, code) in [
        (Contact::Unreachable("Connection refused".into()), Code::HostUnreachable),
        (Contact::Stranger("the agent is that of another host".into()), Code::HostNotConnectedToController),
    ] {
        let rig = Rig::enforcing();
        rig.contact(contact);
        assert_eq!((rig.host(), rig.nic(0x11)), (failure(code), failure(code)));
        rig.contact(Contact::Reached);
        assert_eq!(rig.nic(0x11), FINE);
    }
}

#[test]
fn a_confirmation_ends_every_trouble_with_the_host() {
    let rig = Rig::enforcing();
    rig.contact(Contact::Unreachable("no answer in time".into()));
    rig.confirm(1, &[]);
    assert_eq!((rig.host(), rig.nic(0x11)), (Some((Status::Success, Some(Code::Success))), FINE));
    rig.enforcement.note_refused(host(1), "no space".into());
    assert_eq!(rig.host(), failure(Code::PolicyConfigurationFailure));
    assert_eq!(rig.nic(0x11), FINE, "what it enforces is still right");
    rig.confirm(1, &[]);
    assert_eq!(rig.host(), Some((Status::Success, Some(Code::Success))));
}

#[test]
fn a_refusal_fails_the_nics_that_wait_for_it() {
    let mut rig = Rig::enforcing();
    rig.write([nic(0x12, BLUE, WEB, "10.0.0.5"), bind(0x12, 1)]);
    rig.enforcement.note_refused(host(1), "no space".into());
    assert_eq!((rig.nic(0x11), rig.nic(0x12)), (FINE, failure(Code::PolicyConfigurationFailure)));
}

#[test]
fn a_host_that_cannot_be_talked_to_is_not_connected() {
    let mut rig = Rig::enforcing();
    rig.write([server(1)]);
    assert_eq!(rig.nic(0x11), failure(Code::HostNotConnectedToController), "it has no agent");
    rig.write([agent_of(1)]);
    assert_eq!(rig.nic(0x11), FINE);
    rig.write([Change::Server(host(1), None)]);
    assert_eq!(rig.nic(0x11), failure(Code::HostNotConnectedToController), "it is no server");
    assert_eq!(rig.host(), None);
    rig.write([agent_of(1)]);
    assert_eq!(rig.nic(0x11), PENDING, "what it holds is not known");
}

#[test]
fn an_overlay_port_needs_a_provider_address() {
    let mut rig = Rig::enforcing();
    let agent = Some("127.0.0.1:9443".parse().unwrap());
    let bare = Server { id: host(1), agent, provider_address: None };
    rig.write([nic_with(0x12, Vec::new()), bind(0x12, 1), Change::Server(host(1), Some(Arc::new(bare)))]);
    rig.confirm(1, &[port(0x12, PortResult::Success)]);
    assert_eq!((rig.nic(0x11), rig.nic(0x12)), (failure(Code::PAIpAddressExhausted), FINE));
}

#[test]
fn an_agent_that_forgot_its_state_has_to_confirm_again() {
    let rig = Rig::enforcing();
    rig.enforcement.note_unconfirmed(host(1));
    assert_eq!(rig.nic(0x11), PENDING);
    rig.confirm(1, &[]);
    assert_eq!(rig.nic(0x11), FINE);
}

#[test]
fn a_moved_nic_has_the_state_of_its_new_host() {
    let mut rig = Rig::enforcing();
    rig.write([agent_of(2)]);
    rig.write([bind(0x11, 2)]);
    rig.confirm(1, &[]);
    assert_eq!(rig.nic(0x11), PENDING);
    rig.confirm(2, &[port(0x11, failed())]);
    assert_eq!(rig.nic(0x11), failure(Code::PolicyConfigurationFailureOnVfp));
    rig.contact(Contact::Unreachable("no answer in time".into()));
    assert_eq!(rig.nic(0x11), failure(Code::PolicyConfigurationFailureOnVfp));
}

#[test]
fn a_roll_up_lists_the_failing_nics_that_use_the_thing() {
    let mut rig = Rig::enforcing();
    rig.write([nic(0x12, BLUE, WEB, "10.0.0.5"), nic(0x13, BLUE, DB, "10.0.1.5"), bind(0x12, 1), bind(0x13, 1)]);
    rig.confirm(1, &[port(0x12, failed()), port(0x13, failed())]);
    assert_eq!(rig.failing(), [0x12, 0x13]);
    let rolled = rig.enforcement.roll_up(|nic| nic == nic_id(0x13));
    assert_eq!((rolled.status(), rolled.nics.len(), rolled.hosts.len()), (Status::Failure, 1, 0));
    assert_eq!(rig.enforcement.roll_up(|nic| nic == nic_id(0x11)).status(), Status::Success);

    rig.contact(Contact::Unreachable("no answer in time".into()));
    assert_eq!(rig.enforcement.roll_up(|_| true).hosts.keys().collect::<Vec<_>>(), [&host(1)]);
    rig.contact(Contact::Reached);
    rig.write([Change::Nic(nic_id(0x12), None)]);
    rig.confirm(1, &[port(0x13, PortResult::Success)]);
    assert_eq!(rig.failing(), [0_u128; 0]);
}

#[test]
fn stamps_move_with_states_and_only_with_them() {
    let mut rig = Rig::enforcing();
    let stamps = |rig: &Rig| (rig.enforcement.stamp(), rig.enforcement.nic_stamp(nic_id(0x11)));
    let fine = stamps(&rig);
    rig.contact(Contact::Reached);
    rig.confirm(1, &[port(0x11, PortResult::Success)]);
    assert_eq!(stamps(&rig), fine);
    rig.write([nic(0x11, BLUE, WEB, "10.0.0.5")]);
    let pending = stamps(&rig);
    assert!(pending.0 == fine.0 && pending.1 > fine.1, "the NIC waits, and nothing is wrong");
    rig.confirm(1, &[port(0x11, failed())]);
    let broken = stamps(&rig);
    assert!(broken.0 > pending.0 && broken.1 > pending.1);
    rig.write([Change::Binding(nic_id(0x11), None)]);
    assert!(stamps(&rig).0 > broken.0);
    assert_eq!(stamps(&rig).1, 0);
}

#[test]
fn metrics_have_a_line_for_every_host() {
    let rig = Rig::enforcing();
    rig.enforcement.count(host(1), |counters| counters.bytes += 1500);
    let mut text = String::new();
    rig.enforcement.write_metrics(&mut text);
    for (name, value) in [
        ("controller_host_up", 1),
        ("controller_host_ports", 1),
        ("controller_host_lag_seconds", 0),
        ("controller_goal_states_applied_total", 0),
        ("controller_push_failures_total", 0),
        ("controller_push_bytes_total", 1500),
    ] {
        assert!(text.contains(&format!("\n{name}{{host=\"{}\"}} {value}\n", host(1))), "{name}: {text}");
    }
}

const SOON: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_wait_ends_with_the_last_confirmation() {
    let mut rig = Rig::enforcing();
    rig.write([agent_of(2), nic(0x12, BLUE, WEB, "10.0.0.5"), bind(0x12, 2)]);
    let (enforcement, generation) = (rig.enforcement.clone(), Generation(rig.generation));
    assert_eq!(enforcement.wait(generation, SOON).await, Enforced::None);
    rig.confirm(1, &[]);
    assert_eq!(enforcement.wait(generation, SOON).await, Enforced::Partial);
    let waiting = tokio::spawn(async move { enforcement.wait(generation, LATE).await });
    tokio::task::yield_now().await;
    rig.confirm(2, &[]);
    assert_eq!(waiting.await.unwrap(), Enforced::All);
}

#[tokio::test]
async fn a_wait_is_for_the_hosts_of_its_own_generation() {
    let mut rig = Rig::enforcing();
    rig.write([agent_of(2)]);
    assert_eq!(rig.enforcement.wait(Generation(1), LATE).await, Enforced::All, "host 2 came later");
    rig.write([nic(0x12, GREEN, WEB, "10.0.0.5")]);
    assert_eq!(rig.enforcement.wait(Generation(3), LATE).await, Enforced::All, "it is on no host");
    assert_eq!(rig.enforcement.wait(Generation(4), SOON).await, Enforced::None, "it was not compiled");
}

#[tokio::test]
async fn nobody_waits_for_a_host_that_does_not_answer() {
    let mut rig = Rig::enforcing();
    rig.write([agent_of(2), server(3), nic(0x12, BLUE, WEB, "10.0.0.5"), bind(0x12, 2)]);
    let generation = Generation(rig.generation);
    rig.enforcement.note_contact(host(2), Contact::Unreachable("no answer in time".into()));
    rig.contact(Contact::Unreachable("no answer in time".into()));
    assert_eq!(rig.enforcement.wait(generation, LATE).await, Enforced::None);
    rig.confirm(1, &[]);
    assert_eq!(rig.enforcement.wait(generation, LATE).await, Enforced::Partial);
    rig.write([Change::Server(host(2), None), Change::Server(host(3), None)]);
    assert_eq!(rig.enforcement.wait(generation, LATE).await, Enforced::All, "the others are no longer asked");
}

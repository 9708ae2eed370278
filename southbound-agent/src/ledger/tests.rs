//! What a ledger remembers after it is opened again, also when its files were cut or damaged.

use super::*;
use crate::ports::Attachment;
use policy::GOAL_STATE_VERSION;
use policy::acl::Action;
use policy::goal_state::{ContentHash, SectionBody, SectionKey};
use policy::host::{DefaultVerdict, Encapsulation, Host};
use policy::ids::{AttachId, Epoch, Generation, HostId, NicId, VmId};
use policy::net::MacAddr;
use policy::port::{Guards, Port, Qos};
use proptest::prelude::*;
use std::collections::BTreeMap;
use uuid::Uuid;

type Manifest = BTreeMap<SectionKey, ContentHash>;

/// A goal state with one port for each bit of `ports`.
fn sections(ports: u8, mbps: u64) -> Vec<(SectionKey, SectionBody)> {
    let without_acl = DefaultVerdict { inbound: Action::Deny, outbound: Action::Allow };
    let id = HostId(Uuid::from_u128(1));
    let host = Host { id, provider_address: None, encapsulation: Encapsulation::Vxlan, without_acl };
    let port = |bit: u8| {
        let nic = NicId(Uuid::from_u128(bit.into()));
        let qos = Qos { outbound_maximum_mbps: mbps, ..Qos::default() };
        let mac = MacAddr::from_u64(bit.into());
        let port = Port {
            nic,
            mac,
            network: None,
            addresses: Vec::new(),
            qos,
            guards: Guards::default(),
            secondary: false,
            dns_servers: Vec::new(),
        };
        (SectionKey::Port(nic), SectionBody::new(&port).unwrap())
    };
    let ports = (0..8).filter(|bit| ports & (1 << bit) != 0).map(port);
    [(SectionKey::Host, SectionBody::new(&host).unwrap())].into_iter().chain(ports).collect()
}

/// The update that leads from `state` to `goal`, as a controller sends it: a delta, bodies only where they are new.
fn update(state: &GoalState, goal: &[(SectionKey, SectionBody)]) -> Update {
    let generation = state.in_force().map_or(0, |(_, generation)| generation.0);
    let new = || goal.iter().filter(|(key, body)| state.hash(*key) != Some(body.hash));
    Update {
        version: GOAL_STATE_VERSION,
        epoch: Epoch(Uuid::from_u128(9)),
        generation: Generation(generation + 1),
        base: state.in_force().map(|(_, generation)| generation),
        set: new().map(|(key, body)| (*key, body.hash)).collect(),
        remove: state.keys().filter(|key| goal.iter().all(|(kept, _)| kept != key)).collect(),
        bodies: new().map(|(_, body)| (body.hash, body.json.clone())).collect(),
    }
}

fn accept(remembered: &mut Remembered, goal: &[(SectionKey, SectionBody)]) {
    let update = update(&remembered.goal_state, goal);
    let body = serde_json::to_vec(&update).unwrap();
    let change = remembered.goal_state.judge(&update, None).unwrap();
    remembered.ledger.record_update(&body, &remembered.goal_state).unwrap();
    remembered.goal_state.apply(change);
}

fn manifest(state: &GoalState) -> Manifest {
    state.keys().map(|key| (key, state.hash(key).unwrap())).collect()
}

fn attachment(number: u128) -> Attachment {
    Attachment {
        profile_id: NicId(Uuid::from_u128(number)),
        attach_id: AttachId(Uuid::from_u128(100 + number)),
        device: format!("tap{number}"),
        mac: MacAddr::from_u64(7),
        vm: number.is_multiple_of(2).then(|| VmId(Uuid::from_u128(9))),
    }
}

#[test]
fn goal_state_and_ports_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Ledger::open(folder.path()).unwrap();
    accept(&mut first, &sections(0b11, 0));
    accept(&mut first, &sections(0b110, 5));
    for change in [
        PortChange::Attach(attachment(1)),
        PortChange::Attach(attachment(2)),
        PortChange::Detach(attachment(1).attach_id),
    ] {
        first.ledger.record_port(&change, &first.ports).unwrap();
        first.ports.apply(change);
    }
    let (state, ports) = (first.goal_state, first.ports);
    drop(first.ledger);

    let second = Ledger::open(folder.path()).unwrap();
    assert_eq!(second.goal_state.in_force(), state.in_force());
    assert_eq!(manifest(&second.goal_state), manifest(&state));
    assert_eq!(second.ports, ports);
    assert_eq!(second.ports.iter().collect::<Vec<_>>(), [&attachment(2)]);
}

#[test]
fn a_second_agent_on_the_same_directory_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Ledger::open(folder.path()).unwrap();
    assert!(matches!(Ledger::open(folder.path()), Err(LedgerError::Locked(_))));
}

#[test]
fn a_ledger_that_has_grown_is_rewritten_and_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Ledger::open(folder.path()).unwrap();
    accept(&mut first, &sections(0xff, 0));
    while first.ledger.goal_state.len() <= SLACK + 2 * first.goal_state.text_bytes() as u64 {
        // A body that no section names counts for the file's size only.
        let mut update = update(&first.goal_state, &sections(0xff, 0));
        let filler: std::sync::Arc<serde_json::value::RawValue> =
            serde_json::value::to_raw_value(&"x".repeat(1 << 20)).unwrap().into();
        update.bodies.insert(ContentHash::of(filler.get().as_bytes()), filler);
        let change = first.goal_state.judge(&update, None).unwrap();
        first.ledger.record_update(&serde_json::to_vec(&update).unwrap(), &first.goal_state).unwrap();
        first.goal_state.apply(change);
    }
    first.ledger.tend(&first.goal_state, &first.ports).unwrap();
    assert!(first.ledger.goal_state.len() < 10_000);
    accept(&mut first, &sections(1, 0));
    let state = first.goal_state;
    drop(first.ledger);
    let second = Ledger::open(folder.path()).unwrap();
    assert_eq!((second.goal_state.in_force(), manifest(&second.goal_state)), (state.in_force(), manifest(&state)));
}

#[test]
fn records_of_a_version_that_is_not_understood_end_what_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Ledger::open(folder.path()).unwrap();
    accept(&mut first, &sections(1, 0));
    let good = manifest(&first.goal_state);
    first.ledger.record_update(br#"{"version":99}"#, &first.goal_state).unwrap();
    drop(first);
    let second = Ledger::open(folder.path()).unwrap();
    assert_eq!(manifest(&second.goal_state), good);
    drop(second);
    assert_eq!(manifest(&Ledger::open(folder.path()).unwrap().goal_state), good);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// `kill -9` or a power cut leaves some prefix of the file.
    #[test]
    fn any_prefix_of_the_file_is_a_state_that_was_in_force(
        goals in prop::collection::vec((any::<u8>(), 0u64..3), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut remembered = Ledger::open(folder.path()).unwrap();
        let mut states = vec![(None, Manifest::new())];
        for (ports, mbps) in goals {
            accept(&mut remembered, &sections(ports, mbps));
            states.push((remembered.goal_state.in_force(), manifest(&remembered.goal_state)));
        }
        drop(remembered);
        let path = folder.path().join("goal-state.journal");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..cut.index(whole.len() + 1)]).unwrap();

        let after = Ledger::open(folder.path()).unwrap().goal_state;
        prop_assert!(states.contains(&(after.in_force(), manifest(&after))));
    }
}

//! Which updates are taken, and what they make of the state.

use super::*;
use policy::acl::Action;
use policy::goal_state::SectionBody;
use policy::host::{DefaultVerdict, Encapsulation};
use policy::ids::{NetworkId, NicId};
use policy::mapping::Mapping;
use policy::net::{MacAddr, Vsid};
use policy::port::{Guards, Port, Qos};
use proptest::prelude::*;
use uuid::Uuid;

const EPOCH: Epoch = Epoch(Uuid::from_u128(1));
const NETWORK: NetworkId = NetworkId(Uuid::from_u128(2));
const HOST: HostId = HostId(Uuid::from_u128(3));

fn host(id: HostId) -> (SectionKey, SectionBody) {
    let without_acl = DefaultVerdict { inbound: Action::Deny, outbound: Action::Allow };
    let host = Host { id, provider_address: None, encapsulation: Encapsulation::Vxlan, without_acl };
    (SectionKey::Host, SectionBody::new(&host).unwrap())
}

fn port(number: u8, mbps: u64) -> (SectionKey, SectionBody) {
    let nic = NicId(Uuid::from_u128(u128::from(number)));
    let qos = Qos { outbound_maximum_mbps: mbps, ..Qos::default() };
    let mac = MacAddr::from_u64(u64::from(number));
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
}

fn shard(block: u8, entries: &[u8]) -> (SectionKey, SectionBody) {
    let at = |last: u8| std::net::IpAddr::from([10, 0, 0, last]);
    let entry = |&last: &u8| Mapping {
        vsid: Vsid::new(5000).unwrap(),
        ca: at(last),
        mac: MacAddr::from_u64(last.into()),
        pa: at(255),
    };
    let body = SectionBody::new(&MappingShard { entries: entries.iter().map(entry).collect() }).unwrap();
    (SectionKey::Mappings(NETWORK, ShardId::of(at(block))), body)
}

/// The whole manifest at `generation`, with every body.
fn whole(generation: u64, sections: &[(SectionKey, SectionBody)]) -> Update {
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

fn delta(base: u64, generation: u64, set: &[(SectionKey, SectionBody)], remove: &[SectionKey]) -> Update {
    Update { base: Some(Generation(base)), remove: remove.to_vec(), ..whole(generation, set) }
}

fn take(state: &mut GoalState, update: &Update) {
    let change = state.judge(update, None).unwrap();
    state.apply(change);
}

fn held(update: &Update) -> GoalState {
    let mut state = GoalState::default();
    take(&mut state, update);
    state
}

#[test]
fn a_delta_changes_what_it_names_and_nothing_else() {
    let mut state = held(&whole(1, &[host(HOST), port(1, 0), port(2, 0)]));
    let change = state.judge(&delta(1, 2, &[port(1, 7)], &[port(2, 0).0]), None).unwrap();
    assert_eq!((change.set.len(), change.remove.as_slice()), (1, [port(2, 0).0].as_slice()));
    state.apply(change);
    assert_eq!(state.in_force(), Some((EPOCH, Generation(2))));
    assert_eq!(state.keys().collect::<Vec<_>>(), [SectionKey::Host, port(1, 0).0]);
    assert_eq!(state.hash(port(1, 0).0), Some(port(1, 7).1.hash));
}

#[test]
fn updates_that_do_not_fit_are_refused_with_what_would_fit() {
    let state = held(&whole(5, &[host(HOST)]));
    let in_force = Some((EPOCH, Generation(5)));
    let restored = Epoch(Uuid::from_u128(99));
    let unsent = Update { bodies: BTreeMap::new(), ..delta(5, 6, &[port(1, 0)], &[]) };
    let cases: [(&str, Update, Refusal); 5] = [
        ("older generation", whole(4, &[host(HOST)]), Refusal::Stale { in_force: Generation(5) }),
        ("older delta", delta(3, 4, &[], &[]), Refusal::Stale { in_force: Generation(5) }),
        ("gap", delta(6, 7, &[], &[]), Refusal::Behind { in_force }),
        ("delta of another epoch", Update { epoch: restored, ..delta(5, 6, &[], &[]) }, Refusal::Behind { in_force }),
        ("body not sent", unsent, Refusal::Missing { bodies: vec![port(1, 0).1.hash] }),
    ];
    for (case, update, refusal) in cases {
        assert_eq!(state.judge(&update, None).unwrap_err(), Rejection::Refused(refusal), "{case}");
    }
    let fresh = GoalState::default();
    let behind = Rejection::Refused(Refusal::Behind { in_force: None });
    assert_eq!(fresh.judge(&delta(5, 6, &[], &[]), None).unwrap_err(), behind);
}

#[test]
fn repetitions_are_accepted_and_change_nothing() {
    let mut state = held(&whole(5, &[host(HOST)]));
    take(&mut state, &delta(5, 6, &[port(1, 0)], &[]));
    for update in [delta(5, 6, &[port(1, 0)], &[]), delta(6, 6, &[], &[]), whole(6, &[host(HOST), port(1, 0)])] {
        assert!(state.judge(&update, None).unwrap().is_empty());
    }
}

#[test]
fn a_whole_manifest_of_another_epoch_is_taken_whatever_its_generation() {
    let mut state = held(&whole(5, &[host(HOST), port(1, 0)]));
    let epoch = Epoch(Uuid::from_u128(99));
    take(&mut state, &Update { epoch, ..whole(1, &[host(HOST)]) });
    assert_eq!(state.in_force(), Some((epoch, Generation(1))));
    assert_eq!(state.keys().count(), 1);
}

#[test]
fn a_body_that_is_held_need_not_be_sent() {
    let mut state = held(&whole(1, &[host(HOST), port(1, 0)]));
    let update = Update { bodies: BTreeMap::new(), ..whole(2, &[host(HOST), port(1, 0)]) };
    assert!(state.judge(&update, None).unwrap().is_empty());

    // The same content under a second key, while the first key goes: the body must survive the move.
    let moved = shard(0, &[]);
    take(&mut state, &delta(1, 2, std::slice::from_ref(&moved), &[]));
    let elsewhere = (shard(64, &[]).0, moved.1.clone());
    let update = Update { bodies: BTreeMap::new(), ..delta(2, 3, std::slice::from_ref(&elsewhere), &[moved.0]) };
    take(&mut state, &update);
    state.settle();
    assert_eq!(state.section(elsewhere.0).as_deref(), Some(&Section::Mappings(MappingShard::default())));
}

#[test]
fn damaged_updates_are_invalid() {
    let own = Some(HOST);
    let other = HostId(Uuid::from_u128(4));
    let (key, body) = port(1, 0);
    let mut swapped = whole(1, &[host(HOST), (key, body.clone())]);
    swapped.bodies.insert(body.hash, port(2, 0).1.json);
    let unordered = shard(0, &[9, 3]);
    let strange = shard(64, &[3]);
    let unreadable = (key, SectionBody::new(&"text").unwrap());
    let cases = [
        ("version", Update { version: 99, ..whole(1, &[host(HOST)]) }, "goal state version 99"),
        ("hash", swapped, "has the hash"),
        ("no host", whole(1, &[port(1, 0)]), "no section 'host'"),
        ("wrong host", whole(1, &[host(other)]), "this is host"),
        ("another's body", whole(1, &[host(HOST), (key, port(2, 0).1)]), "names another object"),
        ("unordered shard", whole(1, &[host(HOST), unordered]), "strict order"),
        ("entry of another shard", whole(1, &[host(HOST), strange]), "another shard"),
        ("no port", whole(1, &[host(HOST), unreadable]), "section 'port/"),
    ];
    for (case, update, message) in cases {
        match GoalState::default().judge(&update, own) {
            Err(Rejection::Invalid(invalid)) => assert!(invalid.to_string().contains(message), "{case}: {invalid}"),
            other => panic!("{case}: {other:?}"),
        }
    }
}

#[test]
fn a_learnt_host_id_holds_within_the_epoch() {
    let state = held(&whole(1, &[host(HOST)]));
    let other = HostId(Uuid::from_u128(4));
    assert!(matches!(state.judge(&whole(2, &[host(other)]), None), Err(Rejection::Invalid(Invalid::WrongHost { .. }))));
    let restored = Update { epoch: Epoch(Uuid::from_u128(9)), ..whole(2, &[host(other)]) };
    assert!(state.judge(&restored, None).is_ok());
}

/// One step of a controller: the next full set of sections.
fn worlds() -> impl Strategy<Value = Vec<BTreeMap<u8, u64>>> {
    prop::collection::vec(prop::collection::btree_map(0u8..6, 0u64..3, 0..6), 1..8)
}

fn sections(world: &BTreeMap<u8, u64>) -> Vec<(SectionKey, SectionBody)> {
    let mut sections = vec![host(HOST)];
    // Equal contents under different keys are the interesting case for sharing.
    sections.extend(world.iter().map(|(&block, &len)| {
        let first = block / 2 * 128;
        let (key, _) = shard(first + block % 2 * 64, &[]);
        let entries: Vec<u8> = if len == 0 { Vec::new() } else { vec![first + block % 2 * 64] };
        (key, shard(0, &entries).1)
    }));
    sections
}

proptest! {
    #[test]
    fn deltas_lead_where_the_whole_manifest_leads(worlds in worlds(), as_whole in prop::collection::vec(any::<bool>(), 8)) {
        let worlds: Vec<_> = worlds.iter().map(|world| {
            world.iter().filter(|(block, _)| **block < 4).map(|(block, len)| (*block, *len)).collect::<BTreeMap<_, _>>()
        }).collect();
        let mut state = GoalState::default();
        for (generation, (world, &send_whole)) in (1u64..).zip(worlds.iter().zip(&as_whole)) {
            let goal = sections(world);
            let gone: Vec<_> = state.keys().filter(|key| goal.iter().all(|(kept, _)| kept != key)).collect();
            match generation == 1 || send_whole {
                true => take(&mut state, &whole(generation, &goal)),
                false => take(&mut state, &delta(generation - 1, generation, &goal, &gone)),
            }
            let direct = held(&whole(generation, &goal));
            prop_assert_eq!(&state.manifest, &direct.manifest);
            prop_assert_eq!(state.text_bytes, direct.text_bytes);
            let contents = |state: &GoalState| state.bodies.keys().copied().collect::<std::collections::BTreeSet<_>>();
            prop_assert_eq!(contents(&state), contents(&direct));
            let copy = held(&state.snapshot().unwrap());
            prop_assert_eq!(&copy.manifest, &state.manifest);
        }
    }
}

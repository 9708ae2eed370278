//! After any sequence of events the states are those that follow from what is known, and no bookkeeping is left behind.

use super::*;
use crate::fabric::testing::*;
use policy::net::MacAddr;
use policy::report::PortResult;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Event {
    Write(Vec<Change>),
    Contact(u128, Contact),
    /// The host confirms its target, or the generation before.
    Confirmed(u128, bool, Vec<PortStatus>),
    Unconfirmed(u128),
    Refused(u128),
    Ports(u128, Events),
}

fn a_host() -> impl Strategy<Value = u128> {
    1..4_u128
}

fn a_nic() -> impl Strategy<Value = u64> {
    0x10..0x15_u64
}

fn change() -> impl Strategy<Value = Change> {
    let server = (1..4_u8, weighted(0.8, any::<bool>())).prop_map(|(n, agent)| match agent {
        Some(agent) => server_at(n, agent.then(|| "127.0.0.1:9443".parse().unwrap())),
        None => Change::Server(host(n.into()), None),
    });
    let nic = (a_nic(), weighted(0.8, 4..9_u8)).prop_map(|(n, last)| match last {
        Some(8) => nic_with(n, Vec::new()),
        Some(last) => nic(n, BLUE, WEB, &format!("10.0.0.{last}")),
        None => Change::Nic(nic_id(n.into()), None),
    });
    let binding = (a_nic(), weighted(0.8, a_host()));
    let binding = binding.prop_map(|(n, on)| Change::Binding(nic_id(n.into()), on.map(host)));
    prop_oneof![server, nic, binding]
}

fn port() -> impl Strategy<Value = PortStatus> {
    let result = prop_oneof![
        4 => Just(PortResult::Success),
        1 => Just(PortResult::PortBlocked),
        1 => Just(PortResult::PolicyConfigurationFailureOnVfp { message: "another MAC".into() }),
    ];
    (a_nic(), 0..2_u128, result).prop_map(|(nic, attachment, result)| PortStatus {
        profile_id: nic_id(nic.into()),
        attach_id: AttachId(Uuid::from_u128((attachment << 64) | u128::from(nic))),
        device: "tap0".into(),
        mac: MacAddr::new([0; 6]),
        result,
    })
}

fn event() -> impl Strategy<Value = Event> {
    let contact = prop_oneof![
        Just(Contact::Untried),
        Just(Contact::Reached),
        Just(Contact::Unreachable("no answer in time".into())),
        Just(Contact::Stranger("another host".into())),
    ];
    let events = (any::<bool>(), vec(port(), 0..3), vec(port(), 0..2)).prop_map(|(snapshot, ports, gone)| Events {
        instance: Uuid::nil(),
        sequence: 0,
        snapshot,
        ports,
        detached: gone.into_iter().map(|port| port.attach_id).collect(),
    });
    prop_oneof![
        4 => vec(change(), 1..4).prop_map(Event::Write),
        1 => (a_host(), contact).prop_map(|(host, contact)| Event::Contact(host, contact)),
        3 => (a_host(), any::<bool>(), vec(port(), 0..3)).prop_map(|(host, now, ports)| Event::Confirmed(host, now, ports)),
        1 => a_host().prop_map(Event::Unconfirmed),
        1 => a_host().prop_map(Event::Refused),
        2 => (a_host(), events).prop_map(|(host, events)| Event::Ports(host, events)),
    ]
}

/// The book, and the compiler that tells it what concerns whom.
struct Rig {
    book: Book,
    compiler: Compiler,
    generation: u64,
}

impl Rig {
    fn take(&mut self, event: Event) {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(i64::try_from(self.generation).unwrap());
        match event {
            Event::Write(changes) => {
                self.generation += 1;
                let revision = Revision { generation: Generation(self.generation), changes };
                let outcome = self.compiler.apply(&revision);
                self.book.compiled(&revision, &outcome, &self.compiler, now);
            }
            Event::Contact(on, contact) => self.book.contact(host(on), contact, now),
            Event::Confirmed(on, latest, ports) => {
                let target = self.book.hosts.get(&host(on)).map(|host| host.target.0).unwrap_or_default();
                let generation = Generation(target.saturating_sub(u64::from(!latest)));
                self.book.confirmed(host(on), generation, &ports, now);
            }
            Event::Unconfirmed(on) => self.book.unconfirmed(host(on), now),
            Event::Refused(on) => self.book.refused(host(on), "no space".into(), now),
            Event::Ports(on, events) => self.book.ports(host(on), &events, now),
        }
    }

    /// What the states follow from, looked at anew.
    fn check(&self) -> Result<(), TestCaseError> {
        let Book { hosts, nics, failing, .. } = &self.book;
        for (id, host) in hosts {
            prop_assert!(!host.is_forgotten(), "{} is of no interest", id);
            if host.server.is_some() {
                prop_assert!(!differs(host.state.as_ref().unwrap(), &judge::host(host)), "{:?}", host);
            }
            let on_it = nics.iter().filter(|(_, nic)| nic.host == *id);
            let waiting = on_it.clone().filter(|(_, nic)| !host.enforces(nic.generation));
            prop_assert_eq!(&host.nics, &on_it.map(|(id, _)| *id).collect());
            prop_assert_eq!(&host.unconfirmed, &waiting.map(|(id, nic)| (nic.generation, *id)).collect());
        }
        for n in 0x10..0x15 {
            let placed = self.compiler.placed(nic_id(n)).map(|(_, host)| host);
            prop_assert_eq!(nics.get(&nic_id(n)).map(|nic| nic.host), placed);
        }
        for (id, nic) in nics {
            let host = &hosts[&nic.host];
            let verdict = judge::nic(host, nic.generation, nic.networked, host.ports.result(*id));
            prop_assert!(!differs(&nic.state, &verdict), "{} {:?} on {:?}", id, nic, host);
            prop_assert_eq!(failing.contains(id), nic.state.status == Status::Failure);
        }
        prop_assert!(failing.iter().all(|id| nics.contains_key(id)));
        Ok(())
    }
}

proptest! {
    #[test]
    fn states_follow_from_what_is_known(events in vec(event(), 1..60)) {
        let book = Book::new(OffsetDateTime::UNIX_EPOCH);
        let mut rig = Rig { book, compiler: Compiler::default(), generation: 0 };
        for event in events {
            let stamps: HashMap<NicId, (u64, Arc<State>)> =
                rig.book.nics.iter().map(|(id, nic)| (*id, (nic.stamp, nic.state.clone()))).collect();
            rig.take(event);
            rig.check()?;
            for (id, nic) in &rig.book.nics {
                let Some((stamp, state)) = stamps.get(id) else { continue };
                prop_assert!(nic.stamp != *stamp || nic.state == *state, "a state changes and its stamp does not");
            }
        }
    }
}

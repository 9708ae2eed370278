//! The address book, case by case and under arbitrary stories.

use super::*;
use crate::offer::Subnet;
use proptest::prelude::*;

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

/// Addresses `192.168.1.LAST`, with their router.
fn offer(last: impl IntoIterator<Item = u8>) -> Offer {
    let addresses = last.into_iter().map(address).collect();
    let gateway = Some(address(1));
    Offer { subnets: BTreeMap::from([(net("192.168.1.0/24"), Subnet { gateway, dns: Vec::new(), addresses })]) }
}

fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 1, last)
}

fn attachment(id: u8) -> Holder {
    Holder::Attachment { network: "blue".parse().unwrap(), endpoint: endpoint(id) }
}

fn endpoint(id: u8) -> EndpointId {
    format!("e{id}").parse().unwrap()
}

fn docker(since: u64) -> Holder {
    Holder::Docker { endpoint: None, since }
}

fn book(last: impl IntoIterator<Item = u8>) -> Book {
    let mut book = Book::default();
    book.merge(&offer(last));
    book
}

fn lease(book: &mut Book, holder: Holder, now: u64) -> Result<Ipv4Addr, BookError> {
    book.lease(Want::default(), holder, &BTreeSet::new(), now).map(|lease| lease.address)
}

#[test]
fn an_address_in_use_is_not_given_twice() {
    let mut book = book([101, 102]);
    assert_eq!(lease(&mut book, attachment(1), 0), Ok(address(101)));
    assert_eq!(lease(&mut book, attachment(2), 0), Ok(address(102)));
    let none = lease(&mut book, attachment(3), 0).unwrap_err();
    assert_eq!(none, BookError::Exhausted { subnet: None, total: 2 });
    assert!(none.to_string().starts_with("no free address: all 2 "), "{none}");
}

#[test]
fn an_attachment_that_asks_again_gets_its_address_again() {
    let mut book = book([101, 102]);
    assert_eq!(lease(&mut book, attachment(1), 0), Ok(address(101)));
    assert_eq!(lease(&mut book, attachment(1), 0), Ok(address(101)));
}

#[test]
fn an_address_that_somebody_else_gave_is_kept_from_others_and_forgotten_unless_it_is_offered() {
    let mut book = book([101, 102]);
    let subnet = net("192.168.1.0/24");
    assert_eq!(book.reserve(address(101), subnet, attachment(1)), Ok(()));
    assert_eq!(book.reserve(address(77), subnet, attachment(2)), Ok(()));
    assert_eq!(book.reserve(address(77), subnet, attachment(2)), Ok(()), "may be repeated");
    assert_eq!(book.reserve(address(77), subnet, attachment(3)), Err(BookError::InUse(address(77))));
    assert!(book.occupy(address(77), &endpoint(2)).is_ok());
    assert_eq!(lease(&mut book, attachment(3), 0), Ok(address(102)), "101 is taken");

    book.merge(&offer([101, 102]));
    for id in 1..=3 {
        book.vacate(&endpoint(id), 0);
    }
    assert_eq!(book.addresses().map(|(address, _)| *address).collect::<Vec<_>>(), [address(101), address(102)]);
}

#[test]
fn a_withdrawn_address_is_forgotten_at_once_when_free_and_on_release_when_used() {
    let mut book = book([101, 102]);
    lease(&mut book, attachment(1), 0).unwrap();
    book.merge(&offer([]));
    assert_eq!(book.get(address(102)), None);
    assert!(book.get(address(101)).unwrap().lost);
    assert_eq!(lease(&mut book, attachment(2), 0), Err(BookError::NothingOffered));
    book.vacate(&endpoint(1), 0);
    assert_eq!(book, Book::default());
}

#[test]
fn a_withdrawn_address_that_comes_back_is_healthy_and_still_its_holders() {
    let mut book = book([101]);
    lease(&mut book, attachment(1), 0).unwrap();
    book.merge(&offer([]));
    book.merge(&offer([101]));
    let record = book.get(address(101)).unwrap();
    assert_eq!((record.lost, record.holder.as_ref()), (false, Some(&attachment(1))));
}

#[test]
fn a_used_address_that_moves_to_another_subnet_is_found_there_after_its_release() {
    let mut book = book([101]);
    lease(&mut book, attachment(1), 0).unwrap();
    let mut moved = offer([101]);
    let subnet = moved.subnets.remove(&net("192.168.1.0/24")).unwrap();
    moved.subnets.insert(net("192.168.1.0/25"), subnet);
    book.merge(&moved);
    assert!(book.get(address(101)).unwrap().lost);
    book.vacate(&endpoint(1), 0);
    book.merge(&moved);
    let lease = book.lease(Want::default(), attachment(2), &BTreeSet::new(), 0).unwrap();
    assert_eq!(lease.subnet, net("192.168.1.0/25"));
}

#[test]
fn a_free_address_that_moves_to_another_subnet_is_there_at_once() {
    let mut book = book([101]);
    let mut moved = offer([101]);
    let subnet = moved.subnets.remove(&net("192.168.1.0/24")).unwrap();
    moved.subnets.insert(net("192.168.1.0/25"), subnet);
    book.merge(&moved);
    let want = Want { subnet: Some(net("192.168.1.0/25")) };
    assert_eq!(book.lease(want, attachment(1), &BTreeSet::new(), 0).unwrap().address, address(101));
    assert_eq!(book.subnets().count(), 1, "the old subnet is gone");
}

#[test]
fn docker_gives_back_what_no_endpoint_uses_only() {
    let mut book = book([101]);
    lease(&mut book, docker(0), 0).unwrap();
    book.occupy(address(101), &endpoint(1)).unwrap();
    assert!(!book.release(address(101)), "an endpoint uses it");
    assert_eq!(book.occupy(address(101), &endpoint(2)).unwrap_err(), BookError::InUse(address(101)));
    book.vacate(&endpoint(1), 5);
    assert!(lease(&mut book, attachment(2), 6).is_err(), "docker has not released it yet");
    assert!(book.release(address(101)) && book.release(address(101)));
    assert_eq!(lease(&mut book, attachment(2), 6), Ok(address(101)));
}

#[test]
fn what_docker_asked_for_and_forgot_is_given_away_when_nothing_else_is_left() {
    let mut book = book([101, 102]);
    lease(&mut book, docker(0), 0).unwrap();
    assert_eq!(lease(&mut book, attachment(1), FORGOTTEN + 1), Ok(address(102)));
    assert!(lease(&mut book, attachment(2), FORGOTTEN).is_err());
    assert_eq!(lease(&mut book, attachment(2), FORGOTTEN + 1), Ok(address(101)));
}

#[test]
fn only_addresses_of_the_wanted_subnet_are_given() {
    let mut both = offer([101]);
    let other = Subnet { addresses: BTreeSet::from([Ipv4Addr::new(10, 0, 0, 5)]), ..Subnet::default() };
    both.subnets.insert(net("10.0.0.0/24"), other);
    let mut book = Book::default();
    book.merge(&both);
    let want = Want { subnet: Some(net("192.168.1.0/24")) };
    assert_eq!(book.lease(want, attachment(1), &BTreeSet::new(), 0).unwrap().address, address(101));
    let none = book.lease(want, attachment(2), &BTreeSet::new(), 0).unwrap_err();
    assert_eq!(none, BookError::Exhausted { subnet: want.subnet, total: 1 });
    let unknown = book.choose_subnet(Want { subnet: Some(net("10.0.1.0/24")) }).unwrap_err();
    assert!(unknown.to_string().contains("it offers 10.0.0.0/24, 192.168.1.0/24"), "{unknown}");
    assert_eq!(book.choose_subnet(Want::default()), Ok(net("10.0.0.0/24")), "the one with more free addresses");
}

/// What may happen.
#[derive(Clone, Debug)]
enum Event {
    Offer(BTreeSet<u8>),
    Attach(u8),
    Ask,
    Occupy(u8, u8),
    Vacate(u8),
    Release(u8),
    Collect(BTreeSet<u8>),
    Restart,
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let last = || 101..107u8;
    prop_oneof![
        proptest::collection::btree_set(last(), 0..6).prop_map(Event::Offer),
        (0..5u8).prop_map(Event::Attach),
        Just(Event::Ask),
        (last(), 5..9u8).prop_map(|(last, id)| Event::Occupy(last, id)),
        (0..9u8).prop_map(Event::Vacate),
        last().prop_map(Event::Release),
        proptest::collection::btree_set(0..5u8, 0..5).prop_map(Event::Collect),
        Just(Event::Restart),
        (0..200u64).prop_map(Event::Wait),
    ]
}

proptest! {
    #[test]
    fn no_story_gives_an_address_to_two_or_loses_one(events in proptest::collection::vec(event(), 1..60)) {
        let mut book = Book::default();
        let mut offered = BTreeSet::new();
        // Which endpoint uses which address, by what was answered.
        let mut used: BTreeMap<EndpointId, Ipv4Addr> = BTreeMap::new();
        let mut now = 0;
        for event in events {
            match event {
                Event::Offer(last) => {
                    book.merge(&offer(last.iter().copied()));
                    offered = last.into_iter().map(address).collect();
                }
                Event::Attach(id) => {
                    let had = used.get(&endpoint(id)).copied();
                    if let Ok(given) = lease(&mut book, attachment(id), now) {
                        prop_assert!(had.is_none_or(|had| had == given));
                        prop_assert!(had.is_some() || offered.contains(&given), "{given} is not offered");
                        used.insert(endpoint(id), given);
                    } else {
                        prop_assert!(had.is_none());
                        let free = offered.iter().find(|at| book.get(**at).is_none_or(|r| r.holder.is_none()));
                        prop_assert_eq!(free, None, "there was one");
                    }
                }
                Event::Ask => drop(lease(&mut book, docker(now), now)),
                Event::Occupy(last, id) => {
                    if !used.contains_key(&endpoint(id)) && book.occupy(address(last), &endpoint(id)).is_ok() {
                        used.insert(endpoint(id), address(last));
                    }
                }
                Event::Vacate(id) => {
                    book.vacate(&endpoint(id), now);
                    used.remove(&endpoint(id));
                }
                Event::Release(last) => {
                    let free = book.release(address(last));
                    prop_assert_eq!(free, !used.values().any(|at| *at == address(last)));
                }
                Event::Collect(keep) => {
                    let keep: BTreeSet<_> = keep.into_iter().map(endpoint).collect();
                    book.collect(&"blue".parse().unwrap(), |id| keep.contains(id));
                    let docker = |id: &EndpointId| (5..9).any(|number| endpoint(number) == *id);
                    used.retain(|id, _| keep.contains(id) || docker(id));
                }
                Event::Restart => {
                    book.free_all();
                    used.clear();
                }
                Event::Wait(seconds) => now += seconds,
            }
            let distinct: BTreeSet<_> = used.values().collect();
            prop_assert_eq!(distinct.len(), used.len(), "an address was given twice");
            for at in used.values() {
                let record = book.get(*at);
                prop_assert!(record.is_some_and(|record| record.lost != offered.contains(at)), "{}: {:?}", at, record);
            }
            for (at, record) in book.addresses() {
                prop_assert!(offered.contains(at) || record.holder.is_some(), "{} is of no use", at);
            }
            for at in &offered {
                prop_assert!(book.get(*at).is_some(), "{} is lost", at);
            }
        }
    }
}

//! Whatever an agent holds, the update takes it to the target.

use super::*;
use policy::ids::NicId;
use proptest::collection::btree_map;
use proptest::prelude::*;
use uuid::Uuid;

const EPOCH: Epoch = Epoch(Uuid::from_u128(0xe0));

/// Few keys and few texts, so that manifests overlap and sections share bodies.
fn target(generation: u64) -> impl Strategy<Value = Target> {
    btree_map(0..20_u128, 0..4_u8, 0..20).prop_map(move |sections| {
        let section = |(nic, text)| (SectionKey::Port(NicId(Uuid::from_u128(nic))), SectionBody::new(&text).unwrap());
        Target { generation: Generation(generation), manifest: sections.into_iter().map(section).collect() }
    })
}

fn names(target: &Target) -> BTreeMap<SectionKey, ContentHash> {
    target.manifest.iter().map(|(key, body)| (*key, body.hash)).collect()
}

fn bodies(target: &Target) -> BTreeSet<ContentHash> {
    target.manifest.values().map(|body| body.hash).collect()
}

/// What an agent with these names has after the update.
fn applied(mut names: BTreeMap<SectionKey, ContentHash>, update: &Update) -> BTreeMap<SectionKey, ContentHash> {
    if update.base.is_none() {
        names.clear();
    }
    names.extend(update.set.iter().map(|(key, hash)| (*key, *hash)));
    update.remove.iter().for_each(|key| assert!(names.remove(key).is_some(), "{key} was not there"));
    names
}

proptest! {
    #[test]
    fn a_change_takes_its_base_to_the_target_with_all_it_needs(base in target(1), goal in target(2)) {
        let update = Held::Exactly(base.clone()).update(EPOCH, &goal);
        prop_assert_eq!((update.base, update.generation), (Some(Generation(1)), Generation(2)));
        prop_assert_eq!(applied(names(&base), &update), names(&goal));
        let known: BTreeSet<_> = bodies(&base).union(&update.bodies.keys().copied().collect()).copied().collect();
        prop_assert!(known.is_superset(&bodies(&goal)));
        let unchanged = |key: &SectionKey| base.manifest.get(key) == goal.manifest.get(key);
        prop_assert!(!update.set.keys().any(unchanged), "nothing is sent that did not change");
    }

    #[test]
    fn the_whole_is_complete_or_completed_on_request(held in target(1), goal in target(2)) {
        let complete = Held::Nothing.update(EPOCH, &goal);
        prop_assert_eq!(applied(BTreeMap::new(), &complete), names(&goal));
        prop_assert_eq!(complete.bodies.keys().copied().collect::<BTreeSet<_>>(), bodies(&goal));

        let mut by_name = Held::Something.update(EPOCH, &goal);
        prop_assert_eq!(applied(names(&held), &by_name), names(&goal));
        prop_assert!(by_name.bodies.is_empty());
        let missing: Vec<_> = bodies(&goal).difference(&bodies(&held)).copied().collect();
        prop_assert_eq!(supply(&mut by_name, &goal, &missing), !missing.is_empty());
        prop_assert_eq!(by_name.bodies.keys().copied().collect::<Vec<_>>(), missing.clone());
        prop_assert!(!supply(&mut by_name, &goal, &missing), "asked for the same again, there is nothing to add");
    }

    #[test]
    fn an_agent_is_known_by_its_epoch_and_generation(base in target(1), sent in target(2)) {
        let mut held = Held::Exactly(base);
        held.doubt(Some(&sent));
        let Held::Unclear(candidates) = held else { panic!("it has to be asked") };
        let resolve = |in_force| Held::resolve(EPOCH, in_force, candidates.clone());
        let exactly = |held: Held, generation| matches!(held, Held::Exactly(found) if found.generation.0 == generation);
        prop_assert!(exactly(resolve(Some((EPOCH, Generation(1)))), 1));
        prop_assert!(exactly(resolve(Some((EPOCH, Generation(2)))), 2));
        prop_assert!(matches!(resolve(Some((EPOCH, Generation(3)))), Held::Something));
        prop_assert!(matches!(resolve(Some((Epoch(Uuid::nil()), Generation(2)))), Held::Something));
        prop_assert!(matches!(resolve(None), Held::Nothing));
    }
}

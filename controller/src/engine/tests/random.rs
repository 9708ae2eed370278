//! What holds whatever is written.

use super::{Story, foundation, nic, write};
use crate::engine::world::World;
use crate::engine::write::Write;
use crate::engine::{Engine, Settings, Started};
use crate::store::Store;
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// One step of a random life: which write, on which of a few names, with which variant.
fn step() -> impl Strategy<Value = (u8, u8, u8)> {
    (0..10_u8, 0..4_u8, 0..5_u8)
}

fn random_write((kind, name, variant): (u8, u8, u8)) -> Write {
    let network = |list: bool, subnets: usize| {
        let subnet = |n: usize| {
            let mut properties = json!({"addressPrefix": format!("10.{n}.0.0/24")});
            if list {
                properties["accessControlList"] = json!({"resourceRef": format!("/accessControlLists/l{name}")});
            }
            json!({"resourceId": format!("s{n}"), "properties": properties})
        };
        json!({
            "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
            "logicalNetwork": {"resourceRef": "/logicalNetworks/pa"},
            "subnets": (0..subnets).map(subnet).collect::<Vec<_>>(),
        })
    };
    let rules = |count: u16| {
        let rule = |n: u16| {
            json!({"resourceId": format!("r{n}"), "properties": {
                "action": "Allow", "type": "Inbound", "priority": 100 + n, "protocol": "All", "sourcePortRange": "*",
                "destinationPortRange": "*", "sourceAddressPrefix": "*", "destinationAddressPrefix": "*",
            }})
        };
        json!({"aclRules": (0..count).map(rule).collect::<Vec<_>>()})
    };
    let addresses: [&[Option<&str>]; 5] =
        [&[], &[None], &[None, None], &[Some("10.1.0.4")], &[Some("10.1.0.5"), Some("10.1.0.4")]];
    let subnet = ["small", "large"][usize::from(name % 2)];
    match kind {
        0..=3 => write(&format!("networkInterfaces/n{name}"), Some(nic(subnet, addresses[usize::from(variant)]))),
        4 => write(&format!("networkInterfaces/n{name}"), None),
        5 => write(&format!("accessControlLists/l{name}"), Some(rules(variant.into()))),
        6 => write(&format!("accessControlLists/l{name}"), None),
        7 => write(&format!("virtualNetworks/v{name}"), Some(network(variant % 2 == 0, variant.into()))),
        8 => write(&format!("virtualNetworks/v{name}"), None),
        _ => write(&format!("networkInterfaces/n{name}/ipConfigurations/ip{variant}"), None),
    }
}

async fn start(directory: &Path) -> Started {
    let url = format!("sqlite://{}", directory.join("controller.db").display());
    let store = Store::open(&url).await.unwrap();
    Engine::start(store, Settings { hold_off: Duration::from_secs(3600) }).await.unwrap()
}

/// Everything about a world that a restart must bring back.
pub(in crate::engine) fn facts(world: &World) -> Vec<String> {
    let names = ["accessControlLists", "accessControlLists/aclRules", "virtualNetworks", "virtualNetworks/subnets"];
    let more = ["networkInterfaces", "networkInterfaces/ipConfigurations", "logicalNetworks", "macPools", "discovery"];
    let mut facts = vec![format!("generation {}", world.generation())];
    for node in names.into_iter().chain(more).flat_map(|name| world.all(name)) {
        let mut claims = node.claims.to_vec();
        claims.sort();
        facts.push(format!(
            "{} {} {} {} {} {} {:?} {:?} {:?} {claims:?}",
            node.key,
            node.path,
            node.instance_id,
            node.etag,
            node.generation,
            node.position,
            node.properties,
            node.extras,
            node.references
        ));
        facts.extend(world.referrers(&node.key).map(|referrer| format!("{} <- {referrer:?}", node.key)));
        facts.extend(claims.iter().map(|claim| format!("{claim:?} {:?}", world.claims().holder(claim))));
    }
    facts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is written, alone or in batches: memory, and what a restart reads from disk, are the same.
    #[test]
    fn disk_and_memory_agree_after_any_writes(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let Started { engine, mut commits, writer } = start(directory.path()).await;
            let listener = tokio::spawn(async move { while commits.recv().await.is_some() {} });
            for (path, properties) in foundation() {
                engine.write(write(path, Some(properties))).await.unwrap();
            }
            let writes = steps.into_iter().map(|step| {
                let engine = engine.clone();
                async move { engine.write(random_write(step)).await }
            });
            futures_util::future::join_all(writes).await;
            let before = facts(&engine.world());
            drop(engine);
            writer.await.unwrap();
            listener.await.unwrap();

            let Started { engine, .. } = start(directory.path()).await;
            let after = facts(&engine.world());
            for (before, after) in before.iter().zip(&after) {
                assert_eq!(before, after);
            }
            assert_eq!(before.len(), after.len());
        });
    }

    /// No name has two owners, and every document owns exactly what it shows.
    #[test]
    fn names_have_one_owner(steps in prop::collection::vec(step(), 1..80)) {
        let mut story = Story::new();
        for step in steps {
            story.now += 400;
            let _ = story.judge(&random_write(step));
            let mut addresses = Vec::new();
            for node in story.world.all("networkInterfaces/ipConfigurations") {
                let address = node.text("privateIPAddress").unwrap();
                assert_eq!(node.claims.len(), 1, "{address} of {}", node.key);
                let holder = story.world.claims().holder(&node.claims[0]).unwrap();
                assert_eq!((&holder.owner, holder.released_at), (&node.key, None));
                addresses.push(address.to_owned());
            }
            addresses.sort();
            let before = addresses.len();
            addresses.dedup();
            assert_eq!(addresses.len(), before);
        }
    }
}

//! Where addresses come from: the controller, by way of our IPAM plugin or inside of the network plugin, or another
//! IPAM plugin.

use super::site::{Answer, PEER, Site, Words, address, on_site};
use harness::error::claim;
use harness::fabric::block_on;
use harness::{Error, Result, wait};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Addresses that `host-local` has given: a file for each.
fn local_leases(site: &Site) -> Vec<String> {
    let entries = std::fs::read_dir(site.directory("host-local").join("blue")).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("192.")).collect()
}

/// Network `blue` with addresses of the CNI project's own plugin, which is older than version 1.1.0.
fn host_local(site: &Site, more: Value) -> Value {
    let directory = site.directory("host-local");
    let mut ipam =
        json!({"type": "host-local", "subnet": "192.168.1.0/24", "rangeStart": "192.168.1.65", "dataDir": directory});
    if let (Value::Object(ipam), Value::Object(more)) = (&mut ipam, more) {
        ipam.extend(more);
    }
    site.config("blue", json!({"cniVersion": "1.0.0", "ipam": ipam}))
}

#[test]
fn containers_that_start_at_once_get_one_address_each() {
    on_site(|site| {
        let config = site.config("blue", json!({}));
        let containers: Vec<_> = (0..10).map(|number| site.container(&format!("c{number}"))).collect::<Result<_>>()?;
        let site = &*site;
        let answers: Vec<Result<Answer>> = std::thread::scope(|scope| {
            let config = &config;
            let add = |container| scope.spawn(move || site.ask("ADD", container, config));
            let threads: Vec<_> = containers.iter().map(add).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut addresses = BTreeSet::new();
        for answer in answers {
            addresses.insert(answer?.good()?["ips"][0]["address"].as_str().unwrap_or_default().to_owned());
        }
        let expected: BTreeSet<String> = (101..=110).map(|octet| format!("192.168.1.{octet}/24")).collect();
        assert_eq!(addresses, expected);
        for container in &containers {
            assert!(container.namespace.ping(address(PEER)?)?.is_some(), "{}", container.id);
        }

        let late = site.container("late")?;
        let answer = site.ask("ADD", &late, &config)?;
        assert_eq!(answer.code(), Some(11), "{answer:?}");
        assert!(answer.text().contains("all 10"), "{answer:?}");
        site.ask("DEL", &containers[3], &config)?.good()?;
        let result = site.ask("ADD", &late, &config)?.good()?;
        assert!(expected.contains(result["ips"][0]["address"].as_str().unwrap_or_default()), "{result}");
        assert_eq!(site.kept()?, (10, 10));
        Ok(())
    });
}

#[test]
fn the_address_of_a_container_that_ended_without_del_is_given_again_when_no_other_is_left() {
    on_site(|site| {
        site.offer([101]);
        let config = site.config("blue", json!({}));
        let (one, two) = (site.container("c1")?, site.container("c2")?);
        let device = site.ask("ADD", &one, &config)?.good()?["interfaces"][0]["name"].clone();
        assert_eq!(site.ask("ADD", &two, &config)?.code(), Some(11));

        // The kernel takes its time to drop a namespace with its devices.
        drop(one);
        let device = device.as_str().unwrap_or_default();
        block_on(wait::until("the device is gone with the container", async || {
            let listed = site.vm.command("ip").args(["link", "show", device]).output();
            let listed = listed.map_err(Error::io("run ip"))?;
            claim(!listed.status.success(), || String::from_utf8_lossy(&listed.stdout).into_owned())
        }))?;
        let result = site.ask("ADD", &two, &config)?.good()?;
        assert_eq!(result["ips"][0]["address"], "192.168.1.101/24");
        assert_eq!(site.kept()?, (1, 1));
        Ok(())
    });
}

#[test]
fn another_plugin_can_take_our_addresses() {
    on_site(|site| {
        // An interface plugin of the CNI project that knows nothing of this one.
        let container = site.container("c1")?;
        let config = json!({
            "cniVersion": "1.0.0", "name": "blue", "type": "ptp", "stateDir": site.directory("state"),
            "ipam": {"type": "private-cloud-ipam"},
        });
        let words = Words { interface: Some("eth0"), ..container.words() };
        let result = site.call("ptp", "ADD", words, &config.to_string())?.good()?;
        assert_eq!(result["ips"][0]["address"], "192.168.1.101/24");
        assert_eq!(site.kept()?, (0, 1));

        let mut checked = config.clone();
        checked["prevResult"] = result;
        site.call("ptp", "CHECK", words, &checked.to_string())?.good()?;
        for _ in 0..2 {
            site.call("ptp", "DEL", words, &config.to_string())?.good()?;
            assert_eq!(site.kept()?, (0, 0));
        }
        Ok(())
    });
}

#[test]
fn our_ipam_plugin_answers_without_interfaces() {
    on_site(|site| {
        let words = Words { container: Some("c1"), interface: Some("eth0"), ..Words::default() };
        let container = site.container("c1")?;
        let words = Words { namespace: Some(&container.namespace), ..words };
        let config = site.config("blue", json!({"ipam": {"type": "private-cloud-ipam"}}));
        let ask = |command, config: &Value| site.call("private-cloud-ipam", command, words, &config.to_string());
        let result = ask("ADD", &config)?.good()?;
        let expected = json!({
            "cniVersion": "1.1.0",
            "ips": [{"address": "192.168.1.101/24", "gateway": "192.168.1.1"}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "192.168.1.1"}],
            "dns": {"nameservers": ["10.0.0.53"]},
        });
        assert_eq!(result, expected);
        assert_eq!(ask("ADD", &config)?.good()?, expected, "the same attachment gets the same address");

        ask("CHECK", &{
            let mut config = config.clone();
            config["prevResult"] = result;
            config
        })?
        .good()?;
        ask("STATUS", &config)?.good()?;
        let mut gc = config.clone();
        gc["cni.dev/valid-attachments"] = json!([{"containerID": "c1", "ifname": "eth0"}]);
        ask("GC", &gc)?.good()?;
        assert_eq!(site.kept()?, (0, 1));
        gc["cni.dev/valid-attachments"] = json!([]);
        ask("GC", &gc)?.good()?;
        assert_eq!(site.kept()?, (0, 0));
        Ok(())
    });
}

#[test]
fn another_ipam_plugin_is_asked_and_told() {
    on_site(|site| {
        let container = site.container("c1")?;
        let config = host_local(site, json!({"gateway": "192.168.1.1", "routes": [{"dst": "0.0.0.0/0"}]}));
        // The proxy has no say in these addresses.
        site.stop_proxy();
        let result = site.ask("ADD", &container, &config)?.good()?;
        assert_eq!(result["ips"][0]["address"], "192.168.1.65/24");
        assert_eq!(result["ips"][0]["interface"], 1);
        assert_eq!(local_leases(site), ["192.168.1.65"]);
        assert!(container.namespace.ping(address(PEER)?)?.is_some());

        let mut checked = config.clone();
        checked["prevResult"] = result;
        site.ask("CHECK", &container, &checked)?.good()?;
        std::fs::remove_file(site.directory("host-local").join("blue/192.168.1.65")).unwrap();
        let answer = site.ask("CHECK", &container, &checked)?;
        claim(answer.code().is_some(), || format!("host-local misses the address: {answer:?}"))?;
        assert!(answer.text().contains("host-local"), "{answer:?}");

        site.ask("DEL", &container, &config)?.good()?;
        site.ask("ADD", &container, &config)?.good()?;
        site.ask("DEL", &container, &config)?.good()?;
        assert_eq!(site.kept()?, (0, 0));
        assert_eq!(local_leases(site), [""; 0]);
        Ok(())
    });
}

#[test]
fn an_address_of_another_ipam_plugin_is_given_back_when_it_is_of_no_use() {
    on_site(|site| {
        // The device that leads to the fabric is not there, which is found out when the address has been given.
        let mut config = host_local(site, json!({}));
        config["master"] = json!("eth7");
        let container = site.container("c1")?;
        assert_eq!(site.ask("ADD", &container, &config)?.code(), Some(7));
        assert_eq!(local_leases(site), [""; 0]);
        assert_eq!(site.kept()?, (0, 0));
        Ok(())
    });
}

#[test]
fn what_another_ipam_plugin_says_when_it_fails_is_what_the_runtime_hears() {
    on_site(|site| {
        let config = host_local(site, json!({"rangeEnd": "192.168.1.65"}));
        let (one, two) = (site.container("c1")?, site.container("c2")?);
        site.ask("ADD", &one, &config)?.good()?;
        let answer = site.ask("ADD", &two, &config)?;
        claim(answer.code().is_some() && answer.text().contains("host-local"), || format!("{answer:?}"))?;
        assert_eq!(local_leases(site), ["192.168.1.65"]);
        Ok(())
    });
}

#[test]
fn an_address_that_another_plugin_gave_is_not_given_again_by_the_controller() {
    on_site(|site| {
        let (one, two) = (site.container("c1")?, site.container("c2")?);
        let theirs = host_local(site, json!({"rangeStart": "192.168.1.101"}));
        assert_eq!(site.ask("ADD", &one, &theirs)?.good()?["ips"][0]["address"], "192.168.1.101/24");
        let ours = site.config("green", json!({}));
        assert_eq!(site.ask("ADD", &two, &ours)?.good()?["ips"][0]["address"], "192.168.1.102/24");
        Ok(())
    });
}

//! ADD, DEL and CHECK: what they make, report, judge and leave.

use super::site::{Answer, Container, GATEWAY, NAME_SERVER, PEER, Site, VM, Words, address, on_site};
use harness::Result;
use harness::error::claim;
use serde_json::{Value, json};

/// The container gets an answer `from` there, with this TTL: 64 unless the fabric's router was in between.
fn answers(container: &Container, from: &str, ttl: u8) -> Result<()> {
    let echo = container.namespace.ping(address(from)?)?;
    let found = echo.map(|echo| echo.ttl);
    claim(found == Some(ttl), || format!("{} pings {from}: TTL of the answer {found:?}", container.id))
}

/// The container reaches the router and another VM, with nobody's TTL touched.
fn reaches_the_fabric(container: &Container) -> Result<()> {
    answers(container, GATEWAY, 64)?;
    answers(container, PEER, 64)
}

fn device(container: &Container, name: &str) -> Result<Value> {
    Ok(container.ip(&["address", "show", "dev", name])?[0].take())
}

fn attached(site: &Site, container: &Container, config: &Value) -> Result<Value> {
    site.ask("ADD", container, config)?.good()
}

/// `config` as the runtime hands it to DEL and CHECK.
fn after(config: &Value, result: &Value) -> Value {
    let mut config = config.clone();
    config["prevResult"] = result.clone();
    config
}

fn silent(answer: Answer) -> Result<()> {
    let document = answer.good()?;
    claim(document.is_null(), || format!("CHECK, DEL and GC say nothing: {document}"))
}

#[test]
fn add_reports_what_it_made_in_every_version() {
    on_site(|site| {
        for (number, version) in ["0.3.1", "0.4.0", "1.0.0", "1.1.0"].into_iter().enumerate() {
            let container = site.container(&format!("c{number}"))?;
            let config = site.config("blue", json!({"cniVersion": version}));
            let result = attached(site, &container, &config)?;

            let device = device(&container, "eth0")?;
            let given = format!("192.168.1.{}/24", 101 + number);
            assert_eq!(result["cniVersion"], version);
            let inside = &result["interfaces"][1];
            assert_eq!((&inside["name"], &inside["mac"]), (&json!("eth0"), &device["address"]));
            assert_eq!(inside["sandbox"].as_str(), container.namespace.path().to_str());
            let outside = &result["interfaces"][0];
            assert_eq!(outside.get("sandbox"), None);
            assert_eq!(inside.get("mtu").is_some(), version == "1.1.0");

            let mut ip = json!({"address": given, "gateway": GATEWAY, "interface": 1});
            if version < "1.0.0" {
                ip["version"] = json!("4");
            }
            assert_eq!(result["ips"], json!([ip]));
            assert_eq!(result["routes"], json!([{"dst": "0.0.0.0/0", "gw": GATEWAY}]));
            assert_eq!(result["dns"], json!({"nameservers": [NAME_SERVER]}));

            assert_eq!(device["operstate"], "UP");
            let own = device["addr_info"].as_array().into_iter().flatten().find(|own| own["family"] == "inet");
            let own = own.map(|own| format!("{}/{}", own["local"].as_str().unwrap_or_default(), own["prefixlen"]));
            assert_eq!(own, Some(given));
            assert_eq!(container.ip(&["route", "show", "default"])?[0]["gateway"], GATEWAY);
            reaches_the_fabric(&container)?;
        }
        assert_eq!(site.kept()?, (4, 4));
        Ok(())
    });
}

#[test]
fn containers_reach_each_other_and_the_vm_in_both_modes() {
    on_site(|site| {
        // By l2tunnel even what is in the VM goes to the fabric and back, and here that is a router, which counts.
        for (mode, ttl) in [("l2bridge", 64), ("l2tunnel", 63)] {
            let config = site.config(mode, json!({"mode": mode}));
            let (one, two) = (site.container(&format!("{mode}-1"))?, site.container(&format!("{mode}-2"))?);
            attached(site, &one, &config)?;
            let second = attached(site, &two, &config)?;
            let neighbour = second["ips"][0]["address"].as_str().unwrap_or_default();
            let neighbour = neighbour.split('/').next().unwrap_or_default();
            reaches_the_fabric(&one)?;
            answers(&one, VM, ttl)?;
            answers(&one, neighbour, ttl)?;
            for container in [&one, &two] {
                silent(site.ask("DEL", container, &config)?)?;
            }
        }
        assert_eq!(site.kept()?, (0, 0));
        Ok(())
    });
}

#[test]
fn settings_of_the_network_shape_the_interface() {
    on_site(|site| {
        let container = site.container("c1")?;
        let config = site.config(
            "blue",
            json!({
                "master": "eth0", "mtu": 1400, "dns": {"nameservers": ["10.1.1.1"], "search": ["a.example"]},
                "ipam": {"type": "private-cloud-ipam", "subnet": "192.168.1.0/24",
                         "routes": [{"dst": "192.168.1.20/32"}, {"dst": "10.0.0.0/8", "gw": "192.168.1.20"}]},
            }),
        );
        let result = attached(site, &container, &config)?;
        assert_eq!(result["dns"], json!({"nameservers": ["10.1.1.1"], "search": ["a.example"]}));
        assert_eq!(result["interfaces"][1]["mtu"], 1400);
        assert_eq!(device(&container, "eth0")?["mtu"], 1400);
        assert_eq!(container.ip(&["route", "show", "default"])?, json!([]));
        assert_eq!(container.ip(&["route", "show", "10.0.0.0/8"])?[0]["gateway"], "192.168.1.20");
        Ok(())
    });
}

#[test]
fn an_interface_of_the_same_name_is_an_error_that_changes_nothing() {
    on_site(|site| {
        let container = site.container("c1")?;
        container.namespace.ip(&["link add eth0 type veth peer name other"])?;
        let answer = site.ask("ADD", &container, &site.config("blue", json!({})))?;
        assert_eq!(answer.code(), Some(100), "{answer:?}");
        assert!(answer.text().contains("eth0"), "{answer:?}");
        assert_eq!(site.kept()?, (0, 0));
        assert_eq!(container.ip(&["link", "show"])?.as_array().map(Vec::len), Some(3));
        Ok(())
    });
}

#[test]
fn a_container_can_have_a_second_interface_but_not_the_same_one_twice() {
    on_site(|site| {
        let container = site.container("c1")?;
        let config = site.config("blue", json!({}));
        let routed = site.config("blue", json!({"ipam": {"routes": [{"dst": "10.0.0.0/8"}]}}));
        attached(site, &container, &config)?;
        let second = site.ask_for("ADD", &container, "eth1", &routed)?.good()?;
        assert_eq!(second["ips"][0]["address"], "192.168.1.102/24");
        assert_eq!(site.ask("ADD", &container, &config)?.code(), Some(100));
        assert_eq!(site.kept()?, (2, 2));

        silent(site.ask_for("DEL", &container, "eth1", &routed)?)?;
        reaches_the_fabric(&container)?;
        assert_eq!(site.kept()?, (1, 1));
        Ok(())
    });
}

#[test]
fn del_can_be_repeated_and_needs_neither_the_namespace_nor_the_last_result() {
    on_site(|site| {
        let config = site.config("blue", json!({}));
        let container = site.container("c1")?;
        let result = attached(site, &container, &config)?;
        silent(site.ask("DEL", &container, &after(&config, &result))?)?;
        assert_eq!(site.kept()?, (0, 0));
        assert_eq!(container.ip(&["link", "show"])?.as_array().map(Vec::len), Some(1), "eth0 is gone");
        silent(site.ask("DEL", &container, &after(&config, &result))?)?;
        silent(site.ask("DEL", &container, &config)?)?;

        attached(site, &container, &config)?;
        let id = container.id.clone();
        let words = Words { container: Some(&id), interface: Some("eth0"), ..Words::default() };
        silent(site.call("private-cloud", "DEL", words, &config.to_string())?)?;
        assert_eq!(site.kept()?, (0, 0));

        attached(site, &container, &config)?;
        drop(container);
        silent(site.call("private-cloud", "DEL", words, &config.to_string())?)?;
        assert_eq!(site.kept()?, (0, 0), "the namespace is gone, and what was kept for it too");
        Ok(())
    });
}

#[test]
fn del_works_without_the_proxy_and_with_a_configuration_that_became_wrong() {
    on_site(|site| {
        let container = site.container("c1")?;
        let config = site.config("blue", json!({}));
        attached(site, &container, &config)?;
        site.stop_proxy();
        silent(site.ask("DEL", &container, &site.config("blue", json!({"mode": "x", "mtu": 1, "proxy": "y"})))?)?;
        assert_eq!(site.kept()?, (0, 0));
        Ok(())
    });
}

#[test]
fn check_finds_what_is_missing() {
    on_site(|site| {
        let config = site.config("blue", json!({}));
        let breaks: [(&str, &[&str]); 6] = [
            ("the default route", &["route delete default"]),
            ("the address", &["address flush dev eth0"]),
            ("another address", &["address flush dev eth0", "address add 192.168.1.77/24 dev eth0"]),
            ("the state", &["link set eth0 down"]),
            ("the MAC", &["link set eth0 address 02:00:00:00:00:77"]),
            ("the interface", &["link delete eth0"]),
        ];
        for (what, lines) in breaks {
            let container = site.container("c1")?;
            let result = attached(site, &container, &config)?;
            let config = after(&config, &result);
            silent(site.ask("CHECK", &container, &config)?)?;
            container.namespace.ip(lines)?;
            let answer = site.ask("CHECK", &container, &config)?;
            claim(answer.code() == Some(101), || format!("CHECK without {what}: {answer:?}"))?;
            silent(site.ask("DEL", &container, &config)?)?;
        }
        Ok(())
    });
}

#[test]
fn check_finds_a_missing_data_plane_and_a_missing_attachment() {
    on_site(|site| {
        let container = site.container("c1")?;
        let config = site.config("blue", json!({}));
        let result = attached(site, &container, &config)?;
        let config = after(&config, &result);
        let flushed = site.vm.command("nft").args(["flush", "ruleset"]).status();
        assert!(flushed.is_ok_and(|status| status.success()));
        assert_eq!(site.ask("CHECK", &container, &config)?.code(), Some(101));
        silent(site.ask("DEL", &container, &config)?)?;
        assert_eq!(site.ask("CHECK", &container, &config)?.code(), Some(3));
        Ok(())
    });
}

#[test]
fn a_result_of_plugins_before_it_in_the_chain_is_kept() {
    on_site(|site| {
        let container = site.container("c1")?;
        let loopback = json!({"cniVersion": "1.1.0", "name": "blue", "type": "loopback"});
        let mut words = container.words();
        words.interface = Some("lo");
        // Debian's plugin is older than version 1.1.0.
        let mut older = loopback.clone();
        older["cniVersion"] = json!("1.0.0");
        let before = site.call("loopback", "ADD", words, &older.to_string())?.good()?;
        let config = after(&site.config("blue", json!({"cniVersion": "1.0.0"})), &before);
        let result = attached(site, &container, &config)?;
        assert_eq!(result["interfaces"][0], before["interfaces"][0]);
        assert_eq!(result["interfaces"][2]["name"], "eth0");
        let last = result["ips"].as_array().and_then(|ips| ips.last()).cloned().unwrap_or_default();
        assert_eq!((&last["address"], &last["interface"]), (&json!("192.168.1.101/24"), &json!(2)));
        silent(site.ask("CHECK", &container, &after(&config, &result))?)?;
        Ok(())
    });
}

#[test]
fn a_plugin_after_it_in_the_chain_finds_what_it_needs() {
    on_site(|site| {
        let container = site.container("c1")?;
        let config = site.config("blue", json!({"cniVersion": "1.0.0"}));
        let result = attached(site, &container, &config)?;
        let tuning =
            json!({"cniVersion": "1.0.0", "name": "blue", "type": "tuning", "mtu": 1300, "prevResult": result});
        let mut words = container.words();
        words.interface = Some("eth0");
        site.call("tuning", "ADD", words, &tuning.to_string())?.good()?;
        assert_eq!(device(&container, "eth0")?["mtu"], 1300);
        silent(site.ask("CHECK", &container, &after(&config, &result))?)?;
        reaches_the_fabric(&container)
    });
}

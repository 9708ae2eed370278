//! Other modes than those of tenant networks, and the container's firewall.

use super::site::{GATEWAY, PEER, Site, VM, address, on_site};
use harness::namespace::Namespace;
use harness::{Error, Result};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// The configuration of network `blue` with addresses of `host-local`, whose files are this site's alone.
fn with_other_addresses(site: &Site, subnet: &str, more: Value) -> Value {
    let ipam = json!({
        "type": "host-local", "subnet": subnet, "dataDir": site.directory("host-local"), "routes": [{"dst": "0.0.0.0/0"}],
    });
    let mut config = site.config("blue", json!({"cniVersion": "1.0.0", "ipam": ipam}));
    if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
        config.extend(more);
    }
    config
}

/// Listens in `server`, connects from `client`, and gives what the server saw as the client's address.
fn seen_by(server: &Namespace, listen: SocketAddr, client: &Namespace, connect: SocketAddr) -> Result<Option<IpAddr>> {
    let listener = server.run(|| TcpListener::bind(listen).map_err(Error::io("listen")))?;
    let patience = Duration::from_secs(2);
    let stream = client.run(|| Ok(TcpStream::connect_timeout(&connect, patience).ok()))?;
    let Some(mut stream) = stream else { return Ok(None) };
    let (mut accepted, from) = listener.accept().map_err(Error::io("accept"))?;
    accepted.write_all(b"!").map_err(Error::io("write"))?;
    stream.read_exact(&mut [0]).map_err(Error::io("read"))?;
    Ok(Some(from.ip()))
}

#[test]
fn a_nat_network_hides_containers_and_publishes_ports() {
    on_site(|site| {
        let container = site.container("c1")?;
        let mappings = json!({"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]});
        let more = json!({"mode": "nat", "ipMasq": true, "runtimeConfig": mappings});
        let config = with_other_addresses(site, "172.20.0.0/24", more);
        let result = site.ask("ADD", &container, &config)?.good()?;
        assert_eq!(result["ips"][0]["address"], "172.20.0.2/24");

        let (out, web): (SocketAddr, SocketAddr) = ((address(PEER)?, 7000).into(), ([0, 0, 0, 0], 80).into());
        assert_eq!(seen_by(&site.fabric, out, &container.namespace, out)?, Some(address(VM)?), "hidden");
        let published = (address(VM)?, 8080).into();
        assert!(seen_by(&container.namespace, web, &site.fabric, published)?.is_some(), "published");

        let mut checked = config.clone();
        checked["prevResult"] = result;
        site.ask("CHECK", &container, &checked)?.good()?;
        site.ask("DEL", &container, &config)?.good()?;
        assert_eq!(seen_by(&container.namespace, web, &site.fabric, published)?, None, "gone with the container");
        assert_eq!(site.kept()?, (0, 0));
        Ok(())
    });
}

#[test]
fn a_transparent_network_shows_the_containers_own_mac() {
    on_site(|site| {
        let container = site.container("c1")?;
        let more = json!({"mode": "transparent"});
        let mut config = with_other_addresses(site, "192.168.1.0/24", more);
        config["ipam"]["rangeStart"] = json!("192.168.1.150");
        config["ipam"]["gateway"] = json!(GATEWAY);
        let result = site.ask("ADD", &container, &config)?.good()?;
        assert!(container.namespace.ping(address(PEER)?)?.is_some());
        let output = site.fabric.command("ip").args(["-j", "neighbour", "show", "to", "192.168.1.150"]).output();
        let neighbours: Value =
            serde_json::from_slice(&output.map_err(Error::io("run ip"))?.stdout).unwrap_or_default();
        assert_eq!(neighbours[0]["lladdr"], result["interfaces"][1]["mac"]);

        config["prevResult"] = result;
        site.ask("CHECK", &container, &config)?.good()?;
        site.ask("DEL", &container, &config)?.good()?;
        assert_eq!(site.kept()?, (0, 0));
        Ok(())
    });
}

#[test]
fn an_overlay_network_is_made_for_its_first_container_and_ends_with_the_last() {
    on_site(|site| {
        let (one, two) = (site.container("c1")?, site.container("c2")?);
        let overlay = json!({"mode": "overlay", "overlay": {"vsid": 5001}});
        let config = with_other_addresses(site, "10.5.0.0/24", overlay);
        let vxlan = || -> Result<bool> {
            let listed = site.vm.command("ip").args(["-j", "-d", "link", "show", "type", "vxlan"]).output();
            Ok(String::from_utf8_lossy(&listed.map_err(Error::io("run ip"))?.stdout).contains("5001"))
        };
        let result = site.ask("ADD", &one, &config)?.good()?;
        assert_eq!(one.ip(&["link", "show", "eth0"])?[0]["mtu"], 1450, "what VXLAN leaves of 1500 bytes");
        site.ask("ADD", &two, &config)?.good()?;
        assert!(one.namespace.ping(address("10.5.0.3")?)?.is_some(), "a neighbour");
        assert!(vxlan()?);
        let mut checked = config.clone();
        checked["prevResult"] = result;
        site.ask("CHECK", &one, &checked)?.good()?;

        site.ask("DEL", &one, &config)?.good()?;
        assert!(vxlan()?);
        site.ask("DEL", &two, &config)?.good()?;
        assert!(!vxlan()?);
        let none = site.config("green", json!({"cniVersion": "1.0.0", "mode": "overlay", "ipam": config["ipam"]}));
        let answer = site.ask("ADD", &one, &none)?;
        assert_eq!(answer.code(), Some(7), "{answer:?}");
        assert!(answer.text().contains("vsid"), "{answer:?}");
        assert_eq!(site.kept()?, (0, 0));
        Ok(())
    });
}

#[test]
fn modes_without_tenant_addresses_need_an_ipam_plugin() {
    on_site(|site| {
        let container = site.container("c1")?;
        for mode in ["nat", "transparent", "overlay"] {
            let answer = site.ask("ADD", &container, &site.config("blue", json!({"mode": mode})))?;
            assert_eq!(answer.code(), Some(7), "{answer:?}");
            assert!(answer.text().contains("host-local"), "{answer:?}");
        }
        Ok(())
    });
}

#[test]
fn an_access_list_of_the_endpoint_bites() {
    on_site(|site| {
        let list = |settings| json!([{"Name": "EndpointPolicy", "Value": {"Type": "ACL", "Settings": settings}}]);
        let blocked = list(json!({
            "Protocols": "1", "Action": "Block", "Direction": "In", "RemoteAddresses": PEER, "RuleType": "Switch",
            "Priority": 100,
        }));
        let (guarded, open) = (site.container("c1")?, site.container("c2")?);
        let config = site.config("blue", json!({"AdditionalArgs": blocked}));
        let result = site.ask("ADD", &guarded, &config)?.good()?;
        site.ask("ADD", &open, &site.config("blue", json!({})))?.good()?;

        let from = |source| site.fabric.ping_from(address(source)?, address("192.168.1.101")?);
        assert_eq!(from(PEER)?, None);
        assert!(from(GATEWAY)?.is_some(), "others may");
        assert!(guarded.namespace.ping(address(PEER)?)?.is_some(), "an answer is let in");
        assert!(site.fabric.ping_from(address(PEER)?, address("192.168.1.102")?)?.is_some(), "others may be asked");

        let mut checked = config.clone();
        checked["prevResult"] = result;
        site.ask("CHECK", &guarded, &checked)?.good()?;
        let flushed = guarded.namespace.command("nft").args(["flush", "ruleset"]).status();
        assert!(flushed.is_ok_and(|status| status.success()));
        let answer = site.ask("CHECK", &guarded, &checked)?;
        assert_eq!(answer.code(), Some(101), "{answer:?}");
        assert!(answer.text().contains("firewall"), "{answer:?}");
        Ok(())
    });
}

#[test]
fn del_takes_the_firewall_of_an_interface_away_and_leaves_that_of_another() {
    on_site(|site| {
        let container = site.container("c1")?;
        let config = site.config("blue", json!({}));
        let second = site.config("blue", json!({"ipam": {"routes": [{"dst": "10.0.0.0/8"}]}}));
        let tables = || -> Result<usize> {
            let output = container.namespace.command("nft").args(["list", "tables"]).output();
            let listing = output.map_err(Error::io("run nft"))?.stdout;
            Ok(String::from_utf8_lossy(&listing).lines().count())
        };
        site.ask("ADD", &container, &config)?.good()?;
        let one = tables()?;
        assert!(one > 0);
        site.ask_for("ADD", &container, "eth1", &second)?.good()?;
        assert_eq!(tables()?, 2 * one);
        site.ask_for("DEL", &container, "eth1", &second)?.good()?;
        assert_eq!(tables()?, one);
        site.ask("DEL", &container, &config)?.good()?;
        assert_eq!(tables()?, 0);
        Ok(())
    });
}

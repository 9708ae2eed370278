//! One NIC with many addresses: what container hosts need.

use super::tenant::{acl, enforced, open_network, vm};
use harness::documents;
use harness::fabric::on_fabric;
use serde_json::Value;
use std::net::IpAddr;

#[test]
fn each_added_address_is_reachable_and_obeys_its_own_list() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        acl(fabric, "quarantine", &["100 in deny * * > *"]).await?;
        let client = vm(fabric, 1, "client", "10.0.1.4", "blue/web", None).await?;
        let mut host = vm(fabric, 0, "containers", "10.0.1.9", "blue/web", None).await?;

        let rest = fabric.rest();
        let mut nic = rest.get("/networkInterfaces/containers").await?;
        let added: Vec<IpAddr> = (101..=110).map(|octet| IpAddr::from([10, 0, 1, octet])).collect();
        if let Value::Array(configurations) = &mut nic["properties"]["ipConfigurations"] {
            configurations.extend(added.iter().map(|address| {
                let list = (address.to_string() == "10.0.1.110").then_some("quarantine");
                documents::address(&format!("IP_{address}"), &address.to_string(), "blue/web", list)
            }));
        }
        enforced(&rest.put("/networkInterfaces/containers", &nic).await?)?;
        fabric.renew(&mut host).await?;

        assert!(client.ping(host.address())?.is_some());
        for address in added {
            let reached = client.ping(address)?.is_some();
            assert_eq!(reached, address.to_string() != "10.0.1.110", "{address}");
            assert!(host.ping_from(address, client.address())?.is_some(), "{address} may send");
        }
        Ok(())
    });
}

#[test]
fn an_address_taken_from_a_nic_is_neither_reachable_nor_usable() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let client = vm(fabric, 1, "client", "10.0.1.4", "blue/web", None).await?;
        let mut host = vm(fabric, 0, "containers", "10.0.1.9", "blue/web", None).await?;
        let rest = fabric.rest();
        let path = "/networkInterfaces/containers/ipConfigurations/extra";
        rest.put(path, &documents::address("extra", "10.0.1.101", "blue/web", None)).await?;
        fabric.renew(&mut host).await?;
        let extra: IpAddr = "10.0.1.101".parse().unwrap();
        assert!(client.ping(extra)?.is_some());

        enforced(&rest.delete(path).await?)?;
        assert_eq!(client.ping(extra)?, None);
        assert_eq!(host.ping_from(extra, client.address())?, None);
        assert!(client.ping(host.address())?.is_some());
        Ok(())
    });
}

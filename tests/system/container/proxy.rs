//! The host's network proxy: what it answers, to whom, and that nobody else hears of it. [network-proxy.md section 7]

use super::scene::{container_vm, near, network, plain_vm, set_address, withdraw_address};
use harness::ask::{Answer, PROXY};
use harness::error::claim;
use harness::fabric::{FABRIC_DEVICE, Fabric, on_fabric};
use harness::frames::FrameCapture;
use harness::namespace::Namespace;
use harness::rest::Rest;
use harness::vm::{Configure, DEVICE, Vm};
use harness::{Error, Result, documents};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;

const LIST: &str = "/ListNetwork";

/// What a VM is told, which must be a good answer.
fn told(vm: &Vm, path: &str) -> Result<Answer> {
    let answer = vm.namespace.get(PROXY, path)?;
    let answer = answer.ok_or_else(|| Error::Claim(format!("{} gets no answer from the proxy", vm.name)))?;
    claim(answer.status == 200, || format!("{path}: {answer:?}"))?;
    Ok(answer)
}

/// The list of addresses that a VM gets.
fn listed(vm: &Vm) -> Result<Vec<IpAddr>> {
    let answer = told(vm, LIST)?;
    addresses(&answer.body)
}

fn addresses(body: &str) -> Result<Vec<IpAddr>> {
    let unclear = || Error::Claim(format!("no list: {body}"));
    let document: Value = serde_json::from_str(body).map_err(|_| unclear())?;
    let list = document["IPs"].as_array().ok_or_else(unclear)?;
    list.iter().map(|entry| entry["IP"].as_str().and_then(|text| text.parse().ok()).ok_or_else(unclear)).collect()
}

#[test]
fn the_workflow_of_ten_addresses_is_told_to_the_vm_as_data() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let vm = plain_vm(fabric, 0, "web", "VNet1/Subnet1", 9).await?;
        assert_eq!(told(&vm, LIST)?.body.parse::<Value>().unwrap()["IPs"], json!([]), "no address for containers yet");
        append_ten(&fabric.rest()).await?;

        let answer = told(&vm, LIST)?;
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
        assert_eq!(answer.header("Content-Length"), Some(answer.body.len().to_string().as_str()));
        let document: Value = answer.body.parse().unwrap();
        let expected: Vec<Value> = (101..=110)
            .map(|octet| {
                json!({
                    "IP": format!("192.168.1.{octet}"), "IsolationId": document["IPs"][0]["IsolationId"],
                    "Mask": "255.255.255.0", "DefaultGateways": ["192.168.1.1"], "DnsServers": [],
                })
            })
            .collect();
        assert_eq!(document["IPs"], Value::Array(expected));
        let subnet = fabric.rest().get("/virtualNetworks/VNet1/subnets/Subnet1").await?;
        assert_eq!(document["IPs"][0]["IsolationId"], subnet["properties"]["virtualSubnetId"]);

        let mac = vm.mac.octets().map(|byte| format!("{byte:02X}")).concat();
        let containers = (101..=110).map(|octet| (format!("192.168.1.{octet}"), false));
        let all: Vec<(String, bool)> = std::iter::once(("192.168.1.9".to_owned(), true)).chain(containers).collect();
        for separator in ["", "/"] {
            let path = format!("/machine/plugins{separator}?type=getinterfaceinfov1&comp=nmagent");
            let answer = told(&vm, &path)?;
            assert_eq!(answer.header("Content-Type"), Some("text/xml"));
            let elements: String =
                all.iter().map(|(ip, own)| format!("<IPAddress Address=\"{ip}\" IsPrimary=\"{own}\"/>")).collect();
            let xml: String = answer.body.lines().map(str::trim).filter(|line| !line.starts_with("<?")).collect();
            let expected = format!(
                "<Interfaces><Interface MacAddress=\"{mac}\" IsPrimary=\"true\"><IPSubnet Prefix=\"192.168.1.0/24\">{elements}\
                 </IPSubnet></Interface></Interfaces>"
            );
            assert_eq!(xml, expected);
        }
        let interfaces: Value = told(&vm, "/interfaces.json")?.body.parse().unwrap();
        let listed: Vec<Value> = all.iter().map(|(ip, own)| json!({ "Address": ip, "IsPrimary": own })).collect();
        let subnets = json!([{ "Prefix": "192.168.1.0/24", "IPAddresses": listed }]);
        assert_eq!(
            interfaces,
            json!({ "Interfaces": [{ "MacAddress": mac, "IsPrimary": true, "IPSubnets": subnets }] })
        );
        Ok(())
    });
}

/// The middle of the workflow: the NIC is found by the VM's address, ten configurations are appended, the whole is put back.
async fn append_ten(rest: &Rest) -> Result<()> {
    let rest = rest.version("v1");
    let has = |nic: &Value| {
        let configurations = nic["properties"]["ipConfigurations"].as_array();
        configurations.is_some_and(|all| all.iter().any(|one| one["properties"]["privateIPAddress"] == "192.168.1.9"))
    };
    let found = rest.list("/networkInterfaces").await?.into_iter().find(has);
    let mut nic = found.ok_or_else(|| Error::Claim("no NIC has the address 192.168.1.9".to_owned()))?;
    let path = nic["resourceRef"].as_str().unwrap_or_default().to_owned();
    let added = (101..=110).map(|octet| {
        let id = format!("IP_192_168_1_{octet}");
        documents::address(&id, &format!("192.168.1.{octet}"), "VNet1/Subnet1", Some("AllowAll"))
    });
    nic["properties"]["ipConfigurations"].as_array_mut().into_iter().for_each(|list| list.extend(added.clone()));
    super::scene::enforced(&rest.put(&path, &nic).await?)
}

#[test]
fn a_change_of_the_nic_is_seen_with_the_next_request() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let vm = container_vm(fabric, "web", "VNet1").await?;
        let all: Vec<IpAddr> = (101..=110).map(near).collect();
        assert_eq!(listed(&vm)?, all);
        withdraw_address(fabric, "web", near(104)).await?;
        assert!(!listed(&vm)?.contains(&near(104)));
        set_address(fabric, "web", near(111), "AllowAll").await?;
        set_address(fabric, "web", near(104), "AllowAll").await?;
        let now: BTreeSet<IpAddr> = listed(&vm)?.into_iter().collect();
        assert_eq!(now, (101..=111).map(near).collect());
        Ok(())
    });
}

#[test]
fn two_tenants_with_the_same_addresses_are_told_their_own() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        network(fabric, "VNet2").await?;
        let blue = container_vm(fabric, "blue", "VNet1").await?;
        let red = super::scene::vm_with(fabric, 0, "red", "VNet2/Subnet1", 9, 101..=103).await?;
        assert_eq!(listed(&blue)?.len(), 10);
        assert_eq!(listed(&red)?, (101..=103).map(near).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn a_vm_that_forges_its_addresses_is_told_its_own_list() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let victim = container_vm(fabric, "victim", "VNet1").await?;
        let mallory = super::scene::vm_with(fabric, 0, "mallory", "VNet1/Subnet1", 66, 201..=202).await?;
        let own: Vec<IpAddr> = [201, 202].map(near).into();
        assert_eq!(listed(&mallory)?, own);

        // Its address, then its MAC as well.
        let replace = [
            format!("address flush dev {DEVICE} scope global"),
            format!("address add {}/24 dev {DEVICE}", victim.address()),
            format!("route add 169.254.169.254/32 dev {DEVICE}"),
        ];
        // ARP with a foreign address would be dropped, and with it the question; so no ARP.
        let neighbour = [format!("neighbour replace 169.254.169.254 lladdr 22:22:22:22:22:22 dev {DEVICE}")];
        mallory.namespace.ip(&replace)?;
        mallory.namespace.ip(&neighbour)?;
        assert_eq!(listed(&mallory)?, own);
        mallory.namespace.ip(&[format!("link set {DEVICE} address {}", victim.mac)])?;
        mallory.namespace.ip(&neighbour)?;
        assert_eq!(listed(&mallory)?, own);
        assert_eq!(listed(&victim)?.len(), 10, "the victim is undisturbed");
        Ok(())
    });
}

#[test]
fn a_vm_may_ask_from_any_of_its_addresses_and_from_a_link_local_one() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let vm = container_vm(fabric, "web", "VNet1").await?;
        let here = listed(&vm)?;
        let link_local =
            [format!("address flush dev {DEVICE} scope global"), format!("address add 169.254.7.7/16 dev {DEVICE}")];
        vm.namespace.ip(&link_local)?;
        assert_eq!(listed(&vm)?, here);
        // Every host that a VM knows on the link has its own MAC; the proxy's is this one.
        let mut command = vm.namespace.command("ip");
        let output = command.args(["neighbour", "show", "169.254.169.254"]).output().map_err(Error::io("run ip"))?;
        let neighbour = String::from_utf8_lossy(&output.stdout).into_owned();
        claim(neighbour.contains("22:22:22:22:22:22"), || format!("neighbour: {neighbour}"))
    });
}

#[test]
fn nothing_of_the_conversation_is_on_the_underlay_or_at_another_port() {
    on_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let vm = container_vm(fabric, "web", "VNet1").await?;
        let near = plain_vm(fabric, 0, "near", "VNet1/Subnet1", 20).await?;
        let far = plain_vm(fabric, 1, "far", "VNet1/Subnet1", 21).await?;
        vm.ping(far.address())?;
        let mut fabric_wire = FrameCapture::start(&fabric.site, FABRIC_DEVICE, "ip or arp")?;
        let mut port = FrameCapture::start(&fabric.hosts[0].namespace, &near.port, "ip or arp")?;
        vm.namespace.ip(&["neighbour flush all"])?;
        told(&vm, LIST)?;
        // Sent later over the same wires: when they are seen, all before them would have been.
        claim(vm.ping(far.address())?.is_some() && vm.ping(near.address())?.is_some(), || "no ping".to_owned())?;
        fabric_wire.wait_for(&format!("{} > {}: ICMP", far.address(), vm.address()))?;
        port.wait_for(&format!("{} > {}: ICMP", near.address(), vm.address()))?;
        for capture in [&fabric_wire, &port] {
            capture.never_saw("169.254.169.254")?;
            capture.never_saw("6642")?;
            let proxy = capture.seen().into_iter().find(|frame| frame.destination.octets() == [0x22; 6]);
            claim(proxy.is_none(), || format!("{proxy:?}"))?;
        }
        Ok(())
    });
}

#[test]
fn requests_from_elsewhere_are_not_answered() {
    on_fabric(2, async |fabric| {
        network(fabric, "VNet1").await?;
        let vm = container_vm(fabric, "web", "VNet1").await?;
        let peer = plain_vm(fabric, 0, "peer", "VNet1/Subnet1", 20).await?;
        assert_eq!(listed(&vm)?.len(), 10);
        let host = &fabric.hosts[0];
        let silent = |from: &Namespace, to: IpAddr| {
            let answer = from.get((to, PROXY.1), LIST)?;
            claim(answer.is_none(), || format!("{to} answered {answer:?}"))
        };
        // The host itself, the site by the host's addresses, and VMs by others than the proxy's address.
        silent(&host.namespace, PROXY.0)?;
        silent(&host.namespace, IpAddr::from([127, 0, 0, 1]))?;
        silent(&fabric.site, host.management.into())?;
        silent(&fabric.site, PROXY.0)?;
        silent(&vm.namespace, near(1))?;
        silent(&peer.namespace, vm.address())
    });
}

#[test]
fn a_port_without_policy_is_told_nothing() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        container_vm(fabric, "known", "VNet1").await?;
        let addresses = [documents::address("own", "192.168.1.30", "VNet1/Subnet1", None)];
        fabric.rest().put("/networkInterfaces/unknown", &documents::nic(None, &addresses)).await?;
        let vm = fabric.plug_in(0, "unknown").await?;
        assert_eq!(vm.namespace.get(PROXY, LIST)?, None, "its port is not attached");
        Ok(())
    });
}

#[test]
fn unknown_paths_and_methods_are_refused_with_an_empty_body() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let vm = container_vm(fabric, "web", "VNet1").await?;
        for (request, status) in [
            ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
            ("GET / HTTP/1.0\r\n\r\n", 404),
            ("POST /ListNetwork HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405),
            ("GET /ListNetwork HTTP/1.0\r\n\r\n", 200),
        ] {
            let answer = vm.namespace.ask(PROXY, request)?;
            let answer = answer.ok_or_else(|| Error::Claim(format!("no answer to {request}")))?;
            assert_eq!(answer.status, status, "{request}");
            assert_eq!(answer.body.is_empty(), status != 200, "{answer:?}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000));
        let answer = vm.namespace.ask(PROXY, &long)?;
        assert!(answer.is_none_or(|answer| answer.status >= 400), "too long");
        assert_eq!(listed(&vm)?.len(), 10, "and it goes on");
        Ok(())
    });
}

#[test]
fn it_answers_while_the_controller_is_away_and_after_a_restart_of_the_agent() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let vm = container_vm(fabric, "web", "VNet1").await?;
        fabric.controller.process().kill()?;
        assert_eq!(listed(&vm)?.len(), 10);
        fabric.hosts[0].agent.process().kill()?;
        fabric.hosts[0].restart_agent()?;
        assert_eq!(listed(&vm)?.len(), 10, "switched on as before, and with what the ledger holds");
        Ok(())
    });
}

#[test]
fn a_host_where_it_is_not_enabled_answers_nobody() {
    on_fabric(1, async |fabric: &mut Fabric| {
        network(fabric, "VNet1").await?;
        let vm = container_vm(fabric, "web", "VNet1").await?;
        fabric.hosts[0].proxy("disable")?;
        assert_eq!(vm.namespace.get(PROXY, LIST)?, None);
        fabric.hosts[0].proxy("enable")?;
        assert_eq!(listed(&vm)?.len(), 10);
        Ok(())
    });
}

#[test]
fn a_nic_is_told_of_itself_alone() {
    on_fabric(1, async |fabric| {
        network(fabric, "VNet1").await?;
        let nics = [("one", 40, 141), ("two", 50, 151)];
        for (name, own, container) in nics {
            let configurations = [own, container].map(|octet: u8| {
                documents::address(
                    &format!("ip{octet}"),
                    &format!("192.168.1.{octet}"),
                    "VNet1/Subnet1",
                    Some("AllowAll"),
                )
            });
            fabric.rest().put(&format!("/networkInterfaces/{name}"), &documents::nic(None, &configurations)).await?;
        }
        for (name, _, container) in nics {
            let vm = fabric.boot_with(0, name, Configure::Own).await?;
            assert_eq!(listed(&vm)?, [near(container)]);
        }
        Ok(())
    });
}

//! A tenant VM: a namespace with one interface, plugged into a host and attached as the port of a NIC.

use crate::fabric::{Fabric, Host};
use crate::namespace::Namespace;
use crate::rest::{Rest, instance_id};
use crate::{Error, Result, wait};
use policy::ids::NicId;
use policy::net::{MacAddr, Prefix};
use serde_json::Value;
use std::net::IpAddr;

/// The VM's own device.
pub const DEVICE: &str = "eth0";

/// A running VM, configured as its NIC says.
#[derive(Debug)]
pub struct Vm {
    /// Where its device is.
    pub namespace: Namespace,
    /// `resourceId` of its NIC.
    pub name: String,
    /// `instanceId` of its NIC: the profile id its port carries.
    pub nic: NicId,
    /// Its MAC.
    pub mac: MacAddr,
    /// The addresses on its device in the order of the NIC's document; the first is the VM's own.
    pub addresses: Vec<IpAddr>,
    /// Device of the host that its cable ends in.
    pub port: String,
    /// Number of the host it is on.
    pub host: usize,
}

/// Which addresses of its NIC a VM configures on its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configure {
    /// All of them: the VM answers for its containers' addresses itself.
    All,
    /// The first, which is the VM's own. The others are left to what runs in the VM.
    Own,
}

/// What a VM gets to know of one of its addresses, as DHCP would tell it.
struct Lease {
    address: IpAddr,
    prefix: Prefix,
    router: IpAddr,
}

impl Fabric {
    /// Starts a VM on host number `host` for the NIC `name`, attaches its port, and waits until its policy is in force.
    ///
    /// # Errors
    /// There is no such NIC, or a step failed.
    pub async fn boot(&self, host: usize, name: &str) -> Result<Vm> {
        self.boot_with(host, name, Configure::All).await
    }

    /// The same with a choice of the addresses that the VM configures.
    ///
    /// # Errors
    /// There is no such NIC, or a step failed.
    pub async fn boot_with(&self, host: usize, name: &str, configure: Configure) -> Result<Vm> {
        let vm = self.plug_in_with(host, name, configure).await?;
        let Host { agent, namespace, .. } = &self.hosts[host];
        agent.attach(namespace, &vm.port, vm.nic, vm.mac)?;
        self.in_force(&vm).await?;
        Ok(vm)
    }

    /// Starts a VM and plugs it in without attaching its port.
    ///
    /// # Errors
    /// There is no such NIC, or a step failed.
    pub async fn plug_in(&self, host: usize, name: &str) -> Result<Vm> {
        self.plug_in_with(host, name, Configure::All).await
    }

    async fn plug_in_with(&self, host: usize, name: &str, configure: Configure) -> Result<Vm> {
        let rest = self.rest();
        let document = rest.get(&format!("/networkInterfaces/{name}")).await?;
        let nic = parse(&instance_id(&document)?)?;
        let mac: MacAddr = parse(text(&document["properties"]["privateMacAddress"])?)?;
        let mut leases = leases(&rest, &document).await?;
        if configure == Configure::Own {
            leases.truncate(1);
        }

        let namespace = Namespace::new()?;
        // A device's name has 15 characters at most.
        let port = format!("vm-{}", &name[..name.len().min(12)]);
        let there = self.hosts[host].namespace.path();
        let there = there.display();
        namespace.ip(&[format!("link add {DEVICE} address {mac} type veth peer name {port} netns {there}")])?;
        let host_lines = [format!("link set {port} addrgenmode none"), format!("link set {port} up")];
        self.hosts[host].namespace.ip(&host_lines)?;

        let mut lines = vec![format!("link set {DEVICE} addrgenmode none"), format!("link set {DEVICE} up")];
        lines.extend(leases.iter().map(Lease::line));
        if let Some(first) = leases.first() {
            lines.push(format!("route add default via {} dev {DEVICE} src {}", first.router, first.address));
        }
        namespace.ip(&lines)?;
        let addresses = leases.iter().map(|lease| lease.address).collect();
        Ok(Vm { namespace, name: name.to_owned(), nic, mac, addresses, port, host })
    }

    /// Waits until the controller says that the VM's policy is in force on the host that the VM is on.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn in_force(&self, vm: &Vm) -> Result<()> {
        let rest = self.rest();
        let server = format!("/servers/{}", self.hosts[vm.host].name);
        wait::until(&format!("the policy of {} is in force on {server}", vm.name), async || {
            let document =
                rest.get(&format!("/networkInterfaces/{}", vm.name)).await.map_err(|error| error.to_string())?;
            let properties = &document["properties"];
            let at = properties["server"]["resourceRef"].as_str().unwrap_or_default();
            let state = &properties["configurationState"];
            if at.eq_ignore_ascii_case(&server) && state["status"] == "Success" {
                Ok(())
            } else {
                Err(format!("server {at:?}, configurationState {state}"))
            }
        })
        .await
    }

    /// Gives a running VM the addresses that its NIC has by now, and waits until they are in force.
    ///
    /// # Errors
    /// A step failed.
    pub async fn renew(&self, vm: &mut Vm) -> Result<()> {
        let rest = self.rest();
        let document = rest.get(&format!("/networkInterfaces/{}", vm.name)).await?;
        let leases = leases(&rest, &document).await?;
        let lines: Vec<String> = leases.iter().map(Lease::line).collect();
        vm.namespace.ip(&lines)?;
        vm.addresses = leases.iter().map(|lease| lease.address).collect();
        self.in_force(vm).await
    }

    /// Live migration: the VM's port disappears from its host and comes up on host number `to`.
    ///
    /// # Errors
    /// A step failed.
    pub async fn migrate(&self, vm: &mut Vm, to: usize) -> Result<()> {
        let destination = &self.hosts[to];
        let port = &vm.port;
        let there = destination.namespace.path();
        self.hosts[vm.host].namespace.ip(&[format!("link set {port} netns {}", there.display())])?;
        let lines = [format!("link set {port} addrgenmode none"), format!("link set {port} up")];
        destination.namespace.ip(&lines)?;
        destination.agent.attach(&destination.namespace, port, vm.nic, vm.mac)?;
        vm.host = to;
        self.in_force(vm).await
    }
}

impl Lease {
    /// For `ip`.
    fn line(&self) -> String {
        format!("address replace {}/{} dev {DEVICE}", self.address, self.prefix.prefix_len())
    }
}

impl Vm {
    /// The VM's own address.
    pub fn address(&self) -> IpAddr {
        self.addresses[0]
    }
}

/// Every address of a NIC with its subnet's prefix and router.
async fn leases(rest: &Rest, nic: &Value) -> Result<Vec<Lease>> {
    let mut leases = Vec::new();
    for configuration in nic["properties"]["ipConfigurations"].as_array().into_iter().flatten() {
        let properties = &configuration["properties"];
        let subnet = rest.get(text(&properties["subnet"]["resourceRef"])?).await?;
        let prefix: Prefix = parse(text(&subnet["properties"]["addressPrefix"])?)?;
        let router = match prefix.network() {
            IpAddr::V4(network) => IpAddr::V4((u32::from(network) + 1).into()),
            IpAddr::V6(network) => IpAddr::V6((u128::from(network) + 1).into()),
        };
        leases.push(Lease { address: parse(text(&properties["privateIPAddress"])?)?, prefix, router });
    }
    Ok(leases)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| Error::Claim(format!("a text was expected in place of {value}")))
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T> {
    text.parse().map_err(|error| Error::Claim(format!("'{text}' cannot be read: {error}")))
}

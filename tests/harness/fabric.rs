//! A site: one controller, hosts with their agents, a management network and an underlay between them.
//!
//! ```text
//!   site namespace: controller 198.18.0.1
//!        │ bridge "management" 198.18.0.0/24        bridge "fabric" 198.51.100.0/24 (provider addresses)
//!        ├──────────── management ─┐                 │
//!   host namespace: agent 198.18.0.11 … underlay ────┘
//!        │ one device per VM port
//!   VM namespace: eth0
//! ```

use crate::agent::{AgentProcess, AgentSettings};
use crate::controller::ControllerProcess;
use crate::namespace::Namespace;
use crate::process::print_tail;
use crate::rest::Rest;
use crate::{Error, Result, documents, support};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use tempfile::TempDir;

/// Prefix of the provider network.
pub const PROVIDER_PREFIX: &str = "198.51.100.0/24";

/// First and last provider address that the controller may give to a host.
pub const PROVIDER_POOL: (&str, &str) = ("198.51.100.11", "198.51.100.99");

/// The id of the only credential.
const CREDENTIAL: &str = "hosts";

/// The bridge that joins the underlay devices of all hosts, in the site's namespace.
pub const FABRIC_DEVICE: &str = "fabric";

/// A host's end of the underlay.
const UNDERLAY_DEVICE: &str = "underlay";

/// MTU of the underlay: a tenant's 1500 bytes and the overhead of encapsulation (`semantics.md` 3.2).
const UNDERLAY_MTU: u16 = 1674;

/// Port that agents listen on.
const AGENT_PORT: u16 = 9443;

/// A site. Dropping it ends every process; the namespaces go with it.
#[derive(Debug)]
pub struct Fabric {
    /// The controller.
    pub controller: ControllerProcess,
    /// The hosts, in the order of their numbers.
    pub hosts: Vec<Host>,
    /// Where controller and bridges are.
    pub site: Namespace,
    directory: TempDir,
}

/// One host.
#[derive(Debug)]
pub struct Host {
    /// `resourceId` of its server.
    pub name: String,
    /// The agent on it.
    pub agent: AgentProcess,
    /// Where its devices are.
    pub namespace: Namespace,
    /// Its address on the management network.
    pub management: Ipv4Addr,
}

impl Fabric {
    /// Starts a controller and `hosts` agents that know nothing of each other yet.
    ///
    /// # Errors
    /// Something cannot be made or does not start.
    pub fn start(hosts: u8) -> Result<Self> {
        let directory =
            tempfile::Builder::new().prefix("sdn-fabric-").tempdir().map_err(Error::io("make a directory"))?;
        let site = Namespace::new()?;
        site.ip(&[
            "link add management type bridge".to_owned(),
            "address add 198.18.0.1/24 dev management".to_owned(),
            "link set management up".to_owned(),
            format!("link add {FABRIC_DEVICE} mtu {UNDERLAY_MTU} type bridge"),
            format!("link set {FABRIC_DEVICE} addrgenmode none"),
            format!("link set {FABRIC_DEVICE} up"),
        ])?;
        let controller = ControllerProcess::start(Some(&site), directory.path())?;
        let hosts =
            (1..=hosts).map(|number| Host::start(&site, number, directory.path().join(format!("host-{number}"))));
        let hosts = hosts.collect::<Result<_>>()?;
        Ok(Self { controller, hosts, site, directory })
    }

    /// Tells the controller of the provider network, the MAC pool and the hosts.
    ///
    /// # Errors
    /// The controller refuses.
    pub async fn provision(&self) -> Result<()> {
        let rest = self.rest();
        rest.put("/macPools/default", &documents::mac_pool("00-1D-D8-10-00-00", "00-1D-D8-10-0F-FF")).await?;
        rest.put(&format!("/credentials/{CREDENTIAL}"), &documents::credential("sdn", "not-used-yet")).await?;
        let (first, last) = PROVIDER_POOL;
        let provider = documents::provider_network(PROVIDER_PREFIX, first, last);
        rest.put(&format!("/logicalNetworks/{}", documents::PROVIDER_NETWORK), &provider).await?;
        rest.put("/virtualSwitchManager/configuration", &documents::switch_settings()).await?;
        for host in &self.hosts {
            let agent = format!("{}:{AGENT_PORT}", host.management);
            let server = documents::server(&agent, CREDENTIAL, PROVIDER_PREFIX);
            rest.put(&format!("/servers/{}", host.name), &server).await?;
        }
        Ok(())
    }

    /// Switches the network proxy on, on every host.
    ///
    /// # Errors
    /// A command failed.
    pub fn enable_proxies(&self) -> Result<()> {
        self.hosts.iter().try_for_each(|host| host.proxy("enable").map(drop))
    }

    /// A client of the controller; works on threads in the site's namespace.
    pub fn rest(&self) -> Rest {
        self.controller.rest()
    }

    /// Starts the controller again after it was stopped one way or the other.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart_controller(&mut self) -> Result<()> {
        self.controller.restart(Some(&self.site))
    }

    /// Where the controller and the agents keep their files.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Shows what controller and agents wrote last.
    pub fn print_tails(&self) {
        print_tail("controller", &self.controller.output());
        for host in &self.hosts {
            print_tail(&format!("agent of {}", host.name), &host.agent.output());
        }
    }
}

impl Host {
    fn start(site: &Namespace, number: u8, state: PathBuf) -> Result<Self> {
        let namespace = Namespace::new()?;
        let management = Ipv4Addr::new(198, 18, 0, 10 + number);
        let site_path = site.path();
        let site_path = site_path.display();
        namespace.ip(&[
            format!("link add management type veth peer name m{number} netns {site_path}"),
            format!("address add {management}/24 dev management"),
            "link set management up".to_owned(),
            format!("link add {UNDERLAY_DEVICE} mtu {UNDERLAY_MTU} type veth peer name u{number} mtu {UNDERLAY_MTU} netns {site_path}"),
            format!("link set {UNDERLAY_DEVICE} addrgenmode none"),
            format!("link set {UNDERLAY_DEVICE} up"),
        ])?;
        site.ip(&[
            format!("link set m{number} master management up"),
            format!("link set u{number} addrgenmode none"),
            format!("link set u{number} master {FABRIC_DEVICE} up"),
        ])?;
        let settings = AgentSettings {
            listen: SocketAddr::new(management.into(), AGENT_PORT),
            state,
            underlay: UNDERLAY_DEVICE.to_owned(),
        };
        let agent = AgentProcess::start(&namespace, settings)?;
        Ok(Self { name: format!("host-{number}"), agent, namespace, management })
    }

    /// The provider address that its underlay device has.
    ///
    /// # Errors
    /// It has none.
    pub fn provider_address(&self) -> Result<IpAddr> {
        let mut command = self.namespace.command("ip");
        command.args(["-json", "address", "show", "dev", UNDERLAY_DEVICE]);
        let output = command.output().map_err(Error::io("run ip"))?;
        let devices: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let addresses = devices[0]["addr_info"].as_array().into_iter().flatten();
        let mut addresses = addresses.filter_map(|address| address["local"].as_str()?.parse().ok());
        addresses.next().ok_or_else(|| Error::Claim(format!("{} has no provider address: {devices}", self.name)))
    }

    /// `southbound-agent proxy enable|disable|status`, as an operator runs it; gives what it wrote.
    ///
    /// # Errors
    /// The command failed.
    pub fn proxy(&self, verb: &str) -> Result<String> {
        self.agent.proxy(&self.namespace, verb)
    }

    /// Starts the agent again after it was stopped one way or the other.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart_agent(&mut self) -> Result<()> {
        self.agent.restart(&self.namespace)
    }
}

/// Runs `story` on a provisioned fabric of `hosts` hosts, or says aloud why it cannot.
///
/// The story runs in the site's namespace, so that it reaches the controller and the agents.
///
/// # Panics
/// The story failed; what controller and agents wrote last is shown.
pub fn on_fabric<F>(hosts: u8, story: F)
where
    F: AsyncFnOnce(&mut Fabric) -> Result<()> + Send,
{
    if let Some(missing) = support::missing() {
        assert!(std::env::var_os(support::REQUIRE_PACKETS).is_none(), "no real packets here; missing: {missing}");
        support::skip_aloud(&missing);
        return;
    }
    let outcome = std::thread::scope(|scope| {
        // A thread of its own, because it moves to another namespace; under the test's name, for its messages.
        let name = std::thread::current().name().unwrap_or("story").to_owned();
        let thread = std::thread::Builder::new().name(name).spawn_scoped(scope, || {
            let mut fabric = Fabric::start(hosts)?;
            fabric.site.enter()?;
            let told = block_on(async {
                fabric.provision().await?;
                story(&mut fabric).await
            });
            if told.is_err() {
                fabric.print_tails();
            }
            told
        });
        let thread = thread.map_err(Error::io("start a thread"))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Runs `future` on this thread alone: its sockets are made in this thread's namespace.
///
/// # Errors
/// Those of `future`.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Error::io("start a runtime"))?.block_on(future)
}

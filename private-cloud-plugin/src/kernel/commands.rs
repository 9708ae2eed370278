//! The kernel by way of `ip` (iproute2), `nft` and `nsenter`: tools that every administrator can repeat a step with.

use super::link::Link;
use super::{Device, Kernel, KernelError, Observed, forwarding};
use ipnet::IpNet;
use policy::net::MacAddr;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a router may take to answer ARP.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long to wait between two looks at the neighbour table.
const PAUSE: Duration = Duration::from_millis(20);
/// UDP port that nobody listens on ("discard"): a datagram to it makes the kernel resolve the address.
const DISCARD: u16 = 9;

/// Runs the commands in the network namespace of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Commands;

impl Kernel for Commands {
    fn observe(&self) -> Result<Observed, KernelError> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let boot = boot.map_err(|error| KernelError::Io("read which start of the VM this is", error))?;
        let links: Vec<Link> = ask(&["-j", "address", "show"])?;
        let routes: Vec<Route> = ask(&["-j", "-4", "route", "show", "default"])?;
        Ok(Observed {
            boot: boot.trim().to_owned(),
            devices: links.into_iter().filter_map(device).collect(),
            default_device: routes.into_iter().find_map(|route| route.dev),
        })
    }

    fn ip(&self, batch: &str) -> Result<(), KernelError> {
        run("ip", &["-batch", "-"], batch)
    }

    fn bridge(&self, batch: &str) -> Result<(), KernelError> {
        run("bridge", &["-batch", "-"], batch)
    }

    fn forward(&self) -> Result<(), KernelError> {
        forwarding::enable()
    }

    fn ip_within(&self, netns: &Path, batch: &str) -> Result<(), KernelError> {
        run_within(netns, ["ip", "-batch", "-"], batch)
    }

    fn nft(&self, script: &str) -> Result<(), KernelError> {
        run("nft", &["-f", "-"], script)
    }

    fn table(&self) -> Result<String, KernelError> {
        loaded(crate::table::NAME)
    }

    fn nft_within(&self, netns: &Path, script: &str) -> Result<(), KernelError> {
        run_within(netns, ["nft", "-f", "-"], script)
    }

    fn next_hop(&self, uplink: &str, address: Ipv4Addr) -> Result<MacAddr, KernelError> {
        let target = address.to_string();
        let routes: Vec<Route> = ask(&["-j", "route", "get", &target, "oif", uplink])?;
        let via = routes.into_iter().find_map(|route| route.gateway);
        let hop = match via {
            Some(IpAddr::V4(via)) => via,
            _ => address,
        };
        let deadline = Instant::now() + PATIENCE;
        let mut asked = false;
        loop {
            if let Some(mac) = neighbour(uplink, hop)? {
                return Ok(mac);
            }
            if Instant::now() > deadline {
                return Err(KernelError::NoNeighbour(hop, uplink.to_owned()));
            }
            if !asked {
                provoke(address)?;
                asked = true;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// `ip -j route show`
#[derive(Deserialize)]
struct Route {
    gateway: Option<IpAddr>,
    dev: Option<String>,
}

/// `ip -j neighbour show`
#[derive(Deserialize)]
struct Neighbour {
    lladdr: Option<MacAddr>,
    #[serde(default)]
    state: Vec<String>,
}

/// `None` for what is no Ethernet device.
fn device(link: Link) -> Option<(String, Device)> {
    let mac = link.address.as_ref()?.parse().ok()?;
    let addresses = link.nets().filter_map(|net| match net {
        IpNet::V4(net) => Some(net),
        IpNet::V6(_) => None,
    });
    let device = Device { mac, mtu: link.mtu, addresses: addresses.collect() };
    Some((link.ifname?, device))
}

fn neighbour(uplink: &str, address: Ipv4Addr) -> Result<Option<MacAddr>, KernelError> {
    let entries: Vec<Neighbour> = ask(&["-j", "neighbour", "show", "to", &address.to_string(), "dev", uplink])?;
    let known = entries.into_iter().find(|entry| !entry.state.iter().any(|state| state == "FAILED"));
    Ok(known.and_then(|entry| entry.lladdr))
}

/// Makes the kernel ask for the neighbour. That nobody takes the datagram does not matter.
fn provoke(address: Ipv4Addr) -> Result<(), KernelError> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
    let sent = socket.and_then(|socket| socket.send_to(&[], (address, DISCARD)));
    sent.map(drop).map_err(|error| KernelError::Io("send to the router", error))
}

/// The netdev table `name` as `nft` lists it; nothing if there is none.
pub(crate) fn loaded(name: &str) -> Result<String, KernelError> {
    match output("nft", &["list", "table", "netdev", name], "") {
        Ok(listing) => Ok(String::from_utf8_lossy(&listing).into_owned()),
        Err(KernelError::Refused { .. }) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// The names of the nft tables of family `inet` within the network namespace at `netns`.
pub(crate) fn tables_within(netns: &Path) -> Result<Vec<String>, KernelError> {
    let listing = output("nsenter", &within(netns, &["nft", "list", "tables", "inet"]), "")?;
    let listing = String::from_utf8_lossy(&listing);
    Ok(listing.lines().filter_map(|line| line.strip_prefix("table inet ")).map(str::to_owned).collect())
}

/// Asks `ip` within the network namespace at `netns`.
pub(crate) fn ask_within<T: DeserializeOwned>(netns: &Path, arguments: &[&str]) -> Result<T, KernelError> {
    let command: Vec<&str> = std::iter::once("ip").chain(arguments.iter().copied()).collect();
    answer(&output("nsenter", &within(netns, &command), "")?, || line("ip", arguments))
}

fn ask<T: DeserializeOwned>(arguments: &[&str]) -> Result<T, KernelError> {
    answer(&output("ip", arguments, "")?, || line("ip", arguments))
}

fn answer<T: DeserializeOwned>(output: &[u8], command: impl FnOnce() -> String) -> Result<T, KernelError> {
    // With nothing to tell, some versions print nothing rather than an empty list.
    let text = if output.trim_ascii().is_empty() { b"[]" } else { output };
    serde_json::from_slice(text).map_err(|source| KernelError::Answer { command: command(), source })
}

fn run_within(netns: &Path, command: [&str; 3], input: &str) -> Result<(), KernelError> {
    run("nsenter", &within(netns, &command), input)
}

/// The words of `nsenter` that run `command` within the network namespace at `netns`.
fn within(netns: &Path, command: &[&str]) -> Vec<OsString> {
    let mut namespace = OsString::from("--net=");
    namespace.push(netns);
    std::iter::once(namespace).chain(command.iter().map(OsString::from)).collect()
}

pub(super) fn run<A: AsRef<OsStr>>(program: &'static str, arguments: &[A], input: &str) -> Result<(), KernelError> {
    output(program, arguments, input).map(drop)
}

fn output<A: AsRef<OsStr>>(program: &'static str, arguments: &[A], input: &str) -> Result<Vec<u8>, KernelError> {
    let package = match program {
        "nft" => "nftables",
        "nsenter" => "util-linux",
        "iptables" => "iptables",
        _ => "iproute2",
    };
    let missing = |source| KernelError::Missing { program, package, source };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(missing)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read everything tells why on its standard error.
        stdin.write_all(input.as_bytes()).ok();
    }
    let output = child.wait_with_output().map_err(missing)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(KernelError::Refused { command: line(program, arguments), message })
}

fn line<A: AsRef<OsStr>>(program: &str, arguments: &[A]) -> String {
    let words = arguments.iter().map(|argument| argument.as_ref().to_string_lossy());
    std::iter::once(program.into()).chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_with_their_addresses_and_others_passed_over() {
        let json = r#"[{"ifindex":1,"ifname":"lo","mtu":65536,"link_type":"loopback","address":"00:00:00:00:00:00",
              "addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8},{"family":"inet6","local":"::1","prefixlen":128}]},
            {"ifindex":2,"ifname":"e0","mtu":1450,"address":"00:1d:d8:00:00:09",
              "addr_info":[{"family":"inet","local":"192.168.1.9","prefixlen":24}]},
            {"ifindex":3,"ifname":"tun0","mtu":1400,"addr_info":[]},{}]"#;
        let links: Vec<Link> = serde_json::from_str(json).unwrap();
        let devices: Vec<_> = links.into_iter().filter_map(device).collect();
        assert_eq!(devices.len(), 2);
        let (name, device) = &devices[1];
        assert_eq!((name.as_str(), device.mtu), ("e0", 1450));
        assert_eq!(device.addresses, ["192.168.1.9/24".parse().unwrap()]);
    }

    #[test]
    fn a_command_that_says_no_is_quoted() {
        let error = run("ip", &["-batch", "-"], "link show dev no-such-device\n").unwrap_err().to_string();
        assert!(error.contains("'ip -batch -' fails") && error.contains("no-such-device"), "{error}");
    }
}

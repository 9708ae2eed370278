//! A container's network namespace, seen from outside.

use super::failure::Failure;
use super::names::InterfaceName;
use crate::kernel::{KernelError, Link, ask_within};
use ipnet::IpNet;
use serde::Deserialize;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// One interface in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inside {
    pub mac: String,
    pub up: bool,
    pub addresses: Vec<IpNet>,
    /// Where routes of the container lead, by whichever interface: a result does not tie them to one.
    pub routes: Vec<IpNet>,
}

/// The namespace is there, and is not the VM's own.
///
/// # Errors
/// [`Failure::UnknownContainer`]; [`Failure::Environment`].
pub(super) fn visit(namespace: &Path) -> Result<(), Failure> {
    let found = fs::metadata(namespace)
        .map_err(|error| Failure::UnknownContainer(format!("CNI_NETNS {}: {error}", namespace.display())))?;
    // Whoever opens a pipe waits for its other end, and everybody else for the state meanwhile.
    if !found.is_file() {
        let mistake = format!("CNI_NETNS: {} is no network namespace", namespace.display());
        return Err(Failure::Environment(vec![mistake]));
    }
    let identity = |found: &fs::Metadata| (found.dev(), found.ino());
    if fs::metadata("/proc/self/ns/net").is_ok_and(|own| identity(&own) == identity(&found)) {
        let mistake = format!("CNI_NETNS: {} is the network namespace of this machine itself", namespace.display());
        return Err(Failure::Environment(vec![mistake]));
    }
    Ok(())
}

/// What the interface is; `None` if there is none of this name.
///
/// # Errors
/// The namespace cannot be entered.
pub(super) fn look(namespace: &Path, interface: &InterfaceName) -> Result<Option<Inside>, KernelError> {
    let links: Vec<Link> = ask_within(namespace, &["-j", "address", "show"])?;
    let Some(link) = links.into_iter().find(|link| link.ifname.as_deref() == Some(interface.as_str())) else {
        return Ok(None);
    };
    let routes: Vec<Route> = ask_within(namespace, &["-j", "-4", "route", "show"])?;
    Ok(Some(inside(&link, routes.iter().filter_map(|route| destination(&route.dst)).collect())))
}

/// `ip -j route show`
#[derive(Deserialize)]
struct Route {
    #[serde(default)]
    dst: String,
}

fn inside(link: &Link, routes: Vec<IpNet>) -> Inside {
    let mac = link.address.clone().unwrap_or_default();
    Inside { mac, up: link.is_up(), addresses: link.nets().collect(), routes }
}

/// `ip` writes `default`, or leaves the length of a host's prefix out.
fn destination(text: &str) -> Option<IpNet> {
    match text {
        "default" => "0.0.0.0/0".parse().ok(),
        _ => text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ip_writes_is_understood() {
        let link: Link = serde_json::from_str(
            r#"{"ifindex": 2, "ifname": "eth0", "flags": ["BROADCAST", "UP"], "address": "02:50:c0:a8:01:65",
                "addr_info": [{"family": "inet", "local": "192.168.1.101", "prefixlen": 24}, {"family": "inet6"}]}"#,
        )
        .unwrap();
        let inside = inside(&link, Vec::new());
        assert!(inside.up);
        assert_eq!(inside.addresses, ["192.168.1.101/24".parse::<IpNet>().unwrap()]);
        for (text, net) in [("default", "0.0.0.0/0"), ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.1.1", "10.1.1.1/32")] {
            assert_eq!(destination(text), net.parse().ok());
        }
        assert_eq!(destination("broadcast"), None);
    }

    #[test]
    fn a_namespace_that_is_not_there_or_none_or_our_own_is_refused() {
        assert_eq!(visit(Path::new("/nowhere")).map_err(|failure| failure.code()), Err(3));
        assert_eq!(visit(Path::new("/proc/self/ns")).map_err(|failure| failure.code()), Err(4));
        assert_eq!(visit(Path::new("/proc/self/ns/net")).map_err(|failure| failure.code()), Err(4));
    }
}

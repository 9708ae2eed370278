//! A container behind its firewall, at one end of a cable.

use harness::error::claim;
use harness::fabric::block_on;
use harness::namespace::Namespace;
use harness::{Error, Result, support};
use private_cloud_plugin::firewall::{self, Era, Isolation, RuleSet, Scope};
use private_cloud_plugin::network::Kind;
use std::io::Write;
use std::net::IpAddr;
use std::process::Stdio;

/// A container on a cable, and who is at the other end.
pub(super) struct Cable {
    pub(super) outside: Namespace,
    pub(super) container: Namespace,
}

/// Tells `story` on a new cable, or says aloud why it cannot.
pub(super) fn on_a_cable(story: impl AsyncFnOnce(&Cable) -> Result<()>) {
    if let Some(missing) = support::missing_for_guests() {
        support::skip_aloud(&missing);
        return;
    }
    if let Err(error) = Cable::new().and_then(|cable| block_on(story(&cable))) {
        panic!("{error}");
    }
}

impl Cable {
    pub(super) fn new() -> Result<Self> {
        let (outside, container) = (Namespace::new()?, Namespace::new()?);
        let path = container.path();
        outside.ip(&[format!("link add eth0 type veth peer name eth0 netns {}", path.display())])?;
        for (end, octet) in [(&outside, 1), (&container, 2)] {
            end.ip(&[
                format!("address add 10.7.0.{octet}/24 dev eth0"),
                format!("address add fd07::{octet}/64 dev eth0 nodad"),
                "link set eth0 up".to_owned(),
            ])?;
        }
        Ok(Self { outside, container })
    }

    /// Puts rules in force in the container, as its network driver does.
    pub(super) fn install(&self, rules: &RuleSet) -> Result<()> {
        let text = firewall::render(rules, Scope { endpoint: "c1", interface: Some("eth0") });
        let mut command = self.container.command("nft");
        let mut nft = command.args(["-f", "-"]).stdin(Stdio::piped()).spawn().map_err(Error::io("run nft"))?;
        if let Some(mut stdin) = nft.stdin.take() {
            stdin.write_all(text.as_bytes()).map_err(Error::io("talk to nft"))?;
        }
        let status = nft.wait().map_err(Error::io("wait for nft"))?;
        claim(status.success(), || format!("nft refuses:\n{text}"))
    }

    pub(super) fn defaults(&self, kind: Kind, isolation: Isolation) -> Result<()> {
        self.install(&firewall::defaults(kind, isolation, Era::Current))
    }

    /// Which of `protocols` a packet from outside comes in with, unsolicited.
    pub(super) fn comes_in(&self, protocols: &[u8]) -> Result<Vec<u8>> {
        let inboxes = protocols.iter().map(|&protocol| Ok((protocol, self.container.raw(protocol)?)));
        let inboxes: Vec<_> = inboxes.collect::<Result<_>>()?;
        for &protocol in protocols {
            self.outside.raw(protocol)?.send(b"unsolicited", inside())?;
        }
        self.marker()?;
        let arrived = inboxes.into_iter().filter_map(|(protocol, inbox)| match inbox.arrived() {
            Ok(packets) => packets.iter().any(|p| p.payload.starts_with(b"unsolicited")).then_some(Ok(protocol)),
            Err(error) => Some(Err(error)),
        });
        arrived.collect()
    }

    /// Waits until what was sent before has arrived, if it does: packets do not overtake each other. The answer to an echo
    /// request of the container's own is let in by every set of rules here.
    fn marker(&self) -> Result<()> {
        claim(self.container.ping(outside())?.is_some(), || "the container does not reach outside".to_owned())
    }
}

pub(super) fn inside() -> IpAddr {
    [10, 7, 0, 2].into()
}

pub(super) fn outside() -> IpAddr {
    [10, 7, 0, 1].into()
}

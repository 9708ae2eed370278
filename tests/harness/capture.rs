//! What is on the underlay, as `tcpdump` sees it: which VNI carries which tenant packet.

use crate::namespace::Namespace;
use crate::process::Process;
use crate::{Result, support};
use std::path::Path;

/// A running capture of encapsulated packets.
#[derive(Debug)]
pub struct Capture {
    process: Process,
    next: usize,
}

/// One encapsulated packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encapsulated {
    /// VXLAN network identifier.
    pub vni: u32,
    /// The packet inside, in the words of `tcpdump`: `IP 10.0.0.4 > 10.0.0.5: ICMP echo request, …`.
    pub inner: String,
}

impl Capture {
    /// Starts to capture on `device`; what is sent after this returns is seen.
    ///
    /// # Errors
    /// `tcpdump` does not start.
    pub fn start(namespace: &Namespace, device: &str) -> Result<Self> {
        debug_assert!(support::on_path("tcpdump"));
        // -Z root: to become somebody else first gains nothing here.
        let arguments = ["-Z", "root", "-i", device, "-nn", "-l", "--immediate-mode", "udp", "dst", "port", "4789"];
        let process = Process::start("tcpdump", Some(namespace), Path::new("tcpdump"), arguments)?;
        let listening = |line: &str| line.starts_with("listening on").then_some(());
        let ((), next) = process.wait_for_line("tcpdump listens", 0, listening)?;
        Ok(Self { process, next })
    }

    /// Waits for the next packet that `wanted` takes, and gives it.
    ///
    /// # Errors
    /// None came.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Encapsulated) -> bool) -> Result<Encapsulated> {
        let mut vni = None;
        let pick = |line: &str| match vni_of(line) {
            Some(number) => {
                vni = Some(number);
                None
            }
            // The packet inside is on the line after its header.
            None => vni.take().map(|vni| Encapsulated { vni, inner: line.to_owned() }).filter(&wanted),
        };
        let (packet, next) = self.process.wait_for_line(what, self.next, pick)?;
        self.next = next;
        Ok(packet)
    }

    /// Every packet seen so far.
    pub fn seen(&self) -> Vec<Encapsulated> {
        let lines = self.process.output();
        let pairs = lines.windows(2).filter_map(|pair| Some((vni_of(&pair[0])?, &pair[1])));
        pairs.map(|(vni, inner)| Encapsulated { vni, inner: inner.clone() }).collect()
    }
}

/// The number in `… > 198.51.100.12.4789: VXLAN, flags [I] (0x08), vni 4096`.
fn vni_of(line: &str) -> Option<u32> {
    let (head, number) = line.rsplit_once(" vni ")?;
    head.contains("VXLAN").then(|| number.trim().parse().ok()).flatten()
}

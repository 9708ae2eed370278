//! What is on one port, as `tcpdump` sees it: which MACs which tenant packet has.

use crate::namespace::Namespace;
use crate::process::Process;
use crate::{Error, Result, support};
use policy::net::MacAddr;
use std::path::Path;

/// A running capture of Ethernet frames, both ways.
#[derive(Debug)]
pub struct FrameCapture {
    process: Process,
    next: usize,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Who sent it.
    pub source: MacAddr,
    /// To whom.
    pub destination: MacAddr,
    /// What it carries, in the words of `tcpdump`: `192.168.1.101 > 192.168.1.102: ICMP echo request, …`.
    pub text: String,
}

impl FrameCapture {
    /// Starts to capture what `filter` takes on `device`; what is sent after this returns is seen.
    ///
    /// # Errors
    /// `tcpdump` does not start.
    pub fn start(namespace: &Namespace, device: &str, filter: &str) -> Result<Self> {
        Self::start_with(namespace, device, filter, "inout")
    }

    /// The same for the frames alone that `device` receives: at the host's end of a port, those that the VM sends.
    ///
    /// # Errors
    /// `tcpdump` does not start.
    pub fn received(namespace: &Namespace, device: &str, filter: &str) -> Result<Self> {
        Self::start_with(namespace, device, filter, "in")
    }

    fn start_with(namespace: &Namespace, device: &str, filter: &str, direction: &str) -> Result<Self> {
        debug_assert!(support::on_path("tcpdump"));
        // -Z root: to become somebody else first gains nothing here.
        let arguments = ["-Z", "root", "-i", device, "-e", "-t", "-nn", "-l", "--immediate-mode", "-Q", direction];
        let arguments = arguments.into_iter().chain(filter.split_whitespace());
        let process = Process::start("tcpdump", Some(namespace), Path::new("tcpdump"), arguments)?;
        let listening = |line: &str| line.starts_with("listening on").then_some(());
        let ((), next) = process.wait_for_line("tcpdump listens", 0, listening)?;
        Ok(Self { process, next })
    }

    /// Waits for the next frame that has all of `words` in its text, and gives it.
    ///
    /// # Errors
    /// None came.
    pub fn wait_for(&mut self, words: &str) -> Result<Frame> {
        let what = format!("a frame with '{words}' is seen");
        let pick = |line: &str| Frame::parse(line).filter(|frame| frame.text.contains(words));
        let (frame, next) = self.process.wait_for_line(&what, self.next, pick)?;
        self.next = next;
        Ok(frame)
    }

    /// Every frame seen so far.
    pub fn seen(&self) -> Vec<Frame> {
        self.process.output().iter().filter_map(|line| Frame::parse(line)).collect()
    }

    /// `Ok` if no frame seen so far has `words` in its text. To be asked after [`FrameCapture::wait_for`] something that was
    /// sent later.
    ///
    /// # Errors
    /// [`Error::Claim`] with the frame.
    pub fn never_saw(&self, words: &str) -> Result<()> {
        match self.seen().into_iter().find(|frame| frame.text.contains(words)) {
            None => Ok(()),
            Some(frame) => Err(Error::Claim(format!("a frame that should not be here: {frame:?}"))),
        }
    }
}

impl Frame {
    /// `02:… > 00:1d:…, ethertype IPv4 (0x0800), length 98: 192.168.1.101 > 192.168.1.102: ICMP echo request, …`
    fn parse(line: &str) -> Option<Self> {
        let (macs, rest) = line.split_once(", ethertype ")?;
        let (source, destination) = macs.split_once(" > ")?;
        let (_, text) = rest.split_once(": ")?;
        Some(Self { source: source.parse().ok()?, destination: destination.parse().ok()?, text: text.to_owned() })
    }
}

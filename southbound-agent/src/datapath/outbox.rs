//! What the engine lets through while its lock is held, to be sent afterwards. One copy of each frame.

use crate::datapath::coalesce::Run;
use crate::datapath::offload::VNET_HEADER;
use vfp::{Outer, PortId, Sink};

/// Datagrams in one `UDP_SEGMENT` message; older kernels take no more.
const MOST_SEGMENTS: usize = 64;
/// Bytes in one such message: what fits into one IPv4 packet, less some for options.
const MOST_BYTES: usize = 65_000;

/// Collects frames and datagrams. Neighbours that belong together become one.
#[derive(Default)]
pub(super) struct Outbox {
    frames: Vec<u8>,
    datagrams: Vec<u8>,
    for_service: Vec<Vec<u8>>,
    for_vms: Vec<Frame>,
    for_hosts: Vec<Datagram>,
}

struct Frame {
    port: PortId,
    start: usize,
    run: Option<Run>,
}

/// Bytes for one host: one datagram, or several of one size.
struct Datagram {
    outer: Outer,
    start: usize,
    size: usize,
    count: usize,
    /// The last one was shorter, so nothing may follow.
    closed: bool,
}

/// A frame for a VM, ready to be sent.
pub(super) struct ReadyFrame<'a> {
    pub(super) port: PortId,
    pub(super) head: [u8; VNET_HEADER],
    pub(super) bytes: &'a [u8],
}

/// A message for another host, ready to be sent.
#[derive(Clone, Copy)]
pub(super) struct ReadyDatagram<'a> {
    pub(super) outer: Outer,
    pub(super) bytes: &'a [u8],
    /// Size of each datagram if there are several.
    pub(super) segment: Option<u16>,
}

impl Outbox {
    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.datagrams.clear();
        self.for_service.clear();
        self.for_vms.clear();
        self.for_hosts.clear();
    }

    /// Frames for the host's own service. They are gone from here afterwards.
    pub(super) fn take_requests(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.for_service.drain(..)
    }

    /// Frames in the order in which they came.
    pub(super) fn frames(&mut self) -> Vec<ReadyFrame<'_>> {
        let mut ready = Vec::with_capacity(self.for_vms.len());
        let mut rest = &mut self.frames[..];
        let starts = self.for_vms.iter().skip(1).map(|frame| frame.start).chain([rest.len()]);
        for (frame, end) in self.for_vms.iter().zip(starts) {
            let (bytes, after) = std::mem::take(&mut rest).split_at_mut(end - frame.start);
            rest = after;
            let head = frame.run.map_or([0; VNET_HEADER], |run| run.finish(bytes));
            ready.push(ReadyFrame { port: frame.port, head, bytes });
        }
        ready
    }

    /// Messages in the order in which they came.
    pub(super) fn datagrams(&self) -> Vec<ReadyDatagram<'_>> {
        let ends = self.for_hosts.iter().skip(1).map(|datagram| datagram.start).chain([self.datagrams.len()]);
        let ready = self.for_hosts.iter().zip(ends).map(|(datagram, end)| ReadyDatagram {
            outer: datagram.outer,
            bytes: &self.datagrams[datagram.start..end],
            segment: (datagram.count > 1).then(|| u16::try_from(datagram.size).unwrap_or(u16::MAX)),
        });
        ready.collect()
    }
}

impl Sink for Outbox {
    fn to_vm(&mut self, port: PortId, frame: &[u8]) {
        if let Some(Frame { port: last, start, run: Some(run) }) = self.for_vms.last_mut()
            && *last == port
            && let Some(payload) = run.join(&mut self.frames[*start..], frame)
        {
            self.frames.extend_from_slice(payload);
            return;
        }
        self.for_vms.push(Frame { port, start: self.frames.len(), run: Run::start(frame) });
        self.frames.extend_from_slice(frame);
    }

    fn to_service(&mut self, _: PortId, frame: &[u8]) {
        // The caller knows whose frames it is handling.
        self.for_service.push(frame.to_vec());
    }

    fn to_underlay(&mut self, outer: Outer, payload: &[u8]) {
        let end = self.datagrams.len();
        self.datagrams.extend_from_slice(payload);
        if let Some(last) = self.for_hosts.last_mut()
            && !last.closed
            && last.outer == outer
            && payload.len() <= last.size
            && last.count < MOST_SEGMENTS
            && end - last.start + payload.len() <= MOST_BYTES
        {
            last.count += 1;
            last.closed = payload.len() < last.size;
            return;
        }
        self.for_hosts.push(Datagram { outer, start: end, size: payload.len(), count: 1, closed: false });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outer(last: u8) -> Outer {
        Outer { destination: [172, 16, 0, last].into(), source_port: 50_000 }
    }

    #[test]
    fn datagrams_of_one_size_to_one_host_become_one_message() {
        let mut outbox = Outbox::default();
        for (host, size) in [(1, 100), (1, 100), (1, 60), (1, 100), (2, 100), (2, 101), (1, 100)] {
            outbox.to_underlay(outer(host), &vec![host; size]);
        }
        let ready = outbox.datagrams();
        let shape: Vec<_> = ready.iter().map(|message| (message.bytes.len(), message.segment)).collect();
        assert_eq!(shape, [(260, Some(100)), (100, None), (100, None), (101, None), (100, None)]);
        assert!(ready.iter().all(|message| message.bytes.iter().all(|byte| [byte] == [&message.bytes[0]])));
    }

    #[test]
    fn messages_stay_within_what_the_kernel_takes() {
        let mut outbox = Outbox::default();
        for _ in 0..200 {
            outbox.to_underlay(outer(1), &[0; 10]);
        }
        for _ in 0..50 {
            outbox.to_underlay(outer(2), &[0; 9000]);
        }
        for message in outbox.datagrams() {
            let size = message.segment.map_or(message.bytes.len(), usize::from);
            assert!(message.bytes.len() <= MOST_BYTES && message.bytes.len().div_ceil(size) <= MOST_SEGMENTS);
        }
        let total: usize = outbox.datagrams().iter().map(|message| message.bytes.len()).sum();
        assert_eq!(total, 200 * 10 + 50 * 9000);
    }

    #[test]
    fn frames_keep_their_order_and_their_bytes() {
        let mut outbox = Outbox::default();
        for number in 0..5u8 {
            outbox.to_vm(PortId(u128::from(number % 2)), &vec![number; 20 + usize::from(number)]);
        }
        let frames = outbox.frames();
        assert_eq!(frames.len(), 5);
        for (number, frame) in (0u8..).zip(&frames) {
            assert_eq!(
                (frame.port, frame.bytes),
                (PortId(u128::from(number % 2)), &vec![number; 20 + usize::from(number)][..])
            );
        }
        drop(frames);
        outbox.clear();
        assert!(outbox.frames().is_empty() && outbox.datagrams().is_empty());
    }
}

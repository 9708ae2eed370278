//! Conversations with a guest that makes its segments by hand: no rule of TCP holds for it.

use super::*;
use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, Ipv4Repr};

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// A segment. Its numbers count from where an honest guest would be.
#[derive(Clone, Debug, Default)]
struct Segment {
    port: u16,
    flags: u8,
    sequence: i32,
    acknowledgment: i32,
    window: u16,
    options: Vec<u8>,
    payload: usize,
    /// Milliseconds before it.
    pause: u64,
}

/// Where an honest guest would be: what it sends next, and what it expects to hear next.
#[derive(Clone, Copy, Default)]
struct Course {
    next: u32,
    expected: u32,
}

struct Forger {
    scene: Scene,
    courses: HashMap<u16, Course>,
}

impl Forger {
    fn new() -> Self {
        Self { scene: Scene::new(), courses: HashMap::new() }
    }

    /// Sends it, and takes note of what comes back. All that is due meanwhile is done.
    fn send(&mut self, segment: &Segment) {
        self.pass(Duration::from_millis(segment.pause));
        let course = self.courses.entry(segment.port).or_default();
        let packet = segment.packet(*course);
        if segment.sequence == 0 {
            course.next = course.next.wrapping_add(occupied(segment.flags, segment.payload));
        }
        let Scene { guest, stack, clerk, now } = &mut self.scene;
        stack.receive(&guest.frame(&packet), *now, clerk);
        self.hear();
        self.pass(Duration::ZERO);
    }

    fn pass(&mut self, time: Duration) {
        self.scene.now += time;
        let Scene { stack, clerk, now, .. } = &mut self.scene;
        let mut polls = 0;
        while stack.due(*now).is_some_and(|due| due <= *now) {
            stack.poll(*now, clerk);
            polls += 1;
            assert!(polls < 10, "there is always something due");
        }
        self.hear();
    }

    fn hear(&mut self) {
        let frames = self.scene.stack.frames();
        assert!(frames.len() <= MOST_ROUNDS * 4, "{} frames at once", frames.len());
        for frame in frames {
            let segment = TcpPacket::new_unchecked(&frame[ETHERNET + 20..]);
            if !segment.rst() {
                let end = segment.seq_number() + segment.segment_len();
                self.courses.entry(segment.dst_port()).or_default().expected = end.0.cast_unsigned();
            }
        }
    }
}

impl Segment {
    fn packet(&self, course: Course) -> Vec<u8> {
        let source = Ipv4Addr::new(192, 168, 1, 9);
        let mut options = self.options.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let header = 20 + options.len();
        let mut bytes = vec![b' '; header + self.payload];
        bytes[20..header].copy_from_slice(&options);
        let mut segment = TcpPacket::new_unchecked(&mut bytes[..]);
        segment.set_src_port(self.port);
        segment.set_dst_port(SITE.port());
        segment.set_seq_number(seq(course.next, self.sequence));
        segment.set_ack_number(seq(course.expected, self.acknowledgment));
        segment.clear_flags();
        segment.set_header_len(u8::try_from(header).unwrap());
        segment.set_window_len(self.window);
        segment.set_urgent_at(0);
        bytes[13] = self.flags;
        let length = bytes.len();
        TcpPacket::new_unchecked(&mut bytes[..]).fill_checksum(&source.into(), &IpAddress::from(*SITE.ip()));
        let ip = Ipv4Repr {
            src_addr: source,
            dst_addr: *SITE.ip(),
            next_header: IpProtocol::Tcp,
            payload_len: length,
            hop_limit: 64,
        };
        let mut packet = vec![0; 20];
        ip.emit(&mut Ipv4Packet::new_unchecked(&mut packet), &ChecksumCapabilities::default());
        packet.extend(bytes);
        packet
    }
}

fn seq(from: u32, distance: i32) -> smoltcp::wire::TcpSeqNumber {
    smoltcp::wire::TcpSeqNumber(from.cast_signed().wrapping_add(distance))
}

/// Numbers that a segment takes up. [RFC 9293 section 3.4]
fn occupied(flags: u8, payload: usize) -> u32 {
    u32::try_from(payload).unwrap() + u32::from(flags & 0x02 != 0) + u32::from(flags & 0x01 != 0)
}

#[test]
fn a_probe_that_is_due_when_nothing_is_left_to_send_does_not_go_on_for_ever() {
    let mut forger = Forger::new();
    let segment = Segment { port: 40_000, flags: ACK, ..Segment::default() };
    forger.send(&Segment { flags: SYN, ..segment.clone() });
    // What is no request is answered, and then the connection is closed. The window is shut until the answer waits.
    forger.send(&Segment { flags: ACK | PSH, payload: 4, ..segment.clone() });
    forger.send(&Segment { window: 1000, ..segment.clone() });
    // All but the last byte has come; there is no room for it. This begins to probe the window.
    forger.send(&Segment { acknowledgment: -2, ..segment.clone() });
    // Now it has come, too.
    forger.send(&segment);
    for _ in 0..20 {
        forger.pass(LONGEST_PAUSE);
    }
    assert_eq!(forger.scene.stack.due(forger.scene.now), None);
}

#[test]
fn a_call_that_is_taken_back_leaves_nothing_behind() {
    let mut forger = Forger::new();
    forger.send(&Segment { port: 40_000, flags: SYN, ..Segment::default() });
    assert_eq!(forger.scene.stack.connections.len(), 1);
    forger.send(&Segment { port: 40_000, flags: RST, ..Segment::default() });
    assert_eq!(forger.scene.stack.due(forger.scene.now), None);
}

fn segment() -> impl Strategy<Value = Segment> {
    let number = || prop_oneof![20 => Just(0), 3 => -2..3, 2 => -5000..5000, 1 => any::<i32>()];
    let flags = prop_oneof![2 => Just(SYN), 6 => Just(ACK), 2 => Just(ACK | 0x01), 1 => Just(RST), 4 => Just(ACK | PSH), 1 => any::<u8>()];
    let window = prop_oneof![Just(0), Just(1), Just(1000), any::<u16>()];
    let smallest = Just(vec![2, 4, 0, 0]);
    let scaled = Just(vec![3, 3, 14, 0]);
    let options =
        prop_oneof![4 => Just(Vec::new()), 1 => smallest, 1 => scaled, 1 => prop::collection::vec(any::<u8>(), 0..40)];
    let payload = prop_oneof![3 => Just(0), 2 => 1..40_usize, 1 => 0..1460_usize];
    let pause = prop_oneof![8 => Just(0), 2 => 0..1500_u64, 1 => 0..12_000_u64];
    let numbers = (40_000..40_003_u16, flags, number(), number());
    (numbers, window, options, payload, pause).prop_map(
        |((port, flags, sequence, acknowledgment), window, options, payload, pause)| Segment {
            port,
            flags,
            sequence,
            acknowledgment,
            window,
            options,
            payload,
            pause,
        },
    )
}

proptest! {
    #[test]
    fn no_conversation_is_too_strange(segments in prop::collection::vec(segment(), 1..60)) {
        let mut forger = Forger::new();
        for segment in &segments {
            forger.send(segment);
            let Stack { connections, guests, .. } = &forger.scene.stack;
            prop_assert!(connections.len() <= MOST_CONNECTIONS && guests.len() <= MOST_CONNECTIONS);
        }
        for _ in 0..4 {
            forger.pass(PATIENCE);
        }
        prop_assert_eq!(forger.scene.stack.due(forger.scene.now), None);
    }
}

//! TCP conversations, with a stack of the same library on the guest's side.

mod forged;

use super::*;
use crate::proxy::answer::{Answer, Status};
use crate::proxy::connection::PATIENCE;
use crate::proxy::request::{Broken, Request};

const SITE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(169, 254, 169, 254), 6642);
const SERVICE: MacAddr = MacAddr::new([0x22; 6]);

/// Says 404 to everything, and counts.
#[derive(Default)]
struct Clerk(usize);

impl Respond for Clerk {
    fn respond(&mut self, request: Result<&Request, Broken>) -> Answer {
        self.0 += 1;
        request.map_or_else(Answer::to_broken, |_| Answer::empty(Status::NotFound))
    }
}

/// A guest with one address, and the proxy's end of its cable.
struct Scene {
    guest: Guest,
    stack: Stack,
    clerk: Clerk,
    now: Instant,
}

struct Guest {
    mac: MacAddr,
    interface: Interface,
    wire: Wire,
    sockets: SocketSet<'static>,
}

impl Guest {
    fn new(address: [u8; 4], mac: MacAddr) -> Self {
        let mut wire = Wire::default();
        let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut wire, smoltcp::time::Instant::ZERO);
        let address = Ipv4Addr::from(address);
        interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(address.into(), 24)).unwrap());
        interface.routes_mut().add_default_ipv4_route(address).unwrap();
        Self { mac, interface, wire, sockets: SocketSet::new(Vec::new()) }
    }

    fn frame(&self, packet: &[u8]) -> Vec<u8> {
        [&SERVICE.octets()[..], &self.mac.octets(), &IPV4, packet].concat()
    }
}

impl Scene {
    fn new() -> Self {
        let now = Instant::now();
        let guest = Guest::new([192, 168, 1, 9], MacAddr::new([0, 0x1d, 0xd8, 0, 0, 9]));
        Self { guest, stack: Stack::new(SITE, SERVICE, 7, now), clerk: Clerk::default(), now }
    }

    fn connect(&mut self, from: u16) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; 65_536]);
        let handle = self.guest.sockets.add(Socket::new(buffer(), buffer()));
        let socket = self.guest.sockets.get_mut::<Socket<'_>>(handle);
        socket.connect(self.guest.interface.context(), (*SITE.ip(), SITE.port()), from).unwrap();
        self.run();
        handle
    }

    fn guest(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.guest.sockets.get_mut::<Socket<'static>>(handle)
    }

    fn say(&mut self, handle: SocketHandle, text: &str) {
        assert_eq!(self.guest(handle).send_slice(text.as_bytes()).unwrap(), text.len());
        self.run();
    }

    fn hear(&mut self, handle: SocketHandle) -> String {
        let mut heard = Vec::new();
        while self.guest(handle).can_recv() {
            self.guest(handle).recv(|bytes| (bytes.len(), heard.extend_from_slice(bytes))).unwrap();
            self.run();
        }
        String::from_utf8(heard).unwrap()
    }

    /// Carries packets both ways until there are none.
    fn run(&mut self) {
        let Self { guest, stack, clerk, now } = self;
        loop {
            guest.interface.poll(stack.time(*now), &mut guest.wire, &mut guest.sockets);
            stack.poll(*now, clerk);
            let sent = std::mem::take(&mut guest.wire.outgoing);
            let mut frames = Vec::new();
            for packet in &sent {
                stack.receive(&guest.frame(packet), *now, clerk);
                frames.extend(stack.frames());
            }
            frames.extend(stack.frames());
            if sent.is_empty() && frames.is_empty() {
                return;
            }
            for frame in frames {
                assert_eq!((&frame[..6], &frame[6..12]), (&guest.mac.octets()[..], &SERVICE.octets()[..]));
                guest.wire.incoming.push_back(frame[ETHERNET..].to_vec());
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.run();
    }
}

#[test]
fn a_request_is_answered_and_the_connection_kept_or_closed_as_it_says() {
    let mut scene = Scene::new();
    let call = scene.connect(40_000);
    for _ in 0..3 {
        scene.say(call, "GET /x HTTP/1.1\r\n\r\n");
        assert!(scene.hear(call).starts_with("HTTP/1.1 404"));
    }
    assert_eq!((scene.clerk.0, scene.guest(call).state()), (3, State::Established));
    scene.say(call, "GET /x HTTP/1.0\r\n\r\n");
    assert!(scene.hear(call).ends_with("Connection: close\r\n\r\n"));
    assert_eq!(scene.guest(call).state(), State::CloseWait);
    scene.guest(call).close();
    scene.run();
    assert_eq!(scene.stack.due(scene.now), None, "nothing is left of it");
}

#[test]
fn a_guest_that_closes_first_is_let_go() {
    let mut scene = Scene::new();
    let call = scene.connect(40_000);
    scene.say(call, "GET /x HTTP/1.1\r\n\r\n");
    scene.guest(call).close();
    scene.run();
    assert!(scene.hear(call).starts_with("HTTP/1.1 404"));
    assert_eq!(scene.stack.due(scene.now), None);
}

#[test]
fn thousands_of_connections_one_after_the_other_leave_nothing_behind() {
    let mut scene = Scene::new();
    for port in 0..3000 {
        let call = scene.connect(10_000 + port);
        scene.say(call, "GET /x HTTP/1.0\r\n\r\n");
        assert!(scene.hear(call).starts_with("HTTP/1.1 404"));
        scene.guest(call).close();
        scene.run();
        scene.guest.sockets.remove(call);
    }
    assert_eq!(scene.clerk.0, 3000);
    assert!(scene.stack.connections.is_empty() && scene.stack.guests.is_empty());
}

#[test]
fn connections_that_say_nothing_make_room_for_the_next() {
    let mut scene = Scene::new();
    let calls: Vec<SocketHandle> = (40_000..).take(MOST_CONNECTIONS + 4).map(|port| scene.connect(port)).collect();
    assert_eq!(scene.stack.connections.len(), MOST_CONNECTIONS);
    for call in &calls[4..] {
        scene.say(*call, "GET /x HTTP/1.1\r\n\r\n");
        assert!(scene.hear(*call).starts_with("HTTP/1.1 404"));
    }
    for call in &calls[..4] {
        scene.say(*call, "GET /x HTTP/1.1\r\n\r\n");
        assert_eq!(scene.guest(*call).state(), State::Closed, "reset");
    }
    assert_eq!((scene.clerk.0, scene.stack.connections.len()), (MOST_CONNECTIONS, MOST_CONNECTIONS));
}

#[test]
fn a_guest_that_asks_nothing_is_cut_off() {
    let mut scene = Scene::new();
    let silent = scene.connect(40_000);
    scene.say(silent, "GET /x HT");
    scene.pass(PATIENCE - Duration::from_millis(1));
    assert_eq!(scene.guest(silent).state(), State::Established);
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.guest(silent).state(), State::Closed, "reset");
    assert_eq!((scene.clerk.0, scene.stack.due(scene.now)), (0, None));
}

#[test]
fn a_lost_answer_is_sent_again() {
    let mut scene = Scene::new();
    let call = scene.connect(40_000);
    scene.guest(call).send_slice(b"GET /x HTTP/1.1\r\n\r\n").unwrap();
    let Scene { guest, stack, clerk, now } = &mut scene;
    guest.interface.poll(stack.time(*now), &mut guest.wire, &mut guest.sockets);
    for packet in std::mem::take(&mut guest.wire.outgoing) {
        stack.receive(&guest.frame(&packet), *now, clerk);
    }
    assert!(!stack.frames().is_empty(), "this one is lost");
    let due = scene.stack.due(scene.now).unwrap();
    assert!(due > scene.now);
    scene.pass(Duration::from_secs(3));
    assert!(scene.hear(call).starts_with("HTTP/1.1 404"));
    assert_eq!(scene.clerk.0, 1);
}

#[test]
fn frames_that_are_no_conversation_are_answered_with_a_reset_or_not_at_all() {
    let mut scene = Scene::new();
    for frame in [&[][..], &[0; 13], &[0xff; 64], &[0; 2000]] {
        scene.stack.receive(frame, scene.now, &mut scene.clerk);
        assert!(scene.stack.frames().is_empty());
    }
    // A segment of a connection that nobody knows.
    let call = scene.connect(40_000);
    let old = std::mem::replace(&mut scene.stack, Stack::new(SITE, SERVICE, 8, scene.now));
    scene.say(call, "GET /x HTTP/1.1\r\n\r\n");
    assert_eq!(scene.guest(call).state(), State::Closed);
    assert_eq!(old.connections.len(), 1);
}

proptest::proptest! {
    /// A valid packet with some bytes changed, many times over.
    #[test]
    fn no_frame_is_too_strange(changes in proptest::collection::vec((0..200_usize, proptest::num::u8::ANY), 0..60)) {
        let mut scene = Scene::new();
        let call = scene.connect(40_000);
        scene.guest(call).send_slice(b"GET /x HTTP/1.1\r\nHost: proxy\r\n\r\n").unwrap();
        let Scene { guest, stack, clerk, now } = &mut scene;
        guest.interface.poll(stack.time(*now), &mut guest.wire, &mut guest.sockets);
        let mut frame = guest.frame(&guest.wire.outgoing[0]);
        for (at, byte) in changes {
            let at = at % frame.len();
            frame[at] = byte;
            stack.receive(&frame, *now, clerk);
            stack.frames();
            proptest::prop_assert!(stack.connections.len() <= MOST_CONNECTIONS && stack.guests.len() <= MOST_CONNECTIONS);
        }
    }
}

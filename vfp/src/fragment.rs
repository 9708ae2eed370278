//! Fragments after the first carry no ports: they follow the first.

use crate::address::Address;
use crate::drop_reason::DropReason;
use crate::hash::Seeded;
use crate::packet::IpPacket;
use crate::packet::transport::Transport;
use crate::time::{Time, nanoseconds};
use std::hash::BuildHasher;
use std::time::Duration;

/// Packets in reassembly that are remembered; of two that fall into one place, the younger is.
const PLACES: usize = 256;

/// How long later fragments may follow the first. [RFC 8200 section 4.5 gives reassembly 60 s; RFC 791 starts at 15 s]
const LIFE: Duration = Duration::from_secs(30);

/// What fragments of one packet have in common. [RFC 791 section 3.2, RFC 8200 section 4.5]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: Address,
    destination: Address,
    identification: u32,
    protocol: u8,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    key: Key,
    transport: Transport,
    seen: Time,
}

/// First fragments seen lately at one port.
pub(crate) struct FragmentTable {
    /// Empty until the first fragment comes: most ports never see one.
    places: Box<[Option<Place>]>,
    seed: Seeded,
}

impl FragmentTable {
    pub(crate) fn new(seed: Seeded) -> Self {
        Self { places: Box::default(), seed }
    }

    /// What the packet carries, or what the packet carries that it is a later fragment of. Remembers first fragments.
    ///
    /// # Errors
    /// [`DropReason::FragmentWithoutFirst`].
    #[inline]
    pub(crate) fn follow(&mut self, packet: &IpPacket, now: Time) -> Result<Transport, DropReason> {
        if packet.fragment.is_some() && packet.is_first() {
            self.note(packet, now);
        }
        self.transport(packet, now)
    }

    /// As [`Self::follow`], remembering nothing.
    #[inline]
    pub(crate) fn transport(&self, packet: &IpPacket, now: Time) -> Result<Transport, DropReason> {
        if packet.transport != Transport::Later {
            return Ok(packet.transport);
        }
        self.first_of(packet, now).ok_or(DropReason::FragmentWithoutFirst)
    }

    fn first_of(&self, packet: &IpPacket, now: Time) -> Option<Transport> {
        let key = Key::of(packet)?;
        let place = self.places.get(self.index(&key)?)?.as_ref()?;
        (place.key == key && now.since(place.seen) <= nanoseconds(LIFE)).then_some(place.transport)
    }

    fn note(&mut self, packet: &IpPacket, now: Time) {
        let Some(key) = Key::of(packet) else { return };
        if self.places.is_empty() {
            self.places = vec![None; PLACES].into_boxed_slice();
        }
        if let Some(place) = self.index(&key).and_then(|index| self.places.get_mut(index)) {
            *place = Some(Place { key, transport: packet.transport, seen: now });
        }
    }

    fn index(&self, key: &Key) -> Option<usize> {
        let hash = usize::try_from(self.seed.hash_one(key) >> 32).ok()?;
        hash.checked_rem(self.places.len())
    }
}

impl Key {
    fn of(packet: &IpPacket) -> Option<Self> {
        let IpPacket { source, destination, protocol, fragment, .. } = *packet;
        fragment.map(|fragment| Self { source, destination, identification: fragment.identification, protocol })
    }
}

//! How far a TCP connection is, as seen from the middle. [RFC 9293 section 3.3.2]

use crate::packet::transport::tcp_flag::{ACK, FIN, RST, SYN};

/// Sequence numbers are not followed: who may send on the connection is checked by address and host, not by window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TcpState {
    /// The flow is not TCP.
    NotTcp,
    /// The initiator's SYN was seen.
    SynSent,
    /// The responder's SYN ACK was seen.
    SynReceived,
    /// Both directions are open, or were when the first packet was seen.
    Established,
    /// The initiator has sent its last byte.
    ClosedByInitiator,
    /// The responder has sent its last byte.
    ClosedByResponder,
    /// Both sides are done, or one has reset the connection.
    Closed,
}

impl TcpState {
    /// State after the first packet that is seen, which may be one from the middle.
    pub(crate) const fn opening(flags: u8) -> Self {
        if is_opening(flags) { Self::SynSent } else { Self::Established }
    }

    /// State after one more packet.
    #[must_use]
    pub(crate) fn advance(self, flags: u8, from_initiator: bool) -> Self {
        let has = |flag: u8| flags & flag != 0;
        match self {
            Self::NotTcp => Self::NotTcp,
            _ if has(RST) => Self::Closed,
            Self::SynSent if !from_initiator && has(SYN) && has(ACK) => Self::SynReceived,
            Self::SynReceived if from_initiator && has(ACK) && !has(SYN) => Self::Established.advance(flags, true),
            Self::Established if has(FIN) && from_initiator => Self::ClosedByInitiator,
            Self::Established if has(FIN) => Self::ClosedByResponder,
            Self::ClosedByInitiator if has(FIN) && !from_initiator => Self::Closed,
            Self::ClosedByResponder if has(FIN) && from_initiator => Self::Closed,
            unchanged => unchanged,
        }
    }

    /// Whether the handshake is not finished.
    pub(crate) const fn is_half_open(self) -> bool {
        matches!(self, Self::SynSent | Self::SynReceived)
    }
}

/// Whether a packet with these flags asks for a new connection.
pub(crate) const fn is_opening(flags: u8) -> bool {
    flags & (SYN | ACK) == SYN
}

/// Whether a packet with these flags may be the first of a flow: it opens a connection, or is from the middle of one that
/// was there before the engine.
pub(crate) const fn may_open(flags: u8) -> bool {
    is_opening(flags) || flags & (SYN | RST) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_come_and_go_as_the_standard_says() {
        let (from_initiator, from_responder) = (true, false);
        let open = [(SYN, from_initiator), (SYN | ACK, from_responder), (ACK, from_initiator)];
        for (case, then, expected) in [
            ("handshake", vec![], TcpState::Established),
            ("repeated SYN ACK", vec![(SYN | ACK, from_responder)], TcpState::Established),
            ("initiator closes", vec![(FIN | ACK, from_initiator)], TcpState::ClosedByInitiator),
            ("repeated FIN", vec![(FIN, from_responder); 2], TcpState::ClosedByResponder),
            ("both close", vec![(FIN, from_responder), (FIN, from_initiator)], TcpState::Closed),
            ("reset", vec![(RST, from_responder)], TcpState::Closed),
            ("nothing revives", vec![(RST, from_responder), (ACK, from_initiator)], TcpState::Closed),
        ] {
            let mut packets = open.iter().copied().chain(then);
            let first = TcpState::opening(packets.next().unwrap().0);
            let last = packets.fold(first, |state, (flags, side)| state.advance(flags, side));
            assert_eq!(last, expected, "{case}");
        }
    }

    #[test]
    fn half_open_lasts_until_the_initiator_acknowledges() {
        let state = TcpState::opening(SYN);
        assert!(state.is_half_open());
        assert!(state.advance(ACK, false).is_half_open());
        let state = state.advance(SYN | ACK, false);
        assert!(state.is_half_open() && state.advance(ACK, false).is_half_open());
        assert!(!state.advance(ACK, true).is_half_open());
    }

    #[test]
    fn a_connection_first_seen_in_the_middle_counts_as_established() {
        assert_eq!(TcpState::opening(ACK), TcpState::Established);
    }
}

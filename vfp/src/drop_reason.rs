//! Why a packet was dropped.

use std::fmt;

macro_rules! drop_reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// Why a packet was dropped: what counters, traces and tests name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DropReason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl DropReason {
            /// All of them, in declaration order.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Name for metrics: words joined by dashes.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

drop_reasons! {
    /// The caller named a port that is not there.
    UnknownPort = "unknown-port",
    /// The port has no policy yet, or was blocked.
    PortBlocked = "port-blocked",
    /// Headers are cut short or contradict themselves.
    Malformed = "malformed",
    /// The frame carries a VLAN tag; ports are untagged.
    VlanTagged = "vlan-tagged",
    /// Neither ARP nor IP.
    EtherType = "ether-type",
    /// Broadcast or multicast, which is not carried.
    Multicast = "multicast",
    /// The source MAC is not the VM's.
    SourceMac = "source-mac",
    /// The source address is not one of the port's.
    SourceAddress = "source-address",
    /// An ARP sender claims an address or a MAC that is not the VM's.
    ArpSender = "arp-sender",
    /// Gratuitous ARP and ARP replies: the table comes from the controller, guests cannot change it.
    ArpIgnored = "arp-ignored",
    /// ARP for an address that nobody has.
    ArpUnknown = "arp-unknown",
    /// A DHCP server message from a VM under DHCP guard.
    DhcpServer = "dhcp-server",
    /// A later fragment whose first fragment was not let through just before.
    FragmentWithoutFirst = "fragment-without-first",
    /// An access control list denies the flow.
    AclDenied = "acl-denied",
    /// The port has as many flows as it may.
    FlowLimit = "flow-limit",
    /// The port has as many half-open TCP connections as it may.
    HalfOpenLimit = "half-open-limit",
    /// Over the port's rate cap.
    RateLimit = "rate-limit",
    /// The subnet of the source address is not in the network.
    NoSubnet = "no-subnet",
    /// The destination is in no subnet of the network.
    NoRoute = "no-route",
    /// The destination is in a subnet, but no NIC has the address.
    NoMapping = "no-mapping",
    /// The destination is mapped to this host, but its port is not here.
    NoLocalPort = "no-local-port",
    /// The packet must leave the host, which has no provider address yet.
    NoProviderAddress = "no-provider-address",
    /// The hop limit ran out at the router.
    TtlExceeded = "ttl-exceeded",
    /// For the router itself, which answers nothing but echo requests.
    RouterAddress = "router-address",
    /// For a service of the host, but not for the TCP port that it serves.
    HostService = "host-service",
    /// From the underlay, but no VXLAN with a network identifier.
    NotVxlan = "not-vxlan",
    /// From the underlay, for a subnet that no network here has.
    UnknownVsid = "unknown-vsid",
    /// From the underlay, for an address that no port here has.
    UnknownDestination = "unknown-destination",
    /// From the underlay, for the address of a port but not for its MAC.
    DestinationMac = "destination-mac",
    /// From a host that the source address is not mapped to.
    SourceHost = "source-host",
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

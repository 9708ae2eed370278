//! `servers/networkInterfaces`: physical NICs of a host. Contract 12.29.1, [MS-NCNBI 3.1.5.15.2].

use crate::resources::schema::{Collection, Default, Kind, Property};

/// The collection.
pub static SERVER_INTERFACES: Collection = Collection::child("servers/networkInterfaces").properties(&[
    Property::new("isBMC", Kind::BooleanText("true", "false")).default(Default::Text("false")),
    Property::new("interfaceIndex", Kind::Text),
    Property::new("interfaceName", Kind::Text),
    Property::new("interfaceSpeed", Kind::Text),
    Property::new("mac", Kind::Text),
    Property::new("vlanIds", Kind::List(&Kind::Text)),
    Property::new("adminStatus", Kind::Text),
    Property::new("operationalStatus", Kind::Text),
    Property::new("ipConfiguration", Kind::List(&Kind::Json)),
    Property::new("logicalSubnets", Kind::List(&Kind::Reference(&["logicalNetworks/subnets"]))),
]);

//! `virtualNetworks` and their `subnets`.

use super::{all, all_at, delete, put};
use crate::northbound::judge::{Judge as _, with, without};
use crate::northbound::site::Site;
use harness::Result;
use harness::documents::{reference, subnet, virtual_network};
use serde_json::{Value, json};

const FRESH: &str = "/virtualNetworks/fresh";

/// A good network.
fn network() -> Value {
    virtual_network("10.60.0.0/16", &[subnet("one", "10.60.1.0/24", None), subnet("two", "10.60.2.0/24", None)])
}

#[tokio::test]
async fn a_bad_network_is_refused() -> Result<()> {
    let spaces = |prefixes: Value| with(network(), "/properties/addressSpace/addressPrefixes", prefixes);
    let provider = |path: &str| with(network(), "/properties/logicalNetwork", reference(path));
    let servers = |servers: Value| with(network(), "/properties/dhcpOptions", json!({ "dnsServers": servers }));
    let ten: Vec<String> = (1..=10).map(|host| format!("10.60.0.{host}")).collect();
    let unbilled = |text: &str| with(network(), "/properties/unbilledAddressRanges", text);
    let encrypted = |path: &str| with(network(), "/properties/encryptionCredential", reference(path));
    all([
        put("no address space", FRESH, without(network(), "/properties/addressSpace"), "RequiredParamMissing"),
        put(
            "a text for the address space",
            FRESH,
            with(network(), "/properties/addressSpace", "10.60.0.0/16"),
            "InvalidParameterValue",
        ),
        put(
            "no prefixes",
            FRESH,
            without(network(), "/properties/addressSpace/addressPrefixes"),
            "RequiredParamMissing",
        ),
        put("an empty list of prefixes", FRESH, spaces(json!([])), "RequiredParamMissing"),
        put("an octet out of range", FRESH, spaces(json!(["10.300.0.0/16"])), "InvalidIPPrefix"),
        put("a length out of range", FRESH, spaces(json!(["10.60.0.0/33"])), "InvalidIPPrefix"),
        put("an object for a prefix", FRESH, spaces(json!([{ "prefix": "10.60.0.0/16" }])), "InvalidIPPrefix"),
        put("a good and a bad prefix", FRESH, spaces(json!(["10.60.0.0/16", "ten"])), "InvalidIPPrefix"),
        put("no logical network", FRESH, without(network(), "/properties/logicalNetwork"), "RequiredParamMissing"),
        put("null for it", FRESH, with(network(), "/properties/logicalNetwork", json!(null)), "RequiredParamMissing"),
        put("one that is not there", FRESH, provider("/logicalNetworks/none"), "InvalidResourceReference"),
        put(
            "one without virtualization",
            FRESH,
            provider("/logicalNetworks/backend"),
            "InvalidLogicalNetworkReference",
        ),
        put("one that is a subnet", FRESH, provider("/logicalNetworks/backend/subnets/vlan7"), "InvalidRequestFormat")
            .detail("InvalidJsonReferenceWrongType"),
        put("one that is a list", FRESH, provider("/accessControlLists/plain"), "InvalidRequestFormat")
            .detail("InvalidJsonReferenceWrongType"),
        put("one that is no path", FRESH, provider("HNVPA"), "InvalidRequestFormat")
            .detail("InvalidJsonReferenceFormat"),
        put("a word for it", FRESH, with(network(), "/properties/logicalNetwork", "HNVPA"), "InvalidRequestFormat")
            .detail("InvalidJsonReferenceFormat"),
        put(
            "a number for it",
            FRESH,
            with(network(), "/properties/logicalNetwork", json!({ "resourceRef": 7 })),
            "InvalidRequestFormat",
        )
        .detail("InvalidJsonReferenceFormat"),
        put("ten DNS servers", FRESH, servers(json!(ten)), "DnsServerCountLimitReached"),
        put("a name for a DNS server", FRESH, servers(json!(["dns.example"])), "InvalidIPAddress"),
        put("blanks between ranges", FRESH, unbilled("10.0.0.0/8, 11.0.0.0/8"), "InvalidUnbilledAddressRange"),
        put("words for ranges", FRESH, unbilled("everything"), "InvalidUnbilledAddressRange"),
        put("a password to encrypt with", FRESH, encrypted("/credentials/host-admin"), "UnsupportedCredentialType"),
        put("a credential that is not there", FRESH, encrypted("/credentials/none"), "InvalidResourceReference"),
    ])
    .await
}

#[tokio::test]
async fn a_bad_subnet_is_refused_in_the_network_and_under_its_own_path() -> Result<()> {
    let good = || subnet("one", "10.60.1.0/24", None);
    let prefix = |text: &str| with(good(), "/properties/addressPrefix", text);
    let member = |name: &str, value: Value| with(good(), &format!("/properties/{name}"), value);
    let cases = [
        ("no prefix", without(good(), "/properties/addressPrefix"), "RequiredParamMissing", None, None),
        ("an empty prefix", prefix(""), "InvalidParameterValue", Some("InvalidIPPrefix"), Some("SubnetAddress")),
        (
            "an octet out of range",
            prefix("10.60.300.0/24"),
            "InvalidParameterValue",
            Some("InvalidIPPrefix"),
            Some("SubnetAddress"),
        ),
        (
            "a length out of range",
            prefix("10.60.1.0/40"),
            "InvalidParameterValue",
            Some("InvalidIPPrefix"),
            Some("SubnetAddress"),
        ),
        ("outside of the address space", prefix("10.61.1.0/24"), "InvalidSubnet", None, None),
        ("larger than the address space", prefix("10.0.0.0/8"), "InvalidSubnet", None, None),
        ("over its sibling", prefix("10.60.2.128/25"), "InvalidSubnet", None, None),
        (
            "a list that is not there",
            member("accessControlList", reference("/accessControlLists/none")),
            "InvalidResourceReference",
            None,
            None,
        ),
        (
            "a network for a list",
            member("accessControlList", reference("/virtualNetworks/blue")),
            "InvalidRequestFormat",
            Some("InvalidJsonReferenceWrongType"),
            None,
        ),
        (
            "a route table that is not there",
            member("routeTable", reference("/routeTables/none")),
            "InvalidResourceReference",
            None,
            None,
        ),
        (
            "a mirror that is not there",
            member("serviceInsertion", reference("/serviceInsertions/none")),
            "InvalidResourceReference",
            None,
            None,
        ),
        (
            "a twin that is not there",
            member("dualStackSubnet", reference("/virtualNetworks/fresh/subnets/none")),
            "InvalidResourceReference",
            None,
            None,
        ),
        (
            "a twin of the same family",
            member("dualStackSubnet", reference("/virtualNetworks/fresh/subnets/two")),
            "InvalidSubnet",
            None,
            None,
        ),
        (
            "encryption without a credential",
            member("encryptionEnabled", json!(true)),
            "RequiredParamMissing",
            None,
            None,
        ),
        ("perhaps encryption", member("encryptionEnabled", json!("perhaps")), "InvalidParameterValue", None, None),
    ];
    let site = Site::furnished().await?;
    site.nc.put(FRESH, &network()).await?.is(201);
    let rows = cases.into_iter().flat_map(|(case, bad, code, detail, target)| {
        let whole = with(network(), "/properties/subnets", json!([bad, subnet("two", "10.60.2.0/24", None)]));
        let child = put(case, "/virtualNetworks/fresh/subnets/one", bad, code);
        [put(format!("{case}, in the network"), FRESH, whole, code), child].map(|row| {
            let row = detail.map_or(row.clone(), |code| row.clone().detail(code));
            target.map_or(row.clone(), |target| row.target(target))
        })
    });
    let rows: Vec<_> = rows.collect();
    all_at(site, rows).await
}

#[tokio::test]
async fn subnets_of_a_network_have_names_of_their_own() -> Result<()> {
    let subnets = |subnets: Value| with(network(), "/properties/subnets", subnets);
    let one = || subnet("one", "10.60.1.0/24", None);
    let twice = json!([one(), with(one(), "/properties/addressPrefix", "10.60.9.0/24")]);
    all([
        put("two of one name", FRESH, subnets(twice), "InvalidResourceName"),
        put("one without name", FRESH, subnets(json!([without(one(), "/resourceId")])), "RequiredParamMissing"),
        put("a text for the subnets", FRESH, subnets(json!("10.60.1.0/24")), "InvalidRequestFormat"),
        put(
            "another name than in the path",
            "/virtualNetworks/blue/subnets/new",
            subnet("other", "10.20.9.0/24", None),
            "InvalidResourceName",
        ),
        put(
            "a network that is not there",
            "/virtualNetworks/none/subnets/new",
            subnet("new", "10.20.9.0/24", None),
            "NotFound",
        )
        .status(404),
    ])
    .await
}

#[tokio::test]
async fn what_is_in_use_in_a_network_stays() -> Result<()> {
    let site = Site::furnished().await?;
    let blue = site.nc.read("/virtualNetworks/blue").await?;
    let provider = site.nc.read("/logicalNetworks/HNVPA").await?;
    let web = site.nc.read("/virtualNetworks/blue/subnets/web").await?;
    let db = site.nc.read("/virtualNetworks/blue/subnets/db").await?;
    let shrunk = with(
        with(blue.clone(), "/properties/addressSpace/addressPrefixes", json!(["10.20.2.0/23"])),
        "/properties/subnets",
        json!([db]),
    );
    let moved = with(web, "/properties/addressPrefix", "10.20.8.0/24");
    let rows = [
        delete("/virtualNetworks/blue", "VnetInUse"),
        delete("/virtualNetworks/blue/subnets/web", "InUseSubnetCannotBeDeleted"),
        delete("/logicalNetworks/HNVPA", "ResourceInUse"),
        put(
            "a network without its used subnet",
            "/virtualNetworks/blue",
            with(blue.clone(), "/properties/subnets", json!([db])),
            "InUseSubnetCannotBeDeleted",
        )
        .status(409),
        put(
            "a network without subnets",
            "/virtualNetworks/blue",
            without(blue.clone(), "/properties/subnets"),
            "InUseSubnetCannotBeDeleted",
        )
        .status(409),
        put(
            "an address space that leaves used addresses out",
            "/virtualNetworks/blue",
            with(blue, "/properties/addressSpace/addressPrefixes", json!(["10.20.2.0/23"])),
            "VnetInUse",
        )
        .status(409),
        put("that, and without the subnet", "/virtualNetworks/blue", shrunk, "InUseSubnetCannotBeDeleted").status(409),
        put("a used subnet moves away", "/virtualNetworks/blue/subnets/web", moved, "InUseSubnetCannotBeUpdated")
            .status(409),
        put(
            "the provider network stops to be one",
            "/logicalNetworks/HNVPA",
            with(provider, "/properties/networkVirtualizationEnabled", "False"),
            "ResourceInUse",
        )
        .status(409),
    ];
    all_at(site, rows).await
}

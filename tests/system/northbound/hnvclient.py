"""Creates, reads, updates and deletes what python-hnvclient 0.1.0 has models for, on the controller at argv[1].

Every step asserts what the client's own objects say after it; an exception ends the run with a traceback.
"""

import sys

import hnvclient

hnvclient.CONFIG.update(url=sys.argv[1], retry_count=0)

from hnvclient import client  # noqa: E402
from hnvclient.common import exception  # noqa: E402


def step(function):
    """Runs a step and says that it passed."""
    function()
    print("passed:", function.__doc__)


def gone(model, *ids):
    """Whether the client is told that there is no such document."""
    try:
        model.get(*ids)
    except exception.NotFound:
        return True
    return False


def refused(call):
    """Whether the client is told that its request is invalid."""
    try:
        call()
    except exception.ServiceException:
        return True
    return False


@step
def empty():
    """an empty controller lists nothing"""
    for model in (client.LogicalNetworks, client.VirtualNetworks, client.NetworkInterfaces, client.AccessControlLists,
                  client.RouteTables, client.PublicIPAddresses, client.LoadBalancers):
        assert model.get() == [], model


@step
def logical_networks():
    """logical networks with subnets and pools"""
    pool = client.IPPools(resource_id="pool", start_ip_address="192.0.2.5", end_ip_address="192.0.2.100")
    subnet = client.LogicalSubnetworks(resource_id="192.0.2.0_25", address_prefix="192.0.2.0/25", vlan_id="11", ip_pools=[pool],
                                       default_gateways=["192.0.2.1"], dns_servers=["192.0.2.2"], is_public=False)
    network = client.LogicalNetworks(resource_id="HNVPA", subnetworks=[subnet], network_virtualization_enabled=True).commit()
    assert network.provisioning_state == "Succeeded" and network.etag and network.instance_id
    assert network.network_virtualization_enabled == "True"
    stored = client.LogicalNetworks.get("HNVPA")
    assert stored == network and len(client.LogicalNetworks.get()) == 1
    assert [one.address_prefix for one in stored.subnetworks] == ["192.0.2.0/25"]
    assert stored.subnetworks[0].ip_pools[0].end_ip_address == "192.0.2.100"

    # A subnet of its own, read through the parent, changed, and the whole tree committed again.
    client.LogicalSubnetworks(parent_id="HNVPA", resource_id="vlan7", address_prefix="172.16.7.0/24", vlan_id=7).commit()
    one = client.LogicalSubnetworks.get("vlan7", "HNVPA")
    assert one.vlan_id == "7" and one.address_prefix == "172.16.7.0/24"
    one.default_gateways = ["172.16.7.1"]
    one.commit()
    assert client.LogicalSubnetworks.get("vlan7", "HNVPA").default_gateways == ["172.16.7.1"]
    tree = client.LogicalNetworks.get("HNVPA")
    assert {subnet.resource_id for subnet in tree.subnetworks} == {"192.0.2.0_25", "vlan7"}
    tree.tags = {"touched": "yes"}
    tree.commit()
    again = client.LogicalNetworks.get("HNVPA")
    assert again.tags == {"touched": "yes"} and len(again.subnetworks) == 2
    assert again.instance_id == network.instance_id and again.etag != network.etag

    client.IPPools(grandparent_id="HNVPA", parent_id="vlan7", resource_id="p", start_ip_address="172.16.7.10", end_ip_address="172.16.7.20").commit()
    assert client.IPPools.get("p", "vlan7", "HNVPA").usage["numberOfIPAddresses"] == 11
    client.IPPools.remove("p", "vlan7", "HNVPA")
    assert gone(client.IPPools, "p", "vlan7", "HNVPA")
    client.LogicalSubnetworks.remove("vlan7", "HNVPA")
    assert gone(client.LogicalSubnetworks, "vlan7", "HNVPA")


@step
def access_control_lists():
    """access control lists, rule by rule"""
    acl = client.AccessControlLists(resource_id="web", acl_rules=[]).commit()
    assert acl.inbound_action == "Permit" and acl.outbound_action == "Permit" and acl.acl_rules == []
    for number, direction in enumerate(("Inbound", "Outbound")):
        rule = client.ACLRules(parent_id="web", resource_id="rule%d" % number, action="Allow", protocol="All", priority=str(200 + number),
                               rule_type=direction, source_prefix="*", source_port_range="0-65535", destination_prefix="*",
                               destination_port_range="0-65535").commit()
        assert rule.provisioning_state == "Succeeded" and rule.logging == "Enabled"
    assert [rule.resource_id for rule in client.AccessControlLists.get("web").acl_rules] == ["rule0", "rule1"]
    assert len(client.ACLRules.get(parent_id="web")) == 2

    rule = client.ACLRules.get("rule1", "web")
    rule.description, rule.action = "nothing leaves", "Deny"
    rule.commit()
    stored = client.ACLRules.get("rule1", "web")
    assert (stored.description, stored.action, stored.instance_id) == ("nothing leaves", "Deny", rule.instance_id)
    rule.protocol = "SCTP"
    assert refused(rule.commit)
    assert client.ACLRules.get("rule1", "web").protocol == "All"

    # The whole list again, with the rules as they were read.
    acl = client.AccessControlLists.get("web")
    acl.inbound_action = "Deny"
    acl.commit()
    assert client.AccessControlLists.get("web").inbound_action == "Deny"
    assert [rule.action for rule in client.AccessControlLists.get("web").acl_rules] == ["Allow", "Deny"]
    client.ACLRules.remove("rule1", "web")
    assert gone(client.ACLRules, "rule1", "web")
    assert [rule.resource_id for rule in client.AccessControlLists.get("web").acl_rules] == ["rule0"]


@step
def virtual_networks():
    """virtual networks with subnets"""
    provider = client.Resource(resource_ref="/logicalNetworks/HNVPA")
    network = client.VirtualNetworks(resource_id="blue", logical_network=provider, address_space=client.AddressSpace(address_prefixes=["10.20.0.0/16"]),
                                     dhcp_options=client.DHCPOptions(dns_servers=["10.20.0.53"])).commit()
    assert network.provisioning_state == "Succeeded" and network.address_space.address_prefixes == ["10.20.0.0/16"]
    assert network.logical_network.get_resource().resource_id == "HNVPA"
    acl = client.Resource(resource_ref="/accessControlLists/web")
    client.SubNetworks(parent_id="blue", resource_id="web", address_prefix="10.20.1.0/24", access_control_list=acl).commit()
    subnet = client.SubNetworks.get("web", "blue")
    assert subnet.address_prefix == "10.20.1.0/24" and subnet.access_control_list.get_resource().resource_id == "web"
    assert [ref.resource_ref for ref in client.AccessControlLists.get("web").subnets] == ["/virtualNetworks/blue/subnets/web"]

    network = client.VirtualNetworks.get("blue")
    network.dhcp_options = client.DHCPOptions(dns_servers=["10.20.0.54"])
    network.commit()
    stored = client.VirtualNetworks.get("blue")
    assert stored.dhcp_options.dns_servers == ["10.20.0.54"]
    assert [one.resource_id for one in stored.subnetworks] == ["web"] and stored.subnetworks[0].instance_id == subnet.instance_id
    bad = client.SubNetworks(parent_id="blue", resource_id="bad", address_prefix="10.21.0.0/24")
    assert refused(bad.commit) and gone(client.SubNetworks, "bad", "blue")


@step
def network_interfaces():
    """network interfaces with addresses"""
    subnet = client.Resource(resource_ref="/virtualNetworks/blue/subnets/web")
    acl = client.Resource(resource_ref="/accessControlLists/web")

    def address(name, text):
        return client.IPConfiguration(resource_id=name, private_ip_address=text, private_ip_allocation_method="Static", subnet=subnet,
                                      access_control_list=acl)

    nic = client.NetworkInterfaces(resource_id="vm", mac_address="00-1D-D8-20-00-01", mac_allocation_method="Static",
                                   ip_configurations=[address("ip0", "10.20.1.4")]).commit()
    assert nic.mac_address == "001DD8200001" and nic.instance_id and nic.port_settings is not None
    assert [one.private_ip_address for one in nic.ip_configurations] == ["10.20.1.4"]
    assert nic.ip_configurations[0].subnet.get_resource().address_prefix == "10.20.1.0/24"

    nic = client.NetworkInterfaces.get("vm")
    instance = nic.instance_id
    nic.ip_configurations = nic.ip_configurations + [address("ip1", "10.20.1.5")]
    nic.commit()
    stored = client.NetworkInterfaces.get("vm")
    assert [one.private_ip_address for one in stored.ip_configurations] == ["10.20.1.4", "10.20.1.5"]
    assert stored.instance_id == instance
    assert client.IPConfiguration.get("ip1", "vm").private_ip_allocation_method == "Static"
    users = client.SubNetworks.get("web", "blue").ip_configuration
    assert sorted(ref.resource_ref for ref in users) == ["/networkInterfaces/vm/ipConfigurations/ip%d" % number for number in (0, 1)]
    client.IPConfiguration.remove("ip1", "vm")
    assert [one.resource_id for one in client.NetworkInterfaces.get("vm").ip_configurations] == ["ip0"]


@step
def switch_settings():
    """settings of the virtual switches"""
    settings = client.VirtualSwitchManager(resource_id="configuration", qos_settings=client.VirtualSwtichQosSettings(
        reservation_mode="weight", enable_software_revervations=True, link_speed_percentage=50)).commit()
    assert settings.provisioning_state == "Succeeded" and settings.qos_settings.reservation_mode == "Weight"
    settings.qos_settings = client.VirtualSwtichQosSettings(reservation_mode="absolute")
    settings.commit()
    assert client.VirtualSwitchManager.get("configuration").qos_settings.reservation_mode == "Absolute"


@step
def removal():
    """everything goes, in the order of use"""
    client.NetworkInterfaces.remove("vm")
    client.VirtualNetworks.remove("blue")
    client.AccessControlLists.remove("web")
    client.LogicalNetworks.remove("HNVPA")
    empty_again = (client.LogicalNetworks, client.VirtualNetworks, client.NetworkInterfaces, client.AccessControlLists)
    assert all(model.get() == [] for model in empty_again)
    assert gone(client.NetworkInterfaces, "vm") and gone(client.VirtualNetworks, "blue")


print("all steps passed")

-- What users think in, for people with sqlite3 and for reports. Nothing in the controller reads these.

CREATE VIEW virtual_networks AS
SELECT
    resource_id AS name,
    instance_id AS routing_domain_id,
    (SELECT group_concat(value, ', ') FROM json_each(properties, '$.addressSpace.addressPrefixes')) AS address_space,
    json_extract(properties, '$.logicalNetwork') AS logical_network,
    etag,
    generation
FROM resource
WHERE collection = 'virtualNetworks';

CREATE VIEW virtual_subnets AS
SELECT
    network.resource_id AS virtual_network,
    subnet.resource_id AS name,
    subnet.instance_id,
    CAST(json_extract(subnet.properties, '$.virtualSubnetId') AS INTEGER) AS vsid,
    json_extract(subnet.properties, '$.addressPrefix') AS address_prefix,
    json_extract(subnet.properties, '$.accessControlList') AS access_control_list,
    subnet.generation
FROM resource AS subnet
JOIN resource AS network ON network.path_key = subnet.parent_key
WHERE subnet.collection = 'virtualNetworks/subnets';

CREATE VIEW network_interfaces AS
SELECT
    nic.resource_id AS name,
    nic.instance_id AS port_profile_id,
    json_extract(nic.properties, '$.privateMacAddress') AS mac_address,
    json_extract(nic.properties, '$.privateMacAllocationMethod') AS mac_allocation,
    CAST(json_extract(nic.properties, '$.portSettings.qosSettings.outboundMaximumMbps') AS INTEGER) AS outbound_mbps,
    CAST(json_extract(nic.properties, '$.portSettings.qosSettings.inboundMaximumMbps') AS INTEGER) AS inbound_mbps,
    (
        SELECT server.resource_id
        FROM binding
        JOIN resource AS server ON server.instance_id = binding.server_instance
        WHERE binding.nic_instance = nic.instance_id
        ORDER BY binding.sequence DESC
        LIMIT 1
    ) AS server,
    nic.generation
FROM resource AS nic
WHERE nic.collection = 'networkInterfaces';

CREATE VIEW ip_configurations AS
SELECT
    nic.resource_id AS network_interface,
    configuration.resource_id AS name,
    configuration.instance_id,
    json_extract(configuration.properties, '$.privateIPAddress') AS ip_address,
    json_extract(configuration.properties, '$.privateIPAllocationMethod') AS ip_allocation,
    json_extract(configuration.properties, '$.subnet') AS subnet,
    json_extract(configuration.properties, '$.accessControlList') AS access_control_list,
    configuration.generation
FROM resource AS configuration
JOIN resource AS nic ON nic.path_key = configuration.parent_key
WHERE configuration.collection = 'networkInterfaces/ipConfigurations';

CREATE VIEW access_control_lists AS
SELECT
    list.resource_id AS name,
    list.instance_id,
    json_extract(list.properties, '$.inboundDefaultAction') AS inbound_default,
    json_extract(list.properties, '$.outboundDefaultAction') AS outbound_default,
    (SELECT count(*) FROM resource AS rule WHERE rule.parent_key = list.path_key) AS rules,
    (SELECT count(*) FROM reference WHERE target_key = list.path_key) AS uses,
    list.generation
FROM resource AS list
WHERE list.collection = 'accessControlLists';

CREATE VIEW acl_rules AS
SELECT
    list.resource_id AS access_control_list,
    rule.resource_id AS name,
    CAST(json_extract(rule.properties, '$.priority') AS INTEGER) AS priority,
    json_extract(rule.properties, '$.type') AS direction,
    json_extract(rule.properties, '$.action') AS action,
    json_extract(rule.properties, '$.protocol') AS protocol,
    json_extract(rule.properties, '$.sourceAddressPrefix') AS source_prefix,
    json_extract(rule.properties, '$.sourcePortRange') AS source_ports,
    json_extract(rule.properties, '$.destinationAddressPrefix') AS destination_prefix,
    json_extract(rule.properties, '$.destinationPortRange') AS destination_ports,
    json_extract(rule.properties, '$.logging') AS logging,
    rule.generation
FROM resource AS rule
JOIN resource AS list ON list.path_key = rule.parent_key
WHERE rule.collection = 'accessControlLists/aclRules';

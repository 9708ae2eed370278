-- Documents of the northbound API, what they refer to, and the names that they own.

CREATE TABLE controller (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- One life of this database: generations of different epochs cannot be compared.
    epoch TEXT NOT NULL,
    -- Revision of the last accepted write.
    generation INTEGER NOT NULL
) STRICT;

CREATE TABLE resource (
    -- Path below /networking/<version>, in lower case: paths have no case.
    path_key TEXT PRIMARY KEY NOT NULL,
    -- virtualNetworks, virtualNetworks/subnets, ...
    collection TEXT NOT NULL,
    parent_key TEXT REFERENCES resource (path_key) DEFERRABLE INITIALLY DEFERRED,
    -- Path and last part of it, as first written.
    path TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    instance_id TEXT NOT NULL UNIQUE,
    etag TEXT NOT NULL,
    -- Revision that wrote it last.
    generation INTEGER NOT NULL,
    -- Order among siblings.
    position INTEGER NOT NULL,
    -- JSON objects: the properties without children, and the members beside them (tags, resourceMetadata, ...).
    properties TEXT NOT NULL,
    extras TEXT NOT NULL
) STRICT;

CREATE INDEX resource_by_parent ON resource (parent_key) WHERE parent_key IS NOT NULL;
CREATE INDEX resource_by_collection ON resource (collection);

-- The foreign keys are what makes "in use" safe against races.
CREATE TABLE reference (
    source_key TEXT NOT NULL REFERENCES resource (path_key) DEFERRABLE INITIALLY DEFERRED,
    property TEXT NOT NULL,
    target_key TEXT NOT NULL REFERENCES resource (path_key) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (source_key, property, target_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX reference_by_target ON reference (target_key);

-- Names that only one document may own. The primary key is what makes them unique.
CREATE TABLE claim (
    -- ipv4, ipv6, mac or vsid.
    kind TEXT NOT NULL,
    -- instanceId of the network that an address belongs to; the nil UUID for MACs and VSIDs.
    scope TEXT NOT NULL,
    value TEXT NOT NULL,
    owner_key TEXT NOT NULL,
    -- Milliseconds since 1970: the name was released then, and is not handed out again before the hold-off is over.
    released_at INTEGER,
    PRIMARY KEY (kind, scope, value)
) STRICT, WITHOUT ROWID;

-- Ports that hosts have reported.
CREATE TABLE binding (
    nic_instance TEXT NOT NULL,
    attach_id TEXT NOT NULL,
    server_instance TEXT NOT NULL,
    -- Of several attachments of one NIC, the one with the highest sequence is where it is.
    sequence INTEGER NOT NULL,
    PRIMARY KEY (nic_instance, attach_id)
) STRICT, WITHOUT ROWID;

//! Everything that is stored, back into memory.

use super::StoreError;
use super::rows::claim_parts;
use super::secrets::Cipher;
use crate::engine::bindings::Attachment;
use crate::engine::claims::{Claim, Holder};
use crate::engine::references;
use crate::engine::world::{Key, Node};
use crate::resources;
use futures_util::TryStreamExt;
use policy::ids::{AttachId, Epoch, HostId, NicId};
use sqlx::{FromRow, SqliteConnection};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// Content of the database.
#[derive(Debug)]
pub struct Stored {
    /// Which database this is.
    pub epoch: Epoch,
    /// Last accepted write.
    pub generation: u64,
    /// Documents, in no order.
    pub nodes: Vec<Node>,
    /// Names and who owns them.
    pub claims: Vec<(Claim, Holder)>,
    /// Attachments of ports.
    pub(crate) attachments: Vec<(NicId, AttachId, Attachment)>,
}

#[derive(FromRow)]
struct ResourceRow {
    path_key: String,
    collection: String,
    path: String,
    resource_id: String,
    instance_id: String,
    etag: String,
    generation: i64,
    position: i64,
    properties: String,
    extras: String,
}

#[derive(FromRow)]
struct ClaimRow {
    kind: String,
    scope: String,
    value: String,
    owner_key: String,
    released_at: Option<i64>,
}

#[derive(FromRow)]
struct BindingRow {
    nic_instance: String,
    attach_id: String,
    server_instance: String,
    sequence: i64,
}

pub(super) async fn load(from: &mut SqliteConnection, cipher: &Cipher) -> Result<Stored, StoreError> {
    let (epoch, generation): (String, i64) =
        sqlx::query_as("SELECT epoch, generation FROM controller").fetch_one(&mut *from).await?;
    let claims = load_claims(from).await?;
    let mut owned = HashMap::<Key, Vec<Claim>>::new();
    for (claim, holder) in claims.iter().filter(|(_, holder)| holder.released_at.is_none()) {
        owned.entry(holder.owner.clone()).or_default().push(*claim);
    }
    let mut nodes = Vec::new();
    let mut rows = sqlx::query_as::<_, ResourceRow>(
        "SELECT path_key, collection, path, resource_id, instance_id, etag, generation, position, properties, extras \
         FROM resource",
    )
    .fetch(&mut *from);
    while let Some(row) = rows.try_next().await? {
        nodes.push(node(row, &mut owned, cipher)?);
    }
    drop(rows);
    Ok(Stored {
        epoch: Epoch(uuid(&epoch, "an epoch")?),
        generation: unsigned(generation),
        nodes,
        claims,
        attachments: load_attachments(from).await?,
    })
}

fn node(row: ResourceRow, owned: &mut HashMap<Key, Vec<Claim>>, cipher: &Cipher) -> Result<Node, StoreError> {
    let key = Key::new(&row.path_key);
    let unknown = || StoreError::Corrupt(format!("{key} of the unknown collection '{}'", row.collection));
    let collection = resources::collection(&row.collection).ok_or_else(unknown)?;
    let properties = serde_json::from_str(&row.properties)?;
    let mut properties = cipher.open(collection.properties, &key, properties)?;
    let references = references::stored(collection.properties, &mut properties)
        .map_err(|refusal| StoreError::Corrupt(format!("a reference of {key} that is none: {refusal}")))?;
    Ok(Node {
        collection,
        path: row.path.into(),
        id: row.resource_id.into(),
        instance_id: uuid(&row.instance_id, "an instance id")?,
        etag: uuid(&row.etag, "an etag")?,
        generation: unsigned(row.generation),
        position: row.position,
        properties: Arc::new(properties),
        extras: Arc::new(serde_json::from_str(&row.extras)?),
        references: references.into(),
        claims: owned.remove(&key).unwrap_or_default().into(),
        key,
    })
}

async fn load_claims(from: &mut SqliteConnection) -> Result<Vec<(Claim, Holder)>, StoreError> {
    let rows = sqlx::query_as::<_, ClaimRow>("SELECT kind, scope, value, owner_key, released_at FROM claim");
    let claim = |row: ClaimRow| {
        let parts = claim_parts(&row.kind, &row.value);
        let wrong = || StoreError::Corrupt(format!("'{}', which is no {}", row.value, row.kind));
        let (kind, number) = parts.ok_or_else(wrong)?;
        let claim = Claim { kind, scope: uuid(&row.scope, "a scope")?, number };
        Ok((claim, Holder { owner: Key::new(&row.owner_key), released_at: row.released_at }))
    };
    rows.fetch_all(from).await?.into_iter().map(claim).collect()
}

async fn load_attachments(from: &mut SqliteConnection) -> Result<Vec<(NicId, AttachId, Attachment)>, StoreError> {
    let rows =
        sqlx::query_as::<_, BindingRow>("SELECT nic_instance, attach_id, server_instance, sequence FROM binding");
    let attachment = |row: BindingRow| {
        let nic = NicId(uuid(&row.nic_instance, "a profile id")?);
        let attach = AttachId(uuid(&row.attach_id, "an attachment")?);
        let host = HostId(uuid(&row.server_instance, "a host id")?);
        Ok((nic, attach, Attachment { host, sequence: unsigned(row.sequence) }))
    };
    rows.fetch_all(from).await?.into_iter().map(attachment).collect()
}

fn uuid(text: &str, what: &str) -> Result<Uuid, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(format!("'{text}' where {what} should be")))
}

fn unsigned(number: i64) -> u64 {
    number.try_into().unwrap_or_default()
}

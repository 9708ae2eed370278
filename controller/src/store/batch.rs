//! One batch of writes as a few statements.

use super::StoreError;
use super::rows::{kind_text, value_text};
use super::secrets::Cipher;
use crate::engine::bindings::Attachment;
use crate::engine::claims::{Claim, Holder};
use crate::engine::world::{Key, Node};
use policy::ids::{AttachId, NicId};
use sqlx::query_builder::Separated;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use std::sync::Arc;

/// What differs between two revisions.
#[derive(Debug, Default)]
pub struct Batch {
    /// The later one.
    pub generation: u64,
    /// Documents that are new or changed.
    pub written: Vec<Arc<Node>>,
    /// Those that are gone.
    pub removed: Vec<Key>,
    /// Documents, also removed ones, whose earlier references are void.
    pub unlinked: Vec<Key>,
    /// Documents whose references are to be stored.
    pub linked: Vec<Arc<Node>>,
    /// Names that changed hands; `None`: free again.
    pub claims: Vec<(Claim, Option<Holder>)>,
    /// Attachments of ports that came (`Some`) or went.
    pub(crate) attachments: Vec<((NicId, AttachId), Option<Attachment>)>,
}

pub(super) async fn save(to: &mut SqliteConnection, batch: &Batch, cipher: &Cipher) -> Result<(), StoreError> {
    let generation = i64::try_from(batch.generation).unwrap_or(i64::MAX);
    sqlx::query("UPDATE controller SET generation = ? WHERE id = 1").bind(generation).execute(&mut *to).await?;
    delete(to, "DELETE FROM reference WHERE (source_key) IN ", &batch.unlinked, |row, key| {
        row.push_bind(key.as_str());
    })
    .await?;
    delete(to, "DELETE FROM resource WHERE (path_key) IN ", &batch.removed, |row, key| {
        row.push_bind(key.as_str());
    })
    .await?;
    write_documents(to, &batch.written, cipher).await?;
    write_references(to, &batch.linked).await?;
    write_claims(to, &batch.claims).await?;
    write_attachments(to, &batch.attachments).await
}

async fn write_documents(to: &mut SqliteConnection, nodes: &[Arc<Node>], cipher: &Cipher) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(nodes.len());
    for node in nodes {
        let properties = cipher.seal(node.collection.properties, &node.key, &node.properties)?;
        rows.push((node, serde_json::to_string(&*properties)?, serde_json::to_string(&*node.extras)?));
    }
    let statement = "INSERT INTO resource (path_key, collection, parent_key, path, resource_id, instance_id, etag, \
                     generation, position, properties, extras) ";
    let conflict = " ON CONFLICT (path_key) DO UPDATE SET path = excluded.path, resource_id = excluded.resource_id, \
                    instance_id = excluded.instance_id, etag = excluded.etag, generation = excluded.generation, \
                    position = excluded.position, properties = excluded.properties, extras = excluded.extras";
    insert(to, statement, conflict, &rows, |row, (node, properties, extras)| {
        row.push_bind(node.key.as_str())
            .push_bind(node.collection.name)
            .push_bind(node.key.parent().map(|parent| parent.to_string()))
            .push_bind(&*node.path)
            .push_bind(&*node.id)
            .push_bind(node.instance_id.to_string())
            .push_bind(node.etag.to_string())
            .push_bind(i64::try_from(node.generation).unwrap_or(i64::MAX))
            .push_bind(node.position)
            .push_bind(properties.as_str())
            .push_bind(extras.as_str());
    })
    .await
}

async fn write_references(to: &mut SqliteConnection, nodes: &[Arc<Node>]) -> Result<(), StoreError> {
    let rows: Vec<_> =
        nodes.iter().flat_map(|node| node.references.iter().map(move |reference| (&node.key, reference))).collect();
    let statement = "INSERT INTO reference (source_key, property, target_key) ";
    insert(to, statement, "", &rows, |row, (source, reference)| {
        row.push_bind(source.as_str()).push_bind(reference.property).push_bind(reference.target.as_str());
    })
    .await
}

async fn write_claims(to: &mut SqliteConnection, claims: &[(Claim, Option<Holder>)]) -> Result<(), StoreError> {
    let freed: Vec<_> = claims.iter().filter(|(_, holder)| holder.is_none()).collect();
    delete(to, "DELETE FROM claim WHERE (kind, scope, value) IN ", &freed, |row, (claim, _)| {
        row.push_bind(kind_text(claim.kind)).push_bind(claim.scope.to_string()).push_bind(value_text(claim));
    })
    .await?;
    let held: Vec<_> = claims.iter().filter_map(|(claim, holder)| Some((claim, holder.as_ref()?))).collect();
    let statement = "INSERT INTO claim (kind, scope, value, owner_key, released_at) ";
    let conflict = " ON CONFLICT (kind, scope, value) DO UPDATE SET owner_key = excluded.owner_key, \
                    released_at = excluded.released_at";
    insert(to, statement, conflict, &held, |row, (claim, holder)| {
        row.push_bind(kind_text(claim.kind))
            .push_bind(claim.scope.to_string())
            .push_bind(value_text(claim))
            .push_bind(holder.owner.as_str())
            .push_bind(holder.released_at);
    })
    .await
}

type AttachmentChange = ((NicId, AttachId), Option<Attachment>);

async fn write_attachments(to: &mut SqliteConnection, changes: &[AttachmentChange]) -> Result<(), StoreError> {
    let gone: Vec<_> = changes.iter().filter(|(_, attachment)| attachment.is_none()).collect();
    delete(to, "DELETE FROM binding WHERE (nic_instance, attach_id) IN ", &gone, |row, ((nic, attach), _)| {
        row.push_bind(nic.to_string()).push_bind(attach.to_string());
    })
    .await?;
    let present: Vec<_> = changes.iter().filter_map(|(id, attachment)| Some((id, attachment.as_ref()?))).collect();
    let statement = "INSERT INTO binding (nic_instance, attach_id, server_instance, sequence) ";
    let conflict = " ON CONFLICT (nic_instance, attach_id) DO UPDATE SET \
                    server_instance = excluded.server_instance, sequence = excluded.sequence";
    insert(to, statement, conflict, &present, |row, ((nic, attach), attachment)| {
        row.push_bind(nic.to_string())
            .push_bind(attach.to_string())
            .push_bind(attachment.host.to_string())
            .push_bind(i64::try_from(attachment.sequence).unwrap_or(i64::MAX));
    })
    .await
}

/// Rows in one statement. Few sizes, so that statements are prepared once and found again; the largest stays below every
/// limit on bound values.
const CHUNKS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// Splits rows into chunks of the sizes above.
fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = CHUNKS.into_iter().find(|size| *size <= rows.len())?;
        let (chunk, rest) = rows.split_at(size);
        rows = rest;
        Some(chunk)
    })
}

type Row<'q, 'b> = Separated<'q, 'b, Sqlite, &'static str>;

async fn insert<'b, T>(
    to: &mut SqliteConnection,
    statement: &str,
    conflict: &str,
    rows: &'b [T],
    mut bind: impl FnMut(&mut Row<'_, 'b>, &'b T),
) -> Result<(), StoreError> {
    for chunk in chunks(rows) {
        let mut query = QueryBuilder::<Sqlite>::new(statement);
        query.push_values(chunk, |mut row, item| bind(&mut row, item));
        query.push(conflict);
        query.build().execute(&mut *to).await?;
    }
    Ok(())
}

async fn delete<'b, T>(
    to: &mut SqliteConnection,
    statement: &str,
    keys: &'b [T],
    mut bind: impl FnMut(&mut Row<'_, 'b>, &'b T),
) -> Result<(), StoreError> {
    for chunk in chunks(keys) {
        let mut query = QueryBuilder::<Sqlite>::new(statement);
        query.push("(");
        query.push_values(chunk, |mut row, item| bind(&mut row, item));
        query.push(")");
        query.build().execute(&mut *to).await?;
    }
    Ok(())
}

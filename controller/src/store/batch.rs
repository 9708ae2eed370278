//! One batch of writes as one script: a transaction of few statements, each for many rows.

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

/// A sealed batch: what is to be written, in the form that the database wants it.
pub(super) struct Rows<'b> {
    batch: &'b Batch,
    /// With `properties` and `extras` as JSON.
    documents: Vec<(&'b Node, String, String)>,
}

impl<'b> Rows<'b> {
    pub(super) fn new(batch: &'b Batch, cipher: &Cipher) -> Result<Self, StoreError> {
        let mut documents = Vec::with_capacity(batch.written.len());
        for node in &batch.written {
            let properties = cipher.seal(node.collection.properties, &node.key, &node.properties)?;
            documents.push((&**node, serde_json::to_string(&*properties)?, serde_json::to_string(&*node.extras)?));
        }
        Ok(Self { batch, documents })
    }

    /// The transaction.
    pub(super) fn script(&'b self) -> Script<'b> {
        let mut script = Script { query: QueryBuilder::new("BEGIN IMMEDIATE"), rows: 0 };
        script.statement("UPDATE controller SET generation = ").push_bind(signed(self.batch.generation));
        script.delete("reference", "source_key", self.batch.unlinked.iter(), |row, key| {
            row.push_bind(key.as_str());
        });
        script.delete("resource", "path_key", self.batch.removed.iter(), |row, key| {
            row.push_bind(key.as_str());
        });
        self.documents(&mut script);
        self.references(&mut script);
        self.claims(&mut script);
        self.attachments(&mut script);
        script.statement("COMMIT");
        script
    }

    fn documents(&'b self, script: &mut Script<'b>) {
        let columns = "path_key, collection, parent_key, path, resource_id, instance_id, etag, generation, position, \
                       properties, extras";
        let conflict = "(path_key) DO UPDATE SET path = excluded.path, resource_id = excluded.resource_id, \
                        instance_id = excluded.instance_id, etag = excluded.etag, generation = excluded.generation, \
                        position = excluded.position, properties = excluded.properties, extras = excluded.extras";
        script.insert("resource", columns, conflict, self.documents.iter(), |row, (node, properties, extras)| {
            row.push_bind(node.key.as_str())
                .push_bind(node.collection.name)
                .push_bind(node.key.parent().map(|parent| parent.to_string()))
                .push_bind(&*node.path)
                .push_bind(&*node.id)
                .push_bind(node.instance_id.to_string())
                .push_bind(node.etag.to_string())
                .push_bind(signed(node.generation))
                .push_bind(node.position)
                .push_bind(properties.as_str())
                .push_bind(extras.as_str());
        });
    }

    fn references(&'b self, script: &mut Script<'b>) {
        let of = |node: &'b Arc<Node>| node.references.iter().map(|reference| (node.key.as_str(), reference));
        let rows = self.batch.linked.iter().flat_map(of);
        let columns = "source_key, property, target_key";
        let conflict = "(source_key, property, target_key) DO NOTHING";
        script.insert("reference", columns, conflict, rows, |row, (source, reference)| {
            row.push_bind(source).push_bind(reference.property).push_bind(reference.target.as_str());
        });
    }

    fn claims(&'b self, script: &mut Script<'b>) {
        let claims = &self.batch.claims;
        let freed = claims.iter().filter(|(_, holder)| holder.is_none());
        script.delete("claim", "kind, scope, value", freed, |row, (claim, _)| {
            row.push_bind(kind_text(claim.kind)).push_bind(claim.scope.to_string()).push_bind(value_text(claim));
        });
        let held = claims.iter().filter_map(|(claim, holder)| Some((claim, holder.as_ref()?)));
        let columns = "kind, scope, value, owner_key, released_at";
        let conflict = "(kind, scope, value) DO UPDATE SET owner_key = excluded.owner_key, \
                        released_at = excluded.released_at";
        script.insert("claim", columns, conflict, held, |row, (claim, holder)| {
            row.push_bind(kind_text(claim.kind))
                .push_bind(claim.scope.to_string())
                .push_bind(value_text(claim))
                .push_bind(holder.owner.as_str())
                .push_bind(holder.released_at);
        });
    }

    fn attachments(&'b self, script: &mut Script<'b>) {
        let changes = &self.batch.attachments;
        let gone = changes.iter().filter(|(_, attachment)| attachment.is_none());
        script.delete("binding", "nic_instance, attach_id", gone, |row, ((nic, attach), _)| {
            row.push_bind(nic.to_string()).push_bind(attach.to_string());
        });
        let present = changes.iter().filter_map(|(id, attachment)| Some((id, attachment.as_ref()?)));
        let columns = "nic_instance, attach_id, server_instance, sequence";
        let conflict = "(nic_instance, attach_id) DO UPDATE SET server_instance = excluded.server_instance, \
                        sequence = excluded.sequence";
        script.insert("binding", columns, conflict, present, |row, ((nic, attach), attachment)| {
            row.push_bind(nic.to_string())
                .push_bind(attach.to_string())
                .push_bind(attachment.host.to_string())
                .push_bind(signed(attachment.sequence));
        });
    }
}

/// Statements that go to the database in one message: what a hand-over to its thread costs, is paid once a batch. An
/// engine that takes one statement a message would get them one by one.
pub(super) struct Script<'b> {
    query: QueryBuilder<'b, Sqlite>,
    rows: usize,
}

/// Most rows in one statement: far below the limit on bound values.
const CHUNK: usize = 256;

/// Scripts with at most this many rows come in few shapes, so they are prepared once and kept.
const KEPT: usize = 12;

impl<'b> Script<'b> {
    pub(super) async fn run(mut self, on: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let kept = self.rows <= KEPT;
        self.query.build().persistent(kept).execute(on).await.map(drop)
    }

    fn statement(&mut self, text: &str) -> &mut QueryBuilder<'b, Sqlite> {
        self.query.push("; ").push(text)
    }

    fn insert<T: Copy>(
        &mut self,
        table: &str,
        columns: &str,
        conflict: &str,
        rows: impl Iterator<Item = T>,
        bind: impl Fn(&mut Row<'_, 'b>, T),
    ) {
        for chunk in rows.collect::<Vec<_>>().chunks(CHUNK) {
            self.rows += chunk.len();
            self.statement("INSERT INTO ").push(table).push(" (").push(columns).push(") ");
            self.query.push_values(chunk.iter().copied(), |mut row, item| bind(&mut row, item));
            self.query.push(" ON CONFLICT ").push(conflict);
        }
    }

    fn delete<T: Copy>(
        &mut self,
        table: &str,
        key: &str,
        rows: impl Iterator<Item = T>,
        bind: impl Fn(&mut Row<'_, 'b>, T),
    ) {
        for chunk in rows.collect::<Vec<_>>().chunks(CHUNK) {
            self.rows += chunk.len();
            self.statement("DELETE FROM ").push(table).push(" WHERE (").push(key).push(") IN (");
            self.query.push_values(chunk.iter().copied(), |mut row, item| bind(&mut row, item));
            self.query.push(")");
        }
    }
}

type Row<'q, 'b> = Separated<'q, 'b, Sqlite, &'static str>;

/// As SQLite keeps numbers.
fn signed(number: u64) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

//! Documents as clients see them: members in schema order, the version filter, back references and derived members.
//! Contract sections 2, 4.4 and 10.

use super::canonical::{self, At, RESOURCE_REF};
use super::key::Key;
use super::reading::{Dependency, Reading};
use super::rendering::Rendered;
use super::world::{Entry, Node, World};
use crate::enforcement::Enforcement;
use crate::resources::Members;
use crate::resources::schema::{Access, Collection, Kind, Property};
use crate::resources::version::Version;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// Why a document cannot be rendered: a defect of ours, since every value was read as JSON before.
pub type RenderError = serde_json::Error;

/// Renders documents of one world for one version.
#[derive(Clone, Copy, Debug)]
pub struct Renderer<'a> {
    /// Where the documents are.
    pub world: &'a World,
    /// Where derived states come from.
    pub enforcement: &'a Enforcement,
    /// Version in the URI.
    pub version: Version,
}

impl Renderer<'_> {
    /// One document and its etag; `None` when there is none.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn document(&self, collection: &Collection, key: &Key) -> Result<Option<(Bytes, Uuid)>, RenderError> {
        let Some(entry) = self.world.entry(collection.name, key) else {
            return Ok(None);
        };
        Ok(Some((self.entry(entry)?.bytes.clone(), entry.node.etag)))
    }

    /// All documents of a collection, or of one parent's child collection. Contract section 10.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn list(&self, collection: &Collection, parent: Option<&Key>) -> Result<Bytes, RenderError> {
        let entries = match parent {
            Some(parent) => self.world.child_entries(parent, collection),
            None => self.world.entries(collection.name).collect(),
        };
        let documents = entries.into_iter().map(|entry| self.entry(entry)).collect::<Result<Vec<_>, _>>()?;
        if documents.is_empty() {
            return Ok(Bytes::from_static(br#"{"nextLink":""}"#));
        }
        let size: usize = documents.iter().map(|document| document.bytes.len() + 1).sum();
        let mut out = Vec::with_capacity(size + 32);
        out.extend_from_slice(br#"{"value":"#);
        write_array(&mut out, documents.iter(), |out, document| {
            out.extend_from_slice(&document.bytes);
            Ok(())
        })?;
        out.extend_from_slice(br#","nextLink":""}"#);
        Ok(out.into())
    }

    /// The answer of a singleton before its first PUT: the defaults under a reduced header. Contract 12.35.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn untouched(&self, collection: &'static Collection, reference: &'static str) -> Result<Bytes, RenderError> {
        let defaults = canonical::members(collection.properties, Members::new(), None, self.version, &At::Root);
        let node = Node {
            collection,
            key: Key::new(reference),
            path: reference.into(),
            id: "".into(),
            instance_id: Uuid::nil(),
            etag: Uuid::nil(),
            generation: 0,
            position: 0,
            // A singleton that exists untouched has nothing that is required.
            properties: Arc::new(defaults.unwrap_or_default()),
            extras: Arc::default(),
            references: Arc::from([]),
            claims: Arc::from([]),
        };
        let mut out = Vec::new();
        let reading = Reading::new(self.world, self.enforcement);
        self.write(&mut out, &node, &reading, &mut Vec::new(), false)?;
        Ok(out.into())
    }

    /// The cached rendering, or a new one.
    fn entry(&self, entry: &Entry) -> Result<Arc<Rendered>, RenderError> {
        if let Some(cached) = self.cached(entry) {
            return Ok(cached);
        }
        let mut out = Vec::with_capacity(1024);
        let mut depends_on = Vec::new();
        let reading = Reading::new(self.world, self.enforcement);
        self.write(&mut out, &entry.node, &reading, &mut depends_on, true)?;
        depends_on.extend(reading.into_seen());
        out.shrink_to_fit();
        let rendered = Arc::new(Rendered { version: self.version, bytes: out.into(), depends_on });
        entry.rendering.set(rendered.clone());
        Ok(rendered)
    }

    /// Writes a child into its parent. Short ones are not kept, as the parent keeps their bytes.
    fn embed(&self, out: &mut Vec<u8>, child: &Entry, depends_on: &mut Vec<Dependency>) -> Result<(), RenderError> {
        const LONG: usize = 4096;
        if let Some(rendered) = self.cached(child) {
            depends_on.extend_from_slice(&rendered.depends_on);
            out.extend_from_slice(&rendered.bytes);
            return Ok(());
        }
        let (start, earlier) = (out.len(), depends_on.len());
        let reading = Reading::new(self.world, self.enforcement);
        self.write(out, &child.node, &reading, depends_on, true)?;
        depends_on.extend(reading.into_seen());
        if out.len() - start > LONG {
            let bytes = Bytes::copy_from_slice(&out[start..]);
            let depends_on = depends_on[earlier..].to_vec();
            child.rendering.set(Arc::new(Rendered { version: self.version, bytes, depends_on }));
        }
        Ok(())
    }

    fn cached(&self, entry: &Entry) -> Option<Arc<Rendered>> {
        let holds = |rendered: &Arc<Rendered>| {
            rendered.depends_on.iter().all(|dependency| dependency.holds(self.world, self.enforcement))
        };
        entry.rendering.get(self.version).filter(holds)
    }

    fn write(
        &self,
        out: &mut Vec<u8>,
        node: &Node,
        reading: &Reading<'_>,
        depends_on: &mut Vec<Dependency>,
        whole_header: bool,
    ) -> Result<(), RenderError> {
        let mut object = Object::open(out);
        object.member(RESOURCE_REF, &*node.path)?;
        if whole_header {
            object.member("resourceId", &*node.id)?;
            object.member("etag", &format_args!("W/\"{}\"", node.etag))?;
        }
        object.member("instanceId", &node.instance_id)?;
        for name in ["tags", "resourceMetadata"] {
            if let Some(value) = node.extras.get(name) {
                object.member(name, value)?;
            }
        }
        let mut properties = Object::open(object.key("properties")?);
        properties.member("provisioningState", "Succeeded")?;
        for property in node.collection.properties.iter().filter(|property| property.visible(self.version)) {
            self.property(&mut properties, property, node, reading, depends_on)?;
        }
        properties.close();
        write_members(&mut object, node.collection.extras, &node.extras, self.version)?;
        object.close();
        Ok(())
    }

    fn property(
        &self,
        object: &mut Object<'_>,
        property: &'static Property,
        node: &Node,
        reading: &Reading<'_>,
        depends_on: &mut Vec<Dependency>,
    ) -> Result<(), RenderError> {
        match (property.access, property.kind) {
            (_, Kind::Children(collection)) => {
                let children = self.world.child_entries(&node.key, collection);
                if children.is_empty() && !property.always {
                    return Ok(());
                }
                write_array(object.key(property.name)?, children.into_iter(), |out, child| {
                    self.embed(out, child, depends_on)
                })
            }
            (_, Kind::Back { from, many }) => {
                let referrers = self.world.referrers(&node.key).filter(|referrer| {
                    from.iter().any(|&(collection, by)| referrer.collection == collection && referrer.property == by)
                });
                let mut sources =
                    referrers.filter_map(|referrer| self.world.find(referrer.collection, &referrer.source));
                let write = |out: &mut Vec<u8>, source: &Node| write_reference(out, &source.path);
                if !many {
                    return sources.next().map_or(Ok(()), |source| write(object.key(property.name)?, source));
                }
                let sources: Vec<_> = sources.collect();
                match sources.is_empty() && !property.always {
                    true => Ok(()),
                    false => write_array(object.key(property.name)?, sources.into_iter(), write),
                }
            }
            (Access::Derived, _) => match node.collection.rules.derive(property.name, node, reading) {
                Some(value) => write_value(object.key(property.name)?, &property.kind, &value, self.version),
                None => Ok(()),
            },
            (Access::Secret, _) if node.collection.rules.reveals(property.name, node) => {
                match node.properties.get(property.name) {
                    Some(value) => object.member(property.name, value),
                    None => Ok(()),
                }
            }
            _ => write_member(object, property, &node.properties, self.version),
        }
    }
}

/// Members of a nested object, or those beside `properties`.
fn write_members(
    object: &mut Object<'_>,
    schema: &'static [Property],
    members: &Members,
    version: Version,
) -> Result<(), RenderError> {
    let mut visible = schema.iter().filter(|property| property.visible(version));
    visible.try_for_each(|property| write_member(object, property, members, version))
}

fn write_member(
    object: &mut Object<'_>,
    property: &'static Property,
    members: &Members,
    version: Version,
) -> Result<(), RenderError> {
    match (property.access, members.get(property.name)) {
        (Access::Internal, _) => Ok(()),
        (Access::Secret, Some(_)) => object.member(property.name, Property::SECRET_PLACEHOLDER),
        (_, Some(value)) => write_value(object.key(property.name)?, &property.kind, value, version),
        (_, None) if property.always && matches!(property.kind, Kind::List(_)) => {
            object.key(property.name)?.extend_from_slice(b"[]");
            Ok(())
        }
        (_, None) => Ok(()),
    }
}

fn write_value(out: &mut Vec<u8>, kind: &'static Kind, value: &Value, version: Version) -> Result<(), RenderError> {
    match (kind, value) {
        (Kind::Object(schema), Value::Object(members)) => {
            let mut object = Object::open(out);
            write_members(&mut object, schema, members, version)?;
            object.close();
            Ok(())
        }
        (Kind::List(of), Value::Array(items)) => {
            write_array(out, items.iter(), |out, item| write_value(out, of, item, version))
        }
        (Kind::Reference(_), Value::String(path)) => write_reference(out, path),
        _ => serde_json::to_writer(out, value),
    }
}

fn write_reference(out: &mut Vec<u8>, path: &str) -> Result<(), RenderError> {
    let mut reference = Object::open(out);
    reference.member(RESOURCE_REF, path)?;
    reference.close();
    Ok(())
}

fn write_array<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T) -> Result<(), RenderError>,
) -> Result<(), RenderError> {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item)?;
    }
    out.push(b']');
    Ok(())
}

/// A JSON object on its way out.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes the name of a member; the value is to follow.
    fn key(&mut self, name: &str) -> Result<&mut Vec<u8>, RenderError> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        serde_json::to_writer(&mut *self.out, name)?;
        self.out.push(b':');
        Ok(self.out)
    }

    fn member(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), RenderError> {
        serde_json::to_writer(self.key(name)?, value)
    }

    fn close(self) {
        self.out.push(b'}');
    }
}

//! Secrets at rest: write-only members are encrypted under a key that lies beside the database.

use super::{StoreError, key_file};
use crate::engine::world::Key;
use crate::resources::Members;
use crate::resources::schema::{Access, Property};
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// XChaCha20-Poly1305 under the key of this database.
pub(super) struct Cipher(XChaCha20Poly1305);

/// What an encrypted text begins with; the rest is nonce and ciphertext in hexadecimal.
const SEALED: &str = "xchacha20poly1305:";

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cipher")
    }
}

impl Cipher {
    /// The key of `database`, made when it is missing. Only the owner may read it.
    pub(super) fn beside(database: &Path) -> Result<Self, StoreError> {
        let path = key_file(database);
        let key = read_or_make(&path).map_err(|source| StoreError::KeyFile { path: path.clone(), source })?;
        Ok(Self(XChaCha20Poly1305::new(&key.into())))
    }

    /// `properties` with every secret encrypted. Ciphertexts are bound to the document: one that is copied to another
    /// document cannot be read there.
    pub(super) fn seal<'a>(
        &self,
        schema: &[Property],
        document: &Key,
        properties: &'a Members,
    ) -> Result<Cow<'a, Members>, StoreError> {
        self.replace_secrets(schema, properties, |text| {
            let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
            let payload = Payload { msg: text.as_bytes(), aad: document.as_str().as_bytes() };
            let sealed = self.0.encrypt(&nonce, payload).ok()?;
            let mut out = SEALED.to_owned();
            nonce.iter().chain(&sealed).for_each(|byte| {
                // Writing to a string cannot fail.
                let _ = write!(out, "{byte:02x}");
            });
            Some(out)
        })
        .ok_or_else(|| StoreError::Corrupt(format!("a secret of {document} that cannot be encrypted")))
    }

    /// The reverse of [`Self::seal`].
    pub(super) fn open(&self, schema: &[Property], document: &Key, properties: Members) -> Result<Members, StoreError> {
        let opened = self.replace_secrets(schema, &properties, |text| {
            let bytes = from_hex(text.strip_prefix(SEALED)?)?;
            let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
            let payload = Payload { msg: sealed, aad: document.as_str().as_bytes() };
            String::from_utf8(self.0.decrypt(XNonce::from_slice(nonce), payload).ok()?).ok()
        });
        let wrong = || StoreError::Corrupt(format!("a secret of {document} that the key file does not open"));
        Ok(opened.ok_or_else(wrong)?.into_owned())
    }

    fn replace_secrets<'a>(
        &self,
        schema: &[Property],
        properties: &'a Members,
        replace: impl Fn(&str) -> Option<String>,
    ) -> Option<Cow<'a, Members>> {
        let mut out = Cow::Borrowed(properties);
        for property in schema.iter().filter(|property| property.access == Access::Secret) {
            if let Some(text) = properties.get(property.name).and_then(Value::as_str) {
                out.to_mut().insert(property.name.to_owned(), Value::String(replace(text)?));
            }
        }
        Some(out)
    }
}

fn read_or_make(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    match fs::read(path) {
        Ok(key) => key.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not 32 bytes long")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key: [u8; KEY_BYTES] = XChaCha20Poly1305::generate_key(&mut OsRng).into();
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path)?;
            file.write_all(&key)?;
            file.sync_all()?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(pair).collect())?
}

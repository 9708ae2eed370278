//! An append-only file of records that survives `kill -9`, power loss and a full disk.
//!
//! A record is one header line, the payload, and a line feed. The header has a fixed width: length in eight hexadecimal
//! digits, a blank, the payload's [`ContentHash`]. What was not written to its end cannot carry the right hash, so
//! opening a journal finds its longest whole prefix and cuts the rest. An operator can read the file with `less`.

use policy::goal_state::ContentHash;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// `LLLLLLLL HHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHH\n`
const HEADER: usize = 8 + 1 + 32 + 1;

/// An open journal. Only whole, synced records count; `len` is where they end.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    len: u64,
    /// A write or sync failed: the kernel may have dropped what it could not write, so the file has to be written anew.
    suspect: bool,
}

/// What [`Journal::open`] found.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Ready for appending.
    pub journal: Journal,
    /// Payloads, oldest first.
    pub records: Vec<Vec<u8>>,
    /// Bytes after the last whole record, now cut off.
    pub cut: u64,
}

impl Journal {
    /// Opens the journal at `path`, or makes an empty one, and cuts a torn tail.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn open(path: PathBuf) -> io::Result<Opened> {
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(mut file) => file.read_to_end(&mut bytes).map(drop)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => replace(&path, &[]).map(drop)?,
            Err(error) => return Err(error),
        }
        let (records, whole) = whole_records(&bytes);
        let cut = (bytes.len() - whole) as u64;
        let file = OpenOptions::new().write(true).open(&path)?;
        let journal = Self { file, path, len: whole as u64, suspect: false };
        if cut > 0 {
            journal.file.set_len(journal.len)?;
            journal.file.sync_all()?;
        }
        Ok(Opened { journal, records, cut })
    }

    /// Size of the file in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether an earlier failure left the file in doubt. [`Self::rewrite`] clears it; until then nothing is appended.
    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect
    }

    /// Adds one record. When this returns `Ok`, the record is on disk; otherwise it is as if it had never been tried.
    ///
    /// # Errors
    /// Those of the file system, for example a full disk. The journal is suspect afterwards.
    pub(crate) fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        self.append_all(&[payload])
    }

    /// Adds records with one sync: all of them, or none.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub(crate) fn append_all(&mut self, payloads: &[impl AsRef<[u8]>]) -> io::Result<()> {
        if self.suspect {
            return Err(io::Error::other("the journal has to be rewritten after an earlier failure"));
        }
        let records: io::Result<Vec<Vec<u8>>> = payloads.iter().map(|payload| record(payload.as_ref())).collect();
        let records = records?.concat();
        let written = self.file.write_all_at(&records, self.len).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.len += records.len() as u64,
            Err(_) => {
                self.suspect = true;
                // Best effort: if this fails as well, the torn record is cut when the file is opened again.
                self.file.set_len(self.len).ok();
            }
        }
        written
    }

    /// Puts `records` in the place of everything, by writing a new file and renaming it.
    ///
    /// # Errors
    /// Those of the file system; the old file is still in place then.
    pub(crate) fn rewrite(&mut self, records: &[&[u8]]) -> io::Result<()> {
        self.suspect = true;
        (self.file, self.len) = replace(&self.path, records)?;
        self.suspect = false;
        Ok(())
    }
}

/// Header, payload, line feed.
fn record(payload: &[u8]) -> io::Result<Vec<u8>> {
    let len = u32::try_from(payload.len()).map_err(|_| io::Error::other("a record is limited to 4 GiB"))?;
    let mut record = Vec::with_capacity(HEADER + payload.len() + 1);
    writeln!(record, "{len:08x} {}", ContentHash::of(payload))?;
    record.extend_from_slice(payload);
    record.push(b'\n');
    Ok(record)
}

/// Payloads of the longest prefix of `bytes` that consists of whole records, and its length.
fn whole_records(bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let mut records = Vec::new();
    let mut at = 0;
    while let Some(payload) = first_record(&bytes[at..]) {
        records.push(payload.to_vec());
        at += HEADER + payload.len() + 1;
    }
    (records, at)
}

fn first_record(bytes: &[u8]) -> Option<&[u8]> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let (len, hash) = std::str::from_utf8(header).ok()?.strip_suffix('\n')?.split_once(' ')?;
    let (payload, rest) = rest.split_at_checked(usize::from_str_radix(len, 16).ok()?)?;
    let whole = rest.first() == Some(&b'\n') && ContentHash::of(payload).to_string() == hash;
    whole.then_some(payload)
}

/// Makes `path` hold exactly `records`, or leaves it as it was. Returns the file and its size in bytes.
fn replace(path: &Path, records: &[&[u8]]) -> io::Result<(File, u64)> {
    let new = path.with_extension("new");
    let written = write_new(&new, records).and_then(|written| fs::rename(&new, path).map(|()| written));
    if written.is_err() {
        fs::remove_file(&new).ok();
    }
    let written = written?;
    // Without this the rename itself may be lost.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(written)
}

fn write_new(path: &Path, records: &[&[u8]]) -> io::Result<(File, u64)> {
    let mut file = File::create(path)?;
    let mut len = 0;
    for payload in records {
        let record = record(payload)?;
        file.write_all(&record)?;
        len += record.len() as u64;
    }
    file.sync_all()?;
    Ok((file, len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn journal_of(folder: &Path, records: &[Vec<u8>]) -> PathBuf {
        let path = folder.join("test.journal");
        let mut journal = Journal::open(path.clone()).unwrap().journal;
        for record in records {
            journal.append(record).unwrap();
        }
        path
    }

    #[test]
    fn records_come_back_in_order_after_appending_and_after_rewriting() {
        let folder = tempfile::tempdir().unwrap();
        let path = journal_of(folder.path(), &[b"one".to_vec(), vec![], b"three\n".to_vec()]);
        let Opened { mut journal, records, cut } = Journal::open(path.clone()).unwrap();
        assert_eq!((records, cut), (vec![b"one".to_vec(), vec![], b"three\n".to_vec()], 0));

        journal.rewrite(&[b"all"]).unwrap();
        journal.append(b"more").unwrap();
        assert_eq!(journal.len(), fs::metadata(&path).unwrap().len());
        assert_eq!(Journal::open(path).unwrap().records, [b"all".to_vec(), b"more".to_vec()]);
    }

    #[test]
    fn a_full_disk_refuses_the_record_and_keeps_the_old_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = journal_of(folder.path(), &[b"kept".to_vec()]);
        let mut journal = Journal::open(path.clone()).unwrap().journal;
        // The device that is always full stands in for the file.
        let good = std::mem::replace(&mut journal.file, OpenOptions::new().write(true).open("/dev/full").unwrap());
        assert_eq!(journal.append(b"lost").unwrap_err().kind(), io::ErrorKind::StorageFull);
        journal.file = good;
        assert!(journal.append(b"too early").is_err(), "a suspect journal takes nothing");
        journal.rewrite(&[b"kept"]).unwrap();
        journal.append(b"again").unwrap();
        assert_eq!(Journal::open(path).unwrap().records, [b"kept".to_vec(), b"again".to_vec()]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_prefix_of_the_file_holds_a_prefix_of_the_records(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = journal_of(folder.path(), &records);
            let len = fs::metadata(&path).unwrap().len();
            let kept = cut.index(usize::try_from(len).unwrap() + 1) as u64;
            OpenOptions::new().write(true).open(&path).unwrap().set_len(kept).unwrap();

            let opened = Journal::open(path.clone()).unwrap();
            prop_assert!(records.starts_with(&opened.records));
            prop_assert_eq!(opened.journal.len() + opened.cut, kept);
            prop_assert_eq!(fs::metadata(&path).unwrap().len(), opened.journal.len());
            prop_assert!(kept < len || opened.records == records);
        }

        #[test]
        fn a_flipped_bit_never_shows_up_in_a_record(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..6),
            place in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = journal_of(folder.path(), &records);
            let mut bytes = fs::read(&path).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            fs::write(&path, bytes).unwrap();
            let kept = Journal::open(path).unwrap().records;
            prop_assert!(records.starts_with(&kept));
        }
    }
}

//! The model file: one envelope for every kind of fitted model.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `KEEPWELL` |
//! | 4 | format version, little-endian |
//! | 16 | kind of model, padded with zeros |
//! | 8 | length of the payload |
//! | 4 | CRC-32 of kind and payload |
//! | … | payload: postcard of the fitted model, its schema or features within |
//!
//! Numbers are stored bit by bit, so a model scores the same before and after, in Rust and in Python.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{GradientTreesClassifier, GradientTreesRegressor, LogisticClassifier};
use crate::error::{Error, ErrorKind, Result};

const MAGIC: &[u8; 8] = b"KEEPWELL";
const VERSION: u32 = 2;
const KIND_LENGTH: usize = 16;
const HEADER_LENGTH: usize = 8 + 4 + KIND_LENGTH + 8 + 4;

/// A fitted model that can be written to one file and read back.
pub trait ModelFile: Serialize + DeserializeOwned {
    /// The kind of model as the file names it, at most 16 ASCII bytes. Never changes once released.
    const KIND: &'static str;

    /// The model as the bytes of a model file.
    fn to_bytes(&self) -> Vec<u8> {
        let payload =
            postcard::to_allocvec(self).expect("a fitted model holds nothing that postcard refuses");
        let kind = padded(Self::KIND);
        let mut bytes = Vec::with_capacity(HEADER_LENGTH + payload.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&kind);
        bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&checksum(&kind, &payload).to_le_bytes());
        bytes.extend_from_slice(&payload);
        bytes
    }

    /// Reads a model from the bytes of a model file.
    ///
    /// # Errors
    /// Not a model file, another format version, another kind of model, cut off, or changed since it was written.
    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        read("bytes", bytes)
    }

    /// Writes the model file: beside its place first, then moved, so that a reader never sees half a file, whoever
    /// else writes it at the same time.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let beside = beside(path);
        let moved = std::fs::write(&beside, self.to_bytes()).and_then(|()| std::fs::rename(&beside, path));
        moved.map_err(|source| {
            // It failed: leave nothing behind; the first error is the one to tell.
            let _ = std::fs::remove_file(&beside);
            io_error(path, source)
        })
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes), and what the operating system says, with the path.
    fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| io_error(path, source))?;
        read(&format!("`{}`", path.display()), &bytes)
    }
}

impl ModelFile for GradientTreesClassifier {
    const KIND: &'static str = "gradient trees";
}

impl ModelFile for GradientTreesRegressor {
    const KIND: &'static str = "tree regressor";
}

impl ModelFile for LogisticClassifier {
    const KIND: &'static str = "logistic";
}

/// A place beside the file that no other thread or process writes to.
fn beside(path: &Path) -> PathBuf {
    static SAVES: AtomicU64 = AtomicU64::new(0);
    let save = SAVES.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{}.{}.{save}", file_name(path), std::process::id()))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
}

fn io_error(path: &Path, source: std::io::Error) -> Error {
    ErrorKind::Io { path: path.display().to_string(), source }.into()
}

fn padded(kind: &str) -> [u8; KIND_LENGTH] {
    let mut bytes = [0; KIND_LENGTH];
    bytes[..kind.len()].copy_from_slice(kind.as_bytes());
    bytes
}

fn checksum(kind: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(kind);
    hasher.update(payload);
    hasher.finalize()
}

fn read<M: ModelFile>(what: &str, bytes: &[u8]) -> Result<M> {
    payload_of(bytes, M::KIND)
        .and_then(|payload| decode(payload))
        .map_err(|problem| ErrorKind::ModelFile { what: what.to_owned(), problem }.into())
}

/// The payload of a whole, unharmed file of the kind asked for.
fn payload_of<'a>(bytes: &'a [u8], kind: &str) -> std::result::Result<&'a [u8], String> {
    if !bytes.starts_with(&MAGIC[..bytes.len().min(8)]) || bytes.is_empty() {
        return Err("not a keepwell model; expected a file written by `save`".into());
    }
    let (header, payload) = bytes.split_at_checked(HEADER_LENGTH).ok_or_else(|| {
        format!("cut off after {} bytes, its header alone has {HEADER_LENGTH}; copy it again", bytes.len())
    })?;
    let (version, rest) = header[8..].split_at(4);
    let (found_kind, rest) = rest.split_at(KIND_LENGTH);
    let (length, sum) = rest.split_at(8);
    check_version(u32::from_le_bytes(array(version)))?;
    check_length(u64::from_le_bytes(array(length)), payload.len() as u64)?;
    if checksum(found_kind, payload) != u32::from_le_bytes(array(sum)) {
        return Err("its checksum does not match: the file was changed or damaged; copy it again".into());
    }
    check_kind(found_kind, kind)?;
    Ok(payload)
}

fn check_version(version: u32) -> std::result::Result<(), String> {
    if version == VERSION {
        return Ok(());
    }
    Err(format!(
        "format version {version} is unknown, this keepwell reads version {VERSION}; update keepwell or save the model anew"
    ))
}

fn check_length(expected: u64, found: u64) -> std::result::Result<(), String> {
    match found.cmp(&expected) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => {
            Err(format!("cut off: {found} of {expected} payload bytes are there; copy it again"))
        }
        std::cmp::Ordering::Greater => {
            Err(format!("{} bytes too long after its payload; copy it again", found - expected))
        }
    }
}

fn check_kind(found: &[u8], expected: &str) -> std::result::Result<(), String> {
    if found == padded(expected) {
        return Ok(());
    }
    let found = String::from_utf8_lossy(found);
    Err(format!("holds another kind of model ({}), expected {expected}", found.trim_end_matches('\0')))
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|at| bytes[at])
}

fn decode<M: DeserializeOwned>(payload: &[u8]) -> std::result::Result<M, String> {
    match postcard::take_from_bytes(payload) {
        Ok((model, [])) => Ok(model),
        _ => Err("its payload does not decode although its checksum matches; save the model anew".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        weights: Vec<f64>,
    }

    impl ModelFile for Sample {
        const KIND: &'static str = "sample";
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Other(u8);

    impl ModelFile for Other {
        const KIND: &'static str = "other";
    }

    fn sample() -> Sample {
        Sample { weights: vec![0.1, -0.0, f64::MIN_POSITIVE, 1e300] }
    }

    fn refusal<M: ModelFile + std::fmt::Debug>(bytes: &[u8]) -> String {
        M::from_bytes(bytes).unwrap_err().to_string()
    }

    #[test]
    fn numbers_come_back_bit_by_bit() {
        let back = Sample::from_bytes(&sample().to_bytes()).unwrap();
        let bits = |sample: &Sample| sample.weights.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(&sample()));
    }

    #[test]
    fn threads_that_save_to_one_place_leave_a_whole_file() {
        let folder = std::env::temp_dir().join(format!("keepwell-save-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("model.keepwell");
        let large = Sample { weights: vec![0.5; 20_000] };
        large.save(&path).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| large.save(&path).unwrap()));
                scope.spawn(|| (0..50).for_each(|_| assert_eq!(Sample::load(&path).unwrap(), large)));
            }
        });
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let whole = sample().to_bytes();
        let mut newer = whole.clone();
        newer[8] = 9;
        let mut harmed = whole.clone();
        *harmed.last_mut().unwrap() ^= 1;
        let mut longer = whole.clone();
        longer.push(0);
        let cases = [
            (refusal::<Sample>(b""), "not a keepwell model; expected a file written by `save`"),
            (refusal::<Sample>(b"PK\x03\x04"), "not a keepwell model; expected a file written by `save`"),
            (
                refusal::<Sample>(&whole[..20]),
                "cut off after 20 bytes, its header alone has 40; copy it again",
            ),
            (refusal::<Sample>(&whole[..50]), "cut off: 10 of 33 payload bytes are there; copy it again"),
            (refusal::<Sample>(&longer), "1 bytes too long after its payload; copy it again"),
            (
                refusal::<Sample>(&newer),
                "format version 9 is unknown, this keepwell reads version 2; update keepwell or save the model anew",
            ),
            (
                refusal::<Sample>(&harmed),
                "its checksum does not match: the file was changed or damaged; copy it again",
            ),
            (refusal::<Other>(&whole), "holds another kind of model (sample), expected other"),
        ];
        for (found, problem) in cases {
            assert_eq!(found, format!("model file bytes: {problem}"));
        }
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_refused() {
        let whole = sample().to_bytes();
        for end in 0..whole.len() {
            assert!(Sample::from_bytes(&whole[..end]).is_err(), "cut at {end}");
        }
        for at in 0..whole.len() {
            let mut harmed = whole.clone();
            harmed[at] ^= 0x55;
            assert!(Sample::from_bytes(&harmed).is_err(), "flipped at {at}");
        }
    }
}

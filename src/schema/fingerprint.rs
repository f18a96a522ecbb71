//! What a model depends on in a schema, as one short number to compare by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Schema, Signal};
use crate::error::{Error, ErrorKind};

/// The 256-bit BLAKE3 hash of what a model depends on in a schema.
///
/// Two schemas with the same fingerprint read the same table into the same inputs. Shown as its first twelve
/// hexadecimal digits; [`hex`](Self::hex) has all 64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// All 64 hexadecimal digits; reads back with `parse`.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.hex()[..12])
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    fn from_str(hex: &str) -> Result<Self, Error> {
        let hash = blake3::Hash::from_hex(hex).map_err(|_| {
            ErrorKind::Schema(format!("`{hex}` is no fingerprint; expected 64 hexadecimal digits"))
        })?;
        Ok(Fingerprint(*hash.as_bytes()))
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.hex()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = Error;

    fn try_from(hex: String) -> Result<Self, Error> {
        hex.parse()
    }
}

impl Schema {
    /// What a model depends on, as one number: the labels, `as_of`, the segment keys, and of each signal its name,
    /// column, dimension, kind, direction and missing meaning.
    ///
    /// The order of the signals and of the segment keys does not matter; nor do titles, units, sentences,
    /// movability, the id, the value and what was set aside.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        let mut put = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        put("keepwell schema 1");
        for column in [&self.labels.churn, &self.labels.expansion, &self.as_of] {
            put(column.as_deref().unwrap_or(""));
        }
        sorted(&self.segments, String::as_str).into_iter().for_each(|segment| put(segment));
        put("signals");
        for signal in sorted(&self.signals, |signal| &signal.name) {
            what_matters(signal).into_iter().for_each(&mut put);
        }
        Fingerprint(*hasher.finalize().as_bytes())
    }
}

fn what_matters(signal: &Signal) -> [&str; 6] {
    [
        &signal.name,
        signal.source(),
        signal.dimension.name(),
        signal.kind.name(),
        signal.direction.name(),
        signal.missing.name(),
    ]
}

fn sorted<T>(items: &[T], name: impl Fn(&T) -> &str) -> Vec<&T> {
    let mut items: Vec<&T> = items.iter().collect();
    items.sort_by(|a, b| name(a).cmp(name(b)));
    items
}

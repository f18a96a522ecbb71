//! Why a score is what it is: contributions by signal and dimension, and in sentences.

use crate::schema::Dimension;

/// One signal's part in one account's score, told as association, never as cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// Position of the signal in the schema.
    pub signal: usize,
    /// The signal's name.
    pub name: String,
    /// Its dimension.
    pub dimension: Dimension,
    /// The account's value as shown: "31 %", "unknown".
    pub value: String,
    /// What is usual, as shown: "64 %".
    pub usual: String,
    /// What it adds to the log-odds of the outcome.
    pub contribution: f64,
    /// "seat utilisation 31 %, usual 64 %: raises churn risk".
    pub sentence: String,
}

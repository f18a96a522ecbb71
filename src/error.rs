//! One error type for the whole crate: a boxed [`ErrorKind`], so that `Result<T>` stays one word wide.
//!
//! Every message names the column, row or value it is about, what was expected, and what to do.

use std::fmt;

/// The result of everything in keepwell that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. Match on [`Error::kind`]; print it for a person.
#[derive(Debug)]
pub struct Error(Box<ErrorKind>);

impl Error {
    /// What went wrong, to match on.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.0)
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Error(Box::new(kind))
    }
}

impl From<linfa::Error> for Error {
    fn from(error: linfa::Error) -> Self {
        ErrorKind::Linfa(error.to_string()).into()
    }
}

/// The kinds of [`Error`]. More may come: match with a wildcard arm.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ErrorKind {
    /// A parameter is outside its range.
    #[error("`{name}` is {value}, expected {expected}")]
    Parameter {
        /// The parameter's name, as its setter is called.
        name: &'static str,
        /// The value given.
        value: String,
        /// Its range in words.
        expected: &'static str,
    },
    /// A column that is needed is not in the table.
    #[error("column `{column}` ({role}) is not in the table; its columns are: {found}")]
    MissingColumn {
        /// The column's name.
        column: String,
        /// What it is needed for: "churn label", "signal of the schema", …
        role: String,
        /// The columns that are there.
        found: String,
    },
    /// A cell does not hold what its column should.
    #[error("column `{column}`, row {row}: found `{value}`, expected {expected}")]
    Value {
        /// The column's name.
        column: String,
        /// Data row, 1 for the first row after the header.
        row: usize,
        /// The text or value found.
        value: String,
        /// What was expected, and what to do.
        expected: String,
    },
    /// A whole column has the wrong type.
    #[error("column `{column}` is {found}, expected {expected}")]
    ColumnType {
        /// The column's name.
        column: String,
        /// The type found.
        found: String,
        /// What was expected, and what to do.
        expected: String,
    },
    /// Two rows have the same account id.
    #[error("account `{id}` is in rows {first} and {second} of column `{column}`; {hint}")]
    DuplicateId {
        /// The id column's name.
        column: String,
        /// The id that stands twice.
        id: String,
        /// Data row of the first, 1-based.
        first: usize,
        /// Data row of the second, 1-based.
        second: usize,
        /// What to do.
        hint: &'static str,
    },
    /// There are no rows, or none that can be used.
    #[error("{what} has no rows; {hint}")]
    NoRows {
        /// Which table or part.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// A label has one class only.
    #[error("label `{label}` is {class} in all {n_rows} rows; a model needs rows of both classes")]
    OneClass {
        /// The label's name.
        label: String,
        /// The only class there is: "true" or "false".
        class: &'static str,
        /// Labelled rows.
        n_rows: usize,
    },
    /// A label is not there at all.
    #[error("no label to learn from: {hint}")]
    NoLabel {
        /// What was looked for, and what to do.
        hint: String,
    },
    /// Lengths or counts do not fit together.
    #[error("{what}: found {found}, expected {expected}")]
    Shape {
        /// What was counted.
        what: String,
        /// The count found.
        found: usize,
        /// The count expected.
        expected: usize,
    },
    /// There is less of something than is needed.
    #[error("{what}: found {found}, expected at least {needed}")]
    TooFew {
        /// What was counted, and for what.
        what: String,
        /// The count found.
        found: usize,
        /// The least that will do.
        needed: usize,
    },
    /// A number that has to be finite is not, or is outside what it can be.
    #[error("{what}, row {row}: found {value}, expected {expected}")]
    Number {
        /// Which array.
        what: String,
        /// Row, 1-based.
        row: usize,
        /// The number found.
        value: f64,
        /// What was expected.
        expected: &'static str,
    },
    /// A schema does not hold together.
    #[error("schema: {0}")]
    Schema(String),
    /// A playbook does not hold together.
    #[error("playbook: {0}")]
    Playbook(String),
    /// A CSV file is not well formed.
    #[error("{what}, line {line}: {problem}")]
    Csv {
        /// File or source.
        what: String,
        /// Line in the file, 1-based.
        line: u64,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A model file cannot be read.
    #[error("model file {what}: {problem}")]
    ModelFile {
        /// Path or source.
        what: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The records do not hold together.
    #[error("records: {0}")]
    Records(String),
    /// Training was cancelled by its progress callback.
    #[error("training was cancelled by its progress callback")]
    Cancelled,
    /// linfa, or a trainer of its family, refused.
    #[error("linfa: {0}")]
    Linfa(String),
    /// A file cannot be opened, read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The operating system's word.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_of_nothing_is_one_word() {
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn kind_and_text_are_there() {
        let error = Error::from(ErrorKind::Parameter {
            name: "learning_rate",
            value: "2".into(),
            expected: "above 0 and at most 1",
        });
        assert!(matches!(error.kind(), ErrorKind::Parameter { name: "learning_rate", .. }));
        assert_eq!(error.to_string(), "`learning_rate` is 2, expected above 0 and at most 1");
    }
}

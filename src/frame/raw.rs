//! A table as it stands in a file: named columns of text, from which a schema is inferred and a frame is read.

use super::cell::Cell;

/// Named columns of text, as they stand in a CSV file: `n` rows × `d` columns.
///
/// It lets a schema be inferred and a frame be read in one pass over the file:
///
/// ```
/// use keepwell::frame::{Frame, InferOptions, RawTable};
/// use keepwell::schema::Schema;
///
/// let csv = "account_id,plan,seats,churned\nA,pro,5,yes\nB,free,1,no\nC,pro,,no\nD,free,2,yes\n";
/// let raw = RawTable::from_csv_reader(csv.as_bytes())?;
/// let schema = Schema::infer(&raw, &InferOptions::new())?;
/// let frame = Frame::from_raw(&raw, &schema)?;
/// assert_eq!(frame.ids(), ["A", "B", "C", "D"]);
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RawTable {
    pub(super) what: String,
    /// Every column of the file, also those passed over when it was read: errors list them.
    pub(super) header: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<RawColumn>,
    pub(super) n_rows: usize,
}

impl RawTable {
    /// Number of rows, `n`, without the header.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The columns' names, `d` of them, without outer blanks. One without a name is `unnamed_` and its place from 1.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The text of a cell as it stands in the file, `None` outside the table. `row` and `column` count from 0.
    pub fn text(&self, row: usize, column: usize) -> Option<&str> {
        let column = self.columns.get(column)?;
        (row < self.n_rows).then(|| column.text(row))
    }
}

/// The texts of one column, one behind the other: no allocation a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RawColumn {
    texts: String,
    ends: Vec<usize>,
}

impl RawColumn {
    pub(super) fn push(&mut self, text: &str) {
        self.texts.push_str(text);
        self.ends.push(self.texts.len());
    }

    pub(super) fn cell(&self, row: usize) -> Cell<'_> {
        Cell::of_text(self.text(row))
    }

    fn text(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.texts[start..self.ends[row]]
    }
}

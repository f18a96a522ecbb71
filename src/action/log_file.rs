//! The log of assignments as a table, as CSV and as Arrow.
//!
//! Columns: `account_id`, `planned`, `assigned` (both empty for nothing), `probability`; and, where they are known,
//! `day`, `done` (`none` for nothing, empty for not known) and one `chance:` column for each thing that anybody could
//! have been assigned (`chance:none` for nothing; empty is 0).

use std::io::{Read, Write};

use jiff::civil::Date;

use super::assignment::{Assignment, AssignmentLog, fault};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Categories, Column, Table};

const WHAT: &str = "assignment log";
const NEEDED: [&str; 4] = ["account_id", "planned", "assigned", "probability"];
const CHANCE: &str = "chance:";
const NOTHING: &str = "none";

impl AssignmentLog {
    /// Writes the log as CSV, which [`read_csv`](Self::read_csv) reads back the same.
    ///
    /// # Errors
    /// Whatever the writer refuses.
    pub fn write_csv(&self, writer: impl Write) -> Result<()> {
        let mut csv = csv::Writer::from_writer(writer);
        let columns = self.columns();
        csv.write_record(columns.iter().map(|(name, _)| name)).map_err(unwritten)?;
        for row in 0..self.assignments.len() {
            let cell = |(_, cells): &(String, Vec<Option<String>>)| cells[row].clone().unwrap_or_default();
            csv.write_record(columns.iter().map(cell)).map_err(unwritten)?;
        }
        csv.flush().map_err(|source| ErrorKind::Io { path: WHAT.into(), source }.into())
    }

    /// Reads a log from CSV.
    ///
    /// # Errors
    /// A column that is needed and not there; a probability that is none, or 0; chances that do not sum to 1; a day that
    /// is none; an account that stands twice.
    pub fn read_csv(reader: impl Read) -> Result<Self> {
        let mut csv = csv::Reader::from_reader(reader);
        let names: Vec<String> =
            csv.headers().map_err(|error| at_line(1, error))?.iter().map(str::to_owned).collect();
        let mut log = AssignmentLog::default();
        for record in csv.records() {
            let record = record.map_err(|error| at_line(0, error))?;
            let line = record.position().map_or(0, csv::Position::line);
            let text = |at: usize| record.get(at).filter(|text| !text.is_empty()).map(str::to_owned);
            log.assignments.push(read(&names, text).map_err(|problem| at_line(line, problem))?);
        }
        check_names(&names).map_err(|problem| at_line(1, problem))?;
        AssignmentLog::new(log.assignments)
    }

    /// The log as a table, which [`from_table`](Self::from_table) reads back the same.
    ///
    /// # Errors
    /// None that is known.
    pub fn to_table(&self) -> Result<Table> {
        let column = |(name, cells): (String, Vec<Option<String>>)| {
            let number = |cell: &Option<String>| {
                cell.as_ref().map_or(f64::NAN, |text| text.parse().unwrap_or(f64::NAN))
            };
            let column = if name == "probability" || name.starts_with(CHANCE) {
                Column::Number(cells.iter().map(number).collect())
            } else {
                Column::Category(Categories::from_texts(cells.iter().map(Option::as_deref)))
            };
            (name, column)
        };
        Table::new(self.assignments.len(), self.columns().into_iter().map(column))
    }

    /// Reads a log from a table, as [`read_csv`](Self::read_csv); other columns are passed over.
    ///
    /// # Errors
    /// As [`read_csv`](Self::read_csv).
    pub fn from_table(table: &Table) -> Result<Self> {
        let refuse = |row: usize, problem: String| -> Error {
            ErrorKind::Records(format!("{WHAT}, row {}: {problem}", row + 1)).into()
        };
        check_names(table.names()).map_err(|problem| ErrorKind::Records(format!("{WHAT}: {problem}")))?;
        let one = |row: usize| {
            let text = |at: usize| match &table.columns()[at] {
                Column::Number(values) => (!values[row].is_nan()).then(|| values[row].to_string()),
                Column::Category(categories) => categories.text(row).map(str::to_owned),
            };
            read(table.names(), text).map_err(|problem| refuse(row, problem))
        };
        AssignmentLog::new((0..table.n_rows()).map(one).collect::<Result<_>>()?)
    }

    /// The log as one record batch, as [`to_table`](Self::to_table).
    ///
    /// # Errors
    /// None that is known.
    #[cfg(feature = "arrow")]
    pub fn to_arrow(&self) -> Result<arrow_array::RecordBatch> {
        self.to_table()?.to_arrow()
    }

    /// Reads a log from record batches, as [`from_table`](Self::from_table).
    ///
    /// # Errors
    /// As [`read_csv`](Self::read_csv), and columns of a type that no table has.
    #[cfg(feature = "arrow")]
    pub fn from_arrow(batches: &[arrow_array::RecordBatch]) -> Result<Self> {
        AssignmentLog::from_table(&Table::from_arrow(batches)?)
    }

    /// All columns with their cells.
    fn columns(&self) -> Vec<(String, Vec<Option<String>>)> {
        let all = |of: &dyn Fn(&Assignment) -> Option<String>| self.assignments.iter().map(of).collect();
        let mut columns: Vec<(String, Vec<Option<String>>)> = vec![
            ("account_id".into(), all(&|a| Some(a.id.clone()))),
            ("planned".into(), all(&|a| a.planned.clone())),
            ("assigned".into(), all(&|a| a.assigned.clone())),
            ("probability".into(), all(&|a| Some(a.probability.to_string()))),
        ];
        if self.assignments.iter().any(|assignment| assignment.day.is_some()) {
            columns.push(("day".into(), all(&|a| Some(a.day?.to_string()))));
        }
        if self.assignments.iter().any(|assignment| assignment.done.is_some()) {
            let done = |a: &Assignment| Some(a.done.as_ref()?.clone().unwrap_or(NOTHING.into()));
            columns.push(("done".into(), all(&done)));
        }
        for what in self.chosen_from() {
            let chance = |a: &Assignment| {
                let (_, chance) = a.chances.iter().find(|(other, _)| *other == what)?;
                Some(chance.to_string())
            };
            let name = what.as_deref().unwrap_or(NOTHING);
            columns.push((format!("{CHANCE}{name}"), all(&chance)));
        }
        columns
    }

    /// All that anybody could have been assigned, nothing first.
    fn chosen_from(&self) -> Vec<Option<String>> {
        let all = self.assignments.iter().flat_map(|assignment| assignment.chances.iter());
        let distinct: std::collections::BTreeSet<&Option<String>> = all.map(|(what, _)| what).collect();
        distinct.into_iter().cloned().collect()
    }
}

fn check_names(names: &[String]) -> std::result::Result<(), String> {
    match NEEDED.iter().find(|needed| !names.iter().any(|name| name == *needed)) {
        Some(missing) => Err(format!("it has no column `{missing}`; it needs {}", NEEDED.join(", "))),
        None => Ok(()),
    }
}

/// One assignment from its cells by the columns' names.
fn read(names: &[String], text: impl Fn(usize) -> Option<String>) -> std::result::Result<Assignment, String> {
    check_names(names)?;
    let cell = |name: &str| names.iter().position(|other| other == name).and_then(&text);
    let number = |name: &str, text: &str| {
        text.parse::<f64>().map_err(|_| format!("{name} is `{text}`, expected a number"))
    };
    let probability = number("probability", &cell("probability").unwrap_or_default())?;
    let date = |text: String| {
        text.parse::<Date>().map_err(|_| format!("day is `{text}`, expected a date as 2026-11-21"))
    };
    let named = |text: String| (text != NOTHING).then_some(text);
    let mut chances = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if let (Some(what), Some(text)) = (name.strip_prefix(CHANCE), text(at)) {
            chances.push((named(what.to_owned()), number(name, &text)?));
        }
    }
    let assignment = Assignment {
        id: cell("account_id").ok_or("an account id is missing")?,
        day: cell("day").map(date).transpose()?,
        planned: cell("planned"),
        assigned: cell("assigned"),
        probability,
        chances,
        done: cell("done").map(named),
    };
    match fault(&assignment) {
        Some((found, expected)) => Err(format!("probability is `{found}`, expected {expected}")),
        None => Ok(assignment),
    }
}

fn at_line(line: u64, problem: impl ToString) -> Error {
    ErrorKind::Csv { what: WHAT.into(), line, problem: problem.to_string() }.into()
}

fn unwritten(error: csv::Error) -> Error {
    let source = std::io::Error::other(error);
    ErrorKind::Io { path: WHAT.into(), source }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn log() -> AssignmentLog {
        let call = || Some("call".to_owned());
        let of = |id: &str, assigned: Option<String>| {
            let chances = vec![(None, 0.1), (call(), 0.2), (Some("mail, kind".to_owned()), 0.7)];
            Assignment::new(id.to_owned(), Some(date(2026, 5, 3)), call(), assigned, chances)
        };
        let mut all = vec![of("A,1", call()), of("B", None), of("C", Some("mail, kind".into()))];
        (all[0].done, all[1].done) = (Some(None), Some(call()));
        all.push(Assignment::new("D".into(), None, None, None, vec![(None, 1.0)]));
        AssignmentLog::new(all).unwrap()
    }

    #[test]
    fn a_log_is_read_as_it_was_written() {
        let mut file = Vec::new();
        log().write_csv(&mut file).unwrap();
        let header = b"account_id,planned,assigned,probability,day,done,chance:none,chance:call,\"chance:mail, kind\"\n";
        assert!(file.starts_with(header), "{}", String::from_utf8_lossy(&file));
        assert_eq!(AssignmentLog::read_csv(&file[..]).unwrap(), log());
        assert_eq!(AssignmentLog::from_table(&log().to_table().unwrap()).unwrap(), log());
        #[cfg(feature = "arrow")]
        assert_eq!(AssignmentLog::from_arrow(&[log().to_arrow().unwrap()]).unwrap(), log());
        let short = "account_id,planned,assigned,probability\nA,call,call,0.5\n";
        let short = AssignmentLog::read_csv(short.as_bytes()).unwrap();
        assert_eq!((short.assignments()[0].chances.len(), &short.assignments()[0].done), (0, &None));
    }

    #[test]
    fn bad_input_is_named() {
        let read = |rows: &str| {
            let text = format!("account_id,planned,assigned,probability,day,chance:call\n{rows}");
            AssignmentLog::read_csv(text.as_bytes()).unwrap_err().to_string()
        };
        let probability = |found: &str| {
            format!("assignment log, line 2: probability is `{found}`, expected above 0 and at most 1")
        };
        assert_eq!(read("A,call,call,0,,\n"), probability("0"));
        assert_eq!(read("A,call,call,1.5,,\n"), probability("1.5"));
        assert_eq!(
            read("A,call,call,x,,\n"),
            "assignment log, line 2: probability is `x`, expected a number"
        );
        assert_eq!(
            read("A,call,call,0.5,,0.5\n"),
            "assignment log, line 2: probability is `0.5`, expected chances that sum to 1"
        );
        assert_eq!(
            read("A,call,call,1,may,1\n"),
            "assignment log, line 2: day is `may`, expected a date as 2026-11-21"
        );
        assert!(read("A,,,1,,\nA,,,1,,\n").starts_with("account `A` is in rows 1 and 2"));
        let headless = AssignmentLog::read_csv("account_id,planned\n".as_bytes()).unwrap_err().to_string();
        assert_eq!(
            headless,
            "assignment log, line 1: it has no column `assigned`; it needs account_id, planned, assigned, probability"
        );
    }
}

//! Does the same account stand in several rows? Random folds then show a model the answers.

use std::collections::HashMap;

use super::super::{Column, MISSING_CODE, Table, infer};
use super::{Evidence, Leak, Z};

/// Rows that share a value with more than this many others are no account's.
const MAX_TWINS: usize = 100;
/// Share of the rows that must have twins for it to matter, and how many at least.
const MIN_SHARE: f64 = 0.02;
const MIN_ROWS: usize = 50;
/// Agreement beyond chance, as a share of what chance leaves open (Cohen's kappa).
const LIMIT: f64 = 0.5;
/// With fewer columns, equal rows need not be equal accounts.
const MIN_COLUMNS: usize = 10;
/// The name of a finding on whole rows.
const ALL_COLUMNS: &str = "(all columns)";

/// What is the same in two rows that are twins: the bits of a number or the code of a text.
type Key = u64;

/// Whole rows, and the column whose twins agree most, where they agree too well.
///
/// Columns that were found to know the label are left out: that equal values have equal labels is no news there.
pub(super) fn find(table: &Table, label: &[bool], name: &str, known: &[Leak]) -> Vec<Leak> {
    let leak = |column: &str, agreed: Agreement| Leak {
        column: column.to_owned(),
        label: name.to_owned(),
        evidence: Evidence::Twins {
            n_rows: agreed.n_rows,
            agreement: agreed.agreement,
            by_chance: agreed.by_chance,
        },
    };
    let columns = table.names().iter().zip(table.columns());
    let unknown = columns.filter(|(column, _)| known.iter().all(|leak| leak.column != **column));
    let whole = whole_rows(unknown.clone().map(|(_, values)| values), label);
    let found = unknown.filter_map(|(column, values)| Some((column, of_column(values, label)?)));
    let best = found.reduce(|best, next| if next.1.least() > best.1.least() { next } else { best });
    let whole = whole.map(|agreed| leak(ALL_COLUMNS, agreed));
    whole.into_iter().chain(best.map(|(column, agreed)| leak(column, agreed))).collect()
}

/// Ids by name that stand in several rows.
pub(super) fn repeated_ids(table: &Table, label: &str) -> Option<Leak> {
    let (column, values) =
        table.names().iter().zip(table.columns()).find(|(name, _)| infer::names_id(name))?;
    let groups = by_value(values);
    let n_rows = groups.values().filter(|rows| rows.len() > 1).map(Vec::len).sum();
    let evidence = Evidence::RepeatedId { n_ids: groups.len(), n_rows };
    (n_rows > 0).then(|| Leak { column: column.clone(), label: label.to_owned(), evidence })
}

fn key(values: &Column, row: usize) -> Key {
    match values {
        Column::Number(values) => (values[row] + 0.0).to_bits(),
        Column::Category(categories) => u64::from(categories.codes[row]),
    }
}

fn by_value(values: &Column) -> HashMap<Key, Vec<usize>> {
    let mut groups: HashMap<Key, Vec<usize>> = HashMap::new();
    let rows = (0..values.len()).filter(|&row| match values {
        Column::Number(values) => !values[row].is_nan(),
        Column::Category(categories) => categories.codes[row] != MISSING_CODE,
    });
    rows.for_each(|row| groups.entry(key(values, row)).or_default().push(row));
    groups
}

fn of_column(values: &Column, label: &[bool]) -> Option<Agreement> {
    let twins = Twins::of(by_value(values).values(), label);
    // Chance as it is among the twins: where rare values go with the label, twins agree for that alone.
    let rate = twins.n_true as f64 / twins.n_rows as f64;
    twins.agreement(rate, label.len())
}

fn whole_rows<'a>(columns: impl Iterator<Item = &'a Column>, label: &[bool]) -> Option<Agreement> {
    let columns: Vec<&Column> = columns.collect();
    if columns.len() < MIN_COLUMNS {
        return None;
    }
    let mut groups: HashMap<Vec<Key>, Vec<usize>> = HashMap::new();
    for row in 0..label.len() {
        groups.entry(columns.iter().map(|column| key(column, row)).collect()).or_default().push(row);
    }
    let twins = Twins::of(groups.values(), label);
    // Chance as it is in the whole table: copies made of true rows alone agree in all they have.
    let rate = label.iter().filter(|label| **label).count() as f64 / label.len() as f64;
    twins.agreement(rate, label.len())
}

/// Rows with twins, and how often they agree with them.
#[derive(Default)]
struct Twins {
    n_groups: usize,
    n_rows: usize,
    n_true: usize,
    /// Sum over the rows of the share of their twins that have the same label.
    agreeing: f64,
}

impl Twins {
    fn of<'a>(groups: impl Iterator<Item = &'a Vec<usize>>, label: &[bool]) -> Self {
        let mut twins = Twins::default();
        for rows in groups.filter(|rows| (2..=MAX_TWINS).contains(&rows.len())) {
            let (n, n_true) = (rows.len(), rows.iter().filter(|row| label[**row]).count());
            let n_false = n - n_true;
            let pairs = n_true * n_true.saturating_sub(1) + n_false * n_false.saturating_sub(1);
            twins.n_groups += 1;
            twins.n_rows += n;
            twins.n_true += n_true;
            twins.agreeing += pairs as f64 / (n - 1) as f64;
        }
        twins
    }

    fn agreement(&self, rate: f64, n_rows: usize) -> Option<Agreement> {
        let enough = self.n_rows >= MIN_ROWS && self.n_rows as f64 >= MIN_SHARE * n_rows as f64;
        let share_true = self.n_true as f64 / self.n_rows as f64;
        let agreed = Agreement {
            n_groups: self.n_groups,
            n_rows: self.n_rows,
            agreement: self.agreeing / self.n_rows as f64,
            by_chance: share_true * rate + (1.0 - share_true) * (1.0 - rate),
        };
        (enough && agreed.least() >= LIMIT).then_some(agreed)
    }
}

struct Agreement {
    n_groups: usize,
    n_rows: usize,
    agreement: f64,
    by_chance: f64,
}

impl Agreement {
    /// Agreement beyond chance, `Z` standard errors below; each group of twins counts as one observation.
    fn least(&self) -> f64 {
        let open = 1.0 - self.by_chance;
        if open <= 0.0 {
            return 0.0;
        }
        let error = (self.agreement * (1.0 - self.agreement) / self.n_groups as f64).sqrt();
        (self.agreement - self.by_chance - Z * error) / open
    }
}

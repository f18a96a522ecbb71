//! A first schema from a table, to be looked at and edited: kinds from the cells, labels and dimensions from the names.

use std::collections::HashSet;

use rayon::prelude::*;

use super::cell::Cell;
use super::raw::RawTable;
use super::read::{Cells, Source};
use super::{Table, words};
use crate::error::{ErrorKind, Result};
use crate::schema::{Kind, Schema, SetAside, Signal, Value};

/// A text with more distinct values than this is no category: the trees keep one bin a level.
const MAX_LEVELS: usize = 255;
/// So many levels are always let through, however few rows there are.
const FEW_LEVELS: usize = 12;
/// With fewer rows than this, numbers that count up by one may be chance.
const MIN_ROWS_OF_ROW_NUMBER: usize = 10;

const ID_NAMES: [&str; 8] = [
    "account_id",
    "customer_id",
    "client_id",
    "company_id",
    "subscriber_id",
    "subscription_id",
    "user_id",
    "id",
];
const AS_OF_NAMES: [&str; 3] = ["as_of", "as_of_date", "snapshot_date"];
const CHURN_NAMES: [&str; 7] =
    ["churned", "churn", "is_churned", "has_churned", "churn_flag", "is_churn", "churn_label"];
const EXPANSION_NAMES: [&str; 8] = [
    "expanded",
    "upsold",
    "expansion",
    "is_expanded",
    "has_expanded",
    "expansion_flag",
    "expansion_label",
    "upsell_flag",
];

/// Whether a column is called like an account id.
pub(super) fn names_id(column: &str) -> bool {
    ID_NAMES.contains(&words::of_name(column).join("_").as_str())
}

/// Whether a column is called like the date at which its row was known.
pub(super) fn names_as_of(column: &str) -> bool {
    AS_OF_NAMES.contains(&words::of_name(column).join("_").as_str())
}

/// What is known of a table before a schema is inferred from it. Everything has a default.
///
/// ```
/// use keepwell::frame::InferOptions;
///
/// let options = InferOptions::new()
///     .id("customer")
///     .expansion("upsold")
///     .set_aside("duration", "known only after the call");
/// ```
#[derive(Clone, Debug, Default)]
pub struct InferOptions {
    id: Option<String>,
    as_of: Option<String>,
    churn: Option<String>,
    expansion: Option<String>,
    value: Option<Value>,
    segments: Vec<String>,
    set_aside: Vec<SetAside>,
}

impl InferOptions {
    /// Nothing known.
    pub fn new() -> Self {
        InferOptions::default()
    }

    /// Column of the account id. Default: the first of `account_id`, `customer_id`, `client_id`, `company_id`,
    /// `subscriber_id`, `subscription_id`, `user_id`, `id` that is there and different in every row (with `as_of`:
    /// that is there); else none.
    pub fn id(mut self, column: impl Into<String>) -> Self {
        self.id = Some(column.into());
        self
    }

    /// Column of the date at which a row was known. Default: `as_of`, `as_of_date` or `snapshot_date` if it is there
    /// and holds dates.
    pub fn as_of(mut self, column: impl Into<String>) -> Self {
        self.as_of = Some(column.into());
        self
    }

    /// Column that is true where the account left. Default: `churned`, `churn`, `churn_flag` … if it is there and
    /// holds flags.
    pub fn churn(mut self, column: impl Into<String>) -> Self {
        self.churn = Some(column.into());
        self
    }

    /// Column that is true where the account grew. Default: `expanded`, `upsold`, `expansion` … if it is there and
    /// holds flags.
    pub fn expansion(mut self, column: impl Into<String>) -> Self {
        self.expansion = Some(column.into());
        self
    }

    /// The recurring value: a column's name (monthly, in EUR) or a [`Value`]. It stays a signal too.
    /// Default: none; it is never guessed.
    pub fn value(mut self, value: impl Into<Value>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Adds a segment key. It stays a signal too. Default: none.
    pub fn segment(mut self, column: impl Into<String>) -> Self {
        self.segments.push(column.into());
        self
    }

    /// Leaves a column out, with the reason that the schema will say.
    pub fn set_aside(mut self, column: impl Into<String>, reason: impl Into<String>) -> Self {
        self.set_aside.push(SetAside { column: column.into(), reason: reason.into() });
        self
    }
}

impl Schema {
    /// A first schema of a table, to be looked at and edited.
    ///
    /// Columns whose cells are all 0/1, true/false or yes/no become flags; numbers become numbers, or counts and
    /// shares where name and values say so (`tickets_open`, `active_share`); texts of at most 255 levels become
    /// categories, also codes with leading zeros; dates become date signals where there is `as_of`.
    /// Set aside, each with its reason: columns that are constant or empty, ids, row numbers, free text, dates
    /// without `as_of`, and columns named after the churn label. The dimension is told by words in the name, else it
    /// is profile. Direction, missing meaning and movability cannot be told from a table: they stay unknown and
    /// not movable.
    ///
    /// # Errors
    /// [`ErrorKind::MissingColumn`] for a column of the options that is not there, [`ErrorKind::NoRows`], and
    /// [`ErrorKind::Schema`] where a column is given two roles or none is left to be a signal.
    pub fn infer(raw: &RawTable, options: &InferOptions) -> Result<Self> {
        infer(&Source::of_raw(raw), options)
    }

    /// As [`infer`](Self::infer), from a typed table.
    ///
    /// # Errors
    /// As [`infer`](Self::infer).
    pub fn infer_from_table(table: &Table, options: &InferOptions) -> Result<Self> {
        infer(&Source::of_table(table), options)
    }
}

fn infer(source: &Source<'_>, options: &InferOptions) -> Result<Schema> {
    source.check_rows()?;
    check_options(source, options)?;
    let columns = Profiled::all(source);
    let mut schema = roles(&columns, options);
    let free: Vec<&Profiled> = columns.iter().filter(|column| !has_role(&schema, &column.name)).collect();
    for column in free {
        match column.verdict(&schema) {
            Ok(signal) => schema.signals.push(signal),
            Err(reason) => schema.set_aside.push(SetAside { column: column.name.clone(), reason }),
        }
    }
    check_signals_left(&schema)?;
    schema.check()?;
    Ok(schema)
}

fn check_options(source: &Source<'_>, options: &InferOptions) -> Result<()> {
    let value = options.value.as_ref().map(|value| &value.column);
    let single = [
        (options.id.as_ref(), "account id"),
        (options.as_of.as_ref(), "the date at which a row was known"),
        (options.churn.as_ref(), "churn label"),
        (options.expansion.as_ref(), "expansion label"),
        (value, "recurring value"),
    ];
    let single = single.into_iter().filter_map(|(column, role)| Some((column?, role)));
    let segments = options.segments.iter().map(|column| (column, "segment key"));
    let aside = options.set_aside.iter().map(|aside| (&aside.column, "to be set aside"));
    single.chain(segments).chain(aside).try_for_each(|(column, role)| source.get(column, role).map(drop))
}

fn check_signals_left(schema: &Schema) -> Result<()> {
    if !schema.signals.is_empty() {
        return Ok(());
    }
    let aside: Vec<String> =
        schema.set_aside.iter().map(|aside| format!("`{}` ({})", aside.column, aside.reason)).collect();
    Err(ErrorKind::Schema(format!("no column is left to be a signal; set aside: {}", aside.join(", ")))
        .into())
}

fn roles(columns: &[Profiled], options: &InferOptions) -> Schema {
    let given = [&options.id, &options.as_of, &options.churn, &options.expansion];
    let taken = |column: &Profiled| {
        given.into_iter().flatten().any(|name| *name == column.name)
            || options.set_aside.iter().any(|aside| aside.column == column.name)
    };
    let by_name = |names: &[&str], fits: &dyn Fn(&Profile) -> bool| {
        let named = |name: &&str| {
            columns
                .iter()
                .find(|column| column.words.join("_") == **name && fits(&column.profile) && !taken(column))
        };
        names.iter().find_map(named).map(|column| column.name.clone())
    };
    let as_of = options.as_of.clone().or_else(|| by_name(&AS_OF_NAMES, &Profile::is_as_of));
    let is_id = |profile: &Profile| profile.is_id(as_of.is_some());
    let mut schema = Schema::new();
    schema.id = options.id.clone().or_else(|| by_name(&ID_NAMES, &is_id));
    schema.labels.churn = options.churn.clone().or_else(|| by_name(&CHURN_NAMES, &Profile::is_label));
    schema.labels.expansion =
        options.expansion.clone().or_else(|| by_name(&EXPANSION_NAMES, &Profile::is_label));
    schema.as_of = as_of;
    schema.value = options.value.clone();
    schema.segments = options.segments.clone();
    schema.set_aside = options.set_aside.clone();
    schema
}

/// Whether a column is spoken for by a role that no signal can have beside it.
fn has_role(schema: &Schema, column: &str) -> bool {
    let single = [&schema.id, &schema.as_of, &schema.labels.churn, &schema.labels.expansion];
    single.into_iter().flatten().any(|name| name == column)
        || schema.set_aside.iter().any(|aside| aside.column == column)
}

struct Profiled {
    name: String,
    words: Vec<String>,
    profile: Profile,
}

impl Profiled {
    fn all(source: &Source<'_>) -> Vec<Self> {
        let columns = source.names.par_iter().zip(&source.columns);
        let profiled = |(name, cells): (&String, &Cells<'_>)| Profiled {
            name: name.clone(),
            words: words::of_name(name),
            profile: Profile::of(*cells, source.n_rows),
        };
        columns.map(profiled).collect()
    }

    /// The signal that the column becomes, or why it becomes none.
    fn verdict(&self, schema: &Schema) -> std::result::Result<Signal, String> {
        if let Some(reason) = self.reason_by_name() {
            return Err(reason.into());
        }
        let kind = self.profile.kind()?;
        if kind == Kind::Date && schema.as_of.is_none() {
            return Err("a date: name the `as_of` column to read it as days before then".into());
        }
        let mut signal = Signal::new(&self.name, words::dimension(&self.words), self.refined(kind));
        let title = self.words.join(" ");
        signal.title = (title != signal.title_text()).then_some(title);
        Ok(signal)
    }

    fn reason_by_name(&self) -> Option<&'static str> {
        let last = self.words.last().map_or("", String::as_str);
        match self.words.first().map(String::as_str) {
            Some("churn" | "churned") => {
                Some("named after the churn label: known only once it has happened?")
            }
            _ if matches!(last, "id" | "uuid" | "guid") => Some("named like an id"),
            _ => None,
        }
    }

    /// Counts and shares are told from other numbers by name, and only if all values fit.
    fn refined(&self, kind: Kind) -> Kind {
        let profile = &self.profile;
        let is_share = profile.min >= 0.0 && profile.max <= 1.0 && words::name_share(&self.words);
        let is_count = profile.min >= 0.0 && profile.all_whole && words::name_count(&self.words);
        match kind {
            Kind::Number if is_share => Kind::Share,
            Kind::Number if is_count => Kind::Count,
            kind => kind,
        }
    }
}

/// What the cells of a column have in common.
struct Profile {
    n_rows: usize,
    /// Cells that hold something, be it a word for nothing.
    n_known: usize,
    /// Of those, words that mean "nothing" unless the column is a text: NA, None.
    n_nothing: usize,
    n_numbers: usize,
    n_truths: usize,
    n_dates: usize,
    /// Dates as people write them: 2/24/2011.
    n_loose_dates: usize,
    /// Distinct values, counted up to `MAX_LEVELS` + 1 or as long as no value came twice.
    n_distinct: usize,
    all_distinct: bool,
    all_whole: bool,
    counts_up: bool,
    leading_zeros: bool,
    min: f64,
    max: f64,
    first_text: Option<(usize, String)>,
}

/// A value to tell apart.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Bits(u64),
    Text(&'a str),
}

impl Profile {
    fn of(cells: Cells<'_>, n_rows: usize) -> Self {
        let mut profile = Profile::empty(n_rows);
        let mut distinct = HashSet::new();
        let mut before = None;
        for row in 0..n_rows {
            let cell = cells.cell(row);
            profile.note_distinct(cell, &mut distinct);
            let number = profile.note(cell, row);
            profile.counts_up &=
                number.is_some() && (row == 0 || before.map(|value: f64| value + 1.0) == number);
            before = number;
        }
        profile.n_distinct = distinct.len();
        profile.all_distinct &= profile.n_known == n_rows;
        profile
    }

    fn empty(n_rows: usize) -> Self {
        Profile {
            n_rows,
            n_known: 0,
            n_nothing: 0,
            n_numbers: 0,
            n_truths: 0,
            n_dates: 0,
            n_loose_dates: 0,
            n_distinct: 0,
            all_distinct: true,
            all_whole: true,
            counts_up: true,
            leading_zeros: false,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            first_text: None,
        }
    }

    fn note_distinct<'a>(&mut self, cell: Cell<'a>, distinct: &mut HashSet<Key<'a>>) {
        if !self.all_distinct && distinct.len() > MAX_LEVELS {
            return;
        }
        let is_new = match cell {
            Cell::Missing => return,
            Cell::Number(value) => distinct.insert(Key::Bits(value.to_bits())),
            Cell::Text(text) => distinct.insert(Key::Text(text)),
        };
        self.all_distinct &= is_new;
    }

    /// Counts a cell in; gives back its number if it is one.
    fn note(&mut self, cell: Cell<'_>, row: usize) -> Option<f64> {
        if cell == Cell::Missing {
            return None;
        }
        self.n_known += 1;
        self.n_truths += usize::from(matches!(cell.truth(), Some(Some(_))));
        match number(cell) {
            Some(value) if value.is_nan() => {
                self.n_nothing += 1;
                None
            }
            Some(value) => {
                self.note_number(cell, value);
                Some(value)
            }
            None => {
                self.note_text(cell, row);
                None
            }
        }
    }

    fn note_number(&mut self, cell: Cell<'_>, value: f64) {
        self.n_numbers += 1;
        self.all_whole &= value.fract() == 0.0;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.leading_zeros |= matches!(cell, Cell::Text(text) if has_leading_zero(text));
    }

    fn note_text(&mut self, cell: Cell<'_>, row: usize) {
        self.n_dates += usize::from(matches!(cell.date(), Ok(Some(_))));
        self.n_loose_dates += usize::from(matches!(cell, Cell::Text(text) if is_loose_date(text)));
        self.first_text.get_or_insert_with(|| (row, cell.shown()));
    }

    /// Cells that say something if the column is no text.
    fn n_said(&self) -> usize {
        self.n_known - self.n_nothing
    }

    fn is_all(&self, n: usize) -> bool {
        n > 0 && n == self.n_said()
    }

    fn is_label(&self) -> bool {
        self.is_all(self.n_truths) && self.n_distinct > 1
    }

    fn is_as_of(&self) -> bool {
        self.n_dates == self.n_rows
    }

    fn is_id(&self, rows_repeat: bool) -> bool {
        self.n_known == self.n_rows && (self.all_distinct || rows_repeat)
    }

    /// What the cells are, or why they are no signal.
    fn kind(&self) -> std::result::Result<Kind, String> {
        if let Some(reason) = self.says_nothing() {
            return Err(reason);
        }
        let is_number = self.is_all(self.n_numbers) && !self.leading_zeros;
        match () {
            () if self.is_all(self.n_truths) => Ok(Kind::Flag),
            () if is_number && self.counts_up && self.n_rows >= MIN_ROWS_OF_ROW_NUMBER => {
                Err("counts up by one from row to row: a row number".into())
            }
            () if is_number => Ok(Kind::Number),
            () if self.is_all(self.n_dates) => Ok(Kind::Date),
            () if self.is_all(self.n_loose_dates) => Err(self.loose_date()),
            () if self.is_category() => Ok(Kind::Category),
            () => Err(self.no_category()),
        }
    }

    fn says_nothing(&self) -> Option<String> {
        match self.n_said() {
            0 if self.n_distinct < 2 => Some("empty in every row".into()),
            _ if self.n_distinct == 1 && self.n_known == self.n_rows => {
                Some("constant: the same in every row".into())
            }
            _ => None,
        }
    }

    fn is_category(&self) -> bool {
        let most = (self.n_known / 2).clamp(FEW_LEVELS, MAX_LEVELS);
        self.n_distinct <= most && !(self.all_distinct && self.n_rows > 1)
    }

    fn loose_date(&self) -> String {
        let written = self.first_text.as_ref().map_or("", |(_, text)| text);
        format!("dates written as `{written}`: write them as 2026-11-21")
    }

    fn no_category(&self) -> String {
        let Profile { n_numbers, n_rows, .. } = self;
        match &self.first_text {
            Some((row, text)) if n_numbers * 10 >= self.n_said() * 9 => {
                let row = row + 1;
                format!(
                    "{n_numbers} of {n_rows} cells are numbers, but row {row} holds `{text}`: put it right"
                )
            }
            _ if self.all_distinct => "different in every row: an id or free text".into(),
            _ if self.n_distinct > MAX_LEVELS => {
                format!("more than {MAX_LEVELS} different texts: free text, not a category")
            }
            _ => format!("{} different texts in {n_rows} rows: free text, not a category", self.n_distinct),
        }
    }
}

/// The number of a cell, infinite ones too so that reading can name them; NaN for a word for nothing.
fn number(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Text(text) => cell.number().ok().or_else(|| text.parse().ok()),
        Cell::Number(value) => Some(value),
        Cell::Missing => None,
    }
}

fn has_leading_zero(text: &str) -> bool {
    matches!(text.as_bytes(), [b'0', b'0'..=b'9', ..])
}

fn is_loose_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['/', '.', '-']).collect();
    let is_part =
        |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(is_part)
}

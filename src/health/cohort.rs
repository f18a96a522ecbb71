//! Found segments: a small tree over the signals, grown by linfa-trees, whose leaves are cohorts with a rule in words.
//!
//! Unknown numbers are read as the median, and being unknown is a test of its own where it is neither rare nor the
//! rule; of texts, being one of the ten commonest is. Each class weighs one half, since linfa's tree knows majorities
//! only. Leaves that are too small to speak of are merged into what they were split from. Counts, rates and money are
//! those of all accounts given, dropped through the tree; the tree itself is grown on at most 20,000 of them.

use std::fmt;

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_trees::{DecisionTree, TreeNode};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::explain::{Usual, usual_text};
use crate::frame::{Column, Frame, Table};
use crate::model::ModelFile;
use crate::schema::{Money, Schema, Signal};

/// Settings of [`Cohorts`] before they are found. Make them with [`Cohorts::params`].
#[derive(Clone, Debug, PartialEq)]
pub struct CohortParams {
    signals: Option<Vec<String>>,
    max_depth: usize,
    least_share: f64,
}

impl CohortParams {
    /// The signals that rules may speak of. Default: all of the schema's.
    pub fn signals<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.signals = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Most tests on the way to a cohort: 1 to 5. Default: 3.
    pub fn max_depth(mut self, max_depth: usize) -> Self {
        self.max_depth = max_depth;
        self
    }

    /// Least share of the accounts in a cohort, above 0 and at most 0.5. Default: 0.03.
    pub fn least_share(mut self, share: f64) -> Self {
        self.least_share = share;
        self
    }

    fn check(&self, schema: &Schema) -> Result<()> {
        let refuse =
            |name, value: String, expected| Err(ErrorKind::Parameter { name, value, expected }.into());
        if !(1..=5).contains(&self.max_depth) {
            return refuse("max_depth", self.max_depth.to_string(), "1 to 5");
        }
        if !(self.least_share > 0.0 && self.least_share <= 0.5) {
            return refuse("least_share", self.least_share.to_string(), "above 0 and at most 0.5");
        }
        let names = self.signals.as_deref().unwrap_or_default();
        match names.iter().find(|name| schema.find(name).is_none()) {
            Some(name) => refuse("signals", name.clone(), "names of the schema's signals"),
            None => Ok(()),
        }
    }

    /// Finds cohorts that differ in churn among accounts whose outcome is known.
    ///
    /// # Errors
    /// A setting outside its range, no churn label, one class only, what linfa-trees refuses.
    pub fn find(&self, past: &Frame) -> Result<Cohorts> {
        let schema = past.schema();
        self.check(schema)?;
        let (rows, churned) = known_churn(past)?;
        let signals: Vec<usize> = match &self.signals {
            None => (0..schema.signals.len()).collect(),
            Some(names) => {
                let of = |at: &usize| names.contains(&schema.signals[*at].name);
                (0..schema.signals.len()).filter(of).collect()
            }
        };
        let accounts = past.signals().take(&rows);
        let tests = Tests::of(&accounts, &signals);
        let every = rows.len().div_ceil(MOST_ROWS).max(1);
        let sampled: Vec<usize> = (0..rows.len()).step_by(every).collect();
        let grown = grow(&tests.matrix(&accounts, &sampled), &sampled, &churned, self.max_depth)?;
        let mut nodes = Vec::new();
        copy(grown.root_node(), &tests, &mut nodes);
        let mut cohorts = Cohorts { schema: schema.clone(), tests, nodes, leaves: Vec::new() };
        cohorts.merge_small(&accounts, (self.least_share * rows.len() as f64).ceil() as usize);
        let value = past.value_cents().map(|values| rows.iter().map(|&row| values[row]).collect::<Vec<_>>());
        cohorts.count(&accounts, &churned, value.as_deref());
        Ok(cohorts)
    }
}

/// Rows that the tree is grown on at most.
const MOST_ROWS: usize = 20_000;
/// Texts of a signal that can be asked for.
const MOST_TEXTS: usize = 10;
/// Being unknown is asked for where at least this share of the accounts is, and at least this share is not.
const ASK_UNKNOWN: f64 = 0.02;

fn known_churn(past: &Frame) -> Result<(Vec<usize>, Vec<bool>)> {
    let Some(labels) = past.churn() else {
        let hint = "cohorts are told apart by churn, and the table has no such label".into();
        return Err(ErrorKind::NoLabel { hint }.into());
    };
    let (rows, churned): (Vec<usize>, Vec<bool>) =
        labels.iter().enumerate().filter_map(|(row, label)| Some((row, (*label)?))).unzip();
    let class = match (churned.contains(&true), churned.contains(&false)) {
        (true, true) => return Ok((rows, churned)),
        (true, _) => "true",
        _ => "false",
    };
    let label = past.schema().labels.churn.clone().unwrap_or_default();
    Err(ErrorKind::OneClass { label, class, n_rows: rows.len() }.into())
}

/// One question to an account, with the answer as a number that a threshold splits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Test {
    /// The value itself, the median where it is unknown.
    Number { signal: usize, median: f64, is_sometimes_unknown: bool },
    /// 1 where it is unknown.
    Unknown { signal: usize },
    /// 1 where it is that text.
    Text { signal: usize, text: String },
}

impl Test {
    fn answer(&self, table: &Table, row: usize) -> f64 {
        let flag = |yes: bool| f64::from(u8::from(yes));
        match self {
            Test::Number { signal, median, .. } => match &table.columns()[*signal] {
                Column::Number(values) if !values[row].is_nan() => values[row],
                _ => *median,
            },
            Test::Unknown { signal } => flag(table.columns()[*signal].is_missing(row)),
            Test::Text { signal, text } => match &table.columns()[*signal] {
                Column::Category(texts) => flag(texts.text(row) == Some(text)),
                Column::Number(_) => 0.0,
            },
        }
    }

    fn signal(&self) -> usize {
        match self {
            Test::Number { signal, .. } | Test::Unknown { signal } | Test::Text { signal, .. } => *signal,
        }
    }
}

/// The questions, the columns of linfa's matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tests(Vec<Test>);

impl Tests {
    fn of(table: &Table, signals: &[usize]) -> Self {
        Tests(signals.iter().flat_map(|&signal| tests_of(signal, &table.columns()[signal])).collect())
    }

    fn matrix(&self, table: &Table, rows: &[usize]) -> Array2<f64> {
        Array2::from_shape_fn((rows.len(), self.0.len()), |(row, test)| self.0[test].answer(table, rows[row]))
    }
}

fn tests_of(signal: usize, column: &Column) -> Vec<Test> {
    let n = column.len();
    let n_unknown = (0..n).filter(|&row| column.is_missing(row)).count();
    let share = n_unknown as f64 / n.max(1) as f64;
    let unknown = (ASK_UNKNOWN..=1.0 - ASK_UNKNOWN).contains(&share).then_some(Test::Unknown { signal });
    let mut tests: Vec<Test> = match column {
        Column::Category(texts) => {
            let mut counts = vec![0usize; texts.levels.len()];
            for &code in &texts.codes {
                // A missing text has a code beyond all levels.
                if let Some(count) = counts.get_mut(code as usize) {
                    *count += 1;
                }
            }
            let mut levels: Vec<usize> = (0..counts.len()).collect();
            levels.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then(a.cmp(&b)));
            let text = |level: usize| Test::Text { signal, text: texts.levels[level].clone() };
            levels.into_iter().take(MOST_TEXTS).map(text).collect()
        }
        Column::Number(_) => {
            let one = Table::new(n, [("x".to_owned(), column.clone())]);
            match one.map(|table| Usual::of(&table)).as_deref() {
                Ok([Usual::Number(median)]) => {
                    vec![Test::Number { signal, median: *median, is_sometimes_unknown: n_unknown > 0 }]
                }
                _ => Vec::new(),
            }
        }
    };
    tests.extend(unknown);
    tests
}

fn grow(
    records: &Array2<f64>,
    rows: &[usize],
    churned: &[bool],
    max_depth: usize,
) -> Result<DecisionTree<f64, bool>> {
    let y: Vec<bool> = rows.iter().map(|&row| churned[row]).collect();
    let n_churned = y.iter().filter(|&&churned| churned).count();
    let half = y.len() as f64 / 2.0;
    // A hair off balance: linfa breaks ties of classes by the order of a hash map.
    let weights =
        [half / (y.len() - n_churned).max(1) as f64, half * (1.0 - 1.7e-4) / n_churned.max(1) as f64];
    let weight = |churned: &bool| weights[usize::from(*churned)] as f32;
    let dataset = DatasetBase::new(records.view(), Array1::from(y.clone()))
        .with_weights(Array1::from(y.iter().map(weight).collect::<Vec<f32>>()));
    let least = (0.01 * y.len() as f32).max(1.0);
    let params = DecisionTree::params()
        .max_depth(Some(max_depth))
        .min_weight_leaf(least)
        .min_weight_split(2.0 * least);
    Ok(params.fit(&dataset)?)
}

/// A place of the tree: where accounts go on from, or a cohort.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    split: Option<Split>,
    /// Which cohort it is, where it is one.
    cohort: usize,
}

/// Accounts whose answer is below the threshold go left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Split {
    test: usize,
    threshold: f64,
    left: usize,
    right: usize,
}

/// Copies linfa's nodes, the root first and parents before their children; returns where the node stands.
fn copy(node: &TreeNode<f64, bool>, tests: &Tests, nodes: &mut Vec<Node>) -> usize {
    let at = nodes.len();
    nodes.push(Node { split: None, cohort: 0 });
    if let (false, [Some(left), Some(right)]) = (node.is_leaf(), &node.children()[..]) {
        let (test, threshold, _) = node.split();
        debug_assert!(test < tests.0.len());
        let (left, right) = (copy(left, tests, nodes), copy(right, tests, nodes));
        nodes[at].split = Some(Split { test, threshold, left, right });
    }
    at
}

/// One cohort: its rule, and what it was like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cohort {
    /// "seat utilisation below 40 % and tickets open at least 3".
    pub rule: String,
    /// Accounts whose outcome is known.
    pub n_accounts: usize,
    /// Those that left.
    pub n_churned: usize,
    /// Their recurring value in minor units, as far as it is known; `None` where the table has none.
    pub value_cents: Option<i64>,
    /// The currency of that value.
    pub currency: Option<String>,
}

impl Cohort {
    /// Share that left, 0 to 1.
    pub fn churn_rate(&self) -> f64 {
        self.n_churned as f64 / self.n_accounts.max(1) as f64
    }
}

impl fmt::Display for Cohort {
    /// "seat utilisation below 40 %: 412 accounts, 21.4 % left, EUR 312,000".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} accounts, {:.1} % left", self.rule, self.n_accounts, 100.0 * self.churn_rate())?;
        match (self.value_cents, &self.currency) {
            (Some(cents), Some(currency)) => write!(f, ", {}", Money::new(cents, currency)),
            _ => Ok(()),
        }
    }
}

/// Cohorts of accounts that differ in churn, told apart by few tests.
///
/// ```
/// use keepwell::health::Cohorts;
/// use keepwell::prelude::*;
///
/// let schema = Schema::new().id("id").churn("churned").signal(Signal::new("seats", Dimension::Usage, Kind::Share));
/// let row = |row: u32| format!("A{row},{},{}\n", f64::from(row % 10) / 10.0, u8::from(row % 10 < 3));
/// let csv = "id,seats,churned\n".to_owned() + &(0..200).map(row).collect::<String>();
/// let cohorts = Cohorts::params().find(&Frame::from_csv_reader(csv.as_bytes(), &schema)?)?;
/// assert_eq!(cohorts.cohorts()[0].to_string(), "seats below 25 %: 60 accounts, 100.0 % left");
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "SavedCohorts", into = "SavedCohorts")]
pub struct Cohorts {
    schema: std::sync::Arc<Schema>,
    tests: Tests,
    nodes: Vec<Node>,
    leaves: Vec<Cohort>,
}

/// [`Cohorts`] in their file, looked at when they are read back.
#[derive(Clone, Serialize, Deserialize)]
struct SavedCohorts {
    #[serde(with = "crate::schema::as_toml")]
    schema: std::sync::Arc<Schema>,
    tests: Tests,
    nodes: Vec<Node>,
    leaves: Vec<Cohort>,
}

impl From<Cohorts> for SavedCohorts {
    fn from(found: Cohorts) -> Self {
        SavedCohorts { schema: found.schema, tests: found.tests, nodes: found.nodes, leaves: found.leaves }
    }
}

impl TryFrom<SavedCohorts> for Cohorts {
    type Error = &'static str;

    fn try_from(saved: SavedCohorts) -> std::result::Result<Self, &'static str> {
        let SavedCohorts { schema, tests, nodes, leaves } = saved;
        let sound = !nodes.is_empty()
            && tests.0.iter().all(|test| test.signal() < schema.signals.len())
            && nodes.iter().all(|node| node.cohort < leaves.len());
        if !sound {
            return Err("the parts of the cohorts do not fit together");
        }
        Ok(Cohorts { schema, tests, nodes, leaves })
    }
}

impl ModelFile for Cohorts {
    const KIND: &'static str = "cohorts";
}

impl Cohorts {
    /// Settings at their defaults.
    pub fn params() -> CohortParams {
        CohortParams { signals: None, max_depth: 3, least_share: 0.03 }
    }

    /// The schema of the accounts they were found among.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The cohorts, those of the highest churn first.
    pub fn cohorts(&self) -> &[Cohort] {
        &self.leaves
    }

    /// The cohort of each account, as its position among [`cohorts`](Self::cohorts).
    ///
    /// # Errors
    /// A frame of other signals.
    pub fn assign(&self, accounts: &Frame) -> Result<Vec<usize>> {
        self.schema.check_same_signals(accounts.schema())?;
        let of_row =
            |row: usize| self.leaf(accounts.signals(), row).map_or(0, |leaf| self.nodes[leaf].cohort);
        Ok((0..accounts.n_rows()).map(of_row).collect())
    }

    /// The nodes on an account's way.
    fn way<'a>(&'a self, table: &'a Table, row: usize) -> impl Iterator<Item = usize> + 'a {
        std::iter::successors(Some(0), move |&at| {
            let split = self.nodes.get(at)?.split?;
            let is_left = self.tests.0.get(split.test)?.answer(table, row) < split.threshold;
            // Parents stand before their children, so that every way ends.
            Some(if is_left { split.left } else { split.right })
                .filter(|&next| next > at && next < self.nodes.len())
        })
    }

    fn leaf(&self, table: &Table, row: usize) -> Option<usize> {
        self.way(table, row).last()
    }

    /// Makes one of what was split where a side has too few accounts.
    fn merge_small(&mut self, table: &Table, least: usize) {
        let mut counts = vec![0usize; self.nodes.len()];
        for row in 0..table.n_rows() {
            let way: Vec<usize> = self.way(table, row).collect();
            way.into_iter().for_each(|at| counts[at] += 1);
        }
        for at in (0..self.nodes.len()).rev() {
            if self.nodes[at].split.is_some_and(|split| counts[split.left].min(counts[split.right]) < least) {
                self.nodes[at].split = None;
            }
        }
    }

    /// Drops all accounts through the tree, and puts the cohorts in order.
    fn count(&mut self, table: &Table, churned: &[bool], value: Option<&[Option<i64>]>) {
        let currency = self.schema.value.as_ref().map(|value| value.currency.clone());
        let ways = self.ways();
        let mut cohorts: Vec<(usize, Cohort)> = ways
            .into_iter()
            .map(|(leaf, way)| {
                let value_cents = value.map(|_| 0);
                let (rule, currency) = (self.rule(&way), currency.clone());
                (leaf, Cohort { rule, n_accounts: 0, n_churned: 0, value_cents, currency })
            })
            .collect();
        for (row, &churned) in churned.iter().enumerate() {
            let leaf = self.leaf(table, row);
            let Some((_, cohort)) = cohorts.iter_mut().find(|(at, _)| Some(*at) == leaf) else { continue };
            cohort.n_accounts += 1;
            cohort.n_churned += usize::from(churned);
            let own = value.and_then(|value| value[row]).unwrap_or(0);
            cohort.value_cents = cohort.value_cents.map(|sum: i64| sum.saturating_add(own));
        }
        cohorts.sort_by(|a, b| b.1.churn_rate().total_cmp(&a.1.churn_rate()).then(a.0.cmp(&b.0)));
        for (place, (leaf, _)) in cohorts.iter().enumerate() {
            self.nodes[*leaf].cohort = place;
        }
        self.leaves = cohorts.into_iter().map(|(_, cohort)| cohort).collect();
    }

    /// Each leaf with the splits on the way to it, and whether the way goes left there.
    fn ways(&self) -> Vec<(usize, Vec<(Split, bool)>)> {
        let mut ways = Vec::new();
        let mut pending = vec![(0usize, Vec::new())];
        while let Some((at, way)) = pending.pop() {
            match self.nodes[at].split {
                None => ways.push((at, way)),
                Some(split) => {
                    for (next, left) in [(split.right, false), (split.left, true)] {
                        pending.push((next, [way.as_slice(), &[(split, left)]].concat()));
                    }
                }
            }
        }
        ways
    }

    /// A way in words, one clause a question and side: a later test of a signal's side is narrower than an earlier one.
    fn rule(&self, way: &[(Split, bool)]) -> String {
        let mut clauses: Vec<((usize, bool), String)> = Vec::new();
        for (split, left) in way {
            let clause = self.clause(split, *left);
            match clauses.iter_mut().find(|(key, _)| *key == (split.test, *left)) {
                Some((_, text)) => *text = clause,
                None => clauses.push(((split.test, *left), clause)),
            }
        }
        let texts: Vec<String> = clauses.into_iter().map(|(_, text)| text).collect();
        if texts.is_empty() { "all accounts".into() } else { texts.join(" and ") }
    }

    fn clause(&self, split: &Split, left: bool) -> String {
        let test = &self.tests.0[split.test];
        let signal: &Signal = &self.schema.signals[test.signal()];
        let title = signal.title_text();
        match test {
            Test::Unknown { .. } => format!("{title} {}", if left { "known" } else { "unknown" }),
            Test::Text { text, .. } => format!("{title} {}{text}", if left { "not " } else { "" }),
            Test::Number { median, is_sometimes_unknown, .. } => {
                // Of whole numbers, "at least 4" says what "at least 3.5" does.
                let is_whole = signal.kind == crate::schema::Kind::Count;
                let threshold = if is_whole { split.threshold.ceil() } else { split.threshold };
                let threshold = usual_text(signal, &Usual::Number(threshold));
                let with_unknown = *is_sometimes_unknown && (*median < split.threshold) == left;
                let unknown = if with_unknown { " (or unknown)" } else { "" };
                match (signal.kind, left) {
                    (crate::schema::Kind::Flag, true) => format!("not {title}{unknown}"),
                    (crate::schema::Kind::Flag, false) => format!("{title}{unknown}"),
                    (_, true) => format!("{title} below {threshold}{unknown}"),
                    (_, false) => format!("{title} at least {threshold}{unknown}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Dimension, Kind};

    fn schema() -> Schema {
        Schema::new()
            .id("id")
            .churn("churned")
            .value("mrr")
            .signal(Signal::new("seats", Dimension::Usage, Kind::Share))
            .signal(Signal::new("plan", Dimension::Contract, Kind::Category))
            .signal(Signal::new("noise", Dimension::Support, Kind::Number))
    }

    fn frame(n: usize) -> Frame {
        let part = |row: usize, by: f64| (row as f64 * by).fract();
        let line = |row: usize| {
            let (seats, plan) =
                (part(row, 0.618_034), if part(row, 0.414_214) < 0.4 { "free" } else { "team" });
            let risk = if seats < 0.4 { 0.5 } else { 0.05 } + if plan == "free" { 0.2 } else { 0.0 };
            let churned = u8::from(part(row, 0.732_051) < risk);
            let seats = if row.is_multiple_of(11) { String::new() } else { format!("{seats:.3}") };
            format!("A{row},{seats},{plan},{:.2},100,{churned}\n", part(row, 0.236_068))
        };
        let text = "id,seats,plan,noise,mrr,churned\n".to_owned() + &(0..n).map(line).collect::<String>();
        Frame::from_csv_reader(text.as_bytes(), &schema()).unwrap()
    }

    #[test]
    fn cohorts_have_rules_sizes_rates_and_money() {
        let past = frame(3_000);
        let found = Cohorts::params().max_depth(2).find(&past).unwrap();
        let cohorts = found.cohorts();
        assert!(cohorts.len() >= 2, "{cohorts:?}");
        assert!(cohorts[0].rule.contains("seats below"), "{cohorts:?}");
        assert!(cohorts.windows(2).all(|pair| pair[0].churn_rate() >= pair[1].churn_rate()));
        assert_eq!(cohorts.iter().map(|cohort| cohort.n_accounts).sum::<usize>(), 3_000);
        assert_eq!(cohorts.iter().map(|cohort| cohort.value_cents.unwrap()).sum::<i64>(), 30_000_000);
        let assigned = found.assign(&past).unwrap();
        for (at, cohort) in cohorts.iter().enumerate() {
            assert_eq!(assigned.iter().filter(|&&other| other == at).count(), cohort.n_accounts);
        }
        let back = Cohorts::from_bytes(&found.to_bytes()).unwrap();
        assert_eq!((back.assign(&past).unwrap(), back.cohorts()), (assigned, cohorts));
    }

    #[test]
    fn a_file_whose_parts_do_not_fit_together_is_refused() {
        let found = Cohorts::params().find(&frame(300)).unwrap();
        let spoils: [fn(&mut Cohorts); 3] = [
            |cohorts| cohorts.nodes.clear(),
            |cohorts| cohorts.leaves.truncate(1),
            |cohorts| cohorts.tests.0[0] = Test::Unknown { signal: 9 },
        ];
        for spoil in spoils {
            let mut spoilt = found.clone();
            spoil(&mut spoilt);
            let text = Cohorts::from_bytes(&spoilt.to_bytes()).unwrap_err().to_string();
            assert!(text.contains("its payload does not decode"), "{text}");
        }
    }

    #[test]
    fn a_cohort_is_never_smaller_than_asked() {
        let found = Cohorts::params().max_depth(5).least_share(0.2).find(&frame(1_000)).unwrap();
        assert!(found.cohorts().iter().all(|cohort| cohort.n_accounts >= 200));
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused_in_words() {
        let refused = |params: CohortParams| params.find(&frame(100)).unwrap_err().to_string();
        assert_eq!(refused(Cohorts::params().max_depth(6)), "`max_depth` is 6, expected 1 to 5");
        assert_eq!(
            refused(Cohorts::params().signals(["age"])),
            "`signals` is age, expected names of the schema's signals"
        );
        assert_eq!(
            refused(Cohorts::params().least_share(0.0)),
            "`least_share` is 0, expected above 0 and at most 0.5"
        );
        let unlabelled =
            Frame::from_csv_reader("id,seats,plan,noise\nA,0.2,free,1\n".as_bytes(), &schema()).unwrap();
        assert_eq!(
            Cohorts::params().find(&unlabelled).unwrap_err().to_string(),
            "no label to learn from: cohorts are told apart by churn, and the table has no such label"
        );
    }
}

//! From the columns of a table to what a linear model can use, and from its coefficients back to the columns.
//!
//! Every design column is piecewise linear in one original column, so whatever the coefficients are, the model is one
//! table of values for each original column: at the knots of a number, at the levels of a category, and for a missing
//! value. Fitting works on those tables ([`Part`]), and so does scoring ([`Scorer`]).

use ndarray::{Array2, ArrayViewMut1, Axis, ShapeBuilder, Slice};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::model::EncodedColumn;
use crate::tree::MISSING_CODE;

/// A level with fewer training rows than this shares one design column with all other such levels.
pub(crate) const RARE_LEVEL_ROWS: usize = 10;
/// How far beyond the training range a straight line goes on, in lengths of that range, before it stays flat.
const EXTENSION: f64 = 10.0;
/// Local code of a category without a design column: it adds nothing.
const NO_COEF: u32 = u32::MAX;

/// How `d` columns become `n_coefs` design columns. Fitted on training rows, without their labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Design {
    columns: Vec<ColumnDesign>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum ColumnDesign {
    Number(NumberDesign),
    Category(CategoryDesign),
}

/// A number as one standardised ramp for each interval between knots. With two knots that is the standardised number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct NumberDesign {
    /// Ascending, at least two; lowest and highest training value at the ends.
    knots: Vec<f64>,
    /// Missing values are put here, and have a column of their own if training had any.
    median: f64,
    /// The design columns' values at each knot and, last, for a missing value.
    basis: Basis,
}

/// A category as one column a frequent level, one for all rare ones, one for missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CategoryDesign {
    /// Design column of each training level, or [`NO_COEF`].
    coef_of_level: Vec<u32>,
    /// Design column of rare levels and of those that training did not see, or [`NO_COEF`].
    other: u32,
    /// Design column of missing values, or [`NO_COEF`].
    missing: u32,
    n_coefs: usize,
}

impl Design {
    /// Learns knots, means, levels from training columns of `n` rows; `knots` intervals a number, 0 or 1 for a
    /// straight line. Rows of weight 0 count for nothing.
    ///
    /// # Errors
    /// An infinite number, named by `names` and row.
    pub(crate) fn fit(
        names: &[String],
        columns: &[EncodedColumn<'_>],
        weights: Option<&[f64]>,
        knots: usize,
    ) -> Result<Self> {
        let fit = |(name, column): (&String, &EncodedColumn<'_>)| match column {
            EncodedColumn::Number(numbers) => {
                let values = numbers.to_f64();
                check_finite(name, &values)?;
                Ok(ColumnDesign::Number(NumberDesign::fit(&values, weights, knots)))
            }
            EncodedColumn::Category { codes, n_levels } => {
                Ok(ColumnDesign::Category(CategoryDesign::fit(codes, *n_levels, weights)))
            }
        };
        let columns = names.par_iter().zip(columns).map(fit).collect::<Result<_>>()?;
        Ok(Design { columns })
    }

    /// The design of `n` rows.
    pub(crate) fn matrix(&self, columns: &[EncodedColumn<'_>], n_rows: usize) -> DesignMatrix {
        let parts =
            self.columns.par_iter().zip(columns).flat_map_iter(|(design, column)| match (design, column) {
                (ColumnDesign::Number(design), EncodedColumn::Number(numbers)) => {
                    design.parts(&numbers.to_f64())
                }
                (ColumnDesign::Category(design), EncodedColumn::Category { codes, .. }) => {
                    vec![Part::OneHot {
                        codes: codes.iter().map(|&code| design.local(code)).collect(),
                        n_coefs: design.n_coefs,
                    }]
                }
                _ => unreachable!("columns were encoded by the features the design was fitted with"),
            });
        DesignMatrix { parts: parts.collect(), n_rows }
    }

    /// The columns that a design without bends would have, each as shares of design columns: a number that bends gives its
    /// straight line, not yet standardised; all else is as it is.
    pub(crate) fn straight(&self) -> Vec<Vec<(usize, f64)>> {
        let mut straight = Vec::new();
        let mut first = 0;
        for column in &self.columns {
            let bent = match column {
                ColumnDesign::Number(number) if number.knots.len() > 2 => Some(number),
                _ => None,
            };
            let n_ramps = bent.map_or(0, |number| number.knots.len() - 1);
            let line =
                |number: &NumberDesign| (0..n_ramps).map(|at| (first + at, number.share(at))).collect();
            straight.extend(bent.map(line));
            straight.extend((n_ramps..column.n_coefs()).map(|at| vec![(first + at, 1.0)]));
            first += column.n_coefs();
        }
        straight
    }

    /// The original column that each of the `n_coefs` design columns comes from.
    pub(crate) fn sources(&self) -> Vec<usize> {
        let sources = self.columns.iter().enumerate();
        sources.flat_map(|(at, column)| std::iter::repeat_n(at, column.n_coefs())).collect()
    }

    /// The tables of values that `coefs` (`n_coefs` long) stand for, not centred.
    pub(crate) fn scorer(&self, coefs: &[f64], intercept: f64) -> Scorer {
        let mut left = coefs;
        let mut tables = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let (own, rest) = left.split_at(column.n_coefs());
            left = rest;
            tables.push(column.table(own));
        }
        Scorer { base: intercept, tables }
    }
}

fn check_finite(name: &str, values: &[f64]) -> Result<()> {
    match values.iter().position(|value| value.is_infinite()) {
        None => Ok(()),
        Some(at) => Err(ErrorKind::Value {
            column: name.to_owned(),
            row: at + 1,
            value: values[at].to_string(),
            expected: "a finite number, or nothing where it is missing".into(),
        }
        .into()),
    }
}

impl ColumnDesign {
    fn n_coefs(&self) -> usize {
        match self {
            ColumnDesign::Number(number) => number.basis.n_coefs,
            ColumnDesign::Category(category) => category.n_coefs,
        }
    }

    fn table(&self, coefs: &[f64]) -> ColumnTable {
        match self {
            ColumnDesign::Number(number) => number.table(coefs),
            ColumnDesign::Category(category) => category.table(coefs),
        }
    }
}

impl NumberDesign {
    fn fit(values: &[f64], weights: Option<&[f64]>, knots: usize) -> Self {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let mut known: Vec<(f64, f64)> =
            values.iter().enumerate().map(|(row, &v)| (v, weight(row))).filter(|(_, w)| *w > 0.0).collect();
        let n_used = known.len();
        known.retain(|(value, _)| !value.is_nan());
        let flag = known.len() < n_used && !known.is_empty();
        known.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let knots = knots_of(&known, knots);
        let median = quantile(&known, 0.5).unwrap_or(0.0);
        let mut basis = Basis::ramps(&knots);
        basis.push_node(position(&knots, median));
        let mut design = NumberDesign { knots, median, basis };
        design.standardise(values, weight);
        if flag {
            design.basis.push_missing_flag();
        }
        design
    }

    /// Gives each column mean 0 and deviation 1 over the (weighted) rows, missing values counted at the median.
    fn standardise(&mut self, values: &[f64], weight: impl Fn(usize) -> f64) {
        let n_coefs = self.basis.n_coefs;
        let (mut sums, mut squares, mut total) = (vec![0.0; n_coefs], vec![0.0; n_coefs], 0.0);
        for (row, &value) in values.iter().enumerate() {
            let weight = weight(row);
            total += weight;
            for (coef, value) in self.basis.at(self.position(value)).enumerate() {
                sums[coef] += weight * value;
                squares[coef] += weight * value * value;
            }
        }
        for coef in 0..n_coefs {
            let mean = sums[coef] / total;
            let variance = squares[coef] / total - mean * mean;
            let scale = if variance > 1e-14 { variance.sqrt().recip() } else { 0.0 };
            self.basis.column_mut(coef).for_each(|value| *value = (*value - mean) * scale);
        }
    }

    /// How often a ramp counts in the straight line: as often as makes it rise by its interval's length.
    fn share(&self, ramp: usize) -> f64 {
        let rise = self.basis.row(ramp + 1)[ramp] - self.basis.row(ramp)[ramp];
        if rise > 0.0 { (self.knots[ramp + 1] - self.knots[ramp]) / rise } else { 0.0 }
    }

    /// The interval between knots a value is in, and how far along it; missing values stand at the median.
    fn position(&self, value: f64) -> (usize, f64) {
        position(&self.knots, if value.is_nan() { self.median } else { value })
    }

    /// The node of a value and how far it is on the way to the next; missing values have a node of their own.
    fn node(&self, value: f64) -> (usize, f64) {
        if value.is_nan() {
            return (self.knots.len(), 0.0);
        }
        let (segment, fraction) = self.position(value);
        if fraction == 1.0 { (segment + 1, 0.0) } else { (segment, fraction) }
    }

    fn parts(&self, values: &[f64]) -> Vec<Part> {
        if self.knots.len() > 2 {
            let nodes = values.iter().map(|&value| self.node(value));
            let (nodes, fractions): (Vec<u32>, Vec<f64>) = nodes.map(|(node, f)| (node as u32, f)).unzip();
            let fractions = fractions.iter().any(|&fraction| fraction != 0.0).then_some(fractions);
            let basis = self.basis.clone();
            return vec![Part::Interpolated { nodes, fractions, basis }];
        }
        let column = |coef: usize| {
            let at = |&value: &f64| self.basis.value(self.node(value), coef);
            Part::Linear { values: values.iter().map(at).collect() }
        };
        (0..self.basis.n_coefs).map(column).collect()
    }

    fn table(&self, coefs: &[f64]) -> ColumnTable {
        let mut values = self.basis.times(coefs);
        let missing = values.pop().expect("the basis has a row for missing values");
        ColumnTable::Number { knots: self.knots.clone(), values, missing }
    }
}

/// Lowest and highest value with quantiles between, or all values if they are few; two at least.
fn knots_of(sorted: &[(f64, f64)], n_intervals: usize) -> Vec<f64> {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return vec![0.0, 0.0] };
    let mut knots = distinct(sorted, n_intervals + 1);
    if n_intervals < 2 || first.0 == last.0 {
        return vec![first.0, last.0];
    }
    if knots.len() > n_intervals + 1 {
        let inner = (1..n_intervals).filter_map(|k| quantile(sorted, k as f64 / n_intervals as f64));
        knots = std::iter::once(first.0).chain(inner).chain([last.0]).collect();
        knots.dedup();
    }
    knots
}

/// The distinct values, or the first `limit + 1` of them.
fn distinct(sorted: &[(f64, f64)], limit: usize) -> Vec<f64> {
    let mut values: Vec<f64> = Vec::new();
    for &(value, _) in sorted {
        if values.last() != Some(&value) {
            values.push(value);
        }
        if values.len() > limit {
            break;
        }
    }
    values
}

/// The mean of the values between which the weight is divided as `share` to the rest.
fn quantile(sorted: &[(f64, f64)], share: f64) -> Option<f64> {
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let (target, slack) = (share * total, 1e-12 * total);
    let mut passed = 0.0;
    for (at, (value, weight)) in sorted.iter().enumerate() {
        passed += weight;
        if passed > target + slack {
            return Some(*value);
        }
        if passed >= target - slack {
            let next = sorted.get(at + 1).map_or(*value, |next| next.0);
            return Some(value + (next - value) / 2.0);
        }
    }
    sorted.last().map(|last| last.0)
}

/// The interval of ascending `knots` (two at least) that a value is in, and how far along it: 0 to 1 within the knots.
/// With only two knots the line goes on for a while outside them.
fn position(knots: &[f64], value: f64) -> (usize, f64) {
    let last = knots.len() - 2;
    // All are compared: a loop that ends where it may is guessed wrong for every other value.
    let segment = knots[1..=last].iter().filter(|&&knot| knot <= value).count();
    let (low, width) = (knots[segment], knots[segment + 1] - knots[segment]);
    if width <= 0.0 || width.is_infinite() {
        return (segment, 0.0);
    }
    let reach = if last == 0 { EXTENSION } else { 0.0 };
    (segment, ((value - low) / width).clamp(-reach, 1.0 + reach))
}

impl CategoryDesign {
    fn fit(codes: &[u32], n_levels: usize, weights: Option<&[f64]>) -> Self {
        let (mut counts, mut n_missing) = (vec![0usize; n_levels], 0);
        for (row, &code) in codes.iter().enumerate() {
            if weights.is_some_and(|weights| weights[row] == 0.0) {
                continue;
            }
            match counts.get_mut(code as usize) {
                Some(count) => *count += 1,
                None => n_missing += usize::from(code == MISSING_CODE),
            }
        }
        Self::from_counts(&counts, n_missing)
    }

    fn from_counts(counts: &[usize], n_missing: usize) -> Self {
        let mut n_coefs = 0;
        let mut next = || {
            n_coefs += 1;
            n_coefs as u32 - 1
        };
        let is_rare = |count: usize| (1..RARE_LEVEL_ROWS).contains(&count);
        let other = if counts.iter().any(|&count| is_rare(count)) { next() } else { NO_COEF };
        let coef = |&count: &usize| if count >= RARE_LEVEL_ROWS { next() } else { other };
        let coef_of_level = counts.iter().map(coef).collect();
        let missing = if n_missing > 0 { next() } else { NO_COEF };
        CategoryDesign { coef_of_level, other, missing, n_coefs }
    }

    /// The design column of a code; `n_coefs` for none.
    fn local(&self, code: u32) -> u32 {
        let coef = match self.coef_of_level.get(code as usize) {
            Some(&coef) => coef,
            None if code == MISSING_CODE => self.missing,
            None => self.other,
        };
        coef.min(self.n_coefs as u32)
    }

    fn table(&self, coefs: &[f64]) -> ColumnTable {
        let value = |&coef: &u32| coefs.get(coef as usize).copied().unwrap_or(0.0);
        ColumnTable::Category {
            values: self.coef_of_level.iter().map(value).collect(),
            missing: value(&self.missing),
            unseen: value(&self.other),
        }
    }
}

/// Design values at `n_nodes` nodes: `n_nodes × n_coefs`, row-major.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Basis {
    pub values: Vec<f64>,
    pub n_coefs: usize,
}

impl Basis {
    /// One ramp an interval between knots: 0 up to its start, 1 from its end. Not yet standardised.
    fn ramps(knots: &[f64]) -> Self {
        let n_coefs = knots.len() - 1;
        let node = |node: usize| (0..n_coefs).map(move |ramp| f64::from(u8::from(ramp < node)));
        Basis { values: (0..knots.len()).flat_map(node).collect(), n_coefs }
    }

    /// Adds a node that stands where a position is.
    fn push_node(&mut self, position: (usize, f64)) {
        let values: Vec<f64> = self.at(position).collect();
        self.values.extend(values);
    }

    /// Adds a column that is 1 at the last node, that of missing values, and 0 at all others.
    fn push_missing_flag(&mut self) {
        let n_nodes = self.n_nodes();
        let flagged = self.values.chunks_exact(self.n_coefs).enumerate().flat_map(|(node, row)| {
            let flag = f64::from(u8::from(node + 1 == n_nodes));
            row.iter().copied().chain([flag])
        });
        self.values = flagged.collect();
        self.n_coefs += 1;
    }

    fn column_mut(&mut self, coef: usize) -> impl Iterator<Item = &mut f64> {
        self.values.iter_mut().skip(coef).step_by(self.n_coefs)
    }

    /// A design column's value at a fraction of the way from a node to the next.
    fn value(&self, (node, fraction): (usize, f64), coef: usize) -> f64 {
        let here = self.row(node)[coef];
        if fraction == 0.0 { here } else { here + fraction * (self.row(node + 1)[coef] - here) }
    }

    /// All design columns' values there.
    pub fn at(&self, position: (usize, f64)) -> impl Iterator<Item = f64> {
        (0..self.n_coefs).map(move |coef| self.value(position, coef))
    }

    pub fn n_nodes(&self) -> usize {
        self.values.len() / self.n_coefs
    }

    pub fn row(&self, node: usize) -> &[f64] {
        &self.values[node * self.n_coefs..(node + 1) * self.n_coefs]
    }

    /// The value at each node that `coefs` stand for.
    pub fn times(&self, coefs: &[f64]) -> Vec<f64> {
        self.values.chunks_exact(self.n_coefs).map(|row| super::linear::dot(row, coefs)).collect()
    }
}

/// The design columns that one original column gives, one entry a row.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// One dense design column.
    Linear { values: Vec<f64> },
    /// One of `n_coefs` columns is 1; code `n_coefs` is none of them.
    OneHot { codes: Vec<u32>, n_coefs: usize },
    /// `1 − fraction` of the basis at the row's node and `fraction` of the next; no fractions where all are 0.
    Interpolated { nodes: Vec<u32>, fractions: Option<Vec<f64>>, basis: Basis },
}

impl Part {
    /// Number of design columns.
    pub fn n_coefs(&self) -> usize {
        match self {
            Part::Linear { .. } => 1,
            Part::OneHot { n_coefs, .. } => *n_coefs,
            Part::Interpolated { basis, .. } => basis.n_coefs,
        }
    }

    fn write_row(&self, row: usize, mut cells: ArrayViewMut1<'_, f64>) {
        match self {
            Part::Linear { values } => cells[0] = values[row],
            Part::OneHot { codes, .. } => {
                if let Some(cell) = cells.get_mut(codes[row] as usize) {
                    *cell = 1.0;
                }
            }
            Part::Interpolated { nodes, fractions, basis } => {
                let fraction = fractions.as_ref().map_or(0.0, |fractions| fractions[row]);
                let values = basis.at((nodes[row] as usize, fraction));
                cells.iter_mut().zip(values).for_each(|(cell, value)| *cell = value);
            }
        }
    }

    fn take(&self, rows: &[u32]) -> Self {
        let floats = |values: &[f64]| -> Vec<f64> { rows.iter().map(|&row| values[row as usize]).collect() };
        let codes = |values: &[u32]| -> Vec<u32> { rows.iter().map(|&row| values[row as usize]).collect() };
        match self {
            Part::Linear { values } => Part::Linear { values: floats(values) },
            Part::OneHot { codes: all, n_coefs } => Part::OneHot { codes: codes(all), n_coefs: *n_coefs },
            Part::Interpolated { nodes, fractions, basis } => Part::Interpolated {
                nodes: codes(nodes),
                fractions: fractions.as_deref().map(floats),
                basis: basis.clone(),
            },
        }
    }
}

/// The design of `n` rows, stored by original column: `n` values or codes each, however many design columns they mean.
#[derive(Clone, Debug)]
pub(crate) struct DesignMatrix {
    pub(super) parts: Vec<Part>,
    pub(super) n_rows: usize,
}

impl DesignMatrix {
    /// Number of design columns, without the intercept.
    pub(crate) fn n_coefs(&self) -> usize {
        self.parts.iter().map(Part::n_coefs).sum()
    }

    /// The rows named, in that order.
    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        let parts = self.parts.iter().map(|part| part.take(rows)).collect();
        DesignMatrix { parts, n_rows: rows.len() }
    }
}

impl DesignMatrix {
    /// As an array of `n × n_coefs` numbers, column after column in memory.
    pub(crate) fn to_dense(&self) -> Array2<f64> {
        let mut dense = Array2::zeros((self.n_rows, self.n_coefs()).f());
        let mut at = 0;
        for part in &self.parts {
            let mut own = dense.slice_axis_mut(Axis(1), Slice::from(at..at + part.n_coefs()));
            own.axis_iter_mut(Axis(0)).enumerate().for_each(|(row, cells)| part.write_row(row, cells));
            at += part.n_coefs();
        }
        dense
    }
}

/// A fitted linear model as one table of values a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scorer {
    /// Log-odds before anything is known of a row.
    pub(crate) base: f64,
    tables: Vec<ColumnTable>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum ColumnTable {
    Number { knots: Vec<f64>, values: Vec<f64>, missing: f64 },
    Category { values: Vec<f64>, missing: f64, unseen: f64 },
}

impl ColumnTable {
    fn number(knots: &[f64], values: &[f64], missing: f64, value: f64) -> f64 {
        if value.is_nan() {
            return missing;
        }
        let (segment, fraction) = position(knots, value);
        values[segment] + fraction * (values[segment + 1] - values[segment])
    }

    /// The value for a number, or for a category code as a number: NaN missing, −1 unseen.
    fn at(&self, value: f64) -> f64 {
        match self {
            ColumnTable::Number { knots, values, missing } => Self::number(knots, values, *missing, value),
            ColumnTable::Category { missing, .. } if value.is_nan() => *missing,
            ColumnTable::Category { values, unseen, .. } => {
                let known = value >= 0.0 && value < values.len() as f64;
                if known { values[value as usize] } else { *unseen }
            }
        }
    }

    fn shift(&mut self, by: f64) {
        let (values, rest) = match self {
            ColumnTable::Number { values, missing, .. } => (values, vec![missing]),
            ColumnTable::Category { values, missing, unseen } => (values, vec![missing, unseen]),
        };
        values.iter_mut().chain(rest).for_each(|value| *value += by);
    }

    fn add_to(&self, column: &EncodedColumn<'_>, mut add: impl FnMut(usize, f64)) {
        match (self, column) {
            (ColumnTable::Number { knots, values, missing }, EncodedColumn::Number(numbers)) => {
                numbers.for_stretches(|start, stretch| {
                    for (row, &value) in (start..).zip(stretch) {
                        add(row, Self::number(knots, values, *missing, value));
                    }
                });
            }
            (ColumnTable::Category { values, missing, unseen }, EncodedColumn::Category { codes, .. }) => {
                codes.iter().enumerate().for_each(|(row, &code)| {
                    let rest = if code == MISSING_CODE { *missing } else { *unseen };
                    add(row, values.get(code as usize).copied().unwrap_or(rest));
                });
            }
            _ => unreachable!("columns were encoded by the features the model was fitted with"),
        }
    }
}

impl Scorer {
    /// Holds the numbers' tables to directions, one a column: 1 rising, -1 falling, 0 free. Before centring.
    pub(crate) fn hold(mut self, directions: &[i8]) -> Self {
        for (table, &direction) in self.tables.iter_mut().zip(directions) {
            if let ColumnTable::Number { values, .. } = table {
                super::monotone::hold(values, direction);
            }
        }
        self
    }

    /// Moves each table by its mean over the (weighted) training rows into the base, so that what a column adds is
    /// against the average row.
    pub(crate) fn centre(&mut self, columns: &[EncodedColumn<'_>], weights: Option<&[f64]>, n_rows: usize) {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let total: f64 = (0..n_rows).map(weight).sum();
        for (table, column) in self.tables.iter_mut().zip(columns) {
            let mut sum = 0.0;
            table.add_to(column, |row, value| sum += weight(row) * value);
            table.shift(-sum / total);
            self.base += sum / total;
        }
    }

    /// Log-odds of the average training row.
    pub(crate) fn base(&self) -> f64 {
        self.base
    }

    /// Log-odds of `n` rows.
    pub(crate) fn log_odds(&self, columns: &[EncodedColumn<'_>], n_rows: usize) -> Vec<f64> {
        let mut log_odds = vec![self.base; n_rows];
        for (table, column) in self.tables.iter().zip(columns) {
            table.add_to(column, |row, value| log_odds[row] += value);
        }
        log_odds
    }

    /// What each column adds to each row's log-odds: `n × d`, row-major.
    pub(crate) fn contributions(&self, columns: &[EncodedColumn<'_>], n_rows: usize) -> Vec<f64> {
        let d = self.tables.len();
        let mut values = vec![0.0; n_rows * d];
        for (at, (table, column)) in self.tables.iter().zip(columns).enumerate() {
            table.add_to(column, |row, value| values[row * d + at] = value);
        }
        values
    }

    /// Log-odds of one row of `d` values: numbers, NaN missing; a category's code, −1 unseen. Allocates nothing.
    pub(crate) fn log_odds_of_row(&self, row: &[f64]) -> f64 {
        self.tables.iter().zip(row).fold(self.base, |sum, (table, &value)| sum + table.at(value))
    }

    /// The same, and what each column adds to it, into `into` (`d` long).
    pub(crate) fn contributions_of_row(&self, row: &[f64], into: &mut [f64]) -> f64 {
        let cells = self.tables.iter().zip(row).zip(into);
        cells.fold(self.base, |sum, ((table, &value), into)| {
            *into = table.at(value);
            sum + *into
        })
    }
}

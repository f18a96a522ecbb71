//! Who is compared: keepwell's models, the linfa baselines, and a model that knows the share of positives only.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::frame::{Table, TableView};
use crate::model::training::check_training;
use crate::model::{
    BlendClassifier, Classifier, Contributions, Features, GradientTreesClassifier, LinfaLogistic, LinfaTree,
    LogisticClassifier,
};

/// The train side of a split, as a model is given it.
pub struct TrainingRows<'a> {
    /// The columns, `n` rows.
    pub table: &'a Table,
    /// The label of each row.
    pub y: &'a [bool],
    /// The account of each row, where they are named.
    pub accounts: Option<&'a [String]>,
    /// Seed of the comparison.
    pub random_state: u64,
}

pub(super) type Fit = Box<dyn Fn(&TrainingRows<'_>) -> Result<Box<dyn Classifier>> + Send + Sync>;

pub(super) struct Contender {
    pub name: String,
    pub fit: Fit,
}

/// All that there is, keepwell's first.
pub(super) fn defaults() -> Vec<Contender> {
    let named = |name: &str, fit: fn(&TrainingRows<'_>) -> Result<Box<dyn Classifier>>| Contender {
        name: name.to_owned(),
        fit: Box::new(fit),
    };
    vec![
        named("blend", fit_blend),
        named("gradient trees", |rows| {
            let params = GradientTreesClassifier::params().random_state(rows.random_state);
            Ok(Box::new(params.fit(rows.table, rows.y, None)?))
        }),
        named("logistic", |rows| {
            let params = LogisticClassifier::params().random_state(rows.random_state);
            Ok(Box::new(params.fit(rows.table, rows.y, None)?))
        }),
        named("linfa logistic", |rows| Ok(Box::new(LinfaLogistic::params().fit(rows.table, rows.y, None)?))),
        named("linfa tree", |rows| Ok(Box::new(LinfaTree::params().fit(rows.table, rows.y, None)?))),
        named("base rate", |rows| Ok(Box::new(BaseRate::fit(rows.table, rows.y, None)?))),
    ]
}

fn fit_blend(rows: &TrainingRows<'_>) -> Result<Box<dyn Classifier>> {
    let params = BlendClassifier::params().random_state(rows.random_state);
    Ok(Box::new(match rows.accounts {
        Some(accounts) => params.fit_groups(rows.table, rows.y, None, accounts)?,
        None => params.fit(rows.table, rows.y, None)?,
    }))
}

/// A model that says of every row the share of positives it was trained on: what any other has to beat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaseRate {
    features: Features,
    log_odds: f64,
}

impl BaseRate {
    /// Reads the (weighted) share of positives of `n` rows.
    ///
    /// # Errors
    /// What [`LogisticParams::fit`](crate::model::LogisticParams::fit) refuses.
    pub fn fit(table: &Table, y: &[bool], weights: Option<&[f64]>) -> Result<Self> {
        check_training(table, y, weights)?;
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let of = |class: bool| (0..y.len()).filter(|&row| y[row] == class).map(weight).sum::<f64>();
        // Two logarithms, since a ratio of extreme weights might not be finite.
        Ok(BaseRate { features: Features::of(table), log_odds: of(true).ln() - of(false).ln() })
    }
}

impl Classifier for BaseRate {
    fn features(&self) -> &Features {
        &self.features
    }

    fn log_odds_of(&self, table: &TableView<'_>) -> Result<Vec<f64>> {
        self.features.encode(table)?;
        Ok(vec![self.log_odds; table.n_rows()])
    }

    fn contributions_of(&self, table: &TableView<'_>) -> Result<Contributions> {
        let n_features = self.features.encode(table)?.len();
        Ok(Contributions { base: self.log_odds, values: vec![0.0; table.n_rows() * n_features], n_features })
    }

    fn log_odds_of_row(&self, _: &[f64]) -> f64 {
        self.log_odds
    }
}

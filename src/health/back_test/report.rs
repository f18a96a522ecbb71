//! What a back-test found, date by date.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::lead::Lead;
use crate::error::Result;
use crate::explain::Outcome;
use crate::metric;

/// How well models trained on what was known at each date foretold what came. `Display` gives the table.
///
/// ```
/// use keepwell::frame::Frame;
/// use keepwell::health::HealthModel;
/// use keepwell::model::Effort;
/// use keepwell::schema::{Dimension, Kind, Schema, Signal};
///
/// // Accounts on the first of each month; those that hardly use their seats leave within thirty days.
/// let mut csv = "account_id,as_of,seats,churned\n".to_string();
/// for row in 0..600 {
///     let (month, seats) = (row % 6 + 1, row * 37 % 100);
///     let leaves = u8::from(seats + row % 11 * 3 < 30);
///     csv += &format!("A{row},2026-{month:02}-01,{seats},{leaves}\n");
/// }
/// let schema = Schema::new().id("account_id").as_of("as_of").churn("churned");
/// let schema = schema.signal(Signal::new("seats", Dimension::Usage, Kind::Number));
/// let past = Frame::from_csv_reader(csv.as_bytes(), &schema)?;
///
/// let model = HealthModel::params(&schema).horizon_days(30).effort(Effort::Fast);
/// let test = model.back_test().n_dates(2).run(&past)?;
/// assert_eq!(test.dates.len(), 2);
/// assert!(test.dates[1].auc.unwrap() > 0.9);
/// println!("{test}");
/// # Ok::<(), keepwell::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BackTest {
    /// What was foretold.
    pub outcome: Outcome,
    /// The share of accounts that counts as the top.
    pub share: f64,
    /// The dates tested, ascending.
    pub dates: Vec<TestedDate>,
    /// How long before they left accounts were among the top; `None` where nobody said who left when.
    pub leads: Option<Vec<Lead>>,
    /// Dates that could not be tested, and why.
    pub left_out: Vec<(Date, String)>,
}

/// One date of a [`BackTest`]. What needs both classes is `None` where its known labels have one only.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestedDate {
    /// The date.
    pub as_of: Date,
    /// Labelled rows that were trained on.
    pub n_train: usize,
    /// Accounts that were asked about.
    pub n_accounts: usize,
    /// Of these, those whose label is known.
    pub n_labelled: usize,
    /// Of these, those to whom it happened.
    pub n_positive: usize,
    /// The share of those to whom it happened; `None` where no label is known.
    pub base_rate: Option<f64>,
    /// The mean probability that was said of those whose label is known.
    pub mean_probability: Option<f64>,
    /// Area under the ROC curve.
    pub auc: Option<f64>,
    /// Mean log loss in nats.
    pub log_loss: Option<f64>,
    /// Calibration error, ten bins of equal size.
    pub calibration_error: Option<f64>,
    /// How many times as many as usual are in the top.
    pub lift: Option<f64>,
}

impl TestedDate {
    pub(super) fn of(
        as_of: Date,
        n_train: usize,
        n_accounts: usize,
        y: &[bool],
        p: &[f64],
        share: f64,
    ) -> Result<Self> {
        let n_positive = y.iter().filter(|&&positive| positive).count();
        let mean = |sum: f64| (!y.is_empty()).then(|| sum / y.len() as f64);
        let has_both = n_positive > 0 && n_positive < y.len();
        let both = |value: Result<f64>| if has_both { value.map(Some) } else { Ok(None) };
        Ok(TestedDate {
            as_of,
            n_train,
            n_accounts,
            n_labelled: y.len(),
            n_positive,
            base_rate: mean(n_positive as f64),
            mean_probability: mean(p.iter().sum()),
            auc: both(metric::roc_auc(y, p, None))?,
            log_loss: both(metric::log_loss(y, p, None))?,
            calibration_error: both(metric::calibration_error(y, p, metric::DEFAULT_CALIBRATION_BINS, None))?,
            lift: both(metric::lift_at(y, p, share, None))?,
        })
    }
}

impl BackTest {
    /// The mean over the dates that have it.
    pub fn mean(&self, of: impl Fn(&TestedDate) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self.dates.iter().filter_map(of).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

impl fmt::Display for BackTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let number = |value: Option<f64>, places: usize| {
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.places$}"))
        };
        let rate = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), percent);
        let top = percent(self.share);
        let outcome = match self.outcome {
            Outcome::Churn => "churn",
            Outcome::Expansion => "expansion",
        };
        writeln!(f, "{outcome}, foretold at each date by what was known then; lift in the top {top}")?;
        let head =
            ["date", "trained", "accounts", "known", "rate", "told", "AUC", "log loss", "calibr.", "lift"];
        let line = |cells: [String; 10]| {
            let [first, rest @ ..] = cells;
            let cells: Vec<String> = rest.iter().map(|cell| format!("{cell:>9}")).collect();
            format!("{first:<10}{}", cells.concat())
        };
        writeln!(f, "{}", line(head.map(str::to_owned)))?;
        for date in &self.dates {
            let cells = [
                date.as_of.to_string(),
                date.n_train.to_string(),
                date.n_accounts.to_string(),
                date.n_labelled.to_string(),
                rate(date.base_rate),
                rate(date.mean_probability),
                number(date.auc, 3),
                number(date.log_loss, 4),
                number(date.calibration_error, 4),
                number(date.lift, 2),
            ];
            writeln!(f, "{}", line(cells))?;
        }
        let means = [
            "mean".to_owned(),
            String::new(),
            String::new(),
            String::new(),
            rate(self.mean(|date| date.base_rate)),
            rate(self.mean(|date| date.mean_probability)),
            number(self.mean(|date| date.auc), 3),
            number(self.mean(|date| date.log_loss), 4),
            number(self.mean(|date| date.calibration_error), 4),
            number(self.mean(|date| date.lift), 2),
        ];
        writeln!(f, "{}", line(means))?;
        for lead in self.leads.iter().flatten() {
            let Lead { days, n_left, n_top, n_unseen } = lead;
            let share = rate(lead.share());
            write!(
                f,
                "{days:>3} days before they left, {n_top:.0} of {n_left} accounts ({share}) were in the top {top}"
            )?;
            match n_unseen {
                0 => writeln!(f)?,
                n => writeln!(f, "; {n} more had no score then")?,
            }
        }
        for (date, problem) in &self.left_out {
            writeln!(f, "{date} was left out: {problem}")?;
        }
        Ok(())
    }
}

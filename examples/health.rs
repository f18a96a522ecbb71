//! Does health mean something? Who moved, why, what would help, and does it hold on later dates?
//!
//! `cargo run --release --example health -- [--seed N] [--accounts N] [--time]` simulates a business with known truth,
//! trains on its first quarters, scores later ones and prints, one a line as `name: value`:
//!
//! - `top_reason_is_a_cause`: share of red accounts (labels still to come) whose first reason speaks of a cause that
//!   truly raises their churn more than is usual;
//! - `red_over_amber`: churn rate of the red band over that of the amber one, on the later quarters, and
//!   `churn_by_band`: the rate of each with the share of the accounts that it holds;
//! - `segment_calibration_ratio`: calibration error within sales channels that no signal shows and that truly differ,
//!   of segments' own calibration over that of one for all, on later quarters;
//! - `coverage`: mean share of what matters that was known.
//!
//! Then the story of the account that fell furthest, and why another is likely to grow. `--csv FILE --label NAME` does the same, where it can, on a table of
//! your own with a third of it held out; `--time` measures scoring instead.

#[macro_use]
mod say;

use std::process::ExitCode;
use std::time::Instant;

use keepwell::frame::split::{GroupedFolds, StratifiedFolds};
use keepwell::frame::{Categories, Column, Frame, InferOptions, RawTable, Table};
use keepwell::health::{Band, Cohorts, HealthModel, LifeCycle, Scored};
use keepwell::metric;
use keepwell::model::Classifier;
use keepwell::schema::Schema;
use keepwell::simulate::{Cause, Simulation, Truth};
use keepwell::{ErrorKind, Result};

const USAGE: &str = "usage: health [--seed N] [--accounts N] [--time] | --csv FILE --label NAME";

struct Options {
    seed: u64,
    accounts: usize,
    time: bool,
    csv: Option<String>,
    label: Option<String>,
}

fn main() -> ExitCode {
    let done = options().and_then(|options| {
        let done = match (&options.csv, options.time) {
            (Some(csv), _) => of_table(csv, options.label.as_deref(), options.seed),
            (None, true) => times(&options),
            (None, false) => of_simulation(&options),
        };
        done.map_err(|error| error.to_string())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn options() -> std::result::Result<Options, String> {
    let mut options = Options { seed: 7, accounts: 4_000, time: false, csv: None, label: None };
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        if flag == "--time" {
            options.time = true;
            continue;
        }
        let value = args.next().ok_or(USAGE)?;
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} {value}: expected a whole number"));
        match flag.as_str() {
            "--seed" => options.seed = number()?,
            "--accounts" => options.accounts = number()? as usize,
            "--csv" => options.csv = Some(value),
            "--label" => options.label = Some(value),
            _ => return Err(format!("{flag} is unknown; {USAGE}")),
        }
    }
    Ok(options)
}

/// Quarters of which the first are learned from; the last two whose outcomes are known are the later ones.
const QUARTERS: usize = 6;
const LEARNED: usize = 4;

/// The simulated business, quarter by quarter, each account in a sales channel that no signal shows.
struct Business {
    simulation: Simulation,
    seed: u64,
}

impl Business {
    fn new(options: &Options) -> Result<Self> {
        let params = Simulation::params().n_accounts(options.accounts).n_periods(QUARTERS);
        let simulation = params.random_state(options.seed).simulate()?;
        Ok(Business { simulation, seed: options.seed })
    }

    fn schema() -> Schema {
        Schema::b2b_saas().as_of("as_of")
    }

    /// The accounts of some quarters with what came of them.
    fn frame(&self, quarters: std::ops::Range<usize>) -> Result<Frame> {
        let tables = quarters.map(|quarter| self.simulation.at(quarter)).collect::<Result<Vec<Table>>>()?;
        Frame::from_table(&below_one_another(&tables)?, &Self::schema())
    }

    fn truths(&self, quarters: std::ops::Range<usize>) -> Vec<&Truth> {
        quarters.flat_map(|quarter| self.simulation.truth_at(quarter)).collect()
    }

    /// As [`frame`](Self::frame), with a channel and the churn that follows from it: partners' accounts leave more, those
    /// of the marketplace less than their truth says.
    fn frame_by_channel(&self, quarters: std::ops::Range<usize>) -> Result<Frame> {
        let tables =
            quarters.clone().map(|quarter| self.simulation.at(quarter)).collect::<Result<Vec<Table>>>()?;
        let table = below_one_another(&tables)?;
        let ids = match table.column("account_id") {
            Some(Column::Category(ids)) => ids.clone(),
            _ => Categories::from_texts([]),
        };
        let channel_of = |row: usize| (self.chance(&[ids.text(row).unwrap_or("")]) * 3.0) as usize;
        let names = ["direct", "partner", "marketplace"];
        let truths = self.truths(quarters.clone());
        let first = quarters.start;
        let churned = truths.iter().enumerate().map(|(row, truth)| {
            let p = truth.churn_probability;
            let log_odds = (p / (1.0 - p)).ln() + [0.0, 1.0, -1.2][channel_of(row)];
            let drawn = self.chance(&[ids.text(row).unwrap_or(""), &format!("{first}-{row}")]);
            f64::from(u8::from(drawn < metric::sigmoid(log_odds)))
        });
        let mut columns: Vec<(String, Column)> = table
            .names()
            .iter()
            .cloned()
            .zip(table.columns().iter().cloned())
            .filter(|(name, _)| name != "churned" && name != "expanded")
            .collect();
        columns.push(("churned".into(), Column::Number(churned.collect())));
        let channels = (0..table.n_rows()).map(|row| Some(names[channel_of(row)]));
        columns.push(("channel".into(), Column::Category(Categories::from_texts(channels))));
        let mut schema = Self::schema().segment("channel");
        schema.labels.expansion = None;
        Frame::from_table(&Table::new(table.n_rows(), columns)?, &schema)
    }

    /// A number in [0, 1) that depends on some words and the seed alone.
    fn chance(&self, words: &[&str]) -> f64 {
        let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
        let mixed = bytes.fold(self.seed ^ 0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((mixed ^ (mixed >> 32)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Tables of the same columns, one below the other.
fn below_one_another(tables: &[Table]) -> Result<Table> {
    let n_rows = tables.iter().map(Table::n_rows).sum();
    let names = tables.first().map_or(&[][..], Table::names);
    let columns = names.iter().map(|name| {
        let parts: Vec<&Column> = tables.iter().filter_map(|table| table.column(name)).collect();
        let texts = |column: &Column| match column {
            Column::Category(texts) => {
                (0..texts.codes.len()).map(|row| texts.text(row).map(str::to_owned)).collect()
            }
            Column::Number(values) => vec![None; values.len()],
        };
        let numbers = |column: &Column| match column {
            Column::Number(values) => values.clone(),
            Column::Category(texts) => vec![f64::NAN; texts.codes.len()],
        };
        let column = match parts.iter().any(|part| matches!(part, Column::Category(_))) {
            false => Column::Number(parts.into_iter().flat_map(numbers).collect()),
            true => {
                let texts: Vec<Option<String>> = parts.into_iter().flat_map(texts).collect();
                Column::Category(Categories::from_texts(texts.iter().map(Option::as_deref)))
            }
        };
        (name.clone(), column)
    });
    Table::new(n_rows, columns.collect::<Vec<_>>())
}

fn of_simulation(options: &Options) -> Result<()> {
    let business = Business::new(options)?;
    let past = business.frame(0..LEARNED)?;
    let stages = LifeCycle::new("tenure_months", "days_to_renewal");
    let model =
        HealthModel::params(past.schema()).life_cycle(stages).random_state(options.seed).fit(&past)?;
    let later = business.frame(LEARNED..QUARTERS)?;
    let scored = model.score(&later)?;
    say!("top_reason_is_a_cause: {:.3}", share_of_causes(&scored, &business.truths(LEARNED..QUARTERS)));
    told_of_bands(&model, &scored);
    say!("segment_calibration_ratio: {:.3}", calibration_ratio(&business, options.seed)?);
    told_of_coverage(&scored);
    let [before, after] = [QUARTERS - 1, QUARTERS].map(|quarter| business.frame(quarter..quarter + 1));
    let (before, after) = (before?, after?);
    say!("");
    Cohorts::params().find(&past)?.cohorts().iter().for_each(|cohort| say!("{cohort}"));
    story(&model, &past, &before, &after)?;
    growth(&model, &after)
}

/// The account that stands out most as likely to grow, and why.
fn growth(model: &HealthModel, accounts: &Frame) -> Result<()> {
    let scored = model.score(accounts)?;
    let (Some(growth), Some(chance)) = (&scored.growth, &scored.expansion_probability) else { return Ok(()) };
    let Some(most) = (0..growth.len()).max_by(|&a, &b| growth[a].total_cmp(&growth[b])) else {
        return Ok(());
    };
    let (id, percent) = (&accounts.ids()[most], 100.0 * chance[most]);
    say!("\n{id}: growth {:.0}, {percent:.1} % within {} days", growth[most], scored.horizon_days);
    for reason in &scored.expansion_reasons[most] {
        say!("  {:+.1} points: {}", 100.0 * reason.points, reason.sentence);
    }
    Ok(())
}

/// The causes that a signal sees in the simulated business.
fn causes(signal: &str) -> &'static [Cause] {
    match signal {
        "executive_sponsor" | "champion_left" => &[Cause::People],
        "time_to_first_value_days" | "milestones_reached" | "onboarding_complete" => &[Cause::Adoption],
        "meetings_90d" | "days_since_last_contact" | "email_reply_share_90d" | "training_sessions_90d" => {
            &[Cause::Engagement]
        }
        "community_posts_90d" | "survey_response_share_180d" | "days_since_last_survey" => {
            &[Cause::Engagement]
        }
        "nps" | "csat" | "ticket_sentiment_90d" | "nps_change_180d" | "is_reference" => {
            &[Cause::Satisfaction]
        }
        "customer_effort_score" | "complaints_90d" | "invoices_disputed_180d" => {
            &[Cause::Satisfaction, Cause::Support]
        }
        "tickets_open" | "tickets_90d" | "first_response_hours_90d" | "resolution_hours_90d" => {
            &[Cause::Support]
        }
        "escalations_90d" => &[Cause::Support, Cause::Satisfaction],
        "failed_payments_90d" | "days_past_due" => &[Cause::Billing, Cause::Budget],
        "goals_reached_share" => &[Cause::Adoption, Cause::Satisfaction],
        "business_reviews_365d" => &[Cause::Engagement],
        "tenure_months" | "renewals_completed" => &[Cause::Tenure],
        "days_to_renewal" | "term_months" | "auto_renew" => &[Cause::Renewal],
        "price_change_share" => &[Cause::Price],
        "plan" | "tier" | "region" | "industry" | "employees" | "seats" | "mrr" | "payment_method" => &[],
        "discount_share" => &[],
        _ => &[Cause::Adoption],
    }
}

/// Share of the red accounts whose first reason speaks of a cause that raises their churn more than is usual.
fn share_of_causes(scored: &Scored, truths: &[&Truth]) -> f64 {
    let usual =
        |cause: Cause| truths.iter().map(|truth| truth.cause(cause)).sum::<f64>() / truths.len() as f64;
    let is_true = |row: usize| {
        let Some(reason) = scored.reasons[row].first() else { return false };
        causes(&reason.name).iter().any(|&cause| truths[row].cause(cause) > usual(cause))
    };
    let red: Vec<usize> = (0..truths.len()).filter(|&row| scored.band[row] == Band::Red).collect();
    red.iter().filter(|&&row| is_true(row)).count() as f64 / red.len().max(1) as f64
}

fn told_of_bands(model: &HealthModel, scored: &Scored) {
    let Some(churned) = scored.frame.churn() else { return };
    let of = |band: Band| {
        let rows = (0..churned.len()).filter(|&row| scored.band[row] == band);
        let known: Vec<bool> = rows.filter_map(|row| churned[row]).collect();
        let left = known.iter().filter(|&&churned| churned).count();
        [left as f64 / known.len().max(1) as f64, known.len() as f64 / churned.len().max(1) as f64]
    };
    let [red, amber, green] = [Band::Red, Band::Amber, Band::Green].map(of);
    say!("red_over_amber: {:.2}", red[0] / amber[0].max(1e-9));
    let told = |[rate, share]: [f64; 2]| format!("{:.1} % of {:.1} %", 100.0 * rate, 100.0 * share);
    say!("churn_by_band: red {}, amber {}, green {} of accounts", told(red), told(amber), told(green));
    model.bands_note().iter().for_each(|note| say!("note: {note}"));
    scored.notes.iter().for_each(|note| say!("note: {note}"));
}

fn told_of_coverage(scored: &Scored) {
    say!("coverage: {:.3}", scored.coverage.iter().sum::<f64>() / scored.coverage.len().max(1) as f64);
}

/// Calibration error within channels, of the segments' own calibration over that of one for all.
fn calibration_ratio(business: &Business, seed: u64) -> Result<f64> {
    let (past, later) =
        (business.frame_by_channel(0..LEARNED)?, business.frame_by_channel(LEARNED..QUARTERS)?);
    let error_of = |keys: &[&str]| {
        let model = HealthModel::params(past.schema())
            .segments(keys.iter().copied())
            .random_state(seed)
            .fit(&past)?;
        error_within(&model.score(&later)?, "channel")
    };
    Ok(error_of(&["channel"])? / error_of(&[])?)
}

/// Expected calibration error within the levels of a segment key, each weighing its accounts.
fn error_within(scored: &Scored, key: &str) -> Result<f64> {
    let (Some(churned), Some(probability)) = (scored.frame.churn(), &scored.churn_probability) else {
        return Ok(f64::NAN);
    };
    let Some(Column::Category(levels)) = scored.frame.segments().column(key) else { return Ok(f64::NAN) };
    let (mut error, mut n) = (0.0, 0.0);
    for level in levels.levels.iter() {
        let rows = (0..churned.len()).filter(|&row| levels.text(row) == Some(level.as_str()));
        let (y, p): (Vec<bool>, Vec<f64>) =
            rows.filter_map(|row| Some((churned[row]?, probability[row]))).unzip();
        error += y.len() as f64 * metric::calibration_error(&y, &p, 5, None)?;
        n += y.len() as f64;
    }
    Ok(error / n)
}

/// The account that fell furthest, and all that can be said of it.
fn story(model: &HealthModel, past: &Frame, before: &Frame, after: &Frame) -> Result<()> {
    let moves = model.moved(before, after, before.n_rows())?;
    let Some(fallen) = moves.iter().min_by(|a, b| a.health_change().total_cmp(&b.health_change())) else {
        say!("\nno account is in both snapshots");
        return Ok(());
    };
    say!("\n{fallen}");
    let row = after.ids().iter().position(|id| *id == fallen.id).unwrap_or(0);
    let one = after.take(&[row]);
    for reason in &model.score(&one)?.reasons[0] {
        say!("  {:+.1} points: {}", 100.0 * reason.points, reason.sentence);
    }
    say!("{}", model.recourse(&one, 0, Band::Green)?);
    say!("{}", model.similar_accounts(past)?.to(model, &one, 20)?[0]);
    say!("{}", model.usage_review(&one, 0, Some(before))?);
    say!("{}", model.value_review(&one, 0, Some(before))?);
    Ok(())
}

fn of_table(csv: &str, label: Option<&str>, seed: u64) -> Result<()> {
    let raw = RawTable::read_csv(csv)?;
    let infer = label.map_or_else(InferOptions::new, |label| InferOptions::new().churn(label));
    let frame = Frame::from_raw(&raw, &Schema::infer(&raw, &infer)?)?;
    let churned = frame.churn().ok_or_else(|| ErrorKind::NoLabel {
        hint: "name the column that says who left with --label".into(),
    })?;
    let happened: Vec<bool> = churned.iter().map(|label| label.unwrap_or(false)).collect();
    let splits = match frame.as_of() {
        Some(_) => GroupedFolds::new(3, seed).split(frame.ids(), &happened)?,
        None => StratifiedFolds::new(3, seed).split(&happened)?,
    };
    let (past, held_out) = (frame.take(&splits[0].0), frame.take(&splits[0].1));
    let model = HealthModel::params(frame.schema()).random_state(seed).fit(&past)?;
    let scored = model.score(&held_out)?;
    told_of_bands(&model, &scored);
    told_of_coverage(&scored);
    say!("");
    model.segments().iter().take(10).for_each(|segment| say!("{segment}"));
    Cohorts::params().find(&past)?.cohorts().iter().for_each(|cohort| say!("{cohort}"));
    let Some(worst) = (0..held_out.n_rows()).min_by(|&a, &b| scored.health[a].total_cmp(&scored.health[b]))
    else {
        return Ok(());
    };
    say!("\n{}: health {:.0} ({})", held_out.ids()[worst], scored.health[worst], scored.band[worst]);
    for reason in &scored.reasons[worst] {
        say!("  {:+.1} points: {}", 100.0 * reason.points, reason.sentence);
    }
    say!("{}", model.recourse(&held_out, worst, Band::Green)?);
    say!("{}", model.similar_accounts(&past)?.to(&model, &held_out.take(&[worst]), 20)?[0]);
    Ok(())
}

/// The shortest of some runs, in seconds.
fn shortest<T>(runs: usize, mut run: impl FnMut() -> Result<T>) -> Result<f64> {
    let mut shortest = f64::INFINITY;
    for _ in 0..runs {
        let start = Instant::now();
        std::hint::black_box(run()?);
        shortest = shortest.min(start.elapsed().as_secs_f64());
    }
    Ok(shortest)
}

fn times(options: &Options) -> Result<()> {
    let business = Business::new(options)?;
    let past = business.frame(LEARNED..QUARTERS)?;
    let model = HealthModel::params(past.schema()).random_state(options.seed).fit(&past)?;
    let rows: Vec<usize> = (0..100_000).map(|row| row % past.n_rows()).collect();
    let (many, one) = (past.take(&rows), past.take(&[7]));
    say!("score_100k_seconds: {:.2}", shortest(3, || model.score(&many))?);
    say!("score_one_us: {:.1}", 1e6 * shortest(2_000, || model.score(&one))?);
    let blend = model.churn_model().map(|blend| shortest(2_000, || blend.contributions(one.signals())));
    say!("of_which_contributions_to_churn_us: {:.1}", 1e6 * blend.transpose()?.unwrap_or(f64::NAN));
    say!("index_100k_seconds: {:.2}", shortest(1, || model.similar_accounts(&many))?);
    let index = model.similar_accounts(&many)?;
    say!("similar_ms: {:.2}", 1e3 * shortest(50, || index.to(&model, &one, 20))?);
    let scored = model.score(&past)?;
    let red = (0..past.n_rows()).find(|&row| scored.band[row] == Band::Red).unwrap_or(0);
    say!("recourse_ms: {:.2}", 1e3 * shortest(50, || model.recourse(&past, red, Band::Green))?);
    let before = business.frame(LEARNED..LEARNED + 1)?;
    let after = business.frame(LEARNED + 1..LEARNED + 2)?;
    say!("moved_20_ms: {:.1}", 1e3 * shortest(3, || model.moved(&before, &after, 20))?);
    Ok(())
}

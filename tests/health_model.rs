//! The main job, seen from outside: train, save, load, score, explain.

mod common;

use std::ops::ControlFlow;
use std::sync::Mutex;

use common::{frame, schema};
use keepwell::explain::Outcome;
use keepwell::frame::Frame;
use keepwell::health::{Band, HealthModel};
use keepwell::model::{Classifier, Effort, ModelFile};
use keepwell::schema::{Dimension, Kind, Signal};
use keepwell::{ErrorKind, Result};

fn fitted() -> Result<HealthModel> {
    HealthModel::params(&schema()).random_state(3).fit(&frame(1_500))
}

#[test]
fn less_effort_tries_less() -> Result<()> {
    let tried = |effort| {
        let model = HealthModel::params(&schema()).effort(effort).fit(&frame(400))?;
        Ok(model.churn_model().unwrap().members().len())
    };
    let (fast, balanced): (Result<usize>, Result<usize>) = (tried(Effort::Fast), tried(Effort::Balanced));
    assert!(fast? < balanced?);
    Ok(())
}

#[test]
fn base_and_contributions_make_the_log_odds_of_both_outcomes() {
    let (model, accounts) = (fitted().unwrap(), frame(300));
    for (outcome, blend) in [
        (Outcome::Churn, model.churn_model().unwrap()),
        (Outcome::Expansion, model.expansion_model().unwrap()),
    ] {
        let contributions = model.contributions(&accounts, outcome).unwrap().unwrap();
        let parts = model.segment_parts(&accounts, outcome).unwrap().unwrap();
        let scored = model.score(&accounts).unwrap();
        let probability = match outcome {
            Outcome::Churn => scored.churn_probability.unwrap(),
            Outcome::Expansion => scored.expansion_probability.unwrap(),
        };
        let of_all = blend.log_odds(accounts.signals()).unwrap();
        for row in 0..300 {
            let sum = contributions.base + parts[row] + contributions.row(row).iter().sum::<f64>();
            let expected = (probability[row] / (1.0 - probability[row])).ln();
            assert!((sum - expected).abs() < 1e-6, "row {row}: {sum} {expected}");
            // The business's plans do not differ, so that their own calibration changes little.
            assert!((sum - of_all[row]).abs() < 0.5, "row {row}: {sum} {}", of_all[row]);
        }
    }
}

#[test]
fn it_finds_what_was_put_in() {
    let model = fitted().unwrap();
    assert!(model.churn_quality().unwrap().roc_auc > 0.75, "{:?}", model.churn_quality());
    assert!(model.expansion_quality().unwrap().roc_auc > 0.7, "{:?}", model.expansion_quality());
    let scored = model.score(&frame(1_500)).unwrap();
    let worst = (0..1_500).min_by(|&a, &b| scored.health[a].total_cmp(&scored.health[b])).unwrap();
    assert_eq!(scored.band[worst], Band::Red);
    assert!(scored.reasons[worst][0].sentence.ends_with("raises churn risk"), "{:?}", scored.reasons[worst]);
    let told: Vec<&str> = scored.reasons[worst].iter().map(|reason| reason.name.as_str()).collect();
    assert!(told.contains(&"seat_utilisation"), "{told:?}");
}

#[test]
fn health_falls_as_churn_risk_rises_and_both_are_there() {
    let scored = fitted().unwrap().score(&frame(400)).unwrap();
    let probability = scored.churn_probability.as_ref().unwrap();
    for segment in ["plan free", "plan team", "plan business"] {
        let mut order: Vec<usize> = (0..400).filter(|&row| &*scored.segment[row] == segment).collect();
        assert!(order.len() > 50);
        order.sort_by(|&a, &b| probability[a].total_cmp(&probability[b]));
        for pair in order.windows(2) {
            assert!(scored.health[pair[0]] >= scored.health[pair[1]] - 1e-6);
            assert!(scored.band[pair[0]] >= scored.band[pair[1]]);
        }
    }
    assert!(scored.health.iter().all(|health| (0.0..=100.0).contains(health)));
    assert!(probability.iter().all(|p| (0.0..=1.0).contains(p)));
}

#[test]
fn sub_scores_add_up_to_health() {
    let scored = fitted().unwrap().score(&frame(200)).unwrap();
    let logit = |score: f64| (score / (100.0 - score)).ln();
    for (health, parts) in scored.health.iter().zip(&scored.sub_scores) {
        assert!((logit(*health) - parts.iter().map(|&part| logit(part)).sum::<f64>()).abs() < 1e-6);
    }
}

#[test]
fn a_saved_model_scores_the_same_bits() {
    let (model, accounts) = (fitted().unwrap(), frame(250));
    let path = std::env::temp_dir().join(format!("keepwell-{}.keepwell", std::process::id()));
    model.save(&path).unwrap();
    let loaded = HealthModel::load(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let bits = |model: &HealthModel| {
        let scored = model.score(&accounts).unwrap();
        let all = [scored.churn_probability.unwrap(), scored.expansion_probability.unwrap(), scored.health];
        all.concat().into_iter().map(f64::to_bits).collect::<Vec<u64>>()
    };
    assert_eq!(bits(&model), bits(&loaded));
    assert_eq!(model.to_bytes(), loaded.to_bytes());
}

#[test]
fn one_account_scores_as_in_company() {
    let (model, accounts) = (fitted().unwrap(), frame(60));
    let all = model.score(&accounts).unwrap();
    for row in 0..60 {
        let alone = model.score(&accounts.take(&[row])).unwrap();
        assert_eq!(alone.churn_probability.unwrap()[0], all.churn_probability.as_ref().unwrap()[row]);
        assert_eq!((alone.health[0], &alone.reasons[0]), (all.health[row], &all.reasons[row]));
    }
}

#[test]
fn the_same_bytes_at_any_number_of_threads_and_again() {
    let past = frame(1_000);
    let bytes = |n_jobs| HealthModel::params(&schema()).n_jobs(n_jobs).fit(&past).unwrap().to_bytes();
    let one = bytes(1);
    assert_eq!(one, bytes(2));
    assert_eq!(one, bytes(3));
    assert_eq!(one, bytes(1));
}

#[test]
fn only_one_label_is_fine() {
    let mut schema = schema();
    schema.labels.churn = None;
    let past = keepwell::frame::Frame::from_csv_reader(common::csv(800).as_bytes(), &schema).unwrap();
    let scored = HealthModel::params(&schema).fit(&past).unwrap().score(&past).unwrap();
    assert!(scored.churn_probability.is_none());
    assert!(scored.reasons.iter().flatten().all(|reason| reason.sentence.contains("the chance to grow")));
}

#[test]
fn progress_rises_to_the_end_and_a_break_cancels() {
    let past = frame(600);
    let shares = Mutex::new(Vec::new());
    let note = |progress: keepwell::model::Progress| {
        shares.lock().unwrap().push(progress.done);
        ControlFlow::Continue(())
    };
    HealthModel::params(&schema()).fit_with_progress(&past, &note).unwrap();
    let shares = shares.into_inner().unwrap();
    assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]) && (shares.last().unwrap() - 1.0).abs() < 1e-9);
    let cancelled = HealthModel::params(&schema()).fit_with_progress(&past, &|_| ControlFlow::Break(()));
    let error = cancelled.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Cancelled));
    assert_eq!(error.to_string(), "training was cancelled by its progress callback");
}

#[test]
fn a_direction_of_the_schema_holds_for_every_account() {
    let model = fitted().unwrap();
    let (header, rows) = (common::csv(0), common::csv(40));
    for account in rows.lines().skip(1) {
        let swept = |at: usize| {
            let mut cells: Vec<String> = account.split(',').map(str::to_owned).collect();
            (cells[0], cells[3]) = (format!("B{at}"), format!("{:.2}", at as f64 / 50.0));
            cells.join(",")
        };
        let text = format!("{header}{}\n", (0..=50).map(swept).collect::<Vec<_>>().join("\n"));
        let swept = keepwell::frame::Frame::from_csv_reader(text.as_bytes(), &schema()).unwrap();
        let risk = model.score(&swept).unwrap().churn_probability.unwrap();
        assert!(risk.windows(2).all(|pair| pair[1] <= pair[0] + 1e-12), "{account}: {risk:?}");
        assert!(risk[0] > risk[50]);
    }
}

/// Accounts with ten rows each, whose label nothing foretells: whoever knows an account knows its label.
fn ten_rows_an_account(label: impl Fn(usize) -> bool) -> (keepwell::schema::Schema, String) {
    use keepwell::schema::{Dimension, Kind, Schema, Signal};
    let signal = |name| Signal::new(name, Dimension::Usage, Kind::Number);
    let schema =
        Schema::new().id("id").as_of("as_of").churn("churned").signal(signal("a")).signal(signal("b"));
    let row = |row: usize| {
        let (account, day) = (row / 10, 1 + row % 10);
        let [a, b] = [1, 2].map(|column| common::part(account, column));
        format!("A{account},2026-01-{day:02},{a},{b},{}\n", u8::from(label(account)))
    };
    (schema, format!("id,as_of,a,b,churned\n{}", (0..1_000).map(row).collect::<String>()))
}

#[test]
fn an_account_never_foretells_itself() {
    let (schema, text) = ten_rows_an_account(|account| common::part(account, 3) < 0.3);
    let past = keepwell::frame::Frame::from_csv_reader(text.as_bytes(), &schema).unwrap();
    let quality = *HealthModel::params(&schema).fit(&past).unwrap().churn_quality().unwrap();
    // Folds of rows instead of accounts give an AUC of 1 here.
    assert!(quality.roc_auc < 0.7, "{quality}");
}

#[test]
fn a_quality_is_told_only_of_accounts_not_learned_from() {
    let (schema, text) = ten_rows_an_account(|account| account == 7);
    let past = keepwell::frame::Frame::from_csv_reader(text.as_bytes(), &schema).unwrap();
    let model = HealthModel::params(&schema).fit(&past).unwrap();
    assert!(model.churn_quality().is_none());
    assert!(model.score(&past).unwrap().health.iter().all(|health| (0.0..=100.0).contains(health)));
}

#[test]
fn intervals_hold_the_probability_and_are_the_same_from_a_file() {
    let (model, accounts) = (fitted().unwrap(), frame(400));
    let probability = model.score(&accounts).unwrap().churn_probability.unwrap();
    let intervals = model.probability_intervals(&accounts, Outcome::Churn, 0.9).unwrap().unwrap();
    for (p, interval) in probability.iter().zip(&intervals) {
        assert!(0.0 < interval.lower && interval.lower <= *p && *p <= interval.upper && interval.upper < 1.0);
    }
    let again = HealthModel::from_bytes(&model.to_bytes()).unwrap();
    assert_eq!(again.probability_intervals(&accounts, Outcome::Churn, 0.9).unwrap().unwrap(), intervals);
    let refusal = model.probability_intervals(&accounts, Outcome::Churn, 1.5).unwrap_err();
    assert_eq!(refusal.to_string(), "`level` is 1.5, expected above 0 and below 1");
}

#[test]
fn twelve_who_left_leave_much_open() {
    let widths = [90, 1_500].map(|n| {
        let model = HealthModel::params(&schema()).fit(&frame(n)).unwrap();
        let intervals = model.probability_intervals(&frame(200), Outcome::Expansion, 0.9).unwrap().unwrap();
        intervals.iter().map(|interval| interval.upper - interval.lower).sum::<f64>() / 200.0
    });
    assert!(widths[0] > 0.1 && widths[0] > 2.0 * widths[1], "{widths:?}");
}

#[test]
fn segments_come_to_a_rate_within_their_bounds() {
    let (model, accounts) = (fitted().unwrap(), frame(1_500));
    let rates = model.segment_rates(&accounts, Outcome::Churn, "plan", 0.99).unwrap().unwrap();
    assert_eq!((rates.len(), rates.iter().map(|rate| rate.n_accounts).sum::<usize>()), (3, 1_500));
    for rate in &rates {
        let within = rate.expected.lower..=rate.expected.upper;
        assert!(within.contains(&rate.expected.rate) && within.contains(&rate.observed.unwrap()), "{rate:?}");
    }
    let refusal = model.segment_rates(&accounts, Outcome::Churn, "tier", 0.9).unwrap_err();
    assert_eq!(refusal.to_string(), "column `tier` (segment key) is not in the table; its columns are: plan");
}

#[test]
fn signals_that_know_the_label_are_warned_of_and_the_warning_is_kept() -> Result<()> {
    assert_eq!(HealthModel::params(&schema()).effort(Effort::Fast).fit(&frame(400))?.warnings(), [""; 0]);
    // What is only written down of those who left.
    let with_reason = |(at, line): (usize, &str)| match (at, line.split(',').nth(7)) {
        (0, _) => format!("{line},refund\n"),
        (_, Some("1")) => format!("{line},40\n"),
        _ => format!("{line},\n"),
    };
    let csv: String = common::csv(400).lines().enumerate().map(with_reason).collect();
    let schema = schema().signal(Signal::new("refund", Dimension::Billing, Kind::Number));
    let past = Frame::from_csv_reader(csv.as_bytes(), &schema)?;
    let model = HealthModel::params(&schema).effort(Effort::Fast).fit(&past)?;
    let warnings = model.warnings();
    assert!(
        !warnings.is_empty() && warnings.iter().all(|text| text.starts_with("`refund` ")),
        "{warnings:?}"
    );
    assert!(warnings[0].starts_with("`refund` alone predicts `churned` with AUC 1.000"), "{warnings:?}");
    assert_eq!(HealthModel::from_bytes(&model.to_bytes())?.warnings(), warnings);
    Ok(())
}

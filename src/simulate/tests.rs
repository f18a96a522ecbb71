//! What the simulated business must be: reproducible, honest about its dates, with rates as in real life.

use super::*;
use crate::frame::Column;
use crate::timeline::prove_point_in_time;

fn business(n_accounts: usize, seed: u64) -> Simulation {
    Simulation::params().n_accounts(n_accounts).random_state(seed).simulate().unwrap()
}

fn numbers(table: &Table, name: &str) -> Vec<f64> {
    match table.column(name) {
        Some(Column::Number(values)) => values.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

/// Probability that a positive has the higher score, by ranks.
fn auc(scores: &[f64], labels: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let ranks: f64 =
        order.iter().enumerate().filter(|(_, row)| labels[**row] == 1.0).map(|(r, _)| r as f64 + 1.0).sum();
    let positives: f64 = labels.iter().sum();
    (ranks - positives * (positives + 1.0) / 2.0) / (positives * (labels.len() as f64 - positives))
}

#[test]
fn rates_and_ceiling_are_as_in_real_life() {
    let business = business(4_000, 1);
    let past = business.past().unwrap();
    let truth = business.truth_past();
    assert_eq!((past.n_rows(), truth.len()), (4_000, 4_000));
    for (label, low, high) in [("churned", 0.06, 0.10), ("expanded", 0.08, 0.12)] {
        let found = numbers(&past, label);
        let rate = found.iter().sum::<f64>() / found.len() as f64;
        let scores: Vec<f64> = truth
            .iter()
            .map(|t| if label == "churned" { t.churn_probability } else { t.expansion_probability })
            .collect();
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        assert!((low..=high).contains(&mean), "{label}: {mean}");
        assert!((rate - mean).abs() < 0.015, "{label}: {rate} against {mean}");
        let ceiling = auc(&scores, &found);
        assert!((0.75..0.90).contains(&ceiling), "{label}: {ceiling}");
    }
}

#[test]
fn the_same_seed_makes_the_same_business() {
    let [a, b] = [(); 2].map(|()| business(60, 3));
    assert!(a.records() == b.records());
    assert_eq!(a.truth_today(), b.truth_today());
    assert!(a.records() != business(60, 4).records());
}

#[test]
fn no_snapshot_knows_its_future() {
    let business = business(80, 5);
    let labelling = Labelling::default();
    for date in business.dates() {
        prove_point_in_time(business.records(), &b2b_saas(), &labelling, date).unwrap();
    }
}

#[test]
fn truth_stands_beside_each_row() {
    let business = Simulation::params().n_accounts(300).n_periods(4).random_state(2).simulate().unwrap();
    assert_eq!(business.dates().len(), 5);
    for date in 0..5 {
        let table = business.at(date).unwrap();
        let truths = business.truth_at(date);
        assert_eq!(table.n_rows(), truths.len());
        // The tenure that the truth was reckoned with is the one that the snapshot shows.
        for (tenure, truth) in numbers(&table, "tenure_months").into_iter().zip(truths) {
            let expected = 0.35 - 0.45 * (tenure / 12.0).ln_1p();
            assert!((truth.cause(Cause::Tenure) - expected).abs() < 1e-9);
        }
    }
    assert!(numbers(&business.at(4).unwrap(), "churned").iter().all(|label| label.is_nan()));
    assert!(business.at(5).is_err());
}

#[test]
fn missing_values_are_where_they_are_natural() {
    let past = business(1_000, 6).past().unwrap();
    let share = |name: &str| {
        let values = numbers(&past, name);
        values.iter().filter(|value| value.is_nan()).count() as f64 / values.len() as f64
    };
    for (name, low, high) in [("nps", 0.05, 0.5), ("price_change_share", 0.2, 0.9), ("mrr", 0.0, 0.0)] {
        assert!((low..=high).contains(&share(name)), "{name}: {}", share(name));
    }
    assert_eq!(share("tickets_open"), 0.0);
    assert!(numbers(&past, "tickets_open").iter().all(|open| *open >= 0.0));
}

#[test]
fn silence_tells_something() {
    let business = business(3_000, 8);
    let (past, truth) = (business.past().unwrap(), business.truth_past());
    let nps = numbers(&past, "nps");
    let mean = |silent: bool| {
        let chosen: Vec<f64> = truth
            .iter()
            .zip(&nps)
            .filter(|(_, nps)| nps.is_nan() == silent)
            .map(|(t, _)| t.churn_probability)
            .collect();
        chosen.iter().sum::<f64>() / chosen.len() as f64
    };
    assert!(mean(true) > 1.1 * mean(false), "{} {}", mean(true), mean(false));
}

#[test]
fn parameters_outside_their_range_are_refused() {
    let refused = |params: SimulationParams| params.simulate().unwrap_err().to_string();
    assert_eq!(refused(Simulation::params().n_accounts(0)), "`n_accounts` is 0, expected 1 to 1000000");
    assert_eq!(refused(Simulation::params().n_periods(21)), "`n_periods` is 21, expected 1 to 20");
}

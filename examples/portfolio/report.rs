//! The page itself.

use keepwell::Result;
use keepwell::action::{Plan, Recommendation};
use keepwell::explain::Reason;
use keepwell::health::{Band, HealthModel, Quality, Scored};
use keepwell::model::BlendClassifier;
use keepwell::revenue::Book;
use keepwell::schema::{Money, Schema};

/// What the columns were taken for.
pub fn schema(path: &str, schema: &Schema, n_rows: usize) {
    let named = |label: &Option<String>| label.as_deref().unwrap_or("none").to_owned();
    say!(
        "{path}: {n_rows} accounts, {} signals; churn label: {}, expansion label: {}",
        schema.signals.len(),
        named(&schema.labels.churn),
        named(&schema.labels.expansion)
    );
    for aside in &schema.set_aside {
        say!("  set aside: {} ({})", aside.column, aside.reason);
    }
}

pub fn has_value(scored: &Scored) -> bool {
    scored.frame.value_cents().is_some()
}

/// Accounts, recurring revenue, expected loss and growth.
pub fn book(scored: &Scored) -> Result<()> {
    heading("The book");
    let in_band = |band| scored.band.iter().filter(|&&other| other == band).count();
    let [red, amber, green] = [Band::Red, Band::Amber, Band::Green].map(in_band);
    say!("{} accounts: {red} red, {amber} amber, {green} green", scored.frame.n_rows());
    if has_value(scored) {
        say!("{}", Book::params().reckon(scored)?);
    } else {
        say!("No recurring value is known, so nothing is said in money; name its column with --value.");
    }
    for (what, probability) in [("leave", &scored.churn_probability), ("grow", &scored.expansion_probability)]
    {
        if let Some(probability) = probability {
            let expected: f64 = probability.iter().sum();
            say!("expected to {what} within {} days: {expected:.0} accounts", scored.horizon_days);
        }
    }
    Ok(())
}

/// The accounts with most at stake: money where it is known, probability otherwise.
pub fn accounts(scored: &Scored, plan: Option<&Plan>, top: usize) {
    let mut rows: Vec<usize> = (0..scored.frame.n_rows()).collect();
    rows.sort_by(|&a, &b| at_stake(scored, b).total_cmp(&at_stake(scored, a)));
    rows.truncate(top);
    heading(&format!("The {} accounts that matter most", rows.len()));
    for (at, &row) in rows.iter().enumerate() {
        account(at + 1, scored, row, plan.map(|plan| &plan.recommendations[row]));
    }
}

/// What an expansion adds, as a share of the recurring value, as the book reckons it.
const EXPANSION_VALUE: f64 = 0.2;

/// What may be lost and what may be won, times the recurring value where that is known.
fn stakes(scored: &Scored, row: usize) -> (f64, f64) {
    let of =
        |probability: &Option<Vec<f64>>| probability.as_ref().map_or(0.0, |probability| probability[row]);
    let value = scored.frame.value_cents().map_or(1.0, |cents| cents[row].unwrap_or(0) as f64);
    (value * of(&scored.churn_probability), value * EXPANSION_VALUE * of(&scored.expansion_probability))
}

fn at_stake(scored: &Scored, row: usize) -> f64 {
    let (loss, growth) = stakes(scored, row);
    loss.max(growth)
}

/// Reasons for the score by which more is at stake.
fn reasons(scored: &Scored, row: usize) -> &[Reason] {
    let (loss, growth) = stakes(scored, row);
    let reasons = if growth > loss { &scored.expansion_reasons } else { &scored.reasons };
    &reasons[row]
}

fn percent(name: &str, probability: &Option<Vec<f64>>, row: usize) -> String {
    match probability.as_ref().map(|probability| 100.0 * probability[row]) {
        None => String::new(),
        Some(percent) if percent < 0.5 => format!("{name} <1 %  "),
        Some(percent) if percent > 99.0 => format!("{name} >99 %  "),
        Some(percent) => format!("{name} {percent:.0} %  "),
    }
}

fn account(place: usize, scored: &Scored, row: usize, recommendation: Option<&Recommendation>) {
    say!(
        "{place:>2}. {:<12} {}{}health {:.0} {:<6} {}",
        scored.frame.ids()[row],
        percent("churn", &scored.churn_probability, row),
        percent("growth", &scored.expansion_probability, row),
        scored.health[row],
        scored.band[row],
        worth_a_year(scored, row)
    );
    for reason in reasons(scored, row) {
        say!("      {}", reason.sentence);
    }
    if let Some(recommendation) = recommendation {
        say!("    → {recommendation}");
    }
}

fn worth_a_year(scored: &Scored, row: usize) -> String {
    let schema = scored.frame.schema();
    let (Some(value), Some(cents)) = (&schema.value, scored.frame.value_cents()) else {
        return String::new();
    };
    let yearly = |cents: i64| Money::new((cents as f64 * value.per_year).round() as i64, &value.currency);
    cents[row].map_or("value unknown".into(), |cents| format!("{} a year", yearly(cents)))
}

/// What the plan would bring in all.
pub fn plan(plan: Option<&Plan>) {
    let Some(plan) = plan else { return };
    heading("The plan");
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for (_, recommended) in plan.to_do() {
        let title = recommended.action.title.as_str();
        match counts.iter_mut().find(|(other, _)| *other == title) {
            Some((_, count)) => *count += 1,
            None => counts.push((title, 1)),
        }
    }
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    for (title, count) in counts {
        say!("{count:>5} × {title}");
    }
    say!("{plan}");
}

/// How well it did on accounts it had not seen.
pub fn quality(qualities: &[(&str, Quality)], model: &HealthModel, n_learned: usize) {
    heading("How well the model did");
    for (name, quality) in qualities {
        say!("{name}: {quality}");
    }
    say!("(accounts held out of a training on {n_learned} others)");
    for (name, blend) in [("churn", model.churn_model()), ("expansion", model.expansion_model())] {
        if let Some(blend) = blend {
            say!("{name} model: {}", members(blend));
        }
    }
}

fn members(blend: &BlendClassifier) -> String {
    let told = blend.members().iter().map(|member| match member.weight {
        0.0 => format!("{} left out", member.name),
        weight => format!("{} {weight:.2}", member.name),
    });
    told.collect::<Vec<_>>().join(", ")
}

fn heading(text: &str) {
    say!("\n{text}\n{}", "─".repeat(text.chars().count()));
}

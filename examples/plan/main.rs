//! Does a plan by learned effects earn what it could, and is it as sure as it says?
//!
//! `cargo run --release --example plan -- [--seed 1] [--repeats 4] [--log-rows 160000] [--effect 1] [--months 12]`
//!
//! A made-up business whose actions' true effects are known ([`EffectWorld`]; every seed draws another). Scores are
//! learned from accounts of the past, effects from an experiment in which actions were given at random. Then accounts
//! that neither has seen are planned for, with five pools that do not suffice for all, and the plan is held against the
//! truth, which nothing but this page looks at. That is done `--repeats` times, with other accounts each time, since how
//! often intervals hold the truth shows over experiments only: most recommendations of one share its errors. Printed are
//! means over these (each by itself goes to stderr), as `name: value`:
//!
//! - `plan_over_best`: what the plan truly earns, over a bound on what any plan could that knows all that the table tells
//!   about true effects and risks; `plan_over_clairvoyant`: over a bound for one that knows each account's hidden states.
//! - `plan_over_riskiest`: over what calling the riskiest earns, until the same hours are used up;
//!   `plan_over_riskiest_with_all`: over what giving the riskiest the action that is best on average earns, with all
//!   pools.
//! - `interval_coverage_90`: how often the interval of a recommendation's money holds the truth;
//!   `option_coverage_90`: that of all options, taken or not.
//! - `told_over_earned`: what the plan says it brings, over what it does; `risk_effect_correlation`: between an account's
//!   risk and the most that any action takes from it.
//! - `bound_gap`: by how much the plan may fall short of the best by what it was told, proven; the largest.
//! - `learning_month_N`: a year that begins with wrong assumptions; of 10,000 accounts a month two in five explore in its
//!   first half, one in ten in its second. What the plan of that month earns, over the bound; what exploring costs is not
//!   in it.
//!
//! The effects are strong (a success manager's call takes about a third of an account's risk away) and the log is long.
//! `--effect 0.5` halves what the actions do in log-odds, `--log-rows 40000` shortens the log: both make it harder.

#[macro_use]
#[path = "../say/mod.rs"]
mod say;
mod business;
mod options;
mod truth;
mod year;

use keepwell::Result;
use keepwell::action::Playbook;
use keepwell::simulate::EffectWorld;

use business::{Business, capacity};
use options::Options;
use truth::Truth;

const N_TODAY: usize = 6_000;

fn main() {
    let done = Options::read(std::env::args().skip(1))
        .and_then(|options| run(&options).map_err(|error| error.to_string()));
    if let Err(problem) = done {
        eprintln!("{problem}");
        std::process::exit(2);
    }
}

fn run(options: &Options) -> Result<()> {
    let world = EffectWorld::new(options.seed).strength(options.effect);
    let playbook = Playbook::from_toml_for(include_str!("playbook.toml"), &EffectWorld::schema())?;
    let mut all = Vec::new();
    for repeat in 0..options.repeats {
        let business = Business::new(&world, &playbook, options.seed, repeat)?;
        let figures = experiment(&business, options.log_rows)?;
        eprintln!("repeat {}: {}", repeat + 1, line(&figures));
        all.push(figures);
    }
    for (at, (name, _)) in all[0].iter().enumerate() {
        let of_all = all.iter().map(|figures| figures[at].1);
        match *name {
            "bound_gap" => say!("{name}: {:.6}", of_all.fold(0.0, f64::max)),
            _ => say!("{name}: {:.4}", of_all.sum::<f64>() / options.repeats as f64),
        }
    }
    year::live(&Business::new(&world, &playbook, options.seed, 0)?, options.months)
}

fn line(figures: &Figures) -> String {
    figures.iter().map(|(name, value)| format!("{name} {value:.4}")).collect::<Vec<String>>().join(", ")
}

/// What is printed, by name.
type Figures = Vec<(&'static str, f64)>;

/// Learns from an experiment, plans for others, and holds the plan against the truth.
fn experiment(business: &Business<'_>, log_rows: usize) -> Result<Figures> {
    let learned = business.experiment(log_rows)?.learn(business.seed)?;
    for model in [&learned.churn, &learned.growth].into_iter().flatten() {
        model.reports().iter().for_each(|report| eprintln!("{report}"));
    }
    let today = business.accounts(N_TODAY, 2)?;
    let frame = business.frame(&today)?;
    let (plan, scored) = business.plan(&frame, &capacity(N_TODAY), &learned)?;
    let truth = Truth::new(business.playbook, &today, &plan);
    let earned = truth.earned(&plan);
    Ok(vec![
        ("plan_over_best", earned / truth.bound()),
        ("plan_over_clairvoyant", truth.truly_earned(&plan) / truth.clairvoyant_bound()),
        ("plan_over_riskiest", earned / truth.calling_the_riskiest(&scored)),
        ("plan_over_riskiest_with_all", earned / truth.acting_on_the_riskiest(&scored)),
        ("interval_coverage_90", truth.coverage(&plan)),
        ("option_coverage_90", truth.option_coverage(&plan)),
        ("told_over_earned", plan.total.expected.cents as f64 / 100.0 / earned),
        ("risk_effect_correlation", truth.risk_effect_correlation()),
        ("bound_gap", plan.gap),
    ])
}

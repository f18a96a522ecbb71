//! Planning as a team does it: `cargo bench --bench plan`.
//!
//! 100,000 accounts, 10 actions, 5 pools and a budget; then with up to two actions an account.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use keepwell::action::{Action, Capacity, Change, Effect, Goal, Playbook};
use keepwell::frame::{Categories, Column, Frame, Table};
use keepwell::health::{Band, Scored};
use keepwell::schema::{Dimension, Kind, Money, Schema, Signal, Value};

const N_ACCOUNTS: usize = 100_000;
const N_ACTIONS: usize = 10;
const N_POOLS: usize = 5;

/// A number in [0, 1) that depends on row and column alone.
fn part(row: usize, column: usize) -> f64 {
    let mixed = (row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (column as u64 + 1).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

fn scored() -> Scored {
    let rows = 0..N_ACCOUNTS;
    let ids: Vec<String> = rows.clone().map(|row| format!("A{row}")).collect();
    let ids = Categories::from_texts(ids.iter().map(|id| Some(id.as_str())));
    let mut columns = vec![
        ("account_id".to_owned(), Column::Category(ids)),
        (
            "mrr".to_owned(),
            Column::Number(rows.clone().map(|row| (4.0 + 3.0 * part(row, 0)).exp().round()).collect()),
        ),
    ];
    let mut schema = Schema::new().id("account_id").value(Value::new("mrr"));
    for at in 0..N_ACTIONS {
        let name = format!("signal_{at}");
        columns.push((name.clone(), Column::Number(rows.clone().map(|row| part(row, 10 + at)).collect())));
        schema = schema.signal(Signal::new(name, Dimension::Usage, Kind::Share));
    }
    let table = Table::new(N_ACCOUNTS, columns).expect("columns of equal length");
    Scored {
        frame: Frame::from_table(&table, &schema).expect("a frame of the schema"),
        churn_probability: Some(rows.map(|row| 0.01 + 0.5 * part(row, 1).powi(2)).collect()),
        expansion_probability: None,
        health: vec![50.0; N_ACCOUNTS],
        growth: None,
        band: vec![Band::Amber; N_ACCOUNTS],
        sub_scores: vec![[50.0; 8]; N_ACCOUNTS],
        segment: vec![Arc::from("all"); N_ACCOUNTS],
        coverage: vec![1.0; N_ACCOUNTS],
        reasons: vec![Vec::new(); N_ACCOUNTS],
        expansion_reasons: vec![Vec::new(); N_ACCOUNTS],
        horizon_days: 90,
        notes: Vec::new(),
    }
}

/// Every action is for nine accounts in ten, so that there is plenty to choose from.
fn playbook(max_actions: usize) -> Playbook {
    let action = |at: usize| {
        let mean = 0.05 + 0.03 * at as f64;
        let effect = Effect::assumed_on_churn(Change::relative(mean), "a guess");
        let action = Action::new(format!("action_{at}"), "An action", Goal::Retain, effect);
        let action =
            action.cost(2.0 * at as f64).pool(format!("pool_{}", at % N_POOLS), 0.5 + 0.3 * at as f64);
        action.eligible(format!("signal_{at} > 0.1"))
    };
    let playbook = Playbook::new("bench", (0..N_ACTIONS).map(action).collect()).max_actions(max_actions);
    (0..N_POOLS).fold(playbook, |playbook, at| playbook.pool(format!("pool_{at}"), "hours"))
}

fn capacity() -> Capacity {
    let pools = (0..N_POOLS).fold(Capacity::new(), |all, at| all.pool(format!("pool_{at}"), 6_000.0));
    pools.budget(Money::eur(200_000))
}

fn plan(criterion: &mut Criterion) {
    let (scored, capacity) = (scored(), capacity());
    let mut slow = criterion.benchmark_group("plan");
    slow.sample_size(10);
    for most in [1, 2] {
        let playbook = playbook(most);
        let gap = playbook.plan(&scored, &capacity).expect("a plan").gap;
        println!("at most {most} an account: proven gap {:.6}", gap);
        slow.bench_function(format!("100,000 accounts, 10 actions, 5 pools, at most {most}"), |bencher| {
            bencher.iter(|| playbook.plan(black_box(&scored), &capacity).expect("a plan"));
        });
    }
}

criterion_group!(benches, plan);
criterion_main!(benches);

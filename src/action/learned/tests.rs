//! Learned effects against known truths.

use rand::{RngExt, SeedableRng};

use super::*;
use crate::frame::{Categories, Column};
use crate::model::sigmoid;

/// An experiment whose truth is known: `n` rows, one action.
struct World {
    table: Table,
    y: Vec<bool>,
    arm: Vec<usize>,
    /// The true effect of each row.
    truth: Vec<f64>,
}

impl World {
    /// `effect` of usage (−1 to 1) on the outcome's probability; `chance` of getting the action by usage.
    fn new(n: usize, seed: u64, effect: fn(f64) -> f64, chance: fn(f64) -> f64) -> Self {
        let mut random = rand::rngs::StdRng::seed_from_u64(seed);
        let usage: Vec<f64> = (0..n).map(|_| random.random_range(-1.0..1.0)).collect();
        let noise: Vec<f64> = (0..n).map(|_| random.random_range(0.0..9.0)).collect();
        let plans: Vec<Option<&str>> =
            (0..n).map(|_| [None, Some("free"), Some("team")][random.random_range(0..3)]).collect();
        let arm: Vec<usize> =
            usage.iter().map(|&u| usize::from(random.random::<f64>() < chance(u))).collect();
        let truth: Vec<f64> = usage.iter().map(|&u| effect(u)).collect();
        let base = |row: usize| 0.25 + 0.15 * usage[row] + if plans[row].is_none() { 0.1 } else { 0.0 };
        let p = |row: usize| base(row) + if arm[row] == 1 { truth[row] } else { 0.0 };
        let y = (0..n).map(|row| random.random::<f64>() < p(row)).collect();
        let gaps = usage.iter().zip(0..).map(|(&u, row)| if row % 11 == 0 { f64::NAN } else { u });
        let columns = [
            ("usage", Column::Number(gaps.collect())),
            ("noise", Column::Number(noise)),
            ("plan", Column::Category(Categories::from_texts(plans))),
        ];
        let table = Table::new(n, columns.map(|(name, column)| (name.to_owned(), column))).unwrap();
        World { table, y, arm, truth }
    }

    fn fit(&self, evidence: Evidence) -> EffectModel {
        params(evidence).fit(&self.table, &self.y, &self.arm).unwrap()
    }

    /// Deviation of the estimates from the truth, root mean square, over rows whose usage is known.
    fn error(&self, of_row: impl Fn(usize) -> f64) -> f64 {
        let rows = (0..self.truth.len()).filter(|row| row % 11 != 0);
        let squares: Vec<f64> = rows.map(|row| (of_row(row) - self.truth[row]).powi(2)).collect();
        data::mean(&squares).sqrt()
    }
}

fn params(evidence: Evidence) -> EffectModelParams {
    EffectModel::params(["none", "call"], evidence)
}

fn half(_: f64) -> f64 {
    0.5
}

#[test]
fn differences_that_are_there_are_found() {
    let world = World::new(8_000, 1, |u| 0.1 + 0.15 * u, half);
    let model = world.fit(Evidence::Randomised);
    let effects = model.effects(&world.table).unwrap();
    let report = &model.reports()[0];
    assert!((report.average.value - 0.1).abs() < 3.0 * report.average.standard_error, "{report}");
    assert!(report.heterogeneity() > 0.9);
    let level = |_| 0.1;
    assert!(world.error(|row| effects.effect(row, 1)) < 0.5 * world.error(level));
    let best = effects.best(1.0, &[0.0, 0.1]);
    let right = (0..8_000).filter(|&row| (best[row] == 1) == (world.truth[row] > 0.1)).count();
    assert!(right > 6_400, "{right}");
}

#[test]
fn differences_that_only_show_in_two_columns_together_are_found() {
    let n = 10_000;
    let mut random = rand::rngs::StdRng::seed_from_u64(50);
    let mut column = || (0..n).map(|_| random.random_range(-1.0..1.0)).collect::<Vec<f64>>();
    let (a, b, luck, draw) = (column(), column(), column(), column());
    let truth: Vec<f64> = a.iter().zip(&b).map(|(a, b)| if a * b > 0.0 { 0.25 } else { 0.0 }).collect();
    let arm: Vec<usize> = draw.iter().map(|&draw| usize::from(draw > 0.0)).collect();
    let y = (0..n).map(|row| luck[row] < -0.4 + 2.0 * truth[row] * arm[row] as f64).collect();
    let columns = [("a", a), ("b", b)].map(|(name, values)| (name.to_owned(), Column::Number(values)));
    let world = World { table: Table::new(n, columns).unwrap(), y, arm, truth };
    let effects = world.fit(Evidence::Randomised).effects(&world.table).unwrap();
    let (error, same) = (world.error(|row| effects.effect(row, 1)), world.error(|_| 0.125));
    assert!(error < 0.8 * same, "{error} {same}");
}

#[test]
fn each_half_is_left_out_of_what_the_other_is_told_by() {
    let world = World::new(500, 9, |_| 0.1, half);
    let reading = Reading::of(&world.table).unwrap();
    let data = Data { reading: &reading, table: &world.table, y: &world.y, arm: &world.arm, n_arms: 2 };
    for n_folds in [2, 5] {
        let halves = data::halves(&data.folds(n_folds, 3).unwrap());
        let mut told: Vec<u32> = halves.iter().flat_map(|(_, left_out)| left_out.clone()).collect();
        told.sort_unstable();
        assert_eq!(told, (0..500).collect::<Vec<u32>>());
        for (train, left_out) in &halves {
            assert!(train.len() + left_out.len() == 500 && train.len() >= 190);
            assert!(left_out.iter().all(|row| train.binary_search(row).is_err()));
        }
    }
}

#[test]
fn differences_that_are_not_there_are_kept_small() {
    let (mut same, mut error) = (0.0, 0.0);
    for seed in [2, 21, 22] {
        let world = World::new(4_000, seed, |_| 0.08, half);
        let model = world.fit(Evidence::Randomised);
        let effects = model.effects(&world.table).unwrap();
        let candidates = &model.reports()[0].candidates;
        let total: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
        assert!((total - 1.0).abs() < 1e-12);
        let of_all = candidates.iter().find(|candidate| candidate.name == "the same for all").unwrap();
        let average = data::mean(effects.of_arm(1).unwrap());
        same += of_all.weight / 3.0;
        error += world.error(|row| effects.effect(row, 1) - average + 0.08) / 3.0;
    }
    // More than beforehand.
    assert!(same > 0.2 && error < 0.02, "{same} {error}");
}

#[test]
fn an_action_that_does_nothing_is_drawn_to_nothing() {
    let world = World::new(3_000, 3, |_| 0.0, half);
    let model = world.fit(Evidence::Randomised);
    let effects = model.effects(&world.table).unwrap();
    let Average { value, standard_error } = model.reports()[0].average;
    assert!(value.abs() < 3.0 * standard_error);
    let mean = data::mean(effects.of_arm(1).unwrap());
    assert!(mean.abs() < value.abs(), "{mean} from {value}");
}

#[test]
fn judgement_is_told_and_what_it_saw_is_taken_out() {
    let world = World::new(8_000, 4, |_| 0.05, |u| sigmoid(2.0 * u));
    let model = world.fit(Evidence::Observational);
    let report = &model.reports()[0];
    let rate = |arm: usize| {
        let outcomes = world.y.iter().zip(&world.arm).filter(|(_, of_row)| **of_row == arm);
        data::mean(&data::numbers(outcomes.map(|(&y, _)| y)))
    };
    let naive = rate(1) - rate(0);
    assert!(naive > 0.12, "{naive}");
    // A tenth of the usages are not known: that much of the judgement stays in.
    assert!((report.average.value - 0.05).abs() < 0.04, "{report}");
    assert!(report.overlap.lowest < 0.2 && report.overlap.highest > 0.8);
    assert!(report.to_string().contains("(observational: an effect only if the table holds all that drove"));
    assert_eq!(model.effects(&world.table).unwrap().basis(), Basis::Observational);
}

#[test]
fn judgement_between_several_actions_is_taken_out_of_each() {
    let n = 9_000;
    let mut random = rand::rngs::StdRng::seed_from_u64(40);
    let usage: Vec<f64> = (0..n).map(|_| random.random_range(-1.0..1.0)).collect();
    // Those who use it much get calls, those who use it little get letters; neither got none more than others.
    let chances =
        |u: f64| [1.0, (1.2 * u).exp(), (-1.2 * u).exp()].map(|odds| odds / (1.0 + 2.0 * (1.2 * u).cosh()));
    let mut draw = |u: f64| {
        let [none, call, _] = chances(u);
        let at = random.random::<f64>();
        usize::from(at >= none) + usize::from(at >= none + call)
    };
    let arm: Vec<usize> = usage.iter().map(|&u| draw(u)).collect();
    let rises = [0.0, 0.04, 0.1];
    let y: Vec<bool> = usage
        .iter()
        .zip(&arm)
        .map(|(&u, &arm)| random.random::<f64>() < 0.35 + 0.25 * u + rises[arm])
        .collect();
    let rate = |arm_of: usize| {
        let outcomes = y.iter().zip(&arm).filter(|(_, of_row)| **of_row == arm_of);
        data::mean(&data::numbers(outcomes.map(|(&y, _)| y)))
    };
    assert!(rate(1) - rate(0) > 0.09 && rate(2) - rate(0) < 0.05, "{} {} {}", rate(0), rate(1), rate(2));

    let table = Table::new(n, [("usage".to_owned(), Column::Number(usage.clone()))]).unwrap();
    let params = EffectModel::params(["none", "call", "letter"], Evidence::Observational);
    let model = params.fit(&table, &y, &arm).unwrap();
    for (report, rise) in model.reports().iter().zip(&rises[1..]) {
        let Average { value, standard_error } = report.average;
        assert!((value - rise).abs() < 3.5 * standard_error && standard_error < 0.03, "{report}");
        assert_eq!(report.basis, Basis::Observational);
        assert!(report.overlap.lowest < 0.35 && report.overlap.highest > 0.65, "{:?}", report.overlap);
    }
    // The letter is worth more than the call to most, whoever got which.
    let best = model.effects(&table).unwrap().best(1.0, &[0.0, 0.0, 0.0]);
    let n_letters = best.iter().filter(|arm| **arm == 2).count();
    assert!(n_letters > n * 8 / 10, "{n_letters}");
    // The chances are those of all three, each row's summing to 1.
    let reading = Reading::of(&table).unwrap();
    let data = Data { reading: &reading, table: &table, y: &y, arm: &arm, n_arms: 3 };
    let bench = Bench::new(&data).unwrap();
    let estimated = propensity::estimated(&bench, &data.folds(5, 0).unwrap()).unwrap();
    let squares: Vec<f64> = usage
        .iter()
        .zip(estimated.chunks(3))
        .map(|(&u, of_row)| {
            assert!((of_row.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            chances(u).iter().zip(of_row).map(|(p, e)| (p - e).powi(2)).sum::<f64>()
        })
        .collect();
    assert!(data::mean(&squares).sqrt() < 0.08, "{}", data::mean(&squares).sqrt());
}

#[test]
fn logged_chances_are_used() {
    let world = World::new(6_000, 5, |_| 0.05, |u| 0.5 + 0.4 * u);
    let Column::Number(usage) = world.table.column("usage").unwrap() else { unreachable!() };
    // Where usage is not in the table the log still knows it; here the same draw tells it again.
    let again = World::new(6_000, 5, |u| u, half);
    let chance = |row: usize| 0.5 + 0.4 * again.truth[row];
    assert!(usage[1] == again.truth[1]);
    let logged = (0..6_000).flat_map(|row| [1.0 - chance(row), chance(row)]).collect();
    let report = &world.fit(Evidence::Logged(logged)).reports()[0].clone();
    assert!((report.average.value - 0.05).abs() < 3.0 * report.average.standard_error, "{report}");
    assert_eq!(report.basis, Basis::Randomised);
}

/// Nominally nine in ten. Many more worlds are in `examples/effect_intervals.rs`.
#[test]
fn intervals_hold_the_truth_of_most() {
    let (mut held, mut of) = (0, 0);
    for seed in 10..14 {
        let world = World::new(3_000, seed, |u| 0.08 + 0.08 * u, half);
        let effects = world.fit(Evidence::Randomised).effects(&world.table).unwrap();
        for row in (0..3_000).filter(|row| row % 11 != 0) {
            let (low, high) = effects.interval(row, 1);
            of += 1;
            held += usize::from(low <= world.truth[row] && world.truth[row] <= high);
        }
    }
    let share = held as f64 / of as f64;
    assert!((0.8..0.99).contains(&share), "{share}");
}

#[test]
fn columns_that_say_nothing_leave_the_same_for_all() {
    let world = World::new(1_000, 15, |_| 0.1, half);
    let empty = [("nothing".to_owned(), Column::Number(vec![f64::NAN; 1_000]))];
    let table = Table::new(1_000, empty).unwrap();
    let effects = params(Evidence::Randomised).fit(&table, &world.y, &world.arm).unwrap().effects(&table);
    let effects = effects.unwrap();
    assert!((1..1_000).all(|row| (effects.effect(row, 1) - effects.effect(0, 1)).abs() < 1e-9));
    let (low, high) = effects.interval(0, 1);
    assert!(low.is_finite() && high.is_finite() && low < high);
}

#[test]
fn several_actions_are_learned_from_one_table() {
    let mut world = World::new(6_000, 16, |_| 0.1, half);
    // Every second untreated account got a letter that does nothing.
    let letter = |(row, arm): (usize, &usize)| if *arm == 0 && row % 2 == 0 { 2 } else { *arm };
    world.arm = world.arm.iter().enumerate().map(letter).collect();
    let params = EffectModel::params(["none", "call", "letter"], Evidence::Randomised);
    let model = params.fit(&world.table, &world.y, &world.arm).unwrap();
    let [call, letter] = [0, 1].map(|at| model.reports()[at].average);
    assert!((call.value - 0.1).abs() < 4.0 * call.standard_error, "{call:?}");
    assert!(letter.value.abs() < 4.0 * letter.standard_error, "{letter:?}");
    let effects = model.effects(&world.table).unwrap();
    let mean = |arm: usize| data::mean(effects.of_arm(arm).unwrap());
    assert!(mean(1) > 0.06 && mean(2).abs() < 0.04);
    assert_eq!(effects.best(1.0, &[0.0, 0.0, 1.0]).iter().filter(|arm| **arm == 2).count(), 0);
}

#[test]
fn thin_data_is_drawn_to_the_prior() {
    let world = World::new(120, 6, |_| 0.3, half);
    let of = |params: EffectModelParams| {
        params.fit(&world.table, &world.y, &world.arm).unwrap().reports()[0].average
    };
    let (free, drawn) =
        (of(params(Evidence::Randomised)), of(params(Evidence::Randomised).prior("call", 0.05, 0.02)));
    assert!((drawn.value - 0.05).abs() < 0.03 && (free.value - 0.05).abs() > 0.1, "{free:?} {drawn:?}");
    assert!(drawn.standard_error < 0.02);
}

#[test]
fn the_same_at_any_number_of_threads_and_after_saving() {
    let world = World::new(1_500, 7, |u| 0.1 * u, half);
    let with = |n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| world.fit(Evidence::Randomised))
    };
    let (one, three) = (with(1), with(3));
    assert_eq!(one.effects(&world.table).unwrap(), three.effects(&world.table).unwrap());
    let bytes = postcard::to_stdvec(&one).unwrap();
    assert_eq!(one, postcard::from_bytes::<EffectModel>(&bytes).unwrap());
    let expected = one.expected(&world.table).unwrap();
    assert!(expected.len() == 3_000 && expected.iter().all(|p| (0.0..=1.0).contains(p)));
}

#[test]
fn bad_input_is_named() {
    let world = World::new(200, 8, |_| 0.1, half);
    let World { table, y, arm, .. } = &world;
    let text = |params: EffectModelParams, arm: &[usize]| params.fit(table, y, arm).unwrap_err().to_string();
    let randomised = || params(Evidence::Randomised);
    let logged = |p: [f64; 2]| params(Evidence::Logged((0..200).flat_map(|_| p).collect()));
    let mut third = arm.clone();
    third[4] = 2;
    let cases = [
        (text(randomised(), &arm[1..]), "number of arms: found 199, expected 200"),
        (
            text(randomised(), &third),
            "arms, row 5: found 2, expected 0 for none or the place of an action among the names",
        ),
        (
            text(randomised(), &[0; 200]),
            "rows of arm `call` whose outcome is true: found 0, expected at least 5",
        ),
        (text(randomised().n_folds(1), arm), "`n_folds` is 1, expected 2 to 20"),
        (
            text(randomised().prior("visit", 0.1, 0.1), arm),
            "`prior` is of an unknown arm, expected the name of one of the arms",
        ),
        (
            text(randomised().prior("call", 0.1, 0.0), arm),
            "`prior` is (0.1, 0.0), expected a mean from -1 to 1 and a standard deviation above 0",
        ),
        (
            text(logged([0.5, 1.5]), arm),
            "logged probabilities, row 1: found 1.5, expected a probability between 0 and 1",
        ),
        (
            text(logged([0.5, 0.4]), arm),
            "logged probabilities, row 1: found 0.9, expected probabilities of all arms that sum to 1",
        ),
        (
            text(EffectModel::params(["call", "call"], Evidence::Randomised), arm),
            "`arms` is call, call, expected a name of its own for each arm",
        ),
        (
            text(EffectModel::params(["none"], Evidence::Randomised), arm),
            "`arms` is 1, expected the name of none, then at least one action",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
    let nothing = Table::new(200, []).unwrap();
    let refused = params(Evidence::Randomised).fit(&nothing, y, arm).unwrap_err().to_string();
    assert_eq!(
        refused,
        "columns of the training table, to tell accounts from one another by: found 0, expected at least 1"
    );
    let zero = text(logged([0.0, 1.0]), arm);
    assert!(zero.ends_with("found 0, expected above 0 for the arm that the row got"), "{zero}");
}

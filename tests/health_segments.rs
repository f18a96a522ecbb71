//! Segments, moves, recourse, similar accounts and reviews, seen from outside.

mod common;

use common::{csv, frame, part, schema};
use keepwell::explain::Outcome;
use keepwell::frame::Frame;
use keepwell::health::{Band, BandEdges, HealthModel, LifeCycle, Scored};
use keepwell::model::ModelFile;
use keepwell::schema::{Dimension, Direction, Kind, Schema, Signal};

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

/// The shared business sold through two channels that no signal shows: accounts of a partner leave far more often.
fn by_channel(n: usize, seed: usize) -> Frame {
    let schema = schema().segment("channel");
    let text = csv(n);
    let mut lines = text.lines();
    let mut out = format!("{},channel\n", lines.next().unwrap());
    for (row, line) in lines.enumerate() {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        let partner = part(row, 20) < 0.3;
        let seats: f64 = cells[3].parse().unwrap();
        let risk = -0.5 - 3.0 * seats + if partner { 1.5 } else { -0.6 };
        cells[7] = u8::from(part(row + seed, 21) < 1.0 / (1.0 + (-risk).exp())).to_string();
        out += &format!("{},{}\n", cells.join(","), if partner { "partner" } else { "direct" });
    }
    Frame::from_csv_reader(out.as_bytes(), &schema).unwrap()
}

fn channel_model() -> HealthModel {
    let past = by_channel(3_000, 0);
    HealthModel::params(past.schema()).segments(["channel"]).fit(&past).unwrap()
}

#[test]
fn probabilities_come_true_within_segments_and_health_is_usual_for_the_kind() {
    let model = channel_model();
    let later = by_channel(3_000, 77_777);
    let scored = model.score(&later).unwrap();
    let probability = scored.churn_probability.as_ref().unwrap();
    for channel in ["channel partner", "channel direct"] {
        let rows: Vec<usize> = (0..3_000).filter(|&row| &*scored.segment[row] == channel).collect();
        let mean =
            |of: &dyn Fn(usize) -> f64| rows.iter().map(|&row| of(row)).sum::<f64>() / rows.len() as f64;
        let rate = mean(&|row| f64::from(u8::from(later.churn().unwrap()[row].unwrap())));
        assert!((mean(&|row| probability[row]) - rate).abs() < 0.03, "{channel}");
        assert!((mean(&|row| scored.health[row]) - 50.0).abs() < 4.0, "{channel}");
    }
    let report = model.segments();
    assert_eq!(&*report[0].name, "all accounts");
    let partner = report.iter().find(|segment| &*segment.name == "channel partner").unwrap();
    let churn = partner.churn.unwrap();
    assert!(churn.calibration_error < 0.5 * churn.calibration_error_of_one, "{partner}");
    assert!((churn.predicted - churn.rate).abs() < 0.02 && partner.value_cents.unwrap() > 0, "{partner}");
}

#[test]
fn base_segment_and_signals_make_the_probability() {
    let (model, accounts) = (channel_model(), by_channel(200, 5));
    let told = model.contributions(&accounts, Outcome::Churn).unwrap().unwrap();
    let parts = model.segment_parts(&accounts, Outcome::Churn).unwrap().unwrap();
    let probability = model.score(&accounts).unwrap().churn_probability.unwrap();
    for row in 0..200 {
        let sum = told.base + parts[row] + told.row(row).iter().sum::<f64>();
        assert!((sum - logit(probability[row])).abs() < 1e-9, "row {row}");
    }
    assert!(parts.iter().any(|part| *part > 0.5) && parts.iter().any(|part| *part < 0.0), "{parts:?}");
}

#[test]
fn points_of_all_reasons_lead_from_the_usual_to_the_probability() {
    let (model, accounts) = (channel_model(), by_channel(100, 5));
    let scored = model.score_with_reasons(&accounts, 100).unwrap();
    let edges = model.segment_band_edges();
    for row in 0..100 {
        let node = model.segments().iter().position(|segment| segment.name == scored.segment[row]).unwrap();
        let told: f64 = scored.reasons[row].iter().map(|reason| reason.contribution).sum();
        // Reasons push the way of the score, so together they go at least three quarters of that way.
        assert!(told * (50.0 - scored.health[row]) >= 0.0);
        assert_eq!(scored.band[row] == Band::Red, scored.health[row] < edges[node][0]);
    }
}

#[test]
fn a_segment_never_seen_is_read_within_the_nearest_that_was() {
    let model = channel_model();
    let text = "account_id,plan,mrr,seat_utilisation,tickets_open,nps,auto_renew,channel\n\
                A,free,10,0.5,1,7,yes,marketplace\nB,free,10,0.5,1,7,yes,\nC,free,10,0.5,1,7,yes,direct\n";
    let accounts = Frame::from_csv_reader(text.as_bytes(), model.schema()).unwrap();
    let scored = model.score(&accounts).unwrap();
    let names: Vec<&str> = scored.segment.iter().map(|name| &**name).collect();
    assert_eq!(names, ["all accounts", "all accounts", "channel direct"]);
    assert_eq!(
        scored.notes,
        [
            "1 of 3 accounts are of a segment that training never saw (channel marketplace): each is read within the nearest \
          segment that it saw, which `segment` names"
        ]
    );
}

#[test]
fn an_account_of_which_nothing_is_known_is_scored_and_says_so() {
    let model = channel_model();
    let text = "account_id,plan,mrr,seat_utilisation,tickets_open,nps,auto_renew,channel\nA,,,,,,,\nB,free,1,0.1,1,7,no,direct\n";
    let scored = model.score(&Frame::from_csv_reader(text.as_bytes(), model.schema()).unwrap()).unwrap();
    assert_eq!((scored.coverage[0], scored.coverage[1]), (0.0, 1.0));
    assert!((0.0..=100.0).contains(&scored.health[0]));
    assert!(scored.reasons[0].iter().all(|reason| reason.value == "unknown"));
    assert!(
        scored.notes[0].starts_with("of 1 of 2 accounts nothing is known that matters"),
        "{:?}",
        scored.notes
    );
}

#[test]
fn scores_need_no_value_column() {
    let model = HealthModel::params(&schema()).fit(&frame(600)).unwrap();
    let text = "account_id,plan,seat_utilisation,tickets_open,nps,auto_renew\nA,free,0.5,1,7,yes\n";
    let scored = model.score(&Frame::from_csv_reader(text.as_bytes(), model.schema()).unwrap()).unwrap();
    assert!(scored.frame.value_cents().is_none() && scored.churn_probability.is_some());
}

#[test]
fn a_schema_whose_empty_cells_mean_something_else_is_refused() {
    let model = HealthModel::params(&schema()).fit(&frame(400)).unwrap();
    let mut other = schema();
    other.signals[2].missing = keepwell::schema::Missing::Zero;
    let accounts = Frame::from_csv_reader(csv(5).as_bytes(), &other).unwrap();
    let text = model.score(&accounts).unwrap_err().to_string();
    assert!(
        text.contains("an empty `nps` means zero, expected unknown") && text.contains("fingerprint"),
        "{text}"
    );
    let mut other = schema();
    other.segments.clear();
    let accounts = Frame::from_csv_reader(csv(5).as_bytes(), &other).unwrap();
    assert_eq!(
        model.score(&accounts).unwrap_err().to_string(),
        "schema: the model reads accounts within their `plan`, which is no segment key of the table's schema; read the \
         table by the schema the model was trained with"
    );
}

/// A business in which logins tell far apart who leaves.
fn told_far_apart(n: usize, seed: usize) -> Frame {
    let schema = Schema::new()
        .id("id")
        .churn("churned")
        .signal(Signal::new("logins", Dimension::Usage, Kind::Number).direction(Direction::Keeps));
    let row = |row: usize| {
        let logins = part(row + seed, 1) * 10.0;
        let risk = if logins < 1.0 {
            0.7
        } else if logins < 3.0 {
            0.12
        } else {
            0.01
        };
        let churned = part(row + seed, 2) < risk;
        format!("A{row},{logins:.3},{}\n", u8::from(churned))
    };
    let text = "id,logins,churned\n".to_owned() + &(0..n).map(row).collect::<String>();
    Frame::from_csv_reader(text.as_bytes(), &schema).unwrap()
}

#[test]
fn the_red_band_leaves_three_times_as_often_as_the_amber_one() {
    let past = told_far_apart(4_000, 0);
    let model = HealthModel::params(past.schema()).fit(&past).unwrap();
    assert_eq!((model.bands(), model.bands_note()), (BandEdges::Apart { times: 3.0 }, None));
    let later = told_far_apart(4_000, 50_000);
    let scored = model.score(&later).unwrap();
    let outcome = |band: Band| {
        let rows: Vec<usize> = (0..4_000).filter(|&row| scored.band[row] == band).collect();
        let left = rows.iter().filter(|&&row| later.churn().unwrap()[row] == Some(true)).count();
        (rows.len(), left as f64 / rows.len() as f64)
    };
    let [(n_red, red), (n_amber, amber)] = [Band::Red, Band::Amber].map(outcome);
    assert!(red >= 3.0 * amber, "{red} {amber}");
    assert!(n_red > 60 && n_amber > 150, "{n_red} {n_amber}");
    let told = model.band_outcomes().unwrap();
    assert_eq!(told.iter().map(|band| band.n_accounts).sum::<usize>(), 4_000);
    assert!((told[0].rate() - told[0].predicted).abs() < 0.05 && told[0].rate() >= 3.6 * told[1].rate());
}

#[test]
fn bands_that_cannot_be_that_far_apart_say_so() {
    let past = by_channel(1_500, 0);
    let model = HealthModel::params(past.schema()).bands_apart(9.0).fit(&past).unwrap();
    let note = model.bands_note().unwrap();
    assert!(note.contains("times as often as amber ones, where 9 was asked"), "{note}");
    let [red, amber, _] = model.band_outcomes().unwrap();
    assert!(
        (100..=200).contains(&red.n_accounts) && (200..=400).contains(&amber.n_accounts),
        "{red} {amber}"
    );
    assert_eq!(HealthModel::params(past.schema()).red_share(0.1).fit(&past).unwrap().bands_note(), None);
    let refusal = HealthModel::params(past.schema()).bands_apart(0.5).fit(&past).unwrap_err().to_string();
    assert_eq!(refusal, "`bands_apart` is 0.5, expected 1 to 10");
}

#[test]
fn growth_is_told_on_the_scale_of_health() {
    let model = HealthModel::params(&schema()).fit(&frame(1_500)).unwrap();
    let scored = model.score(&frame(400)).unwrap();
    let (growth, chance) = (scored.growth.as_ref().unwrap(), scored.expansion_probability.as_ref().unwrap());
    for segment in ["plan free", "plan team", "plan business"] {
        let mut order: Vec<usize> = (0..400).filter(|&row| &*scored.segment[row] == segment).collect();
        order.sort_by(|&a, &b| chance[a].total_cmp(&chance[b]));
        assert!(order.windows(2).all(|pair| growth[pair[0]] <= growth[pair[1]] + 1e-6));
        assert!(growth[order[0]] < 50.0 && growth[order[order.len() - 1]] > 50.0);
    }
    let most = (0..400).max_by(|&a, &b| growth[a].total_cmp(&growth[b])).unwrap();
    let reason = &scored.expansion_reasons[most][0];
    assert!(reason.sentence.contains("raises the chance to grow") && reason.points > 0.0, "{reason:?}");
}

#[test]
fn bands_by_cost_follow_the_risk() {
    let past = by_channel(2_000, 0);
    let params =
        HealthModel::params(past.schema()).segments(["channel"]).bands_by_cost(300.0, 100.0, 1_000.0);
    let model = params.fit(&past).unwrap();
    let scored = model.score(&past).unwrap();
    for (band, probability) in scored.band.iter().zip(scored.churn_probability.as_ref().unwrap()) {
        let expected = match probability {
            p if *p >= 0.3 => Band::Red,
            p if *p >= 0.1 => Band::Amber,
            _ => Band::Green,
        };
        assert!(*band == expected || (probability - 0.3).abs() < 1e-9 || (probability - 0.1).abs() < 1e-9);
    }
    let edges = model.segment_band_edges();
    assert_eq!(edges.len(), model.segments().len());
    assert!(edges.iter().any(|own| (own[0] - edges[0][0]).abs() > 1.0), "{edges:?}");
    let costs = BandEdges::Cost { red_care: 300.0, amber_care: 100.0, loss: 1_000.0 };
    assert_eq!(HealthModel::from_bytes(&model.to_bytes()).unwrap().settings().bands, costs);
}

#[test]
fn scores_come_back_from_their_file() {
    let model = HealthModel::params(&schema()).fit(&frame(500)).unwrap();
    let scored = model.score(&frame(40)).unwrap();
    let back = Scored::from_bytes(&scored.to_bytes()).unwrap();
    assert_eq!((&back.health, &back.band, &back.segment), (&scored.health, &scored.band, &scored.segment));
    assert_eq!((&back.reasons, &back.coverage), (&scored.reasons, &scored.coverage));
    assert_eq!(back.frame.ids(), scored.frame.ids());
    assert_eq!(back.frame.schema(), scored.frame.schema());
    assert_eq!(back.frame.value_cents(), scored.frame.value_cents());
}

/// The same accounts some weeks later: every third uses its seats less and has more tickets.
fn later(n: usize) -> Frame {
    let text = csv(n);
    let mut out = String::new();
    for (row, line) in text.lines().enumerate() {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        if row > 0 && row % 3 == 0 {
            let seats: f64 = cells[3].parse().unwrap();
            cells[3] = format!("{:.3}", seats * 0.3);
            cells[4] = "9".into();
            cells[6] = "no".into();
        }
        out += &(cells.join(",") + "\n");
    }
    Frame::from_csv_reader(out.as_bytes(), &schema()).unwrap()
}

#[test]
fn what_moved_an_account_adds_up_exactly() {
    let model = HealthModel::params(&schema()).random_state(3).fit(&frame(1_500)).unwrap();
    let (before, after) = (frame(90), later(90));
    let moves = model.moved(&before, &after, 25).unwrap();
    assert_eq!(moves.len(), 25);
    let [scored_before, scored_after] = [&before, &after].map(|frame| model.score(frame).unwrap());
    for moved in &moves {
        let row = before.ids().iter().position(|id| *id == moved.id).unwrap();
        assert!((moved.before.health - scored_before.health[row]).abs() < 1e-6);
        assert!((moved.after.health - scored_after.health[row]).abs() < 1e-6);
        let sum = |of: fn(&keepwell::health::Change) -> f64| {
            moved.signals.iter().map(|signal| of(&signal.change)).sum::<f64>()
        };
        assert!((sum(|change| change.health) - moved.health_change()).abs() < 1e-9);
        let points = moved.after.probability - moved.before.probability;
        assert!((sum(|change| change.probability) - points).abs() < 1e-9);
        assert!((sum(|change| change.log_odds) - moved.account_changed.log_odds).abs() < 1e-9);
        assert_eq!(moved.model_changed, keepwell::health::Change::default());
        let names = ["seat_utilisation", "tickets_open", "auto_renew"];
        assert!(moved.signals.iter().all(|signal| names.contains(&signal.name.as_str())), "{moved}");
        assert_eq!(moved.lead_days, 90.0);
    }
    assert!(moves.windows(2).all(|two| two[0].health_change().abs() >= two[1].health_change().abs()));
    assert!(moves[0].to_string().contains("seat utilisation"), "{}", moves[0]);
}

#[test]
fn another_model_s_part_is_told_apart_and_a_new_signal_was_unknown() {
    let mut few = schema();
    few.signals.retain(|signal| signal.name != "nps");
    let old_past = Frame::from_csv_reader(csv(1_000).as_bytes(), &few).unwrap();
    let old = HealthModel::params(&few).fit(&old_past).unwrap();
    let new = HealthModel::params(&schema()).fit(&frame(1_500)).unwrap();
    let before = Frame::from_csv_reader(csv(40).as_bytes(), &few).unwrap();
    let moves = new.moved_since(&old, &before, &frame(40), 10).unwrap();
    for moved in &moves {
        let account: f64 = moved.signals.iter().map(|signal| signal.change.health).sum();
        assert!((account + moved.model_changed.health - moved.health_change()).abs() < 1e-9);
        assert!(moved.signals.iter().all(|signal| signal.name == "nps" && signal.before == "unknown"));
    }
    assert!(moves.iter().any(|moved| moved.model_changed.health.abs() > 0.01));
    let twice = frame(5).take(&[0, 0]);
    let text = new.moved(&twice, &frame(5), 3).unwrap_err().to_string();
    assert!(text.ends_with("give each snapshot one row an account"), "{text}");
}

#[test]
fn a_recourse_moves_only_what_can_be_moved_the_declared_way() {
    let model = HealthModel::params(&schema()).random_state(3).fit(&frame(1_500)).unwrap();
    let accounts = frame(300);
    let scored = model.score(&accounts).unwrap();
    let mut reached = 0;
    for row in (0..300).filter(|&row| scored.band[row] == Band::Red) {
        let found = model.recourse(&accounts, row, Band::Amber).unwrap();
        assert!((found.health[0] - scored.health[row]).abs() < 1e-6);
        assert!(found.health[1] >= found.health[0] && found.probability[1] <= found.probability[0]);
        for change in &found.changes {
            assert!(change.name == "seat_utilisation" && change.rises && (0.0..=1.0).contains(&change.value));
        }
        assert_eq!(found.reached, found.band[1] >= Band::Amber);
        reached += usize::from(found.reached);
        if found.reached {
            assert!(found.to_string().contains("would be"), "{found}");
        }
    }
    assert!(reached > 0);
    let green = (0..300).find(|&row| scored.band[row] == Band::Green).unwrap();
    let there = model.recourse(&accounts, green, Band::Green).unwrap();
    assert!(there.reached && there.changes.is_empty() && there.to_string().ends_with("already"), "{there}");
    assert_eq!(
        model.recourse(&accounts, 300, Band::Green).unwrap_err().to_string(),
        "row to find a recourse for: found 300, expected 300"
    );
}

#[test]
fn nothing_immovable_is_touched_even_if_it_would_help() {
    let mut still = schema();
    still.signals.iter_mut().for_each(|signal| signal.movable = false);
    let past = Frame::from_csv_reader(csv(800).as_bytes(), &still).unwrap();
    let model = HealthModel::params(&still).fit(&past).unwrap();
    let scored = model.score(&past).unwrap();
    let red = (0..800).find(|&row| scored.band[row] == Band::Red).unwrap();
    let found = model.recourse(&past, red, Band::Green).unwrap();
    assert!(!found.reached && found.changes.is_empty());
    let text = found.to_string();
    assert!(
        text.ends_with("and the schema names nothing that can be moved: set `movable` and `direction`"),
        "{text}"
    );
    // Movable without a direction is not moved either.
    still.signals[0].movable = true;
    still.signals[0].direction = Direction::Unknown;
    let past = Frame::from_csv_reader(csv(800).as_bytes(), &still).unwrap();
    let model = HealthModel::params(&still).fit(&past).unwrap();
    assert!(model.recourse(&past, red, Band::Green).unwrap().changes.is_empty());
}

#[test]
fn similar_accounts_are_alike_in_score_and_never_the_same_account() {
    let past = frame(1_500);
    let model = HealthModel::params(&schema()).fit(&past).unwrap();
    let done = (0..1_500).map(|row| (row % 5 == 0).then(|| "csm_call".to_owned())).collect();
    let index = model.similar_accounts(&past).unwrap().done(done).unwrap();
    let asked = past.take(&[3, 700]);
    let found = index.to(&model, &asked, 20).unwrap();
    let health = model.score(&past).unwrap().health;
    for (similar, own) in found.iter().zip([3, 700]) {
        assert_eq!(similar.accounts.len(), 20);
        assert!(similar.accounts.iter().all(|account| account.row != own));
        assert!(similar.accounts.windows(2).all(|two| two[0].distance <= two[1].distance));
        let near = similar.accounts[..5].iter().map(|account| (health[account.row] - health[own]).abs());
        assert!(near.sum::<f64>() / 5.0 < 5.0);
        let text = similar.to_string();
        assert!(text.contains("20 accounts like") && text.contains("nothing done"), "{text}");
    }
    assert_eq!(
        model.similar_accounts(&past).unwrap().done(vec![None]).unwrap_err().to_string(),
        "what was done, one a past account: found 1, expected 1500"
    );
}

#[test]
fn reviews_tell_use_and_worth() {
    let model = HealthModel::params(&schema()).fit(&frame(800)).unwrap();
    let (now, before) = (later(30), frame(30));
    let review = model.usage_review(&now, 2, Some(&before)).unwrap();
    assert_eq!(review.signals[0].name, "seat_utilisation");
    let text = review.to_string();
    assert!(text.contains("Adoption\n  seat utilisation") && text.contains("before"), "{text}");
    let review = model.value_review(&now, 2, None).unwrap();
    let (yearly, at_stake) = (review.yearly_value.clone().unwrap(), review.at_stake.clone().unwrap());
    assert_eq!(yearly.cents, now.value_cents().unwrap()[2].unwrap() * 12);
    let expected = yearly.cents as f64 * review.churn_probability.unwrap();
    assert!((at_stake.cents as f64 - expected).abs() <= 1.0);
    assert!(review.to_string().contains("Not renewing would lose EUR"), "{review}");
    assert!(model.value_review(&now, 30, None).is_err());
}

#[test]
fn the_stage_of_life_can_be_the_first_key() {
    let schema = Schema::new()
        .id("id")
        .churn("churned")
        .segment("tier")
        .signal(Signal::new("tenure_months", Dimension::Contract, Kind::Number))
        .signal(Signal::new("days_to_renewal", Dimension::Contract, Kind::Number))
        .signal(Signal::new("logins", Dimension::Usage, Kind::Number).direction(Direction::Keeps));
    let row = |row: usize| {
        let (tenure, renewal, logins) = (part(row, 1) * 20.0, part(row, 2) * 300.0, part(row, 3) * 10.0);
        let churned = u8::from(part(row, 4) < if logins < 4.0 { 0.5 } else { 0.1 });
        format!("A{row},{tenure:.1},{renewal:.0},{logins:.1},{},{churned}\n", ["small", "large"][row % 2])
    };
    let header = "id,tenure_months,days_to_renewal,logins,tier,churned\n";
    let past = Frame::from_csv_reader(
        (header.to_owned() + &(0..600).map(row).collect::<String>()).as_bytes(),
        &schema,
    );
    let past = past.unwrap();
    let stages = LifeCycle::new("tenure_months", "days_to_renewal");
    let model = HealthModel::params(&schema).life_cycle(stages).fit(&past).unwrap();
    let names: Vec<&str> = model.segments().iter().map(|segment| &*segment.name).collect();
    assert!(names.contains(&"stage onboarding") && names.contains(&"stage renewal, tier small"), "{names:?}");
    let moves = model.moved(&past, &past, 3).unwrap();
    assert!(moves.iter().all(|moved| moved.lead_days <= 300.0 && moved.signals.is_empty()));
}

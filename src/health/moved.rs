//! What moved an account between two snapshots, exactly, and who moved most.
//!
//! *The model changed* is what today's model says of the old snapshot less what the old model said of it. *The account
//! changed* is what today's model says of both: a game in which each signal whose value differs (and the segment, where
//! that does) switches from old to new. A signal's part is the mean of what its switch adds over a fixed set of orders
//! and their reverses (sampled Shapley values, Castro, Gómez & Tejada 2009). The sum over an order telescopes, so the
//! parts add up exactly in log-odds, in probability and in health, whatever the orders; a signal that did not change has
//! none.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::fitted::{FittedScore, open_probability};
use super::model::HealthModel;
use super::scored::Band;
use crate::error::{ErrorKind, Result};
use crate::explain::value_text;
use crate::frame::{Categories, Column, Frame, Table};
use crate::model::Classifier;
use crate::random::SplitMix64;
use crate::schema::Schema;

/// Orders in which the signals switch; each is run through in reverse too.
const N_ORDERS: usize = 8;

/// How an account stood at a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Probability of churn within the horizon, or of expansion where only that was trained.
    pub probability: f64,
    /// Health, 0 to 100.
    pub health: f64,
    /// Its band.
    pub band: Band,
    /// The segment it was read within.
    pub segment: Arc<str>,
}

/// A change of score on three scales. Over all parts of a move each adds up to the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// In log-odds of the outcome.
    pub log_odds: f64,
    /// In probability: 0.05 is five points.
    pub probability: f64,
    /// In health.
    pub health: f64,
}

/// What one signal's change did to an account's score.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalMove {
    /// The signal; "segment" where the account changed its segment.
    pub name: String,
    /// How it is called in a sentence.
    pub title: String,
    /// Its value before, as shown: "64 %".
    pub before: String,
    /// Its value after, as shown.
    pub after: String,
    /// What the change did.
    pub change: Change,
}

impl fmt::Display for SignalMove {
    /// "seat utilisation 64 % → 31 %: health -12.3, +4.1 points".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { probability, health, .. } = self.change;
        write!(f, "{} {} → {}: ", self.title, self.before, self.after)?;
        write!(f, "health {health:+.1}, {:+.1} points", 100.0 * probability)
    }
}

/// How an account moved between two snapshots, and by what.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// The account.
    pub id: String,
    /// Where it stood by the old model.
    pub before: Standing,
    /// Where it stands by today's.
    pub after: Standing,
    /// What its own changes did, the strongest first.
    pub signals: Vec<SignalMove>,
    /// What they did together.
    pub account_changed: Change,
    /// What the change of models did. Nothing where both are one.
    pub model_changed: Change,
    /// Days between the snapshots, where both have dates.
    pub days: Option<i64>,
    /// Days there are left to act: until the renewal where the model's life cycle reads it and it is ahead, else the
    /// model's horizon.
    pub lead_days: f64,
}

impl Moved {
    /// By how much its health rose; negative where it fell.
    pub fn health_change(&self) -> f64 {
        self.after.health - self.before.health
    }
}

impl fmt::Display for Moved {
    /// "A17: health 62 → 31 (green → red), 45 days left" and a line a signal, the five strongest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (&self.before, &self.after);
        write!(f, "{}: health {:.0} → {:.0} ", self.id, before.health, after.health)?;
        write!(f, "({} → {}), {:.0} days left", before.band, after.band, self.lead_days)?;
        self.signals.iter().take(5).try_for_each(|signal| write!(f, "\n  {signal}"))?;
        let rest: f64 = self.signals.iter().skip(5).map(|signal| signal.change.health).sum();
        if self.signals.len() > 5 {
            write!(f, "\n  {} more changes: health {rest:+.1}", self.signals.len() - 5)?;
        }
        if self.model_changed != Change::default() {
            write!(f, "\n  the model changed: health {:+.1}", self.model_changed.health)?;
        }
        Ok(())
    }
}

impl HealthModel {
    /// The accounts whose health moved most between two snapshots, at most `most`, the furthest first.
    ///
    /// Accounts are matched by id; those that are in one snapshot only have not moved and are left out.
    ///
    /// # Errors
    /// A frame of another schema; an account that is twice in a snapshot.
    pub fn moved(&self, before: &Frame, after: &Frame, most: usize) -> Result<Vec<Moved>> {
        self.moved_since(self, before, after, most)
    }

    /// As [`moved`](Self::moved), with the old snapshot as an older model saw it. That model may have had other signals:
    /// one that it did not have is unknown in its snapshot.
    ///
    /// # Errors
    /// As [`moved`](Self::moved); models of which one speaks of churn and the other of expansion only; a signal that was
    /// a number and is a text, or the reverse.
    pub fn moved_since(
        &self,
        older: &HealthModel,
        before: &Frame,
        after: &Frame,
        most: usize,
    ) -> Result<Vec<Moved>> {
        let (outcome, score) = self.main();
        if older.main().0 != outcome {
            let problem = "the models' healths speak of different outcomes, churn and expansion; compare like with like";
            return Err(ErrorKind::Schema(problem.into()).into());
        }
        let pairs = matched(before, after)?;
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let (then_rows, now_rows): (Vec<usize>, Vec<usize>) = pairs.iter().copied().unzip();
        let (then, now) = (before.take(&then_rows), after.take(&now_rows));
        let stood = older.standings(older.nodes(&then)?, then.signals())?;
        let aligned = aligned(then.signals(), older.schema(), self.schema())?;
        let then_nodes = self.segments.assign(&then)?;
        let seen_anew = self.standings(then_nodes.clone(), &aligned)?;
        let stands = self.standings(self.nodes(&now)?, now.signals())?;
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        let change = |row: usize| (stands[row].1.health - stood[row].1.health).abs();
        order.sort_by(|&a, &b| change(b).total_cmp(&change(a)).then(a.cmp(&b)));
        order.truncate(most);
        let now_nodes = self.segments.assign(&now)?;
        let mut moves = Vec::with_capacity(order.len());
        for row in order {
            let switch = Switch {
                model: self,
                score,
                then: &aligned,
                now: now.signals(),
                row,
                nodes: [then_nodes[row], now_nodes[row]],
            };
            let signals = switch.signals()?;
            moves.push(Moved {
                id: now.ids()[row].clone(),
                before: stood[row].1.clone(),
                after: stands[row].1.clone(),
                account_changed: difference(&seen_anew[row], &stands[row]),
                model_changed: difference(&stood[row], &seen_anew[row]),
                signals,
                days: days_between(&then, &now, row),
                lead_days: self.lead_days(now.signals(), row),
            });
        }
        Ok(moves)
    }

    /// Log-odds and standing of each row.
    fn standings(&self, nodes: Vec<u32>, table: &Table) -> Result<Vec<(f64, Standing)>> {
        let (_, score) = self.main();
        let log_odds = score.blend.log_odds(table)?;
        let standing = |(&node, log_odds): (&u32, f64)| {
            let log_odds = score.line(node).apply(log_odds);
            let usual = score.usual_log_odds(node);
            let standing = Standing {
                probability: open_probability(log_odds),
                health: score.scale.health(log_odds - usual),
                band: score.scale.band(usual, log_odds - usual),
                segment: self.segments.name(node).clone(),
            };
            (log_odds, standing)
        };
        Ok(nodes.iter().zip(log_odds).map(standing).collect())
    }

    fn lead_days(&self, signals: &Table, row: usize) -> f64 {
        let column = self.segments.life_cycle().and_then(|stages| signals.column(stages.days_to_renewal()));
        match column {
            Some(Column::Number(days)) if days[row] > 0.0 => days[row],
            _ => f64::from(self.horizon_days()),
        }
    }
}

fn difference(from: &(f64, Standing), to: &(f64, Standing)) -> Change {
    Change {
        log_odds: to.0 - from.0,
        probability: to.1.probability - from.1.probability,
        health: to.1.health - from.1.health,
    }
}

fn days_between(then: &Frame, now: &Frame, row: usize) -> Option<i64> {
    let (then, now) = (then.as_of()?[row], now.as_of()?[row]);
    Some(i64::from((now - then).get_days()))
}

/// Rows of the accounts that are in both, in the order of the later snapshot.
fn matched(before: &Frame, after: &Frame) -> Result<Vec<(usize, usize)>> {
    let then = rows_by_id(before, "the snapshot before")?;
    rows_by_id(after, "the snapshot after")?;
    let pair = |(row, id): (usize, &String)| Some((*then.get(id.as_str())?, row));
    Ok(after.ids().iter().enumerate().filter_map(pair).collect())
}

fn rows_by_id<'a>(frame: &'a Frame, what: &str) -> Result<HashMap<&'a str, usize>> {
    let mut rows = HashMap::with_capacity(frame.n_rows());
    for (row, id) in frame.ids().iter().enumerate() {
        if let Some(first) = rows.insert(id.as_str(), row) {
            return Err(ErrorKind::DuplicateId {
                column: format!("{} of {what}", frame.schema().id.as_deref().unwrap_or("id")),
                id: id.clone(),
                first: first + 1,
                second: row + 1,
                hint: "give each snapshot one row an account",
            }
            .into());
        }
    }
    Ok(rows)
}

/// The signals of a table under another schema: those that it does not have are unknown in every row.
fn aligned(table: &Table, own: &Schema, wanted: &Schema) -> Result<Table> {
    let n = table.n_rows();
    let columns = wanted.signals.iter().map(|signal| {
        let column = match (own.find(&signal.name), table.column(&signal.name)) {
            (Some(before), Some(_)) if before.kind.is_numeric() != signal.kind.is_numeric() => {
                let (then, now) = (before.kind, signal.kind);
                let problem =
                    format!("signal `{}` was a {then} and is a {now}; give it another name", signal.name);
                return Err(ErrorKind::Schema(problem).into());
            }
            (Some(_), Some(column)) => column.clone(),
            _ if signal.kind.is_numeric() => Column::Number(vec![f64::NAN; n]),
            _ => Column::Category(Categories::from_texts(std::iter::repeat_n(None, n))),
        };
        Ok((signal.name.clone(), column))
    });
    Table::new(n, columns.collect::<Result<Vec<_>>>()?)
}

/// One account's switch from an old row to a new one, signal by signal.
struct Switch<'a> {
    model: &'a HealthModel,
    score: &'a FittedScore,
    then: &'a Table,
    now: &'a Table,
    row: usize,
    /// The segment then and now.
    nodes: [u32; 2],
}

/// What switches: a signal, or the segment.
#[derive(Clone, Copy, PartialEq)]
enum Player {
    Signal(usize),
    Segment,
}

impl Switch<'_> {
    /// What each change did, the strongest first.
    fn signals(&self) -> Result<Vec<SignalMove>> {
        let players = self.players();
        let orders = orders(players.len());
        // Who has switched, a line for each state on the way of each order.
        let states: Vec<Vec<bool>> = orders.iter().flat_map(|order| ways(order)).collect();
        let values = self.values(&players, &states)?;
        let mut changes = vec![Change::default(); players.len()];
        let share = 1.0 / orders.len() as f64;
        for (order, values) in orders.iter().zip(values.chunks(players.len() + 1)) {
            for (step, &player) in order.iter().enumerate() {
                let (from, to) = (values[step], values[step + 1]);
                changes[player].log_odds += share * (to.log_odds - from.log_odds);
                changes[player].probability += share * (to.probability - from.probability);
                changes[player].health += share * (to.health - from.health);
            }
        }
        let mut moves: Vec<SignalMove> =
            players.iter().zip(changes).map(|(player, change)| self.told(*player, change)).collect();
        moves.sort_by(|a, b| b.change.health.abs().total_cmp(&a.change.health.abs()));
        Ok(moves)
    }

    fn players(&self) -> Vec<Player> {
        let differs = |&at: &usize| differs(&self.then.columns()[at], &self.now.columns()[at], self.row);
        let signals = (0..self.now.columns().len()).filter(differs).map(Player::Signal);
        let segment = (self.nodes[0] != self.nodes[1]).then_some(Player::Segment);
        signals.chain(segment).collect()
    }

    /// What the model says in each state.
    fn values(&self, players: &[Player], states: &[Vec<bool>]) -> Result<Vec<Change>> {
        let place = |player: Player| players.iter().position(|other| *other == player);
        let columns = self.model.schema.signals.iter().enumerate().map(|(at, signal)| {
            let player = place(Player::Signal(at));
            let is_new = |state: &Vec<bool>| player.is_some_and(|player| state[player]);
            let column =
                mixed(&self.then.columns()[at], &self.now.columns()[at], self.row, states.iter().map(is_new));
            (signal.name.clone(), column)
        });
        let table = Table::new(states.len(), columns)?;
        let segment = place(Player::Segment);
        let value = |(state, log_odds): (&Vec<bool>, f64)| {
            let node = self.nodes[usize::from(segment.is_some_and(|player| state[player]))];
            let log_odds = self.score.line(node).apply(log_odds);
            let health = self.score.scale.health(log_odds - self.score.usual_log_odds(node));
            Change { log_odds, probability: open_probability(log_odds), health }
        };
        Ok(states.iter().zip(self.score.blend.log_odds(&table)?).map(value).collect())
    }

    fn told(&self, player: Player, change: Change) -> SignalMove {
        match player {
            Player::Segment => {
                let [before, after] = self.nodes.map(|node| self.model.segments.name(node).to_string());
                SignalMove { name: "segment".into(), title: "segment".into(), before, after, change }
            }
            Player::Signal(at) => {
                let signal = &self.model.schema.signals[at];
                let [before, after] =
                    [self.then, self.now].map(|table| value_text(signal, table, at, self.row));
                let (name, title) = (signal.name.clone(), signal.title_text().into());
                SignalMove { name, title, before, after, change }
            }
        }
    }
}

/// Orders of `k` players, each followed by its reverse.
fn orders(k: usize) -> Vec<Vec<usize>> {
    let mut random = SplitMix64(0x6d6f_7665_6400);
    let mut orders = Vec::with_capacity(2 * N_ORDERS);
    for _ in 0..N_ORDERS {
        let mut order: Vec<usize> = (0..k).collect();
        random.shuffle_front(&mut order, k);
        orders.push(order.clone());
        order.reverse();
        orders.push(order);
    }
    orders
}

/// Who has switched before each step of an order and after the last.
fn ways(order: &[usize]) -> Vec<Vec<bool>> {
    let mut state = vec![false; order.len()];
    let mut states = vec![state.clone()];
    for &player in order {
        state[player] = true;
        states.push(state.clone());
    }
    states
}

fn differs(then: &Column, now: &Column, row: usize) -> bool {
    match (then, now) {
        (Column::Number(then), Column::Number(now)) => {
            then[row] != now[row] && !(then[row].is_nan() && now[row].is_nan())
        }
        (Column::Category(then), Column::Category(now)) => then.text(row) != now.text(row),
        _ => true,
    }
}

/// A column with the old or the new value of a row, as `is_new` says.
fn mixed(then: &Column, now: &Column, row: usize, is_new: impl Iterator<Item = bool>) -> Column {
    match (then, now) {
        (Column::Category(then), Column::Category(now)) => {
            let texts = [then.text(row), now.text(row)];
            Column::Category(Categories::from_texts(is_new.map(|is_new| texts[usize::from(is_new)])))
        }
        (then, now) => {
            let number = |column: &Column| match column {
                Column::Number(values) => values[row],
                Column::Category(_) => f64::NAN,
            };
            let values = [number(then), number(now)];
            Column::Number(is_new.map(|is_new| values[usize::from(is_new)]).collect())
        }
    }
}

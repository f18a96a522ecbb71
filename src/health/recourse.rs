//! What would bring an account back into its band.
//!
//! Only signals that the schema says can be moved, whose value is known and whose direction is declared, change: along
//! that direction, to values that training saw, at most past half of its accounts. As the churn score is held monotone in
//! them, a further step never harms, so the search is short: the change that helps most as far as it goes, until the band
//! is reached or four changes are made; then each is taken back as far as the band allows, the least useful first. The
//! size of a change is the share of accounts that it passes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::fitted::{FittedScore, open_probability};
use super::model::HealthModel;
use super::scored::Band;
use crate::error::{ErrorKind, Result};
use crate::explain::{Outcome, Usual};
use crate::explain::{usual_text, value_text};
use crate::frame::{Column, Frame, Table};
use crate::model::Classifier;
use crate::schema::Direction;

/// What training saw of each signal: values that really occur, at even steps through the ranks of the known ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen(Vec<Vec<f64>>);

/// Steps from the lowest to the highest value looked at.
const STEPS: usize = 20;
/// Share at either end that is taken for out of reach.
const TAIL: f64 = 0.05;
/// Most steps that one signal changes by: past half of the accounts.
const MOST_STEPS: usize = STEPS / 2;
/// Most signals that change.
const MOST_CHANGES: usize = 4;

impl Seen {
    pub fn of(table: &Table) -> Self {
        Seen(table.columns().iter().map(ladder).collect())
    }

    /// Values of a signal, ascending, one a step; none for texts and for a signal that was never known.
    pub fn of_signal(&self, signal: usize) -> &[f64] {
        &self.0[signal]
    }

    /// Share of the training accounts whose value is below, in steps of 4.5 %: from 0 to 1. `None` where either is
    /// unknown.
    pub fn share_below(&self, signal: usize, value: f64) -> Option<f64> {
        let ladder = self.of_signal(signal);
        if ladder.is_empty() || value.is_nan() {
            return None;
        }
        let (below, up_to) =
            (ladder.partition_point(|&step| step < value), ladder.partition_point(|&step| step <= value));
        // In the middle of the steps of equal value.
        Some((below + up_to) as f64 / (2 * ladder.len()) as f64)
    }

    pub fn is_sound(&self, n_signals: usize) -> bool {
        self.0.len() == n_signals
            && self.0.iter().flatten().all(|value| value.is_finite())
            && self.0.iter().all(|ladder| ladder.is_sorted())
    }
}

fn ladder(column: &Column) -> Vec<f64> {
    let Column::Number(values) = column else { return Vec::new() };
    let mut known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    known.sort_by(f64::total_cmp);
    let Some(last) = known.len().checked_sub(1) else { return Vec::new() };
    let at = |step: usize| TAIL + (1.0 - 2.0 * TAIL) * step as f64 / STEPS as f64;
    (0..=STEPS).map(|step| known[(at(step) * last as f64).round() as usize]).collect()
}

/// One signal's change.
#[derive(Clone, Debug, PartialEq)]
pub struct RecourseChange {
    /// The signal.
    pub name: String,
    /// How it is called in a sentence.
    pub title: String,
    /// Its value now, as shown: "31 %".
    pub from: String,
    /// The value that would do, as shown.
    pub to: String,
    /// The value that would do.
    pub value: f64,
    /// Share of the training accounts that the change passes, 0 to 0.5.
    pub passed_share: f64,
    /// Whether the value rises.
    pub rises: bool,
}

impl fmt::Display for RecourseChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.rises { "rose" } else { "fell" };
        write!(f, "{} {way} from {} to {}", self.title, self.from, self.to)
    }
}

/// The smallest changes found that bring an account into a band. What the model would say, not what would happen: it
/// knows how accounts like that fare, not what an effort does.
#[derive(Clone, Debug, PartialEq)]
pub struct Recourse {
    /// The account.
    pub id: String,
    /// The band that was aimed at.
    pub target: Band,
    /// Whether the changes reach it. If not, they are the most that believable changes do.
    pub reached: bool,
    /// Whether the schema names a signal that can be moved, with a direction. Where it names none, nothing is found.
    pub can_move: bool,
    /// The changes, the most useful first; none where the account is there already or nothing can be moved.
    pub changes: Vec<RecourseChange>,
    /// Health now and then.
    pub health: [f64; 2],
    /// Probability of churn now and then.
    pub probability: [f64; 2],
    /// Band now and then.
    pub band: [Band; 2],
}

impl fmt::Display for Recourse {
    /// "A17 would be amber (health 21 → 44) if seat utilisation rose from 31 % to 55 % and tickets open fell from 6 to 2".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([_, band], [from, to]) = (self.band, self.health);
        if self.changes.is_empty() {
            let why = match (self.reached, self.can_move) {
                (true, _) => "already",
                (false, true) => "and nothing that can be moved changes that",
                (false, false) => {
                    "and the schema names nothing that can be moved: set `movable` and `direction`"
                }
            };
            return write!(f, "{} is {band} (health {to:.0}), {why}", self.id);
        }
        let still = if self.reached { "" } else { " still" };
        let texts: Vec<String> = self.changes.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{} would{still} be {band} (health {from:.0} → {to:.0}) if {}",
            self.id,
            texts.join(" and ")
        )
    }
}

impl HealthModel {
    /// The smallest believable changes of signals that can be moved that would bring an account into the band `target`
    /// or a better one.
    ///
    /// # Errors
    /// A frame of another schema, a row that is not in it, a model without churn (the schema's directions speak of
    /// keeping accounts).
    pub fn recourse(&self, accounts: &Frame, row: usize, target: Band) -> Result<Recourse> {
        if row >= accounts.n_rows() {
            let what = "row to find a recourse for".into();
            return Err(ErrorKind::Shape { what, found: row, expected: accounts.n_rows() }.into());
        }
        let Some(score) = self.fitted(Outcome::Churn) else {
            let hint = "a recourse speaks of churn, and the model was not trained on it".into();
            return Err(ErrorKind::NoLabel { hint }.into());
        };
        let one = accounts.take(&[row]);
        let node = self.nodes(&one)?[0];
        let search = Search { model: self, score, account: one.signals(), node, target };
        search.recourse(one.ids()[0].clone())
    }
}

/// The search for one account.
struct Search<'a> {
    model: &'a HealthModel,
    score: &'a FittedScore,
    /// One row.
    account: &'a Table,
    node: u32,
    target: Band,
}

/// A signal and how far it has moved.
#[derive(Clone, Debug, PartialEq)]
struct Move {
    signal: usize,
    /// The values that it can take, the nearest first, with the share of accounts that each passes.
    ladder: Vec<(f64, f64)>,
    /// Which of them it takes.
    rung: usize,
}

impl Move {
    fn value(&self) -> f64 {
        self.ladder[self.rung].0
    }

    fn passed(&self) -> f64 {
        self.ladder[self.rung].1
    }
}

impl Search<'_> {
    fn recourse(&self, id: String) -> Result<Recourse> {
        let now = self.excess(&[Vec::new()])?[0];
        let moves = self.shortened(self.moves(now)?)?;
        let then = self.excess(std::slice::from_ref(&moves))?[0];
        let usual = self.score.usual_log_odds(self.node);
        let both = [now, then];
        Ok(Recourse {
            id,
            target: self.target,
            reached: self.reaches(then),
            can_move: self.can_move(),
            changes: moves.iter().map(|step| self.told(step)).collect(),
            health: both.map(|excess| self.score.scale.health(excess)),
            probability: both.map(|excess| open_probability(usual + excess)),
            band: both.map(|excess| self.score.scale.band(usual, excess)),
        })
    }

    fn reaches(&self, excess: f64) -> bool {
        self.score.scale.band(self.score.usual_log_odds(self.node), excess) >= self.target
    }

    /// The change that helps most as far as it goes, until the band is reached. Of those that reach it at once, the one
    /// that has to go least far.
    fn moves(&self, now: f64) -> Result<Vec<Move>> {
        let mut left = self.movable();
        let (mut taken, mut excess): (Vec<Move>, f64) = (Vec::new(), now);
        while !self.reaches(excess) && taken.len() < MOST_CHANGES && !left.is_empty() {
            let with = |step: &Move| [taken.as_slice(), std::slice::from_ref(step)].concat();
            let tried = self.excess(&left.iter().map(with).collect::<Vec<_>>())?;
            let reaching: Vec<usize> = (0..left.len()).filter(|&at| self.reaches(tried[at])).collect();
            let best = match reaching.as_slice() {
                [] => (0..left.len()).min_by(|&a, &b| tried[a].total_cmp(&tried[b])),
                [one] => Some(*one),
                several => self.least_far(&taken, &left, several)?,
            };
            let Some(best) = best.filter(|&best| tried[best] < excess - 1e-9) else { break };
            excess = tried[best];
            taken.push(left.swap_remove(best));
        }
        Ok(taken)
    }

    /// Which of several changes that reach the band has to go least far.
    fn least_far(&self, taken: &[Move], left: &[Move], reaching: &[usize]) -> Result<Option<usize>> {
        let mut least: Option<(f64, usize)> = None;
        for &at in reaching {
            let mut moves = [taken, std::slice::from_ref(&left[at])].concat();
            self.shorten(&mut moves, taken.len())?;
            let passed = moves[taken.len()].passed();
            if least.is_none_or(|(least, _)| passed < least) {
                least = Some((passed, at));
            }
        }
        Ok(least.map(|(_, at)| at))
    }

    /// Takes back what is not needed, where the band is reached: the last and least useful first.
    fn shortened(&self, mut moves: Vec<Move>) -> Result<Vec<Move>> {
        if !self.reaches(self.excess(std::slice::from_ref(&moves))?[0]) {
            return Ok(moves);
        }
        for at in (0..moves.len()).rev() {
            let mut without = moves.clone();
            without.remove(at);
            if self.reaches(self.excess(std::slice::from_ref(&without))?[0]) {
                moves = without;
            } else {
                self.shorten(&mut moves, at)?;
            }
        }
        Ok(moves)
    }

    /// Sets a move to the nearest value that still reaches the band.
    fn shorten(&self, moves: &mut [Move], at: usize) -> Result<()> {
        let tried: Vec<Vec<Move>> = (0..=moves[at].rung)
            .map(|rung| {
                let mut tried = moves.to_vec();
                tried[at].rung = rung;
                tried
            })
            .collect();
        let excess = self.excess(&tried)?;
        moves[at].rung = excess.iter().position(|&excess| self.reaches(excess)).unwrap_or(moves[at].rung);
        Ok(())
    }

    /// Every signal that can be moved, as far as it goes.
    fn can_move(&self) -> bool {
        let mut signals = self.model.schema().signals.iter();
        signals.any(|signal| {
            signal.movable && signal.kind.is_numeric() && signal.direction != Direction::Unknown
        })
    }

    fn movable(&self) -> Vec<Move> {
        let signals = self.model.schema().signals.iter().enumerate();
        let movable = signals.filter(|(_, signal)| signal.movable);
        movable
            .filter_map(|(at, signal)| {
                let Column::Number(values) = &self.account.columns()[at] else { return None };
                let ladder = rungs(self.model.seen.of_signal(at), values[0], signal.direction);
                let rung = ladder.len().checked_sub(1)?;
                Some(Move { signal: at, ladder, rung })
            })
            .collect()
    }

    /// Log-odds beyond the segment's usual ones after each set of moves.
    fn excess(&self, sets: &[Vec<Move>]) -> Result<Vec<f64>> {
        let copies = vec![0; sets.len()];
        let columns = self.account.names().iter().zip(self.account.columns()).enumerate();
        let columns = columns.map(|(at, (name, column))| {
            let mut column = column.take(&copies);
            if let Column::Number(values) = &mut column {
                for (value, moves) in values.iter_mut().zip(sets) {
                    moves.iter().filter(|step| step.signal == at).for_each(|step| *value = step.value());
                }
            }
            (name.clone(), column)
        });
        let table = Table::new(sets.len(), columns)?;
        let (line, usual) = (self.score.line(self.node), self.score.usual_log_odds(self.node));
        let log_odds = self.score.blend.log_odds(&table)?;
        Ok(log_odds.into_iter().map(|log_odds| line.apply(log_odds) - usual).collect())
    }

    fn told(&self, step: &Move) -> RecourseChange {
        let signal = &self.model.schema().signals[step.signal];
        let now = match &self.account.columns()[step.signal] {
            Column::Number(values) => values[0],
            Column::Category(_) => f64::NAN,
        };
        RecourseChange {
            name: signal.name.clone(),
            title: signal.title_text().into(),
            from: value_text(signal, self.account, step.signal, 0),
            to: usual_text(signal, &Usual::Number(step.value())),
            value: step.value(),
            passed_share: step.passed(),
            rises: step.value() > now,
        }
    }
}

/// The values that a signal can move to from `now`, the nearest first, with the share of accounts passed.
fn rungs(ladder: &[f64], now: f64, direction: Direction) -> Vec<(f64, f64)> {
    let better = |value: f64| match direction {
        Direction::Keeps => value > now,
        Direction::Loses => value < now,
        Direction::Unknown => false,
    };
    let ordered: Vec<f64> = match direction {
        Direction::Loses => ladder.iter().rev().copied().collect(),
        _ => ladder.to_vec(),
    };
    let Some(first) = ordered.iter().position(|&value| better(value)) else { return Vec::new() };
    let mut rungs: Vec<(f64, f64)> = ordered[first..]
        .iter()
        .enumerate()
        .take(MOST_STEPS)
        .map(|(step, &value)| (value, (step + 1) as f64 / STEPS as f64 * (1.0 - 2.0 * TAIL)))
        .collect();
    rungs.dedup_by(|next, kept| next.0 == kept.0);
    rungs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_has_values_that_occur_and_leaves_the_tails() {
        let column = Column::Number((0..=100).map(f64::from).chain([f64::NAN]).collect());
        let ladder = ladder(&column);
        assert_eq!((ladder.len(), ladder[0], ladder[STEPS]), (STEPS + 1, 5.0, 95.0));
        assert!(ladder.iter().all(|value| value.fract() == 0.0));
    }

    #[test]
    fn a_signal_moves_its_declared_way_to_values_seen() {
        let ladder: Vec<f64> = (0..=STEPS).map(|step| step as f64).collect();
        let values =
            |direction, now| rungs(&ladder, now, direction).into_iter().map(|(value, _)| value).collect();
        let up: Vec<f64> = values(Direction::Keeps, 17.5);
        assert_eq!(up, [18.0, 19.0, 20.0]);
        let down: Vec<f64> = values(Direction::Loses, 15.0);
        assert_eq!((down[0], down.len(), down[MOST_STEPS - 1]), (14.0, MOST_STEPS, 5.0));
        for (direction, now) in
            [(Direction::Unknown, 5.0), (Direction::Keeps, 20.0), (Direction::Keeps, f64::NAN)]
        {
            assert!(rungs(&ladder, now, direction).is_empty());
        }
        let flags = [0.0, 0.0, 1.0, 1.0];
        assert_eq!(rungs(&flags, 0.0, Direction::Keeps).len(), 1);
    }
}

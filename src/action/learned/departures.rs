//! What an action's departures are made of: straight lines of numbers and levels of categories, and bends beside them.
//!
//! > `γ = T δ`
//!
//! gives the design's coefficients γ from those of lines, levels and bends. That a number bends in what all arms share says
//! little of whether effects do: rows decide how far bends may go beside lines, see [`Variances`](super::variances).

use ndarray::{Array1, Array2};

use super::pieces::Piece;
use crate::model::logistic::Design;

/// What a coefficient of departures is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of a straight line or a level.
    Straight,
    /// Of one ramp of a number that bends.
    Bend,
    Intercept,
}

/// How departures stand in the design.
#[derive(Clone, Debug)]
pub(super) struct Departures {
    /// Of each coefficient, the intercept last.
    pub kinds: Vec<Kind>,
    /// `T`: design columns and the one of ones, by coefficients.
    pub turn: Array2<f64>,
}

impl Departures {
    pub fn new(design: &Design, pieces: &[Piece], width: usize) -> Self {
        let mut kinds = Vec::new();
        let mut turned = Vec::new();
        let unit = |at: usize| Array1::from_shape_fn(width, |other| f64::from(u8::from(other == at)));
        let straight = design.straight();
        for shares in &straight {
            kinds.push(Kind::Straight);
            turned.push(match shares[..] {
                [(at, _)] => unit(at),
                _ => line(shares, pieces, width),
            });
        }
        for &(at, _) in straight.iter().filter(|shares| shares.len() > 1).flatten() {
            kinds.push(Kind::Bend);
            turned.push(unit(at));
        }
        kinds.push(Kind::Intercept);
        turned.push(unit(width - 1));
        Departures { kinds, turn: Array2::from_shape_fn((width, turned.len()), |(i, j)| turned[j][i]) }
    }
}

/// A straight line of deviation 1 over all rows; nothing of a number that has one value.
fn line(shares: &[(usize, f64)], pieces: &[Piece], width: usize) -> Array1<f64> {
    let mut line = Array1::zeros(width);
    shares.iter().for_each(|&(at, share)| line[at] = share);
    let (mut sum, mut squares, mut n) = (0.0, 0.0, 0.0);
    for piece in pieces {
        let values = piece.times(line.as_slice().expect("one after another"));
        sum += values.sum();
        squares += values.dot(&values);
        n += values.len() as f64;
    }
    let variance = squares / n - (sum / n).powi(2);
    line * if variance > 1e-14 { variance.sqrt().recip() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::super::data::{Data, mean, variance};
    use super::super::pieces::Pieces;
    use super::super::reading::Reading;
    use super::*;
    use crate::frame::{Categories, Column, Table};

    #[test]
    fn a_number_that_bends_has_its_straight_line_and_all_else_is_as_it_is() {
        let n = 300;
        // Far from even: a line is not one of its quantiles. Some are missing, which has a column of its own.
        let x: Vec<f64> = (0..n).map(|row| (((row * 37) % 101) as f64 / 20.0).exp()).collect();
        let gaps = x.iter().enumerate().map(|(row, x)| if row % 10 == 3 { f64::NAN } else { *x });
        let plans = Categories::from_texts((0..n).map(|row| Some(["free", "team"][row % 2])));
        let columns = [
            ("x", Column::Number(gaps.collect())),
            ("flag", Column::Number((0..n).map(|row| (row % 3 / 2) as f64).collect())),
            ("nothing", Column::Number(vec![4.0; n])),
            ("plan", Column::Category(plans)),
        ];
        let table = Table::new(n, columns.map(|(name, column)| (name.to_owned(), column))).unwrap();
        let reading = Reading::of(&table).unwrap();
        let (y, arm): (Vec<bool>, Vec<usize>) = (0..n).map(|row| (row % 7 < 3, row % 5 / 3)).unzip();
        let data = Data { reading: &reading, table: &table, y: &y, arm: &arm, n_arms: 2 };
        let bench = Bench::new(&data).unwrap();
        let pieces = Pieces::new(&bench, &data.folds(3, 1).unwrap());

        let Departures { kinds, turn } = &pieces.departures;
        // The line and the flag of x, the flag, the number of one value, two levels; six ramps.
        let of = |kind: Kind| kinds.iter().filter(|of| **of == kind).count();
        assert_eq!([of(Kind::Straight), of(Kind::Bend), of(Kind::Intercept)], [6, 6, 1]);
        assert_eq!(turn.dim(), (pieces.width, kinds.len()));
        let line = turn.column(0).to_vec();
        let told = pieces.gathered(|piece| piece.times(&line));
        assert!(mean(&told).abs() < 1e-9 && (variance(&told) - 1.0).abs() < 1e-9);
        let (low, high) = (0, 5);
        let slope = (told[high] - told[low]) / (x[high] - x[low]);
        for row in (0..n).filter(|row| row % 10 != 3) {
            let expected = told[low] + slope * (x[row] - x[low]);
            assert!((told[row] - expected).abs() < 1e-9, "row {row}: {} {expected}", told[row]);
        }
        assert!(turn.columns().into_iter().skip(1).all(|column| column.sum() == 1.0));
    }
}

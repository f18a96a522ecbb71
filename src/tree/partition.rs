//! Parting a node's rows: those that go left to the front, both sides in the order they had.

use rayon::prelude::*;

use super::histogram::Row;

/// Rows whose sides are found before they are moved.
const TILE_ROWS: usize = 512;
/// Up to so many rows are parted by one thread.
const MIN_ROWS: usize = 1024;
/// So many rows fit the caches of two cores.
const CACHED_ROWS: usize = 1 << 17;

/// Moves the rows that go left to the front, keeping the order on both sides; how many there are.
///
/// Rows that `scratch` is too short for are parted half by half.
pub(super) fn partition(
    rows: &mut [Row],
    scratch: &mut [Row],
    goes_left: &(impl Fn(Row) -> bool + Sync),
    n_threads: usize,
) -> usize {
    if rows.len() > scratch.len() {
        return partition_halves(rows, scratch, goes_left, n_threads);
    }
    if n_threads < 2 || rows.len() <= MIN_ROWS {
        let n_left = part(rows, scratch, goes_left);
        let n_right = rows.len() - n_left;
        rows[n_left..].copy_from_slice(&scratch[..n_right]);
        return n_left;
    }
    let block = rows.len().div_ceil(n_threads).max(MIN_ROWS / 2);
    // Rows from memory come slowly in any order but the one they lie in.
    let from_behind = (rows.len() <= CACHED_ROWS).then(|| rows.len().div_ceil(block) - 1);
    let part_block = |(at, (rows, scratch)): (usize, (&mut [Row], &mut [Row]))| {
        if Some(at) == from_behind {
            part_from_behind(rows, scratch, goes_left)
        } else {
            part(rows, scratch, goes_left)
        }
    };
    let blocks = rows.par_chunks_mut(block).zip(scratch.par_chunks_mut(block)).enumerate();
    let n_left: Vec<usize> = blocks.map(part_block).collect();
    join_blocks(rows, scratch, block, &n_left, from_behind)
}

fn partition_halves(
    rows: &mut [Row],
    scratch: &mut [Row],
    goes_left: &(impl Fn(Row) -> bool + Sync),
    n_threads: usize,
) -> usize {
    let middle = rows.len() / 2;
    let [first, second] =
        [0..middle, middle..rows.len()].map(|half| partition(&mut rows[half], scratch, goes_left, n_threads));
    rows[first..middle + second].rotate_left(middle - first);
    first + second
}

/// Moves the rows that go left to the front of `rows` and the others to the front of `scratch`; how many go left.
fn part(rows: &mut [Row], scratch: &mut [Row], goes_left: &impl Fn(Row) -> bool) -> usize {
    let (mut n_left, mut n_right, mut tile) = (0, 0, Tile::new());
    for start in (0..rows.len()).step_by(TILE_ROWS) {
        let end = rows.len().min(start + TILE_ROWS);
        let (left, right) = tile.part(&rows[start..end], goes_left);
        rows[n_left..][..left.len()].copy_from_slice(left);
        scratch[n_right..][..right.len()].copy_from_slice(right);
        n_left += left.len();
        n_right += right.len();
    }
    n_left
}

/// Moves the rows that go right to the back of `rows` and the others to the back of `scratch`; how many go left.
fn part_from_behind(rows: &mut [Row], scratch: &mut [Row], goes_left: &impl Fn(Row) -> bool) -> usize {
    let n = rows.len();
    let (mut n_left, mut n_right, mut tile) = (0, 0, Tile::new());
    for end in (1..=n).rev().step_by(TILE_ROWS) {
        let (left, right) = tile.part(&rows[end.saturating_sub(TILE_ROWS)..end], goes_left);
        n_left += left.len();
        n_right += right.len();
        scratch[n - n_left..][..left.len()].copy_from_slice(left);
        rows[n - n_right..][..right.len()].copy_from_slice(right);
    }
    n_left
}

/// Room for the rows of a tile that go either way.
struct Tile {
    sides: [bool; TILE_ROWS],
    parted: [Row; 2 * TILE_ROWS],
}

impl Tile {
    fn new() -> Self {
        Tile { sides: [false; TILE_ROWS], parted: [0; 2 * TILE_ROWS] }
    }

    /// Those of some rows that go left and those that go right, both in the order they had.
    #[inline(always)]
    fn part(&mut self, rows: &[Row], goes_left: &impl Fn(Row) -> bool) -> (&[Row], &[Row]) {
        for (side, &row) in self.sides.iter_mut().zip(rows) {
            *side = goes_left(row);
        }
        let mut n_left = 0;
        for (at, (&row, &is_left)) in rows.iter().zip(&self.sides).enumerate() {
            let place = if is_left { n_left } else { TILE_ROWS + at - n_left };
            self.parted[place % (2 * TILE_ROWS)] = row;
            n_left += usize::from(is_left);
        }
        let (left, right) = self.parted.split_at(TILE_ROWS);
        (&left[..n_left], &right[..rows.len() - n_left])
    }
}

/// Closes the gaps between blocks that were parted each on its own. A last one that was parted from behind has its rows
/// that go right where they belong.
fn join_blocks(
    rows: &mut [Row],
    scratch: &[Row],
    block: usize,
    n_left: &[usize],
    from_behind: Option<usize>,
) -> usize {
    let n_rows = rows.len();
    let mut gap = 0;
    for (at, &n) in n_left.iter().enumerate().filter(|(at, _)| Some(*at) != from_behind) {
        rows.copy_within(at * block..at * block + n, gap);
        gap += n;
    }
    // Those of a block from behind go left, so they come first.
    let (left, right): (Vec<usize>, Vec<usize>) = (0..n_left.len()).partition(|at| Some(*at) == from_behind);
    let mut to = &mut rows[gap..];
    let mut copies = Vec::with_capacity(n_left.len());
    for at in left.into_iter().chain(right) {
        let set_aside = &scratch[at * block..n_rows.min((at + 1) * block)];
        let n_right = set_aside.len() - n_left[at];
        let from = if Some(at) == from_behind { &set_aside[n_right..] } else { &set_aside[..n_right] };
        let place = to.split_off_mut(..from.len()).expect("room for the rows that were set aside");
        copies.push((place, from));
    }
    copies.into_par_iter().for_each(|(place, from)| place.copy_from_slice(from));
    n_left.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_keep_their_order_at_any_thread_count() {
        for n in [0, 1, 5, MIN_ROWS + 1, 3 * MIN_ROWS + 17, CACHED_ROWS + 7] {
            for modulus in [1, 2, 3, 1000] {
                let rows: Vec<Row> = (0..n as u64).map(|row| row * 2_654_435_761 % 1_000_003).collect();
                let goes_left = |row: Row| row.is_multiple_of(modulus);
                let (left, right): (Vec<Row>, Vec<Row>) = rows.iter().partition(|row| goes_left(**row));
                for (n_threads, n_scratch) in [(1, n), (2, n), (3, n), (7, n), (1, 1 + n / 3), (2, 1 + n / 2)]
                {
                    let (mut parted, mut scratch) = (rows.clone(), vec![0; n_scratch]);
                    assert_eq!(partition(&mut parted, &mut scratch, &goes_left, n_threads), left.len());
                    assert_eq!(
                        parted,
                        [left.clone(), right.clone()].concat(),
                        "{n} rows, {n_threads} threads"
                    );
                }
            }
        }
    }
}

//! Edges of bands that are far apart: red accounts leave so many times as often as amber ones.

/// Shares of the accounts that are red, in hundredths: the most, and the least.
const RED: [usize; 2] = [10, 2];
/// Shares that are amber, in hundredths: the least, and the most.
const AMBER: [usize; 2] = [5, 40];
/// By how much further apart than asked they are on training accounts. Scores are a little worse and shares a little
/// different on later dates: over ten simulated businesses and on the folds of real tables a fifth was lost at most.
const MARGIN: f64 = 1.2;
/// Least accounts that left in each of both bands: a rate of fewer is no measure.
const LEAST_POSITIVES: f64 = 10.0;

/// From which log-odds an account is red, and from which it is amber: red as large, then amber as small, as will do.
/// `None` where no edges are that far apart.
///
/// `log_odds` were said of accounts left out, and `happened` says what came of them.
pub(super) fn edges(log_odds: &[f64], happened: &[bool], times: f64) -> Option<[f64; 2]> {
    let ranking = Ranking::of(log_odds, happened);
    let red_shares = (RED[1]..=RED[0]).rev();
    red_shares.flat_map(|red| (AMBER[0]..=AMBER[1]).map(move |amber| [red, red + amber])).find_map(|shares| {
        let [red, both] = shares.map(|share| ranking.above(share));
        ranking.are_apart(red, both, MARGIN * times).then(|| [red, both].map(|count| ranking.edge(count)))
    })
}

/// From which log-odds the riskiest tenth are red and the next fifth amber.
pub(super) fn usual_edges(log_odds: &[f64]) -> [f64; 2] {
    let ranking = Ranking::of(log_odds, &vec![false; log_odds.len()]);
    [10, 30].map(|share| ranking.edge(ranking.above(share)))
}

/// Accounts by falling risk.
struct Ranking {
    log_odds: Vec<f64>,
    /// Sums over the first accounts: of probabilities, and of those that left.
    sums: Vec<[f64; 2]>,
}

impl Ranking {
    fn of(log_odds: &[f64], happened: &[bool]) -> Self {
        let mut order: Vec<usize> = (0..log_odds.len()).collect();
        order.sort_by(|&a, &b| log_odds[b].total_cmp(&log_odds[a]).then(a.cmp(&b)));
        let mut sums = vec![[0.0; 2]];
        let mut sum = [0.0; 2];
        for &row in &order {
            sum[0] += crate::model::sigmoid(log_odds[row]);
            sum[1] += f64::from(u8::from(happened[row]));
            sums.push(sum);
        }
        Ranking { log_odds: order.into_iter().map(|row| log_odds[row]).collect(), sums }
    }

    /// How many accounts the riskiest so many hundredths are, less those that are no riskier than the first beyond them.
    fn above(&self, share: usize) -> usize {
        let count = (share * self.log_odds.len() / 100).min(self.log_odds.len().saturating_sub(1));
        let Some(&first_beyond) = self.log_odds.get(count) else { return 0 };
        self.log_odds.partition_point(|&log_odds| log_odds > first_beyond)
    }

    /// The edge above which there are so many accounts.
    fn edge(&self, count: usize) -> f64 {
        self.log_odds.get(count).map_or(0.0, |beyond| beyond.next_up())
    }

    /// Whether the first `red` accounts left so many times as often as the others of the first `both`, and were foretold
    /// to.
    fn are_apart(&self, red: usize, both: usize, times: f64) -> bool {
        if red == 0 || both <= red {
            return false;
        }
        let is_apart = |of: usize| {
            let (in_red, in_amber) = (self.sums[red][of], self.sums[both][of] - self.sums[red][of]);
            in_red / red as f64 >= times * in_amber / (both - red) as f64
        };
        let enough = |n_positive: f64| n_positive >= LEAST_POSITIVES;
        enough(self.sums[red][1])
            && enough(self.sums[both][1] - self.sums[red][1])
            && is_apart(0)
            && is_apart(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accounts of evenly spread log-odds, and whether each left.
    fn business(n: usize, from: f64, to: f64) -> (Vec<f64>, Vec<bool>) {
        let log_odds: Vec<f64> = (0..n).map(|row| from + (to - from) * row as f64 / n as f64).collect();
        let chance = |row: usize| (row as f64 * 0.618_034).fract();
        let happened = (0..n).map(|row| chance(row) < crate::model::sigmoid(log_odds[row])).collect();
        (log_odds, happened)
    }

    fn rates(log_odds: &[f64], happened: &[bool], [red, amber]: [f64; 2]) -> [(usize, f64); 2] {
        let rate = |is_in: &dyn Fn(f64) -> bool| {
            let rows: Vec<usize> = (0..log_odds.len()).filter(|&row| is_in(log_odds[row])).collect();
            let left = rows.iter().filter(|&&row| happened[row]).count();
            (rows.len(), left as f64 / rows.len().max(1) as f64)
        };
        [rate(&|x| x >= red), rate(&|x| x >= amber && x < red)]
    }

    #[test]
    fn red_accounts_leave_so_many_times_as_often() {
        let (log_odds, happened) = business(4_000, -10.0, 0.0);
        let edges = edges(&log_odds, &happened, 3.0).unwrap();
        let [(n_red, red), (n_amber, amber)] = rates(&log_odds, &happened, edges);
        assert!(red >= 3.0 * 1.2 * amber, "{red} {amber}");
        assert!((80..=400).contains(&n_red) && (200..=1_600).contains(&n_amber), "{n_red} {n_amber}");
        // Not further than asked: one step less of amber would not do.
        assert!(red < 3.0 * 1.3 * amber || n_amber == 200, "{red} {amber}");
    }

    #[test]
    fn what_is_not_that_far_apart_is_not_called_so() {
        let (log_odds, happened) = business(4_000, -1.5, 1.0);
        assert_eq!(edges(&log_odds, &happened, 3.0), None);
        let [(n_red, _), (n_amber, _)] = rates(&log_odds, &happened, usual_edges(&log_odds));
        assert_eq!((n_red, n_amber), (400, 800));
        let few = business(60, -10.0, 0.0);
        assert_eq!(edges(&few.0, &few.1, 3.0), None);
    }

    #[test]
    fn accounts_that_are_equally_risky_are_in_one_band() {
        let log_odds: Vec<f64> = (0..1_000).map(|row| if row < 150 { 1.0 } else { -3.0 }).collect();
        let happened: Vec<bool> = (0..1_000).map(|row| row % if row < 150 { 2 } else { 20 } == 0).collect();
        assert_eq!(edges(&log_odds, &happened, 3.0), None);
        let [red, amber] = usual_edges(&log_odds);
        assert!(red > 1.0 && amber > -3.0 && amber <= 1.0, "{red} {amber}");
        assert_eq!(usual_edges(&[]), [0.0, 0.0]);
        assert!(usual_edges(&[0.5; 30]).into_iter().all(|edge| edge > 0.5));
    }
}

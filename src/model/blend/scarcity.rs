//! What to tell where there is too little to learn from.

/// Rows of the rarer class below which a warning is due and scores are not calibrated: the weights of the members have
/// fitted the scale of the log-odds already, and to fit it again to so few rows cost more than it gained.
const FEW_ROWS: f64 = 60.0;
/// The 97.5 % point of the normal distribution: two sides leave 5 %.
const Z: f64 = 1.959_963_984_540_054;

/// A warning where the rarer class has few rows: how many, and how far the share of positives, the simplest thing
/// there is to learn, is known. Rows that weigh unequally count as Kish's effective number.
pub(super) fn warning(y: &[bool], weights: Option<&[f64]>) -> Option<String> {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let sums = |class: Option<bool>| {
        let rows = (0..y.len()).filter(|&row| class.is_none_or(|class| y[row] == class));
        rows.fold((0.0, 0.0), |(sum, squares), row| (sum + weight(row), squares + weight(row).powi(2)))
    };
    let effective = |(sum, squares): (f64, f64)| if squares > 0.0 { sum * sum / squares } else { 0.0 };
    let (all, positive, negative) = (sums(None), sums(Some(true)), sums(Some(false)));
    let (n, name) = match (effective(positive), effective(negative)) {
        (p, n) if p <= n => (p, "positive"),
        (_, n) => (n, "negative"),
    };
    if n >= FEW_ROWS {
        return None;
    }
    let (low, high) = wilson(positive.0 / all.0, effective(all));
    Some(format!(
        "only about {n:.0} {name} rows of {} to learn from: scores are not calibrated, and even the mean share of \
         positives is known only to lie between {:.1} and {:.1} % (95 %); single scores are less certain than that",
        y.len(),
        100.0 * low,
        100.0 * high
    ))
}

/// The interval of a share found in `n` rows (Wilson 1927; Brown, Cai & DasGupta 2001, eq. 4).
fn wilson(share: f64, n: f64) -> (f64, f64) {
    let shrunk = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((shrunk - half) / scale).max(0.0), ((shrunk + half) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_of_a_class_are_counted_and_the_share_is_bounded() {
        let y: Vec<bool> = (0..1000).map(|row| row < 12).collect();
        assert_eq!(
            warning(&y, None).unwrap(),
            "only about 12 positive rows of 1000 to learn from: scores are not calibrated, and even the mean share \
             of positives is known only to lie between 0.7 and 2.1 % (95 %); single scores are less certain than that"
        );
        let y: Vec<bool> = (0..1000).map(|row| row < 960).collect();
        let told = warning(&y, None).unwrap();
        assert!(told.starts_with("only about 40 negative rows of 1000 to learn from: scores"), "{told}");
    }

    #[test]
    fn enough_rows_give_no_warning_and_unequal_weights_count_for_less() {
        let y: Vec<bool> = (0..1000).map(|row| row % 10 == 0).collect();
        assert_eq!(warning(&y, None), None);
        let weights: Vec<f64> = (0..1000).map(|row| if row % 100 == 0 { 50.0 } else { 1.0 }).collect();
        assert!(warning(&y, Some(&weights)).unwrap().starts_with("only about 14 positive rows"));
    }
}

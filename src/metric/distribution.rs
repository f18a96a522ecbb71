//! The normal and the beta distribution, to about twelve digits: what intervals and expected profits are made of.

/// ln Γ(x) for x > 0 (Lanczos 1964, g = 7, n = 9).
pub(crate) fn ln_gamma(x: f64) -> f64 {
    const COEFS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let terms = COEFS.iter().zip(1..).map(|(coef, at)| coef / (x + f64::from(at)));
    let sum = 0.999_999_999_999_809_9 + terms.sum::<f64>();
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The share of a Beta(a, b) below x: the regularised incomplete beta function, by its continued fraction
/// (DLMF 8.17.22).
pub(crate) fn beta_below(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast on the nearer side of the mean.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_below(1.0 - x, b, a);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    (front.exp() * fraction(x, a, b) / a).clamp(0.0, 1.0)
}

/// Lentz's method, modified by Thompson and Barnett (1986).
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let sound = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = sound(1.0 - (a + b) * x / (a + 1.0)).recip();
    let mut value = d;
    for m in (1..1000).map(f64::from) {
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut factor = 1.0;
        for step in [even, odd] {
            d = sound(1.0 + step * d).recip();
            c = sound(1.0 + step / c);
            factor = c * d;
            value *= factor;
        }
        if (factor - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// The standard normal's quantile: Newton's method on its distribution, from Abramowitz & Stegun 26.2.23.
///
/// `share` is above 0 and below 1; what rounding has made 1 has a large one, not an infinite one.
pub(crate) fn normal_quantile(share: f64) -> f64 {
    if share < 0.5 {
        return -normal_quantile(1.0 - share);
    }
    let t = (-2.0 * (1.0 - share).max(f64::MIN_POSITIVE).ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut z = (t - above / below).max(0.0);
    for _ in 0..3 {
        let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        z -= (normal_below(z) - share) / density.max(f64::MIN_POSITIVE);
    }
    z
}

/// The share of a standard normal below `z`.
pub(crate) fn normal_below(z: f64) -> f64 {
    // z² is a χ² of one degree: its distribution is a series in z (DLMF 7.6.2), or the fraction of 7.9.2 far out.
    let x = z.abs();
    let upper = if x < 3.0 {
        let mut term = x;
        let mut sum = x;
        for n in (1..200).map(f64::from) {
            term *= x * x / (2.0 * n + 1.0);
            sum += term;
        }
        0.5 - sum * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
    } else {
        let tail = (1..120).rev().fold(x, |tail, n| x + f64::from(n) / tail);
        (-0.5 * x * x).exp() / ((2.0 * std::f64::consts::PI).sqrt() * tail)
    };
    if z > 0.0 { 1.0 - upper } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By scipy 1.17: `special.betainc`, `stats.norm.ppf`, `stats.norm.cdf`, `special.gammaln`.
    #[test]
    fn they_are_scipys() {
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-11, "{found} {expected}");
        close(beta_below(0.3, 6.0, 14.0), 0.526_137_475_726_485_5);
        close(beta_below(0.05, 6.0, 14.0), 0.000_240_689_876_760_223_63);
        close(beta_below(0.9, 0.5, 2.5), 0.998_885_562_458_492_6);
        close(ln_gamma(20.0), 39.339_884_187_199_495);
        close(normal_quantile(0.975), 1.959_963_984_540_054);
        close(normal_quantile(0.2), -0.841_621_233_572_914_3);
        close(normal_quantile(0.9995), 3.290_526_731_491_896);
        for share in [1.0 - 1e-15, 1.0 - 1e-16, 1.0] {
            assert!((7.0..40.0).contains(&normal_quantile(share)), "{share}");
        }
        close(normal_below(-3.5), 0.000_232_629_079_035_525_04);
        close(normal_below(1.0), 0.841_344_746_068_542_9);
    }
}
